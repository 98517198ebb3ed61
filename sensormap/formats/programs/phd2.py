"""PHD2's bad-pixel map: ``# PHD2 Defect Map v1``, more comments, then a line ``x y`` a photosite.

Coordinates count from the top left of the camera's full frame, the raw grid here: a guide camera has no margins.
"""

from __future__ import annotations

from sensormap.camera.geometry import Sensor
from sensormap.camera.profile import Body
from sensormap.formats.listing import Format, Listing, make_listing, one_by_one, raw_grid, within
from sensormap.formats.text_lines import read_lines, xy_entries

_HEADER = "# PHD2 Defect Map v1"


def write(listing: Listing, sensor: Sensor, _: Body) -> bytes:
    """Write every photosite, those of runs too."""
    photosites = one_by_one(within(listing, raw_grid(sensor)))
    header = f"{_HEADER}\n# Defect count: {len(photosites)}\n"
    return (header + "".join(f"{found.x} {found.y}\n" for found in photosites)).encode("ascii")


def read(data: bytes, name: str, sensor: Sensor) -> Listing:
    """Read a list: two whole numbers a line; its header may be missing, as PHD2 has it.

    Raises
    ------
    ListFormatError
        Naming the line that holds something else, or whose position is outside the raw grid.
    """
    return make_listing(xy_entries(read_lines(data, name), sensor), raw_grid(sensor), name)


FORMAT = Format(
    name="phd2",
    title="PHD2 guiding, bad-pixel map",
    space="raw grid",
    keeps=frozenset(),
    write=write,
    read=read,
)
