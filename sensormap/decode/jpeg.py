"""The pixels of JPEG files, as the camera stored them: never turned, and never in part."""

from __future__ import annotations

import struct
from io import BytesIO

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from sensormap.errors import DecodeError
from sensormap.frame import LUMA_SHARES, WHITE
from sensormap.photos.files import damage_text
from sensormap.photos.jpeg_markers import FIRST_RESTART, Layout, read_layout, sampling, stored_size

_END = b"\xff\xd9"  # marker of the end
_PIECE = 1 << 17  # bytes searched at once: they stay in the processor's cache
_GREY = 128  # value of all three colours where the decoder runs out of data
_TINTED = 2  # pixels at a unit's edge that take some colour from the next unit
_FILLER = bytes(range(254, 0, -1))  # coded data that decode to anything but grey


class PixelBuffer:
    """Memory that JPEGs are decoded into, one after the other: to get it anew takes a tenth of the decoding."""

    def __init__(self) -> None:
        self._bytes = np.empty(0, np.uint8)

    def of(self, size: int) -> NDArray[np.uint8]:
        """Return the first `size` bytes, as uint8 of shape ``(size,)``; what they hold is anything."""
        if self._bytes.size < size:
            self._bytes = np.empty(size, np.uint8)
        return self._bytes[:size]


def jpeg_size(data: bytes, name: str) -> tuple[int, int]:
    """Return width and height of a JPEG as stored, in pixels, from the header alone.

    Parameters
    ----------
    data
        The file, or its head.
    name
        The file's name, for messages.

    Raises
    ------
    DecodeError
        If the file is no JPEG, its header is truncated or damaged, or no camera writes such JPEGs: it is progressive,
        not of 8 bits and three colours, of an unusual sampling, or of an absurd size.
    """
    return stored_size(BytesIO(data), name)


def read_jpeg(data: bytes, name: str, *, buffer: PixelBuffer | None = None) -> NDArray[np.uint8]:
    """Decode a JPEG, whole or not at all.

    Parameters
    ----------
    data
        The whole file; what follows its first image does not matter.
    name
        The file's name, for messages.
    buffer
        Memory for the pixels, whose former content is lost; None takes new memory.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)
        Red, green and blue as stored, the EXIF orientation not applied; in a 4:2:0 JPEG the last row's red and blue to
        a few DN only.

    Raises
    ------
    DecodeError
        As `jpeg_size` does, and if the JPEG stores RGB, is truncated, or is damaged so that it shows.

    Notes
    -----
    Decoders make something of any data: they skip what is too much, and fill what is missing with grey. So the JPEG is
    decoded with one row of units more than it has. In a whole one the first unit of that row takes the bits that pad
    the last byte, and all others are grey. Damage after which a decoder finds as many units as before is not found; it
    shows where it is, and may change the level of all that follows.

    simplejpeg is libjpeg-turbo, as imageio's Pillow is, and gives the same values. It takes less than half the time:
    Pillow copies the pixels twice on their way to an array, once while it holds the interpreter's lock.
    """
    layout = read_layout(BytesIO(data), name)
    coded = _coded(data, layout, name)
    pixels = _decode(layout, coded, name, buffer or PixelBuffer())
    _check_whole(pixels, layout, coded, name)
    return pixels[: layout.height]


