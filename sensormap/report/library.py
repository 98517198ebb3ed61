"""The cameras that took some photos, what was left out, and what came of mapping each, as tables and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime

from sensormap.camera.profile import Body
from sensormap.photos.library import FEWEST_PHOTOS, FoundBody, LeftOut, Library
from sensormap.report.table import Table
from sensormap.report.words import UNKNOWN, counted, plain
from sensormap.settings import FEW_FRAMES
from sensormap.survey.bodies import BodyMaps, MappedBody


def library_tables(library: Library) -> tuple[Table, ...]:
    """Return a table of the cameras, and one of what was left out unless that is nothing.

    Parameters
    ----------
    library
        What was found. Text from files in it is cleaned of what could steer a terminal.
    """
    bodies = Table(
        title=counted(len(library.bodies), "camera") if library.bodies else "No cameras",
        header=("camera", "serial", "raw", "JPEG", "first", "last", "usable"),
        rows=tuple(map(_body_row, library.bodies)),
        right=frozenset({2, 3}),
        note="\n".join(_notes(library.bodies)),
    )
    return bodies, *_left_out_tables(library.left_out)


def mapped_tables(maps: BodyMaps) -> tuple[Table, ...]:
    """Return what came of each camera, those with too few photos, and what was left out, each unless that is nothing.

    Parameters
    ----------
    maps
        What came of a run. Text from files in it is cleaned of what could steer a terminal.
    """
    mapped = sum(not one.problem for one in maps.bodies)
    bodies = Table(
        title=f"{counted(mapped, 'camera')} mapped" if maps.bodies else "No cameras mapped",
        header=("camera", "serial", "photos", "skipped", "defects", "lines", "map"),
        rows=tuple(map(_mapped_row, maps.bodies)),
        right=frozenset({2, 3, 4, 5}),
        note="" if maps.bodies else "None took enough photos.",
    )
    few = Table(
        title=f"{counted(len(maps.too_few), 'camera')} with too few photos",
        header=("camera", "serial", "raw", "JPEG"),
        rows=tuple(_body_row(one)[:4] for one in maps.too_few),
        right=frozenset({2, 3}),
    )
    return bodies, *([few] if few.rows else []), *_left_out_tables(maps.left_out)


def library_text(library: Library) -> str:
    """Return what was found as JSON: ``bodies`` and ``left_out``, with the keys of `FoundBody` and `LeftOut`.

    Parameters
    ----------
    library
        What was found.

    Returns
    -------
    str
        ASCII, ending in a newline. Times are ISO 8601 by the camera's clock; what is not known is null.
    """
    bodies = [
        {
            "make": one.body.make,
            "model": one.body.model,
            "serial": one.body.serial or None,
            "profile": one.profile,
            "raw_photos": one.raw_photos,
            "jpegs": one.jpegs,
            "first": one.first.isoformat() if one.first else None,
            "last": one.last.isoformat() if one.last else None,
            "usable": one.usable,
            "note": one.note,
        }
        for one in library.bodies
    ]
    left_out = [{"reason": one.reason, "count": one.count, "example": one.example} for one in library.left_out]
    return json.dumps({"bodies": bodies, "left_out": left_out}, indent=2) + "\n"


def _left_out_tables(left_out: Sequence[LeftOut]) -> tuple[Table, ...]:
    """Return a table of what was left out; nothing where that is nothing."""
    rows = tuple((str(one.count), _shortened(plain(one.example), 24), one.reason) for one in left_out)
    return (Table("Left out", ("count", "for example", "reason"), rows, right=frozenset({0})),) if rows else ()


def _body_row(found: FoundBody) -> tuple[str, ...]:
    """Return the row of a camera."""
    return (
        *_names(found.body),
        str(found.raw_photos),
        str(found.jpegs),
        _day(found.first),
        _day(found.last),
        _usable(found),
    )


def _mapped_row(mapped: MappedBody) -> tuple[str, ...]:
    """Return the row of a camera that was mapped, or could not be."""
    if mapped.problem:
        return (*_names(mapped.body), "", "", "", "", f"none: {plain(mapped.problem)}")
    counts = (str(number) for number in (mapped.photos, mapped.skipped, mapped.defects, mapped.lines))
    return (*_names(mapped.body), *counts, plain(str(mapped.path)))


def _names(body: Body) -> tuple[str, str]:
    """Return the name of a camera, and its serial number."""
    return _shortened(plain(body.name), 22), plain(body.serial) or UNKNOWN


def _usable(found: FoundBody) -> str:
    """Say in a word whether there are photos enough."""
    most = max(found.raw_photos, found.jpegs)
    return "no" if not found.usable else "few" if most < FEW_FRAMES else "yes"


def _notes(bodies: Sequence[FoundBody]) -> Iterator[str]:
    """Explain what the table of cameras says of some of them."""
    if not bodies:
        yield "No raw photo or JPEG there names the camera that took it."
    words = {_usable(one) for one in bodies}
    if "no" in words:
        yield f"no: a map takes at least {FEWEST_PHOTOS} photos of one sort, raw or JPEG."
    if "few" in words:
        yield f"few: a map to rely on takes {FEW_FRAMES} or more."
    if any(not one.body.serial for one in bodies):
        yield f"{UNKNOWN}: no serial number is known; the camera is told by its model only."


def _day(time: datetime | None) -> str:
    return time.date().isoformat() if time else UNKNOWN


def _shortened(name: str, most: int) -> str:
    """Return a name of at most so many characters, an even number, its middle left out."""
    part = most // 2 - 1
    return name if len(name) <= most else f"{name[:part]}..{name[-part:]}"
