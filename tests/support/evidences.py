"""Evidence to test with: photos, empty sums, and votes or followed series that single out given photosites."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sensormap.assemble.evidence import Evidence
from sensormap.assemble.pass_rules import RAW
from sensormap.camera.geometry import Rect
from sensormap.camera.profile import Body, Profile
from sensormap.detect.tally import Outliers, Tally
from sensormap.detect.votes import BlockVotes
from sensormap.frame import Exposure, Photo
from tests.support.frames import TOY_PROFILE

BODY = Body("ACME", "ACME One", "7")
FRAMES = 20
TALL = replace(TOY_PROFILE, raw_size=(19, 311), active_area=Rect(3, 1, 13, 301), jpeg_crop=Rect(6, 3, 9, 297))
NO_OUTLIERS = Outliers.concatenate([])
NOTHING = np.empty(0, np.int32)


def photo(number: int, **exposure: Any) -> Photo:
    return Photo(Path(f"DSC_{number:04}.NEF"), 1000 + number, BODY, Exposure(**exposure))


def votes_of(index: list[int], score: list[float], outliers: Outliers = NO_OUTLIERS) -> BlockVotes:
    """Return a block's result that names no photosite for the second pass."""
    return BlockVotes(np.array(index, np.int32), np.array(score, np.float64), outliers, 12.0, NOTHING, NOTHING)


def evidence_of(
    places: dict[tuple[int, int], float] | None = None,
    *,
    profile: Profile = TALL,
    outliers: Outliers = NO_OUTLIERS,
    frames: int = FRAMES,
    **parts: Any,
) -> Evidence:
    """Return evidence in which votes single out `places`, (row, col) of the active area with their scores."""
    width, height = profile.active_area.width, profile.active_area.height
    tally = Tally((height, width))
    tally.frames = frames
    index = sorted(row * width + col for row, col in places or {})
    score = [(places or {})[divmod(place, width)] for place in index]
    values = {
        "rules": RAW,
        "body": BODY,
        "profile": profile,
        "photos": tuple(photo(number, iso=100, shutter_s=0.01) for number in range(frames)),
        "numbers": tuple(range(frames)),
        "digests": tuple(f"{number:064x}" for number in range(frames)),
        "saturation": profile.saturation,
        "tally": tally,
        "block_votes": (votes_of(index, score, outliers),),
    }
    return Evidence(**(values | parts))
