"""Formats of other packages, which they name as entry points of the group ``sensormap.formats``.

Whatever is wrong with one of them, at its import or at its work, becomes one line with the name of its package.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Collection
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from sensormap.camera.geometry import Sensor
from sensormap.camera.profile import Body
from sensormap.errors import ListFormatError, SensorMapError
from sensormap.formats.listing import Format, Listing, Run, make_listing, raw_grid
from sensormap.photos.files import PARSER_ERRORS

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

log = logging.getLogger(__name__)

T = TypeVar("T")

GROUP = "sensormap.formats"
FACTS = frozenset({"kind", "two kinds", "since", "runs"})
"""What a format may keep beside positions."""

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_ANYTHING = (Exception, SystemExit, KeyboardInterrupt)  # what code of others may raise; Ctrl-C ends a command even so
_LONGEST = 200  # characters of another package's error


@cache
def plugin_formats(taken: Collection[str]) -> dict[str, Format]:
    """Return the formats of installed packages, by name, sorted; those that cannot be used are told as a warning.

    Parameters
    ----------
    taken
        Names that they may not have.
    """
    from importlib.metadata import entry_points  # noqa: PLC0415 - takes its time, and own formats need it not

    try:
        points = sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value))
    except (*PARSER_ERRORS, OSError) as error:  # the metadata of another package
        log.warning("formats of other packages cannot be listed: %s", _said(error))
        return {}
    found: dict[str, Format] = {}
    for point in points:
        try:
            form = _checked(point.load(), {*taken, *found})
        except _ANYTHING as error:
            log.warning("format %s of %s left out: %s", point.name[:40], _package(point), _said(error))
        else:
            found[form.name] = _guarded(form, _package(point))
    return found


def _checked(form: object, taken: Collection[str]) -> Format:
    """Return a format that is one, and whose name is free."""
    if not isinstance(form, Format):
        msg = f"its entry point is a {type(form).__name__}, expected a sensormap.formats.listing.Format"
        raise TypeError(msg)
    problem = ""
    if not isinstance(form.name, str) or not _NAME.fullmatch(form.name):
        problem = f"its name is {form.name!r:.60}, expected small letters, digits and hyphens"
    elif form.name in taken:
        problem = f"there is a format {form.name} already"
    elif not all(isinstance(text, str) and text.isprintable() for text in (form.title, form.space)):
        problem = "its title or space is no printable text"
    elif not set(form.keeps) <= FACTS:
        problem = f"it keeps {sorted(map(str, set(form.keeps) - FACTS))!r:.60}, expected some of {sorted(FACTS)}"
    elif not all(function is None or callable(function) for function in (form.write, form.read, form.file_name)):
        problem = "its write, read or file_name is no function"
    elif form.write is None and form.read is None:
        problem = "it neither writes nor reads"
    if problem:
        raise ValueError(problem)
    return form


def _guarded(form: Format, package: str) -> Format:
    """Return a format whose functions raise nothing but errors of ours, and return what they should."""
    name = f"format {form.name} of {package}"

    def write(listing: Listing, sensor: Sensor, body: Body) -> bytes:
        return _called(name, "write", bytes, lambda: form.write and form.write(listing, sensor, body))

    def read(data: bytes, file: str, sensor: Sensor) -> Listing:
        def ordered() -> object:
            found = form.read and form.read(data, file, sensor)
            if not isinstance(found, Listing):
                return found
            photosites = (Run(one.y, one.x, 1, 1, one.kind, one.since) for one in found.photosites)
            return make_listing((*photosites, *found.runs), raw_grid(sensor), file)

        return _called(name, "read", Listing, ordered)

    def file_name(sensor: Sensor, body: Body) -> str:
        return _called(name, "file_name", str, lambda: form.file_name and form.file_name(sensor, body))

    return replace(
        form,
        write=write if form.write else None,
        read=read if form.read else None,
        file_name=file_name if form.file_name else None,
    )


def _called(name: str, function: str, expected: type[T], call: Callable[[], object]) -> T:
    """Return what a function of another package returns, if it is what it should be.

    Raises
    ------
    ListFormatError
        If it is not, or the function raises anything but an error of ours.
    """
    try:
        found = call()
    except SensorMapError:
        raise
    except _ANYTHING as error:
        msg = f"{name}: its {function} failed: {_said(error)}"
        raise ListFormatError(msg) from error
    if not isinstance(found, expected):
        msg = f"{name}: its {function} returned a {type(found).__name__}, expected {expected.__name__}"
        raise ListFormatError(msg)
    return found


def _package(point: EntryPoint) -> str:
    """Return the name of the package that an entry point is from."""
    return point.dist.name if point.dist else point.module


def _said(error: BaseException) -> str:
    """Return an error as a short line."""
    text = " ".join(str(error).split())[:_LONGEST]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
