"""Maps to test with: a small one written out, and every valid one for hypothesis."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from hypothesis import strategies as st

from sensormap.camera.cfa import BAYER_NAMES, MONO, PICTURE, Cfa
from sensormap.camera.geometry import Rect, Sensor
from sensormap.camera.profile import Body
from sensormap.frame import CALIBRATIONS, DARK, FLAT, Calibration, Skipped
from sensormap.maps.changes.edits import Edit, EditAction
from sensormap.maps.checks import MAX_RADIUS
from sensormap.maps.entries import (
    STRENGTHS,
    Between,
    Column,
    DarkLaw,
    Defect,
    DefectKind,
    FrameSummary,
    Row,
    Source,
)
from sensormap.maps.sensor_map import SensorMap

TOY_SENSOR = Sensor((24, 16), Rect(2, 1, 20, 14), Cfa("GBRG"), Rect(3, 2, 18, 12))
TOY_PICTURE = Sensor((18, 12), Rect(0, 0, 18, 12), Cfa(PICTURE), Rect(0, 0, 18, 12))


def toy_defect(x, y, *, kind=DefectKind.HOT, score=12.5, sensor=TOY_SENSOR, **values):
    """One defect whose plane and JPEG pixel are right; with a radius it has no mean and no variance."""
    mean, variance = (321.25, 1024.0) if values.get("radius") is None else (None, None)
    values = {"confidence": 0.995, "mean": mean, "variance": variance} | values
    plane = sensor.cfa.plane_name(x=x, y=y)
    return Defect(x, y, plane, kind, score=score, jpeg=sensor.jpeg_pixel(x, y), **values)


def toy_map(**values):
    """Three defects, one outside the JPEG, and a column of one plane; nothing that the second pass tells."""
    parts = {
        "body": Body("NIKON CORPORATION", "NIKON D80", "0012345"),
        "profile": "toy",
        "sensor": TOY_SENSOR,
        "frames": FrameSummary(
            used=40,
            skipped=2,
            first=datetime(2010, 5, 2, 17, 31, 8, 250000),
            last=datetime(2011, 1, 9, 11, 2, 45),
            shutter_s=(0.0005, 16.0),
            iso=(100, 1600),
            digest="12e4",
        ),
        "skipped": (Skipped("DSC_0007.NEF", "zero bytes"), Skipped("x: #1.nef", "no camera, no time")),
        "settings": {"vote_z": 3.5, "block": 10, "no": 1e-7},
        "columns": (Column(10, 5, 12, "R", DefectKind.WEAK, 0.9995, -9.7, 3),),
        "defects": (
            toy_defect(2, 1, kind=DefectKind.STUCK, score=40.0),
            toy_defect(17, 4),
            toy_defect(5, 11, kind=DefectKind.DEAD, score=-20.25),
        ),
    }
    return SensorMap(**(parts | values))


FIRST, LATER = datetime(2010, 5, 2, 17, 31, 8, 250000), datetime(2010, 5, 9, 11, 2, 45)


def full_map(**values):
    """The toy map with everything that the second pass tells, and a row that crosses the column."""
    born = Between(FIRST, LATER)
    toy = toy_map()
    defects = (
        toy_defect(
            2, 1, kind=DefectKind.STUCK, score=40.0, mean=896.0, onset=born, until=Between(LATER, None), seen=(9, 9)
        ),
        toy_defect(
            17,
            4,
            dark_dn_per_s=(210.0, 198.0, 222.0),
            offset_dn=(0.4, -1.1, 1.9),
            response=(1.0, 0.97, 1.03),
            onset=Between(None, None),
            seen=(37, 41),
            cluster=1,
        ),
        toy_defect(
            18,
            4,
            kind=DefectKind.OFFSET,
            offset_dn=(35.0, 30.5, 40.0),
            unresolved=("dark_dn_per_s", "response"),
            cluster=1,
        ),
        toy_defect(5, 11, kind=DefectKind.WEAK, score=-20.25, response=(0.7, 0.65, 0.75), onset=born, seen=(40, 40)),
    )
    parts = {
        "frames": replace(toy.frames, repeated=3, filtered=6, followed=38, clock_jumps=1),
        "columns": (
            replace(
                toy.columns[0],
                response=(0.93, 0.91, 0.95),
                unresolved=("dark_dn_per_s",),
                or_kinds=(DefectKind.COLD,),
                onset=born,
                until=Between(LATER, None),
                seen=(11, 12),
            ),
        ),
        "rows": (Row(9, 3, 12, "R+Gr", DefectKind.HOT, 0.875, 8.5, 4, onset=Between(None, FIRST)),),
        "defects": defects,
        "false_positives": 0.3,
    }
    return toy_map(**(parts | values))


def night_map(**values):
    """The full map, of photos that tell their temperature, some of them darks and flats."""
    full = full_map()
    parts = {
        "frames": replace(full.frames, temperature_c=(-9.5, 28.0)),
        "dark_law": DarkLaw(18.5, (6.03, 5.9, 6.2)),
        "calibration": (Calibration("dark_1.fits", DARK), Calibration("flat_1.fits", FLAT)),
    }
    return full_map(**(parts | values))


def jpeg_map(**values):
    """A map of JPEGs on the toy's raw grid, with everything that the second pass tells."""
    full = full_map()
    born = Between(FIRST, LATER)
    parts = {
        "sensor": replace(TOY_SENSOR, active_area=TOY_SENSOR.jpeg_crop),
        "frames": replace(full.frames, filtered=0, jpegs=full.frames.used),
        "columns": tuple(
            replace(column, response=None, unresolved=(), or_kinds=(), until=None, seen=None, radius=1)
            for column in full.columns
        ),
        "rows": (),
        "defects": (
            toy_defect(3, 2, kind=DefectKind.STUCK, score=40.0, onset=born, until=Between(LATER, None), radius=0),
            toy_defect(17, 4, radius=1, onset=Between(None, None), seen=(37, 41), cluster=1),
            toy_defect(18, 4, kind=DefectKind.OFFSET, radius=2, cluster=1),
            toy_defect(5, 11, kind=DefectKind.WEAK, score=-20.25, radius=1, onset=born, seen=(40, 40)),
        ),
        "source": Source.JPEG,
    }
    return full_map(**(parts | values))


