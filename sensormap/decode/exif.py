"""Who took a photo, when and how: EXIF, read without trusting any of it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from sensormap.camera.profile import Body
from sensormap.decode.files import check_unmarked, file_size, is_jpeg_name
from sensormap.decode.markers import stored_size
from sensormap.decode.tags import Tags, read_tags
from sensormap.errors import DecodeError
from sensormap.frame import Exposure, Photo

MAX_TEXT = 64  # characters of a make, model or serial number
MAX_SHUTTER_S = 1e5  # a day; longer is damage
MAX_ISO = 10_000_000
MAX_SHUTTER_COUNT = 100_000_000  # bodies are rated for less than a million
# What EXIF's Software says among other words, in lower case, where an editor wrote a JPEG. Firmware tells a version.
EDITORS = (
    "acd systems", "acdsee", "affinity", "afterlight", "aperture", "capture nx", "capture one", "corel", "darktable",
    "dcraw", "digikam", "digital photo professional", "dxo filmpack", "dxo optics", "dxo photolab", "dxo pureraw",
    "f-spot", "facetune", "faststone", "fotor", "fotoxx", "gimp", "graphicconverter", "graphicsmagick", "gthumb",
    "gwenview", "hugin", "image data converter", "imagemagick", "imageready", "imaging edge", "instagram", "iphoto",
    "irfanview", "krita", "lightroom", "luminar", "meitu", "nx studio", "olympus master", "olympus studio",
    "olympus viewer", "om workspace", "paint", "photo gallery", "photofiltre", "photoimpact", "photomatix", "photos ",
    "photoscape", "photoshop", "picasa", "picture manager", "pixelmator", "pixlr", "polarr", "ptgui", "quicktime",
    "raw file converter", "rawstudio", "rawtherapee", "shotwell", "showfoto", "silkypix", "snapseed", "topaz",
    "ufraw", "viewnx", "vsco", "windows live", "windows photo", "xnview", "zoner",
)  # fmt: skip
YEARS = range(1980, 2101)  # a camera whose clock was never set says 1980 at the earliest

_NIKON_SERIAL, _NIKON_NOISE_REDUCTION, _NIKON_SHUTTER_COUNT, _NIKON_ISO = 0x001D, 0x0095, 0x00A7, 0x0002
_LONG_EXPOSURE_NR = "FPNR"  # the note's word for a dark frame subtracted in camera


def read_photo(path: Path) -> Photo:
    """Read who took a photo, and how, without decoding it.

    Parameters
    ----------
    path
        Any file, of which only the kilobytes that hold EXIF are read.

    Returns
    -------
    Photo
        With an empty body and settings of None as far as there is no usable EXIF; implausible values count as none.
        With the picture's size where the name is a JPEG's.

    Raises
    ------
    DecodeError
        If the file is missing, unreadable, empty, too large, no regular file, or a copy that sensormap corrected; or
        if its name is a JPEG's and it is none, or not as a camera wrote it.
    """
    size = file_size(path)
    try:
        with path.open("rb") as file:
            check_unmarked(file, path.name)
            picture = stored_size(file, path.name) if is_jpeg_name(path) else None
            tags, note = read_tags(file)
    except DecodeError:
        raise
    except OSError as error:
        msg = f"{path.name}: cannot be read: {error.strerror}"
        raise DecodeError(msg) from error
    if picture is not None:
        _check_unedited(tags, picture, path.name)
    return Photo(path, size, body_of(tags, note), exposure_of(tags, note), picture)


def _check_unedited(tags: Tags, size: tuple[int, int], name: str) -> None:
    """Refuse a JPEG that another program than a camera's wrote, as far as EXIF tells."""
    for tag in ("Image Software", "Image ProcessingSoftware"):
        software = text_of(tags, tag)
        if any(editor in software.lower() for editor in EDITORS):
            msg = f"{name}: edited with {software}, expected a JPEG as the camera wrote it"
            raise DecodeError(msg)
    told = _integer(tags, "EXIF ExifImageWidth"), _integer(tags, "EXIF ExifImageLength")
    if any(side and side != stored for side, stored in zip(told, size, strict=True)):
        shown = " x ".join(str(side or "?") for side in told)
        msg = f"{name}: EXIF says {shown} pixels, the picture has {size[0]} x {size[1]}: edited"
        raise DecodeError(msg)


