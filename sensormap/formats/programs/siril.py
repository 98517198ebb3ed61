"""Siril's ``.lst``: photosites ``P x y H`` (bright) or ``C`` (dark), whole columns ``C x 0 H``, lines ``L y 0 H``.

x counts from the left, y from the *top* of the visible area, `sensor.active_area` here: Siril turns the y of a list
round (``height - y - 1``), and stores a photo that it reads from a raw file bottom row first, so that the two cancel.
The list that its own ``find_hot`` makes of a raw photo says the same (docs/guide/other-programs.md). What Siril has
read from elsewhere, such as a FITS file stored top row first, needs y counted from the other end.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensormap.camera.geometry import Sensor
from sensormap.camera.profile import Body
from sensormap.formats.listing import Format, Listing, Run, make_listing, one_by_one, raw_grid, refuse_xtrans, within
from sensormap.formats.text_lines import TextLine, read_lines, shortened
from sensormap.maps.entries import DARK_KINDS, DefectKind

_KINDS = {"H": DefectKind.HOT, "C": DefectKind.DEAD}


def write(listing: Listing, sensor: Sensor, _: Body) -> bytes:
    """Write whole columns and lines of the visible area as such, everything else as photosites."""
    refuse_xtrans(sensor, "siril: cosme_cfa")
    placed, area = within(listing, sensor.active_area), sensor.active_area
    whole = [run for run in placed.runs if _is_whole(run, area.width, area.height)]
    parts = Listing(placed.photosites, tuple(run for run in placed.runs if run not in whole))
    columns = {run.x for run in whole if run.width == 1}
    rows = {run.y for run in whole if run.width > 1}
    lines = [f"{f'C {run.x}' if run.width == 1 else f'L {run.y}'} 0 {_letter(run.kind)}\n" for run in whole]
    lines += [
        f"P {found.x} {found.y} {_letter(found.kind)}\n"
        for found in one_by_one(parts)
        if found.x not in columns and found.y not in rows
    ]
    return "".join(["# P x y, C x, L y; y from the top of the photo\n", *lines]).encode("ascii")


def read(data: bytes, name: str, sensor: Sensor) -> Listing:
    """Read a list; the letter H or C at the end of a line may be missing, as Siril has it.

    Raises
    ------
    ListFormatError
        Naming the line that is none of the three kinds, or whose position is outside the raw grid.
    """
    return make_listing(_entries(read_lines(data, name), sensor), raw_grid(sensor), name)


def _is_whole(run: Run, width: int, height: int) -> bool:
    """Tell whether a run fills its column or line of the visible area."""
    return run.height == height if run.width == 1 else run.width == width


def _letter(kind: DefectKind | None) -> str:
    """Return what tells bright from dark; Siril repairs the dark by the median of more neighbours."""
    return "C" if kind in DARK_KINDS else "H"


def _entries(lines: Iterator[TextLine], sensor: Sensor) -> Iterator[Run]:
    """Yield the photosites and runs."""
    area = sensor.active_area
    for line in lines:
        what, *words = line.text.split()
        if what not in ("P", "C", "L") or len(words) not in (2, 3) or (len(words) == 3 and words[2] not in _KINDS):
            line.refuse(f"{shortened(line.text)} is not P x y H, C x 0 H or L y 0 H (C in the place of H: dark)")
        kind = _KINDS[words[2]] if len(words) == 3 else None
        if what == "P":
            x, y = line.place(words[0], words[1], sensor, corner=(area.x, area.y))
            yield Run(y, x, 1, 1, kind)
        elif what == "C":
            yield Run(area.y, line.place(words[0], "0", sensor, corner=(area.x, area.y))[0], 1, area.height, kind)
        else:
            yield Run(line.place("0", words[0], sensor, corner=(area.x, area.y))[1], area.x, area.width, 1, kind)


FORMAT = Format(
    name="siril",
    title="Siril, command cosme_cfa",
    space="visible area",
    keeps=frozenset({"two kinds", "runs"}),
    write=write,
    read=read,
)
