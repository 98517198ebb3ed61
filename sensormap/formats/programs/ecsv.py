"""Boxes of defects as the LSST pipelines keep them: an ECSV table, which astropy reads.

Coordinates count from the corner of the detector as it is stored, first row first: the raw grid. Columns are ``x0``,
``y0``, ``width``, ``height`` of each box, and ``kind``, which the pipelines pass over.

ECSV is CSV below a header in comments. Writing it takes a fixed header; and reading takes nothing of the header but
the delimiter, so both are done here: astropy would be a heavy library to install for that.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from io import StringIO

from sensormap.camera.geometry import Sensor
from sensormap.camera.profile import Body
from sensormap.errors import ListFormatError
from sensormap.formats.listing import Format, Listing, Run, make_listing, raw_grid, within
from sensormap.maps.entries import DefectKind

BOX = ("x0", "y0", "width", "height")
KINDS = {kind.value: kind for kind in DefectKind}
MAX_ECSV = 32 * 1024 * 1024  # bytes
_HEADER = "".join(
    f"# {line}\n"
    for line in (
        "%ECSV 1.0",
        "---",
        "delimiter: ','",
        "datatype:",
        *(f"- {{name: {name}, datatype: int64}}" for name in BOX),
        "- {name: kind, datatype: string}",
    )
)


def write(listing: Listing, sensor: Sensor, _: Body) -> bytes:
    """Write photosites as boxes of 1 x 1 and runs as boxes, sorted by row, then column."""
    placed = within(listing, raw_grid(sensor))
    boxes = [(found.y, found.x, 1, 1, found.kind or "") for found in placed.photosites]
    boxes += [(run.y, run.x, run.width, run.height, run.kind or "") for run in placed.runs]
    lines = [f"{x},{y},{width},{height},{kind}\n" for y, x, width, height, kind in sorted(boxes)]
    return "".join([_HEADER, ",".join((*BOX, "kind")), "\n", *lines]).encode("ascii")


def read(data: bytes, name: str, sensor: Sensor) -> Listing:
    """Read boxes from a table that has at least the four columns of a box, in any order.

    A kind that sensormap does not know is read as not told.

    Raises
    ------
    ListFormatError
        If the file is no ECSV with these columns, a line does not hold numbers there, or a box reaches out of the raw
        grid; naming the line.
    """
    if not data.startswith((b"# %ECSV", b"\xef\xbb\xbf# %ECSV")) or len(data) > MAX_ECSV:
        msg = f"{name}: does not open with '# %ECSV', or is larger than {MAX_ECSV} bytes"
        raise ListFormatError(msg)
    try:
        lines = StringIO(data.decode("utf-8-sig"), newline=None)
    except UnicodeDecodeError as error:
        msg = f"{name}: no text in UTF-8 (byte {error.start})"
        raise ListFormatError(msg) from error
    return make_listing(_entries(lines, name), raw_grid(sensor), name)


def _entries(lines: Iterable[str], name: str) -> Iterator[Run]:
    """Yield the boxes; the first line that is no comment names the columns."""
    columns: list[str] | None = None
    delimiter = " "
    for number, line in enumerate(lines, 1):
        if line.startswith("#") or not line.strip():
            delimiter = "," if line.split() == ["#", "delimiter:", "','"] else delimiter
            continue
        try:
            fields = next(csv.reader([line], delimiter=delimiter, strict=True), [])
        except csv.Error as error:
            msg = f"{name}: line {number}: {error}"
            raise ListFormatError(msg) from error
        if columns is None:
            columns = fields
            if missing := [column for column in BOX if columns.count(column) != 1]:
                msg = f"{name}: line {number}: not one column each of {', '.join(missing)}"
                raise ListFormatError(msg)
        else:
            yield _box(columns, fields, f"{name}: line {number}")
    if columns is None:
        msg = f"{name}: no line names the columns, expected {', '.join(BOX)}"
        raise ListFormatError(msg)


def _box(columns: list[str], fields: list[str], where: str) -> Run:
    """Return the box that a line tells."""
    if len(fields) != len(columns):
        msg = f"{where}: {len(fields)} fields, expected {len(columns)}"
        raise ListFormatError(msg)
    values = dict(zip(columns, fields, strict=True))
    for column in BOX:
        if not (values[column].isascii() and values[column].isdigit() and len(values[column]) < 10):
            msg = f"{where}: {column}: {values[column][:30]!r} is not a whole number"
            raise ListFormatError(msg)
    x, y, width, height = (int(values[column]) for column in BOX)
    return Run(y, x, width, height, KINDS.get(values.get("kind", "")))


FORMAT = Format(
    name="ecsv",
    title="LSST pipelines and astropy, boxes in an ECSV table",
    space="raw grid",
    keeps=frozenset({"kind", "runs"}),
    write=write,
    read=read,
    max_bytes=MAX_ECSV,
)
