"""Mosaics in plain images: 16-bit single-plane PNG and TIFF files."""

from __future__ import annotations

import logging
import reprlib
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from math import prod
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sensormap.decode.files import check_photosites
from sensormap.errors import DecodeError

if TYPE_CHECKING:
    from tifffile import TiffPage

# tifffile logs what is odd in a file; what matters of it becomes the error's reason.
logging.getLogger("tifffile").setLevel(logging.CRITICAL + 1)

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_COLOURS = {0: "grey", 2: "RGB", 3: "palette", 4: "grey with alpha", 6: "RGB with alpha"}
_TIFF_MOSAICS = (1, 32803)  # photometric interpretation: black is zero; colour filter array
_NOT_COMPRESSED, _DEFLATE = 1, (8, 32946)
_SMALL = 1 << 24  # photosites; strips or tiles of so many in all may reach beyond any image
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
    with _damage_told(name):
        if data.startswith(_PNG):
            values = iio.imread(data, plugin="pillow", extension=".png", index=0)
        else:
            _check_segments(data, name)
            values = iio.imread(data, plugin="tifffile", extension=".tif", page=0)
    if values.shape != (height, width) or values.dtype != np.uint16:
        msg = f"{name}: decodes to {values.dtype} of shape {values.shape}, expected uint16 of shape {(height, width)}"
        raise DecodeError(msg)
    return np.asarray(values)


def image_bytes(values: NDArray[np.uint16], *, like: bytes) -> bytes:
    """Return a mosaic as a file of the kind of another: PNG, or an uncompressed TIFF; nothing but the values is kept.

    Parameters
    ----------
    values
        Shape ``(H, W)``, in DN.
    like
        A file that `image_size` accepts.
    """
    import imageio.v3 as iio  # noqa: PLC0415
    import tifffile  # noqa: PLC0415

    if like.startswith(_PNG):
        return bytes(iio.imwrite("<bytes>", values, plugin="pillow", extension=".png"))
    buffer = BytesIO()
    tifffile.imwrite(buffer, values, photometric="minisblack", software=False, metadata=None)
    return buffer.getvalue()


@contextmanager
def _damage_told(name: str) -> Iterator[None]:
    """Turn what the decoders raise into a `DecodeError`."""
    from tifffile import TiffFileError  # noqa: PLC0415 - a ValueError in its newest releases only

    try:
        yield
    except DecodeError:
        raise
    except (*_ERRORS, TiffFileError) as error:
        msg = f"{name}: truncated or damaged ({' '.join(str(error).split())[:100]})"
        raise DecodeError(msg) from error


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

    with _damage_told(name), tifffile.TiffFile(BytesIO(data)) as tiff:
        page = tiff.pages.first
        shape, dtype, photometric = tuple(page.shape), page.dtype, int(page.photometric)
    is_plane = len(shape) == 2 and all(isinstance(side, int) for side in shape)  # damage makes lists of them
    if not is_plane or dtype != np.uint16 or photometric not in _TIFF_MOSAICS:
        msg = f"{name}: {dtype} image of shape {reprlib.repr(shape)}, expected one 16-bit number a photosite"
        raise DecodeError(msg)
    return check_photosites(shape[1], shape[0], name)


def _check_segments(data: bytes, name: str) -> None:
    """Refuse strips and tiles that are larger than their image: tifffile would decompress gigabytes out of a few."""
    import tifffile  # noqa: PLC0415

    with tifffile.TiffFile(BytesIO(data)) as tiff:
        page = tiff.pages.first
        count, photosites = prod(page.chunked), prod(page.chunks)
        if count * photosites > max(4 * prod(page.shape), _SMALL):
            msg = f"{name}: {count} strips or tiles of {photosites} photosites, expected an image of {page.shape}"
            raise DecodeError(msg)
        if page.compression in _DEFLATE:
            _check_inflated(data, name, page, count, 2 * photosites)
        elif page.compression != _NOT_COMPRESSED:
            msg = f"{name}: compressed by {page.compression.name}, expected by deflate or not at all"
            raise DecodeError(msg)


def _check_inflated(data: bytes, name: str, page: TiffPage, count: int, most: int) -> None:
    """Refuse strips that hold more bytes than they may."""
    for start, length in zip(page.dataoffsets[:count], page.databytecounts[:count], strict=True):
        inflated = zlib.decompressobj().decompress(data[start : start + length], most + 1)
        if len(inflated) > most:
            msg = f"{name}: a strip or tile of more than {most} bytes, which is its size"
            raise DecodeError(msg)
