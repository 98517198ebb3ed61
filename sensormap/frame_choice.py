"""Which frames the second pass follows: the longest exposures, and the rest evenly over time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sensormap.frame import Photo


def choose_frames(photos: Sequence[Photo], usable: Sequence[int], most: int) -> list[int]:
    """Choose the frames to follow: the longest exposures, and the rest evenly over time.

    Parameters
    ----------
    photos
        In order of capture.
    usable
        Numbers of the frames to choose from, ascending: all of them, or the good ones that repeat no scene.
    most
        How many at most, at least 2.

    Returns
    -------
    list of int
        Ascending. A quarter are the longest exposures (shutter time times ISO), which hot photosites need.
    """
    if len(usable) <= most:
        return list(usable)

    def exposed(number: int) -> float:
        exposure = photos[number].exposure
        return (exposure.shutter_s or 0.0) * (exposure.iso or 100)

    longest = sorted(usable, key=lambda number: (-exposed(number), number))[: most // 4]
    rest = sorted(set(usable) - set(longest))
    evenly = np.linspace(0, len(rest) - 1, most - len(longest)).round().astype(int)
    return sorted({*longest, *(rest[i] for i in evenly)})


def refilled(photos: Sequence[Photo], chosen: Sequence[int], usable: Sequence[int], most: int) -> list[int]:
    """Return the chosen frames that turned out usable, and others for those that did not, ascending.

    Parameters
    ----------
    photos, usable, most
        As for `choose_frames`.
    chosen
        What it chose before it was known what is usable.
    """
    kept = sorted({*chosen} & {*usable})
    wanted = min(most, len(usable)) - len(kept)
    others = choose_frames(photos, sorted({*usable} - {*kept}), max(wanted, 2)) if wanted > 0 else []
    return sorted([*kept, *others[: max(wanted, 0)]])
