"""PNG masks: a grey image of the raw grid, 0 where a photosite is good and 255 where it is bad."""

from __future__ import annotations

import struct
import zlib

from sensormap.camera.geometry import Sensor
from sensormap.camera.profile import Body
from sensormap.errors import ListFormatError
from sensormap.formats.listing import MAX_LISTED, Format, Listing, Run, make_listing, one_by_one, raw_grid, within
from sensormap.photos.files import PNG_START

BAD = 255
MAX_SIZE = 170_000_000  # photosites; above, Pillow takes an image for an attack
_HEADER = struct.Struct(">I4sIIBB")  # length and name of the first chunk, width, height, bits, colours
_GREY = 0


def write(listing: Listing, sensor: Sensor, _: Body) -> bytes:
    """Write the mask, 8 bits a photosite.

    Raises
    ------
    ListFormatError
        If the sensor has more than 170 million photosites.
    """
    import imageio.v3 as iio  # noqa: PLC0415
    import numpy as np  # noqa: PLC0415

    _check_size(sensor, "png")
    mask = np.zeros(sensor.raw_size[::-1], np.uint8)
    for found in one_by_one(within(listing, raw_grid(sensor))):
        mask[found.y, found.x] = BAD
    data: bytes = iio.imwrite("<bytes>", mask, plugin="pillow", extension=".png")
    return data


def read(data: bytes, name: str, sensor: Sensor) -> Listing:
    """Read a mask: every value but 0 is a bad photosite.

    Raises
    ------
    ListFormatError
        If the file is damaged, no grey PNG of 1 or 8 bits, or not as large as the raw grid.
    """
    import imageio.v3 as iio  # noqa: PLC0415
    import numpy as np  # noqa: PLC0415

    _check_size(sensor, name)
    _check_header(data, name, sensor)
    damage = (OSError, SyntaxError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, EOFError)
    try:
        mask = np.asarray(iio.imread(data, plugin="pillow", extension=".png", index=0))
    except (*damage, struct.error, zlib.error) as error:
        msg = f"{name}: truncated or damaged ({' '.join(str(error).split())[:100]})"
        raise ListFormatError(msg) from error
    if mask.shape != sensor.raw_size[::-1]:
        msg = f"{name}: decodes to the shape {mask.shape}, expected {sensor.raw_size[::-1]}"
        raise ListFormatError(msg)
    rows, cols = np.nonzero(mask)
    if len(rows) > MAX_LISTED:
        msg = f"{name}: {len(rows)} photosites are not 0, expected at most {MAX_LISTED}"
        raise ListFormatError(msg)
    entries = (Run(y, x, 1, 1) for y, x in zip(rows.tolist(), cols.tolist(), strict=True))
    return make_listing(entries, raw_grid(sensor), name)


def _check_size(sensor: Sensor, name: str) -> None:
    """Refuse a raw grid that no camera has."""
    width, height = sensor.raw_size
    if width * height > MAX_SIZE:
        msg = f"{name}: a raw grid of {width} x {height} photosites, expected at most {MAX_SIZE}"
        raise ListFormatError(msg)


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
