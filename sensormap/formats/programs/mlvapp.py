"""MLV App's ``.bpm``: a line ``x<TAB>y`` a photosite, on the raw grid.

Its name is ``<camera id>_<width>x<height>.bpm``, the id the hexadecimal number of the Canon model in the MLV file,
which EXIF does not tell, and the size that of the video's raw buffer. A header ``#FPM <id>`` may stand on line 1; other
comments end its reader's luck, so none is written.
"""

from __future__ import annotations

import re

from sensormap.camera.geometry import Sensor
from sensormap.camera.profile import Body
from sensormap.formats.listing import Format, Listing, make_listing, one_by_one, raw_grid, within
from sensormap.formats.text_lines import read_lines, xy_entries

_HEADER = re.compile(r"#FPM\s+(0x)?[0-9A-Fa-f]{1,8}\b.*")


def write(listing: Listing, sensor: Sensor, _: Body) -> bytes:
    """Write every photosite, those of runs too."""
    photosites = one_by_one(within(listing, raw_grid(sensor)))
    return "".join(f"{found.x}\t{found.y}\n" for found in photosites).encode("ascii")


def read(data: bytes, name: str, sensor: Sensor) -> Listing:
    """Read a list: two whole numbers a line, below a header or none.

    Raises
    ------
    ListFormatError
        Naming the line that holds something else, or whose position is outside the raw grid.
    """
    lines = read_lines(data, name, comment=None)
    below = (line for line in lines if not (line.number == 1 and _HEADER.fullmatch(line.text)))
    return make_listing(xy_entries(below, sensor), raw_grid(sensor), name)


FORMAT = Format(
    name="mlvapp",
    title="MLV App, bad pixel map of Magic Lantern video",
    space="raw grid",
    keeps=frozenset(),
    write=write,
    read=read,
)
