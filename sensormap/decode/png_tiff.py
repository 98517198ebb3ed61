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

from sensormap.camera.profile import Profile
from sensormap.decode.mosaic import Decoded, check_size, decoded
from sensormap.decode.tiff import CFA_MOSAIC
from sensormap.errors import DecodeError, FrameMismatchError, ProfileError
from sensormap.photos.files import PARSER_ERRORS, PNG_START, check_photosites, damage_text

if TYPE_CHECKING:
    from tifffile import TiffPage

# tifffile logs what is odd in a file; what matters of it becomes the error's reason.
logging.getLogger("tifffile").setLevel(logging.CRITICAL + 1)

_PNG_COLOURS = {0: "grey", 2: "RGB", 3: "palette", 4: "grey with alpha", 6: "RGB with alpha"}
_TIFF_MOSAICS = (1, CFA_MOSAIC)  # photometric interpretation; 1: black is zero
_NOT_COMPRESSED, _DEFLATE = 1, (8, 32946)
_SMALL = 1 << 24  # photosites; strips or tiles of so many in all may reach beyond any image

# What Pillow and tifffile raise on damage, and imagecodecs, by which tifffile decompresses where it is installed.
_ERRORS = (*PARSER_ERRORS, OSError, SyntaxError, RuntimeError, zlib.error)


def image_geometry(data: bytes, profile: Profile | None, name: str) -> Profile:
    """Return the profile, which must be given, once the file's mosaic is sure to have its size.

    Parameters and errors are those of `reading.ReadGeometry`.
    """
    profile = _needed(profile, name)
    check_size(image_size(data, name), profile, name, ProfileError)
    return profile


def read_image_frame(data: bytes, profile: Profile | None, name: str) -> Decoded:
    """Decode a mosaic; where the profile, which must be given, leaves black to LibRaw, black is 0.

    Parameters and errors are those of `reading.DecodeFunction`.
    """
    profile = _needed(profile, name)
    check_size(image_size(data, name), profile, name, FrameMismatchError)
    black = profile.black_level or (0,) * len(profile.cfa.planes)
    return decoded(read_image(data, name), profile, name, black_level=black, saturation=profile.saturation)


def image_size(data: bytes, name: str) -> tuple[int, int]:
    """Return width and height of a mosaic, from the header alone.

    Parameters
    ----------
    data
        The whole file.
    name
        The file's name, for messages.

    Raises
    ------
    DecodeError
        If the file is neither PNG nor TIFF, or its photosites are not single 16-bit numbers.
    """
    if data.startswith(PNG_START):
        return _png_size(data, name)
    if data[:2] in (b"II", b"MM"):
        return _tiff_size(data, name)
    msg = f"{name}: neither a PNG nor a TIFF file"
    raise DecodeError(msg)


def read_image(data: bytes, name: str) -> NDArray[np.uint16]:
    """Decode a mosaic.

    Parameters
    ----------
    data
        The whole file, which `image_size` accepts.
    name
        The file's name, for messages.

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
    with _damage_refused(name):
        if data.startswith(PNG_START):
            values = iio.imread(data, plugin="pillow", extension=".png", index=0)
        else:
            _check_segments(data, name)
            values = iio.imread(data, plugin="tifffile", extension=".tif", page=0)
    if values.shape != (height, width) or values.dtype != np.uint16:
        msg = f"{name}: decodes to {values.dtype} of shape {values.shape}, expected uint16 of shape {(height, width)}"
        raise DecodeError(msg)
    return np.asarray(values)


def image_bytes(values: NDArray[np.uint16], *, like: bytes) -> bytes:
    """Return a mosaic as a file of the same kind as another one: PNG or uncompressed TIFF, without metadata.

    Parameters
    ----------
    values
        Shape ``(H, W)``, in DN.
    like
        A file that `image_size` accepts.
    """
    import imageio.v3 as iio  # noqa: PLC0415
    import tifffile  # noqa: PLC0415

    if like.startswith(PNG_START):
        return bytes(iio.imwrite("<bytes>", values, plugin="pillow", extension=".png"))
    buffer = BytesIO()
    tifffile.imwrite(buffer, values, photometric="minisblack", software=False, metadata=None)
    return buffer.getvalue()


def _needed(profile: Profile | None, name: str) -> Profile:
    """Insist on a profile: nothing else says what the photosites are."""
    if profile is None:
        msg = f"{name}: a PNG or TIFF file does not say its filters; name a camera profile (--profile)"
        raise DecodeError(msg)
    return profile


@contextmanager
def _damage_refused(name: str) -> Iterator[None]:
    """Turn what the decoders raise into a `DecodeError`."""
    from tifffile import TiffFileError  # noqa: PLC0415 - a ValueError in its newest releases only

    try:
        yield
    except DecodeError:
        raise
    except (*_ERRORS, TiffFileError) as error:
        msg = f"{name}: {damage_text(error)}"
        raise DecodeError(msg) from error


def _png_size(data: bytes, name: str) -> tuple[int, int]:
    """Read a PNG's first chunk."""
    try:
        length, kind, width, height, depth, colours = struct.unpack_from(">I4sIIBB", data, len(PNG_START))
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

    with _damage_refused(name), tifffile.TiffFile(BytesIO(data)) as tiff:
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
    """Refuse strips and tiles that inflate to more than `most` bytes."""
    for start, length in zip(page.dataoffsets[:count], page.databytecounts[:count], strict=True):
        inflated = zlib.decompressobj().decompress(data[start : start + length], most + 1)
        if len(inflated) > most:
            msg = f"{name}: a strip or tile of more than {most} bytes, which is its size"
            raise DecodeError(msg)
