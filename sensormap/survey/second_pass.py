"""The second pass: a few thousand photosites are followed through all frames, and their values decide what they are.

Frames of which the first pass saved no values are decoded again for it.

Three kinds of photosites are followed. Candidates are those that the first pass named. Controls are drawn at random and
tell how healthy photosites behave. Decoys are positions where the outlying scores of differently shifted frames meet:
followed through the same shifts they are what chance and scenery make of healthy photosites. How many of them pass for
defects tells how many of the candidates that do so are false.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import count
from threading import local

import numpy as np
from numpy.typing import NDArray

from sensormap.assemble.mixed_bodies import second_sensor
from sensormap.assemble.pass_rules import rules_for
from sensormap.camera.profile import Profile
from sensormap.decode.astro.levels import OWN_PROFILES, run_saturation
from sensormap.detect.follow_list import FollowList, moved_back
from sensormap.detect.line_sites import LineSites
from sensormap.detect.lines import DeviatingLine
from sensormap.detect.outlier_lists import period_of
from sensormap.detect.runs import crowded
from sensormap.diagnose.defect_odds import Odds, odds_of
from sensormap.diagnose.fixed_pattern import FixedPattern, measure_fixed_pattern, where_it_matters, with_floors
from sensormap.diagnose.jpeg.odds import LEAST_LIMIT, LEAST_SPREAD, odds_of_jpegs
from sensormap.diagnose.jpeg.smears import smeared, strongest
from sensormap.diagnose.kind_and_strengths import FollowedLine, SecondPassResult
from sensormap.diagnose.line_series import follow_lines
from sensormap.diagnose.scenery import neighbours_deviate, repeated_frames
from sensormap.diagnose.series import (
    Conditions,
    FollowedWindows,
    Series,
    measure_odd_shares,
    measure_response_spread,
    photon_noise,
)
from sensormap.diagnose.temperature.doubling import dark_law_of, warmed
from sensormap.errors import SensorMapError
from sensormap.frame import Mosaic, Photo, Skipped
from sensormap.photos.files import forget_ahead, read_ahead
from sensormap.photos.refusals import skipped
from sensormap.score.neighbours import pad
from sensormap.score.paired_outliers import SHIFTS
from sensormap.shards.summary import ShardSummary, Windows
from sensormap.shards.tally_files import sums_on_disk
from sensormap.survey.context import RunContext
from sensormap.survey.memory import give_back
from sensormap.survey.saved_windows import CONTROLS, GatheredWindows, draw_controls
from sensormap.threads import Pool, raise_if_ended, result_of

log = logging.getLogger(__name__)

# Times that frames are compared by what is likely defective: fewer frames leave other scenery, which may repeat too.
_SCENE_ROUNDS = 6


def run_second_pass(  # noqa: PLR0913
    photos: Sequence[Photo],
    profile: Profile,
    first: ShardSummary,
    follow_list: FollowList,
    frames: Sequence[int],
    context: RunContext,
    *,
    lines: Sequence[DeviatingLine] = (),
) -> SecondPassResult | None:
    """Follow photosites through frames.

    Parameters
    ----------
    photos, profile
        Photos and profile of the first pass.
    first
        Results of the first pass; its `saved_windows` are emptied.
    follow_list
        Candidates and decoys, both ascending.
    frames
        Numbers of the frames to follow them through, ascending; none that repeats a scene.
    context
        Options, decoders and callbacks of the run.
    lines
        Columns and rows that deviate in the mean of all frames, of which the result has those that are defects.

    Returns
    -------
    SecondPassResult or None
        None if no frame was saved and no photo could be decoded again.
    """
    second_pass = _SecondPass(photos, profile, first, follow_list, context, lines)
    with sums_on_disk(first.tally):  # while its values take their place
        result = second_pass.run(frames)
        del second_pass  # and what it gathered, before the sums come back
        give_back()
        return result


# Photos that may be fetched from a server before a thread is free for them; how many are, their sizes decide.
_LOOKED_AHEAD = 16


class _Memory(local):
    """What each thread keeps from one frame to the next: to get memory anew takes as long as to fill it."""

    padded: Mosaic | None = None


class _SecondPass:
    """What the threads of the second pass share."""

    def __init__(
        self,
        photos: Sequence[Photo],
        profile: Profile,
        first: ShardSummary,
        candidates: FollowList,
        context: RunContext,
        lines: Sequence[DeviatingLine],
    ) -> None:
        area = profile.active_area
        self._photos, self._profile, self._first, self._context = photos, profile, first, context
        self._candidates, self._decoys = candidates.photosites, candidates.decoys
        self._smears = rules_for(photos).smears
        # Whether the neighbours of each candidate deviate with it, and how often those of other photosites do.
        cfa = profile.cfa.shifted(x=area.x, y=area.y)
        self._neighbours_deviate, *others = neighbours_deviate(first.tally, cfa, self._candidates, (0, *SHIFTS))
        self._others_deviate = np.mean(others, axis=0)
        self._cfa = cfa
        controls = draw_controls(area.width * area.height)
        self._lines = LineSites.of(lines, (area.height, area.width), cfa.step)
        self._followed = FollowList(
            np.concatenate([self._candidates, controls, self._lines.photosites]), self._decoys
        )
        self._memory = _Memory()
        self._ended = False

    def run(self, frames: Sequence[int]) -> SecondPassResult | None:
        """Gather the values of the frames, then compute the odds of candidates and decoys."""
        pool = Pool(self._context.options.threads)
        try:
            gathered = self._gather(frames, pool)
            if not gathered.steps:
                return None
            conditions = self._conditions(gathered)
            windows = self._windows(gathered, conditions)
            if self._profile.name in OWN_PROFILES:
                conditions = replace(conditions, saturation=run_saturation(conditions.saturation, windows.windows[0]))
            return self._result(windows, conditions, pool)
        finally:
            self._ended = True
            self._context.kept.clear()
            forget_ahead(photo.path for photo in self._photos)
            pool.shutdown(wait=True, cancel_futures=True)

    def _gather(self, frames: Sequence[int], pool: Pool) -> GatheredWindows:
        """Put the frames' values together: those that were saved, and of the others those that can be decoded."""
        saved, progress = self._first.saved_windows, self._context.progress
        gathered = GatheredWindows(self._followed, frames)
        again = [frame for frame in frames if frame not in saved]
        progress(0, len(again))
        paths, begun = [self._photos[frame].path for frame in again], count(1)

        def read(frame: int) -> Windows | Skipped:
            read_ahead(paths[next(begun) :][:_LOOKED_AHEAD])  # the pool takes them up in that order
            return self._read_again(frame)

        pending = deque((frame, pool.submit(read, frame)) for frame in again)
        for frame in frames:  # while the first ones are decoded
            if frame in saved:
                gathered.add(frame, saved.pop(frame))
        saved.clear()
        for done in range(1, len(again) + 1):
            frame, future = pending.popleft()
            result = result_of(future)
            del future  # what was gathered is not held twice
            if isinstance(result, Skipped):
                self._context.refusals.add_lost(result)
            else:
                gathered.add(frame, result)
            progress(done, len(again))
        return gathered

    def _read_again(self, number: int) -> Windows | Skipped:
        """Decode one photo again and return its values, or why it cannot be used any more."""
        photo, record = self._photos[number], self._first.records[number]
        if self._ended:
            return skipped(photo.path.name, "the run ended before it was followed")
        active = self._context.kept.take(record.digest)
        if active is not None:
            return self._windows_of(number, active)
        fallback = self._context.fallback if record.by_fallback else None
        try:
            frame = (fallback or self._context.read)(photo, self._profile)
        except SensorMapError as error:
            return skipped(photo.path.name, f"in the second pass: {skipped(photo.path.name, error).reason}")
        raise_if_ended()
        if frame.digest != record.digest:
            return skipped(photo.path.name, "changed between the two passes")
        return self._windows_of(number, frame.mosaic[self._profile.active_area.slices])

    def _windows_of(self, number: int, active: Mosaic | NDArray[np.uint8]) -> Windows:
        """Return the values of a frame, given its active area."""
        padded = self._memory.padded = pad(active, self._cfa.step, self._memory.padded)
        return Windows(self._followed, self._followed.windows(padded, self._first.shifts[:, number], self._cfa))

    def _conditions(self, gathered: GatheredWindows) -> Conditions:
        """Return the circumstances of the followed frames."""
        frames = sorted(gathered.steps)
        exposures = [self._photos[frame].exposure for frame in frames]
        gain = np.array([exposure.gain for exposure in exposures], np.float64)  # None becomes NaN
        shutter_s = np.array([exposure.shutter_s for exposure in exposures], np.float64)
        records = [self._first.records[frame] for frame in frames]
        return Conditions(
            number=np.array(frames, np.int64),
            gain=gain if np.isfinite(gain).any() else np.ones(gain.size),
            shutter_s=shutter_s,
            filtered=np.array([record.filtered for record in records], np.bool_),
            saturation=np.array([record.saturation for record in records], np.float64),
            floor=np.array([record.floor for record in records], np.float64),
            step=np.array([gathered.steps[frame] for frame in frames], np.float64),
        )

    def _windows(self, gathered: GatheredWindows, conditions: Conditions) -> FollowedWindows:
        """Return the values of the frames, with what else is known of places and frames."""
        step, width, height = self._profile.cfa.step, self._profile.active_area.width, self._profile.active_area.height
        frames, (values, known) = conditions.number.tolist(), gathered.arrays()
        noise = np.stack([self._first.records[frame].noise.coefficients for frame in frames]).astype(np.float64)
        row, col = np.divmod(gathered.places, width)
        near = 2 * self._cfa.near
        return FollowedWindows(
            values,
            (row % step) * step + col % step,
            noise.reshape(len(frames), -1, noise.shape[-1]),
            photon_noise(noise, conditions.gain),
            corner=((row < near) | (row >= height - near)) & ((col < near) | (col >= width - near)),
            known=known,
        )

    def _result(self, followed: FollowedWindows, conditions: Conditions, pool: Pool) -> SecondPassResult:
        """Learn from the controls what is usual, then compute the odds of candidates and decoys."""
        count = self._candidates.size
        controls = slice(count, count + CONTROLS)
        followed = replace(followed, odd_shares=measure_odd_shares(followed[controls], conditions))
        if self._smears:
            return self._jpeg_result(followed, conditions, pool)
        spread, asked = measure_response_spread(followed[controls], conditions), self._context.options.least_strengths
        candidates, repeats = followed.part(slice(0, count)), np.zeros(conditions.number.size, np.bool_)

        area = self._profile.active_area

        def odds_under(some: Conditions) -> tuple[Callable[[FollowedWindows], Odds], FixedPattern]:
            pattern = measure_fixed_pattern(
                followed[controls], some, asked, spread, photosites=area.width * area.height
            )
            own = where_it_matters(pattern, asked, some)
            least = with_floors(asked, own, some)
            if own is not None:
                log.info("fixed pattern: %s; least strengths %s", own, least)

            def of_series(series: Series) -> Odds:
                return odds_of(series, some, least, response_spread=spread, pattern=own)

            return partial(_odds_in_lots, of_series, pool), pattern

        temperature = self._temperatures(conditions)
        law = dark_law_of(candidates, conditions, temperature, lambda some: odds_under(some)[0](candidates))
        conditions = warmed(conditions, temperature, law)
        odds_in_lots, pattern = odds_under(conditions)
        odds = odds_in_lots(candidates)
        lines = followed.part(slice(count + CONTROLS, self._followed.photosites.size))
        deviating = follow_lines(self._lines, lines, conditions, asked)
        on_lines = self._on_lines(deviating.lines)
        other = second_sensor(candidates, odds.likely, conditions.gain * conditions.dark_s)
        # What two sensors differ in is no scenery, and no frame may be dropped for it.
        for _ in range(_SCENE_ROUNDS if other is None else 0):
            found = self._repeats(candidates, odds, repeats, on_lines)
            if not found.any():
                break
            repeats |= found
            candidates = replace(candidates, known=candidates.known & ~repeats)
            odds = odds_in_lots(candidates)
        if repeats.any():
            deviating = follow_lines(self._lines, replace(lines, known=lines.known & ~repeats), conditions, asked)
        decoys = followed.part(slice(self._followed.photosites.size, None))
        known = decoys.known & ~repeats & self._off_defects(self._candidates[odds.likely], conditions)
        return SecondPassResult(
            places=self._candidates,
            series=candidates,
            odds=odds,
            conditions=conditions,
            decoys=odds_in_lots(replace(decoys, known=known)).total,
            response_spread=spread,
            repeats=int(np.count_nonzero(repeats)),
            pattern=where_it_matters(pattern, asked, conditions),
            highest_healthy=pattern.highest,
            second_sensor=other,
            lines=deviating.lines,
            line_decoys=deviating.decoys,
            dark_law=law,
        )

    def _temperatures(self, conditions: Conditions) -> NDArray[np.float64]:
        """Return the temperature of the sensor in each followed frame, NaN where unknown."""
        told = [self._photos[frame].exposure.temperature_c for frame in conditions.number.tolist()]
        return np.array(told, np.float64)  # None becomes NaN

    def _jpeg_result(self, followed: FollowedWindows, conditions: Conditions, pool: Pool) -> SecondPassResult:
        """Compute the odds of candidates and decoys from JPEGs."""
        count = self._candidates.size
        controls, decoys = followed[slice(count, count + CONTROLS)], followed.part(slice(count + CONTROLS, None))
        spread = measure_response_spread(controls, conditions, least=LEAST_SPREAD)

        odds_of_series = partial(odds_of_jpegs, conditions=conditions, response_spread=spread)
        odds_in_lots = partial(_odds_in_lots, odds_of_series, pool)
        candidates = followed.part(slice(0, count))
        odds = odds_in_lots(candidates)
        listed = np.flatnonzero(odds.total >= LEAST_LIMIT)
        single = np.zeros(count, np.bool_)  # of each smear one, or a defect would count many times
        single[listed] = strongest(self._candidates[listed], odds.total[listed], self._first.tally.shape[1])
        other = second_sensor(candidates, single, conditions.gain * conditions.shutter_s)
        smears = smeared(self._candidates[odds.likely], self._first.tally.shape)
        known = decoys.known & self._off_defects(smears, conditions)
        return SecondPassResult(
            places=self._candidates,
            series=candidates,
            odds=odds,
            conditions=conditions,
            decoys=odds_in_lots(replace(decoys, known=known)).total,
            response_spread=spread,
            second_sensor=other,
        )

    def _on_lines(self, lines: Sequence[FollowedLine]) -> NDArray[np.bool_]:
        """Tell which candidates lie on some columns or rows, or are compared with photosites that do."""
        row, col = np.divmod(self._candidates, self._profile.active_area.width)
        found, near = np.zeros(self._candidates.size, np.bool_), self._cfa.near
        for line in (followed.line for followed in lines):
            across, along = (col, row) if line.axis == "column" else (row, col)
            found |= (np.abs(across - line.place) <= near) & (along >= line.first - near) & (along <= line.last + near)
        return found

    def _repeats(
        self, candidates: FollowedWindows, odds: Odds, repeats: NDArray[np.bool_], on_lines: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        """Tell which frames, beside the known `repeats`, show the scene of an earlier one."""
        single = odds.likely & ~on_lines
        area = self._profile.active_area
        row, col = np.divmod(self._candidates[single].astype(np.int32), area.width)
        single[single] = ~crowded(row, col, (area.height, area.width))  # of bad columns, whose members deviate together
        singles = candidates[single & self._neighbours_deviate]
        score = (singles.value - singles.level) / np.sqrt(singles.variance)
        found = ~repeats
        found[~repeats] = repeated_frames(
            score[:, ~repeats],
            int(np.count_nonzero(single)),
            by_chance=float(self._others_deviate[single].sum()),
            more=bool(repeats.any()),
        )
        return found

    def _off_defects(self, defects: NDArray[np.int64], conditions: Conditions) -> NDArray[np.bool_]:
        """Tell in which frames each decoy does not lie on a defect: what it shows there is not by chance."""
        area = self._profile.active_area
        shape = (area.height, area.width)
        is_off = np.ones(shape, np.bool_)
        is_off.reshape(-1)[defects] = False
        period = period_of(self._cfa.step)
        off = np.empty((self._decoys.size, conditions.number.size), np.bool_)
        for i, frame in enumerate(conditions.number.tolist()):
            off[:, i] = is_off[moved_back(self._decoys, self._first.shifts[:, frame], shape, period)]
        return off


def _odds_in_lots(odds_of_series: Callable[[Series], Odds], pool: Pool, part: FollowedWindows) -> Odds:
    """Return the odds of followed photosites, lot by lot in several threads."""
    first = odds_of_series(part[:0])  # the kernels are compiled here
    found = [pool.submit(lambda lot: odds_of_series(part[lot]), lot) for lot in part.lots()]
    return Odds.concatenate([first, *(result_of(one) for one in found)])
