"""What the passes over the photos of one body leave behind, and the camera's times of its frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sensormap.assemble.mixed_bodies import how_to_split
from sensormap.assemble.pass_rules import PassRules
from sensormap.camera.profile import Body, Profile
from sensormap.detect.tally import Tally
from sensormap.detect.votes import BlockVotes
from sensormap.diagnose.kind_and_strengths import SecondPassResult
from sensormap.diagnose.onset import FrameSpan
from sensormap.frame import Photo
from sensormap.maps.entries import Between


@dataclass(frozen=True)
class Evidence:
    """What the passes over the photos of one body left behind.

    Parameters
    ----------
    rules
        Treatment of the photos, as raw ones or as JPEGs.
    body, profile
        Whose sensor it is, and the geometry used.
    photos, numbers, digests
        The used photos in order of capture, their frame numbers, and the SHA-256 of their files.
    saturation
        DN at which a photosite clips, black subtracted.
    tally
        Sums over the frames.
    block_votes
        Results of the blocks of votes.
    repeated, filtered
        Number of used photos that repeat a scene, and of those filtered in camera.
    followed
        Results of the second pass; None without one.
    decoy_part
        Share of the sensor in which it looked for decoys.
    clock_jumps
        Number of times that the camera's clock contradicts its count of shots.
    blocks
        Numbers of the frames that voted, by block.
    refused
        Reasons of the photos that the first pass could not use, by frame number.
    """

    rules: PassRules
    body: Body
    profile: Profile
    photos: tuple[Photo, ...]
    numbers: tuple[int, ...]
    digests: tuple[str, ...]
    saturation: int
    tally: Tally
    block_votes: tuple[BlockVotes, ...]
    repeated: int = 0
    filtered: int = 0
    followed: SecondPassResult | None = None
    decoy_part: float = 1.0
    clock_jumps: int = 0
    blocks: tuple[tuple[int, ...], ...] = ()
    refused: Mapping[int, str] = field(default_factory=dict)

    @property
    def counted(self) -> int:
        """Number of photos that count: those that repeat no scene and, if there was one, were in the second pass."""
        different = len(self.photos) - self.repeated
        return different if self.followed is None else min(different, self.followed.counted)

    @property
    def followed_photos(self) -> list[Photo]:
        """The photos of the second pass, in order of capture; none without one."""
        photos = dict(zip(self.numbers, self.photos, strict=True))
        return [] if self.followed is None else [photos[n] for n in self.followed.conditions.number.tolist()]

    @property
    def two_sensors(self) -> str:
        """How to split photos of two sensors; "" where there is no sign of a second one."""
        second = None if self.followed is None else self.followed.second_sensor
        return "" if second is None else how_to_split(self.followed_photos, second)


_SOONEST = timedelta(days=1)  # from the last photo without a defect to the first without it again


class Clock:
    """Capture times of some frames, by the camera's clock.

    Parameters
    ----------
    photos
        Photos of the frames, in order of capture.

    Attributes
    ----------
    problem
        Why nothing can be dated; None if it can.
    first
        Earliest time; None where none is known.
    """

    def __init__(self, photos: Sequence[Photo]) -> None:
        times = [photo.exposure.time for photo in photos]
        missing = times.count(None)
        self.problem: str | None = None
        if missing:
            self.problem = f"of {len(times)} photos {missing} without a capture time"
        elif len(times) < 2:
            self.problem = "one photo alone has no before and after"
        elif len({time and time.replace(microsecond=0) for time in times}) < 2:
            self.problem = "all photos have one capture time"
        self._times: list[datetime] = [time for time in times if time is not None]
        self.first = min(self._times, default=None)

    def between(self, change: FrameSpan | None) -> Between | None:
        """Return the times of the frames around a change, or None where there is none to tell.

        Parameters
        ----------
        change
            Positions of the frames of which one is the first after the change; None where nothing changed.
        """
        if change is None or self.problem is not None:
            return None
        if change.high == 0:
            return Between(None, None)
        # A change after the last frame is dated by it.
        by = self._times[min(change.high, len(self._times) - 1)]
        return Between(self._times[change.low - 1] if change.low else None, by)

    def within_a_day(self, onset: Between | None, until: Between | None) -> bool:
        """Tell whether a defect came and went within a day: that is a jump, since none heals so soon.

        Parameters
        ----------
        onset, until
            When it appeared, and when it was gone again, from `between`.
        """
        first = (onset and onset.after) or self.first
        return first is not None and until is not None and until.by is not None and until.by - first < _SOONEST
