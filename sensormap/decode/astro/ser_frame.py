"""A frame of a SER video as a frame: `photos.astro.ser` cuts it out, with a header of its own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sensormap.camera.cfa import Cfa
from sensormap.camera.profile import Profile
from sensormap.camera.profile_files import SER
from sensormap.decode.astro.levels import agreed_geometry, check_bits, check_filters, own_profile, with_levels
from sensormap.decode.mosaic import Decoded, check_size
from sensormap.errors import DecodeError, FrameMismatchError
from sensormap.photos.astro.ser import FILTERS, HEADER_BYTES, SerHeader, read_header

_SAMPLE = 64  # rows that tell the order of bytes


def ser_geometry(data: bytes, profile: Profile | None, name: str) -> Profile:
    """Return the geometry of a frame: the profile's, or its own: see `agreed_geometry`.

    Parameters and errors are those of `reading.ReadGeometry`.
    """
    header = _mosaic_header(data, name)
    cfa, size = Cfa(header.filters), (header.width, header.height)
    return agreed_geometry(own_profile(SER, header.instrument, size, cfa, _bits_of(header)), cfa, profile, name)


def read_ser_frame(data: bytes, profile: Profile | None, name: str) -> Decoded:
    """Decode a frame; parameters and errors are those of `reading.DecodeFunction`."""
    header = _mosaic_header(data, name)
    profile = profile or ser_geometry(data, None, name)
    check_size((header.width, header.height), profile, name, FrameMismatchError)
    check_filters(Cfa(header.filters), profile, name)
    check_bits(_bits_of(header), profile, name)
    values = _values(data, header)
    full, highest = 2**header.bits - 1, int(values.max())
    saturation = full if highest <= full < profile.saturation else None  # not moved up to 16 bits
    return with_levels(values, profile, name, black=0, saturation=saturation)


def _bits_of(header: SerHeader) -> int:
    """Return the bits of a value in DN: 8 of bytes, and else 16, as more may be stored than the header names."""
    return 8 if header.bits <= 8 else 16


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
    if _is_swapped(little, 2**header.bits - 1):
        little = little.byteswap()
    return little.astype(np.uint16)


def _is_swapped(little: NDArray[np.uint16], full_scale: int) -> bool:
    """Tell whether the higher byte of each value is stored first: then they vary less with their bytes swapped.

    By the format a flag of 0 says so, yet most programs write the lower byte first and 0, and others both the other way
    round: so the flag tells nothing, and the values decide. Where one of the two bytes is always 0 they vary alike in
    either order, but for the factor: then the order is the usual one unless values exceed full scale in it.
    """
    if not (little & 0xFF).any():
        return int(little.max()) > full_scale >= int(little.max()) >> 8
    rows = little[:: max(little.shape[0] // _SAMPLE, 1)].astype(np.int64)
    swapped = little[:: max(little.shape[0] // _SAMPLE, 1)].byteswap().astype(np.int64)
    if little.shape[1] < 3:
        return False
    rough, other = (int(np.abs(one[:, 2:] - one[:, :-2]).sum()) for one in (rows, swapped))
    return rough > other
