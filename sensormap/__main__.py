"""Run the command line: ``python -m sensormap``."""

import atexit
import gc
import os
import signal


def run() -> None:
    """Run the `sensormap` command; Ctrl-C and other signals end it with one line also while modules are imported."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        # Not where it is ignored, as in the background and by nohup.
        if number is not None and signal.getsignal(number) in (signal.default_int_handler, signal.SIG_DFL):
            signal.signal(number, _end_at_once)
    # Garbage is hardly made, but looked for all the same, a dozen times while modules are imported, and among all that
    # there is when the process ends: 0.3 s in all.
    gc.set_threshold(100_000, 50, 100)
    atexit.register(gc.freeze)
    from sensormap.cli.main import main  # noqa: PLC0415 - takes most of the time of a short command

    main(prog_name="sensormap")


def _end_at_once(number: int, _: object) -> None:
    """End the process: an exception in an import can get lost, and there is nothing to clean up yet."""
    os.write(2, b"Interrupted!\n" if number == signal.SIGINT else b"Ended by a signal!\n")
    os._exit(128 + number)


if __name__ == "__main__":
    run()