def phone_map(**values):
    """A map of the JPEGs of an unknown camera, on the grid of the picture."""
    parts = {
        "body": Body("Apple", "iPhone 7", ""),
        "profile": "picture",
        "sensor": TOY_PICTURE,
        "columns": (Column(7, 3, 10, "luma", DefectKind.WEAK, 0.9, -9.7, 3, radius=2),),
        "defects": (
            toy_defect(14, 2, sensor=TOY_PICTURE, radius=2, seen=(37, 41)),
            toy_defect(2, 9, kind=DefectKind.DEAD, score=-20.25, sensor=TOY_PICTURE, radius=2, seen=(40, 40)),
        ),
    }
    return jpeg_map(**(parts | values))


def both_map(**values):
    """The full map with one defect more, and the row, that only JPEGs of other shots show."""
    full = full_map()
    parts = {
        "frames": replace(full.frames, jpegs=12),
        "rows": (replace(full.rows[0], radius=2),),
        "defects": (*full.defects, toy_defect(12, 12, kind=DefectKind.STUCK, score=15.5, radius=1, seen=(11, 12))),
        "source": Source.BOTH,
    }
    return full_map(**(parts | values))


TEXTS = st.text(st.characters(), max_size=30) | st.sampled_from(
    [
        "0012345",
        "1e3",
        "null",
        "no",
        "~",
        ": #",
        "- a",
        "2010-05-02",
        "1:30",
        "'",
        '"',
        "\\",
        "",
        " ",
        "\n",
        "%",
        "\ufeff",
    ]
)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
SHARES = st.floats(0, 1)
COUNTS = st.integers(0, 2**70)


@st.composite
def rects(draw, width, height):
    x, y = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
    return Rect(x, y, draw(st.integers(1, width - x)), draw(st.integers(1, height - y)))


@st.composite
def sensors(draw):
    size = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    cfa = Cfa(draw(st.sampled_from((*BAYER_NAMES, MONO, PICTURE))))
    crops = st.just(Rect(0, 0, *size)) if cfa.name == PICTURE else st.none() | rects(*size)
    return Sensor(size, draw(rects(*size)), cfa, draw(crops))


