"""What a JPEG says of itself before its values begin (ITU-T T.81, annex B)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

_START, _SCAN = b"\xff\xd8", 0xDA
LOSSLESS, EXTENDED = 0xC3, 0xC1
"""Frames: of a lossless JPEG, and of a lossy one of up to 12 bits."""
_FRAMES, _NO_FRAMES = range(0xC0, 0xD0), (0xC4, 0xC8, 0xCC)  # markers
_CODES, _RESTARTS = 0xC4, 0xDD
_FRAME_BYTES, _FULL_RESOLUTION = 6, 0x11
_LONGEST_CODE = 16  # bits
_MOST_SEGMENTS = 64
_PREDICTORS = range(1, 8)
_MOST_COMPONENTS = 2  # three and four are taken for colours by libjpeg, which converts these


@dataclass(frozen=True)
class JpegFrame:
    """How many values a JPEG of any kind promises: the marker of its kind, its size, and values a pixel."""

    kind: int
    width: int
    height: int
    components: int

    @property
    def values(self) -> int:
        """Number of values."""
        return self.width * self.height * self.components


@dataclass(frozen=True)
class JpegHeader:
    """What a lossless JPEG says of itself: its size, values a pixel, bits of a value, and predictor."""

    width: int
    height: int
    components: int
    bits: int
    predictor: int


@dataclass(frozen=True)
class JpegCodes:
    """How a lossless JPEG codes its differences, and where.

    Parameters
    ----------
    lengths
        For each of the values of a pixel the number of bits of each code, by the size of the difference.
    start
        Where the coded differences begin, bytes.
    """

    lengths: tuple[dict[int, int], ...]
    start: int


def read_frame_header(tile: memoryview) -> JpegFrame | None:
    """Return how many values a JPEG promises; None where it is none.

    Parameters
    ----------
    tile
        Where it begins, at least with its header.
    """
    for marker, content, _ in _segments(tile):
        if marker in _FRAMES and marker not in _NO_FRAMES and len(content) >= _FRAME_BYTES:
            height, width = int.from_bytes(content[1:3]), int.from_bytes(content[3:5])
            return JpegFrame(marker, width, height, content[5])
    return None


def read_header(tile: memoryview) -> JpegHeader | None:
    """Return the header of a lossless JPEG; None where it is another kind of JPEG, or none, or not whole.

    Parameters
    ----------
    tile
        The tile.
    """
    frame = None
    for marker, content, _ in _segments(tile):
        if marker == _SCAN:
            return _with_scan(frame, content) if frame else None
        if marker == LOSSLESS and frame is None:
            frame = _frame(content)
        elif (marker in _FRAMES and marker not in _NO_FRAMES) or marker == _RESTARTS:
            break
    return None


def read_codes(tile: memoryview) -> JpegCodes | None:
    """Return how a lossless JPEG that has a header codes its differences; None where it does not tell.

    Parameters
    ----------
    tile
        The tile.
    """
    tables: dict[int, dict[int, int]] = {}
    for marker, content, end in _segments(tile):
        if marker == _CODES:
            tables |= _tables(content)
        elif marker == _SCAN:
            wanted = [content[2 + 2 * one] >> 4 for one in range(content[0])]
            if not all(number in tables for number in wanted):
                return None
            return JpegCodes(tuple(tables[number] for number in wanted), end)
    return None


def _segments(tile: memoryview) -> Iterator[tuple[int, bytes, int]]:
    """Yield marker, content and end of each segment of a JPEG, up to what is no segment."""
    at = 2 if bytes(tile[:2]) == _START else len(tile)
    for _ in range(_MOST_SEGMENTS):
        head = bytes(tile[at : at + 4])
        if len(head) < len(_START) + 2 or head[0] != _START[0]:
            return
        length = int.from_bytes(head[2:])
        yield head[1], bytes(tile[at + 4 : at + 2 + length]), at + 2 + length
        at += 2 + length


def _tables(content: bytes) -> dict[int, dict[int, int]]:
    """Return the code tables of a segment by number: the length of each code by the size that it stands for."""
    found, at = {}, 0
    while at + 1 + _LONGEST_CODE <= len(content):
        counts = content[at + 1 : at + 1 + _LONGEST_CODE]
        sizes = content[at + 1 + _LONGEST_CODE : at + 1 + _LONGEST_CODE + sum(counts)]
        lengths = [length for length, count in enumerate(counts, start=1) for _ in range(count)]
        found[content[at] & 15] = dict(zip(sizes, lengths, strict=False))
        at += 1 + _LONGEST_CODE + sum(counts)
    return found


def _frame(content: bytes) -> tuple[int, int, int, int] | None:
    """Return width, height, number of components and bits; None where these are coded in another resolution."""
    components = content[5] if len(content) > _FRAME_BYTES - 1 else 0
    if not 1 <= components <= _MOST_COMPONENTS or len(content) != _FRAME_BYTES + 3 * components:
        return None
    if any(content[_FRAME_BYTES + 1 + 3 * one] != _FULL_RESOLUTION for one in range(components)):
        return None
    return int.from_bytes(content[3:5]), int.from_bytes(content[1:3]), components, content[0]


def _with_scan(frame: tuple[int, int, int, int], content: bytes) -> JpegHeader | None:
    """Return the header; None where the components lie in scans of their own, or values are shifted."""
    components = frame[2]  # two bytes each, then the predictor, a byte, and the shift
    if len(content) != 4 + 2 * components or content[0] != components or content[-1] & 15:
        return None
    if content[-3] not in _PREDICTORS:
        return None
    return JpegHeader(*frame, content[-3])
