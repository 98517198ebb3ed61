"""Camera profiles: reading `cameras/*.yaml` and files of the user's own, strictly."""

from __future__ import annotations

import difflib
import re
import reprlib
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files
from itertools import chain
from pathlib import Path
from typing import Any, NoReturn

from sensormap.bounded_reading import read_at_most
from sensormap.camera.cfa import CFA_NAMES, Cfa, cfa_names
from sensormap.camera.geometry import Rect
from sensormap.camera.profile import MAX_NAME_LENGTH, Body, Profile
from sensormap.errors import ProfileError
from sensormap.strict_yaml import load_yaml, quoted

LIBRAW = "libraw"
"""Name of a profile whose numbers LibRaw supplied; no file may be called so."""

JPEG_PROFILE = "picture"
"""Name of the profile of JPEGs whose camera is unknown; no file may be called so."""

FITS, SER = "fits", "ser"
"""Names of the geometries that FITS files and SER videos themselves give; no file may be called so."""

_RESERVED = {
    LIBRAW: "that LibRaw supplies",
    JPEG_PROFILE: "of unknown cameras' JPEGs",
    FITS: "that a FITS file gives itself",
    SER: "that a SER video gives itself",
}

UNVERIFIED = "unverified"
"""Folder in `cameras/` of profiles that no photo has confirmed: generated, many in a file, a file for each make."""

MAX_PROFILE_BYTES = 64 * 1024  # a profile has ten lines; this leaves room for comments
MAX_PROFILE_SIDE = 65535  # LibRaw's sizes are 16-bit
MAX_BITS = 16  # photosites are decoded into 16-bit integers
_MOST_LISTED = 4  # planes whose black levels may differ: of more, all have one
MAX_SECONDS = 1e5  # longer than any camera exposes
_KEYS = (
    *("make", "model", "raw_size", "active_area", "jpeg_crop"),
    *("cfa", "black_level", "saturation", "bits", "suppression_from_s"),
)
_OPTIONAL_KEYS = ("verified",)
_BETWEEN_DOCUMENTS = "---\n"


