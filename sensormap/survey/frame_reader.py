"""What is found out about a photo before it counts: decoded, padded, its noise fitted, and whether it is a photo."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from threading import Event, local

from sensormap.camera.profile import Profile
from sensormap.errors import ProfileError, SensorMapError
from sensormap.frame import Frame, Mosaic, Photo, Skipped
from sensormap.photos.refusals import skipped
from sensormap.score.neighbours import pad
from sensormap.score.noise import Noise, fit_noise
from sensormap.score.plausible import implausibility, unlike_light

Read = Callable[[Photo, Profile], Frame]
"""Decodes a photo: `decode.read_frame`, or something that changes what it returns."""


@dataclass(frozen=True)
class Examined:
    """A good frame.

    Parameters
    ----------
    padded
        Its active area as `score.pad` returns it; the next frame of the same thread takes its memory.
    noise
        As fitted.
    clipping
        Its lowest and highest DN, black subtracted.
    digest
        Of the file.
    surely
        Whether it had to be decoded by what is surer.
    """

    padded: Mosaic
    noise: Noise
    clipping: tuple[int, int]
    digest: str
    surely: bool = False


class _Memory(local):
    """What each thread keeps from one frame to the next: getting the memory anew takes longer than filling it."""

    padded: Mosaic | None = None


class Examiner:
    """Decodes photos and judges each by itself; threads share it.

    Parameters
    ----------
    photos
        All raw or all JPEGs.
    profile
        Their geometry and levels.
    read
        Decodes a photo.
    read_surely
        Decodes once more what `read` cannot use; its word counts. None: `read` is sure.

    Attributes
    ----------
    contradictions
        Of photos whose filters or active area are not the profile's, by number.
    """

    def __init__(self, photos: Sequence[Photo], profile: Profile, read: Read, read_surely: Read | None) -> None:
        self._photos = photos
        self._profile = profile
        self._jpeg = photos[0].jpeg_size is not None
        self._read = read
        self._read_surely = read_surely
        self.contradictions: dict[int, ProfileError] = {}
        self._ahead: dict[int, Future[Frame]] = {}
        self._memory = _Memory()
        self._begun = Event()
        self._ended = False

    def read_ahead(self, numbers: Iterable[int], pool: Executor) -> None:
        """Have some photos decoded before anything else that the pool is given, while nobody can examine them yet.

        Parameters
        ----------
        numbers
            Which; each has to be examined by the same pool, later.
        pool
            Takes up what it is given in that order.
        """
        self._ahead = {number: pool.submit(self._read, self._photos[number], self._profile) for number in numbers}

    def begin(self) -> None:
        """Let frames be examined: the kernels are compiled."""
        self._begun.set()

    def end(self) -> None:
        """Let nobody wait any longer: the run is over."""
        self._ended = True
        self._begun.set()

    def examine(self, number: int) -> Examined | Skipped:
        """Return what is found out about a photo, or why it cannot be used."""
        examined = self._examined(number, self._read)
        if isinstance(examined, Skipped) and self._read_surely is not None and not self._ended:
            examined = self._examined(number, self._read_surely)
            return examined if isinstance(examined, Skipped) else replace(examined, surely=True)
        return examined

    def _examined(self, number: int, read: Read) -> Examined | Skipped:
        photo, area, step = self._photos[number], self._profile.active_area, self._profile.cfa.step
        ahead = self._ahead.pop(number, None)
        try:
            frame = ahead.result() if ahead else read(photo, self._profile)
        except SensorMapError as error:
            if isinstance(error, ProfileError):
                self.contradictions[number] = error
            return skipped(photo.path.name, error)
        ahead = None
        self._begun.wait()
        if self._ended:
            return skipped(photo.path.name, "the run ended before it was tallied")
        clipping, digest = (frame.floor, frame.saturation), frame.digest
        padded = self._memory.padded = pad(frame.mosaic[area.slices], step, self._memory.padded)
        del frame  # and with it the decoder's memory, before the tally takes some
        noise = fit_noise(padded, step, clipping=clipping)
        reason = self._implausibility(padded[step:-step, step:-step], noise, clipping)
        return skipped(photo.path.name, reason) if reason else Examined(padded, noise, clipping, digest)

    def _implausibility(self, active: Mosaic, noise: Noise, clipping: tuple[int, int]) -> str | None:
        """Return why a frame is no photo, or None; rows of a JPEG are not damaged one by one."""
        if self._jpeg:
            return unlike_light(active, noise, clipping=clipping)
        area = self._profile.active_area
        return implausibility(active, noise, self._profile.cfa.shifted(x=area.x, y=area.y), clipping=clipping)
