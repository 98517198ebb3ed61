"""`sensormap edit`: photosites added to a map by hand, or removed for good."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import click

from sensormap.cli.options import ResultPath, examples, map_argument
from sensormap.cli.streams import write_result
from sensormap.maps.entries import DefectKind
from sensormap.maps.mapfile.reading import read_map
from sensormap.maps.mapfile.writing import check_output, map_text, write_map
from sensormap.report.words import counted, plain

if TYPE_CHECKING:
    _Type: TypeAlias = click.ParamType[tuple[int, int, DefectKind | None]]
else:  # which older releases of click cannot subscript
    _Type = click.ParamType

_PLACE = re.compile(r"\s*([0-9]{1,9})\s*,\s*([0-9]{1,9})\s*(?:,\s*([a-z]{1,20})\s*)?")


class _Place(_Type):
    """A photosite on the raw grid, as ``x,y``, or as ``x,y,kind``."""

    def __init__(self, *, kind: bool = False) -> None:
        self.name = "X,Y[,KIND]" if kind else "X,Y"
        self._kind = kind

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int, DefectKind | None]:
        """Return the place and the kind that were typed."""
        match = _PLACE.fullmatch(str(value))
        if match is None or (match[3] and not self._kind):
            example = "such as 1204,377 or 1204,377,dead" if self._kind else "such as 1204,377"
            self.fail(f"{str(value)[:40]!r} is not a place {example}", param, ctx)
        if match[3] and match[3] not in [str(kind) for kind in DefectKind]:
            self.fail(f"{match[3]!r} is not one of {', '.join(DefectKind)}", param, ctx)
        return int(match[1]), int(match[2]), DefectKind(match[3]) if match[3] else None


@click.command(
    "edit",
    epilog=examples(
        "sensormap edit d80.yaml --add 1204,377,dead --note 'seen in every sky' -o d80.yaml --overwrite",
        "sensormap edit d80.yaml --remove 88,1410 --remove 90,1410 -o edited.yaml",
    ),
)
@map_argument
@click.option(
    "--add", multiple=True, type=_Place(kind=True), help="Photosite to list always, with its kind or without."
)
@click.option("--remove", multiple=True, type=_Place(), help="Photosite never to list.")
@click.option("--undo", multiple=True, type=_Place(), help="Photosite whose earlier edit is forgotten.")
@click.option(
    "--from",
    "other",
    metavar="FILE",
    type=click.Path(path_type=Path, readable=False),
    help="Another map of the camera, whose edits are taken over.",
)
@click.option("--note", metavar="TEXT", help="Reason, kept with the edits of this call.")
@click.option("-o", "--output", type=ResultPath(), help="Map file to write, MAP too; - or none: YAML to stdout.")
@click.option("--overwrite", is_flag=True, help="Replace the output file if it is a map, or empty.")
def edit_command(
    map_file: Path,
    *,
    add: tuple[tuple[int, int, DefectKind | None], ...],
    remove: tuple[tuple[int, int, None], ...],
    undo: tuple[tuple[int, int, None], ...],
    other: Path | None,
    note: str | None,
    output: Path | None,
    overwrite: bool,
) -> None:
    """Add defects to MAP by hand, or remove some for good.

    Places are columns and rows of the raw grid, counted from 0, as in the map. The edits are kept in the map: merge
    keeps them, and so does map --overwrite where its output is a map that was edited. What was removed is not listed
    again, whatever photos show; what was added always is.
    """
    from sensormap.maps.changes.edit_map import edit_map, take_edits  # noqa: PLC0415

    if not (add or remove or undo or other):
        msg = "there is nothing to edit: name a place by --add, --remove or --undo, or a map by --from"
        raise click.UsageError(msg)
    if output == Path("-"):
        output = None
    if output is not None:
        check_output(output, overwrite=overwrite)
    sensor_map = read_map(map_file)
    if other is not None:
        sensor_map = take_edits(sensor_map, read_map(other), names=(str(map_file), str(other)))
    places = [[(x, y) for x, y, _ in removed] for removed in (remove, undo)]
    edited = edit_map(sensor_map, add=add, remove=places[0], undo=places[1], note=note or "")
    if output is None:
        write_result(map_text(edited))
        return
    write_map(edited, output, overwrite=overwrite)
    counts = f"{counted(len(edited.defects), 'defect')}, {counted(len(edited.edits), 'edit')} by hand"
    click.echo(f"{counts}, written to {plain(str(output))}")