def sorted_pairs(values):
    return st.tuples(values, values).map(sorted).map(tuple)


def changes(*, clock_jumps):
    """When something may have begun or ended; backwards only where the clock jumps."""
    pairs = st.tuples(st.datetimes(), st.datetimes())
    pairs = pairs if clock_jumps else sorted_pairs(st.datetimes())
    open_ended = st.tuples(st.none(), st.datetimes()) | st.tuples(st.datetimes(), st.none())
    return st.builds(lambda pair: Between(*pair), pairs | open_ended | st.just((None, None)))


def intervals():
    """An estimate between the ends of its interval, as large as any strength may be."""
    return st.tuples(*[st.floats(-1e6, 1e6)] * 3).map(sorted).map(lambda ends: (ends[1], ends[0], ends[2]))


def radii(source):
    """How far off an entry may be in a map of this source."""
    known = {Source.RAW: st.none(), Source.JPEG: st.integers(0, MAX_RADIUS)}
    return known.get(source, st.none() | st.integers(0, MAX_RADIUS))


@st.composite
def lines(draw, make, sensor, onsets, source):
    """At most one run in a raw column or row."""
    found = []
    side = 0 if make is Column else 1
    for line in sorted(draw(st.sets(st.integers(0, sensor.raw_size[side] - 1), max_size=3))):
        start, end = draw(sorted_pairs(st.integers(0, sensor.raw_size[1 - side] - 1)))
        places = [(line, i) if make is Column else (i, line) for i in range(sensor.cfa.step)]
        planes = list(dict.fromkeys(sensor.cfa.plane_name(x=x, y=y) for x, y in places))
        plane = draw(st.sampled_from([*planes, "+".join(planes)]))
        kind = draw(st.sampled_from(DefectKind))
        numbers = (draw(SHARES), draw(NUMBERS), draw(COUNTS))
        radius = draw(radii(source))
        told = {"onset": draw(st.none() | onsets), "radius": radius} | draw(st.just({}) | ends_and_counts(onsets))
        if radius is None:
            others = draw(st.lists(st.sampled_from(DefectKind), unique=True, max_size=2))
            told |= {"or_kinds": tuple(other for other in others if other != kind)} | draw(st.just({}) | strengths())
        found.append(make(line, start, end, plane, kind, *numbers, **told))
    return tuple(found)


@st.composite
def strengths(draw):
    """What the second pass over raw photos may tell of a defect's strength."""
    found = {name: draw(st.none() | intervals()) for name in STRENGTHS}
    unknown = [name for name, strength in found.items() if strength is None]
    names = st.lists(st.sampled_from(unknown), unique=True) if unknown else st.just([])
    return found | {"unresolved": tuple(draw(names))}


@st.composite
def ends_and_counts(draw, onsets):
    """What the second pass may tell of a line's end and of the photos that show it."""
    seen = draw(st.none() | sorted_pairs(st.integers(0, 10**18 - 1)))
    return {"until": draw(st.none() | onsets), "seen": seen, "last_seen": draw(st.none() | st.datetimes())}


@st.composite
def histories(draw, onsets):
    """What the second pass over photos of any kind may tell of a defect."""
    counts = st.integers(0, 10**18 - 1)
    return {
        "onset": draw(st.none() | onsets),
        "until": draw(st.none() | onsets),
        "seen": draw(st.none() | sorted_pairs(counts)),
        "last_seen": draw(st.none() | st.datetimes()),
        "cluster": draw(st.none() | st.integers(1, 10**15)),
    }


@st.composite
def summaries(draw, skipped, source):
    """The frames behind a map."""
    used = draw(st.integers(2 if source == Source.BOTH else 0, 2**70))
    counts = {Source.RAW: st.just(0), Source.JPEG: st.just(used), Source.BOTH: st.integers(1, max(used - 1, 1))}
    jpegs = draw(counts[source])
    first, last = draw(st.just((None, None)) | sorted_pairs(st.datetimes()))
    shutter = draw(st.none() | sorted_pairs(st.floats(0, allow_infinity=False)))
    iso = draw(st.none() | sorted_pairs(COUNTS))
    shares = [draw(st.integers(0, used)) for _ in range(3)]
    jumps = draw(st.just(0) | COUNTS)
    warmth = draw(st.none() | sorted_pairs(st.floats(-273, 999)))
    return FrameSummary(used, skipped, first, last, shutter, iso, draw(TEXTS), *shares, jumps, jpegs, warmth)


