"""The values of a FITS image, as integers in DN.

A plain image is an array of numbers behind a header, which NumPy reads as it lies; `correct` puts values back into it,
so that it has to know where each one is. Images that fpack compressed are left to astropy: ``pip install
'sensormap[astro]'``.
"""

from __future__ import annotations

import struct
import warnings
import zlib
from importlib import import_module
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensormap.decode.astro.fits_tiles import check_tiles
from sensormap.errors import DecodeError, MissingExtraError
from sensormap.photos.astro.fits_header import FitsImage, finite_number_of, number_of
from sensormap.photos.files import PARSER_ERRORS, damage_text

FULL_SCALE = 0xFFFF
"""Highest DN of 16 bits, to which floats from 0 to 1 are scaled."""

_TYPES = {8: "u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}
_HALF = {16: 1 << 15, 32: 1 << 31}
"""BZERO of unsigned integers, which the standard stores less half their range."""
_UNIT = 1.5
"""Floats up to here are shares of full scale, as Siril writes them: calibrated ones may exceed 1."""
_FURTHEST = 1e30  # DN, far from where floats overflow
_AT_ONCE = 1 << 22  # values that are converted at once: floats of 8 bytes take the room of a part only


def values_of(data: bytes, image: FitsImage, name: str) -> NDArray[np.uint16] | NDArray[np.int32]:
    """Return the values of an image, rows in the order of the file.

    Parameters
    ----------
    data
        The whole file.
    image
        Its image, from `find_image`.
    name
        The file's name, for messages.

    Returns
    -------
    ndarray of uint16, or of int32 where some values are negative, shape (H, W)
        In DN: floats rounded, and scaled to 16 bits where they are shares of 1.

    Raises
    ------
    DecodeError
        If the file is damaged, values are beyond 16 bits or are not finite; or if it is compressed and astropy is not
        installed.
    """
    stored = _uncompressed(data, image, name) if image.compression else stored_values(data, image)
    _check_told(stored, image, name)
    zero, scale = scaling_of(image, name)
    if image.compression and stored.dtype.kind == "f":
        zero, scale = 0.0, 1.0  # astropy has scaled them
    if scale == 1 and zero == 0 and stored.dtype == np.uint8:
        return stored.astype(np.uint16)
    if scale == 1 and zero == _HALF[16] and stored.dtype.itemsize == 2 and stored.dtype.kind == "i":
        return stored.astype(np.uint16) ^ np.uint16(_HALF[16])
    share = share_of(stored, image, zero, scale, name)
    return _integers(stored, zero * share, scale * share, name)


def stored_values(data: bytes, image: FitsImage) -> NDArray[Any]:
    """Return an uncompressed image as it is stored, a view of the file, ``(H, W)``."""
    count = image.width * image.height
    values = np.frombuffer(data, _TYPES[image.bitpix], count, image.data_start)
    return values.reshape(image.height, image.width)


def scaling_of(image: FitsImage, name: str) -> tuple[float, float]:
    """Return BZERO and BSCALE: a value is the former plus the latter times what is stored.

    Raises
    ------
    DecodeError
        If they are no numbers, or all values would be the same.
    """
    zero = finite_number_of(image.keywords, "BZERO", 0.0, name)
    scale = finite_number_of(image.keywords, "BSCALE", 1.0, name)
    if scale == 0:
        msg = f"{name}: BSCALE is 0, expected what stored values are multiplied by"
        raise DecodeError(msg)
    return zero, scale


def _check_told(stored: NDArray[Any], image: FitsImage, name: str) -> None:
    """Refuse integers among which some are BLANK, which stands for no value."""
    blank = number_of(image.keywords, "BLANK")
    missing = 0 if blank is None or stored.dtype.kind == "f" else int(np.count_nonzero(stored == blank))
    if missing:
        msg = f"{name}: {missing} photosites without a value (BLANK), expected a number for each photosite"
        raise DecodeError(msg)


def share_of(stored: NDArray[Any], image: FitsImage, zero: float, scale: float, name: str) -> float:
    """Return what values are multiplied by to be DN of 16 bits: 1 where they are that.

    Parameters
    ----------
    stored
        Values as stored.
    image
        The image.
    zero, scale
        As `scaling_of` returns them.
    name
        The file's name, for messages.

    Raises
    ------
    DecodeError
        If values are not finite.
    """
    lowest, highest = sorted(zero + scale * value for value in _ends(stored, name))
    if not _FURTHEST > highest >= lowest > -_FURTHEST:
        msg = f"{name}: values beyond {_FURTHEST:.0g} DN, expected at most {FULL_SCALE}, 16 bits"
        raise DecodeError(msg)
    if image.bitpix < 0 and lowest >= -_UNIT and highest <= _UNIT:
        return float(FULL_SCALE)
    if image.bitpix == 32 and zero == _HALF[32] and highest > FULL_SCALE:  # 32 bits in full
        return 1 / (FULL_SCALE + 1)
    return 1.0


def _ends(stored: NDArray[Any], name: str) -> tuple[float, float]:
    """Return the lowest and the highest value; refuse those that are no numbers."""
    lowest, highest = float(stored.min()), float(stored.max())
    if not np.isfinite((lowest, highest)).all():
        count = int(stored.size - np.count_nonzero(np.isfinite(stored)))
        msg = f"{name}: {count} values are infinite or no numbers (NaN), expected a number for each photosite"
        raise DecodeError(msg)
    return lowest, highest


def _integers(stored: NDArray[Any], zero: float, scale: float, name: str) -> NDArray[np.uint16] | NDArray[np.int32]:
    """Return values as integers, converted a part at a time."""
    out = np.empty(stored.shape, np.int32)
    rows = max(_AT_ONCE // stored.shape[1], 1)
    for first in range(0, stored.shape[0], rows):
        part = stored[first : first + rows].astype(np.float64) * scale + zero
        lowest, highest = float(part.min()), float(part.max())
        if not -FULL_SCALE - 0.5 < lowest <= highest < FULL_SCALE + 0.5:
            msg = f"{name}: values from {lowest:.6g} to {highest:.6g} DN, expected at most {FULL_SCALE}, 16 bits"
            raise DecodeError(msg)
        out[first : first + rows] = np.floor(part + 0.5)
    return out if int(out.min()) < 0 else out.astype(np.uint16)


def astropy_fits() -> Any:
    """Return the FITS part of astropy, which is large and not everyone's.

    Raises
    ------
    MissingExtraError
        If it is not installed, which is in the extra ``astro``.
    """
    try:
        from astropy.io import fits  # noqa: PLC0415
    except ImportError as error:
        msg = "FITS: needs astropy, which is not installed: pip install 'sensormap[astro]'"
        raise MissingExtraError(msg) from error
    return fits


def _uncompressed(data: bytes, image: FitsImage, name: str) -> NDArray[Any]:
    """Return a compressed image by astropy, as it would be stored without compression."""
    try:
        fits = astropy_fits()
    except MissingExtraError as error:
        msg = f"{name}: compressed by fpack, which takes astropy to read: pip install 'sensormap[astro]'"
        raise DecodeError(msg) from error
    check_tiles(data, image, name)
    damage = (*PARSER_ERRORS, OSError, zlib.error, struct.error, MemoryError, *_codec_errors())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what astropy mends by itself
            with fits.open(BytesIO(data), memmap=False, do_not_scale_image_data=True) as images:
                values = np.asarray(images[image.number].data)
    except (*damage, fits.VerifyError) as error:
        msg = f"{name}: {damage_text(error)}"
        raise DecodeError(msg) from error
    if values.shape != (image.height, image.width) or values.dtype.kind not in "iuf":
        msg = f"{name}: decodes to {values.dtype} of shape {values.shape}, expected {(image.height, image.width)}"
        raise DecodeError(msg)
    return values


def _codec_errors() -> tuple[type[Exception], ...]:
    """Return what astropy's decompressor of C raises on damage: an error without any common base."""
    try:
        module = import_module("astropy.io.fits.hdu.compressed._compression")
    except ImportError:  # of another release
        return ()
    found = getattr(module, "CfitsioException", None)
    return () if found is None else (found,)
