"""How the photos of one body are cut into shards: runs of photos that are surveyed by themselves.

A boundary depends on the photos around it and not on how many came before. So a photo that is added later changes the
shard that it falls into, and perhaps the next one, but not those after it: what was found in the others stays valid.
Backup programs cut files in this way [1]_.

References
----------
.. [1] A. Muthitacharoen, B. Chen, D. Mazieres, "A Low-bandwidth Network File System", SOSP '01, 174-187 (2001),
   doi:10.1145/502034.502052.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import timedelta

from sensormap.frame import Photo

FEWEST, MOST = 24, 120
"""Photos a shard: fewer vote poorly, more take longer to survey again. The last shard may have up to `FEWEST` more."""

# A boundary comes before one photo in so many; more often after a pause, where it splits no burst and no series from a
# tripod. Together they make shards of 40 photos, where there is a pause between any two, to 85, where there is none.
_PAUSE = timedelta(minutes=10)
_AT_A_PAUSE, _ELSEWHERE = 16, 96


def cut_into_shards(photos: Sequence[Photo]) -> list[range]:
    """Return the numbers of the photos of each shard.

    Parameters
    ----------
    photos
        Photos of one body in order of capture.

    Returns
    -------
    list of range
        Every number from 0 once, ascending: `FEWEST` to `MOST` + `FEWEST` a shard, unless there are fewer in all.
        Up to `MOST` photos are one shard.
    """
    count = len(photos)
    starts = [0]
    if count > MOST:
        for number in range(FEWEST, count):
            length = number - starts[-1]
            if length >= MOST or (length >= FEWEST and _is_boundary(photos[number - 1], photos[number])):
                starts.append(number)
        if count - starts[-1] < FEWEST:
            starts.pop()
    return [range(first, end) for first, end in zip(starts, [*starts[1:], count], strict=True)]


def _is_boundary(before: Photo, photo: Photo) -> bool:
    """Tell whether a boundary may stand before a photo, by chance that depends on the photo only."""
    earlier, later = before.exposure.time, photo.exposure.time
    pause = earlier is not None and later is not None and later - earlier >= _PAUSE
    return _number(photo) % (_AT_A_PAUSE if pause else _ELSEWHERE) == 0


def _number(photo: Photo) -> int:
    """Return a number that the photo keeps wherever it lies: of its time and count, or of its name where it has none.

    64 bits, evenly distributed.
    """
    time, count = photo.exposure.time, photo.exposure.shutter_count
    text = photo.path.name if time is None and count is None else f"{time and time.isoformat()} {count}"
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()[:8], "big")
