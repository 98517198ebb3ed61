"""Values of astronomers' cameras as a mosaic: black and saturation as headers say, or as the values tell."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensormap.camera.cfa import Cfa
from sensormap.camera.geometry import Rect
from sensormap.camera.profile import Profile
from sensormap.camera.profile_files import FITS, SER
from sensormap.decode.mosaic import Decoded, check_size, clipping_level, decoded
from sensormap.errors import DecodeError, FrameMismatchError, ProfileError

_NEAR_HIGHEST = 3 / 4
"""Share of the highest value beyond which values may belong to its pile."""
_FEWEST_BITS = 12  # of a camera whose files hold 16
_FEWEST_PILED, _NEAR_CLIP = 20, 0.98  # values at the clip of a run, and the share of it beyond which most are such
_LEAST_SCALE = 1 / 17
"""Share of a file's full scale at which a camera clips at least: 12 bits in 16, stored as they are."""

OWN_PROFILES = (FITS, SER)
"""Names of the geometries that files themselves give."""


def own_profile(name: str, model: str, size: tuple[int, int], cfa: Cfa, bits: int) -> Profile:
    """Return the geometry of a file without a profile: all of it is light-sensitive, and levels are each photo's own.

    Parameters
    ----------
    name
        Name of the kind of file.
    model
        Name of the camera, "" where unknown.
    size
        Width and height.
    cfa
        Filter pattern from the first photosite.
    bits
        Bits of a value in the file.
    """
    return Profile(
        name=name,
        make="",
        model=model,
        raw_size=size,
        active_area=Rect(0, 0, *size),
        jpeg_crop=None,
        cfa=cfa,
        black_level=None,
        saturation=2**bits - 1,
        bits=bits,
        suppression_from_s=None,
    )


def agreed_geometry(own: Profile, told: Cfa | None, profile: Profile | None, name: str) -> Profile:
    """Return the geometry of a run: the profile's, which must fit; without one that of the photo itself.

    Parameters
    ----------
    own
        What the photo says of itself.
    told
        The filters that it names, None where it names none.
    profile
        Profile of the camera. One that is not verified gives way to a photo that contradicts it.
    name
        The file's name, for messages.

    Raises
    ------
    ProfileError
        If the photo contradicts a verified profile.
    """
    if profile is None:
        return own
    try:
        check_size(own.raw_size, profile, name, ProfileError)
        check_filters(told, profile, name)
    except ProfileError:
        if profile.verified:
            raise
        return own
    return profile


def check_filters(cfa: Cfa | None, profile: Profile, name: str) -> None:
    """Compare the filters that a file names with the profile's; one that names none has the profile's.

    Raises
    ------
    ProfileError
        If they differ.
    """
    if cfa is not None and cfa != profile.cfa:
        msg = f"{name}: filters {cfa.name}, but profile {profile.name} has cfa {profile.cfa.name}"
        raise ProfileError(msg)


def check_bits(bits: int, profile: Profile, name: str) -> None:
    """Refuse a file of bytes in a run of more bits, and the other way round: one DN is another one there.

    A profile of a user's may have any bits that the values fit in.

    Raises
    ------
    FrameMismatchError
        If the file has other bits.
    """
    if bits <= 8 < profile.bits or (profile.name in OWN_PROFILES and bits != profile.bits):
        msg = f"{name}: values of {bits} bits, expected {profile.bits}, those of the run"
        raise FrameMismatchError(msg)


def with_levels(
    values: NDArray[np.uint16] | NDArray[np.int32], profile: Profile, name: str, *, black: int, saturation: int | None
) -> Decoded:
    """Return a photo's values with black subtracted.

    Parameters
    ----------
    values
        Photosites, ``(H, W)``, in DN, black included; int32 where some are negative, as where darks were subtracted.
    profile
        Geometry of the run; what it says of black and saturation counts, if it says so.
    name
        The file's name, for messages.
    black
        DN of no light by the file, 0 where that is not told.
    saturation
        DN at which photosites clip by the file; None where that is not told.

    Raises
    ------
    DecodeError
        If every photosite is 0, or less.
    FrameMismatchError
        If one has more bits than the profile.
    """
    levels = profile.black_level or (black,) * len(profile.cfa.planes)
    if profile.black_level is not None and profile.name not in OWN_PROFILES:
        saturation = profile.saturation
    known = min(saturation or clipping_of(values[profile.active_area.slices], profile.saturation), profile.saturation)
    if values.dtype == np.uint16:
        return decoded(values.view(np.uint16), profile, name, black_level=levels, saturation=known)
    active = values[profile.active_area.slices]
    highest, lowest = int(active.max()), int(active.min())
    if highest == lowest == 0:
        msg = f"{name}: every photosite is 0"
        raise DecodeError(msg)
    if highest < 0:
        msg = f"{name}: every photosite is below 0, at most {highest} DN: is BZERO missing?"
        raise DecodeError(msg)
    if highest >> profile.bits:
        msg = f"{name}: a photosite has {highest} DN, but profile {profile.name} has bits {profile.bits}"
        raise FrameMismatchError(msg)
    mosaic = values.astype(np.int32)
    for plane, level in zip(profile.cfa.planes, levels, strict=True):
        plane.view(mosaic)[...] -= level
    return Decoded(mosaic, min(lowest, 0) - min(levels), known - max(levels))


def clipping_of(active: NDArray[Any], full_scale: int) -> int:
    """Return the DN at which a photo's photosites clip, by the pile of its highlights; full scale where there is none.

    Parameters
    ----------
    active
        Photosites of the active area, DN.
    full_scale
        Highest value that the file can hold.

    Notes
    -----
    Cameras of 12 or 14 bits may clip far below what 16 bits hold, and files do not say so.

    Examples
    --------
    >>> stars = np.full((100, 100), 4095, np.uint16)
    >>> clipping_of(stars, 65535), clipping_of(stars // 100, 65535)
    (4095, 65535)
    """
    highest = int(active.max(initial=0))
    if highest < _LEAST_SCALE * full_scale:
        return full_scale
    known = int(_NEAR_HIGHEST * highest)
    return highest if clipping_level(active, highest, known) == highest else full_scale


def run_saturation(saturation: NDArray[np.float64], followed: NDArray[Any]) -> NDArray[np.float64]:
    """Return the DN at which photos of a run clip, where their files do not tell how many bits the camera has.

    Parameters
    ----------
    saturation
        DN at which each clips as far as is known, which may be all that a file can hold: ``(n,)``.
    followed
        Values of thousands of photosites in all photos, defects among them, DN, of any shape.

    Notes
    -----
    Where many are the same and none is higher, that is the clip. Else full scale has as many bits as they take, because
    strengths count beside it: of a camera of 12 bits in 16, sixteen times as strong ones would have to be.

    Examples
    --------
    >>> run_saturation(np.array([65535.0, 3880.0]), np.array([17, 3881]))
    array([4095., 3880.])
    >>> run_saturation(np.array([65535.0, 65535.0]), np.repeat([17, 3881], 20))
    array([3881., 3881.])
    """
    highest = int(followed.max(initial=0))
    piled = int(np.count_nonzero(followed == highest))
    near = int(np.count_nonzero(followed > _NEAR_CLIP * highest))
    if piled >= _FEWEST_PILED and 2 * piled > near and highest >= 2 ** (_FEWEST_BITS - 1):
        return np.minimum(saturation, float(highest))
    return np.minimum(saturation, 2.0 ** max(highest.bit_length(), _FEWEST_BITS) - 1)
