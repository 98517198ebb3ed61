"""Camera profiles: reading `cameras/*.yaml` and files of the user's own, strictly."""

from __future__ import annotations

import difflib
import reprlib
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, NoReturn

from sensormap.bounded_reading import read_at_most
from sensormap.camera.cfa import BAYER_NAMES, MONO, Cfa
from sensormap.camera.geometry import Rect
from sensormap.camera.profile import MAX_NAME_LENGTH, Body, Profile
from sensormap.errors import ProfileError
from sensormap.strict_yaml import load_yaml

LIBRAW = "libraw"
"""Name of a profile whose numbers LibRaw supplied; no file may be called so."""

JPEG_PROFILE = "picture"
"""Name of the profile of JPEGs whose camera is unknown; no file may be called so."""

MAX_PROFILE_BYTES = 64 * 1024  # a profile has ten lines; this leaves room for comments
MAX_PROFILE_SIDE = 65535  # LibRaw's sizes are 16-bit
MAX_BITS = 16  # photosites are decoded into 16-bit integers
MAX_SECONDS = 1e5  # longer than any camera exposes
_KEYS = (
    *("make", "model", "raw_size", "active_area", "jpeg_crop"),
    *("cfa", "black_level", "saturation", "bits", "suppression_from_s"),
)


def load_profile(path: Path) -> Profile:
    """Read one camera profile.

    Parameters
    ----------
    path
        A YAML file with the flat keys of those in `cameras/`, each of them and no other.

    Returns
    -------
    Profile
        Named after the file, without its ending.

    Raises
    ------
    ProfileError
        If the file cannot be read, or a key is unknown, missing, given twice, or has a value that cannot be.
    """
    try:
        data = read_at_most(path, MAX_PROFILE_BYTES, "a camera profile")
    except ValueError as error:
        msg = f"{path}: {error}"
        raise ProfileError(msg) from error
    return _parse(data, path.name)


@cache
def list_profiles() -> tuple[Profile, ...]:
    """Return the profiles that come with sensormap, sorted by name."""
    found = [entry for entry in _folder().iterdir() if entry.name.endswith(".yaml")]
    return tuple(sorted((_parse(entry.read_bytes(), entry.name) for entry in found), key=lambda known: known.name))


def find_profile(body: Body) -> Profile | None:
    """Return the profile of a body's model, by make and model as EXIF writes them; None where there is none.

    Examples
    --------
    >>> find_profile(Body("No Such Maker", "", "")) is None
    True
    """
    matching = (known for known in list_profiles() if (known.make, known.model) == (body.make, body.model))
    return next(matching, None)


def get_profile(name_or_file: str | Path) -> Profile:
    """Return a profile by its name or by the file that holds it.

    Parameters
    ----------
    name_or_file
        Name that `list_profiles` knows; or a path, which a text is if it ends in ``.yaml`` or names a folder.

    Raises
    ------
    ProfileError
        If there is no such profile, with the names that come close, or if the file is no valid one.
    """
    path = Path(name_or_file)
    if isinstance(name_or_file, Path) or path.suffix.lower() in (".yaml", ".yml") or path.name != name_or_file:
        return load_profile(path)
    known = {profile.name: profile for profile in list_profiles()}
    wanted = name_or_file.strip().lower().replace(" ", "-")
    if wanted in known:
        return known[wanted]
    close = difflib.get_close_matches(wanted, known, n=4, cutoff=0.5)
    hint = f"did you mean {', '.join(close)}?" if close else f"known are {', '.join(known)}; or give a .yaml file"
    msg = f"{reprlib.repr(name_or_file)} is not a camera profile: {hint}"
    raise ProfileError(msg)


def _folder() -> Traversable:
    """Return `cameras/`: inside the package when installed, beside it in a source tree."""
    package = files("sensormap")
    installed = package / "cameras"
    return installed if installed.is_dir() else Path(str(package)).parent / "cameras"


def _parse(data: bytes, file: str) -> Profile:
    """Turn a file's bytes into a profile, checking every key."""
    try:
        return _profile(Path(file).stem, _keys(load_yaml(data.decode("utf-8"))))
    except UnicodeDecodeError as error:
        msg = f"{file}: is not UTF-8 text (byte {error.start}), expected a camera profile"
        raise ProfileError(msg) from error
    except ValueError as error:
        msg = f"{file}: {error}"
        raise ProfileError(msg) from error