def body_of(tags: Tags, note: Tags) -> Body:
    """Return who took the photo."""
    serial = text_of(note, f"MakerNote 0x{_NIKON_SERIAL:04X}", "MakerNote SerialNumber") or text_of(
        tags, "EXIF BodySerialNumber"
    )
    return Body(text_of(tags, "Image Make"), text_of(tags, "Image Model"), serial)


def exposure_of(tags: Tags, note: Tags) -> Exposure:
    """Return the settings, each None unless plausible."""
    noise_reduction = text_of(note, f"MakerNote 0x{_NIKON_NOISE_REDUCTION:04X}")
    return Exposure(
        iso=_iso(tags, note),
        shutter_s=_shutter(tags),
        time=_time(tags),
        orientation=_within(_integer(tags, "Image Orientation"), 1, 8),
        shutter_count=_within(_integer(note, f"MakerNote 0x{_NIKON_SHUTTER_COUNT:04X}"), 0, MAX_SHUTTER_COUNT),
        long_exposure_nr=_LONG_EXPOSURE_NR in noise_reduction if noise_reduction else None,
    )


def _iso(tags: Tags, note: Tags) -> int | None:
    """Return the ISO setting; EXIF's 16-bit field says 65535 where the number stands in a wider one."""
    for source, name in (
        (tags, "EXIF ISOSpeedRatings"),
        (tags, "EXIF RecommendedExposureIndex"),
        (tags, "EXIF ISOSpeed"),
        (note, f"MakerNote 0x{_NIKON_ISO:04X}"),
        (note, "MakerNote ISOSetting"),
    ):
        iso = _within(_integer(source, name, last=source is note), 1, MAX_ISO)
        if iso is not None and iso != 0xFFFF:
            return iso
    return None


def _shutter(tags: Tags) -> float | None:
    """Return the shutter time in seconds."""
    for name in ("EXIF ExposureTime", "Image ExposureTime"):
        try:
            seconds = float(tags[name].values[0])
        except (LookupError, TypeError, ValueError, ArithmeticError):
            continue
        if 0 < seconds < MAX_SHUTTER_S:
            return seconds
    return None


def _time(tags: Tags) -> datetime | None:
    """Return the capture time with its subseconds."""
    names = ("EXIF DateTimeOriginal", "Image DateTimeOriginal", "EXIF DateTimeDigitized", "Image DateTime")
    for name in names:
        try:
            time = datetime.strptime(text_of(tags, name), "%Y:%m:%d %H:%M:%S")  # cameras keep no time zone
        except ValueError:
            continue
        digits = text_of(tags, "EXIF SubSecTimeOriginal") or text_of(tags, "EXIF SubSecTime")
        if time.year in YEARS:
            fraction = digits[:6] if digits.isascii() and digits.isdigit() else "0"
            return time.replace(microsecond=int(fraction.ljust(6, "0")))
    return None


def text_of(tags: Tags, *names: str) -> str:
    """Return the first of some tags that holds text, printable characters only; "" where none does."""
    for name in names:
        value = tags[name].values if name in tags else ""
        if isinstance(value, bytes):
            value = value.decode("latin-1")
        if isinstance(value, list) and len(value) == 1:
            value = str(value[0])
        if isinstance(value, str):
            text = "".join(letter for letter in value.split("\0")[0] if letter.isprintable()).strip()
            if text:
                return text[:MAX_TEXT].strip()
    return ""


def _integer(tags: Tags, name: str, *, last: bool = False) -> int | None:
    """Return a tag's first (or last) value where that is a whole number."""
    values = tags[name].values if name in tags else None
    value = values[-1 if last else 0] if isinstance(values, list) and values else None
    return value if isinstance(value, int) else None


def _within(value: int | None, low: int, high: int) -> int | None:
    """Return a value inside its plausible range, None otherwise."""
    return value if value is not None and low <= value <= high else None
