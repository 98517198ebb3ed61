"""What came of correcting one photo."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sensormap.correct.selection import Chosen


@dataclass(frozen=True)
class Corrected:
    """One photo that was corrected.

    Parameters
    ----------
    source, output
        The photo, and the file that was written.
    repaired
        Photosites of a raw photo, or defects of a JPEG, that have other values now, or are listed in the DNG.
    left
        Those that were to be repaired and could not be: no healthy photosite is near, or a JPEG does not show them.
    chosen
        What of the map was to be repaired, and why the rest was not.
    elsewhere
        Of a JPEG, the mean change of the picture outside the blocks that were coded anew, in DN of 8 bits.
    """

    source: Path
    output: Path
    repaired: int
    left: int
    chosen: Chosen
    elsewhere: float | None = None
