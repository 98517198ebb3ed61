"""The first pass: every photo is decoded once and tallied; kept are outlying scores until they vote, and some values.

Frames are decoded and tallied by threads of one process, which share the tally: decoding and kernels release the GIL,
no frame crosses a process boundary, and sums of integers do not depend on who added first.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import replace
from functools import partial
from itertools import islice
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from sensormap.assemble.pass_rules import PassRules
from sensormap.camera.profile import Profile
from sensormap.detect.outlier_lists import period_of, shift_places
from sensormap.detect.tally import Outliers, Tally, add_outlying
from sensormap.detect.votes import BlockVotes, count_votes, parts_of, shift_of, time_blocks
from sensormap.errors import ProfileError
from sensormap.frame import NARROW, Photo, Skipped
from sensormap.photos.files import forget_ahead, read_ahead
from sensormap.photos.refusals import Refusals, skipped
from sensormap.score.filtered import is_filtered
from sensormap.score.neighbours import pad
from sensormap.score.noise import fit_noise
from sensormap.score.same_scene import Fingerprint, fingerprint_of
from sensormap.shards.summary import FrameRecord, ShardSummary, ShardVotes, decoy_rows
from sensormap.survey.context import RunContext
from sensormap.survey.frame_reader import FrameReader
from sensormap.survey.memory import give_back
from sensormap.survey.saved_windows import SavedWindows, split_frames
from sensormap.survey.scenes_seen import ScenesSeen
from sensormap.threads import Pool, no_progress, raise_if_ended, result_of

log = logging.getLogger(__name__)

# Photosites: three of each plane of Bayer, which the neighbours at the borders are copied from.
_SMALLEST_SIDE = 6

# Fingerprints kept at either end of a shard: tripod series and bursts follow each other, so one of each scene is enough
# that does not lie far from the boundary.
_AT_THE_ENDS = 16

# Photos that the own decoder and LibRaw decode differently, from which on all are left to LibRaw.
_ENOUGH_DIFFERING = 2

# Photos decoded while the compiler is imported: memory for them is there, since the tally has not taken its own yet.
_AHEAD = 6

# Photos that may be fetched from a server before a thread is free for them; how many are, their sizes decide.
_LOOKED_AHEAD = 16


def survey_shard(
    photos: tuple[Photo, ...],
    profile: Profile,
    rules: PassRules,
    context: RunContext,
    *,
    follow: Collection[int] = (),
    leave_out: Collection[str] = (),
) -> ShardSummary:
    """Run the first pass over a shard; once more by LibRaw alone if a photo of it was found to be decoded differently.

    So a shard's result depends on its own photos only. Once two photos of a run differ, the own decoder is not asked
    any more, which saves time and changes no result. Parameters and errors are those of `run_first_pass`.
    """
    first_pass = partial(run_first_pass, photos, profile, rules, follow=follow, leave_out=leave_out)
    run_wide, fallback = context.differing, context.fallback
    trusted = len(run_wide) < _ENOUGH_DIFFERING
    if fallback is None or trusted:
        in_shard = replace(context, differing=set())
        found = first_pass(in_shard)
        give_back()  # what the frames took, before the result is added up or written
        if fallback is None or not in_shard.differing:
            return found
        del found
        run_wide |= in_shard.differing
        log.info("a photo is decoded differently by LibRaw: its shard is surveyed again by LibRaw alone")
        if len(run_wide) >= _ENOUGH_DIFFERING:
            names = ", ".join(sorted(path.name for path in run_wide))
            log.warning("%s: decoded differently by LibRaw, which decodes all photos from here on", names)
    by_fallback = replace(context, read=fallback, fallback=None)
    if trusted:  # for the second time: only what is new is told
        again = Refusals(strict=False, quiet=True)
        found = first_pass(replace(by_fallback, refusals=again, progress=no_progress))
        context.refusals.extend((Counter(again.skipped) - Counter(context.refusals.skipped)).elements())
    else:
        found = first_pass(by_fallback)
    give_back()
    records = {number: replace(record, by_fallback=True) for number, record in found.records.items()}
    return replace(found, records=records)


def run_first_pass(
    photos: tuple[Photo, ...],
    profile: Profile,
    rules: PassRules,
    context: RunContext,
    *,
    follow: Collection[int] = (),
    leave_out: Collection[str] = (),
) -> ShardSummary:
    """Decode and tally every photo, and count the votes of each block of frames.

    Parameters
    ----------
    photos
        Photos of one shard in order of capture, all raw or all JPEGs; a photo's place is its frame number.
    profile
        Geometry and levels, as `decode.reading.open_geometry` returns them.
    rules
        Treatment of the photos, as raw ones or as JPEGs.
    context
        Options, decoders and callbacks of the run.
    follow
        Numbers of the frames of which values are saved for the second pass; none if there is none.
    leave_out
        Digests of the photos that do not count, since photos of another shard show their scenes.

    Raises
    ------
    ProfileError
        If the active area is too small to have neighbours.
    """
    area = profile.active_area
    smallest = max(_SMALLEST_SIDE, 3 * profile.cfa.step)
    if min(area.width, area.height) < smallest:
        size = f"{area.width} x {area.height} photosites"
        msg = f"{profile.name}: active area of {size}, expected {smallest} a side or more"
        raise ProfileError(msg)
    return _FirstPass(photos, profile, rules, context, follow, frozenset(leave_out)).run()


class _FirstPass:
    """What the threads of a first pass share."""

    def __init__(
        self,
        photos: tuple[Photo, ...],
        profile: Profile,
        rules: PassRules,
        context: RunContext,
        follow: Collection[int],
        leave_out: frozenset[str],
    ) -> None:
        area, thresholds = profile.active_area, context.options.thresholds
        shape = (area.height, area.width)
        self._photos, self._profile, self._rules, self._context = photos, profile, rules, context
        self._tally = Tally(shape, frames=len(photos))
        self._records: dict[int, FrameRecord] = {}
        self._skipped: dict[int, Skipped] = {}
        self._leave_out = leave_out
        self._fingerprints: dict[int, Fingerprint] = {}  # of the frames that count
        self._outliers: dict[int, Outliers] = {}  # of frames whose block has not voted
        long = [(photo.exposure.shutter_s or 0) >= thresholds.long_exposure_s for photo in photos]
        self._blocks = time_blocks(range(len(photos)), long=long, size=thresholds.block_frames)
        step = profile.cfa.step
        self._cfa = profile.cfa.shifted(x=area.x, y=area.y)
        self._step = max(step, rules.shift_block) if min(shape) >= rules.shift_block else step
        self._reach = rules.shift_reach
        self._shifts = np.zeros((2, len(photos)), np.int32)
        searched = decoy_rows(area.height, everywhere=rules.smears) * area.width
        self._shifted_sums = np.zeros(searched, self._tally.sum_outlying.dtype)
        self._shifted_lock = Lock()
        self._reader = FrameReader(photos, profile, rules, context)
        self._saved = SavedWindows(
            split_frames(len(photos), saving=bool(follow)),
            follow,
            self._tally,
            self._shifted_sums,
            self._shifts,
            step=self._step,
            reach=self._reach,
            cfa=self._cfa,
            thresholds=thresholds,
            smears=rules.smears,
            finds_lines=rules.finds_lines,
        )
        self._scenes = ScenesSeen(self._saved.order)
        self._ended = False

    def run(self) -> ShardSummary:
        """Decode and tally every photo; count each block's votes when its last frame is done."""
        block_of = {frame: block for block, frames in enumerate(self._blocks) for frame in frames}
        waiting = {block: set(frames) for block, frames in enumerate(self._blocks)}
        votes: dict[int, Future[tuple[BlockVotes, ...]]] = {}
        threads, progress = self._context.options.threads, self._context.progress
        pool = Pool(threads)
        progress(0, len(self._photos))
        try:
            # Two photos a thread in flight: no thread idles, and no more frames than threads are in memory.
            for done, (frame, result) in enumerate(self._frames(pool, in_flight=2 * threads), start=1):
                if isinstance(result, Skipped):
                    self._skipped[frame] = result
                    self._context.refusals.extend([result])
                else:
                    self._records[frame] = result
                progress(done, len(self._photos))
                block = block_of[frame]
                waiting[block].discard(frame)
                if not waiting[block]:
                    votes[block] = pool.submit(self._vote, block)
            return self._result([part for block in sorted(votes) for part in result_of(votes[block])])
        finally:
            self._ended = True
            self._scenes.end()
            self._saved.end()
            self._reader.end()
            forget_ahead(photo.path for photo in self._photos)
            pool.shutdown(wait=True, cancel_futures=True)

    def _result(self, block_votes: list[BlockVotes]) -> ShardSummary:
        """Return what is left behind when all frames are done."""
        different = sorted(self._fingerprints)
        voted = tuple(tuple(frame for frame in block if frame in self._fingerprints) for block in self._blocks)
        return ShardSummary(
            records=self._records,
            skipped=self._skipped,
            tally=self._tally,
            votes=(ShardVotes(0, tuple(block_votes), voted),),
            shifts=self._shifts,
            shifted_sums=self._shifted_sums,
            saved_windows=self._saved.windows,
            contradictions=self._reader.contradictions,
            fingerprints={
                frame: self._fingerprints[frame]
                for frame in sorted({*different[:_AT_THE_ENDS], *different[-_AT_THE_ENDS:]})
            },
        )

    def _frames(self, pool: Pool, *, in_flight: int) -> Iterator[tuple[int, FrameRecord | Skipped]]:
        """Yield every frame's number and result, in the order in which they are done."""
        numbers, paths = iter(self._saved.order), [self._photos[number].path for number in self._saved.order]
        read_ahead(paths)
        self._reader.read_ahead(self._saved.order[:_AHEAD], pool)
        pending = {pool.submit(self._frame, number): number for number in islice(numbers, in_flight)}
        self._compile()
        begun = max(len(pending), _AHEAD)
        while pending:
            # The time-out lets Ctrl-C through on every platform.
            finished, _ = wait(pending, timeout=0.2, return_when=FIRST_COMPLETED)
            raise_if_ended()
            for future in sorted(finished, key=pending.__getitem__):
                number = pending.pop(future)
                read_ahead(paths[begun : begun + _LOOKED_AHEAD])
                begun += 1
                pending.update((pool.submit(self._frame, following), following) for following in islice(numbers, 1))
                yield number, future.result()

    def _compile(self) -> None:
        """Have the kernels compiled here, on a tiny frame: Ctrl-C ends that, but waits for a thread that does it."""
        step, saturation = self._cfa.step, self._profile.saturation
        tiny = np.zeros((8 * step, 8 * step), np.int16 if saturation <= NARROW else np.int32)
        padded = pad(tiny, step)
        noise = fit_noise(padded, self._cfa, clipping=(0, saturation))
        tally = Tally((tiny.shape[0], tiny.shape[1]), frames=len(self._photos))
        tally.add(padded, noise, clipping=(0, saturation), frame=0)
        self._reader.begin()

    def _frame(self, number: int) -> FrameRecord | Skipped:
        """Decode one photo, check it, add it to the tally; whatever happens, the frames after it wait no longer."""
        try:
            return self._read_and_tally(number)
        finally:
            self._scenes.pass_over(number)
            self._saved.finish(number)

    def _read_and_tally(self, number: int) -> FrameRecord | Skipped:
        """Decode one photo, check it, add it to the tally unless it repeats a scene."""
        frame = self._reader.read(number)
        if isinstance(frame, Skipped):
            return frame
        raise_if_ended()
        padded, noise, clipping = frame.padded, frame.noise, frame.clipping
        fingerprint = fingerprint_of(padded, noise, compare_outliers=self._rules.compares_outliers)
        repeat = self._scenes.is_repeat(number, fingerprint) or frame.digest in self._leave_out
        if self._ended:
            return skipped(self._photos[number].path.name, "the run ended before it was tallied")
        self._saved.wait(number)
        raise_if_ended()
        filtered = self._rules.detects_filtering and is_filtered(padded, self._cfa, clipping=clipping)
        self._shifts[:, number] = shift_of(frame.digest, self._tally.shape, self._step, self._reach)
        if not repeat:
            self._fingerprints[number] = fingerprint
            margin = self._rules.clipping_margin
            limits = (clipping[0] - margin, clipping[1] + margin)
            outliers = self._tally.add(padded, noise, clipping=limits, frame=number, filtered=filtered)
            if self._rules.decoys:
                self._add_shifted(outliers, self._shifts[:, number])
            self._saved.save(number, padded, outliers)
            if self._rules.keeps_frames and self._saved.is_read_again(number):
                step = self._profile.cfa.step
                self._context.kept.keep(frame.digest, padded[step:-step, step:-step])
            self._outliers[number] = outliers
        return FrameRecord(noise, *clipping, frame.digest, filtered, repeat, frame.by_fallback)

    def _add_shifted(self, outliers: Outliers, shift: NDArray[np.int32]) -> None:
        """Add a frame's outlying scores where they are after its shift."""
        moved = shift_places(outliers.index, shift, self._tally.shape, period_of(self._step))
        with self._shifted_lock:
            add_outlying(moved, outliers.score, self._shifted_sums)

    def _vote(self, block: int) -> tuple[BlockVotes, ...]:
        """Count a block's votes, whole and by halves; of outlying scores only what its votes keep is left."""
        frames = [frame for frame in self._blocks[block] if frame in self._outliers]
        block_votes = count_votes(
            {frame: self._outliers.pop(frame) for frame in frames},
            parts_of(frames) if self._rules.halves else [frames],
            self._shifts,
            shape=self._tally.shape,
            step=self._step,
            false_votes=self._context.options.thresholds.false_votes,
            seed=3 * block,
            fewest_shifts=self._rules.fewest_shifts,
            reach=self._reach,
        )
        self._context.add_candidates(block_votes)
        # A half keeps nothing that the whole does not keep.
        none = Outliers.concatenate([])
        return (block_votes[0], *(replace(part, outliers=none) for part in block_votes[1:]))
