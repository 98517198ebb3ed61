"""Another program's list as a defect map of a camera."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from sensormap.camera.geometry import Sensor
from sensormap.camera.profile import Body, Profile
from sensormap.camera.profile_files import get_profile
from sensormap.errors import ListFormatError
from sensormap.formats.listing import Format, Listing, Photosite, Run
from sensormap.formats.registry import get_format, read_list
from sensormap.maps.clusters import with_clusters
from sensormap.maps.entries import Between, Column, Defect, DefectKind, FrameSummary, Row
from sensormap.maps.sensor_map import SensorMap

CONFIDENCE, SCORE = 1.0, 0.0  # whoever made the list was sure; how sure the photos make us, no photo tells
_NO_FRAMES = FrameSummary(0, 0, None, None, None, None, digest="")

AnyLine = TypeVar("AnyLine", Column, Row)


def sensor_of(profile: Profile) -> Sensor:
    """Return the geometry of a camera model."""
    return Sensor(profile.raw_size, profile.active_area, profile.cfa, profile.jpeg_crop)


def import_map(
    path: str | Path,
    list_format: Format | str,
    profile: Profile | str,
    *,
    serial: str = "",
    kind: DefectKind | str = DefectKind.HOT,
) -> SensorMap:
    r"""Read another program's list as the map of a camera.

    Parameters
    ----------
    path
        The list.
    list_format
        Its format, or the name of one, as ``sensormap export --list`` tells them.
    profile
        The camera's model: a profile, or the name or file of one.
    serial
        Serial number of the body, "" where unknown.
    kind
        Kind of the entries whose kind the list does not tell.

    Returns
    -------
    SensorMap
        As `map_of_listing` makes it.

    Raises
    ------
    ListFormatError
        If there is no such format, or the file is no such list, has no entry, or reaches out of the sensor.
    ProfileError
        If there is no such profile.
    ValueError
        If there is no such kind.

    Examples
    --------
    >>> from sensormap.formats.from_map import export_map
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "badpixels.txt")
    ...     _ = path.write_text("100 200 0\n7 8 0\n")
    ...     imported = import_map(path, "dcraw", "nikon-d80", kind="stuck")
    >>> [(defect.x, defect.y, str(defect.kind)) for defect in imported.defects]
    [(7, 8, 'stuck'), (100, 200, 'stuck')]
    """
    path = Path(path)
    list_format = get_format(list_format) if isinstance(list_format, str) else list_format
    camera = get_profile(profile) if isinstance(profile, str) else profile
    listing = read_list(path, list_format, sensor_of(camera))
    require_entries(listing, path, list_format)
    return map_of_listing(listing, camera, serial=serial, kind=DefectKind(kind), origin=(list_format.name, path.name))


def map_of_listing(
    listing: Listing, profile: Profile, *, serial: str = "", kind: DefectKind = DefectKind.HOT, origin: tuple[str, str]
) -> SensorMap:
    """Return the map that a list makes of a camera: no frames, nothing measured.

    Parameters
    ----------
    listing
        Content of the list, read with `sensor_of(profile)`.
    profile
        Profile of the camera's model.
    serial
        Serial number of the body, "" where unknown.
    kind
        Kind of the entries whose kind the list does not tell.
    origin
        Name of the list's format, and of its file, without folder: they become settings of the map.

    Returns
    -------
    SensorMap
        With `CONFIDENCE` and `SCORE` for each entry. An entry that was healthy until some time has that as the
        `after` of its onset; the others have no onset. Those that touch are numbered as a run numbers them.
    """
    sensor = sensor_of(profile)
    list_format, file = origin
    runs = [replace(run, kind=run.kind or kind) for run in listing.runs]
    columns = _united([(run.x, run.y, run.y + run.height, run) for run in runs if run.width == 1])
    rows = _united([(run.y, run.x, run.x + run.width, run) for run in runs if run.width > 1])
    return SensorMap(
        body=Body(profile.make, profile.model, serial),
        profile=profile.name,
        sensor=sensor,
        frames=_NO_FRAMES,
        skipped=(),
        settings={"imported_from": list_format, "imported_file": file},
        columns=tuple(_line(Column, *span, sensor) for span in columns),
        rows=tuple(_line(Row, *span, sensor) for span in rows),
        defects=with_clusters([_defect(one, one.kind or kind, sensor) for one in listing.photosites], sensor.cfa),
    )


def require_entries(listing: Listing, path: Path, list_format: Format) -> None:
    """Refuse a list without an entry: a slip of the name is likelier than a sensor without a defect.

    Raises
    ------
    ListFormatError
        If there is none.
    """
    if not (listing.photosites or listing.runs):
        msg = f"{path.name}: no entry found, expected a list of defects in format {list_format.name}"
        raise ListFormatError(msg)


def untold(listing: Listing) -> int:
    """Return the number of entries whose kind a list does not tell."""
    kinds = [found.kind for found in listing.photosites] + [run.kind for run in listing.runs]
    return kinds.count(None)


_Span = tuple[int, int, int, Run]  # line, start, end (exclusive), and whose kind and time count


def _united(spans: Iterable[_Span]) -> list[_Span]:
    """Return spans in order, those that overlap on a line made one: as bad as either, of the first one's kind."""
    united: list[_Span] = []
    for line, start, end, run in sorted(spans, key=lambda span: span[:3]):
        if united and united[-1][0] == line and start < united[-1][2]:
            _, first, last, before = united[-1]
            since = None if before.since is None or run.since is None else min(before.since, run.since)
            united[-1] = line, first, max(last, end), replace(before, since=since)
        else:
            united.append((line, start, end, run))
    return united


def _line(made: type[AnyLine], place: int, start: int, end: int, run: Run, sensor: Sensor) -> AnyLine:
    """Return the column or row of a span, of all planes that it crosses."""
    planes = "+".join(made.crossed(place, sensor.cfa))
    kind = run.kind or DefectKind.HOT
    return made(place, start, end - 1, planes, kind, CONFIDENCE, SCORE, end - start, onset=_onset(run.since))


def _defect(found: Photosite, kind: DefectKind, sensor: Sensor) -> Defect:
    x, y = found.x, found.y
    plane, jpeg = sensor.cfa.plane_name(x=x, y=y), sensor.jpeg_pixel(x, y)
    return Defect(x, y, plane, kind, CONFIDENCE, SCORE, None, None, jpeg, onset=_onset(found.since))


def _onset(since: datetime | None) -> Between | None:
    """Return when an entry appeared: after a photo, by one that is not known."""
    return None if since is None else Between(since, None)
