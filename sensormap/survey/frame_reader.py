"""What happens to a photo before it counts: it is decoded, padded, its noise fitted, and checked to be a photo."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from threading import Event, local

import numpy as np

from sensormap.assemble.pass_rules import PassRules
from sensormap.camera.profile import Profile
from sensormap.errors import ProfileError, SensorMapError
from sensormap.frame import Frame, Mosaic, Photo, Skipped
from sensormap.photos.refusals import skipped
from sensormap.score.neighbours import pad
from sensormap.score.noise import Noise, fit_noise
from sensormap.score.plausible import implausibility, unlike_light
from sensormap.survey.context import Read, RunContext
from sensormap.threads import raise_if_ended

log = logging.getLogger(__name__)

_COMPARED = 100  # photos, of which one is decoded by both decoders


@dataclass(frozen=True)
class PreparedFrame:
    """A frame that can be used.

    Parameters
    ----------
    padded
        Its active area as `score.neighbours.pad` returns it, DN; the next frame of the same thread overwrites it.
    noise
        Noise fitted to it.
    clipping
        Lowest and highest DN, black subtracted.
    digest
        SHA-256 of the file, hexadecimal.
    by_fallback
        Whether the fallback decoded it.
    """

    padded: Mosaic
    noise: Noise
    clipping: tuple[int, int]
    digest: str
    by_fallback: bool = False


def is_compared(number: int, digest: str) -> bool:
    """Tell whether a photo is decoded by both decoders: the first one of a shard, and one in a hundred.

    Examples
    --------
    >>> is_compared(0, "01"), is_compared(1, "01"), is_compared(1, "c8")
    (True, False, True)
    """
    return number == 0 or int(digest, 16) % _COMPARED == 0


class _Memory(local):
    """What each thread keeps from one frame to the next: allocating the memory again takes longer than filling it."""

    padded: Mosaic | None = None


class FrameReader:
    """Decodes photos and checks each by itself; threads share it.

    Parameters
    ----------
    photos
        Photos of the pass, all raw or all JPEGs.
    profile
        Their geometry and levels.
    rules
        Treatment of the photos, as raw ones or as JPEGs.
    context
        The run's decoders.

    Attributes
    ----------
    contradictions
        Errors of the photos whose filters or active area are not the profile's, by number.
    """

    def __init__(self, photos: Sequence[Photo], profile: Profile, rules: PassRules, context: RunContext) -> None:
        self._photos = photos
        self._profile = profile
        self._cfa = profile.cfa.shifted(x=profile.active_area.x, y=profile.active_area.y)
        self._rules = rules
        self._decode = context.read
        self._fallback = context.fallback if rules.fallback else None
        self._differing = context.differing
        self.contradictions: dict[int, ProfileError] = {}
        self._ahead: dict[int, Future[Frame]] = {}
        self._memory = _Memory()
        self._begun = Event()
        self._ended = False

    def read_ahead(self, numbers: Iterable[int], pool: Executor) -> None:
        """Have some photos decoded before anything else that the pool is given, while none can be checked yet.

        Parameters
        ----------
        numbers
            Frame numbers; each has to be read by the same pool, later.
        pool
            Threads that take up what they are given in that order.
        """
        self._ahead = {number: pool.submit(self._decode, self._photos[number], self._profile) for number in numbers}

    def begin(self) -> None:
        """Let frames be checked: the kernels are compiled."""
        self._begun.set()

    def end(self) -> None:
        """Let no thread wait any longer: the run is over."""
        self._ended = True
        self._begun.set()

    def read(self, number: int) -> PreparedFrame | Skipped:
        """Return a photo's frame, or why it cannot be used.

        Raises
        ------
        MemoryError
            If too little memory is free; its text names the photo.
        """
        try:
            frame = self._read(number, self._decode)
            if isinstance(frame, Skipped) and self._fallback is not None and not self._ended:
                frame = self._read(number, self._fallback)
                return frame if isinstance(frame, Skipped) else replace(frame, by_fallback=True)
        except MemoryError as error:
            msg = "{}, {} x {} photosites".format(self._photos[number].path.name, *self._profile.raw_size)
            raise MemoryError(msg) from error
        return frame

    def _read(self, number: int, decode: Read) -> PreparedFrame | Skipped:
        photo, area, cfa = self._photos[number], self._profile.active_area, self._cfa
        step = cfa.step
        ahead = self._ahead.pop(number, None)
        try:
            frame = ahead.result() if ahead else decode(photo, self._profile)
        except SensorMapError as error:
            if isinstance(error, ProfileError):
                self.contradictions[number] = error
            return skipped(photo.path.name, error)
        raise_if_ended()  # here and below: the steps of a large frame take a second each
        ahead = None
        clipping, digest, by_own = (frame.floor, frame.saturation), frame.digest, frame.by_own_decoder
        padded = self._memory.padded = pad(frame.mosaic[area.slices], step, self._memory.padded)
        raise_if_ended()
        del frame  # and with it the decoder's memory, before LibRaw or the tally takes some
        if by_own and self._fallback is not None and is_compared(number, digest):
            self._compare(photo, padded[step:-step, step:-step], clipping, self._fallback)
        self._begun.wait()
        if self._ended:
            return skipped(photo.path.name, "the run ended before it was tallied")
        noise = fit_noise(padded, cfa, clipping=clipping, quantised=self._rules.quantised)
        raise_if_ended()
        reason = self._implausibility(padded[step:-step, step:-step], noise, clipping)
        return skipped(photo.path.name, reason, digest) if reason else PreparedFrame(padded, noise, clipping, digest)

    def _compare(self, photo: Photo, active: Mosaic, clipping: tuple[int, int], fallback: Read) -> None:
        """Decode a photo by the fallback too, and compare the active area that the own decoder made of it."""
        try:
            other = fallback(photo, self._profile)
        except SensorMapError as error:
            differs = str(error)
        else:
            alike = (other.floor, other.saturation) == clipping
            alike = alike and np.array_equal(other.mosaic[self._profile.active_area.slices], active)
            differs = "" if alike else f"{photo.path.name}: LibRaw finds other values"
        if differs:
            log.info("%s; the decoder of NEFs does not notice", differs)
            self._differing.add(photo.path)

    def _implausibility(self, active: Mosaic, noise: Noise, clipping: tuple[int, int]) -> str | None:
        """Return why a frame is no photo, or None."""
        if not self._rules.compares_rows:
            return unlike_light(active, noise, clipping=clipping)
        return implausibility(active, noise, self._cfa, clipping=clipping)
