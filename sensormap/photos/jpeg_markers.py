"""The markers of a JPEG file, walked without trusting them."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from sensormap.errors import DecodeError
from sensormap.photos.files import JPEG_START, MAX_PHOTOSITES, PNG_START, TIFF_ORDERS

MAX_SEGMENTS = 4096  # cameras write some ten, a few hundred with a large preview among them
MAX_JPEG_SIDE = 65_000  # JPEG itself ends at 65535, decoders a little below
SAMPLINGS = frozenset({(1, 1), (2, 1), (2, 2)})
"""How many pixels across and down share one colour in a camera's JPEG; (1, 2) is a (2, 1) that was turned."""

QUANTISATION, HUFFMAN, SCAN = 0xDB, 0xC4, 0xDA
FRAMES = frozenset({0xC0, 0xC1})  # Huffman-coded, in one pass
FIRST_RESTART = 0xD0  # of eight, which follow each other in turn
"""Markers, by their second byte."""

_RESTART_INTERVAL, _JFIF, _ADOBE = 0xDD, 0xE0, 0xEE
_ALONE = frozenset({0x00, 0x01, *range(0xD0, 0xDA)})  # markers that no length follows: no header holds them
_KEPT = frozenset({QUANTISATION, HUFFMAN, SCAN, _JFIF, _ADOBE})  # the last two say whether colours are YCbCr or RGB
_SKIPPED = frozenset({*range(0xE0, 0xF0), 0xFE}) - _KEPT  # what applications add, and comments
_KINDS = {
    **dict.fromkeys((0xC3, 0xF7), "a lossless"),
    **dict.fromkeys((0xC5, 0xC6, 0xC7, 0xDE), "a hierarchical"),
    **dict.fromkeys((0xC9, 0xCA, 0xCB, 0xCC, 0xCD, 0xCE, 0xCF), "an arithmetic-coded"),
    0xC2: "a progressive",
}
_COLOURS = {1: "one colour (grey)", 4: "four colours (CMYK)"}
_OTHER_FILES = {
    PNG_START: "a PNG",
    b"GIF8": "a GIF",
    **dict.fromkeys(TIFF_ORDERS, "a TIFF or raw"),
    b"RIFF": "a WebP",
}


