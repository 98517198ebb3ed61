"""The `sensormap` command: its groups, and how errors leave it."""

from __future__ import annotations

import errno
import logging
import os
import sys
from collections.abc import Sequence
from keyword import iskeyword
from pathlib import Path
from typing import Any

import click

from sensormap.cli.config import NO_CONFIG
from sensormap.cli.console import Failure, configure_log
from sensormap.cli.options import examples
from sensormap.cli.streams import StdoutError, ended_by_signals, finish_stdout, prepare_streams
from sensormap.errors import SensorMapError
from sensormap.version import __version__

_COMMANDS = "sensormap.cli.commands"  # the package with one module a command, named like it
# NumPy's own threads would wait beside those of a survey, which use all processors; its matrices here are tiny.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


class _Commands(click.Group):
    """A group whose commands are imported when they are called, and whose errors are one line with exit code 1."""

    # Name: the first paragraph of the command's own help (as a test makes sure), so that --help imports no command.
    table = {  # noqa: RUF012
        "scan": "List the cameras that took PHOTOS, and what was left out.",
        "map": "Find the defects of the sensor that took PHOTOS.",
        "show": "Print a summary of MAP and its strongest defects.",
        "report": "Write MAP as an HTML page for any browser.",
        "plot": "Draw MAP, or a photo with the defects of MAP, as a picture.",
        "coords": "List x,y of every defective photosite of MAP.",
        "evaluate": "Test on PHOTOS how well map works.",
        "variance": "Measure mean and variance of every photosite over PHOTOS.",
        "correct": "Write repaired copies of PHOTOS, without the defects of MAP.",
        "export": "Write MAP as the defect list of another program.",
        "import": "Make a map of the defect list FILE of another program.",
        "diff": "Compare two maps of one camera.",
        "merge": "Join MAPS of one camera into one map.",
        "edit": "Add defects to MAP by hand, or remove some for good.",
        "history": "Count the defects of MAPS over the years.",
        "cameras": "List, show and check camera profiles.",
        "state": "Show, check, join or prune what map --state keeps.",
        "integrations": "Put scripts that call sensormap into other programs.",
        "schema": "Write the JSON Schema of map files.",
        "completion": "Print the script by which SHELL completes commands.",
    }

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        from importlib import import_module  # noqa: PLC0415

        if cmd_name not in self.table:
            return None
        module = f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name
        command: click.Command = getattr(import_module(f"{_COMMANDS}.{module}"), f"{cmd_name}_command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from difflib import get_close_matches  # noqa: PLC0415

            near = get_close_matches(args[0], self.table, n=1)
            if not near or near[0] in error.message:  # some releases of click say it themselves
                raise
            msg = f"{error.message} Did you mean {near[0]!r}?"
            raise click.UsageError(msg, ctx) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = formatter.width - 6 - max(map(len, self.table))  # what click itself leaves for the texts
        stubs = [click.Command(name, help=text) for name, text in self.table.items()]
        with formatter.section("Commands"):
            formatter.write_dl([(stub.name or "", stub.get_short_help_str(width)) for stub in stubs])

    def main(self, args: Sequence[str] | None = None, *_: Any, standalone_mode: bool = True, **extra: Any) -> Any:
        """Run a command, print its error if it has one, and exit; or without `standalone_mode` raise it."""
        if not standalone_mode:
            return super().main(args, standalone_mode=False, **extra)
        prepare_streams()
        with ended_by_signals():
            try:
                code = self._run(args, **extra)
                finish_stdout()
            except click.ClickException as error:
                error.show()
                code = error.exit_code
            except StdoutError as error:
                code = _show_stdout_error(error)
            try:
                finish_stdout()
            except StdoutError as error:
                code = code or _show_stdout_error(error)
        sys.exit(code)

    def _run(self, args: Sequence[str] | None, **extra: Any) -> int:
        """Run a command and return its exit code; whatever its input makes it raise comes out as a `ClickException`."""
        try:
            result = super().main(args, standalone_mode=False, **extra)
        except click.Abort:  # of a question that was not answered
            return 1
        except SensorMapError as error:
            from sensormap.report.words import plain  # noqa: PLC0415

            logging.getLogger(__name__).debug("", exc_info=error)
            raise Failure(plain(str(error))) from error
        except MemoryError as error:
            what = f" for {error}" if type(error) is MemoryError and str(error) else ""  # a library's text helps nobody
            msg = f"too little memory is free{what}; with several --jobs, fewer need less"
            raise Failure(msg) from error
        except RuntimeError as error:
            if "new thread" not in str(error):
                raise
            msg = "no more threads can be started: fewer --jobs need less"
            raise Failure(msg) from error
        except ImportError as error:
            logging.getLogger(__name__).debug("", exc_info=error)
            msg = f"too little memory is free, or the installation is damaged: {str(error)[:200]}"
            raise Failure(msg) from error
        except StdoutError:
            raise
        except OSError as error:
            raise Failure(_system_problem(error)) from error
        return result if isinstance(result, int) else 0


def _show_stdout_error(error: StdoutError) -> int:
    """Print that standard output cannot be written, unless nobody reads on; return the exit code."""
    if error.errno != errno.EPIPE:
        Failure(f"standard output cannot be written: {error.strerror}").show()
    return 1


def _system_problem(error: OSError) -> str:
    """Return what the system says of something that is no file of the user's: those the library names itself."""
    if error.errno is None:  # no answer of the system, but a library's: most want memory
        return f"too little memory is free, or the installation is damaged: {str(error)[:200]}"
    try:
        Path.cwd()
    except OSError:
        return "the current folder does not exist any more: change to another one"
    if error.errno in (errno.ENOMEM, errno.EAGAIN):
        return f"too little memory, or too few threads, are free: fewer --jobs need less ({error.strerror})"
    return f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror)


@click.command(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=examples("sensormap map ~/Pictures/d80 -o d80.yaml", "sensormap show d80.yaml", "sensormap map --help"),
)
@click.version_option(__version__, prog_name="sensormap", message="%(prog)s, version %(version)s")
@click.option("--no-config", is_flag=True, help="Read no config file.")
@click.pass_context
def main(context: click.Context, *, no_config: bool) -> None:
    """Find the defective photosites of a camera sensor from a folder of ordinary photos."""
    context.meta[NO_CONFIG] = no_config
    configure_log(0)
