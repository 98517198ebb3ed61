"""Run the command line: ``python -m sensormap``."""

import atexit
import gc
import os
import signal


def run() -> None:
    """Run the `sensormap` command; Ctrl-C ends it with one line also while its modules are imported."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not where it is ignored, as in the background
        signal.signal(signal.SIGINT, _end_at_once)
    # Garbage is hardly made, but looked for all the same, a dozen times while modules are imported, and among all that
    # there is when the process ends: 0.3 s in all.
    gc.set_threshold(100_000, 50, 100)
    atexit.register(gc.freeze)
    from sensormap.cli.main import main  # noqa: PLC0415 - takes most of the time of a short command

    main(prog_name="sensormap")


def _end_at_once(number: int, _: object) -> None:
    """End the process: an exception in an import can get lost, and there is nothing to clean up yet."""
    os.write(2, b"Interrupted!\n")
    os._exit(128 + number)


if __name__ == "__main__":
    run()
