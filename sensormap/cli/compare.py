"""`sensormap diff` and `sensormap merge`: two maps of one body beside each other, and several as one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sensormap.cli.console import Failure
from sensormap.errors import OutputError, SensorMapError
from sensormap.maps.mapfile.reading import read_map
from sensormap.maps.mapfile.writing import check_output, map_text, write_map
from sensormap.maps.sensor_map import SensorMap
from sensormap.report.words import counted, plain

if TYPE_CHECKING:
    from sensormap.maps.compare import Differences

_map = click.Path(path_type=Path)


class _Trouble(Failure):
    """An error of a command whose exit code 1 is an answer, as that of diff(1)."""

    exit_code = 2


@click.command("diff")
@click.argument("old", type=_map)
@click.argument("new", type=_map)
@click.option("-q", "--quiet", is_flag=True, help="Print nothing: only the exit code tells.")
@click.pass_context
def diff_command(context: click.Context, old: Path, new: Path, *, quiet: bool) -> None:
    """Print what is new, healed or changed between two maps of one camera, OLD and NEW.

    Exit code 0: the maps list the same defects; 1: they differ; 2: they cannot be read or compared. "not seen" is what
    only OLD lists and the photos of NEW may not have been able to show.
    """
    from sensormap.maps.compare import compare_maps  # noqa: PLC0415 - merge does without

    with _errors_exit_with_2():
        maps = read_map(old), read_map(new)
        differences = compare_maps(*maps, names=(str(old), str(new)))
        if not quiet:
            _note_unknown_serials([(str(old), maps[0]), (str(new), maps[1])])
            _print_differences(differences)
    context.exit(1 if differences.entries else 0)


@click.command("merge")
@click.argument("maps", type=_map, nargs=-1, required=True)
@click.option("-o", "--output", type=_map, help="Map file to write; - or none: YAML to stdout.")
@click.option("--overwrite", is_flag=True, help="Replace the output file if it is a map.")
def merge_command(maps: tuple[Path, ...], output: Path | None, *, overwrite: bool) -> None:
    """Join MAPS of one camera, made from different photos, into one map.

    Of a defect that several maps list, the one with the stronger evidence counts. The order of MAPS does not matter.
    """
    from sensormap.maps.merge import merge_maps  # noqa: PLC0415 - takes NumPy, --help does not

    if output == Path("-"):
        output = None
    if output is not None:
        check_output(output, overwrite=overwrite)
        _check_not_among(output, maps)
    named = [(str(path), read_map(path)) for path in maps]
    merged = merge_maps([sensor_map for _, sensor_map in named], names=[name for name, _ in named])
    _note_unknown_serials(named)
    if output is None:
        click.echo(map_text(merged), nl=False)
        return
    write_map(merged, output, overwrite=overwrite)
    lines = counted(len(merged.columns), "column"), counted(len(merged.rows), "row")
    found = ", ".join((counted(len(merged.defects), "defect"), *lines))
    click.echo(f"{found} of {counted(merged.frames.used, 'photo')}, written to {plain(str(output))}")


@contextmanager
def _errors_exit_with_2() -> Iterator[None]:
    """Turn errors, which elsewhere exit with 1, into ones that exit with 2."""
    try:
        yield
    except SensorMapError as error:
        raise _Trouble(plain(str(error))) from error
    except BrokenPipeError:  # click ends quietly when nobody reads on
        raise
    except OSError as error:
        msg = f"standard output cannot be written: {error.strerror}"
        raise _Trouble(msg) from error


def _print_differences(differences: Differences) -> None:
    """Print the counts, and a table for each sort of difference."""
    from rich.console import Console  # noqa: PLC0415 - merge does without

    from sensormap.cli.render import print_tables  # noqa: PLC0415
    from sensormap.report.differences import difference_line, difference_tables  # noqa: PLC0415

    console = Console()
    console.out(difference_line(differences), highlight=False)
    if tables := difference_tables(differences):
        console.print()
        print_tables(tables, console)


def _note_unknown_serials(maps: Sequence[tuple[str, SensorMap]]) -> None:
    """Say on stderr which maps do not know their camera's serial number, where others may."""
    for name, sensor_map in maps if len(maps) > 1 else ():
        if not sensor_map.body.serial:
            text = f"{name}: the camera's serial number is unknown; taken for the same camera"
            click.echo(plain(text), err=True)


def _check_not_among(output: Path, maps: Sequence[Path]) -> None:
    """Refuse to replace a map that is merged: what is joined cannot be taken apart again."""
    for path in maps:
        if output.exists() and path.exists() and output.samefile(path):
            msg = f"{output}: is one of the maps to merge, expected another file"
            raise OutputError(msg)
