"""Tiles of a DNG that are lossless JPEGs (ITU-T T.81, process 14), by libjpeg-turbo as imagecodecs has it.

Decoded are only those whose header promises as many values as the tile has photosites, whatever their shape is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sensormap.decode.dng.jpeg_header import JpegCodes, JpegHeader, read_codes
from sensormap.errors import DecodeError

_JFIF = b"\xff\xe0"
_MARKER, _NO_MARKER = re.compile(rb"\xff+([^\x00\xff])"), b"\xff\x00"
_END = b"\xd9"
_MOST_FILLING = 3  # bytes behind the last code: a writer may fill up to whole words
_WHOLE = 16  # size of a difference that is told by its code alone


def is_available() -> bool:
    """Tell whether lossless JPEGs can be read and written: imagecodecs is an extra."""
    try:
        import imagecodecs  # noqa: F401, PLC0415
    except ImportError:
        return False
    return True


def decode(tile: memoryview, header: JpegHeader, name: str) -> NDArray[np.unsignedinteger]:
    """Return the values of a lossless JPEG, row by row, ``(width * height * components,)``.

    Raises
    ------
    DecodeError
        If it is damaged: libjpeg does not decode it, or goes on where the values have ended, or leaves some.
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
    codes = read_codes(tile)
    if codes is None:
        msg = f"{name}: a lossless JPEG without its codes"
        raise DecodeError(msg)
    _check_length(tile, values, header, codes, name)
    return values.ravel()


def _check_length(
    tile: memoryview, values: NDArray[np.unsignedinteger], header: JpegHeader, codes: JpegCodes, name: str
) -> None:
    """Refuse a lossless JPEG whose values are not as long as what it holds: libjpeg makes values of nothing."""
    held = bytes(tile[codes.start :])
    end = _MARKER.search(held)
    if end is None or end.group(1) != _END:
        msg = f"{name}: a lossless JPEG that ends without its end marker; damaged?"
        raise DecodeError(msg)
    found = end.start() - held.count(_NO_MARKER, 0, end.start())
    expected = -(-_bits_of(values, header, codes) // 8)
    if not 0 <= found - expected <= _MOST_FILLING:
        msg = f"{name}: a lossless JPEG of {found} bytes, but its values take {expected}; damaged?"
        raise DecodeError(msg)


def _bits_of(values: NDArray[np.unsignedinteger], header: JpegHeader, codes: JpegCodes) -> int:
    """Return how many bits values take in the codes of a lossless JPEG."""
    parts = values.reshape(header.height, header.width, header.components).astype(np.uint16)
    bits = 0
    for one, lengths in enumerate(codes.lengths):
        counts = np.bincount(_SIZES[_differences(parts[..., one], header)].ravel(), minlength=_WHOLE + 1)
        for size in np.flatnonzero(counts).tolist():
            bits += int(counts[size]) * (lengths.get(size, 0) + size % _WHOLE)
    return bits


_SIZES = np.array([min(value, 0x10000 - value).bit_length() for value in range(0x10000)], np.uint8)
"""Size of each difference, modulo 2^16."""


_Values: TypeAlias = NDArray[np.int32]
_PREDICTED: dict[int, Callable[[_Values, _Values, _Values], _Values]] = {
    1: lambda left, _, __: left,
    2: lambda _, above, __: above,
    3: lambda _, __, corner: corner,
    4: lambda left, above, corner: left + above - corner,
    5: lambda left, above, corner: left + (above - corner >> 1),
    6: lambda left, above, corner: above + (left - corner >> 1),
    7: lambda left, above, _: left + above >> 1,
}
"""What each predictor makes of the value to the left, the one above, and the one above that to the left."""


def _differences(values: NDArray[np.uint16], header: JpegHeader) -> NDArray[np.uint16]:
    """Return values minus what is predicted for them, modulo 2^16, ``(H, W)``."""
    difference = values.copy()
    difference[:1, :1] -= np.uint16(1 << header.bits - 1)
    difference[0, 1:] -= values[0, :-1]
    difference[1:, 0] -= values[:-1, 0]
    left, above, corner = (
        part.astype(np.int32) for part in (values[1:, :-1], values[:-1, 1:], values[:-1, :-1])
    )
    difference[1:, 1:] -= _PREDICTED[header.predictor](left, above, corner).astype(np.uint16)
    return difference


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

    values = values.astype(np.uint8 if header.bits <= 8 else np.uint16)
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
