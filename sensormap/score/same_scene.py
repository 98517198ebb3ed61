"""Repeats: whether two frames show one scene in one place, so that its texture would vote twice.

Two things tell: `slopes`, where texture covers much of the frame, and `marks`, where it is sparse.
"""

from __future__ import annotations

from dataclasses import dataclass

from sensormap.frame import Mosaic
from sensormap.score.marks import Bits, Marks, find_marks, share_marks
from sensormap.score.noise import Noise
from sensormap.score.slopes import Slopes, find_slopes, share_slopes


@dataclass(frozen=True, eq=False)
class Look:
    """What a frame looks like, for comparison with others: 300 kB of a D80's. A JPEG has no marks."""

    slopes: Slopes
    marks: Marks | None


def look_of(padded: Mosaic, noise: Noise, *, jpeg: bool = False) -> Look:
    """Return what a frame looks like.

    Parameters
    ----------
    padded
        The active area as `score.pad` returns it, DN.
    noise
        Of the frame, from `score.fit_noise`.
    jpeg
        Whether it is a JPEG: its defects are smeared, and would be marks in every frame.
    """
    return Look(find_slopes(padded, noise), None if jpeg else find_marks(padded, noise))


def alike(one: Look, other: Look, bits: Bits | None = None) -> bool:
    """Tell whether two frames show one scene in one place.

    Parameters
    ----------
    one, other
        From `look_of`.
    bits
        Of the marks of `one`, from `marks.bits_of`, where it is compared with many.
    """
    marked = one.marks is not None and other.marks is not None and share_marks(one.marks, other.marks, bits)
    return marked or share_slopes(one.slopes, other.slopes)
