"""The summary of a map as tables: camera, photos, exposures, kinds of defects, skipped photos."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime

from sensormap.camera.geometry import Sensor
from sensormap.frame import BIAS, CALIBRATIONS, DARK, FLAT
from sensormap.maps.changes.edits import EditAction
from sensormap.maps.clusters import Cluster, clusters_of
from sensormap.maps.entries import DarkLaw, DefectKind, Source
from sensormap.maps.sensor_map import SensorMap
from sensormap.report.table import Table
from sensormap.report.words import cfa_text, counted, kind_text, plain, shutter_text, span_text

MAX_REASONS = 15  # lines on the screen; a reason that names sizes or levels can differ from photo to photo

_EITHER = "which of them the exposures do not tell"

_SOURCES = {
    Source.JPEG: "the camera's JPEGs; +- is how many pixels a place may be off",
    Source.BOTH: "raw photos and JPEGs; +- is how many pixels a place known from JPEGs may be off",
}


_SORTS = {DARK: "darks", FLAT: "flats", BIAS: "bias frames"}


def facts_table(sensor_map: SensorMap) -> Table:
    """Return what a map is about, one label and text a row: camera, sensor, photos, dates, exposures, edits.

    Parameters
    ----------
    sensor_map
        The map. Text from files in it is cleaned of what could steer a terminal.

    Returns
    -------
    Table
        In reading order, without title and header; what the map does not know is left out.
    """
    frames, profile = sensor_map.frames, f"profile {sensor_map.profile}"
    lines = [
        ("Camera", f"{sensor_map.body} ({'no profile' if sensor_map.sensor.is_jpeg_grid else profile})"),
        ("Sensor", _sensor_text(sensor_map.sensor)),
    ]
    if not sensor_map.body.serial:
        lines.insert(1, ("Told by", "its model only: no serial number is known"))
    if sensor_map.source != Source.RAW:
        lines.append(("Source", _SOURCES[sensor_map.source]))
    lines.append(("Photos", _photos_text(sensor_map)))
    if frames.first and frames.last:
        lines.append(("Taken", span_text(_minute(frames.first), _minute(frames.last))))
    if frames.shutter_s:
        lines.append(("Shutter", span_text(*map(shutter_text, frames.shutter_s))))
    if frames.iso:
        lines.append(("ISO", span_text(*map(str, frames.iso))))
    if frames.temperature_c:
        lines.append(("Temperature", _temperature_text(frames.temperature_c, sensor_map.dark_law)))
    if frames.clock_jumps:
        lines.append(("Clock", f"contradicts the shutter count {counted(frames.clock_jumps, 'time')}"))
    if split := sensor_map.settings.get("two_sensors"):
        lines.append(("Sensors", f"two or more: their defects exclude each other; {split}"))
    if clusters := clusters_of(sensor_map.defects):
        lines.append(("Clusters", _clusters_text(clusters)))
    if sensor_map.false_positives is not None:
        lines.append(("False alarms", _false_alarms_text(sensor_map.false_positives)))
    if sensor_map.edits:
        lines.append(("By hand", _edits_text(sensor_map)))
    return Table("", ("", ""), tuple((label, plain(text)) for label, text in lines))


def kind_table(sensor_map: SensorMap) -> Table:
    """Return how many defects there are of each kind that occurs, most frequent first, and what the kind means.

    Those that may be of one kind or another are counted by themselves.
    """
    counts = Counter(map(kind_text, sensor_map.defects))
    ranked = sorted(counts, key=lambda kind: -counts[kind])
    meanings = {kind.value: kind.meaning for kind in DefectKind}
    lone = "single " if sensor_map.columns or sensor_map.rows else ""
    return Table(
        title=counted(len(sensor_map.defects), "defect") if counts else "No defects",
        header=("kind", "count", "meaning"),
        rows=tuple((kind, str(counts[kind]), meanings.get(kind, _EITHER)) for kind in ranked),
        right=frozenset({1}),
        note="" if counts else f"No {lone}photosite misbehaves enough to be told from its neighbours.",
    )


def skipped_table(sensor_map: SensorMap) -> Table:
    """Return the reasons why photos were skipped, most frequent first, each with its count and first photo."""
    names = defaultdict(list)
    for skipped in sensor_map.skipped:
        names[skipped.reason].append(skipped.name)
    ranked = sorted(names, key=lambda reason: (-len(names[reason]), reason))
    shown = ranked[:MAX_REASONS]
    return Table(
        title=f"{counted(len(sensor_map.skipped), 'photo')} skipped",
        header=("count", "for example", "reason"),
        rows=tuple((str(len(names[reason])), _shortened(plain(min(names[reason]))), plain(reason)) for reason in shown),
        right=frozenset({0}),
        note=f"{counted(len(ranked) - len(shown), 'more reason')} in the map file." if ranked != shown else "",
        spare=("for example",),
    )


def _sensor_text(sensor: Sensor) -> str:
    """Say what grid a map's coordinates are on."""
    size, crop = f"{sensor.raw_size[0]} x {sensor.raw_size[1]}", sensor.jpeg_crop
    if sensor.is_jpeg_grid:
        return f"{size} pixels of the JPEG; raw grid unknown"
    return f"{size} photosites, {cfa_text(sensor.cfa)}{f', JPEG {crop.width} x {crop.height}' if crop else ''}"


