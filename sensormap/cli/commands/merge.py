"""`sensormap merge`: several maps of one body as one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sensormap.cli.console import note_unknown_serials
from sensormap.cli.options import ResultPath, examples
from sensormap.cli.streams import write_result
from sensormap.errors import OutputError
from sensormap.maps.mapfile.reading import read_map
from sensormap.maps.mapfile.writing import check_output, map_text, write_map
from sensormap.report.words import counted, entries_text, plain

if TYPE_CHECKING:
    from sensormap.maps.entries import Entry
    from sensormap.maps.sensor_map import SensorMap

_FORMATS = ["%Y-%m-%d", *(f"%Y-%m-%d{gap}{time}" for gap in "T " for time in ("%H:%M", "%H:%M:%S"))]
_map = click.Path(path_type=Path, readable=False)


@click.command(
    "merge",
    epilog=examples(
        "sensormap merge d80-2009.yaml d80-2010.yaml -o d80.yaml",
        "sensormap merge list.yaml tonight.yaml --drop-unseen-since 2026-05-31 -o new.yaml",
    ),
)
@click.argument("maps", type=_map, nargs=-1, required=True)
@click.option(
    "--drop-unseen-since",
    "since",
    metavar="DATE",
    type=click.DateTime(_FORMATS),
    help="Drop what no photo since DATE shows, though maps of newer photos would list it; such as 2026-05-31, or "
    "with a time: 2026-05-31T18:30.",
)
@click.option("-o", "--output", type=ResultPath(), help="Map file to write; - or none: YAML to stdout.")
@click.option("--overwrite", is_flag=True, help="Replace the output file if it is a map, or empty.")
def merge_command(maps: tuple[Path, ...], since: datetime | None, output: Path | None, *, overwrite: bool) -> None:
    """Join MAPS of one camera into one map.

    The maps are made from different photos. Of a defect that several maps list, the one with the stronger evidence
    counts. The order of MAPS does not matter. Edits by hand hold for the joint map too.

    With --drop-unseen-since, entries tell when they were last seen, so that the written map can be merged with newer
    ones again and again.
    """
    from sensormap.maps.merge import merge_maps  # noqa: PLC0415 - takes NumPy, --help does not

    if output == Path("-"):
        output = None
    if output is not None:
        check_output(output, overwrite=overwrite)
        _check_not_among(output, maps)
    named = [(str(path), read_map(path)) for path in maps]
    dropped: list[Entry] = []
    merged = merge_maps(
        [sensor_map for _, sensor_map in named],
        names=[name for name, _ in named],
        drop_unseen_since=since,
        on_dropped=dropped.append,
    )
    note_unknown_serials(dict(named))
    if since is not None:
        _note_without_photos(since, merged)
    if output is None:
        write_result(map_text(merged))
        return
    write_map(merged, output, overwrite=overwrite)
    if since is not None:
        click.echo(f"{counted(len(dropped), 'entry', 'entries')} dropped: not seen since {_shown(since)}")
    click.echo(f"{entries_text(merged)} of {counted(merged.frames.used, 'photo')}, written to {plain(str(output))}")


def _note_without_photos(since: datetime, merged: SensorMap) -> None:
    """Say on stderr if no photo is as new as a time: then nothing was looked for since."""
    last = merged.frames.last
    if last is None or last < since:
        newest = f"the last is of {last:%Y-%m-%d %H:%M}" if last else "none has a time"
        click.echo(f"no photo of these maps is of {_shown(since)} or later: {newest}", err=True)


def _shown(time: datetime) -> str:
    """Return a time as it may be typed, without what is 0."""
    return str(time.date()) if time == datetime.combine(time.date(), datetime.min.time()) else str(time)


def _check_not_among(output: Path, maps: Sequence[Path]) -> None:
    """Refuse to replace a map that is merged: what is joined cannot be taken apart again."""
    for path in maps:
        if output.exists() and path.exists() and output.samefile(path):
            msg = f"{output}: is one of the maps to merge, expected another file"
            raise OutputError(msg)
