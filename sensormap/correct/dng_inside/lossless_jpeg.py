"""Tiles of a DNG that are lossless JPEGs (ITU-T T.81, process 14), by libjpeg-turbo as imagecodecs has it.

Decoded are only those whose header promises as many values as the tile has photosites, whatever their shape is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensormap.errors import DecodeError

_START, _LOSSLESS_FRAME, _SCAN = b"\xff\xd8", 0xC3, 0xDA
_FRAMES, _NO_FRAMES = range(0xC0, 0xD0), (0xC4, 0xC8, 0xCC)  # markers
_FRAME_BYTES, _FULL_RESOLUTION = 6, 0x11
_JFIF = b"\xff\xe0"
_MOST_SEGMENTS = 64
_MOST_COMPONENTS = 2  # three and four are taken for colours by libjpeg, which converts these


@dataclass(frozen=True)
class JpegHeader:
    """What a lossless JPEG says of itself: its size, values a pixel, bits of a value, and predictor."""

    width: int
    height: int
    components: int
    bits: int
    predictor: int


def is_available() -> bool:
    """Tell whether lossless JPEGs can be read and written: imagecodecs is an extra."""
    try:
        import imagecodecs  # noqa: F401, PLC0415
    except ImportError:
        return False
    return True


def read_header(tile: memoryview) -> JpegHeader | None:
    """Return the header of a lossless JPEG; None where it is another kind of JPEG, or none, or not whole.

    Parameters
    ----------
    tile
        The tile.
    """
    frame = None
    for marker, content in _segments(tile):
        if marker == _SCAN:
            return _with_scan(frame, content) if frame else None
        if marker == _LOSSLESS_FRAME and frame is None:
            frame = _frame(content)
        elif marker in _FRAMES and marker not in _NO_FRAMES:
            break
    return None


def _segments(tile: memoryview) -> Iterator[tuple[int, bytes]]:
    """Yield marker and content of each segment of a JPEG, up to what is no segment."""
    at = 2 if bytes(tile[:2]) == _START else len(tile)
    for _ in range(_MOST_SEGMENTS):
        head = bytes(tile[at : at + 4])
        if len(head) < len(_START) + 2 or head[0] != _START[0]:
            return
        length = int.from_bytes(head[2:])
        yield head[1], bytes(tile[at + 4 : at + 2 + length])
        at += 2 + length


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
    return JpegHeader(*frame, content[-3])


def decode(tile: memoryview, header: JpegHeader, name: str) -> NDArray[np.unsignedinteger]:
    """Return the values of a lossless JPEG, row by row, ``(width * height * components,)``.

    Raises
    ------
    DecodeError
        If it is damaged.
    """
    import imagecodecs  # noqa: PLC0415

    try:
        values: NDArray[np.unsignedinteger] = imagecodecs.jpeg8_decode(bytes(tile))
    except (RuntimeError, ValueError) as error:
        msg = f"{name}: a lossless JPEG that libjpeg does not decode: {' '.join(str(error).split())}"
        raise DecodeError(msg) from error
    if values.size != header.width * header.height * header.components:
        msg = f"{name}: a lossless JPEG of {values.size} values, expected {header.width * header.height}"
        raise DecodeError(msg)
    return values.ravel()


def encode(values: NDArray[np.unsignedinteger], header: JpegHeader) -> bytes:
    """Return a lossless JPEG of values, of the same shape, bits and predictor.

    Parameters
    ----------
    values
        As `decode` returned them, some changed.
    header
        Header of the old one.
    """
    import imagecodecs  # noqa: PLC0415

    shape = (header.height, header.width) + ((header.components,) if header.components > 1 else ())
    tile = bytes(
        imagecodecs.jpeg8_encode(
            values.reshape(shape), lossless=True, predictor=header.predictor, bitspersample=header.bits
        )
    )
    # libjpeg's mark of a file of its own, which a tile is not.
    if tile[2:4] == _JFIF:
        tile = tile[:2] + tile[4 + int.from_bytes(tile[4:6]) :]
    return tile
