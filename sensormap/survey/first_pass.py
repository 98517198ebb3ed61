"""The first pass: every photo decoded once, tallied, and forgotten but for its outlying scores and what is watched.

Frames are decoded and tallied by threads of one process, which share the tally: decoding and kernels release the GIL,
no frame crosses a process boundary, and sums of integers do not depend on who added first.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from itertools import islice
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from sensormap.camera.profile import Profile
from sensormap.decode.reading import read_frame
from sensormap.detect.outlier_lists import shift_places
from sensormap.detect.tally import Outliers, Tally, add_outlying
from sensormap.detect.votes import Ballot, count_votes, draw_shifts, parts_of, time_blocks
from sensormap.errors import ProfileError
from sensormap.frame import NARROW, Photo, Skipped
from sensormap.photos.refusals import skipped
from sensormap.score.filtered import is_filtered
from sensormap.score.neighbours import pad
from sensormap.score.noise import Noise, fit_noise
from sensormap.score.same_scene import look_of
from sensormap.settings import Thresholds
from sensormap.survey.frame_reader import Examiner, Read
from sensormap.survey.saved_windows import Watch, stretches
from sensormap.survey.scenes_seen import Variety
from sensormap.threads import Progress, patiently

# Photosites: three of each plane, which the neighbours at the borders are copied from.
_SMALLEST_SIDE = 6

# Decoys are looked for in one part of the rows out of so many, from the top.
DECOY_PART = 4
_SHIFT_SEED = 1

# Photos decoded while the compiler is imported: memory for them is there, since the tally has not taken its own yet.
_AHEAD = 6

# A JPEG's frames are shifted by whole blocks of its compression, whose pattern is in all of them at the same places.
_JPEG_BLOCK = 16


@dataclass(frozen=True)
class Tallied:
    """What is kept of a frame.

    Parameters
    ----------
    outliers
        Its outlying scores, until its block has voted.
    noise
        As fitted.
    floor, saturation
        Its clipping, DN.
    digest
        Of the file.
    filtered
        Whether the camera lowered what stood out.
    repeat
        Whether it shows the scene of an earlier frame: then it was not added to the tally.
    surely
        Whether it had to be decoded by what is surer.
    """

    outliers: Outliers
    noise: Noise
    floor: int
    saturation: int
    digest: str
    filtered: bool
    repeat: bool
    surely: bool = False


class FirstPass:
    """One pass over the photos of one body.

    Parameters
    ----------
    photos
        In order of capture, all raw or all JPEGs; a photo's place is its frame number.
    profile
        Geometry and levels, as `decode.open_geometry` returns them.
    thresholds
        Of voting.
    read
        Decodes a photo.
    read_surely
        Decodes once more what `read` cannot use; its word counts. None: `read` is sure.
    follow
        Numbers of the frames that a second pass wants to know of; none if there will be no second pass.

    Attributes
    ----------
    tally
        Sums over the frames so far.
    tallied
        What is kept of each good frame, by number.
    shifts
        Offsets of the frames that make decoys: in shifted frames no defect is in one place twice.
    shifted
        Sums of the sizes of outlying scores after the shift, for the topmost part of the rows, flat.
    ballots
        Results of each block of votes: of the whole, then of its halves.
    watch
        What was seen of the frames to follow.

    Raises
    ------
    ProfileError
        If the active area is too small to have neighbours.
    """

    def __init__(
        self,
        photos: tuple[Photo, ...],
        profile: Profile,
        thresholds: Thresholds,
        *,
        read: Read = read_frame,
        read_surely: Read | None = None,
        follow: Collection[int] = (),
    ) -> None:
        area = profile.active_area
        if min(area.width, area.height) < _SMALLEST_SIDE:
            size = f"{area.width} x {area.height} photosites"
            msg = f"{profile.name}: active area of {size}, expected {_SMALLEST_SIDE} a side or more"
            raise ProfileError(msg)
        self.photos = photos
        self.profile = profile
        self.thresholds = thresholds
        self._jpeg = photos[0].jpeg_size is not None
        self.tally = Tally((area.height, area.width), frames=len(photos))
        self.tallied: dict[int, Tallied] = {}
        self.ballots: dict[int, tuple[Ballot, ...]] = {}
        long = [(photo.exposure.shutter_s or 0) >= thresholds.long_exposure_s for photo in photos]
        self.blocks = time_blocks(range(len(photos)), long=long, size=thresholds.block_frames)
        shape = self.tally.shape
        step = _JPEG_BLOCK if self._jpeg and min(shape) >= _JPEG_BLOCK else profile.cfa.step
        self.shifts = draw_shifts(len(photos), shape, step, _SHIFT_SEED)
        self.shifted = np.zeros(max(shape[0] // DECOY_PART, 1) * shape[1], self.tally.sum_outlying.dtype)
        self.read = read
        self._examiner = Examiner(photos, profile, read, read_surely)
        self.watch = Watch(
            stretches(len(photos), watched=bool(follow)),
            follow,
            self.tally,
            self.shifted,
            self.shifts,
            cfa=profile.cfa.shifted(x=area.x, y=area.y),
            thresholds=thresholds,
        )
        self._variety = Variety(self.watch.order)
        self._shifted_lock = Lock()
        self._ended = False

    @property
    def all_ballots(self) -> tuple[Ballot, ...]:
        """The blocks' results in order."""
        return tuple(ballot for block in sorted(self.ballots) for ballot in self.ballots[block])

    @property
    def contradictions(self) -> dict[int, ProfileError]:
        """Of photos whose filters or active area are not the profile's, by number."""
        return self._examiner.contradictions

    def run(self, threads: int, progress: Progress, refuse: Callable[[Skipped], None]) -> None:
        """Decode and tally every photo; count each block's votes when its last frame is done.

        Parameters
        ----------
        threads
            How many to use.
        progress
            Called as photos are done, first with 0.
        refuse
            Called with each photo that cannot be used; what it raises ends the run.
        """
        block_of = {frame: block for block, frames in enumerate(self.blocks) for frame in frames}
        waiting = {block: set(frames) for block, frames in enumerate(self.blocks)}
        votes: dict[int, Future[tuple[Ballot, ...]]] = {}
        pool = ThreadPoolExecutor(threads)
        progress(0, len(self.photos))
        try:
            # Two photos a thread in flight: no thread idles, and no more frames than threads are in memory.
            for done, (frame, result) in enumerate(self._frames(pool, in_flight=2 * threads), start=1):
                if isinstance(result, Skipped):
                    refuse(result)
                else:
                    self.tallied[frame] = result
                progress(done, len(self.photos))
                block = block_of[frame]
                waiting[block].discard(frame)
                if not waiting[block]:
                    votes[block] = pool.submit(self._vote, block)
            for block in sorted(votes):
                self.ballots[block] = patiently(votes[block])
        finally:
            self._ended = True
            self._variety.end()
            self.watch.end()
            self._examiner.end()
            pool.shutdown(wait=True, cancel_futures=True)

    def _frames(self, pool: ThreadPoolExecutor, *, in_flight: int) -> Iterator[tuple[int, Tallied | Skipped]]:
        """Yield every frame's number and result, in the order in which they are done."""
        numbers = iter(self.watch.order)
        self._examiner.read_ahead(self.watch.order[:_AHEAD], pool)
        pending = {pool.submit(self._frame, number): number for number in islice(numbers, in_flight)}
        self._compile()
        while pending:
            # The time-out lets Ctrl-C through on every platform.
            finished, _ = wait(pending, timeout=0.5, return_when=FIRST_COMPLETED)
            for future in sorted(finished, key=pending.__getitem__):
                number = pending.pop(future)
                pending.update((pool.submit(self._frame, following), following) for following in islice(numbers, 1))
                yield number, future.result()

    def _compile(self) -> None:
        """Have the kernels compiled here, on a tiny frame: Ctrl-C ends that, but waits for a thread that does it."""
        step, saturation = self.profile.cfa.step, self.profile.saturation
        tiny = np.zeros((8 * step, 8 * step), np.int16 if saturation <= NARROW else np.int32)
        padded = pad(tiny, step)
        noise = fit_noise(padded, step, clipping=(0, saturation))
        tally = Tally((tiny.shape[0], tiny.shape[1]), frames=len(self.photos))
        tally.add(padded, noise, clipping=(0, saturation), frame=0)
        self._examiner.begin()

    def _frame(self, number: int) -> Tallied | Skipped:
        """Decode one photo, check it, add it to the tally; whatever happens, the frames after it wait no longer."""
        try:
            return self._tallied(number)
        finally:
            self._variety.pass_over(number)
            self.watch.finish(number)

    def _tallied(self, number: int) -> Tallied | Skipped:
        """Decode one photo, check it, add it to the tally unless it repeats a scene."""
        photo, step = self.photos[number], self.profile.cfa.step
        examined = self._examiner.examine(number)
        if isinstance(examined, Skipped):
            return examined
        padded, noise, clipping = examined.padded, examined.noise, examined.clipping
        repeat = self._variety.is_repeat(number, look_of(padded, noise, jpeg=self._jpeg))
        if self._ended:
            return skipped(photo.path.name, "the run ended before it was tallied")
        self.watch.wait(number)
        # Smoothing hides from `is_filtered` what the camera did before it.
        filtered = not self._jpeg and is_filtered(padded, step, clipping=clipping)
        outliers = Outliers.concatenate([])
        if not repeat:
            # A clipped pixel of a JPEG scores 0 where its surroundings are: that needs no count of its own.
            limits = (clipping[0] - 1, clipping[1] + 1) if self._jpeg else clipping
            outliers = self.tally.add(padded, noise, clipping=limits, frame=number, filtered=filtered)
            if not self._jpeg:  # decoys are for the second pass
                self._add_shifted(outliers, self.shifts[:, number])
            self.watch.tallied(number, padded, outliers)
        return Tallied(outliers, noise, *clipping, examined.digest, filtered, repeat, examined.surely)

    def _add_shifted(self, outliers: Outliers, shift: NDArray[np.int32]) -> None:
        """Add a frame's outliers where they are after its shift."""
        moved = shift_places(outliers.index, shift, self.tally.shape)
        with self._shifted_lock:
            add_outlying(moved, outliers.score, self.shifted)

    def _vote(self, block: int) -> tuple[Ballot, ...]:
        """Count a block's votes, whole and by halves; its frames' outliers are dropped but for what a ballot keeps."""
        frames = [frame for frame in self.blocks[block] if frame in self.tallied and not self.tallied[frame].repeat]
        ballots = count_votes(
            {frame: self.tallied[frame].outliers for frame in frames},
            [frames] if self._jpeg else parts_of(frames),
            self.shifts,
            shape=self.tally.shape,
            false_votes=self.thresholds.false_votes,
            seed=3 * block,
            fewest_shifts=1 if self._jpeg else 2,
        )
        none = Outliers.concatenate([])
        for frame in frames:
            self.tallied[frame] = replace(self.tallied[frame], outliers=none)
        # A half keeps nothing that the whole does not keep.
        return (ballots[0], *(replace(ballot, outliers=none) for ballot in ballots[1:]))