def load_profile(path: Path) -> Profile:
    """Read one camera profile.

    Parameters
    ----------
    path
        A YAML file with the flat keys of those in `cameras/`, each of them and no other but `verified`.

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
    return _parse(data, str(path))


@cache
def list_profiles() -> tuple[Profile, ...]:
    """Return the profiles that come with sensormap, sorted by name: those that are not verified too."""
    generated = (_parse_document(text) for text in chain.from_iterable(map(_documents, _unverified_files())))
    return tuple(sorted((*_written_profiles(_folder()), *generated), key=lambda known: known.name))


def profile_names() -> tuple[str, ...]:
    """Return the names of the profiles that come with sensormap, sorted; none is parsed, which takes a second."""
    written = (entry.stem for entry in _folder().iterdir() if entry.suffix == ".yaml")
    return tuple(sorted((*written, *map(_name, chain.from_iterable(map(_documents, _unverified_files()))))))


def search_profiles(words: Iterable[str]) -> tuple[Profile, ...]:
    """Return the profiles that come with sensormap whose name, make or model has each of some words in it.

    Parameters
    ----------
    words
        Parts of names, in capitals or not; without any, all profiles are found.

    Examples
    --------
    >>> [profile.name for profile in search_profiles(["nikon", "d300"])]
    ['nikon-d300', 'nikon-d3000', 'nikon-d300s']
    """
    wanted = [word.casefold() for word in words]

    def has(profile: Profile, word: str) -> bool:
        return any(word in name.casefold() for name in (profile.name, profile.make, profile.model))

    return tuple(profile for profile in list_profiles() if all(has(profile, word) for word in wanted))


def find_profile(body: Body) -> Profile | None:
    """Return the profile of a body's model, by make and model as EXIF writes them; None where there is none.

    Examples
    --------
    >>> find_profile(Body("No Such Maker", "", "")) is None
    True
    >>> find_profile(Body("Canon", "Canon EOS REBEL T3", "")).name
    'canon-eos-rebel-t3'
    """
    written = _written_profiles(_folder())
    matching = (known for known in written if (known.make, known.model) == (body.make, body.model))
    return next(matching, None) or _unverified_profile(_folder(), body.make, body.model)


def profiles_of_jpeg_size(size: tuple[int, int]) -> tuple[Profile, ...]:
    """Return the profiles that come with sensormap of cameras whose full-size JPEGs have this width and height."""
    written = (known for known in _written_profiles(_folder()) if known.jpeg_size == size)
    crop = f", {size[0]}, {size[1]}]\n"
    documents = (text for text in chain.from_iterable(map(_documents, _unverified_files())) if crop in text)
    return (*written, *(known for known in map(_parse_document, documents) if known.jpeg_size == size))


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
    wanted = name_or_file.strip().lower().replace(" ", "-")
    file = _folder() / f"{wanted}.yaml"
    if wanted == file_name_of(wanted) and file.is_file():
        return _parse(file.read_bytes(), file.name)
    documents = {_name(text): text for text in chain.from_iterable(map(_documents, _unverified_files()))}
    if wanted in documents:
        return _parse_document(documents[wanted])
    close = difflib.get_close_matches(wanted, profile_names(), n=4, cutoff=0.5)
    hint = f"did you mean {', '.join(close)}?" if close else "`sensormap cameras list` shows all; or give a .yaml file"
    msg = f"{reprlib.repr(name_or_file)} is not a camera profile: {hint}"
    raise ProfileError(msg)


def file_name_of(text: str) -> str:
    """Return a text as a file name of small letters, digits and hyphens.

    Examples
    --------
    >>> file_name_of("RICOH IMAGING COMPANY, LTD."), file_name_of("../x")
    ('ricoh-imaging-company-ltd', 'x')
    """
    return re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-")


def _folder() -> Path:
    """Return `cameras/`: inside the package when installed, beside it in a source tree."""
    package = Path(str(files("sensormap")))
    installed = package / "cameras"
    return installed if installed.is_dir() else package.parent / "cameras"


@cache
def _written_profiles(folder: Path) -> tuple[Profile, ...]:
    """Return the profiles that people wrote, which stand in a file each."""
    found = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".yaml")), key=lambda entry: entry.name)
    return tuple(_parse(entry.read_bytes(), entry.name) for entry in found)


@cache
def _unverified_profile(folder: Path, make: str, model: str) -> Profile | None:
    """Return the generated profile of a camera: of its make's file only what may be its part is parsed.

    Capitals do not count, since some names in EXIF were inferred from those of the maker's other cameras.
    """
    file = folder / UNVERIFIED / f"{file_name_of(make)}.yaml"
    if not file.is_file():
        return None
    wanted = f"model: {quoted(model)}\n".casefold()
    known = (_parse_document(text) for text in _documents(file) if wanted in text.casefold())
    names = make.casefold(), model.casefold()
    return next((one for one in known if (one.make.casefold(), one.model.casefold()) == names), None)


def _unverified_files() -> Iterator[Path]:
    folder = _folder() / UNVERIFIED
    return iter(sorted(folder.iterdir(), key=lambda entry: entry.name) if folder.is_dir() else ())


@cache
def _documents(file: Path) -> tuple[str, ...]:
    """Return the texts of the profiles in a generated file, which begin with their name; none is parsed."""
    return tuple(file.read_text(encoding="utf-8").split(_BETWEEN_DOCUMENTS)[1:])


def _name(document: str) -> str:
    return document.removeprefix("name: ").partition(" ")[0]


def _parse_document(text: str) -> Profile:
    """Return the profile that one document of a generated file holds."""
    _, _, rest = text.partition("\n")
    return _parse(rest.encode(), f"{_name(text)}.yaml")


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
    unknown = [key for key in document if key not in (*_KEYS, *_OPTIONAL_KEYS)]
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
    if name in _RESERVED:
        msg = f"{name!r} names the geometry {_RESERVED[name]}, expected another file name"
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
        verified=_truth(values, "verified") if "verified" in values else True,
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
    if name not in CFA_NAMES:  # Cfa knows one more, which no camera has
        _refuse(values, "cfa", f"one of {cfa_names()}")
    return Cfa(name)


def _black_level(values: dict[str, Any], planes: int, saturation: int) -> tuple[int, ...] | None:
    value = values["black_level"]
    if value is None:
        return None
    listed = f"a list of {planes} of them, " if planes <= _MOST_LISTED else ""
    levels = value if isinstance(value, list) and planes <= _MOST_LISTED else [value] * planes
    if len(levels) != planes or not all(_is_integer(level) and 0 <= level < saturation for level in levels):
        _refuse(values, "black_level", f"a whole number below saturation, {listed}or null")
    return tuple(levels)


def _seconds(values: dict[str, Any], key: str) -> float | None:
    value = values[key]
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < MAX_SECONDS:
        _refuse(values, key, "a time in seconds above 0, or null")
    return float(value)


def _truth(values: dict[str, Any], key: str) -> bool:
    value = values[key]
    if not isinstance(value, bool):
        _refuse(values, key, "true or false")
    return bool(value)


def _is_integer(value: object) -> bool:
    """Tell a whole number from everything else, `True` included."""
    return isinstance(value, int) and not isinstance(value, bool)
