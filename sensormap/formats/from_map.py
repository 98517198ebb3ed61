"""A defect map as another program's list, and what of it the list does not tell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from sensormap.camera.geometry import Sensor
from sensormap.camera.profile import Profile
from sensormap.camera.profile_files import get_profile
from sensormap.errors import ListFormatError, ProfileError
from sensormap.formats.listing import Format, Listing, Run, make_listing, one_by_one, raw_grid
from sensormap.formats.registry import FORMATS, get_format
from sensormap.maps.entries import Between, Column, Source
from sensormap.maps.sensor_map import SensorMap

_Loss = tuple[int, str, str]  # how many, of what, and what becomes of it
VISIBLE = "visible area"
"""How the coordinate space of a format begins that counts from the active area."""


@dataclass(frozen=True)
class Export:
    """A file's `content`, and `losses`: one line for each thing that the map tells and the file does not."""

    content: bytes
    losses: tuple[str, ...]


def export_map(sensor_map: SensorMap, list_format: Format | str, *, profile: Profile | str | None = None) -> Export:
    """Return a map's defects in another program's format.

    Parameters
    ----------
    sensor_map
        The map.
    list_format
        The format, or its name, as ``sensormap export --list`` tells them. Where it takes no more than so many
        entries, the strongest go in.
    profile
        The camera's profile, or its name or file; None finds it by the name in the map. Maps of JPEGs take
        the active area from it.

    Returns
    -------
    Export
        The file's content, and what it does not tell.

    Raises
    ------
    ListFormatError
        If there is no such format, it is only read, it is for raw photos and the map is on the pixels of JPEGs, or it
        cannot hold the content.
    ProfileError
        If the format counts from the active area, and the map is of JPEGs with a profile that is not known here.

    Notes
    -----
    What is lost is found by reading the file back.

    Examples
    --------
    >>> export = export_map(read_map("d80.yaml"), "dcraw")  # doctest: +SKIP
    >>> Path(".badpixels").write_bytes(export.content)  # doctest: +SKIP
    """
    list_format = get_format(list_format) if isinstance(list_format, str) else list_format
    profile = get_profile(profile) if isinstance(profile, str) else profile
    if list_format.write is None:
        msg = f"format {list_format.name} is only read, not written"
        raise ListFormatError(msg)
    if sensor_map.sensor.is_jpeg_grid and not list_format.for_jpegs:
        suited = ", ".join(sorted(other.name for other in FORMATS.values() if other.for_jpegs))
        msg = f"{list_format.name}: is for raw photos, but the map is of JPEGs of a camera without a profile"
        msg += f"; suited: {suited}"
        raise ListFormatError(msg)
    sensor = _raw_sensor(sensor_map, profile) if list_format.space.startswith(VISIBLE) else sensor_map.sensor
    listing = listing_of(sensor_map)
    strongest = _strongest(listing, sensor_map, list_format.at_most)
    content = list_format.write(strongest, sensor, sensor_map.body)
    weak = len(one_by_one(listing)) - len(one_by_one(strongest))
    losses = [
        (weak, "photosite", f"left out: the weakest, since it takes {list_format.at_most} at most"),
        *_unread(strongest, content, list_format, sensor),
        *_vague(sensor_map),
    ]
    return Export(content, tuple(_loss_line(list_format.name, *loss) for loss in losses if loss[0]))


def _loss_line(name: str, count: int, noun: str, what: str) -> str:
    """Return a line about what a format loses."""
    nouns = {"entry": "entries", "column or row": "columns and rows"}.get(noun, f"{noun}s")
    return f"{name}: {count} {noun if count == 1 else nouns} {what}"


def listing_of(sensor_map: SensorMap) -> Listing:
    """Return a map's defects; a column or row that covers all planes of its line stays one entry.

    Parameters
    ----------
    sensor_map
        The map.

    Examples
    --------
    >>> from sensormap.camera.profile import Body, Rect
    >>> from sensormap.camera.cfa import Cfa
    >>> from sensormap.maps.entries import DefectKind, FrameSummary
    >>> from sensormap.camera.geometry import Sensor
    >>> sensor = Sensor((16, 12), Rect(0, 0, 16, 12), Cfa("RGGB"), None)
    >>> frames = FrameSummary(2, 0, None, None, None, None, digest="")
    >>> columns = [Column(x, 8, 11, plane, DefectKind.DEAD, 1.0, -9.0, 2) for x, plane in ((4, "R"), (6, "R+Gb"))]
    >>> toy = listing_of(SensorMap(Body("", "toy", ""), "toy", sensor, frames, (), {}, tuple(columns), ()))
    >>> [(found.x, found.y) for found in toy.photosites], [(run.x, run.y, run.height) for run in toy.runs]
    ([(4, 8), (4, 10)], [(6, 8, 4)])
    """
    return make_listing(_entries(sensor_map), raw_grid(sensor_map.sensor), "map")


