"""DNGs that LibRaw (0.22) would decode to other values than they hold, or for minutes, told by their headers.

LibRaw takes the values of a JPEG one after another for those of a tile, as many as the JPEG promises, and begins a new
row where the tile or the raw grid ends. Of JPEGs in strips it decodes the first one. What it does not decode is
whatever was in memory before.
"""

from __future__ import annotations

from sensormap.decode.dng.directories import (
    JPEG,
    LOSSY_JPEG,
    MOST_TILES,
    UNCOMPRESSED,
    VERSION,
    Picture,
    chained,
    pictures,
)
from sensormap.decode.dng.jpeg_header import EXTENDED, LOSSLESS, read_frame_header
from sensormap.decode.tiff import Tiff, open_tiff
from sensormap.errors import DecodeError

_HEADER_BYTES = 1 << 16  # of a JPEG, and more than any header has
_MOST_VALUES = 4  # times a tile's, of JPEGs that are no mosaic: some previews are larger than they should be


def check_layout(data: bytes, name: str) -> None:
    """Refuse a DNG whose strips or tiles LibRaw would not decode to what they hold; any other file passes.

    Parameters
    ----------
    data
        The whole file.
    name
        The file's name, for messages.

    Raises
    ------
    DecodeError
        Saying what was found.
    """
    file = open_tiff(data, name, 0)
    if file is None:
        return
    found = [picture for fields in chained(file) for picture in pictures(file, fields)]
    if not any(VERSION in fields for fields in (*chained(file), *(picture.fields for picture in found))):
        return
    for picture in found:
        if picture.is_mosaic and picture.samples == 1 and (why := _misread(picture)):
            msg = f"{name}: a DNG in {why}: LibRaw decodes other values than the file holds"
            raise DecodeError(msg)
        if picture.compression in (JPEG, LOSSY_JPEG):
            _check_jpegs(file, picture)


def _misread(mosaic: Picture) -> str:
    """Say which strips or tiles a mosaic has that LibRaw misreads, whatever is in them; "" for others."""
    if mosaic.compression == UNCOMPRESSED and mosaic.tile_width > mosaic.width and mosaic.count == 1:
        return f"one tile of {mosaic.tile_width} columns, of a mosaic of {mosaic.width}"
    if mosaic.compression == JPEG and mosaic.tile_width > mosaic.width:
        return f"JPEG tiles of {mosaic.tile_width} columns, of a mosaic of {mosaic.width}"
    if mosaic.compression == JPEG and not mosaic.is_tiled and mosaic.count > 1:
        return f"{mosaic.count} JPEG strips"
    return ""


def _check_jpegs(file: Tiff, picture: Picture) -> None:
    """Refuse JPEGs that promise more values than their tiles have, and of a mosaic also fewer, or other kinds."""
    width, height = picture.tile_width, picture.tile_height
    of_mosaic = picture.is_mosaic and picture.compression == JPEG
    places = file.numbers(picture.fields, picture.place_tags[0], most=MOST_TILES)
    if of_mosaic and len(places) < picture.count:
        msg = f"{file.name}: {len(places)} places of JPEG tiles, expected {picture.count}"
        raise DecodeError(msg)
    for number, place in enumerate(places):
        frame = read_frame_header(memoryview(file.data)[place : place + _HEADER_BYTES])
        least, most = 0, _MOST_VALUES * width * height * max(picture.samples, 3)
        if of_mosaic:
            if place >= len(file.data):
                found = f"tile {number} begins at {place}, expected inside the file's {len(file.data)} bytes"
                msg = f"{file.name}: truncated or damaged ({found})"
                raise DecodeError(msg)
            most = width * height * picture.samples
            least = width * min(height, picture.height - number // picture.across * height) * picture.samples
            if frame is None or frame.kind not in (LOSSLESS, EXTENDED):
                msg = f"{file.name}: tile {number} is no JPEG that LibRaw decodes, lossless or of 12 bits"
                raise DecodeError(msg)
        if frame is None:
            continue
        if not least <= frame.values <= most:
            found = f"{frame.width} x {frame.height} x {frame.components} values"
            msg = f"{file.name}: tile {number} is a JPEG of {found}, expected {width * height * picture.samples}"
            raise DecodeError(msg)
        # Of such tiles LibRaw takes each row for twice as long as it is.
        twice = frame.components > 1 and frame.width * frame.components**2 == picture.width
        if of_mosaic and frame.kind == LOSSLESS and picture.samples == 1 and twice:
            msg = (
                f"{file.name}: tile {number} is a JPEG of {frame.components} values a pixel and half as wide as the "
                "mosaic: LibRaw decodes other values than the file holds"
            )
            raise DecodeError(msg)
