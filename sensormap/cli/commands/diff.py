"""`sensormap diff`: what differs between two maps of one body."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sensormap.cli.console import Failure, note_unknown_serials
from sensormap.cli.options import examples
from sensormap.errors import SensorMapError
from sensormap.maps.mapfile.reading import read_map
from sensormap.report.words import plain

if TYPE_CHECKING:
    from sensormap.maps.compare import Differences

_map = click.Path(path_type=Path, readable=False)


class _Trouble(Failure):
    """An error of a command whose exit code 1 is an answer, as that of diff(1)."""

    exit_code = 2


@click.command("diff", epilog=examples("sensormap diff d80-2009.yaml d80-2010.yaml"))
@click.argument("old", type=_map)
@click.argument("new", type=_map)
@click.option("-q", "--quiet", is_flag=True, help="Print nothing: only the exit code tells.")
@click.pass_context
def diff_command(context: click.Context, old: Path, new: Path, *, quiet: bool) -> None:
    """Compare two maps of one camera.

    Prints what is new, healed or changed from OLD to NEW. Exit code 0: the maps list the same defects; 1: they differ;
    2: they cannot be read or compared. "not seen" is what only OLD lists and the photos of NEW may not have been able
    to show.
    """
    from sensormap.maps.compare import compare_maps  # noqa: PLC0415 - takes NumPy, --help does not

    with _errors_exit_with_2():
        maps = read_map(old), read_map(new)
        differences = compare_maps(*maps, names=(str(old), str(new)))
        if not quiet:
            note_unknown_serials({str(old): maps[0], str(new): maps[1]})
            _print_differences(differences, with_lines=any(one.lines for one in maps))
    context.exit(1 if differences.entries else 0)


@contextmanager
def _errors_exit_with_2() -> Iterator[None]:
    """Turn errors, which elsewhere exit with 1, into ones that exit with 2."""
    try:
        yield
    except SensorMapError as error:
        raise _Trouble(plain(str(error))) from error
    except OSError as error:
        if error.errno == errno.EPIPE:  # nobody reads on, which ends every command quietly
            raise
        msg = f"standard output cannot be written: {error.strerror}"
        raise _Trouble(msg) from error


def _print_differences(differences: Differences, *, with_lines: bool) -> None:
    """Print the counts, and a table for each sort of difference."""
    from rich.console import Console  # noqa: PLC0415

    from sensormap.cli.render import print_tables  # noqa: PLC0415
    from sensormap.report.differences import difference_line, difference_tables  # noqa: PLC0415

    console = Console()
    console.out(difference_line(differences, with_lines=with_lines), highlight=False)
    if tables := difference_tables(differences):
        console.print()
        print_tables(tables, console)