def dark_laws():
    """How dark currents follow the temperature."""
    degrees = st.tuples(*[st.floats(0.1, 1000)] * 3).map(sorted).map(lambda ends: (ends[1], ends[0], ends[2]))
    return st.builds(DarkLaw, st.floats(-273, 999), degrees)


@st.composite
def defects_of(draw, sensor, source, onsets, covered):
    """Up to eight defects that no column or row covers."""
    window = sensor.jpeg_crop if source == Source.JPEG else Rect(0, 0, *sensor.raw_size)
    if window is None:
        return ()
    rows, cols = (st.integers(part.start, part.stop - 1) for part in window.slices)
    found = []
    for y, x in sorted(draw(st.sets(st.tuples(rows, cols), max_size=8))):
        if (x, y) in covered:
            continue
        radius = draw(radii(source)) if sensor.jpeg_pixel(x, y) is not None else None
        told = draw(st.just({}) | histories(onsets)) | {"radius": radius}
        if radius is None:
            told |= {"mean": draw(NUMBERS), "variance": draw(st.floats(0, allow_infinity=False))}
            told |= draw(st.just({}) | strengths())
        kind, *others = draw(st.lists(st.sampled_from(DefectKind), unique=True, min_size=1, max_size=3))
        told |= {"or_kinds": tuple(others)} if radius is None else {}
        facts = {"kind": kind, "score": draw(NUMBERS), "confidence": draw(SHARES)}
        found.append(toy_defect(x, y, sensor=sensor, **facts, **told))
    return tuple(found)


@st.composite
def edits_of(draw, sensor, listed):
    """Some of the listed photosites added by hand, and some of the others removed."""
    kinds, notes = st.none() | st.sampled_from(DefectKind), st.sampled_from(["", "why not", "0", "'\"\\: #"])
    found = []
    rows, cols = (st.integers(0, side - 1) for side in sensor.raw_size[::-1])
    for y, x in sorted(draw(st.sets(st.tuples(rows, cols), max_size=4))):
        added = (x, y) in listed
        action = EditAction.ADD if added else EditAction.REMOVE
        found.append(Edit(x, y, action, draw(kinds) if added else None, draw(notes)))
    return tuple(found)


@st.composite
def sensor_maps(draw):
    """Any map that can be made."""
    sensor = draw(sensors())
    source = Source.JPEG if sensor.is_jpeg_grid else draw(st.sampled_from(Source))
    skipped = tuple(draw(st.lists(st.builds(Skipped, TEXTS, TEXTS), max_size=4)))
    frames = draw(summaries(len(skipped), source))
    onsets = changes(clock_jumps=frames.clock_jumps)
    columns, rows = draw(lines(Column, sensor, onsets, source)), draw(lines(Row, sensor, onsets, source))
    covered = {photosite for line in columns + rows for photosite in line.photosites(sensor.cfa)}
    defects = draw(defects_of(sensor, source, onsets, covered))
    names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,20}", fullmatch=True) | st.sampled_from(["no", "null", "y", "On"])
    return SensorMap(
        body=draw(st.builds(Body, TEXTS, TEXTS, TEXTS)),
        profile=draw(TEXTS),
        sensor=sensor,
        frames=frames,
        skipped=skipped,
        settings=draw(st.dictionaries(names, NUMBERS | st.integers() | st.booleans() | st.none() | TEXTS, max_size=4)),
        columns=columns,
        rows=rows,
        defects=defects,
        false_positives=draw(st.none() | st.floats(0, allow_infinity=False)),
        source=source,
        edits=draw(edits_of(sensor, covered | {(defect.x, defect.y) for defect in defects})),
        dark_law=draw(st.none() | dark_laws()),
        calibration=tuple(draw(st.lists(st.builds(Calibration, TEXTS, st.sampled_from(CALIBRATIONS)), max_size=3))),
    )