def _keys(document: Any) -> dict[str, Any]:
    """Return a document that is a mapping of exactly the keys of a profile."""
    if not isinstance(document, dict):
        msg = f"holds {type(document).__name__}, expected keys with values: {', '.join(_KEYS)}"
        raise ValueError(msg)  # noqa: TRY004 - the file is at fault, not a caller
    unknown = [key for key in document if key not in _KEYS]
    missing = [key for key in _KEYS if key not in document]
    for what, keys in (("unknown", unknown), ("missing", missing)):
        if keys:
            msg = f"{what} key {reprlib.repr(keys[0])}, expected exactly {', '.join(_KEYS)}"
            raise ValueError(msg)
    return document


def _profile(name: str, values: dict[str, Any]) -> Profile:
    """Return the profile that a file tells."""
    cfa, size = _cfa(values), _raw_size(values)
    bits = _integer(values, "bits", 1, MAX_BITS)
    saturation = _integer(values, "saturation", 1, 2**bits - 1)
    for reserved, whose in ((LIBRAW, "that LibRaw supplies"), (JPEG_PROFILE, "of unknown cameras' JPEGs")):
        if name == reserved:
            msg = f"{reserved!r} names the geometry {whose}, expected another file name"
            raise ValueError(msg)
    return Profile(
        name=name,
        make=_text(values, "make"),
        model=_text(values, "model"),
        raw_size=size,
        active_area=_rect(values, "active_area", size),
        jpeg_crop=None if values["jpeg_crop"] is None else _rect(values, "jpeg_crop", size),
        cfa=cfa,
        black_level=_black_level(values, len(cfa.planes), saturation),
        saturation=saturation,
        bits=bits,
        suppression_from_s=_seconds(values, "suppression_from_s"),
    )


def _refuse(values: dict[str, Any], key: str, expected: str) -> NoReturn:
    msg = f"{key}: {reprlib.repr(values[key])} is not {expected}"
    raise ValueError(msg)


def _text(values: dict[str, Any], key: str) -> str:
    value = values[key]
    if not isinstance(value, str) or not 0 < len(value) <= MAX_NAME_LENGTH or not value.isprintable():
        _refuse(values, key, f"a text of 1 to {MAX_NAME_LENGTH} characters, as EXIF writes it")
    return value.strip()


def _integer(values: dict[str, Any], key: str, low: int, high: int) -> int:
    value = values[key]
    if not _is_integer(value) or not low <= value <= high:
        _refuse(values, key, f"a whole number from {low} to {high}")
    return int(value)


def _integers(values: dict[str, Any], key: str, count: int, expected: str) -> list[int]:
    value = values[key]
    if not isinstance(value, list) or len(value) != count or not all(map(_is_integer, value)):
        _refuse(values, key, expected)
    return value


def _raw_size(values: dict[str, Any]) -> tuple[int, int]:
    expected = f"[width, height], each from 2 to {MAX_PROFILE_SIDE} photosites"
    width, height = _integers(values, "raw_size", 2, expected)
    if not (2 <= width <= MAX_PROFILE_SIDE and 2 <= height <= MAX_PROFILE_SIDE):
        _refuse(values, "raw_size", expected)
    return width, height


def _rect(values: dict[str, Any], key: str, size: tuple[int, int]) -> Rect:
    expected = f"[x, y, width, height] inside the raw grid of {size[0]} x {size[1]} photosites"
    x, y, width, height = _integers(values, key, 4, expected)
    if min(x, y) < 0 or min(width, height) < 1 or x + width > size[0] or y + height > size[1]:
        _refuse(values, key, expected)
    return Rect(x, y, width, height)


def _cfa(values: dict[str, Any]) -> Cfa:
    name = values["cfa"]
    if name not in (*BAYER_NAMES, MONO):  # Cfa knows one more, which no camera has
        _refuse(values, "cfa", f"one of {', '.join((*BAYER_NAMES, MONO))}")
    return Cfa(name)


def _black_level(values: dict[str, Any], planes: int, saturation: int) -> tuple[int, ...] | None:
    value = values["black_level"]
    if value is None:
        return None
    levels = value if isinstance(value, list) else [value] * planes
    if len(levels) != planes or not all(_is_integer(level) and 0 <= level < saturation for level in levels):
        _refuse(values, "black_level", f"a whole number below saturation, a list of {planes} of them, or null")
    return tuple(levels)


def _seconds(values: dict[str, Any], key: str) -> float | None:
    value = values[key]
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < MAX_SECONDS:
        _refuse(values, key, "a time in seconds above 0, or null")
    return float(value)


def _is_integer(value: object) -> bool:
    """Tell a whole number from everything else, `True` included."""
    return isinstance(value, int) and not isinstance(value, bool)
