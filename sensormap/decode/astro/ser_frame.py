"""A frame of a SER video as a frame: `photos.astro.ser` cuts it out, with a header of its own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sensormap.camera.cfa import Cfa
from sensormap.camera.profile import Profile
from sensormap.decode.astro.levels import SER, check_filters, own_profile, with_levels
from sensormap.decode.mosaic import Decoded, check_size
from sensormap.errors import DecodeError, FrameMismatchError, ProfileError
from sensormap.photos.astro.ser import FILTERS, HEADER_BYTES, SerHeader, read_header

_SAMPLE = 64  # rows that tell the order of bytes


def ser_geometry(data: bytes, profile: Profile | None, name: str) -> Profile:
    """Return the geometry of a frame: the profile's, which must fit, or without one its own.

    Parameters and errors are those of `reading.ReadGeometry`.
    """
    header = _mosaic_header(data, name)
    if profile is None:
        bits = 8 if header.bits <= 8 else 16  # more may be stored than the header names
        return own_profile(SER, header.instrument, (header.width, header.height), Cfa(header.filters), bits)
    check_size((header.width, header.height), profile, name, ProfileError)
    check_filters(Cfa(header.filters), profile, name)
    return profile


def read_ser_frame(data: bytes, profile: Profile | None, name: str) -> Decoded:
    """Decode a frame; parameters and errors are those of `reading.DecodeFunction`."""
    header = _mosaic_header(data, name)
    profile = profile or ser_geometry(data, None, name)
    check_size((header.width, header.height), profile, name, FrameMismatchError)
    check_filters(Cfa(header.filters), profile, name)
    values = _values(data, header)
    full, highest = 2**header.bits - 1, int(values.max())
    saturation = full if highest <= full < profile.saturation else None  # not moved up to 16 bits
    return with_levels(values, profile, name, black=0, saturation=saturation)


def _mosaic_header(data: bytes, name: str) -> SerHeader:
    """Return the header of a frame whose values are those of photosites."""
    header = read_header(data, name)
    if header.filters not in FILTERS:
        msg = f"{name}: {header.filters} values, expected a mosaic of red, green and blue, or one without filters"
        raise DecodeError(msg)
    if len(data) < HEADER_BYTES + header.frame_bytes:
        msg = f"{name}: truncated: {len(data)} bytes, expected {HEADER_BYTES + header.frame_bytes} and more"
        raise DecodeError(msg)
    return header


def _values(data: bytes, header: SerHeader) -> NDArray[np.uint16]:
    """Return the values of a frame, ``(H, W)``, DN."""
    count, shape = header.width * header.height, (header.height, header.width)
    if header.bits <= 8:
        return np.frombuffer(data, np.uint8, count, HEADER_BYTES).reshape(shape).astype(np.uint16)
    little = np.frombuffer(data, "<u2", count, HEADER_BYTES).reshape(shape)
    if header.big_endian and _is_rougher(little):
        little = little.byteswap()
    return little.astype(np.uint16)


def _is_rougher(little: NDArray[np.uint16]) -> bool:
    """Tell whether values vary more from photosite to photosite than they would with their bytes swapped.

    The flag of the header is set by some programs where others leave it out, so that the values themselves decide.
    """
    rows = little[:: max(little.shape[0] // _SAMPLE, 1)].astype(np.int64)
    swapped = little[:: max(little.shape[0] // _SAMPLE, 1)].byteswap().astype(np.int64)
    if min(little.shape) < 3:
        return True
    rough, other = (int(np.abs(one[:, 2:] - one[:, :-2]).sum()) for one in (rows, swapped))
    return rough >= other
