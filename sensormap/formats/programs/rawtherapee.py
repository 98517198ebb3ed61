"""RawTherapee's ``.badpixels``: a line ``x y`` a photosite, in a file named after the camera.

Coordinates count from the corner of the visible area, `sensor.active_area` here. RawTherapee does not check bounds: an
entry outside its frame writes outside its buffer, so none is ever written.

A lone whole number on line 1 is an offset that is added to every x and y. None is written: what is derived from raw
photos needs none. The second number of a position is never missing, so that no entry is taken for an offset.

The name is the camera's as RawTherapee's raw decoder spells it, ``Nikon D80 4001234.badpixels``, not as EXIF does.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensormap.camera.geometry import Sensor
from sensormap.camera.profile import Body
from sensormap.formats.listing import Format, Listing, Run, make_listing, one_by_one, raw_grid, within
from sensormap.formats.text_lines import TextLine, read_lines

# Makers whose EXIF spelling the decoder replaces by this one, in its order; the others stay as EXIF writes them.
_MAKERS = (
    *("AgfaPhoto", "Canon", "Casio", "Epson", "Fujifilm", "Mamiya", "Minolta", "Motorola", "Kodak", "Konica", "Leica"),
    *("Nikon", "Nokia", "Olympus", "Ricoh", "Pentax", "Phase One", "Samsung", "Sigma", "Sinar", "Sony"),
)


def file_name(_: Sensor, body: Body) -> str:
    """Return the name by which RawTherapee finds the list of a camera.

    Examples
    --------
    >>> from sensormap.camera.geometry import Sensor
    >>> file_name(None, Body("NIKON CORPORATION", "NIKON D80", "4001234"))
    'Nikon D80 4001234.badpixels'
    >>> file_name(None, Body("Panasonic", "DMC-GF1", ""))
    'Panasonic DMC-GF1.badpixels'
    """
    make, model = body.make.strip(), body.model.strip()
    for maker in _MAKERS:
        if maker.lower() in make.lower():
            make = maker
    if model.lower().startswith(f"{make.lower()} "):
        model = model[len(make) + 1 :]
    return " ".join(part for part in (make, model, body.serial.strip()) if part) + ".badpixels"


def write(listing: Listing, sensor: Sensor, _: Body) -> bytes:
    """Write every photosite of the visible area, those of runs too."""
    photosites = one_by_one(within(listing, sensor.active_area))
    return "".join(f"{found.x} {found.y}\n" for found in photosites).encode("ascii")


def read(data: bytes, name: str, sensor: Sensor) -> Listing:
    """Read a list: two whole numbers a line, what follows them is ignored; an offset may stand on line 1.

    Raises
    ------
    ListFormatError
        Naming the line that does not begin with two, or whose position is outside the raw grid.
    """
    return make_listing(_entries(read_lines(data, name), sensor), raw_grid(sensor), name)


def _entries(lines: Iterator[TextLine], sensor: Sensor) -> Iterator[Run]:
    """Yield the photosites, each a run of one."""
    area, offset = sensor.active_area, 0
    for line in lines:
        words = line.text.split()
        if len(words) == 1 and line.number == 1:
            offset = line.integer(words[0], "offset", -max(sensor.raw_size), max(sensor.raw_size))
            continue
        if len(words) < 2:
            line.refuse("1 column, expected 2: x y (a lone offset stands on line 1)")
        x, y = line.place(words[0], words[1], sensor, corner=(area.x, area.y), offset=offset)
        yield Run(y, x, 1, 1)


FORMAT = Format(
    name="rawtherapee",
    title="RawTherapee, in its dark-frame folder",
    space="visible area",
    keeps=frozenset(),
    write=write,
    read=read,
    file_name=file_name,
)
