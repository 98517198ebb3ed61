"""Plain CSV, for spreadsheets and scripts: the one list that keeps everything a `Listing` holds.

Coordinates are those of the map: the raw grid, margins included, or the pixels of the JPEG where the camera is unknown.
A column or row is one line with `width` or `height` above 1; `plane` is there for people, and checked when read.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from datetime import datetime

from sensormap.camera.geometry import Sensor
from sensormap.camera.profile import Body
from sensormap.formats.listing import Format, Listing, Photosite, Run, make_listing, raw_grid, within
from sensormap.formats.text_lines import TextLine, read_lines, shortened
from sensormap.maps.entries import DefectKind

COLUMNS = ("x", "y", "plane", "kind", "since", "width", "height")


def write(listing: Listing, sensor: Sensor, _: Body) -> bytes:
    """Write photosites and runs, sorted by row, then column."""
    placed = within(listing, raw_grid(sensor))
    entries: list[Photosite | Run] = sorted((*placed.photosites, *placed.runs), key=lambda entry: (entry.y, entry.x))
    lines = [",".join(COLUMNS), *(_text(entry, sensor) for entry in entries), ""]
    return "\n".join(lines).encode("ascii")


def read(data: bytes, name: str, sensor: Sensor) -> Listing:
    """Read a table with a header: `x` and `y` have to be there, the others of `COLUMNS` may, in any order.

    Raises
    ------
    ListFormatError
        Naming the line at fault: an unknown or repeated column, a value that cannot be, a position outside the grid.
    """
    lines = read_lines(data, name, comment=None)
    first = next(lines, None)
    if first is None:
        TextLine(name, 1, "").refuse("is empty, expected a header with x and y")
    header = [word.strip().lower() for word in _fields(first)]
    unknown = [word for word in header if word not in COLUMNS or header.count(word) > 1]
    if unknown or not {"x", "y"} <= set(header):
        expected = f"expected x, y and of {', '.join(COLUMNS[2:])} any, separated by commas"
        first.refuse(f"header {shortened(first.text)}: {expected}, each once")
    return make_listing(_entries(lines, header, sensor), raw_grid(sensor), name)


def _text(entry: Photosite | Run, sensor: Sensor) -> str:
    """Return an entry's line."""
    kind, since = entry.kind or "", entry.since.isoformat() if entry.since else ""
    if isinstance(entry, Run):
        return f"{entry.x},{entry.y},,{kind},{since},{entry.width},{entry.height}"
    return f"{entry.x},{entry.y},{sensor.cfa.plane_name(x=entry.x, y=entry.y)},{kind},{since},1,1"


def _fields(line: TextLine) -> list[str]:
    """Return a line's fields; a quoted one ends in its line, as none holds a line end."""
    try:
        return next(csv.reader([line.text], strict=True))
    except csv.Error as error:
        line.refuse(f"{shortened(line.text)} is not a line of CSV: {error}")


def _entries(lines: Iterator[TextLine], header: list[str], sensor: Sensor) -> Iterator[Run]:
    """Yield photosites and runs."""
    width, height = sensor.raw_size
    for line in lines:
        words = [word.strip() for word in _fields(line)]
        if len(words) != len(header):
            line.refuse(f"{len(words)} columns, expected {len(header)} as in the header")
        fields = dict(zip(header, words, strict=True))
        x, y = line.place(fields["x"], fields["y"], sensor)
        across = line.integer(fields.get("width") or "1", "width", 1, width - x)
        down = line.integer(fields.get("height") or "1", "height", 1, height - y)
        if fields.get("plane") and fields["plane"] != (plane := sensor.cfa.plane_name(x=x, y=y)):
            line.refuse(f"plane {shortened(fields['plane'])}, but photosite ({x}, {y}) belongs to {plane}")
        yield Run(y, x, across, down, _kind(line, fields), _since(line, fields))


def _kind(line: TextLine, fields: Mapping[str, str]) -> DefectKind | None:
    """Return the kind that a line tells."""
    word = fields.get("kind", "")
    if word and word not in tuple(DefectKind):
        line.refuse(f"kind {shortened(word)} is not one of {', '.join(DefectKind)}")
    return DefectKind(word) if word else None


def _since(line: TextLine, fields: Mapping[str, str]) -> datetime | None:
    """Return the time that a line tells."""
    word = fields.get("since", "")
    try:
        since = datetime.fromisoformat(word) if word else None
    except ValueError:
        line.refuse(f"since {shortened(word)} is not a time such as 2010-05-02T17:31:08")
    if since is not None and since.tzinfo is not None:
        line.refuse(f"since {shortened(word)} has a time zone; a camera's clock has none")
    return since


FORMAT = Format(
    name="csv",
    title="Spreadsheets and scripts",
    space="raw grid",
    keeps=frozenset({"kind", "since", "runs"}),
    write=write,
    read=read,
    for_jpegs=True,
)
