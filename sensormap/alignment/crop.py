"""Where a camera's JPEG lies on the raw grid, measured on a raw file and the JPEG of one shot, beside its profile."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sensormap.alignment.correlate import Alignment, align
from sensormap.camera.geometry import Rect, rect_text
from sensormap.camera.profile import Profile
from sensormap.camera.profile_files import find_profile, get_profile
from sensormap.decode.jpeg import jpeg_size, read_jpeg
from sensormap.decode.reading import open_geometry, read_frame
from sensormap.errors import DecodeError, FrameMismatchError, ProfileError
from sensormap.frame import Photo, PhotoPath
from sensormap.photos.exif import read_photo
from sensormap.photos.files import is_jpeg_name, read_bytes

LEAST_SHARE = 0.8  # of the active area's sides; a camera's next smaller size has 0.75 of both


@dataclass(frozen=True)
class JpegAlignment:
    """A measured crop beside the camera's profile.

    Parameters
    ----------
    measured
        Place of the JPEG on the raw grid, and how well it agrees.
    camera
        Model of the camera, for people.
    profile
        Profile that the crop is compared with; None where the camera has none.
    """

    measured: Alignment
    camera: str
    profile: Profile | None


def align_jpeg(raw: str | Path, jpeg: str | Path, *, profile: Profile | str | None = None) -> JpegAlignment:
    """Measure which part of the raw grid a camera's full-size JPEG shows.

    Parameters
    ----------
    raw, jpeg
        A raw file and the camera's own JPEG of the same shot.
    profile
        Profile of the camera, or its name or file; None takes the one of its EXIF model, or else LibRaw's geometry.

    Raises
    ------
    DecodeError
        If a file cannot be read, or is not what it should be.
    FrameMismatchError
        If the files are of two shots, or the JPEG is no crop of the raw grid as far as can be seen.
    ProfileError
        If there is no such profile, or the raw file contradicts it.
    """
    raw, jpeg = Path(raw), Path(jpeg)
    photo = _raw_photo(raw)
    _check_same_shot(photo, read_photo(jpeg))
    known = get_profile(profile) if isinstance(profile, str) else profile or find_profile(photo.body)
    alignment = measure_crop(photo, jpeg, open_geometry(raw, known))
    return JpegAlignment(alignment, photo.body.model or "this camera", known)


def measure_crop(photo: Photo, jpeg: PhotoPath, geometry: Profile) -> Alignment:
    """Measure where a JPEG lies on the raw grid.

    Parameters
    ----------
    photo
        The raw photo of the same shot.
    jpeg
        The JPEG.
    geometry
        Geometry of the raw photo, as `open_geometry` returns it.

    Raises
    ------
    DecodeError, FrameMismatchError, ProfileError
        As by `align_jpeg`.
    """
    data = read_bytes(jpeg)
    size = jpeg_size(data, jpeg.name)
    _check_size(size, geometry, jpeg.name)
    mosaic = read_frame(photo, geometry).mosaic
    try:
        return align(mosaic, geometry.cfa, geometry.active_area, read_jpeg(data, jpeg.name))
    except FrameMismatchError as error:
        msg = f"{jpeg.name}: {error}"
        raise FrameMismatchError(msg) from error


def crop_lines(check: JpegAlignment) -> tuple[str, str]:
    r"""Return what was measured, and how the profile compares, a line each.

    Examples
    --------
    >>> print(*crop_lines(JpegAlignment(Alignment(Rect(14, 9, 3872, 2592), 0.98, 0.6, 16, 16), "D99", None)), sep="\n")
    JPEG crop measured  3872 x 2592 at x = 14, y = 9 (correlation 0.98, elsewhere 0.60; 16 of 16 tiles agree)
    No profile of D99   the line for one: jpeg_crop: [14, 9, 3872, 2592]
    """
    found = check.measured
    quality = (
        f"correlation {found.correlation:.2f}, elsewhere {found.runner_up:.2f}; "
        f"{found.agreeing} of {found.found} tiles agree"
    )
    profile, line = check.profile, f"jpeg_crop: {rect_text(found.crop)}"
    if profile is None:
        label, compared = f"No profile of {check.camera}", f"the line for one: {line}"
    elif profile.jpeg_crop is None:
        label, compared = f"Profile {profile.name}", f"unknown; the line for {profile.name}.yaml: {line}"
    else:
        label = f"Profile {profile.name}"
        compared = f"{_sized(profile.jpeg_crop)}: {difference(profile.jpeg_crop, found.crop) or 'agrees'}"
    labels = ("JPEG crop measured", label)
    width = max(map(len, labels)) + 2
    return f"{labels[0]:{width}}{_sized(found.crop)} ({quality})", f"{label:{width}}{compared}"


def require_agreement(check: JpegAlignment) -> None:
    """Raise an error that names the line to change if the profile has another crop than the measured one.

    Raises
    ------
    ProfileError
        If it has.
    """
    profile, crop = check.profile, check.measured.crop
    if profile is not None and profile.jpeg_crop is not None and profile.jpeg_crop != crop:
        known = f"{profile.name}.yaml: jpeg_crop: {rect_text(profile.jpeg_crop)}"
        msg = f"{known} is not what the JPEG shows, expected jpeg_crop: {rect_text(crop)}"
        raise ProfileError(msg)


def difference(known: Rect, measured: Rect) -> str:
    """Return how a measured crop differs from a known one, in words; "" where it does not.

    Examples
    --------
    >>> difference(Rect(14, 8, 3872, 2592), Rect(14, 9, 3872, 2592))
    'the JPEG is 1 photosite lower'
    >>> difference(Rect(14, 9, 3872, 2595), Rect(12, 9, 3872, 2592))
    'the JPEG is 2 photosites to the left, 3 photosites shorter'
    """
    changes = (
        (measured.x - known.x, "{} to the right", "{} to the left"),
        (measured.y - known.y, "{} lower", "{} higher"),
        (measured.width - known.width, "{} wider", "{} narrower"),
        (measured.height - known.height, "{} taller", "{} shorter"),
    )
    words = [
        (more if change > 0 else less).format(f"{abs(change)} photosite{'s' if abs(change) > 1 else ''}")
        for change, more, less in changes
        if change
    ]
    return f"the JPEG is {', '.join(words)}" if words else ""


def _raw_photo(path: Path) -> Photo:
    """Return the raw file as a photo; a JPEG in its place is told from a damaged file."""
    if is_jpeg_name(path):
        msg = f"{path.name}: a JPEG, expected a raw photo first and its JPEG second"
        raise DecodeError(msg)
    return read_photo(path)


def _check_same_shot(raw: Photo, jpeg: Photo) -> None:
    """Refuse files of two shots; what either does not tell cannot contradict."""
    facts = (
        ("camera", raw.body.model, jpeg.body.model),
        ("serial number", raw.body.serial, jpeg.body.serial),
        ("shutter count", raw.exposure.shutter_count, jpeg.exposure.shutter_count),
        ("capture time", *_times(raw, jpeg)),
    )
    for what, one, other in facts:
        if one not in ("", None) and other not in ("", None) and one != other:
            msg = f"{raw.path.name} and {jpeg.path.name} are not of one shot: {what} {one} and {other}"
            raise FrameMismatchError(msg)


def _times(raw: Photo, jpeg: Photo) -> tuple[str, str]:
    """Return both capture times as text, without the part of a second where either has none; "" where unknown."""
    times = raw.exposure.time, jpeg.exposure.time
    whole = any(time is None or not time.microsecond for time in times)
    one, other = ("" if time is None else str(time.replace(microsecond=0) if whole else time) for time in times)
    return one, other


def _check_size(size: tuple[int, int], geometry: Profile, name: str) -> None:
    """Refuse JPEGs that cannot be a crop of the raw grid: too large, turned, or of a smaller size."""
    width, height = size
    raw_width, raw_height = geometry.raw_size
    area = geometry.active_area
    expected = f"expected the camera's full-size JPEG as stored, {area.width} x {area.height} pixels or a little less"
    if width <= raw_width and height <= raw_height:
        if width >= LEAST_SHARE * area.width or height >= LEAST_SHARE * area.height:
            return
        problem = "one of the smaller sizes, or resized: only the full-size JPEG can be aligned"
    elif (width < height) != (raw_width < raw_height) and width <= raw_height and height <= raw_width:
        problem = "rotated after it was taken"
    else:
        problem = f"larger than the raw grid of {raw_width} x {raw_height} photosites"
    msg = f"{name}: {width} x {height} pixels, {problem}; {expected}"
    raise FrameMismatchError(msg)


def _sized(rect: Rect) -> str:
    return f"{rect.width} x {rect.height} at x = {rect.x}, y = {rect.y}"
