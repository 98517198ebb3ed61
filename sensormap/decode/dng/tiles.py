"""Where and how a DNG keeps its mosaic: strips or tiles, uncompressed or as lossless JPEGs.

What is promised is compared with the size of the file before any memory is taken.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from sensormap.decode.dng.directories import JPEG, MOST_TILES, UNCOMPRESSED, VERSION, Picture, main_directory, pictures
from sensormap.decode.tiff import LONG, SHORT, Tiff, open_tiff
from sensormap.errors import DecodeError
from sensormap.photos.files import check_photosites

_LINEARISATION = 50712
_DIGESTS = (50972, 51111)  # RawImageDigest and NewRawImageDigest: MD5 sums of the values
_DIGEST_BYTES = 16

_FEWEST_BITS, _MOST_BITS = 8, 16
_MOST_TILE_SHARE = 4  # of a tile, times the mosaic: tiles at the border are whole ones too


@dataclass(frozen=True)
class Mosaic:
    """Where and how a DNG holds its mosaic.

    Parameters
    ----------
    order
        ``"<"`` or ``">"``, as in `struct`: the byte order of all numbers in the file.
    width, height
        Size of the raw grid, photosites.
    bits
        Bits of a value.
    lossless_jpeg
        Whether each tile is a lossless JPEG, or uncompressed.
    tile_width, tile_height
        Size of a tile, photosites. The last strip may have fewer rows.
    is_tiled
        Whether these are tiles, of which all are whole, or strips.
    offsets, lengths
        Start of each tile in the file, and its length, in bytes, row by row; all lie inside the file, none over another
        or over the numbers that say where it is.
    offsets_place, lengths_place
        Places in the file of these numbers; the offsets have 32 bits each.
    length_form
        Type of the lengths, as in `struct`.
    digest_places
        Places of sums over all values, 16 bytes each.
    """

    order: str
    width: int
    height: int
    bits: int
    lossless_jpeg: bool
    tile_width: int
    tile_height: int
    is_tiled: bool
    offsets: tuple[int, ...]
    lengths: tuple[int, ...]
    offsets_place: int
    lengths_place: int
    length_form: str
    digest_places: tuple[int, ...] = ()

    @property
    def across(self) -> int:
        """Tiles beside each other."""
        return -(-self.width // self.tile_width)

    @property
    def row_bytes(self) -> int:
        """Bytes of a row of an uncompressed tile: rows begin at whole bytes."""
        return -(-self.tile_width * self.bits // 8)

    def corner_of(self, tile: int) -> tuple[int, int]:
        """Return the first row and column of a tile."""
        row, col = divmod(tile, self.across)
        return row * self.tile_height, col * self.tile_width

    def rows_of(self, tile: int) -> int:
        """Return how many rows a tile has."""
        top, _ = self.corner_of(tile)
        return self.tile_height if self.is_tiled else min(self.tile_height, self.height - top)


def find_mosaic(data: bytes, name: str) -> Mosaic | None:
    """Find the mosaic of a DNG.

    Parameters
    ----------
    data
        The whole file.
    name
        The file's name, for messages.

    Returns
    -------
    Mosaic or None
        None where the file is no DNG, or one whose mosaic is kept in another way: in lossy form, linear, with a
        linearisation table, or more than one.

    Raises
    ------
    DecodeError
        If strips or tiles lie outside the file, over each other, or are too short or too many for the mosaic.
    """
    file = open_tiff(data, name, 0)
    if file is None:
        return None
    main = main_directory(file)
    if VERSION not in main:
        return None
    mosaics = [picture for picture in pictures(file, main) if picture.is_full and picture.is_mosaic]
    if len(mosaics) != 1:
        return None
    sums = [main[tag] for tag in _DIGESTS if tag in main and main[tag].count == _DIGEST_BYTES]
    digests = tuple(field.place for field in sums if file.content(field))
    return _mosaic_of(file, mosaics[0], digests)


def _mosaic_of(file: Tiff, raw: Picture, digests: tuple[int, ...]) -> Mosaic | None:
    """Return what a directory says of its mosaic."""
    if _LINEARISATION in raw.fields or raw.samples != 1:
        return None
    if raw.compression not in (UNCOMPRESSED, JPEG) or not _FEWEST_BITS <= raw.bits <= _MOST_BITS:
        return None
    check_photosites(raw.width, raw.height, file.name)
    if raw.tile_width * raw.tile_height > _MOST_TILE_SHARE * raw.width * raw.height:
        return None
    offsets, lengths = (raw.fields.get(tag) for tag in raw.place_tags)
    if offsets is None or lengths is None or offsets.type != LONG or lengths.type not in (SHORT, LONG):
        return None
    count = raw.count
    if count > MOST_TILES or offsets.count != count or lengths.count != count:
        msg = f"{file.name}: {offsets.count} places of tiles and {lengths.count} lengths, expected {count} of each"
        raise DecodeError(msg)
    found = [file.numbers(raw.fields, tag, most=count) for tag in raw.place_tags]
    mosaic = Mosaic(
        order=file.order,
        width=raw.width,
        height=raw.height,
        bits=raw.bits,
        lossless_jpeg=raw.compression == JPEG,
        tile_width=raw.tile_width,
        tile_height=raw.tile_height,
        is_tiled=raw.is_tiled,
        offsets=found[0],
        lengths=found[1],
        offsets_place=offsets.place,
        lengths_place=lengths.place,
        length_form="I" if lengths.type == LONG else "H",
        digest_places=digests,
    )
    _check_tiles(file, mosaic)
    return mosaic


def _check_tiles(file: Tiff, mosaic: Mosaic) -> None:
    """Insist that all tiles lie in the file, one behind another, and apart from the numbers that are rewritten."""
    ends = 0
    before = "the header of the file"
    size = struct.calcsize(mosaic.length_form)
    spans = [
        (mosaic.offsets_place, 4 * len(mosaic.offsets), "the list of places"),
        (mosaic.lengths_place, size * len(mosaic.lengths), "the list of lengths"),
        *((place, _DIGEST_BYTES, "a digest") for place in mosaic.digest_places),
    ]
    for number, (offset, length) in enumerate(zip(mosaic.offsets, mosaic.lengths, strict=True)):
        if offset + length > len(file.data):
            found = f"tile {number} of {length} bytes at {offset}"
            msg = f"{file.name}: {found}, expected inside the file's {len(file.data)} bytes"
            raise DecodeError(msg)
        expected = 1 if mosaic.lossless_jpeg else mosaic.row_bytes * mosaic.rows_of(number)
        if length < expected:
            msg = f"{file.name}: tile {number} of {length} bytes, expected {expected} at least"
            raise DecodeError(msg)
        spans.append((offset, length, f"tile {number}"))
    for offset, length, what in sorted(spans):
        if offset < ends:
            msg = f"{file.name}: {what} of {length} bytes at {offset} lies over {before}"
            raise DecodeError(msg)
        ends, before = offset + length, what