def _raw_sensor(sensor_map: SensorMap, profile: Profile | None) -> Sensor:
    """Return the sensor as raw photos show it: the active area of a map of JPEGs is that of the JPEGs."""
    sensor = sensor_map.sensor
    if sensor_map.source != Source.JPEG or sensor.is_jpeg_grid:
        return sensor
    try:
        profile = profile or get_profile(sensor_map.profile)
    except ProfileError as error:
        msg = f"the map's profile {sensor_map.profile!r} does not come with sensormap: name its file by --profile"
        raise ProfileError(msg) from error
    return replace(sensor, active_area=profile.active_area)


def _entries(sensor_map: SensorMap) -> Iterator[Run]:
    """Yield every entry of a map; a photosite is a run of one."""
    for defect in sensor_map.defects:
        yield Run(defect.y, defect.x, 1, 1, defect.kind, _since(defect.onset))
    for line in sensor_map.lines:
        length, facts = line.last - line.first + 1, (line.kind, _since(line.onset))
        if len(line.covered(sensor_map.sensor.cfa)) == length:
            width, height = (1, length) if isinstance(line, Column) else (length, 1)
            x, y = line.photosite(line.place, line.first)
            yield Run(y, x, width, height, *facts)
        else:
            yield from (Run(y, x, 1, 1, *facts) for x, y in line.photosites(sensor_map.sensor.cfa))


def _since(onset: Between | None) -> datetime | None:
    """Return the time of the last photo that did not show a defect; None where there is none."""
    return None if onset is None else onset.after


def _strongest(listing: Listing, sensor_map: SensorMap, at_most: int | None) -> Listing:
    """Return a listing if it has no more photosites than `at_most`, else so many of those with the highest scores."""
    photosites = one_by_one(listing)
    if at_most is None or len(photosites) <= at_most:
        return listing
    scores = {(defect.y, defect.x): abs(defect.score) for defect in sensor_map.defects}
    for line in sensor_map.lines:
        for x, y in line.photosites(sensor_map.sensor.cfa):
            scores[y, x] = max(abs(line.score), scores.get((y, x), 0.0))
    best = sorted(photosites, key=lambda found: (-scores[found.y, found.x], found.y, found.x))[:at_most]
    return Listing(tuple(sorted(best, key=lambda found: (found.y, found.x))))


def _unread(listing: Listing, content: bytes, list_format: Format, sensor: Sensor) -> Iterator[_Loss]:
    """Yield how many photosites and runs reading the file back does not give, or not with all they had."""
    if list_format.read is None:
        return
    back = list_format.read(content, list_format.name, sensor)
    found = {(photosite.y, photosite.x): photosite for photosite in one_by_one(back)}
    photosites = one_by_one(listing)
    pairs = [(was, found[was.y, was.x]) for was in photosites if (was.y, was.x) in found]
    yield len(photosites) - len(pairs), "photosite", f"left out: outside its area ({list_format.space})"
    kinds = "with hot or cold for a kind" if "two kinds" in list_format.keeps else "without the kind"
    yield sum(was.kind != now.kind for was, now in pairs), "photosite", kinds
    dates = sum(_second(was.since) != _second(now.since) for was, now in pairs)
    yield dates, "photosite", "without the date of appearing: repaired in older photos too"
    yield max(0, len(listing.runs) - len(back.runs)), "column or row", "listed photosite by photosite"


def _second(since: datetime | None) -> datetime | None:
    """Return a time without its fraction of a second, which tells no two photos apart."""
    return since and since.replace(microsecond=0)


def _vague(sensor_map: SensorMap) -> Iterator[_Loss]:
    """Yield how many entries say more in a map than any list could."""
    radii = [defect.radius for defect in sensor_map.defects] + [line.radius for line in sensor_map.lines]
    vague = [radius for radius in radii if radius]
    yield len(vague), "entry", f"known from JPEGs only, whose place is good to {max(vague, default=0)} pixels"
    healed = sum(defect.until is not None for defect in sensor_map.defects)
    yield healed, "defect", "gone by the last photo, listed as if still there"
