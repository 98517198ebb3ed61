"""The text formats: each in its program's own space, back again without loss, and hostile files refused by line."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensormap.camera.cfa import BAYER_NAMES, MONO, Cfa
from sensormap.camera.geometry import Rect, Sensor
from sensormap.camera.profile import Body
from sensormap.errors import ListFormatError
from sensormap.formats.listing import Listing, Photosite, Run, make_listing, one_by_one, raw_grid
from sensormap.formats.programs import csv_list, dcraw, mlvapp, phd2, pixinsight, rawtherapee, siril
from sensormap.formats.text_lines import read_lines
from sensormap.maps.entries import DARK_KINDS, DefectKind
from tests.support.maps import TOY_SENSOR, rects

FORMATS = {
    module.FORMAT.name: module.FORMAT for module in (dcraw, rawtherapee, siril, pixinsight, mlvapp, phd2, csv_list)
}
BODY = Body("NIKON CORPORATION", "NIKON D80", "4001234")
SINCE = datetime(2010, 5, 2, 17, 31, 8)
TOY = Listing(
    (
        Photosite(0, 5, DefectKind.HOT),  # in the margins
        Photosite(1, 2, DefectKind.STUCK, SINCE),  # the corner of the active area
        Photosite(4, 17, DefectKind.DEAD),
    ),
    (Run(1, 9, 1, 14, DefectKind.WEAK, SINCE), Run(6, 20, 4, 1, DefectKind.HOT)),
)
"""For `TOY_SENSOR`: 24 x 16, active area [2, 1, 20, 14]; one column that is whole, one row that reaches out of it."""

WRITTEN = {
    "dcraw": ["# col row time, for dcraw -P and LibRaw", "0 0 1272821469", "7 0 1272821469", "15 3 0"],
    "rawtherapee": ["0 0", "7 0", "7 1", "7 2", "15 3", "7 3"],
    "siril": ["# P x y, C x, L y; y from the top of the photo", "C 7 0 C", "P 0 0 H", "P 15 3 C", "P 19 5 H"],
    "mlvapp": ["5\t0", "2\t1", "9\t1"],
    "phd2": ["# PHD2 Defect Map v1", "# Defect count: 21", "5 0", "2 1", "9 1"],
    "csv": [
        "x,y,plane,kind,since,width,height",
        "5,0,B,hot,,1,1",
        "2,1,R,stuck,2010-05-02T17:31:08,1,1",
        "9,1,,weak,2010-05-02T17:31:08,1,14",
        "17,4,B,dead,,1,1",
        "20,6,,hot,,4,1",
    ],
}


@pytest.mark.parametrize("name", WRITTEN)
def test_lines_are_in_the_programs_own_space(name):
    lines = FORMATS[name].write(TOY, TOY_SENSOR, BODY).decode().splitlines()
    head = [line for line in lines if line in WRITTEN[name]]
    assert set(head) == set(WRITTEN[name])
    assert len({len(line.split()) for line in lines if not line.startswith("#")}) == 1
    assert FORMATS[name].write(Listing(()), TOY_SENSOR, BODY).decode().isascii()


def test_pixinsight_writes_a_script():
    text = FORMATS["pixinsight"].write(TOY, TOY_SENSOR, BODY).decode()
    rows = [line.strip().rstrip(",") for line in text.splitlines() if line.startswith("   [")]
    assert rows == [
        "[true, false, 7, true, 0, 13]",
        "[true, true, 5, true, 18, 19]",
        "[true, false, 0, true, 0, 0]",
        "[true, false, 15, true, 3, 3]",
    ]
    assert "P.cfa = true;" in text
    assert text.endswith("];\nP.launch();\n")


@st.composite
def cases(draw):
    """A sensor of any phase and margins, and a list for it."""
    size = draw(st.integers(2, 30)), draw(st.integers(2, 30))
    sensor = Sensor(size, draw(rects(*size)), Cfa(draw(st.sampled_from((*BAYER_NAMES, MONO)))), None)
    boxes = draw(st.lists(rects(*size), max_size=8))
    kinds = st.none() | st.sampled_from(DefectKind)
    dates = st.none() | st.datetimes(datetime(1971, 1, 1), datetime(2037, 12, 31)).map(
        lambda date: date.replace(microsecond=0)
    )
    entries = []
    for box in boxes:
        width, height = draw(st.sampled_from([(1, 1), (1, 1), (1, box.height), (box.width, 1)]))
        entries.append(Run(box.y, box.x, width, height, draw(kinds), draw(dates)))
    return make_listing(entries, raw_grid(sensor), "drawn"), sensor


def told(listing):
    return {(found.y, found.x): (found.kind, found.since) for found in one_by_one(listing)}


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=50)
@given(case=cases())
def test_what_is_written_is_read_back(name, case):
    listing, sensor = case
    form = FORMATS[name]
    content = form.write(listing, sensor, BODY)
    back = form.read(content, name, sensor)
    if name not in ("siril", "pixinsight"):  # in which what is cut to one photosite moves among its like
        assert form.write(back, sensor, BODY) == content
    area = sensor.active_area if form.space == "visible area" else raw_grid(sensor)
    was = {place: what for place, what in told(listing).items() if area.contains(place[1], place[0])}
    now = told(back)
    assert was.keys() == now.keys()
    crossings = {place for place in was if sum(_covers(run, place) for run in listing.runs) > 1}
    for place in was.keys() - crossings:
        kind, since = was[place]
        if "two kinds" in form.keeps:
            kind = DefectKind.DEAD if kind in DARK_KINDS else DefectKind.HOT
        elif "kind" not in form.keeps:
            kind = None
        assert now[place] == (kind, since if "since" in form.keeps else None)
    if name == "csv":
        assert back == listing
    if "runs" not in form.keeps:
        assert not back.runs


def _covers(run, place):
    y, x = place
    return run.x <= x < run.x + run.width and run.y <= y < run.y + run.height


def test_siril_writes_only_whole_lines_as_lines():
    area = TOY_SENSOR.active_area
    whole, part = Run(1, 5, 1, area.height), Run(1, 6, 1, area.height - 1)
    back = siril.read(siril.write(Listing((), (whole, part)), TOY_SENSOR, BODY), "toy", TOY_SENSOR)
    assert back.runs == (replace(whole, kind=DefectKind.HOT),)
    assert len(back.photosites) == area.height - 1


@pytest.mark.parametrize(
    ("since", "death"),
    [
        (None, 0),
        (datetime(1970, 1, 1, 0, 0, 9, 990_000), 10),
        (datetime(1960, 1, 1), 0),
        (datetime.min, 0),
        (datetime(2099, 1, 1), dcraw.LATEST),
        (datetime.max, dcraw.LATEST),
    ],
)
def test_time_of_death_is_the_second_after_as_far_as_32_bits_hold_it(since, death):
    assert dcraw.failure_time(since) == death


def test_negative_times_mean_always():
    assert dcraw.read(b"1 2 -5\n", "toy", TOY_SENSOR).photosites == (Photosite(3, 3),)


GOOD = {
    ("dcraw", b"\xef\xbb\xbf# hot\r\n\r\n  3\t4 0 # new\r\n"): [(5, 5)],
    ("dcraw", b"3 4 0\n3 4 0\n1 1 0"): [(3, 2), (5, 5)],
    ("rawtherapee", b"3 4 hot 17\r\n"): [(5, 5)],
    ("rawtherapee", b"2\n3 4\n"): [(7, 7)],
    ("rawtherapee", b"-1\n1 1\n"): [(2, 1)],
    ("siril", b"# list\nP 3 4\nP 5 6 C\nC 3 0 H\n"): [(5, y) for y in range(1, 15)] + [(7, 7)],
    ("siril", b"L 3 0\n"): [(x, 4) for x in range(2, 22)],
    ("pixinsight", b"P.defects = [ // none\n];\n"): [],
    ("pixinsight", b"P.defects = [];\n"): [],
    ("pixinsight", b"var Q = new X;\nQ.defects = [\n[true, true, 2, true, 3, 5]\n];"): [(5, 3), (6, 3), (7, 3)],
    ("pixinsight", b"P.defects = [\n[true,false,1,false,0,0],\n[false,true,2,true,3,5]\n]"): [
        (3, y) for y in range(1, 15)
    ],
    ("mlvapp", b"#FPM 80000331 eosm\n3\t4\n"): [(3, 4)],
    ("mlvapp", b"3 4\n"): [(3, 4)],
    ("phd2", b"3 4\n# new\n5 6\n"): [(3, 4), (5, 6)],
    ("csv", b"y,X\r\n4,3\r\n"): [(3, 4)],
    ("csv", b'kind,y,x,plane\nhot,"4",3,\n,5,3,Gr\n'): [(3, 4), (3, 5)],
    ("csv", b"x,y,width,height\n3,4,2,2\n"): [(3, 4), (4, 4), (3, 5), (4, 5)],
}


@pytest.mark.parametrize(("name", "content"), GOOD)
def test_what_programs_and_people_write_is_read(name, content):
    found = one_by_one(FORMATS[name].read(content, "toy.lst", TOY_SENSOR))
    assert sorted((photosite.x, photosite.y) for photosite in found) == sorted(GOOD[name, content])


BAD = [
    ("dcraw", b"1 1 0\n\n1 2\n", "toy.lst: line 3: 2 columns, expected 3: col row time"),
    ("dcraw", b"1 1 0\n1 2 3 4\n", "line 2: 4 columns"),
    ("dcraw", b"x 2 0\n", "line 1: x 'x' is not a whole number"),
    ("dcraw", b"1.5 2 0\n", "line 1: x '1.5' is not a whole number"),
    ("dcraw", "\u0661 2 0\n".encode(), "line 1: x '\\\\u0661' is not a whole number"),
    ("dcraw", b"1 \xff\xfe 0\n", "line 1: y '.*xff.*' is not a whole number"),
    ("dcraw", b"-1 2 0\n", "line 1: x -1 is not in 0 to 21"),
    ("dcraw", b"2 15 0\n", "line 1: y 15 is not in 0 to 14"),
    ("dcraw", b"2 2 9999999999\n", "line 1: time 9999999999 is not in"),
    ("dcraw", b"2 2 0\n#" + b"." * 127, "line 2: has more than 127 characters"),
    ("dcraw", b"\xff\xfe1\x00 \x002\x00", "toy.lst: is UTF-16 text"),
    ("rawtherapee", b"1 2\n5\n", "line 2: 1 column, expected 2"),
    ("rawtherapee", b"100\n1 2\n", "line 1: offset 100 is not in -24 to 24"),
    ("rawtherapee", b"5\n17 2\n", "line 2: x 17 is not in -5 to 16"),
    ("rawtherapee", b"-5\n4 4\n", "line 2: x 4 is not in 5 to 26"),
    ("siril", b"Q 1 2 H\n", "line 1: 'Q 1 2 H' is not P x y H"),
    ("siril", b"P 1 2 X\n", "line 1: 'P 1 2 X' is not P x y H"),
    ("siril", b"C 22 0 H\n", "line 1: x 22 is not in 0 to 21"),
    ("siril", b"L -1 0 H\n", "line 1: y -1 is not in 0 to 14"),
    ("pixinsight", b"hello\n", "toy.lst: line 1: no table P.defects"),
    ("pixinsight", b"P.defects = [\n[true, 1]\n];", "line 2: '.true, 1.' is not a row"),
    ("pixinsight", b"P.defects = [\n[true,true,1,true,5,2]\n];", "line 2: the range ends at 2, before"),
    ("pixinsight", b"P.defects = [\n[true,true,1,true,5,99]\n];", "line 2: x 99 is not in"),
    ("pixinsight", b"P.defects = [\n[true,true,1,true,2,5]\n", "line 2: the table P.defects is not closed"),
    ("mlvapp", b"# hello\n1 2\n", "line 1: '#' is not a whole number|line 1: x '#' is not"),
    ("mlvapp", b"1 2\n#FPM 80000331\n", "line 2: x '#FPM' is not a whole number"),
    ("mlvapp", b"24 2\n", "line 1: x 24 is not in 0 to 23"),
    ("phd2", b"1 2 3\n", "line 1: 3 columns, expected 2"),
    ("csv", b"", "line 1: is empty"),
    ("csv", b"x;y\n1;2\n", "line 1: header 'x;y': expected x, y"),
    ("csv", b"x,y,x\n", "line 1: header 'x,y,x'"),
    ("csv", b"x,y,colour\n", "line 1: header"),
    ("csv", b"x,y\n1\n", "line 2: 1 columns, expected 2"),
    ("csv", b"x,y\n1,\n", "line 2: y '' is not a whole number"),
    ("csv", b'x,y\n"1,2\n', "line 2: .* is not a line of CSV"),
    ("csv", b"x,y,kind\n1,2,warm\n", "line 2: kind 'warm' is not one of hot"),
    ("csv", b"x,y,since\n1,2,yesterday\n", "line 2: since 'yesterday' is not a time"),
    ("csv", b"x,y,since\n1,2,2010-05-02T17:31:08Z\n", "line 2: since .* has a time zone"),
    ("csv", b"x,y,width\n20,2,5\n", "line 2: width 5 is not in 1 to 4"),
    ("csv", b"x,y,plane\n0,0,R\n", r"line 2: plane 'R', but photosite \(0, 0\) belongs to Gb"),
    ("csv", b"x,y\n" + b"1" * 2000 + b",2\n", "line 2: has more than 1000 characters"),
]


@pytest.mark.parametrize(("name", "content", "message"), BAD)
def test_garbage_is_refused_by_line(name, content, message):
    with pytest.raises(ListFormatError, match=message) as caught:
        FORMATS[name].read(content, "toy.lst", TOY_SENSOR)
    assert "\n" not in str(caught.value)


def test_lists_of_more_photosites_than_any_camera_has_wrong_are_refused():
    sensor = Sensor((60_000, 60_000), Rect(0, 0, 60_000, 60_000), Cfa(MONO), None)
    with pytest.raises(ListFormatError, match="500000 photosites"):
        siril.read(b"C 1 0 H\n" * 40, "toy.lst", sensor)


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=50)
@given(data=st.data())
def test_damaged_files_are_read_or_refused(name, data):
    form = FORMATS[name]
    content = bytearray(form.write(TOY, TOY_SENSOR, BODY))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(content)))
        end = data.draw(st.integers(start, min(start + 8, len(content))))
        content[start:end] = data.draw(st.binary(max_size=6) | st.sampled_from([b"\n", b"9" * 30, b"-", b",", b"["]))
    try:
        back = form.read(bytes(content), name, TOY_SENSOR)
    except ListFormatError:
        return
    assert all(raw_grid(TOY_SENSOR).contains(found.x, found.y) for found in one_by_one(back))


def test_empty_lines_are_counted_too(monkeypatch):
    monkeypatch.setattr("sensormap.formats.text_lines.MOST_LINES", 5)
    assert [line.number for line in read_lines(b"\n" * 4 + b"1 2\n", "toy")] == [5]
    with pytest.raises(ListFormatError, match=r"^toy: line 6: expected at most 5 lines"):
        list(read_lines(b"\n" * 6, "toy"))


@given(st.binary(max_size=300))
def test_lines_of_any_bytes_are_short_text(content):
    try:
        lines = list(read_lines(content, "toy", longest=50))
    except ListFormatError:
        return
    assert all(line.text.strip() for line in lines)
    assert all(len(line.text) <= 4 * 50 for line in lines)


@pytest.mark.parametrize(
    ("make", "model", "serial", "name"),
    [
        ("NIKON CORPORATION", "NIKON D80", "4001234", "Nikon D80 4001234.badpixels"),
        ("NIKON CORPORATION", "NIKON D80", "", "Nikon D80.badpixels"),
        ("Canon", "Canon EOS 5D", "12", "Canon EOS 5D 12.badpixels"),
        ("OLYMPUS IMAGING CORP.  ", "E-M10", "", "Olympus E-M10.badpixels"),
        ("KONICA MINOLTA", "DYNAX 5D", "", "Minolta DYNAX 5D.badpixels"),
        ("OM Digital Solutions", "OM-1", "", "OM Digital Solutions OM-1.badpixels"),
    ],
)
def test_rawtherapee_finds_its_file_by_the_name_its_decoder_gives(make, model, serial, name):
    assert rawtherapee.file_name(TOY_SENSOR, Body(make, model, serial)) == name
