"""Maps to test with: a small one written out, and every valid one for hypothesis."""

from __future__ import annotations

from datetime import datetime

from hypothesis import strategies as st

from sensormap.camera import Body, Rect
from sensormap.cfa import BAYER_NAMES, MONO, Cfa
from sensormap.defects import Column, Defect, DefectKind, FrameSummary, Sensor, SensorMap
from sensormap.frame import Skipped

TOY_SENSOR = Sensor((24, 16), Rect(2, 1, 20, 14), Cfa("GBRG"), Rect(3, 2, 18, 12))


def toy_defect(x, y, *, kind=DefectKind.HOT, score=12.5, sensor=TOY_SENSOR, **values):
    """One defect whose plane and JPEG pixel are right."""
    values = {"confidence": 0.995, "mean": 321.25, "variance": 1024.0} | values
    plane = sensor.cfa.plane_name(x=x, y=y)
    return Defect(x, y, plane, kind, score=score, jpeg=sensor.jpeg_pixel(x, y), **values)


def toy_map(**values):
    """Three defects, one outside the JPEG, and a column of one plane."""
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


@st.composite
def columns(draw, sensor):
    """At most one run in a raw column."""
    found = []
    for x in sorted(draw(st.sets(st.integers(0, sensor.raw_size[0] - 1), max_size=3))):
        y0, y1 = draw(sorted_pairs(st.integers(0, sensor.raw_size[1] - 1)))
        planes = [sensor.cfa.plane_name(x=x, y=y) for y in range(sensor.cfa.step)]
        plane = draw(st.sampled_from([*planes, "+".join(planes)]))
        found.append(
            Column(x, y0, y1, plane, draw(st.sampled_from(DefectKind)), draw(SHARES), draw(NUMBERS), draw(COUNTS))
        )
    return tuple(found)


@st.composite
def sensor_maps(draw):
    """Any map that can be made."""
    sensor = draw(sensors())
    lines = draw(columns(sensor))
    covered = {photosite for line in lines for photosite in line.photosites(sensor.cfa)}
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
        )
        for y, x in sorted(draw(st.sets(photosites, max_size=8)))
        if (x, y) not in covered
    )
    skipped = tuple(draw(st.lists(st.builds(Skipped, TEXTS, TEXTS), max_size=4)))
    first, last = draw(st.just((None, None)) | sorted_pairs(st.datetimes()))
    shutter = draw(st.none() | sorted_pairs(st.floats(0, allow_infinity=False)))
    iso = draw(st.none() | sorted_pairs(COUNTS))
    names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,20}", fullmatch=True) | st.sampled_from(["no", "null", "y", "On"])
    return SensorMap(
        body=draw(st.builds(Body, TEXTS, TEXTS, TEXTS)),
        profile=draw(TEXTS),
        sensor=sensor,
        frames=FrameSummary(draw(COUNTS), len(skipped), first, last, shutter, iso, draw(TEXTS)),
        skipped=skipped,
        settings=draw(st.dictionaries(names, NUMBERS | st.integers() | st.booleans() | st.none() | TEXTS, max_size=4)),
        columns=lines,
        defects=defects,
    )
