"""What a reader wants to know first: is the sensor fine, what is wrong where, when it shows, since when, how sure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sensormap.assemble.cautions import is_many
from sensormap.assemble.details.values import RunDetails
from sensormap.history.counts import is_open
from sensormap.maps.entries import Defect, DefectKind, Source
from sensormap.maps.sensor_map import SensorMap
from sensormap.maps.visible import BASE_ISO, GREY_DN, SHADOW_DN, excesses
from sensormap.report.table import Table
from sensormap.report.words import counted, shutter_text
from sensormap.settings import FEW_FRAMES

_ENOUGH = 24  # photos of different scenes, which the documentation calls dozens
_SCENES = ((1 / 250, "daylight"), (1 / 30, "indoors"), (2.0, "dusk"), (30.0, "night sky"))
_ISOS = (100, 1600)
_ALWAYS = frozenset({DefectKind.STUCK, DefectKind.NOISY})  # whatever the exposure
_DOUBTFUL_SHARE = 0.1  # of the entries that may be false: from there on each should be looked at


@dataclass(frozen=True)
class Answer:
    """The answer to one question of the reader: a few words, a sentence or more, and a small table if it has one.

    `tone` is "good", "fair" or "poor" where the answer is a judgement, and "" where it is a fact.
    """

    question: str
    short: str
    sentences: tuple[str, ...] = ()
    table: Table | None = None
    tone: str = ""


def headline(sensor_map: SensorMap) -> str:
    """Return what a map found, in half a line.

    Parameters
    ----------
    sensor_map
        The map.
    """
    parts = [counted(len(sensor_map.defects), _noun(sensor_map))] if sensor_map.defects else []
    parts += [counted(len(sensor_map.columns), "column")] if sensor_map.columns else []
    parts += [counted(len(sensor_map.rows), "row")] if sensor_map.rows else []
    if not parts:
        return "No defects found"
    return f"Defective: {parts[0] if len(parts) == 1 else ', '.join(parts[:-1]) + ' and ' + parts[-1]}"


def share_text(sensor_map: SensorMap) -> str:
    """Return what share of the sensor the single defects are."""
    area = sensor_map.sensor.active_area
    photosites, count = area.width * area.height, len(sensor_map.defects)
    whole = f"{photosites / 1e6:.1f} million" if photosites >= 1e6 else f"{photosites:,}".replace(",", " ")
    whole = f"{whole} {'pixels' if sensor_map.sensor.is_jpeg_grid else 'photosites'}"
    return f"of {whole}: one in {_rounded(photosites / count)}" if count else f"among {whole}"


def amount(sensor_map: SensorMap) -> tuple[str, str]:
    """Return whether a sensor has few defects or many, in a few words, and the tone of that answer.

    Parameters
    ----------
    sensor_map
        The map.

    Notes
    -----
    Many are more than one in 5 000, from which on a run warns: then the sensor is a poor one, or something repeats in
    the photos.
    """
    count, area = len(sensor_map.defects), sensor_map.sensor.active_area
    share = count / (area.width * area.height)
    if not count:
        return ("Columns and rows only", "fair") if sensor_map.lines else ("Nothing was found", "good")
    text = f"{'below 0.001' if share < 1e-5 else f'{100 * share:.2g}'} % of the sensor"
    return (f"Many: {text}", "poor") if is_many(count, area.width * area.height) else (f"Few: {text}", "good")


def answers(sensor_map: SensorMap, details: Sequence[RunDetails]) -> tuple[Answer, ...]:
    """Return the answers in the order of the page.

    Parameters
    ----------
    sensor_map
        The map.
    details
        What the run knows beside it; none of a map alone.
    """
    return (trust(sensor_map, details), _where(sensor_map), _when_it_shows(sensor_map), _since(sensor_map))


def trust(sensor_map: SensorMap, details: Sequence[RunDetails]) -> Answer:
    """Say whether to believe a map, and why.

    Parameters
    ----------
    sensor_map
        The map.
    details
        What the run knows beside it; its warnings are among the sentences.
    """
    question, frames, area = "Can it be relied on?", sensor_map.frames, sensor_map.sensor.active_area
    entries = len(sensor_map.defects) + len(sensor_map.lines)
    warnings = [f"{line[:1].upper()}{line[1:]}." for one in details for line in one.warnings]
    if not frames.used:
        return Answer(question, "A list", ("No photos are behind this map: it was made from a list.",), tone="fair")
    scenes = frames.used - frames.repeated
    sentences = [f"{counted(scenes, 'photo')} of different scenes tell."]
    false = sensor_map.false_positives
    if false is None:
        sentences.append("How many entries may be false was not estimated.")
    elif entries:
        number = "Fewer than 0.1" if false < 0.1 else f"About {false:.1f}" if false < 9.95 else f"About {false:.0f}"
        sentences.append(
            f"{number} of {counted(entries, 'entry') if entries == 1 else f'{entries} entries'} may be false."
        )
    if sensor_map.source == Source.JPEG:
        sentences.append("JPEGs show less than raw photos, and places are good to a few pixels.")
    doubtful = false is not None and false > _DOUBTFUL_SHARE * max(entries, 1)
    if sensor_map.settings.get("two_sensors"):
        short, tone = "No: photos of two sensors", "poor"
    elif scenes < FEW_FRAMES:
        short, tone = "To look at only", "poor"
        sentences.append(f"Fewer than {FEW_FRAMES} photos agree by chance too often; dozens make a map to rely on.")
    elif is_many(len(sensor_map.defects), area.width * area.height):
        short, tone = "With care", "fair"
        sentences.append("So many defects are rare: look at the pictures of some before you act on them.")
    elif doubtful:
        short, tone = "With doubts", "poor"
        sentences.append("Look at the pictures of an entry before you act on it.")
    elif scenes < _ENOUGH:
        short, tone = "Fairly", "fair"
        sentences.append("Dozens of different scenes make a map to rely on.")
    else:
        short, tone = "Yes", "good"
    return Answer(question, short, (*sentences, *warnings), tone=tone)


def _where(sensor_map: SensorMap) -> Answer:
    """Say where defects are: in which quarters, in clusters, along lines."""
    defects, (width, height) = sensor_map.defects, sensor_map.sensor.raw_size
    lines = [
        f"Defective {line.noun} {line.place}, {line.first} to {line.last} ({line.kind})."
        for line in sensor_map.lines[:3]
    ]
    if len(sensor_map.lines) > 3:
        lines.append(f"{len(sensor_map.lines) - 3} more columns and rows are listed below.")
    if not defects:
        return Answer("Where?", "Nowhere" if not lines else "Along lines", tuple(lines))
    quarters = Counter((2 * one.y >= height, 2 * one.x >= width) for one in defects)
    counts = [[str(quarters[down, right]) for right in (False, True)] for down in (False, True)]
    table = Table("", ("", "left", "right"), (("upper", *counts[0]), ("lower", *counts[1])), right=frozenset({1, 2}))
    clusters = Counter(one.cluster for one in defects if one.cluster is not None)
    touching = sum(clusters.values())
    sentence = f"{touching} touch others, in {counted(len(clusters), 'cluster')}." if clusters else "None touch others."
    most = max(quarters.values()) / len(defects)
    short = "All over the sensor" if len(defects) >= 12 and most < 0.5 else "Defects in each quarter"
    return Answer("Where?", short, (sentence, *lines), table)


def _when_it_shows(sensor_map: SensorMap) -> Answer:
    """Say how many defects stand out at typical exposures."""
    question = "At which exposures does it show?"
    if sensor_map.source == Source.JPEG:
        return Answer(question, "JPEGs do not tell", ("Only raw photos tell how strong a defect is.",))
    if not sensor_map.defects:
        return Answer(question, "At none")
    exposures = [(shutter_s, iso) for shutter_s, _ in _SCENES for iso in _ISOS]
    counts = dict(zip(exposures, showing(sensor_map.defects, exposures), strict=True))
    rows = tuple(
        (f"{shutter_text(shutter_s)}, {scene}", *(str(counts[shutter_s, iso]) for iso in _ISOS))
        for shutter_s, scene in _SCENES
    )
    table = Table("", ("defects that show", *(f"ISO {iso}" for iso in _ISOS)), rows, right=frozenset({1, 2}))
    unknown = [one for one in sensor_map.defects if one.kind not in _ALWAYS and excesses(one) is None]
    if len(unknown) == len(sensor_map.defects):
        return Answer(question, "Unknown", ("The map tells no strengths.",))
    are = "is" if len(unknown) == 1 else "are"
    sentences = (f"{len(unknown)} of unknown strength {are} counted as showing.",) if unknown else ()
    low, high = counts[_SCENES[0][0], 100], max(counts.values())
    short = f"{low} in daylight, up to {high} at night" if high > low else f"{low}, day and night"
    return Answer(question, short, sentences, table)


def showing(defects: Sequence[Defect], exposures: Sequence[tuple[float, int]]) -> list[int]:
    """Return how many defects stand out at each exposure, as `maps.visible.visible_defects` tells.

    Parameters
    ----------
    defects
        Defects of a map of raw photos.
    exposures
        Shutter time, seconds, and ISO of each.
    """
    found = [excesses(defect) for defect in defects]
    known = [parts for parts in found if parts is not None]
    always, levels = len(found) - len(known), (SHADOW_DN, GREY_DN)
    return [
        always + sum(any(part.shows(shutter_s, iso / BASE_ISO, levels) for part in parts) for parts in known)
        for shutter_s, iso in exposures
    ]


def _since(sensor_map: SensorMap) -> Answer:
    """Say how many defects were there in the first photo, how many appeared later, and when."""
    question = "Since when?"
    entries = (*sensor_map.defects, *sensor_map.lines)
    told = [entry.onset for entry in entries if entry.onset is not None]
    known = [onset for onset in told if not is_open(onset)]
    days = [onset.after.date() for onset in told if is_open(onset) and onset.after]
    listed = [f"Of {len(days)} a list tells the day after which they appeared, {max(days)} or earlier."] if days else []
    if not known:
        return Answer(question, "Unknown", (*listed, "No photos tell dates.")) if entries else Answer(question, "Never")
    start = sum(onset.after is None and onset.by is None for onset in known)
    perhaps = sum(onset.after is None and onset.by is not None for onset in known)
    later = [onset for onset in known if onset.after is not None]
    first, last = sensor_map.frames.first, sensor_map.frames.last
    sentences = [f"{_were(start)} there in the first photo{f', {first.date()}' if first else ''}."]
    if perhaps:
        sentences.append(f"{_were(perhaps)} there from the start, perhaps.")
    if later:
        newest = max(onset.after for onset in later if onset.after is not None)
        sentences.append(f"{len(later)} appeared later, the newest after {newest.date()}.")
    healed = sum(defect.until is not None for defect in sensor_map.defects)
    if healed:
        sentences.append(f"{counted(healed, 'defect')} {'was' if healed == 1 else 'were'} gone again later.")
    sentences += listed
    if len(told) < len(entries):
        sentences.append(f"Of {len(entries) - len(told)} nobody knows.")
    span = f" until {last.date()}" if last and later else ""
    return Answer(question, f"{len(later)} new{span}" if later else "From the start", tuple(sentences))


def _were(count: int) -> str:
    return f"{count} {'was' if count == 1 else 'were'}"


def _noun(sensor_map: SensorMap) -> str:
    return "pixel" if sensor_map.sensor.is_jpeg_grid else "photosite"


def _rounded(number: float) -> str:
    """Return a number of two digits, thousands apart."""
    return f"{float(f'{number:.2g}'):,.0f}".replace(",", " ")
