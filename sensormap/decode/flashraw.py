"""Raw files through flashraw, an optional decoder four times as fast as LibRaw, where it is known to agree with it.

It notices less damage than LibRaw. LibRaw is therefore its fallback, wherever flashraw finds something odd, or what it
returns looks odd. Damage that neither notices is left to the check whether a frame is plausible.
"""

from __future__ import annotations

import logging
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensormap.camera.profile import Profile
from sensormap.decode.mosaic import Decoded, decoded
from sensormap.photos.files import MAX_PHOTOSITES

log = logging.getLogger(__name__)

# Compressions whose mosaics were compared with LibRaw's, photosite for photosite.
_COMPRESSIONS = frozenset({"nikon-huffman"})


def read_flashraw_frame(data: bytes, profile: Profile | None, name: str) -> Decoded | None:
    """Decode a raw file, or return None, and log why, where its fallback has to be asked.

    Parameters and errors are those of `reading.DecodeFunction`.
    """
    if profile is None:
        return None
    flashraw = load_flashraw()
    values = read_flash(flashraw, data, profile) if flashraw else "not installed (pip install 'sensormap[fast]')"
    if isinstance(values, str):
        log.info("%s: decoded by rawpy; flashraw: %s", name, values)
        return None
    return decoded(values, profile, name, black_level=profile.black_level or (0,), saturation=profile.saturation)


def load_flashraw() -> ModuleType | None:
    """Return the flashraw package, or None where it is not installed."""
    try:
        return import_module("flashraw")
    except ImportError:
        return None


def read_flash(flashraw: ModuleType, data: bytes, profile: Profile) -> NDArray[np.uint16] | str:
    """Return a raw file's mosaic, or why its fallback has to be asked.

    Parameters
    ----------
    flashraw
        The package, from `load_flashraw`.
    data
        The whole file.
    profile
        Geometry and levels that the mosaic must agree with.

    Returns
    -------
    ndarray of uint16, shape (H, W), or str
        Photosites on the raw grid, in DN; beyond LibRaw's visible area they may differ from LibRaw's.
    """
    if profile.black_level is None:
        return "black is left to LibRaw"
    try:
        with flashraw.open(data, max_samples=MAX_PHOTOSITES) as file:
            odd = _oddity(file.frame_info, profile)
            frame = None if odd else file.decode(threads=1, corruption_policy="strict")
    except flashraw.FlashRawError as error:  # a panic inside becomes one of them too
        return str(error)
    if frame is None:
        return odd or "not decoded"
    if frame.incomplete or frame.warnings or frame.array.shape != profile.raw_size[::-1]:
        return "decoded in part"
    values: NDArray[np.uint16] = frame.array
    # What LibRaw refuses as out of range decodes to the highest number there is.
    highest = int(values[profile.active_area.slices].max())
    if highest == 0:
        return "every photosite is 0"
    return f"a photosite of {highest} DN, beyond saturation" if highest > profile.saturation else values


def _oddity(info: Any, profile: Profile) -> str | None:
    """Return what in flashraw's description of a file differs from the profile, or is not known to decode alike."""
    if info.compression not in _COMPRESSIONS:
        return f"compression {info.compression} is not known to decode alike"
    if (info.width, info.height) != profile.raw_size:
        return f"{info.width} x {info.height} photosites"
    if info.bits_per_sample > profile.bits:
        return f"{info.bits_per_sample} bits"
    filters = info.cfa.pattern if info.cfa else "none"
    return f"filters {filters}" if filters != profile.cfa.name else None
