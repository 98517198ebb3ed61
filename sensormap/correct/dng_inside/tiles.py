"""Where and how a DNG keeps its mosaic: strips or tiles, uncompressed or as lossless JPEGs.

Adobe, Digital Negative Specification 1.4, chapters 2 to 4; TIFF 6.0, sections 3 and 15. Strips are taken for tiles as
wide as the mosaic. What is promised is compared with the size of the file before any memory is taken.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from sensormap.decode.tiff import CFA_MOSAIC, LONG, SHORT, Tiff, TiffField, open_tiff
from sensormap.errors import DecodeError
from sensormap.photos.files import check_photosites

# Tags of a directory.
_KIND, _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 0x00FE, 0x0100, 0x0101, 0x0102, 0x0103, 0x0106
_SUBDIRECTORIES, _SAMPLES = 0x014A, 0x0115
_STRIP_OFFSETS, _ROWS_PER_STRIP, _STRIP_LENGTHS = 0x0111, 0x0116, 0x0117
_TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_LENGTHS = 0x0142, 0x0143, 0x0144, 0x0145
_VERSION, _LINEARISATION = 50706, 50712
_DIGESTS = (50972, 51111)  # RawImageDigest and NewRawImageDigest: MD5 sums of the values
_DIGEST_BYTES = 16

_UNCOMPRESSED, _JPEG = 1, 7
_FEWEST_BITS, _MOST_BITS = 8, 16
_MOST_SUBDIRECTORIES = 32
_MOST_TILES = 1 << 16
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

    def rows_of(self, tile: int) -> int:
        """Return how many rows a tile has."""
        top = tile // self.across * self.tile_height
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
    main = file.directory(struct.unpack_from(f"{file.order}I", data, 4)[0])
    if _VERSION not in main:
        return None
    parts = [file.directory(offset) for offset in file.numbers(main, _SUBDIRECTORIES, most=_MOST_SUBDIRECTORIES)]
    mosaics = [part for part in (main, *parts) if _is_mosaic(file, part)]
    if len(mosaics) != 1:
        return None
    raw = mosaics[0]
    sums = [main[tag] for tag in _DIGESTS if tag in main and main[tag].count == _DIGEST_BYTES]
    digests = tuple(field.place for field in sums if file.content(field))
    return _mosaic_of(file, raw, digests)


def _is_mosaic(file: Tiff, part: dict[int, TiffField]) -> bool:
    """Tell whether a directory is that of a full mosaic of one value a photosite."""
    kind = file.numbers(part, _KIND) or (0,)
    return kind == (0,) and file.numbers(part, _PHOTOMETRIC) == (CFA_MOSAIC,)


def _mosaic_of(file: Tiff, raw: dict[int, TiffField], digests: tuple[int, ...]) -> Mosaic | None:
    """Return what a directory says of its mosaic."""
    numbers = [file.numbers(raw, tag) for tag in (_WIDTH, _HEIGHT, _BITS, _COMPRESSION)]
    if not all(numbers) or _LINEARISATION in raw or (file.numbers(raw, _SAMPLES) or (1,)) != (1,):
        return None
    width, height, bits, compression = (values[0] for values in numbers)
    if compression not in (_UNCOMPRESSED, _JPEG) or not _FEWEST_BITS <= bits <= _MOST_BITS:
        return None
    check_photosites(width, height, file.name)
    is_tiled = _TILE_OFFSETS in raw
    tile_width, tile_height = width, min((file.numbers(raw, _ROWS_PER_STRIP) or (height,))[0], height)
    if is_tiled:
        sides = file.numbers(raw, _TILE_WIDTH), file.numbers(raw, _TILE_HEIGHT)
        if not all(sides):
            return None
        tile_width, tile_height = sides[0][0], sides[1][0]
    # Of wider tiles LibRaw takes the rest of a row for the next one.
    if not 0 < tile_width <= width or not 0 < tile_width * tile_height <= _MOST_TILE_SHARE * width * height:
        return None
    count = -(-width // tile_width) * -(-height // tile_height)
    offsets, lengths = (raw.get(tag) for tag in _tags(is_tiled=is_tiled))
    if offsets is None or lengths is None or offsets.type != LONG or lengths.type not in (SHORT, LONG):
        return None
    if count > _MOST_TILES or offsets.count != count or lengths.count != count:
        msg = f"{file.name}: {offsets.count} places of tiles and {lengths.count} lengths, expected {count} of each"
        raise DecodeError(msg)
    found = [file.numbers(raw, tag, most=count) for tag in _tags(is_tiled=is_tiled)]
    form = "I" if lengths.type == LONG else "H"
    mosaic = Mosaic(
        file.order, width, height, bits, compression == _JPEG, tile_width, tile_height, is_tiled, found[0], found[1],
        offsets.place, lengths.place, form, digests,
    )  # fmt: skip
    _check_tiles(file, mosaic)
    return mosaic


def _tags(*, is_tiled: bool) -> tuple[int, int]:
    """Return the tags of offsets and lengths."""
    return (_TILE_OFFSETS, _TILE_LENGTHS) if is_tiled else (_STRIP_OFFSETS, _STRIP_LENGTHS)


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
