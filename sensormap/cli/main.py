"""The `sensormap` command: its groups, and how errors leave it."""

from __future__ import annotations

import errno
import logging
import os
from keyword import iskeyword
from typing import Any

import click

from sensormap.cli.console import Failure, configure_log, end_on_signals, open_missing_stderr
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
        "coords": "List x,y of every defective photosite of MAP.",
        "evaluate": "Test on PHOTOS how well map works.",
        "variance": "Measure mean and variance of every photosite over PHOTOS.",
        "correct": "Write repaired copies of PHOTOS, without the defects of MAP.",
        "export": "Write MAP as the defect list of another program.",
        "import": "Make a map of the defect list FILE of another program.",
        "diff": "Compare two maps of one camera.",
        "merge": "Join MAPS of one camera into one map.",
        "history": "Count the defects of MAPS over the years.",
        "cameras": "List, show and check camera profiles.",
        "state": "Show, check and join what map --state keeps, and forget photos.",
        "schema": "Write the JSON Schema of map files.",
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

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = formatter.width - 6 - max(map(len, self.table))  # what click itself leaves for the texts
        stubs = [click.Command(name, help=text) for name, text in self.table.items()]
        with formatter.section("Commands"):
            formatter.write_dl([(stub.name or "", stub.get_short_help_str(width)) for stub in stubs])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SensorMapError as error:
            from sensormap.report.words import plain  # noqa: PLC0415

            logging.getLogger(__name__).debug("", exc_info=error)
            raise Failure(plain(str(error))) from error
        except MemoryError as error:
            msg = "too little memory is free: fewer --jobs need less"
            raise Failure(msg) from error
        except OSError as error:  # files are the library's business: what is left is standard output, full perhaps
            if error.errno == errno.EPIPE:
                raise  # click ends quietly when nobody reads on
            if error.errno is None:  # no answer of the system, but a library's: most want memory
                msg = f"too little memory is free, or the installation is damaged: {str(error)[:200]}"
                raise Failure(msg) from error
            msg = f"standard output cannot be written: {error.strerror}"
            raise Failure(msg) from error


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="sensormap", message="%(prog)s, version %(version)s")
def main() -> None:
    """Find the defective photosites of a camera sensor from a folder of ordinary photos."""
    open_missing_stderr()
    end_on_signals()
    configure_log(0)