def _check_whole(pixels: NDArray[np.uint8], layout: Layout, coded: memoryview, name: str) -> None:
    """Refuse decoded pixels, with one row of units too many, whose data end before the last unit or go on after it."""
    across, down = layout.unit
    below = pixels[layout.units[1] * down + down // 2 :] != _GREY
    if below[:, across + _TINTED :].any():
        msg = f"{name}: truncated or damaged (its data do not end with its last row)"
        raise DecodeError(msg)
    if below[:, _TINTED : across - _TINTED].any():
        return
    # The data ended early, or the padding decodes to grey by chance: pixels that more data change were missing.
    longer = _decode(layout, bytes(coded).rstrip(b"\xff") + _FILLER, name, PixelBuffer())
    above = slice(max(layout.height - 1, 1))  # the last row may take colour from below
    if not np.array_equal(pixels[above], longer[above]):
        msg = f"{name}: truncated or damaged (its data end before its last row)"
        raise DecodeError(msg)


def _coded(data: bytes, layout: Layout, name: str) -> memoryview:
    """Return the coded data of a file; refuse them where they have no end or hold markers that do not belong there."""
    rest = memoryview(data)[layout.start :]
    end, restarts = _marks(np.frombuffer(data, np.uint8)[layout.start :])
    if rest[end : end + 2] != _END:
        msg = f"{name}: truncated or damaged (its data have no end)"
        raise DecodeError(msg)
    units = layout.units[0] * layout.units[1]
    if 8 * end < 2 * units * layout.blocks:  # a block takes two codes at least
        msg = f"{name}: truncated ({end} bytes of picture data for {layout.width} x {layout.height} pixels)"
        raise DecodeError(msg)
    expected = {0}
    if interval := layout.restart_interval:
        expected = {-(-units // interval) - 1, units // interval}  # some encoders write one after the last interval too
    if restarts.size not in expected or (restarts != FIRST_RESTART + np.arange(restarts.size) % 8).any():
        msg = f"{name}: truncated or damaged (restart markers missing or out of order)"
        raise DecodeError(msg)
    return rest[:end]


def _marks(values: NDArray[np.uint8]) -> tuple[int, NDArray[np.uint8]]:
    """Return the place of the first marker that is no restart marker, and the kinds of the restart markers before."""
    restarts = [np.zeros(0, np.uint8)]
    for start in range(0, values.size, _PIECE):
        piece = values[start : start + _PIECE + 1]
        places = np.flatnonzero((piece[:-1] == 0xFF) & (piece[1:] + 1 > 1))  # before neither 00 nor FF
        kinds = piece[places + 1]
        others = np.flatnonzero(kinds & 0xF8 != FIRST_RESTART)
        if others.size:
            restarts.append(kinds[: others[0]])
            return start + int(places[others[0]]), np.concatenate(restarts)
        restarts.append(kinds)
    return values.size, np.concatenate(restarts)


def _decode(layout: Layout, coded: bytes | memoryview, name: str, buffer: PixelBuffer) -> NDArray[np.uint8]:
    """Decode a JPEG with one row of units more than it has."""
    height = (layout.units[1] + 1) * layout.unit[1]
    head, tail = layout.header[: layout.height_at], layout.header[layout.height_at + 2 :]
    stream = b"".join((head, struct.pack(">H", height), tail, coded, _END))
    try:
        # Not strict: `_check_whole` looks at what simplejpeg warns of.
        pixels = simplejpeg.decode_jpeg(stream, "RGB", strict=False, buffer=buffer.of(3 * height * layout.width))
    except (ValueError, MemoryError) as error:
        msg = f"{name}: {damage_text(error)}"
        raise DecodeError(msg) from error
    if pixels.shape != (height, layout.width, 3) or pixels.dtype != np.uint8:
        msg = f"{name}: decodes to {pixels.dtype} of shape {pixels.shape}, expected a picture of three colours"
        raise DecodeError(msg)
    if sampling(layout.factors) == (2, 2) and layout.height == height - layout.unit[1]:
        _restore_row(pixels[layout.height - 2 : layout.height], layout.unit[0] + _TINTED)
    return np.asarray(pixels)


def _restore_row(rows: NDArray[np.uint8], unknown: int) -> None:
    """Take out of the second row's colours the quarter that came from below: grey, in the first few pixels anything.

    A decoder that is told the true height takes that quarter from the last row itself. Its result differs from this one
    by 2 DN at most where nothing clips, and a little more in the first pixels, which get the colour of the row above.
    """
    above, last = rows.astype(np.float32)
    weights = np.array(LUMA_SHARES, np.float32).reshape(3, 1)
    luma = last @ weights
    restored = last + (last - luma) / 3
    restored[:unknown] = (luma + above - above @ weights)[:unknown]
    rows[1] = np.clip(np.rint(restored), 0, WHITE)
