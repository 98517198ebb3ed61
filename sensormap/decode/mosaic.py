"""Decoded values as a mosaic: compared with the profile, and black subtracted. Every decoder ends with this."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensormap.camera.cfa import Cfa
from sensormap.camera.geometry import Rect
from sensormap.camera.profile import Profile
from sensormap.errors import DecodeError, FrameMismatchError
from sensormap.frame import NARROW, Mosaic

# Photosites of which one at least has the highest value of all, where that is the DN at which they clip.
_PILE = 10_000


class Decoded(NamedTuple):
    """What a decoder makes of a photo.

    Parameters
    ----------
    mosaic
        Photosites on the raw grid, ``(H, W)``, in DN with black subtracted: int16 within +-`frame.NARROW`, or int32.
        Outside the active area it may be uninitialised.
    floor, saturation
        Lowest DN that a photosite can have, and DN at which it clips, black subtracted.
    """

    mosaic: Mosaic
    floor: int
    saturation: int


def decoded(
    values: NDArray[np.uint16], profile: Profile, name: str, *, black_level: tuple[int, ...], saturation: int
) -> Decoded:
    """Return a photo's values with black subtracted; refuse an empty frame and one that does not fit the profile.

    Parameters
    ----------
    values
        Photosites on the raw grid, shape ``(H, W)``, in DN, black included.
    profile
        Filters, active area and bits of the camera.
    name
        The file's name, for messages.
    black_level
        DN of no light, one per plane in the order of ``profile.cfa.planes``.
    saturation
        DN at which a photosite clips, black included, as far as is known; see `clipping_level`.

    Raises
    ------
    DecodeError
        If every photosite of the active area is 0.
    FrameMismatchError
        If one has more bits than the profile.
    """
    active = values[profile.active_area.slices]
    highest = int(active.max())
    if highest == 0:
        msg = f"{name}: every photosite is 0"
        raise DecodeError(msg)
    if highest >> profile.bits:
        msg = f"{name}: a photosite has {highest} DN, but profile {profile.name} has bits {profile.bits}"
        raise FrameMismatchError(msg)
    saturation = clipping_level(active, highest, saturation)
    mosaic = subtract_black(values, profile.cfa, black_level, area=profile.active_area, bits=profile.bits)
    return Decoded(mosaic, -min(black_level), saturation - max(black_level))


def clipping_level(active: NDArray[np.uint16], highest: int, known: int) -> int:
    """Return the DN at which a photo's photosites clip: the known one, unless they contradict it.

    Parameters
    ----------
    active
        Photosites of the active area, DN.
    highest
        The highest of them.
    known
        DN at which the camera's photosites are known to clip.

    Notes
    -----
    Sources disagree on cameras (3880, 3980 and 4095 DN are given for a Nikon D80). Where a camera clips higher than is
    known, the highlights of a photo pile up at its highest value; where it does not, what lies beyond is spread, or is
    a few hot photosites. Only a pile counts that is most of all that lies beyond, and one photosite in ten thousand.

    Examples
    --------
    >>> highlights = np.full((100, 100), 4095, np.uint16)
    >>> clipping_level(highlights, 4095, 3880), clipping_level(highlights, 4095, 4095)
    (4095, 4095)
    """
    if highest <= known:
        return known
    piled = int(np.count_nonzero(active == highest))
    if piled * _PILE < active.size or 2 * piled <= int(np.count_nonzero(active > known)):
        return known
    return highest


def subtract_black(
    values: NDArray[np.uint16], cfa: Cfa, black_level: tuple[int, ...], *, area: Rect, bits: int
) -> Mosaic:
    """Return a mosaic with the black level of each plane subtracted.

    Parameters
    ----------
    values
        Photosites on the raw grid, shape ``(H, W)``, in DN.
    cfa
        Filter pattern from raw-grid (0, 0).
    black_level
        DN of no light, one per plane in the order of ``cfa.planes``.
    area
        The active area.
    bits
        Bits of a photosite; no value in `area` has more.

    Returns
    -------
    ndarray of int16 or int32, shape (H, W)
        Values below black are negative. Outside `area` it may be uninitialised. It is int16 up to 14 bits, and where
        there is nothing to subtract then it is `values` itself: its 20 MB are not copied.

    Examples
    --------
    >>> values = np.full((2, 4), 100, np.uint16)
    >>> subtract_black(values, Cfa("RGGB"), (1, 2, 3, 4), area=Rect(0, 0, 4, 2), bits=12).tolist()
    [[99, 98, 99, 98], [97, 96, 97, 96]]
    """
    narrow = max(2**bits - 1, *black_level) <= NARROW
    if narrow and not any(black_level):
        return values.view(np.int16)
    mosaic: Mosaic = np.empty(values.shape, np.int16 if narrow else np.int32)
    active = mosaic[area.slices]
    active[...] = values[area.slices]
    if len(black_level) > 4 and len({*black_level}) == 1:  # of X-Trans: 36 planes are 36 sweeps
        active -= black_level[0]
        return mosaic
    for plane, level in zip(cfa.planes, black_level, strict=True):
        if level:
            row, col = (plane.row - area.y) % plane.step, (plane.col - area.x) % plane.step
            active[row :: plane.step, col :: plane.step] -= level
    return mosaic


def check_size(found: tuple[int, int], profile: Profile, name: str, error: type[Exception]) -> None:
    """Refuse a photo whose raw grid is not the profile's.

    Parameters
    ----------
    found
        Width and height of the photo's raw grid.
    profile
        Profile of the camera.
    name
        The file's name, for the message.
    error
        Type of the exception to raise.
    """
    if found != profile.raw_size:
        msg = (
            f"{name}: raw grid of {found[0]} x {found[1]} photosites, but profile {profile.name} has raw_size "
            f"{profile.raw_size[0]} x {profile.raw_size[1]}"
        )
        raise error(msg)