def header_parts(header: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield markers and contents of a header that has been checked."""
    place = 2
    while place < len(header):
        length = int.from_bytes(header[place + 2 : place + 4], "big")
        yield header[place + 1], header[place + 4 : place + 2 + length]
        place += 2 + length


@dataclass(frozen=True)
class Layout:
    """What the header of a JPEG file says of its pixels.

    Parameters
    ----------
    width, height
        Size in pixels, as stored.
    factors
        Blocks of 8 x 8 samples across and down of each of the three colours, in one unit: what is coded together.
    restart_interval
        Number of units from one restart marker to the next; 0 where there are none.
    header
        All that a decoder needs of what stands before the coded data, and nothing else.
    height_at
        Place in `header` of the height, which has two bytes.
    start
        Place in the file where the coded data start, bytes.
    """

    width: int
    height: int
    factors: tuple[tuple[int, int], ...]
    restart_interval: int
    header: bytes
    height_at: int
    start: int

    @property
    def unit(self) -> tuple[int, int]:
        """Width and height in pixels of one unit."""
        return 8 * max(across for across, _ in self.factors), 8 * max(down for _, down in self.factors)

    @property
    def units(self) -> tuple[int, int]:
        """Number of units across and down."""
        return -(-self.width // self.unit[0]), -(-self.height // self.unit[1])

    @property
    def blocks(self) -> int:
        """Number of blocks in one unit."""
        return sum(across * down for across, down in self.factors)


def segments(file: BinaryIO, name: str) -> Iterator[tuple[int, int]]:
    """Walk a JPEG file from its first byte; leave it, at each marker, where the marker's content starts.

    Yields
    ------
    tuple of int
        The marker's second byte, and the length of its content. The last one starts the coded data.

    Raises
    ------
    DecodeError
        If the file is no JPEG, ends, or holds something else where a marker should stand.
    """
    file.seek(0)
    head = file.read(12)
    if not head.startswith(JPEG_START):
        kind = next((kind for start, kind in _OTHER_FILES.items() if head.startswith(start)), "no JPEG")
        kind = "a HEIC or video" if head[4:8] == b"ftyp" else kind
        msg = f"{name}: is {kind} file, expected a JPEG"
        raise DecodeError(msg)
    place = 2
    for _ in range(MAX_SEGMENTS):
        file.seek(place)
        head = file.read(4)
        if head[:2] == b"\xff\xff":  # any number of these may precede a marker
            place += 1
            continue
        if len(head) < 4:
            raise _truncated(name)
        marker, length = head[1], int.from_bytes(head[2:], "big")
        if head[0] != 0xFF or marker in _ALONE or length < 2:
            raise _damaged(name, f"{head.hex(' ')} where a marker should stand")
        yield marker, length - 2
        if marker == SCAN:
            return
        place += length + 2
    raise _damaged(name, f"more than {MAX_SEGMENTS} markers")


def stored_size(file: BinaryIO, name: str) -> tuple[int, int]:
    """Return width and height of a JPEG as stored, in pixels; of the file only what stands before them is read.

    Raises
    ------
    DecodeError
        As by `read_layout`.
    """
    for marker, length in segments(file, name):
        if marker in FRAMES or marker in _KINDS:
            return _read_frame(marker, _content(file, length, name), name).size
    raise _damaged(name, "no picture size")


def read_layout(file: BinaryIO, name: str) -> Layout:
    """Read the whole header of a JPEG file.

    Raises
    ------
    DecodeError
        If it is truncated or damaged, or not of a kind that cameras write: baseline, 8 bits, YCbCr of common sampling,
        1 to `MAX_PHOTOSITES` pixels.
    """
    header = bytearray(JPEG_START)
    frame, height_at, interval = None, 0, 0
    for marker, length in segments(file, name):
        if marker in _SKIPPED:
            continue
        content = _content(file, length, name)
        if marker in FRAMES or marker in _KINDS:
            if frame is not None:
                raise _damaged(name, "two picture sizes")
            frame, height_at = _read_frame(marker, content, name), len(header) + 5
        elif marker == _RESTART_INTERVAL:
            interval = int.from_bytes(content[:2], "big")
        elif marker == SCAN and content[:1] != b"\3":
            msg = f"{name}: stores its colours one after the other, as no camera does: edited"
            raise DecodeError(msg)
        elif marker not in _KEPT:
            raise _damaged(name, f"marker ff {marker:02x}")
        header += struct.pack(">BBH", 0xFF, marker, length + 2) + content
    if frame is None:
        raise _damaged(name, "no picture size")
    if stores_rgb(bytes(header)):
        msg = f"{name}: stores its colours as red, green and blue, as no camera does: edited, expected YCbCr"
        raise DecodeError(msg)
    return Layout(*frame.size, frame.factors, interval, bytes(header), height_at, file.tell())


def stores_rgb(header: bytes) -> bool:
    """Return whether the three colours of a JPEG are stored as red, green and blue rather than YCbCr.

    Parameters
    ----------
    header
        Header of a JPEG of three colours, as in `Layout`.

    Notes
    -----
    The standard does not say; this is what libjpeg does. A JFIF header means YCbCr, whatever else there is. Without
    one the last Adobe header decides: its transform 0 means RGB. Without either the colours' numbers do: those of the
    letters R, G and B mean RGB. A header too short for what it has to say is none.
    """
    jfif, transform, identities = False, None, b""
    for marker, content in header_parts(header):
        if marker == _JFIF and content[:5] == b"JFIF\0" and len(content) >= 14:
            jfif = True
        elif marker == _ADOBE and content[:5] == b"Adobe" and len(content) >= 12:
            transform = content[11]
        elif marker in FRAMES:
            identities = content[6:15:3]
    if jfif or transform is not None:
        return not jfif and transform == 0
    return identities == b"RGB"


class _FrameHeader(NamedTuple):
    """What a frame header says: width and height, and `Layout.factors`."""

    size: tuple[int, int]
    factors: tuple[tuple[int, int], ...]


def _read_frame(marker: int, content: bytes, name: str) -> _FrameHeader:
    """Read a frame header, whose marker and content are given; refuse what no camera writes."""
    if marker in _KINDS:
        msg = f"{name}: is {_KINDS[marker]} JPEG, as no camera writes: edited, expected a baseline one"
        raise DecodeError(msg)
    if len(content) < 6 or len(content) < 6 + 3 * content[5]:
        raise _damaged(name, "picture size cut short")
    bits, height, width, colours = struct.unpack_from(">BHHB", content)
    if bits != 8:
        msg = f"{name}: has {bits} bits a colour, expected 8"
        raise DecodeError(msg)
    if colours != 3:
        msg = f"{name}: has {_COLOURS.get(colours, f'{colours} colours')}, expected red, green and blue"
        raise DecodeError(msg)
    if not 0 < width * height <= MAX_PHOTOSITES or max(width, height) > MAX_JPEG_SIDE:
        msg = (
            f"{name}: picture of {width} x {height} pixels, expected 1 to {MAX_PHOTOSITES} of them, "
            f"{MAX_JPEG_SIDE} a side at most"
        )
        raise DecodeError(msg)
    factors = tuple((factor >> 4, factor & 15) for factor in content[7 : 7 + 9 : 3])
    if sampling(factors) not in SAMPLINGS:
        shown = ", ".join(f"{across}x{down}" for across, down in factors)
        msg = f"{name}: has colours sampled {shown}, expected 4:4:4, 4:2:2 or 4:2:0 as cameras write them"
        raise DecodeError(msg)
    return _FrameHeader((width, height), factors)


def sampling(factors: tuple[tuple[int, int], ...]) -> tuple[float, float]:
    """Return how many pixels across and down share one colour; 0 of each where no decoder would know.

    Examples
    --------
    >>> sampling(((2, 1), (1, 1), (1, 1)))
    (2.0, 1.0)
    """
    (across, down), *others = factors
    if any(side not in (1, 2) for pair in factors for side in pair) or others[0] != others[1]:
        return 0, 0
    return across / others[0][0], down / others[0][1]


def _content(file: BinaryIO, length: int, name: str) -> bytes:
    """Read the content of a marker."""
    content = file.read(length)
    if len(content) < length:
        raise _truncated(name)
    return content


def _truncated(name: str) -> DecodeError:
    return DecodeError(f"{name}: truncated in its header")


def _damaged(name: str, what: str) -> DecodeError:
    return DecodeError(f"{name}: damaged in its header ({what})")
