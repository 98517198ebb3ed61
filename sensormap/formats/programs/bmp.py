"""BMP masks, as Teledyne DALSA's thermal cameras Calibir take them: 0 where a photosite is good, 255 where it is bad.

The manuals of the Calibir 640 and GXM640 ("Defective Pixel Correction") want a bitmap of 8 bits of two values, of which
all but 0 are bad. Masks of 1 bit, which image editors make of it, are read too.
"""

from __future__ import annotations

import struct

from sensormap.camera.geometry import Sensor
from sensormap.camera.profile import Body
from sensormap.errors import ListFormatError
from sensormap.formats.listing import Format, Listing
from sensormap.formats.masks import check_size, image_of_listing, listing_of_image

_START = b"BM"
_HEADER = struct.Struct("<IiiHHI")  # size of the header, width, height, planes, bits, compression
_AT = 14
_UNCOMPRESSED = 0


def write(listing: Listing, sensor: Sensor, _: Body) -> bytes:
    """Write the mask, 8 bits a photosite.

    Raises
    ------
    ListFormatError
        If the sensor has more than 170 million photosites.
    """
    return image_of_listing(listing, sensor, ".bmp")


def read(data: bytes, name: str, sensor: Sensor) -> Listing:
    """Read a mask: every value but black is a bad photosite.

    Raises
    ------
    ListFormatError
        If the file is damaged, no uncompressed BMP of 1 or 8 bits, or not as large as the raw grid.
    """
    check_size(sensor, name)
    _check_header(data, name, sensor)
    return listing_of_image(data, name, sensor, ".bmp")


def _check_header(data: bytes, name: str, sensor: Sensor) -> None:
    """Refuse, before anything is decoded, what is no plain image as large as the raw grid."""
    header = data[_AT : _AT + _HEADER.size]
    if not data.startswith(_START) or len(header) < _HEADER.size:
        msg = f"{name}: is no BMP file"
        raise ListFormatError(msg)
    _, width, height, _, bits, compression = _HEADER.unpack(header)
    # A negative height: the image is stored from its top.
    if (width, abs(height)) != sensor.raw_size or bits not in (1, 8) or compression != _UNCOMPRESSED:
        found = f"{width} x {abs(height)}, {bits} bits, compression {compression}"
        size = f"{sensor.raw_size[0]} x {sensor.raw_size[1]}"
        msg = f"{name}: {found}; expected the size of the raw grid, {size}, and 1 or 8 bits, not compressed"
        raise ListFormatError(msg)


FORMAT = Format(
    name="bmp",
    title="BMP mask, Teledyne DALSA Calibir",
    space="raw grid",
    keeps=frozenset(),
    write=write,
    read=read,
    for_jpegs=True,
)
