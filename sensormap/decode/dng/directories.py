"""The directories of a DNG: the size of each picture, and how it is cut into strips or tiles.

Adobe, Digital Negative Specification 1.4, chapters 2 to 4; TIFF 6.0, sections 3 and 15. Strips are taken for tiles as
wide as the picture.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from sensormap.decode.tiff import CFA_MOSAIC, Tiff, TiffField, open_tiff

_KIND, _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 0x00FE, 0x0100, 0x0101, 0x0102, 0x0103, 0x0106
_SUBDIRECTORIES, _SAMPLES = 0x014A, 0x0115
_STRIP_OFFSETS, _ROWS_PER_STRIP, _STRIP_LENGTHS = 0x0111, 0x0116, 0x0117
_TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_LENGTHS = 0x0142, 0x0143, 0x0144, 0x0145
_ACTIVE_AREA = 50829
VERSION = 50706
"""Tag by which a TIFF is a DNG."""

UNCOMPRESSED, JPEG, LOSSY_JPEG = 1, 7, 34892
"""Values of the compression tag."""
MOST_TILES = 1 << 16
"""More than any file has."""

_MOST_DIRECTORIES = 32


@dataclass(frozen=True)
class Picture:
    """What a directory says of its picture.

    Parameters
    ----------
    fields
        All entries by tag.
    is_full
        Whether it is the picture itself, and no smaller one.
    is_mosaic
        Whether it is a mosaic behind colour filters.
    width, height
        Its size.
    bits
        Bits of a value; 0 where that is not told by one number.
    samples
        Values a place.
    compression
        How tiles are coded.
    is_tiled
        Whether these are tiles, of which all are whole, or strips.
    tile_width, tile_height
        Size of a tile. The last strip may have fewer rows.
    """

    fields: dict[int, TiffField]
    is_full: bool
    is_mosaic: bool
    width: int
    height: int
    bits: int
    samples: int
    compression: int
    is_tiled: bool
    tile_width: int
    tile_height: int

    @property
    def across(self) -> int:
        """Tiles beside each other."""
        return -(-self.width // self.tile_width)

    @property
    def count(self) -> int:
        """Number of tiles that its size asks for."""
        return self.across * -(-self.height // self.tile_height)

    @property
    def place_tags(self) -> tuple[int, int]:
        """Tags of the tiles' places and lengths."""
        return (_TILE_OFFSETS, _TILE_LENGTHS) if self.is_tiled else (_STRIP_OFFSETS, _STRIP_LENGTHS)


def active_area_start(data: bytes, name: str) -> tuple[int, ...]:
    """Return the first row and column of a DNG's active area; nothing where the file does not tell, or is no DNG.

    Parameters
    ----------
    data
        The whole file.
    name
        The file's name, for messages.
    """
    file = open_tiff(data, name, 0)
    found = pictures(file, main_directory(file)) if file else []
    starts = (file.numbers(one.fields, _ACTIVE_AREA, most=4)[:2] for one in found if one.is_mosaic and file)
    return next(starts, ())


def main_directory(file: Tiff) -> dict[int, TiffField]:
    """Return the fields of a file's first directory."""
    return file.directory(_number(file, 4))


def pictures(file: Tiff, first: dict[int, TiffField]) -> list[Picture]:
    """Return the pictures of a directory and of those below it, as far as they tell their size and coding.

    Parameters
    ----------
    file
        The file.
    first
        Fields of the directory.
    """
    below = (file.directory(offset) for offset in file.numbers(first, _SUBDIRECTORIES, most=_MOST_DIRECTORIES))
    found = (_picture(file, fields) for fields in (first, *below))
    return [one for one in found if one is not None]


def chained(file: Tiff) -> list[dict[int, TiffField]]:
    """Return the fields of the first directory and of those that follow it one by one."""
    found: list[dict[int, TiffField]] = []
    offset = _number(file, 4)
    while offset and len(found) < _MOST_DIRECTORIES and (fields := file.directory(offset)):
        found.append(fields)
        entries = int.from_bytes(file.data[offset : offset + 2], "little" if file.order == "<" else "big")
        offset = _number(file, offset + 2 + 12 * entries)
    return found


def _number(file: Tiff, at: int) -> int:
    """Return the 32 bits at a place; 0 behind the end of the file."""
    return 0 if at + 4 > len(file.data) else int(struct.unpack_from(f"{file.order}I", file.data, at)[0])


def _picture(file: Tiff, fields: dict[int, TiffField]) -> Picture | None:
    """Return what a directory says; None where it does not tell the size, or that of its tiles."""
    size = [file.numbers(fields, tag) for tag in (_WIDTH, _HEIGHT, _COMPRESSION)]
    if not all(size):
        return None
    width, height, compression = (values[0] for values in size)
    is_tiled = _TILE_OFFSETS in fields
    tile_width, tile_height = width, min((file.numbers(fields, _ROWS_PER_STRIP) or (height,))[0], height)
    if is_tiled:
        sides = file.numbers(fields, _TILE_WIDTH), file.numbers(fields, _TILE_HEIGHT)
        if not all(sides):
            return None
        tile_width, tile_height = sides[0][0], sides[1][0]
    if not tile_width * tile_height:
        return None
    return Picture(
        fields=fields,
        is_full=(file.numbers(fields, _KIND) or (0,)) == (0,),
        is_mosaic=file.numbers(fields, _PHOTOMETRIC) == (CFA_MOSAIC,),
        width=width,
        height=height,
        bits=(file.numbers(fields, _BITS) or (0,))[0],
        samples=(file.numbers(fields, _SAMPLES) or (1,))[0],
        compression=compression,
        is_tiled=is_tiled,
        tile_width=tile_width,
        tile_height=tile_height,
    )
