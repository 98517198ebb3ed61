"""Is a decoded frame a photo? Damage that decodes without an error must not be tallied."""

from __future__ import annotations

from sensormap.camera import Profile
from sensormap.kernels import Mosaic
from sensormap.score import Noise


def check_frame(padded: Mosaic, noise: Noise, profile: Profile, name: str, *, saturation: int) -> None:
    """Refuse a frame that is no plausible photo."""
