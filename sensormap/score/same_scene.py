"""Whether two frames show one scene in one place, so that its texture would be counted twice.

Two measures tell: `slopes`, where texture covers much of the frame, and `paired_outliers`, where it is sparse. Copies
of one photo have the same noise too.
"""

from __future__ import annotations

from dataclasses import dataclass

from sensormap.frame import Mosaic
from sensormap.score.noise import Noise
from sensormap.score.paired_outliers import Bits, PairedOutliers, find_paired_outliers, share_paired_outliers
from sensormap.score.slopes import Slopes, are_copies, find_slopes, share_slopes


@dataclass(frozen=True, eq=False)
class Fingerprint:
    """What is kept of a frame to compare its scene with others: 300 kB for a D80.

    Parameters
    ----------
    slopes
        The scene's slopes along a sample of rows.
    paired_outliers
        Outlying scores in a sample of rows; None where they tell nothing of the scene, as in a JPEG.
    """

    slopes: Slopes
    paired_outliers: PairedOutliers | None


def fingerprint_of(padded: Mosaic, noise: Noise, *, compare_outliers: bool = True) -> Fingerprint:
    """Return a frame's fingerprint.

    Parameters
    ----------
    padded
        The active area as `score.neighbours.pad` returns it, DN.
    noise
        Noise of the frame, from `score.noise.fit_noise`.
    compare_outliers
        Whether paired outliers belong to it: not to that of a JPEG, whose defects are smeared, and would be paired
        outliers in every frame.
    """
    return Fingerprint(find_slopes(padded, noise), find_paired_outliers(padded, noise) if compare_outliers else None)


def show_one_scene(one: Fingerprint, other: Fingerprint, bits: Bits | None = None) -> bool:
    """Tell whether two frames show one scene in one place.

    Parameters
    ----------
    one, other
        Fingerprints of either frame, from `fingerprint_of`.
    bits
        Result of `paired_outliers.bits_of` for the paired outliers of `one`, where it is compared with many frames.
    """
    mine, theirs = one.paired_outliers, other.paired_outliers
    paired = mine is not None and theirs is not None and share_paired_outliers(mine, theirs, bits)
    return paired or share_slopes(one.slopes, other.slopes) or are_copies(one.slopes, other.slopes)
