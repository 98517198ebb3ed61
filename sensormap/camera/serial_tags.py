"""Where serial numbers stand in photos of each maker, as `serial_tags.yaml` beside this module says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from sensormap.errors import ProfileError
from sensormap.strict_yaml import load_yaml

IFD0, EXIF, NOTE = "IFD0", "EXIF", "MakerNote"
"""Directories of a photo's tags."""

_FILE = "serial_tags.yaml"
_TAG = re.compile(rf"({IFD0}|{EXIF}) (0x[0-9A-F]{{4}})|({NOTE})((?: 0x[0-9A-F]{{4}}){{1,2}})")


@dataclass(frozen=True)
class SerialTag:
    """A tag that holds a serial number: its directory, and its number, behind that of an inner directory if in one."""

    directory: str
    path: tuple[int, ...]


def serial_tags(make: str) -> tuple[SerialTag, ...]:
    """Return the tags that may hold the serial number of a maker's body, in the order in which they count.

    Parameters
    ----------
    make
        Maker as EXIF writes it, or "".

    Examples
    --------
    >>> serial_tags("Canon")[1]
    SerialTag(directory='MakerNote', path=(12,))
    """
    found = next((tags for name, tags in _makers().items() if name and make.upper().startswith(name)), ())
    return tuple(dict.fromkeys((*found, *_makers()[""])))


@cache
def _makers() -> dict[str, tuple[SerialTag, ...]]:
    """Return the tags by how makes begin, in capitals; those of every maker under "", which is there."""
    return parse_serial_tags((files("sensormap.camera") / _FILE).read_text(encoding="utf-8"))


def parse_serial_tags(text: str) -> dict[str, tuple[SerialTag, ...]]:
    """Return the tags that a text of the file's format lists, by how makes begin; those of every maker under "".

    Raises
    ------
    ProfileError
        If it is no such text; the message names the file and what is wrong in it.
    """
    try:
        return _parse(load_yaml(text))
    except ValueError as error:
        msg = f"{_FILE}: {error}"
        raise ProfileError(msg) from error


def _parse(document: Any) -> dict[str, tuple[SerialTag, ...]]:
    """Return what a document lists."""
    if not isinstance(document, dict) or document.keys() != {"any", "makes"} or not isinstance(document["makes"], dict):
        msg = "expected the keys any, a list of tags, and makes, such lists by how EXIF Make begins"
        raise ValueError(msg)
    for make in document["makes"]:
        if not make or make != make.upper():
            msg = f"makes: {make!r} is not how a make begins, in capitals"
            raise ValueError(msg)
    return {make: _tags(make or "any", listed) for make, listed in ({"": document["any"]} | document["makes"]).items()}


def _tags(key: str, listed: Any) -> tuple[SerialTag, ...]:
    """Return the tags of a list."""
    if not isinstance(listed, list) or not listed:
        msg = f"{key}: {listed!r} is not a list of tags"
        raise ValueError(msg)
    return tuple(_tag(key, text) for text in listed)


def _tag(key: str, text: Any) -> SerialTag:
    """Return the tag that a text such as ``EXIF 0xA431`` names."""
    match = _TAG.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        msg = f"{key}: {text!r} is not a tag such as EXIF 0xA431, or MakerNote with one or two numbers"
        raise ValueError(msg)
    directory, number, note, numbers = match.groups()
    return SerialTag(directory or note, tuple(int(part, 16) for part in (number or numbers).split()))
