"""PixInsight's CosmeticCorrection: the table ``P.defects``, in the text of a process that PixInsight writes and reads.

A row is ``[enabled, isRow, address, isRange, begin, end]``: a line of the image, and if `isRange` the piece of it from
`begin` to `end`, both inclusive. Coordinates count from the top left of the visible area, `sensor.active_area` here.

What is written is a script: File > Edit > New script, paste, Execute > Compile & Run, and CosmeticCorrection opens
with the list in it. What is read is that, or what "Edit Instance Source Code" of a process icon shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sensormap.camera.cfa import MONO
from sensormap.camera.geometry import Sensor
from sensormap.camera.profile import Body
from sensormap.formats.listing import Format, Listing, Photosite, Run, make_listing, raw_grid, refuse_xtrans, within
from sensormap.formats.text_lines import TextLine, read_lines, shortened

_HEADER = "// CosmeticCorrection with a defect list; run it in the script editor\nvar P = new CosmeticCorrection;\n"
_FIELDS = "// defectEnabled, defectIsRow, defectAddress, defectIsRange, defectBegin, defectEnd"
_OPENING = re.compile(r"\w+\.defects\s*=\s*\[")
_ROW = re.compile(
    r"\[\s*(true|false)\s*,\s*(true|false)\s*,\s*([^\s,]+)\s*,\s*(true|false)\s*,\s*([^\s,]+)\s*,\s*([^\s,\]]+)\s*\]\s*,?"
)


def write(listing: Listing, sensor: Sensor, _: Body) -> bytes:
    """Write runs and photosites of the visible area, each as a piece of a line."""
    refuse_xtrans(sensor, "pixinsight: CosmeticCorrection")
    placed = within(listing, sensor.active_area)
    rows = ",\n".join([*map(_run_row, placed.runs), *map(_photosite_row, placed.photosites)])
    cfa = "false" if sensor.cfa.name == MONO else "true"
    table = f"P.defects = [ {_FIELDS}\n{rows}\n];\n" if rows else f"P.defects = [ {_FIELDS}\n];\n"
    return f"{_HEADER}P.cfa = {cfa};\nP.useDefectList = true;\n{table}P.launch();\n".encode("ascii")


def read(data: bytes, name: str, sensor: Sensor) -> Listing:
    """Read the table out of a process's text; rows that are not enabled are left out.

    Raises
    ------
    ListFormatError
        If there is no table, or naming the line of it that is no row, or reaches out of the raw grid.
    """
    lines = read_lines(data, name, comment="//")
    opening = next((line for line in lines if _OPENING.match(line.text)), None)
    if opening is None:
        TextLine(name, 1, "").refuse("no table P.defects = [ here or below, expected the text of a CosmeticCorrection")
    return make_listing(_entries(lines, opening, sensor), raw_grid(sensor), name)


def _run_row(run: Run) -> str:
    """Return the row of a piece of a column or line."""
    if run.width == 1:
        return f"   [true, false, {run.x}, true, {run.y}, {run.y + run.height - 1}]"
    return f"   [true, true, {run.y}, true, {run.x}, {run.x + run.width - 1}]"


def _photosite_row(found: Photosite) -> str:
    """Return the row of a piece of a column that is one photosite long."""
    return f"   [true, false, {found.x}, true, {found.y}, {found.y}]"


def _entries(lines: Iterator[TextLine], opening: TextLine, sensor: Sensor) -> Iterator[Run]:
    """Yield the runs of the table's rows up to its end."""
    if re.search(r"\]\s*;?$", opening.text):  # an empty table in one line
        return
    last = opening
    for line in lines:
        last = line
        if line.text in ("]", "];"):
            return
        match = _ROW.fullmatch(line.text)
        if match is None:
            expected = "[enabled, isRow, address, isRange, begin, end]"
            line.refuse(f"{shortened(line.text)} is not a row {expected} with true, false and whole numbers")
        if match[1] == "true":
            yield _run(line, match, sensor)
    last.refuse("the table P.defects is not closed by ];")


def _run(line: TextLine, row: re.Match[str], sensor: Sensor) -> Run:
    """Return the run of a row."""
    area, is_row = sensor.active_area, row[2] == "true"
    length = area.width if is_row else area.height
    begin, end = (row[5], row[6]) if row[4] == "true" else ("0", str(length - 1))
    ends = []
    for word in (begin, end):
        x, y = (word, row[3]) if is_row else (row[3], word)
        ends.append(line.place(x, y, sensor, corner=(area.x, area.y)))
    (x0, y0), (x1, y1) = ends
    if x1 < x0 or y1 < y0:
        line.refuse(f"the range ends at {end}, before it begins at {begin}")
    return Run(y0, x0, x1 - x0 + 1, y1 - y0 + 1)


FORMAT = Format(
    name="pixinsight",
    title="PixInsight CosmeticCorrection, defect list",
    space="visible area",
    keeps=frozenset({"runs"}),
    write=write,
    read=read,
)
