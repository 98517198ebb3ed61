"""What a survey is asked to do: options, thresholds and least strengths; and the constants that several steps share."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from sensormap.threads import default_threads

THREADS, DASK = "threads", "dask"
ENGINES = (THREADS, DASK)
"""Who surveys shards: the threads of the run, or the workers of a Dask cluster, which is an extra."""

AUTO, RAWPY = "auto", "rawpy"
DECODERS = (AUTO, RAWPY)
"""Decoders of raw files: auto reads compressed NEFs itself, and leaves all others to rawpy, which is LibRaw."""

FULL_SCALE = 4095
"""DN of 12 bits: strengths in DN are given for such a camera and scale with saturation."""

LISTED_CONFIDENCE = 0.8
"""Probability of a defect from which a map lists it: a list is read as if it were sure."""

FEW_FRAMES = 10
"""With fewer frames of different scenes, chance and scenery agree too often to be sure of anything."""

OUTLIER_SIGMA = 3.5
"""A score beyond this is an outlier: it is listed and may become a vote."""

DARK_SPREAD = 0.15
"""Spread of a dark current from frame to frame, as a share of itself: it follows the temperature."""

KNOWN_DARK_SPREAD = 0.06
"""The same where the temperature of each frame is known: photosites differ in how they follow it."""

SMEAR = 3
"""Pixels on either side over which a JPEG spreads a photosite: demosaicing reaches 2, halved chroma one more."""

DEFAULT_FOLLOWED = 256
"""Raw photos used in the second pass, at most."""


MOST_LISTED = 0.01
"""Share of the photosites that a map lists at most, the gravest: a sensor with more is beyond a list."""


def most_listed(photosites: int, *, least: int = 100) -> int:
    """Return how many photosites of a sensor are listed at most; `least` on a small one.

    Examples
    --------
    >>> most_listed(10_000_000), most_listed(400)
    (100000, 100)
    """
    return max(round(MOST_LISTED * photosites), least)


def require_positive(**values: float) -> None:
    """Raise a `ValueError` that names the first of some values that is not above 0."""
    for name, value in values.items():
        if not value > 0:
            msg = f"{name}: {value!r} is not above 0"
            raise ValueError(msg)


@dataclass(frozen=True)
class Thresholds:
    """Detection thresholds: what makes a photosite a candidate.

    Parameters
    ----------
    mean_sigma
        Least distance of a photosite's mean score from its plane's median, in robust standard deviations of the plane.
        With fewer than ten frames it is raised by the square root of ten over their number.
    effect_sigma
        Least distance of the same mean score, in standard deviations of one frame's noise: with many frames the
        differences between healthy photosites become significant too.
    false_votes
        Expected number of false candidates that each block of votes may yield.
    block_frames
        Number of frames in a block of votes, about.
    long_exposure_s
        Least shutter time, in seconds, of the frames that vote in blocks of their own.
    followed_share
        Share of the photosites that the second pass follows, about.

    Raises
    ------
    ValueError
        If one of them is not positive.
    """

    mean_sigma: float = 7.0
    effect_sigma: float = 0.75
    false_votes: float = 0.005
    block_frames: int = 10
    long_exposure_s: float = 0.25
    followed_share: float = 4e-4

    def __post_init__(self) -> None:
        require_positive(**vars(self))


@dataclass(frozen=True)
class LeastStrengths:
    """The least strengths of a defect: below them a photosite counts as healthy.

    Parameters
    ----------
    dark_dn_per_s
        Dark current in DN per second at base ISO, for a camera of 12 bits.
    offset_dn
        Offset in DN at base ISO, for a camera of 12 bits.
    response
        Loss of response, as a share.
    """

    dark_dn_per_s: float = 30.0
    offset_dn: float = 3.0
    response: float = 0.045

    def scaled(self, saturation: float) -> LeastStrengths:
        """Return the least strengths for a camera that clips at `saturation` DN."""
        scale = max(saturation, 1.0) / FULL_SCALE
        return LeastStrengths(self.dark_dn_per_s * scale, self.offset_dn * scale, self.response)


@dataclass(frozen=True)
class Options:
    """What a survey is asked to do.

    Parameters
    ----------
    profile
        Name or file of a camera profile; None finds it by EXIF, and leaves the geometry to LibRaw if there is none.
    serial
        Serial number of the body, where the photos are of several.
    jobs
        Number of threads, and of the workers that the engine ``dask`` starts; None means one for each processor, at
        most 8.
    memory
        Bytes of memory that a run may take: fewer threads run, and fewer bodies are mapped at once, than would take
        more. It is an estimate, and a run of one thread is made in any case. None sets no limit.
    strict
        Whether the first photo that cannot be used ends the run.
    follow
        Number of raw photos used in the second pass, at most. It measures strengths, dates and kinds: fewer photos are
        faster and less certain, and 0 leaves it out.
    thresholds
        Detection thresholds.
    least_strengths
        The least strengths that count as defects.
    jpegs
        Whether the camera's JPEGs are used, of shots that no raw photo shows.
    decoder
        Decoder of raw photos, one of `DECODERS`; the map is the same by both.
    state
        State folder: what is found in each shard of photos is kept there, and the next run reads only new photos. None
        keeps nothing.
    fresh
        Whether all that is kept in the state folder is dropped first.
    retry_skipped
        Whether photos that could not be used are tried again, though their files have not changed.
    engine
        Who surveys shards of photos, one of `ENGINES`; the map is the same by both.
    scheduler
        Address of the Dask scheduler whose workers do it, such as ``tcp://head:8786``; they must see the photos and the
        state folder, which it needs, by the same paths. None starts workers on this machine.

    Raises
    ------
    ValueError
        If a number is too small, there is no such decoder or engine, the state folder has no name, or a scheduler comes
        without what it needs.
    """

    profile: str | None = None
    serial: str | None = None
    jobs: int | None = None
    memory: int | None = None
    strict: bool = False
    follow: int = DEFAULT_FOLLOWED
    thresholds: Thresholds = field(default_factory=Thresholds)
    least_strengths: LeastStrengths = field(default_factory=LeastStrengths)
    jpegs: bool = True
    decoder: str = AUTO
    state: str | Path | None = None
    fresh: bool = False
    retry_skipped: bool = False
    engine: str = THREADS
    scheduler: str | None = None

    def __post_init__(self) -> None:
        for name, value, least in (("jobs", self.jobs, 1), ("memory", self.memory, 1), ("follow", self.follow, 0)):
            if value is not None and value < least:
                msg = f"{name}: {value} is not {least} or more"
                raise ValueError(msg)
        for name, text, known in (("decoder", self.decoder, DECODERS), ("engine", self.engine, ENGINES)):
            if text not in known:
                msg = f"{name}: {text!r} is not one of {', '.join(known)}"
                raise ValueError(msg)
        if self.state is not None and not str(self.state):
            msg = "state: '' names no folder"
            raise ValueError(msg)
        if self.scheduler is not None and self.engine != DASK:
            msg = f"scheduler: {self.scheduler!r} with engine {self.engine!r}, expected {DASK!r}"
            raise ValueError(msg)
        if self.scheduler is not None and self.state is None:
            msg = "scheduler: its workers need a state folder that they share with this machine, found none"
            raise ValueError(msg)

    @property
    def threads(self) -> int:
        """Number of threads to run."""
        return self.jobs or default_threads()


DEFAULT_OPTIONS = Options()
"""What is done where nobody says otherwise."""
