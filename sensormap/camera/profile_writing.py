"""A camera profile as the text of a file."""

from __future__ import annotations

from sensormap.camera.geometry import rect_text
from sensormap.camera.profile import Profile
from sensormap.strict_yaml import quoted


def profile_text(profile: Profile) -> str:
    """Return a profile as YAML, in which its name does not stand: that is the file's.

    Parameters
    ----------
    profile
        Any profile.
    """
    width, height = profile.raw_size
    black, suppression = profile.black_level, profile.suppression_from_s
    return f"""\
make: {quoted(profile.make)}
model: {quoted(profile.model)}
raw_size: [{width}, {height}]
active_area: {rect_text(profile.active_area)}
jpeg_crop: {rect_text(profile.jpeg_crop)}
cfa: {profile.cfa.name}
black_level: {"null" if black is None else black[0] if profile.cfa.is_xtrans else list(black)}
saturation: {profile.saturation}
bits: {profile.bits}
suppression_from_s: {"null" if suppression is None else suppression}
verified: {"true" if profile.verified else "false"}
"""