def _edits_text(sensor_map: SensorMap) -> str:
    """Say how many photosites were added and removed by hand."""
    added = sum(edit.edit == EditAction.ADD for edit in sensor_map.edits)
    counts = (added, "added"), (len(sensor_map.edits) - added, "removed")
    return ", ".join(f"{count} {what}" for count, what in counts if count)


def _photos_text(sensor_map: SensorMap) -> str:
    """Say how many photos were used, and what is odd about some of them."""
    frames, source = sensor_map.frames, sensor_map.source
    sorts = Counter(photo.sort for photo in sensor_map.calibration)
    odd = {
        **{sort if sorts[sort] == 1 else _SORTS[sort]: sorts[sort] for sort in CALIBRATIONS},
        f"of them {'a JPEG' if frames.jpegs == 1 else 'JPEGs'}": frames.jpegs if source == Source.BOTH else 0,
        f"repeat{'s' if frames.repeated == 1 else ''} a scene": frames.repeated,
        "filtered in camera": frames.filtered,
        "in the second pass": frames.followed if frames.followed < frames.used - frames.repeated else 0,
    }
    notes = ", ".join(f"{number} {what}" for what, number in odd.items() if number)
    used = counted(frames.used, "JPEG") if source == Source.JPEG else str(frames.used)
    return f"{used} used{f' ({notes})' if notes else ''}, {frames.skipped} skipped"


def _temperature_text(bounds: tuple[float, float], law: DarkLaw | None) -> str:
    """Say how warm the sensor was, and what that makes of dark currents."""
    span = f"{span_text(*(f'{one:g}' for one in bounds))} °C"
    if law is None:
        return span
    return f"{span}; dark current doubles every {law.doubling_c[0]:.3g} °C, and is given at {law.reference_c:g} °C"


def _clusters_text(clusters: Sequence[Cluster]) -> str:
    """Say how many groups of touching defects there are, and where the largest is."""
    largest = max(clusters, key=lambda one: one.size)
    where = f"x {_ends(largest.x0, largest.x1)}, y {_ends(largest.y0, largest.y1)}"
    if len(clusters) == 1:
        return f"1, of {largest.size} defects, at {where}"
    return f"{len(clusters)}, the largest of {largest.size} defects, at {where}"


def _ends(low: int, high: int) -> str:
    return span_text(str(low), str(high))


def _false_alarms_text(expected: float) -> str:
    """Say how many entries are expected to be no defects."""
    number = f"about {expected:.1f}" if expected < 9.95 else f"about {expected:.0f}"
    return f"{'fewer than 0.1' if expected < 0.1 else number} expected"


def _shortened(name: str) -> str:
    """Return a file name of at most 24 characters, its middle left out."""
    return name if len(name) <= 24 else f"{name[:11]}..{name[-11:]}"


def _minute(time: datetime) -> str:
    return time.isoformat(sep=" ", timespec="minutes")


def visible_title(*, shutter_s: float, iso: int) -> str:
    """Say of defects that they show at an exposure."""
    return f"visible at {shutter_text(shutter_s)}, ISO {iso}"


def chosen_title(shown: int, of: int, *texts: str) -> str:
    """Return the title of a table of some of a map's defects; "" if nothing is said of them.

    Examples
    --------
    >>> chosen_title(3, 9, "hot, plane R", "", "visible at 1/60 s, ISO 100")
    '3 of 9 defects: hot, plane R, visible at 1/60 s, ISO 100'
    """
    said = ", ".join(filter(None, texts))
    gap = " " if said.startswith("visible") else ": "
    return f"{shown} of {of} defects{gap}{said}" if said else ""
