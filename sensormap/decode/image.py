"""Mosaics in plain images: 16-bit single-plane PNG and TIFF files."""

from __future__ import annotations

import logging
import reprlib
import struct
import zlib
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from sensormap.decode.files import check_photosites
from sensormap.errors import DecodeError

# tifffile logs what is odd in a file; what matters of it becomes the error's reason.
logging.getLogger("tifffile").setLevel(logging.CRITICAL + 1)

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_COLOURS = {0: "grey", 2: "RGB", 3: "palette", 4: "grey with alpha", 6: "RGB with alpha"}
_TIFF_MOSAICS = (1, 32803)  # photometric interpretation: black is zero; colour filter array
# What the two decoders raise on damage; neither has a common base. struct and zlib come from deep inside them.
_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    EOFError,
    NotImplementedError,
    struct.error,
    zlib.error,
)


def image_size(data: bytes, name: str) -> tuple[int, int]:
    """Return width and height of a mosaic, from the header alone.

    Parameters
    ----------
    data
        The whole file.
    name
        Its name, for messages.

    Raises
    ------
    DecodeError
        If the file is neither PNG nor TIFF, or its photosites are not single 16-bit numbers.
    """
    if data.startswith(_PNG):
        return _png_size(data, name)
    if data[:2] in (b"II", b"MM"):
        return _tiff_size(data, name)
    msg = f"{name}: neither a PNG nor a TIFF file"
    raise DecodeError(msg)


def read_image(data: bytes, name: str) -> NDArray[np.uint16]:
    """Decode a mosaic whose header `image_size` has accepted.

    Returns
    -------
    ndarray of uint16, shape (H, W)
        In DN, as the file holds them.

    Raises
    ------
    DecodeError
        If the file is damaged or truncated.
    """
    import imageio.v3 as iio  # noqa: PLC0415 - raw photos need neither

    width, height = image_size(data, name)
    try:
        if data.startswith(_PNG):
            values = iio.imread(data, plugin="pillow", extension=".png", index=0)
        else:
            values = iio.imread(data, plugin="tifffile", extension=".tif", page=0)
    except _ERRORS as error:
        msg = f"{name}: truncated or damaged ({' '.join(str(error).split())[:100]})"
        raise DecodeError(msg) from error
    if values.shape != (height, width) or values.dtype != np.uint16:
        msg = f"{name}: decodes to {values.dtype} of shape {values.shape}, expected uint16 of shape {(height, width)}"
        raise DecodeError(msg)
    return np.asarray(values)


def _png_size(data: bytes, name: str) -> tuple[int, int]:
    """Read a PNG's first chunk."""
    try:
        length, kind, width, height, depth, colours = struct.unpack_from(">I4sIIBB", data, len(_PNG))
    except struct.error:
        length, kind = 0, b""
    if (length, kind) != (13, b"IHDR"):
        msg = f"{name}: truncated or damaged (no PNG header)"
        raise DecodeError(msg)
    if (depth, colours) != (16, 0):
        found = f"{depth}-bit {_PNG_COLOURS.get(colours, 'unknown')} image"
        msg = f"{name}: {found}, expected one 16-bit number a photosite"
        raise DecodeError(msg)
    return check_photosites(width, height, name)


def _tiff_size(data: bytes, name: str) -> tuple[int, int]:
    """Read a TIFF's first directory."""
    import tifffile  # noqa: PLC0415

    try:
        with tifffile.TiffFile(BytesIO(data)) as tiff:
            page = tiff.pages.first
            shape, dtype, photometric = tuple(page.shape), page.dtype, int(page.photometric)
    except _ERRORS as error:
        msg = f"{name}: truncated or damaged ({' '.join(str(error).split())[:100]})"
        raise DecodeError(msg) from error
    is_plane = len(shape) == 2 and all(isinstance(side, int) for side in shape)  # damage makes lists of them
    if not is_plane or dtype != np.uint16 or photometric not in _TIFF_MOSAICS:
        msg = f"{name}: {dtype} image of shape {reprlib.repr(shape)}, expected one 16-bit number a photosite"
        raise DecodeError(msg)
    return check_photosites(shape[1], shape[0], name)
