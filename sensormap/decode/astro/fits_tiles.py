"""The tiles of a compressed FITS image, checked before anything decompresses them [1]_.

A tile of a hundred bytes can name any size, and bytes that zlib takes for a gigabyte. astropy believes both.

References
----------
.. [1] W. D. Pence, R. Seaman, R. L. White, "Lossless astronomical image compression and the effects of noise", PASP 121
   (2009) 414, doi:10.1086/599023.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from sensormap.errors import DecodeError
from sensormap.photos.astro.fits_header import FitsImage, Keywords, number_of, text_of

READ = ("RICE_1", "RICE_ONE", "GZIP_1", "GZIP_2", "NOCOMPRESS")
"""Compressions that are read: those of fpack without options, and of floats that lose nothing."""

_FEWEST_BYTES = 1 / 400  # of a value in a compressed file, as far as it is believed; real ones take 0.3 and more
_BYTES = {"L": 1, "B": 1, "I": 2, "J": 4, "K": 8, "A": 1, "E": 4, "D": 8, "C": 8, "M": 16, "P": 8, "Q": 16}
_FORM = re.compile("([0-9]{0,6})([LXBIJKAEDCMPQ])")
_MOST_COLUMNS = 20
_WIDEST = 8  # bytes of a value, before it is compressed
_PARAMETERS = {"BLOCKSIZE": (16, 32), "BYTEPIX": (1, 2, 4, 8)}  # of Rice's algorithm
_ANY_ZLIB = zlib.MAX_WBITS | 32  # with the header of gzip, or that of zlib


class _Column(NamedTuple):
    """A column of the table: its name, where it begins in a row, and the letter of its type."""

    name: str
    start: int
    letter: str


def check_tiles(data: bytes, image: FitsImage, name: str) -> None:
    """Refuse a compressed image that would take more memory than its size, or that is compressed in another way.

    Parameters
    ----------
    data
        The whole file.
    image
        Its image, from `find_image`, which is compressed.
    name
        The file's name, for messages.

    Raises
    ------
    DecodeError
        If it is one of these.
    """
    keywords, sides = image.keywords, (image.width, image.height)
    if image.compression not in READ:
        msg = f"{name}: compressed by {image.compression[:20]}, expected {', '.join(READ)}"
        raise DecodeError(msg)
    if image.width * image.height * _FEWEST_BYTES > image.data_bytes:
        msg = f"{name}: {image.data_bytes} bytes for {sides[0]} x {sides[1]} photosites: truncated or damaged"
        raise DecodeError(msg)
    tile = [_whole(keywords, f"ZTILE{axis}", sides[0] if axis == 1 else 1) for axis in (1, 2)]
    if not all(1 <= part <= side for part, side in zip(tile, sides, strict=True)):
        msg = f"{name}: tiles of {tile[0]} x {tile[1]} photosites, expected at most {sides[0]} x {sides[1]}, the image"
        raise DecodeError(msg)
    for number in range(1, _MOST_COLUMNS):
        known = _PARAMETERS.get(text_of(keywords, f"ZNAME{number}"))
        if known and (found := _whole(keywords, f"ZVAL{number}", 0)) not in known:
            msg = f"{name}: ZVAL{number} is {found}, expected one of {', '.join(map(str, known))}"
            raise DecodeError(msg)
    rows, expected = _whole(keywords, "NAXIS2", 0), -(-sides[0] // tile[0]) * -(-sides[1] // tile[1])
    if rows != expected:
        msg = f"{name}: a table of {rows} tiles, expected {expected}"
        raise DecodeError(msg)
    most = _WIDEST * tile[0] * tile[1]
    for piece in _deflated(data, image, rows, name):
        _check_inflated(piece, most, name)


def _deflated(data: bytes, image: FitsImage, rows: int, name: str) -> Iterator[bytes]:
    """Yield the pieces of a file that are compressed by gzip."""
    width, columns = _columns(image.keywords, name)
    heap = image.data_start + _whole(image.keywords, "THEAP", width * rows)
    end = image.data_start + image.data_bytes
    for column in columns:
        if column.letter not in "PQ":
            continue
        by_gzip = column.name == "COMPRESSED_DATA" and image.compression.startswith("GZIP")
        layout = struct.Struct(">2i" if column.letter == "P" else ">2q")
        for row in range(rows):
            length, offset = layout.unpack_from(data, image.data_start + row * width + column.start)
            if length < 0 or offset < 0 or heap + offset + length > end:
                msg = f"{name}: tile {row} lies outside the file's table: truncated or damaged"
                raise DecodeError(msg)
            if length and (by_gzip or column.name == "GZIP_COMPRESSED_DATA"):
                yield data[heap + offset : heap + offset + length]


def _columns(keywords: Keywords, name: str) -> tuple[int, list[_Column]]:
    """Return the bytes of a row of the table, and its columns."""
    count = _whole(keywords, "TFIELDS", 0)
    if not 1 <= count < _MOST_COLUMNS:
        msg = f"{name}: a table of {count} columns, expected 1 to {_MOST_COLUMNS - 1}"
        raise DecodeError(msg)
    start, columns = 0, []
    for number in range(1, count + 1):
        form = text_of(keywords, f"TFORM{number}")
        found = _FORM.match(form)
        if found is None:
            msg = f"{name}: TFORM{number} is {form[:20]!r}, expected the type of a column"
            raise DecodeError(msg)
        repeat, letter = int(found[1] or 1), found[2]
        columns.append(_Column(text_of(keywords, f"TTYPE{number}"), start, letter))
        start += -(-repeat // 8) if letter == "X" else repeat * _BYTES[letter]
    width = _whole(keywords, "NAXIS1", 0)
    if start != width:
        msg = f"{name}: a table whose rows have {width} bytes, expected {start} by its columns"
        raise DecodeError(msg)
    return width, columns


def _check_inflated(piece: bytes, most: int, name: str) -> None:
    """Refuse a tile that inflates to more than its values take."""
    try:
        inflated = zlib.decompressobj(_ANY_ZLIB).decompress(piece, most + 1)
    except zlib.error as error:
        msg = f"{name}: truncated or damaged ({error})"
        raise DecodeError(msg) from error
    if len(inflated) > most:
        msg = f"{name}: a tile of more than {most} bytes, which its photosites take at most"
        raise DecodeError(msg)


def _whole(keywords: Keywords, name: str, otherwise: int) -> int:
    """Return a keyword that is a whole number; another number if it is missing or none."""
    found = number_of(keywords, name)
    return int(found) if found is not None and found == int(found) and abs(found) < 1 << 40 else otherwise
