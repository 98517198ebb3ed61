"""What stands between a map and other programs' lists: photosites and runs on the raw grid, and what a format is."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from sensormap.camera.geometry import Rect, Sensor
from sensormap.camera.profile import Body
from sensormap.errors import ListFormatError
from sensormap.maps.entries import DefectKind

log = logging.getLogger(__name__)

MAX_BYTES = 64 * 1024 * 1024  # a list of every photosite of a small sensor; what is larger is no defect list
MAX_LISTED = 500_000  # of one list: a twentieth of a sensor; more is no defect list, and takes minutes to check


@dataclass(frozen=True, order=True)
class Photosite:
    """One photosite of a list, on the raw grid; ordered by (y, x).

    Parameters
    ----------
    y, x
        Raw-grid position, 0-based.
    kind
        Its misbehaviour; None where the list does not tell.
    since
        Capture time, by the camera's clock, of the last photo that did not show it; None where not told.
    """

    y: int
    x: int
    kind: DefectKind | None = None
    since: datetime | None = None


@dataclass(frozen=True, order=True)
class Run:
    """A piece of a bad column (`width` 1) or row (`height` 1): all its photosites, of all planes; on the raw grid."""

    y: int
    x: int
    width: int
    height: int
    kind: DefectKind | None = None
    since: datetime | None = None


@dataclass(frozen=True)
class Listing:
    """The content of a list: what a writer is given, and what a reader returns.

    Parameters
    ----------
    photosites
        Sorted, each position once, all within the raw grid, none inside a run.
    runs
        Sorted, all within the raw grid.
    """

    photosites: tuple[Photosite, ...]
    runs: tuple[Run, ...] = ()


@dataclass(frozen=True)
class Format:
    """One program's format.

    Parameters
    ----------
    name
        Its name, as ``--format`` takes it.
    title
        The programs that read it, in words.
    space
        Origin of its coordinates, in words: ``raw grid``, ``visible area``, ``raw grid, y from the bottom`` ...
    keeps
        Facts that it stores beside positions, of ``kind``, ``since`` and ``runs``; the rest is dropped and reported.
        ``two kinds`` in the place of ``kind``: it tells bright defects from dark ones.
    write
        Turns content, sensor and body into a file's bytes; None where it is only read. Raises ``ListFormatError`` where
        the format cannot hold the content.
    read
        Turns a file's bytes, its name for messages, and the sensor into content; None where there is no reading it.
    file_name
        Function that returns the name that the program wants the file to have; None where any name does.
    at_most
        Most entries that the program takes; None for no limit.
    max_bytes
        Size of the largest file worth reading.
    for_jpegs
        Whether it also holds the pixels of a JPEG whose camera is unknown; if not, it is for raw photos only.
    """

    name: str
    title: str
    space: str
    keeps: frozenset[str]
    write: Callable[[Listing, Sensor, Body], bytes] | None
    read: Callable[[bytes, str, Sensor], Listing] | None = None
    file_name: Callable[[Sensor, Body], str] | None = None
    at_most: int | None = None
    max_bytes: int = MAX_BYTES
    for_jpegs: bool = False


def raw_grid(sensor: Sensor) -> Rect:
    """Return the whole raw grid, the space of programs that see the margins too."""
    return Rect(0, 0, *sensor.raw_size)


def within(listing: Listing, area: Rect) -> Listing:
    """Return what of a list lies in `area`, counted from its corner; runs are cut at its border.

    Examples
    --------
    >>> within(Listing((Photosite(0, 9), Photosite(7, 5))), Rect(4, 2, 6, 6)).photosites
    (Photosite(y=5, x=1, kind=None, since=None),)
    """
    photosites = (
        replace(found, y=found.y - area.y, x=found.x - area.x)
        for found in listing.photosites
        if area.contains(found.x, found.y)
    )
    runs = (_cut(run, area) for run in listing.runs)
    return Listing(tuple(photosites), tuple(run for run in runs if run is not None))


def refuse_xtrans(sensor: Sensor, program: str) -> None:
    """Refuse a list for a program that repairs photosites from those two away, which of X-Trans have other colours.

    Raises
    ------
    ListFormatError
        If the sensor has X-Trans filters.
    """
    if sensor.cfa.is_xtrans:
        msg = f"{program} repairs a photosite from those two away, as Bayer filters are; this map's are X-Trans"
        raise ListFormatError(msg)


def one_by_one(listing: Listing) -> tuple[Photosite, ...]:
    """Return every photosite of a list, those of its runs too: sorted, each position once.

    Examples
    --------
    >>> [(found.x, found.y) for found in one_by_one(Listing((Photosite(0, 9),), (Run(1, 2, 1, 3),)))]
    [(9, 0), (2, 1), (2, 2), (2, 3)]
    """
    found = {(photosite.y, photosite.x): photosite for photosite in listing.photosites}
    for run in listing.runs:
        for y in range(run.y, run.y + run.height):
            for x in range(run.x, run.x + run.width):
                found.setdefault((y, x), Photosite(y, x, run.kind, run.since))
    return tuple(found[place] for place in sorted(found))


def make_listing(entries: Iterable[Run], area: Rect, name: str) -> Listing:
    """Return what a reader found, on the raw grid: sorted, each photosite once, none inside a run.

    Parameters
    ----------
    entries
        Rectangles of any size, 1 x 1 for a single photosite, counted from the corner of `area`. One that is wider than
        a line becomes several runs. Where two hold the same photosite, the first tells its kind.
    area
        The program's space on the raw grid.
    name
        The file's, for messages.

    Raises
    ------
    ListFormatError
        If an entry reaches out of `area`, has no size, or there are more than `MAX_LISTED` photosites.
    """
    photosites: dict[tuple[int, int], Photosite] = {}
    runs: dict[tuple[int, int, int, int], Run] = {}
    total = 0
    for number, entry in enumerate(entries, 1):
        if min(entry.x, entry.y) < 0 or min(entry.width, entry.height) < 1 or not _fits(entry, area):
            size = "" if entry.width == entry.height == 1 else f", {entry.width} x {entry.height},"
            msg = f"{name}: entry {number}: x {entry.x}, y {entry.y}{size} is not within {area.width} x {area.height}"
            raise ListFormatError(msg)
        total += entry.width * entry.height
        if total > MAX_LISTED:
            msg = f"{name}: more than {MAX_LISTED} photosites; expected a list of defects"
            raise ListFormatError(msg)
        y, x = entry.y + area.y, entry.x + area.x
        if entry.width == entry.height == 1:
            photosites.setdefault((y, x), Photosite(y, x, entry.kind, entry.since))
        else:
            for place in _lines(y, x, entry.width, entry.height):
                runs.setdefault(place, Run(*place, entry.kind, entry.since))
    covered = {
        (y, x)
        for run in runs.values()
        for y in range(run.y, run.y + run.height)
        for x in range(run.x, run.x + run.width)
    }
    singles = tuple(photosites[place] for place in sorted(photosites.keys() - covered))
    if repeated := total - len(singles) - len(covered):
        log.info("%s: %d photosites are listed again, and count once", name, repeated)
    return Listing(singles, tuple(runs[place] for place in sorted(runs)))


def _fits(entry: Run, area: Rect) -> bool:
    """Tell whether an entry counted from the corner of `area` ends within it."""
    return entry.x + entry.width <= area.width and entry.y + entry.height <= area.height


def _cut(run: Run, area: Rect) -> Run | None:
    """Return the part of a run that lies in `area`, counted from its corner."""
    try:
        part = Rect(run.x, run.y, run.width, run.height).intersection(area)
    except ValueError:  # they do not meet
        return None
    return replace(run, y=part.y - area.y, x=part.x - area.x, width=part.width, height=part.height)


def _lines(y: int, x: int, width: int, height: int) -> list[tuple[int, int, int, int]]:
    """Return a box as the fewest lines: pieces of columns where it is tall, of rows where it is wide."""
    if width <= height:
        return [(y, col, 1, height) for col in range(x, x + width)]
    return [(row, x, width, 1) for row in range(y, y + height)]
