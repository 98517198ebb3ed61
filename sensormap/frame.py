"""Photos, as their EXIF describes them, and frames, as they are decoded."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, TypeAlias

from sensormap.camera.profile import Body

if TYPE_CHECKING:  # the values below are also those of a map's readers, who need no NumPy
    import numpy as np
    from numpy.typing import NDArray

WHITE = 255
"""Highest value of a JPEG's pixel, DN of 8 bits."""

LUMA_SHARES = (0.299, 0.587, 0.114)
"""Shares of red, green and blue in brightness, as JPEG stores it."""

Mosaic: TypeAlias = "NDArray[np.int16] | NDArray[np.int32]"

NARROW = 16_383
"""Largest DN, of either sign, in a mosaic of int16: sums of two fit as well, which is what makes kernels fast."""


# What is plausible of an exposure; the rest counts as not told.
YEARS = range(1980, 2101)  # a camera whose clock was never set says 1980 at the earliest
MAX_SHUTTER_S = 1e5  # a day; longer is damage
MAX_ISO = 10_000_000
COLDEST_C, HOTTEST_C = -120.0, 100.0  # sensors cooled by liquid nitrogen, and what electronics stand

DARK, FLAT, BIAS = "dark", "flat", "bias"
CALIBRATIONS = (DARK, FLAT, BIAS)
"""Photos of no scene: without light, of even light, and of the shortest time without light."""


@dataclass(frozen=True, slots=True)  # a library has a hundred thousand
class Exposure:
    """The settings of one photo; each is None where EXIF does not tell it.

    Parameters
    ----------
    iso
        ISO sensitivity as set.
    shutter_s
        Shutter time in seconds.
    time
        Capture time by the camera's clock (no time zone), with subseconds.
    orientation
        EXIF orientation, 1 to 8; never applied to a mosaic.
    shutter_count
        Number of exposures the body had made.
    long_exposure_nr
        Whether the camera subtracted a dark frame of its own.
    temperature_c
        Temperature of the sensor in degrees Celsius, or of the camera where that is all it tells.
    calibration
        What the file says it is where that is no picture: one of `CALIBRATIONS`.
    """

    iso: int | None = None
    shutter_s: float | None = None
    time: datetime | None = None
    orientation: int | None = None
    shutter_count: int | None = None
    long_exposure_nr: bool | None = None
    temperature_c: float | None = None
    calibration: str | None = None

    @property
    def gain(self) -> float | None:
        """Gain relative to ISO 100; None where EXIF does not tell the ISO."""
        return None if self.iso is None else self.iso / 100


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file that is read by a URL.

    Parameters
    ----------
    url
        The URL as it may be shown and kept: without user, password and query.
    name
        File name without its folder.
    place
        What `photos.remote` reads it by; secrets may be in it.
    size, version
        Size in bytes, and what changes whenever the file does (an ETag, or a time); None where that is not known.
    """

    url: str
    name: str
    place: Any = field(repr=False)
    size: int | None = field(default=None, compare=False)
    version: str | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return self.url

    @property
    def stem(self) -> str:
        """The name without its ending."""
        return PurePosixPath(self.name).stem

    @property
    def suffix(self) -> str:
        """The name's ending, with its dot."""
        return PurePosixPath(self.name).suffix


@dataclass(frozen=True, slots=True)
class VideoFrame:
    """A frame of a video, which is a photo like any other.

    Parameters
    ----------
    video
        The video's file.
    number
        Number of the frame in it, from 0.

    Examples
    --------
    >>> frame = VideoFrame(Path("night/moon.ser"), 12)
    >>> frame.name, str(frame)
    ('moon.ser#0012', 'night/moon.ser#0012')
    """

    video: Path
    number: int

    def __str__(self) -> str:
        return f"{self.video}#{self.number:04}"

    @property
    def name(self) -> str:
        """The video's file name, and the frame's number after ``#``."""
        return f"{self.video.name}#{self.number:04}"

    @property
    def stem(self) -> str:
        """The name without the video's ending."""
        return f"{self.video.stem}#{self.number:04}"

    @property
    def suffix(self) -> str:
        """The ending of the video's name, with its dot."""
        return self.video.suffix

    @property
    def parent(self) -> Path:
        """The folder of the video."""
        return self.video.parent

    def absolute(self) -> VideoFrame:
        """Return the same with an absolute path."""
        return VideoFrame(self.video.absolute(), self.number)


PhotoPath: TypeAlias = "Path | RemoteFile | VideoFrame"
"""Where a photo lies."""


@dataclass(frozen=True, slots=True)
class Photo:
    """A file that may become a frame.

    Parameters
    ----------
    path, size_bytes
        The file, and its size in bytes.
    body, exposure
        The camera that took it, and its settings.
    jpeg_size
        Width and height of a JPEG as stored; None for a raw photo.
    """

    path: PhotoPath
    size_bytes: int
    body: Body
    exposure: Exposure
    jpeg_size: tuple[int, int] | None = None


@dataclass(frozen=True)
class Frame:
    """One decoded photo.

    Parameters
    ----------
    photo
        The photo.
    mosaic
        Photosites on the raw grid, ``(H, W)``, in DN with black subtracted: int16 within +-`NARROW`, or int32.
        Only the active area is meaningful; what lies outside may be uninitialised.
    floor, saturation
        Lowest DN that a photosite can have, and DN at which it clips, black subtracted: `floor` is 0 where the camera
        itself subtracts black, and minus the black level elsewhere.
    digest
        SHA-256 of the file's bytes, hexadecimal.
    by_own_decoder
        Whether the project's own decoder made it, and not a library.
    """

    photo: Photo
    mosaic: Mosaic
    floor: int
    saturation: int
    digest: str
    by_own_decoder: bool = False


@dataclass(frozen=True, order=True)
class Calibration:
    """A photo that its file calls no picture: its `name`, and its `sort`, one of `CALIBRATIONS`."""

    name: str
    sort: str


@dataclass(frozen=True, order=True)
class Skipped:
    """A photo that could not be used.

    Parameters
    ----------
    name
        File name without its folder.
    reason
        What is wrong with it.
    digest
        SHA-256 of the bytes in which that was found, hexadecimal; None where they could not be read, or that is not
        known any more.
    """

    name: str
    reason: str
    digest: str | None = field(default=None, compare=False, repr=False)
