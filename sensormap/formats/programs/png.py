"""PNG masks: a grey image of the raw grid, 0 where a photosite is good and 255 where it is bad."""

from __future__ import annotations

import struct

from sensormap.camera.geometry import Sensor
from sensormap.camera.profile import Body
from sensormap.errors import ListFormatError
from sensormap.formats.listing import Format, Listing
from sensormap.formats.masks import check_size, image_of_listing, listing_of_image
from sensormap.photos.files import PNG_START

_HEADER = struct.Struct(">I4sIIBB")  # length and name of the first chunk, width, height, bits, colours
_GREY = 0


def write(listing: Listing, sensor: Sensor, _: Body) -> bytes:
    """Write the mask, 8 bits a photosite.

    Raises
    ------
    ListFormatError
        If the sensor has more than 170 million photosites.
    """
    return image_of_listing(listing, sensor, ".png")


def read(data: bytes, name: str, sensor: Sensor) -> Listing:
    """Read a mask: every value but 0 is a bad photosite.

    Raises
    ------
    ListFormatError
        If the file is damaged, no grey PNG of 1 or 8 bits, or not as large as the raw grid.
    """
    check_size(sensor, name)
    _check_header(data, name, sensor)
    return listing_of_image(data, name, sensor, ".png")


def _check_header(data: bytes, name: str, sensor: Sensor) -> None:
    """Refuse, before anything is decoded, what is no grey image as large as the raw grid."""
    opening = data[len(PNG_START) : len(PNG_START) + _HEADER.size]
    if not data.startswith(PNG_START) or len(opening) < _HEADER.size or opening[:8] != b"\x00\x00\x00\rIHDR":
        msg = f"{name}: is no PNG file"
        raise ListFormatError(msg)
    _, _, width, height, bits, colours = _HEADER.unpack(opening)
    if (width, height) != sensor.raw_size or bits not in (1, 8) or colours != _GREY:
        found = f"{width} x {height}, {bits} bits, colour type {colours}"
        size = f"{sensor.raw_size[0]} x {sensor.raw_size[1]}"
        msg = f"{name}: {found}; expected the size of the raw grid, {size}, and 1 or 8 bits of grey (colour type 0)"
        raise ListFormatError(msg)


FORMAT = Format(
    name="png",
    title="PNG mask, for anything that reads images",
    space="raw grid",
    keeps=frozenset(),
    write=write,
    read=read,
    for_jpegs=True,
)
