"""Maps to test with: a small one written out, and every valid one for hypothesis."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from hypothesis import strategies as st

from sensormap.camera import Body, Rect
from sensormap.cfa import BAYER_NAMES, MONO, Cfa
from sensormap.consistency import STRENGTHS
from sensormap.defects import Between, Column, Defect, DefectKind, FrameSummary, Row, Sensor, SensorMap
from sensormap.frame import Skipped

TOY_SENSOR = Sensor((24, 16), Rect(2, 1, 20, 14), Cfa("GBRG"), Rect(3, 2, 18, 12))


def toy_defect(x, y, *, kind=DefectKind.HOT, score=12.5, sensor=TOY_SENSOR, **values):
    """One defect whose plane and JPEG pixel are right."""
    values = {"confidence": 0.995, "mean": 321.25, "variance": 1024.0} | values
    plane = sensor.cfa.plane_name(x=x, y=y)
    return Defect(x, y, plane, kind, score=score, jpeg=sensor.jpeg_pixel(x, y), **values)


def toy_map(**values):
    """Three defects, one outside the JPEG, and a column of one plane; nothing that a second look tells."""
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
    """The toy map with everything that a second look at the photos tells, and a row that crosses the column."""
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
        "columns": (replace(toy.columns[0], onset=born),),
        "rows": (Row(9, 3, 12, "R+Gr", DefectKind.HOT, 0.875, 8.5, 4, onset=Between(None, FIRST)),),
        "defects": defects,
        "false_positives": 0.3,
    }
    return toy_map(**(parts | values))


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
    cfa = Cfa(draw(st.sampled_from((*BAYER_NAMES, MONO))))
    return Sensor(size, draw(rects(*size)), cfa, draw(st.none() | rects(*size)))


def sorted_pairs(values):
    return st.tuples(values, values).map(sorted).map(tuple)


def changes(*, clock_jumps):
    """When something may have begun or ended; backwards only where the clock jumps."""
    pairs = st.tuples(st.datetimes(), st.datetimes())
    pairs = pairs if clock_jumps else sorted_pairs(st.datetimes())
    open_ended = st.tuples(st.none(), st.datetimes()) | st.tuples(st.datetimes(), st.none())
    return st.builds(lambda pair: Between(*pair), pairs | open_ended | st.just((None, None)))


def intervals():
    """An estimate between the ends of its interval."""
    return st.tuples(NUMBERS, NUMBERS, NUMBERS).map(sorted).map(lambda ends: (ends[1], ends[0], ends[2]))


@st.composite
def lines(draw, make, sensor, onsets):
    """At most one run in a raw column or row."""
    found = []
    side = 0 if make is Column else 1
    for line in sorted(draw(st.sets(st.integers(0, sensor.raw_size[side] - 1), max_size=3))):
        start, end = draw(sorted_pairs(st.integers(0, sensor.raw_size[1 - side] - 1)))
        places = [(line, i) if make is Column else (i, line) for i in range(sensor.cfa.step)]
        planes = [sensor.cfa.plane_name(x=x, y=y) for x, y in places]
        plane = draw(st.sampled_from([*planes, "+".join(planes)]))
        kind = draw(st.sampled_from(DefectKind))
        numbers = (draw(SHARES), draw(NUMBERS), draw(COUNTS))
        found.append(make(line, start, end, plane, kind, *numbers, onset=draw(st.none() | onsets)))
    return tuple(found)


@st.composite
def histories(draw, onsets):
    """What a second look at the photos may tell of a defect."""
    strengths = {name: draw(st.none() | intervals()) for name in STRENGTHS}
    unknown = [name for name, strength in strengths.items() if strength is None]
    names = st.lists(st.sampled_from(unknown), unique=True) if unknown else st.just([])
    counts = st.integers(0, 10**18 - 1)
    return strengths | {
        "unresolved": tuple(draw(names)),
        "onset": draw(st.none() | onsets),
        "until": draw(st.none() | onsets),
        "seen": draw(st.none() | sorted_pairs(counts)),
        "cluster": draw(st.none() | st.integers(1, 10**15)),
    }


@st.composite
def summaries(draw, skipped):
    """The frames behind a map."""
    used = draw(COUNTS)
    first, last = draw(st.just((None, None)) | sorted_pairs(st.datetimes()))
    shutter = draw(st.none() | sorted_pairs(st.floats(0, allow_infinity=False)))
    iso = draw(st.none() | sorted_pairs(COUNTS))
    shares = [draw(st.integers(0, used)) for _ in range(3)]
    return FrameSummary(used, skipped, first, last, shutter, iso, draw(TEXTS), *shares, draw(st.just(0) | COUNTS))


@st.composite
def sensor_maps(draw):
    """Any map that can be made."""
    sensor = draw(sensors())
    skipped = tuple(draw(st.lists(st.builds(Skipped, TEXTS, TEXTS), max_size=4)))
    frames = draw(summaries(len(skipped)))
    onsets = changes(clock_jumps=frames.clock_jumps)
    columns, rows = draw(lines(Column, sensor, onsets)), draw(lines(Row, sensor, onsets))
    covered = {photosite for line in columns + rows for photosite in line.photosites(sensor.cfa)}
    photosites = st.tuples(st.integers(0, sensor.raw_size[1] - 1), st.integers(0, sensor.raw_size[0] - 1))
    defects = tuple(
        toy_defect(
            x,
            y,
            sensor=sensor,
            kind=draw(st.sampled_from(DefectKind)),
            score=draw(NUMBERS),
            confidence=draw(SHARES),
            mean=draw(NUMBERS),
            variance=draw(st.floats(0, allow_infinity=False)),
            **draw(st.just({}) | histories(onsets)),
        )
        for y, x in sorted(draw(st.sets(photosites, max_size=8)))
        if (x, y) not in covered
    )
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
    )
