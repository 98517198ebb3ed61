"""dcraw's and LibRaw's ``.badpixels``: a line ``col row time`` a photosite; nothing but them knows when it died.

Coordinates count from the corner of the visible area, which is `sensor.active_area` here. An entry outside it is
ignored by both programs, and never written.

`time` is the Unix time from which the photosite is bad, 0 for always: both leave an entry alone in photos taken before
it. EXIF times know no zone. dcraw takes them for UTC wherever it runs, and so does this module: same map, same file.
LibRaw as a library takes them for the zone of its process; with TZ=UTC in its environment it agrees
(docs/guide/other-programs.md).
"""

from __future__ import annotations

from calendar import timegm
from collections.abc import Iterator
from datetime import UTC, datetime

from sensormap.camera.geometry import Sensor
from sensormap.camera.profile import Body
from sensormap.formats.listing import Format, Listing, Run, make_listing, one_by_one, raw_grid, within
from sensormap.formats.text_lines import TextLine, read_lines

FILE_NAME = ".badpixels"
LONGEST = 127  # characters; dcraw reads lines into 128 bytes and takes the rest of a longer one for the next
LATEST = 2**31 - 1  # both scan the time into 32 bits


def write(listing: Listing, sensor: Sensor, _: Body) -> bytes:
    """Write every photosite of the visible area, those of runs too."""
    photosites = one_by_one(within(listing, sensor.active_area))
    lines = [f"{found.x} {found.y} {failure_time(found.since)}\n" for found in photosites]
    return "".join(["# col row time, for dcraw -P and LibRaw\n", *lines]).encode("ascii")


def read(data: bytes, name: str, sensor: Sensor) -> Listing:
    """Read a list; every line that holds something holds three whole numbers.

    Raises
    ------
    ListFormatError
        Naming the line that does not, or whose position is outside the raw grid.
    """
    return make_listing(_entries(read_lines(data, name, longest=LONGEST), sensor), raw_grid(sensor), name)


def failure_time(since: datetime | None) -> int:
    """Return the Unix time of the second after `since`, 0 for None.

    Parameters
    ----------
    since
        Time when the photosite was last seen healthy, by the camera's clock: the photo that showed it so is left alone.

    Notes
    -----
    A failure before 1970 becomes 0, one after January 2038 the last second that 32 bits hold.

    Examples
    --------
    >>> failure_time(datetime(1970, 1, 2, 0, 0, 0, 500_000))
    86401
    """
    return 0 if since is None else min(max(timegm(since.timetuple()) + 1, 0), LATEST)


def _entries(lines: Iterator[TextLine], sensor: Sensor) -> Iterator[Run]:
    """Yield the photosites, each a run of one."""
    area = sensor.active_area
    for line in lines:
        words = line.text.split()
        if len(words) != 3:
            line.refuse(f"{len(words)} columns, expected 3: col row time")
        x, y = line.place(words[0], words[1], sensor, corner=(area.x, area.y))
        yield Run(y, x, 1, 1, since=_since(line.integer(words[2], "time", -LATEST - 1, LATEST)))


def _since(death: int) -> datetime | None:
    """Return the last second before a time of death; None where the photosite was always bad."""
    return datetime.fromtimestamp(death - 1, UTC).replace(tzinfo=None) if death > 0 else None


FORMAT = Format(
    name="dcraw",
    title="dcraw -P, LibRaw, rawpy (bad pixels file)",
    space="visible area",
    keeps=frozenset({"since"}),
    write=write,
    read=read,
    file_name=lambda *_: FILE_NAME,
)
