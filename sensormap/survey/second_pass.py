"""The second pass: a few thousand photosites, whose series through all frames decide what they are.

Frames that the first pass did not watch are read again for it.

Three kinds of photosites are followed.  Candidates are those that the first pass found worth it.  Controls are drawn at
random and tell how healthy photosites behave.  Decoys are places where the outliers of differently shifted frames meet:
followed through the same shifts they are what chance and scenery make of healthy photosites, and those that pass for
defects tell how many of the candidates that do so are false.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sensormap.camera.profile import Profile
from sensormap.detect.follow_list import Spots, moved_back
from sensormap.diagnose.diagnosis import Followed
from sensormap.diagnose.odds import Odds, odds_of
from sensormap.diagnose.scenery import repeated_frames
from sensormap.diagnose.series import (
    Conditions,
    FollowedWindows,
    measure_odd_shares,
    measure_response_spread,
    photon_noise,
)
from sensormap.errors import SensorMapError
from sensormap.frame import Photo, Skipped
from sensormap.maps.clusters import find_columns
from sensormap.photos.refusals import skipped
from sensormap.score.neighbours import pad
from sensormap.settings import LeastStrengths
from sensormap.survey.first_pass import Tallied
from sensormap.survey.frame_reader import Read
from sensormap.survey.saved_windows import CONTROLS, Sight, draw_controls
from sensormap.threads import Progress, patiently

# Scenery that fewer frames still make may show another scene that repeats.
_SCENE_ROUNDS = 6


@dataclass(frozen=True)
class Places:
    """What to follow: positions ``row * W + col`` in the active area; decoys are moved with each frame's shift.

    Parameters
    ----------
    candidates, decoys
        Ascending.
    company
        Whether the neighbours of each candidate deviate with it.
    shifts
        (row, col) offset of every frame number, ``(2, frames)``.
    """

    candidates: NDArray[np.int64]
    company: NDArray[np.bool_]
    decoys: NDArray[np.int64]
    shifts: NDArray[np.int32]

    def spots(self, photosites: int) -> Spots:
        """Return all places to look at, in the order of the series: candidates, controls, decoys."""
        return Spots(np.concatenate([self.candidates, draw_controls(photosites)]), self.decoys)


class SecondPass:
    """One second pass over some of the frames of the first.

    Parameters
    ----------
    photos, profile
        As for `first_pass.FirstPass`.
    tallied
        What the first pass kept of the frames.
    read
        Decodes a photo.
    read_surely
        Decodes those that the first pass had to have decoded by it; None if there are none.
    seen
        What the first pass saw of some frames, which are not read again.
    """

    def __init__(
        self,
        photos: Sequence[Photo],
        profile: Profile,
        tallied: dict[int, Tallied],
        *,
        read: Read,
        read_surely: Read | None = None,
        seen: Mapping[int, Sight] | None = None,
    ) -> None:
        self.photos = photos
        self.profile = profile
        self.tallied = tallied
        self._read = read
        self._read_surely = read_surely or read
        self._seen = seen or {}
        self._ended = False

    def run(
        self,
        frames: Sequence[int],
        places: Places,
        least_strengths: LeastStrengths,
        *,
        threads: int,
        progress: Progress,
        refuse: Callable[[Skipped], None],
    ) -> Followed | None:
        """Follow photosites through frames.

        Parameters
        ----------
        frames
            Numbers of those to follow, ascending; none that repeats a scene.
        places
            What to follow.
        least_strengths
            The least strengths that count.
        threads
            How many to use.
        progress
            Called as photos are done, first with 0.
        refuse
            Called with each photo that is gone or has changed since the first pass.

        Returns
        -------
        Followed or None
            None if no photo could be read again.
        """
        area = self.profile.active_area
        spots = places.spots(area.width * area.height)
        again = [frame for frame in frames if frame not in self._seen]
        pool = ThreadPoolExecutor(threads)
        progress(0, len(again))
        sights = {frame: self._seen[frame] for frame in frames if frame in self._seen}
        try:
            pending = [(frame, pool.submit(self._look, frame, spots, places.shifts)) for frame in again]
            for done, (frame, future) in enumerate(pending, start=1):
                result = patiently(future)
                if isinstance(result, Skipped):
                    refuse(result)
                else:
                    sights[frame] = result
                progress(done, len(again))
            if not sights:
                return None
            conditions = self._conditions(sorted(sights))
            gathered = self._gather(sights, spots, conditions)
            sights, self._seen = {}, {}  # as large as what was gathered
            return self._weigh(gathered, places, conditions, least_strengths, pool)
        finally:
            self._ended = True
            pool.shutdown(wait=True, cancel_futures=True)

    def _look(self, number: int, spots: Spots, shifts: NDArray[np.int32]) -> Sight | Skipped:
        """Decode one photo again and return what it shows."""
        photo, step = self.photos[number], self.profile.cfa.step
        if self._ended:
            return skipped(photo.path.name, "the run ended before it was followed")
        try:
            read = self._read_surely if self.tallied[number].surely else self._read
            frame = read(photo, self.profile)
        except SensorMapError as error:
            return skipped(photo.path.name, f"in the second pass: {skipped(photo.path.name, error).reason}")
        if frame.digest != self.tallied[number].digest:
            return skipped(photo.path.name, "changed between the two passes")
        padded = pad(frame.mosaic[self.profile.active_area.slices], step)
        return Sight(spots, spots.windows(padded, shifts[:, number], step))

    def _conditions(self, frames: Sequence[int]) -> Conditions:
        """Return the circumstances of the followed frames."""
        exposures = [self.photos[frame].exposure for frame in frames]
        gain = np.array([exposure.gain for exposure in exposures], np.float64)  # None becomes NaN
        shutter_s = np.array([exposure.shutter_s for exposure in exposures], np.float64)
        kept = [self.tallied[frame] for frame in frames]
        return Conditions(
            number=np.array(frames, np.int64),
            gain=gain if np.isfinite(gain).any() else np.ones(gain.size),
            shutter_s=shutter_s,
            filtered=np.array([one.filtered for one in kept], np.bool_),
            saturation=np.array([one.saturation for one in kept], np.float64),
            floor=np.array([one.floor for one in kept], np.float64),
        )

    def _gather(self, sights: Mapping[int, Sight], spots: Spots, conditions: Conditions) -> FollowedWindows:
        """Put together what the frames showed; what the first pass did not look at is not known there."""
        step, width = self.profile.cfa.step, self.profile.active_area.width
        places = np.concatenate([spots.fixed, spots.decoys])
        frames = conditions.number.tolist()
        types = {sights[frame].windows.dtype for frame in frames}
        windows = np.zeros((3, len(spots), len(frames)), np.result_type(*types))
        known = np.ones(windows.shape[1:], np.bool_)
        for i, frame in enumerate(frames):
            found = spots.among(sights[frame].spots) if frame in self._seen else np.arange(len(spots))
            known[:, i] = found >= 0
            windows[:, known[:, i], i] = sights[frame].windows[:, found[known[:, i]]]
        noise = np.stack([self.tallied[frame].noise.coefficients for frame in frames]).astype(np.float64)
        row, col, height = places // width, places % width, self.profile.active_area.height
        near = 2 * step
        return FollowedWindows(
            windows,
            (row % step) * step + col % step,
            noise.reshape(len(frames), -1, noise.shape[-1]),
            photon_noise(noise, conditions.gain),
            corner=((row < near) | (row >= height - near)) & ((col < near) | (col >= width - near)),
            known=known,
        )

    def _weigh(
        self,
        gathered: FollowedWindows,
        places: Places,
        conditions: Conditions,
        least_strengths: LeastStrengths,
        pool: ThreadPoolExecutor,
    ) -> Followed:
        """Learn from the controls, then weigh candidates and decoys."""
        count = places.candidates.size
        controls = slice(count, count + CONTROLS)
        gathered = replace(gathered, odd_shares=measure_odd_shares(gathered[controls], conditions))
        spread = measure_response_spread(gathered[controls], conditions)

        def weighed(part: FollowedWindows) -> Odds:
            def of(lot: slice) -> Odds:
                return odds_of(part[lot], conditions, least_strengths, response_spread=spread)

            # The first lot is empty: the kernels are compiled here, not in several threads.
            first = of(slice(0, 0))
            found = [pool.submit(of, lot) for lot in part.lots()]
            return Odds.concatenate([first, *(patiently(one) for one in found)])

        candidates, repeats = gathered.part(slice(0, count)), np.zeros(conditions.number.size, np.bool_)
        odds = weighed(candidates)
        for _ in range(_SCENE_ROUNDS):
            single = odds.likely & ~self._in_runs(places.candidates, odds.likely)
            suspects = candidates[single & places.company]
            score = (suspects.value - suspects.level) / np.sqrt(suspects.variance)
            found = ~repeats
            listed = int(np.count_nonzero(single))
            found[~repeats] = repeated_frames(score[:, ~repeats], listed, more=bool(repeats.any()))
            if not found.any():
                break
            repeats |= found
            candidates = replace(candidates, known=candidates.known & ~repeats)
            odds = weighed(candidates)
        decoys = gathered.part(slice(count + CONTROLS, None))
        known = decoys.known & ~repeats & self._off_defects(places, places.candidates[odds.likely], conditions)
        return Followed(
            places=places.candidates,
            series=candidates,
            odds=odds,
            conditions=conditions,
            decoys=weighed(replace(decoys, known=known)).total,
            response_spread=spread,
            repeats=int(np.count_nonzero(repeats)),
        )

    def _in_runs(self, places: NDArray[np.int64], likely: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Tell which of the likely places belong to bad columns or rows, whose members keep each other company."""
        width = self.profile.active_area.width
        which = np.flatnonzero(likely)
        row, col = (places[which] // width).astype(np.int32), (places[which] % width).astype(np.int32)
        inside = np.zeros(places.size, np.bool_)
        for run in (*find_columns(row, col), *find_columns(col, row)):
            inside[which[run.members]] = True
        return inside

    def _off_defects(
        self, places: Places, defects: NDArray[np.int64], conditions: Conditions
    ) -> NDArray[np.bool_]:
        """Tell in which frames each decoy does not lie on a defect: those in which it does are no chance."""
        area = self.profile.active_area
        shape = (area.height, area.width)
        off = np.empty((places.decoys.size, conditions.number.size), np.bool_)
        for i, frame in enumerate(conditions.number.tolist()):
            row, col = moved_back(places.decoys, places.shifts[:, frame], shape)
            off[:, i] = ~np.isin(row * shape[1] + col, defects)
        return off
