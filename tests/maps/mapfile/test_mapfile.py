"""The map file: what is written comes back, and nothing else is taken for a map."""

from __future__ import annotations

import dataclasses
import errno
import os
import re
from dataclasses import replace
from time import process_time

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from sensormap import strict_yaml as yamltext
from sensormap.camera.geometry import Rect
from sensormap.errors import MapFormatError, SensorMapError
from sensormap.maps.changes.edit_map import edit_map
from sensormap.maps.entries import Column, Defect, DefectKind, FrameSummary, Row
from sensormap.maps.mapfile import reading, writing
from sensormap.maps.mapfile.layout import COLUMN, DEFECT, FRAMES, JPEG_DEFECT, LATER_SECTIONS, ROW, SECTIONS
from sensormap.maps.mapfile.reading import parse_map, read_map
from sensormap.maps.mapfile.writing import map_text, write_map
from tests.support.maps import both_map, full_map, jpeg_map, night_map, phone_map, sensor_maps, toy_defect, toy_map
from tests.support.schema import problems

TEXT, FULL = map_text(toy_map()), map_text(night_map())
JPEG, PHONE, BOTH = map_text(jpeg_map()), map_text(phone_map()), map_text(both_map())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("maps")


def read_text(text, folder):
    """Read a map from text."""
    path = folder / "d80.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_map(path)


@given(sensor_map=sensor_maps())
@settings(deadline=None)
def test_round_trip(sensor_map, folder):
    path = folder / "any.yaml"
    write_map(sensor_map, path, overwrite=True)
    again = read_map(path)
    assert again == sensor_map
    assert map_text(again).encode() == path.read_bytes()


@given(sensor_map=sensor_maps())
@settings(deadline=None)
def test_fast_equals_slow(sensor_map, folder):
    text = map_text(sensor_map)
    assert (reading._parse(text)[1] is not None) == bool(sensor_map.defects)
    edited = text + "# edited\n"
    assert reading._parse(edited)[1] is None
    assert read_text(edited, folder) == read_text(text, folder)


class Dumper(yaml.SafeDumper):
    """PyYAML's own writer, but for aliases of equal times."""

    def ignore_aliases(self, data):
        return True


@given(sensor_map=sensor_maps())
@settings(deadline=None, max_examples=30)
def test_any_yaml_layout_reads_the_same(sensor_map, folder):
    document = yamltext.load_yaml(map_text(sensor_map))
    if "\\ud" in ascii(document):
        return  # PyYAML's own writer makes text of lone surrogates that no reader takes
    assert read_text(yaml.dump(document, Dumper=Dumper, sort_keys=True, width=40), folder) == sensor_map


@given(text=st.text() | st.from_regex(r"format: sensormap/1\n.*"))
@settings(max_examples=50, deadline=None)
def test_other_text_is_refused(text, folder):
    with pytest.raises(MapFormatError, match=r"d80\.yaml: "):
        read_text(text, folder)


def test_pure_python_parser_reads_the_same(monkeypatch, folder):
    monkeypatch.setattr(yamltext, "LOADER", yaml.SafeLoader)
    assert read_text(TEXT, folder) == toy_map()
    assert read_text(TEXT + "# edited\n", folder) == toy_map()


def test_layout():
    lines = TEXT.splitlines()
    assert lines[0] == "format: sensormap/1"
    assert lines[1] == "# yaml-language-server: $schema=sensormap-1.schema.json"
    assert lines[2].startswith("# ")
    assert lines[3:5] == ["source: raw", "camera:"]
    sections = [line.split(":")[0] for line in lines if line[0] not in " -#"]
    untold = ("calibration", "dark_law", "false_positives", "edits")
    assert sections == [section for section in SECTIONS if section not in untold]
    assert "rows: []" in lines
    assert '  serial: "0012345"' in lines
    assert "  first: 2010-05-02T17:31:08.250000" in lines
    assert '  "no": 1.0e-07' in lines
    assert lines[-1] == (
        "- {x: 5, y: 11, plane: Gr, kind: dead, confidence: 0.995, score: -20.25, mean: 321.25, variance: 1024.0, "
        "jpeg: [2, 9]}"
    )


def test_layout_of_what_a_second_look_tells():
    lines = FULL.splitlines()
    written = [line.split(":")[0] for line in lines if line[0] not in " -#"]
    assert written == [section for section in SECTIONS if section != "edits"]
    assert "false_positives: 0.3" in lines
    assert lines[lines.index("calibration:") + 1 :][:2] == [
        '- {name: "dark_1.fits", sort: dark}',
        '- {name: "flat_1.fits", sort: flat}',
    ]
    assert lines[lines.index("dark_law:") + 1 :][:2] == ["  reference_c: 18.5", "  doubling_c: [6.03, 5.9, 6.2]"]
    assert lines[lines.index("frames:") + 8 :][:5] == [
        "  repeated: 3",
        "  filtered: 6",
        "  followed: 38",
        "  clock_jumps: 1",
        "  jpegs: 0",
    ]
    assert "  temperature_c: [-9.5, 28.0]" in lines
    assert lines[lines.index("rows:") + 1] == (
        "- {y: 9, x0: 3, x1: 12, plane: R+Gr, kind: hot, confidence: 0.875, score: 8.5, defects: 4, "
        "onset: {after: null, by: 2010-05-02T17:31:08.250000}}"
    )
    born = "onset: {after: 2010-05-02T17:31:08.250000, by: 2010-05-09T11:02:45}"
    assert lines[-4:] == [
        f"- {{x: 2, y: 1, plane: R, kind: stuck, confidence: 0.995, score: 40.0, {born}, "
        "until: {after: 2010-05-09T11:02:45, by: null}, seen: 9/9, mean: 896.0, variance: 1024.0, jpeg: null}",
        "- {x: 17, y: 4, plane: B, kind: hot, confidence: 0.995, score: 12.5, dark_dn_per_s: [210.0, 198.0, 222.0], "
        "offset_dn: [0.4, -1.1, 1.9], response: [1.0, 0.97, 1.03], onset: before-first, seen: 37/41, cluster: 1, "
        "mean: 321.25, variance: 1024.0, jpeg: [14, 2]}",
        "- {x: 18, y: 4, plane: Gb, kind: offset, confidence: 0.995, score: 12.5, offset_dn: [35.0, 30.5, 40.0], "
        "unresolved: [dark_dn_per_s, response], cluster: 1, mean: 321.25, variance: 1024.0, jpeg: [15, 2]}",
        "- {x: 5, y: 11, plane: Gr, kind: weak, confidence: 0.995, score: -20.25, response: [0.7, 0.65, 0.75], "
        f"{born}, seen: 40/40, mean: 321.25, variance: 1024.0, jpeg: [2, 9]}}",
    ]


def test_layout_of_what_jpegs_show():
    lines = JPEG.splitlines()
    assert lines[3] == "source: jpeg"
    assert "  jpegs: 40" in lines
    assert lines[lines.index("columns:") + 1].endswith("by: 2010-05-09T11:02:45}, radius: 1}")
    assert "radius: pixels that the true photosite may lie away in x or y" in JPEG
    assert "x, y: column and row of the raw grid" in JPEG
    assert lines[-3:] == [
        "- {jpeg: [14, 2], x: 17, y: 4, radius: 1, plane: B, kind: hot, confidence: 0.995, score: 12.5, "
        "onset: before-first, seen: 37/41, cluster: 1}",
        "- {jpeg: [15, 2], x: 18, y: 4, radius: 2, plane: Gb, kind: offset, confidence: 0.995, score: 12.5, "
        "cluster: 1}",
        "- {jpeg: [2, 9], x: 5, y: 11, radius: 1, plane: Gr, kind: weak, confidence: 0.995, score: -20.25, "
        "onset: {after: 2010-05-02T17:31:08.250000, by: 2010-05-09T11:02:45}, seen: 40/40}",
    ]


def test_layout_on_the_grid_of_a_picture():
    lines = PHONE.splitlines()
    assert "  cfa: picture" in lines
    assert "x, y: column and row of the camera's JPEG as stored, not rotated, counted from 0 at its top left" in PHONE
    assert "the camera's raw grid is not known;" in PHONE
    assert "of the raw grid," not in PHONE
    assert lines[-2] == (
        "- {jpeg: [14, 2], x: 14, y: 2, radius: 2, plane: luma, kind: hot, confidence: 0.995, score: 12.5, seen: 37/41}"
    )


def test_layout_of_raw_photos_and_jpegs():
    assert "\nsource: raw+jpeg\n" in BOTH
    assert "radius: pixels" in BOTH
    assert "radius" not in FULL
    assert BOTH.splitlines()[-5:-1] == FULL.splitlines()[-4:]
    assert BOTH.splitlines()[-1].startswith("- {jpeg: [9, 10], x: 12, y: 12, radius: 1, plane: Gb, kind: stuck,")


def test_a_plain_yaml_reader_understands_it():
    document = yaml.safe_load(TEXT)
    assert [(d["x"], d["y"], d["jpeg"]) for d in document["defects"]] == [
        (2, 1, None),
        (17, 4, [14, 2]),
        (5, 11, [2, 9]),
    ]
    assert document["summary"] == dict(hot=1, offset=0, stuck=1, dead=1, weak=0, noisy=0, total=3, columns=1, rows=0)  # noqa: C408
    assert document["camera"]["serial"] == "0012345"


def test_settings_are_written_in_one_order():
    assert map_text(toy_map(settings={"b": 1, "a": 2})) == map_text(toy_map(settings={"a": 2, "b": 1}))


@pytest.mark.parametrize(("keys", "made"), [(DEFECT, Defect), (COLUMN, Column), (ROW, Row), (FRAMES, FrameSummary)])
def test_keys_are_the_attributes(keys, made):
    attributes = sorted(field.name for field in dataclasses.fields(made))
    assert sorted({*keys, "radius"} if made is Defect else keys) == attributes


def test_keys_of_what_jpegs_show_are_those_that_jpegs_tell():
    told_by_raw_photos = {"dark_dn_per_s", "offset_dn", "response", "unresolved", "or_kinds", "mean", "variance"}
    assert {*JPEG_DEFECT} == {*DEFECT, "radius"} - told_by_raw_photos
    assert next(iter(JPEG_DEFECT)) == "jpeg"


LATER_LINES = (
    "source: raw",
    "  jpegs: 0",
    "  repeated: 0",
    "  filtered: 0",
    "  followed: 0",
    "  clock_jumps: 0",
    "  rows: 0",
    "rows: []",
)


def test_older_files_lack_what_came_later(folder):
    older = [line for line in TEXT.splitlines() if line not in LATER_LINES]
    assert len(older) == len(TEXT.splitlines()) - len(LATER_LINES)
    assert read_text("\n".join(older), folder) == toy_map()
    assert read_text("\n".join([*older, "# edited"]), folder) == toy_map()


@pytest.mark.parametrize("day", ["2011-02-29", "2011-04-31", "2010-13-01", "0000-01-01", "2010-00-10"])
def test_a_day_that_does_not_exist_is_named_with_its_line(day, folder):
    assert FULL.count("by: 2010-05-09T11") == 3
    with pytest.raises(MapFormatError, match=rf"line \d+: '{day}T11:02:45' cannot be read"):
        read_text(FULL.replace("by: 2010-05-09T", f"by: {day}T"), folder)


def test_fast_equals_slow_for_everything_at_once(folder):
    assert reading._parse(FULL)[1] == list(night_map().defects)
    assert read_text(FULL + "# edited\n", folder) == read_text(FULL, folder) == night_map()


@pytest.mark.parametrize("sensor_map", [jpeg_map(), phone_map(), both_map()], ids=["jpeg", "phone", "both"])
def test_fast_equals_slow_for_what_jpegs_show(sensor_map, folder):
    text = map_text(sensor_map)
    assert reading._parse(text)[1] == list(sensor_map.defects)
    assert reading._parse(text + "# edited\n")[1] is None
    assert read_text(text + "# edited\n", folder) == read_text(text, folder) == sensor_map


@pytest.mark.parametrize("radius", [None, 1])
def test_many_defects_are_quick(radius, tmp_path):
    """Both take 0.3 s of a processor, and YAML's own way ten times that; the limit leaves room for a slow machine."""
    sensor = replace(toy_map().sensor, raw_size=(1000, 1000), jpeg_crop=Rect(0, 0, 1000, 1000))
    names = ("seen",) if radius else ("dark_dn_per_s", "offset_dn", "response", "seen")
    some = {name: getattr(full_map().defects[1], name) for name in names} | {"radius": radius}
    born = full_map().defects[0].onset
    places = [(x, y) for y in range(0, 1000, 10) for x in range(0, 1000, 10)]
    defects = [toy_defect(x, y, sensor=sensor, onset=born, until=born, cluster=x + 1, **some) for x, y in places]
    make = jpeg_map if radius else full_map
    many = make(sensor=sensor, columns=(), rows=(), defects=tuple(defects))
    start = process_time()
    write_map(many, tmp_path / "a.yaml")
    written = process_time()
    assert read_map(tmp_path / "a.yaml") == many
    assert written - start < 2
    assert process_time() - written < 2


def test_windows_line_ends_and_mark(folder):
    assert read_text("\ufeff" + TEXT.replace("\n", "\r\n"), folder) == toy_map()


def test_integer_where_a_number_is_due(folder):
    assert read_text(TEXT.replace("score: 40.0", "score: 40"), folder) == toy_map()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("format: sensormap/1", "format: sensormap/2", "format: 'sensormap/2' is not 'sensormap/1'"),
        ("format: sensormap/1\n", "", "format: missing"),
        ("camera:", "kamera:", "kamera: unknown key, expected format, source, camera"),
        ('  profile: "toy"\n', "", "camera.profile: missing"),
        ('  profile: "toy"', '  profile: "toy"\n  lens: 3', "camera.lens: unknown key, expected make"),
        ('"0012345"', "12345", "camera.serial: 12345 is not text"),
        ("source: raw", "source: nef", "source: 'nef' is not one of jpeg, raw, raw+jpeg"),
        ("source: raw", "source: null", "source: None is not one of"),
        ("source: raw", "source: jpeg", "frames.jpegs: 0 of 40 used, but the source is jpeg"),
        ("jpegs: 0", "jpegs: 1", "frames.jpegs: 1 of 40 used, but the source is raw"),
        ("jpegs: 0", "jpegs: 0.0", "frames.jpegs: 0.0 is not an integer"),
        (
            "cfa: GBRG",
            "cfa: picture",
            "sensor.jpeg_crop: [3, 2, 18, 12], but where cfa is picture it is [0, 0, 24, 16]",
        ),
        ("[24, 16]", "[24]", "sensor.raw_size: a list of 1 is not a list of 2"),
        ("[24, 16]", "[24, 0]", "sensor.raw_size: [24, 0] is not a width and a height from 1 to 65536"),
        ("[24, 16]", "[24, 1000000]", "sensor.raw_size: [24, 1000000] is not"),
        ("[2, 1, 20, 14]", "[2, 1, 20, 16]", "sensor.active_area: [2, 1, 20, 16] reaches beyond"),
        ("[3, 2, 18, 12]", "[3, 2, 0, 12]", "sensor.jpeg_crop: [3, 2, 0, 12] is not a rectangle"),
        ("cfa: GBRG", "cfa: RGBG", "sensor.cfa: 'RGBG' is not one of RGGB, BGGR"),
        ("used: 40", "used: true", "frames.used: True is not an integer"),
        ("used: 40", "used: -1", "frames.used: -1 is negative"),
        ("skipped: 2", "skipped: 3", "frames.skipped: 3, but 2 photos are listed"),
        ("2011-01-09T", "2009-01-09T", "frames.first: 2010-05-02 17:31:08.250000 lies after"),
        ("11:02:45", "11:02:45+02:00", "frames.last: "),
        ("2011-01-09T11:02:45", "2011-13-09T11:02:45", "line 20: '2011-13-09T11:02:45' cannot be read"),
        ("2011-01-09T11:02:45", "2011-01-09", "frames.last: datetime.date(2011, 1, 9) is not a time"),
        ("2011-01-09T11:02:45", "null", "last: None; one of them is missing"),
        ("[100, 1600]", "[1600, 100]", "frames.iso: [1600, 100] is not a lowest and a highest"),
        ('reason: "zero bytes"', "reason: null", "skipped[0].reason: None is not text"),
        ("vote_z: 3.5", "vote_z: .inf", "settings.vote_z: inf is not a finite number"),
        ("vote_z: 3.5", "vote_z: [1]", "settings.vote_z: a list of 1 is not a finite number"),
        ("vote_z: 3.5", "vote z: 1", "settings: 'vote z' is not a name"),
        ("hot: 1", "hot: 2", "summary.hot: 2, but the map lists 1"),
        ("y0: 5", "y0: 13", "columns[0].y0: 13 is not in 0 to y1 = 12"),
        ("y1: 12", "y1: 16", "columns[0].y1: 16 is outside the sensor, 0 to 15"),
        ("plane: R, kind: weak", "plane: Gr, kind: weak", "columns[0].plane: 'Gr', but column 10 of GBRG crosses Gb+R"),
        ("plane: R, kind: weak", "plane: B+B, kind: weak", "columns[0].plane: 'B+B'"),
        ("x: 17,", "x: 24,", "defects[1].x: 24 is outside the sensor, 0 to 23"),
        ("x: 17,", "x: -1,", "defects[1].x: -1 is outside"),
        ("x: 17,", "x: 17.0,", "defects[1].x: 17.0 is not an integer"),
        ("x: 17,", "x: '17',", "defects[1].x: '17' is not an integer"),
        ("x: 17, ", "", "defects[1].x: missing"),
        ("x: 17, ", "x: 17, colour: 1, ", "defects[1].colour: unknown key"),
        ("x: 17, ", "x: 17, x: 17, ", "key 'x' stands twice"),
        ("y: 4,", "y: 16,", "defects[1].y: 16 is outside the sensor, 0 to 15"),
        ("y: 4, plane: B", "y: 4, plane: R", "defects[1].plane: 'R', but photosite (17, 4) of GBRG belongs to 'B'"),
        (
            "plane: B, kind: hot",
            "plane: no, kind: hot",
            "defects[1].plane: False is not one of B, Gb, Gp, Gr, Gs, R, luma, mono",
        ),
        ("kind: hot", "kind: warm", "defects[1].kind: 'warm' is not one of cold, dead, hot"),
        ("kind: hot, confidence: 0.995", "kind: hot, confidence: 1.5", "defects[1].confidence: 1.5 is not in 0 to 1"),
        ("score: 40.0", "score: .nan", "defects[0].score: nan is not a finite number"),
        ("score: 40.0", "score: 1.0e+999", "defects[0].score: inf is not a finite number"),
        ("score: 40.0", "score: " + "9" * 400, "cannot be read"),
        ("score: 40.0", "score: 1e300", "defects[0].score: '1e300' is not a number to YAML, expected 1.0e+300 without"),
        ("score: 40.0", "score: 'x'", "defects[0].score: 'x' is not a finite number"),
        ("score: 40.0", "score: true", "defects[0].score: True is not a finite number"),
        ("[14, 2]", "[14, 3]", "defects[1].jpeg: [14, 3], but by the JPEG crop it is [14, 2]"),
        ("[14, 2]", "null", "defects[1].jpeg: null, but by the JPEG crop it is [14, 2]"),
        ("[14, 2]", "[14, 2, 1]", "defects[1].jpeg: a list of 3 is not a list of 2"),
        ("- {x: 5, y: 11", "- {x: 17, y: 4, x1: 5, y1: 11", "defects[2].x1: unknown key"),
        ("- {x: 5, y: 11", "[", "line "),
    ],
)
def test_bad_value(old, new, message, folder):
    assert old in TEXT
    with pytest.raises(MapFormatError, match=r"d80\.yaml: .*" + re.escape(message).replace(r"d80\.yaml: ", "")):
        read_text(TEXT.replace(old, new, 1), folder)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("repeated: 3", "repeated: 41", "frames.repeated: 41 is not in 0 to used = 40"),
        ("filtered: 6", "filtered: -1", "frames.filtered: -1 is not in 0 to used = 40"),
        ("followed: 38", "followed: 41", "frames.followed: 41 is not in"),
        ("followed: 38", "followed: 38.0", "frames.followed: 38.0 is not an integer"),
        ("followed: 38", "followed: null", "frames.followed: None is not an integer"),
        ("clock_jumps: 1", "clock_jumps: -1", "frames.clock_jumps: -1 is negative"),
        ("  rows: 1", "  rows: 2", "summary.rows: 2, but the map lists 1"),
        ("  rows: 1\n", "", "summary.rows: 0, but the map lists 1"),
        ("false_positives: 0.3", "false_positives: -0.3", "false_positives: -0.3 is not a finite number of at least 0"),
        ("false_positives: 0.3", "false_positives: .inf", "false_positives: inf is not a finite number"),
        ("false_positives: 0.3", "false_positives: null", "false_positives: None is not a finite number"),
        ("y: 9, x0: 3", "y: 16, x0: 3", "rows[0].y: 16 is outside the sensor, 0 to 15"),
        ("y: 9, x0: 3", "y: 9, x0: 13", "rows[0].x0: 13 is not in 0 to x1 = 12"),
        ("x1: 12", "x1: 24", "rows[0].x1: 24 is outside the sensor, 0 to 23"),
        ("x1: 12", "y1: 12", "rows[0].y1: unknown key, expected y, x0, x1, plane"),
        ("plane: R+Gr", "plane: R+Gb", "rows[0].plane: 'R+Gb', but row 9 of GBRG crosses R+Gr"),
        ("by: 2010-05-02T17:31:08.250000}}", "by: before-first}}", "rows[0].onset: by: 'before-first' is not a time"),
        (
            "dark_dn_per_s: [210.0,",
            "dark_dn_per_s: [230.0,",
            "defects[1].dark_dn_per_s: [230.0, 198.0, 222.0] is not an",
        ),
        (
            "dark_dn_per_s: [210.0,",
            "dark_dn_per_s: [190.0,",
            "defects[1].dark_dn_per_s: [190.0, 198.0, 222.0] is not an",
        ),
        ("[0.4, -1.1, 1.9]", "[0.4, -1.1]", "defects[1].offset_dn: a list of 2 is not a list of 3"),
        ("[0.4, -1.1, 1.9]", "[0.4, -.inf, 1.9]", "defects[1].offset_dn: -inf is not a finite number"),
        ("[0.4, -1.1, 1.9]", "null", "defects[1].offset_dn: None is not a list of 3"),
        ("response: [1.0,", "response: [yes,", "defects[1].response: True is not a finite number"),
        (
            "[dark_dn_per_s, response]",
            "[response, response]",
            "defects[2].unresolved: ['response', 'response'] are not",
        ),
        ("[dark_dn_per_s, response]", "[offset_dn]", "defects[2].unresolved: offset_dn, but the entry has a value"),
        ("[dark_dn_per_s, response]", "[]", "defects[2].unresolved: a list of 0 is not a list of 1 to 3 names"),
        ("[dark_dn_per_s, response]", "[response, a, b, c]", "defects[2].unresolved: a list of 4 is not"),
        ("[dark_dn_per_s, response]", "[gain]", "defects[2].unresolved: 'gain' is not one of dark_dn_per_s, offset_dn"),
        ("[dark_dn_per_s, response]", "response", "defects[2].unresolved: 'response' is not a list"),
        ("onset: before-first", "onset: before", "defects[1].onset: 'before' is not before-first or a time after"),
        ("onset: before-first", "onset: null", "defects[1].onset: None is not before-first"),
        ("onset: before-first", "onset: {after: null, by: null}", "defects[1].onset: a dict of 2 is not before-first"),
        ("onset: before-first", "onset: {after: null}", "defects[1].onset: a dict of 1 is not"),
        ("onset: before-first", "onset: {after: null, by: [1]}", "defects[1].onset: by: a list of 1 is not a time"),
        (
            "onset: before-first",
            "onset: {after: null, by: 2010-05-02}",
            "defects[1].onset: by: datetime.date(2010, 5, 2)",
        ),
        ("by: null}, seen: 9/9", "by: 2010-05-09T11:02:45Z}, seen: 9/9", "defects[0].until: by: "),
        ("seen: 37/41", "seen: 42/41", "defects[1].seen: 42/41 is not a count of frames"),
        ("seen: 37/41", "seen: -1/41", "defects[1].seen: '-1/41' is not two counts such as 37/41"),
        ("seen: 37/41", "seen: 37", "defects[1].seen: 37 is not two counts"),
        ("seen: 37/41", "seen: [37, 41]", "defects[1].seen: a list of 2 is not two counts"),
        ("seen: 37/41", "seen: 037/41", "defects[1].seen: '037/41' is not two counts"),
        ("seen: 37/41", "seen: ٣/41", "defects[1].seen: '٣/41' is not two counts"),
        ("cluster: 1, mean", "cluster: -1, mean", "defects[1].cluster: -1 is not 1 or more"),
        ("cluster: 1, mean", "cluster: a, mean", "defects[1].cluster: 'a' is not an integer"),
        ("cluster: 1, size: 2", "cluster: 1, size: 3", "summary.clusters: 1, but the map has 1, or others"),
        ("cluster: 1, size: 2", "cluster: 1, size: a", "summary.clusters: [0].size: 'a' is not an integer"),
        ("cluster: 1, size: 2", "cluster: 1", "summary.clusters: [0].size: missing"),
        ("cluster: 1, size: 2", "cluster: 1, sizes: 2", "summary.clusters: [0].sizes: unknown key"),
        ("[0.93, 0.91, 0.95]", "[0.93, 0.94, 0.95]", "columns[0].response: [0.93, 0.94, 0.95] is not an estimate"),
        ("[0.93, 0.91, 0.95]", "[0.93, 0.91, 1.0e+7]", "columns[0].response: [0.93, 0.91, 10000000.0] is beyond 1e+06"),
        ("[dark_dn_per_s], or", "[response], or", "columns[0].unresolved: response, but the entry has a value"),
        ("or_kinds: [cold]", "or_kinds: [weak]", "columns[0].or_kinds: [weak], but each names one kind"),
        ("seen: 11/12", "seen: 13/12", "columns[0].seen: 13/12 is not a count of frames"),
        ("by: null}, seen: 11/12", "by: 3}, seen: 11/12", "columns[0].until: by: 3 is not a time"),
        ("x: 18, y: 4, plane: Gb", "x: 18, y: 9, plane: R", "defects[2].jpeg: [15, 2], but"),
    ],
)
def test_bad_value_of_what_a_second_look_tells(old, new, message, folder):
    assert old in FULL
    for end in ("", "# read the slow way\n"):
        with pytest.raises(MapFormatError, match=r"d80\.yaml: .*" + re.escape(message)):
            read_text(FULL.replace(old, new, 1) + end, folder)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("radius: 1, plane: B", "radius: 17, plane: B", "defects[1].radius: 17 is not in 0 to 16"),
        ("radius: 1, plane: B", "radius: -1, plane: B", "defects[1].radius: -1 is not in 0 to 16"),
        ("radius: 1, plane: B", "radius: 1.0, plane: B", "defects[1].radius: 1.0 is not an integer"),
        ("radius: 1, plane: B", "radius: true, plane: B", "defects[1].radius: True is not an integer"),
        ("radius: 1, plane: B", "radius: null, plane: B", "defects[1].radius: None is not an integer"),
        ("radius: 1, plane: B", f"radius: {'9' * 50}, plane: B", "defects[1].radius: 99999999"),
        ("radius: 1, plane: B", "plane: B", "defects[1].radius: missing"),
        ("jpeg: [14, 2], ", "", "defects[1].jpeg: missing"),
        ("jpeg: [14, 2]", "jpeg: null", "defects[1].jpeg: None is not a list of 2"),
        ("jpeg: [14, 2]", "jpeg: [15, 2]", "defects[1].jpeg: [15, 2], but by the JPEG crop it is [14, 2]"),
        ("seen: 37/41", "seen: 37/41, mean: 3.5", "defects[1].mean: unknown key, expected jpeg, x, y, radius, plane"),
        ("seen: 37/41", "dark_dn_per_s: [1.0, 1.0, 1.0]", "defects[1].dark_dn_per_s: unknown key, expected jpeg"),
        ("seen: 37/41", "seen: 42/41", "defects[1].seen: 42/41 is not a count"),
        ("cluster: 1}", "cluster: 0}", "defects[1].cluster: 0 is not 1 or more"),
        ("by: 2010-05-09T11:02:45}, radius: 1}", "by: 2010-05-09T11:02:45}}", "columns[0].radius: missing, but in a"),
        (
            "by: 2010-05-09T11:02:45}, radius: 1}",
            "by: 2010-05-09T11:02:45}, radius: 99}",
            "columns[0].radius: 99 is not",
        ),
        ("source: jpeg", "source: raw", "frames.jpegs: 40 of 40 used, but the source is raw"),
        ("source: jpeg\n", "", "frames.jpegs: 40 of 40 used, but the source is raw"),
    ],
)
def test_bad_value_of_what_jpegs_show(old, new, message, folder):
    assert old in JPEG
    for end in ("", "# read the slow way\n"):
        with pytest.raises(MapFormatError, match=r"d80\.yaml: .*" + re.escape(message)):
            read_text(JPEG.replace(old, new, 1) + end, folder)


def test_an_entry_of_raw_photos_in_a_map_of_jpegs(folder):
    line = FULL.splitlines()[-1]
    for end in ("", "# read the slow way\n"):
        with pytest.raises(MapFormatError, match=r"defects\[3\]\.(radius: missing|response: unknown key)"):
            read_text("\n".join([*JPEG.splitlines()[:-1], line, end]), folder)


def test_an_entry_of_jpegs_in_a_map_of_raw_photos(folder):
    line = JPEG.splitlines()[-1]
    for end in ("", "# read the slow way\n"):
        with pytest.raises(MapFormatError, match=r"defects\[3\]\.radius: 1, but in a map of source raw no entry has"):
            read_text("\n".join([*FULL.splitlines()[:-1], line, end]), folder)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("source: jpeg", "source: raw+jpeg", "source: raw+jpeg, but sensor.cfa is picture, which is of source jpeg"),
        ("source: jpeg\n", "", "source: raw, but sensor.cfa is picture"),
        (
            "jpeg_crop: [0, 0, 18, 12]",
            "jpeg_crop: null",
            "sensor.jpeg_crop: null, but where cfa is picture it is [0, 0,",
        ),
        ("plane: luma, kind: hot", "plane: Gr, kind: hot", "defects[0].plane: 'Gr', but photosite (14, 2) of picture"),
        (
            "plane: luma, kind: weak",
            "plane: R, kind: weak",
            "columns[0].plane: 'R', but column 7 of picture crosses luma",
        ),
        ("cfa: picture", "cfa: mono", "columns[0].plane: 'luma', but column 7 of mono crosses mono"),
    ],
)
def test_bad_value_on_the_grid_of_a_picture(old, new, message, folder):
    assert old in PHONE
    for end in ("", "# read the slow way\n"):
        with pytest.raises(MapFormatError, match=r"d80\.yaml: .*" + re.escape(message)):
            read_text(PHONE.replace(old, new, 1) + end, folder)


def test_time_runs_backwards_only_where_the_clock_jumped(folder):
    backwards = FULL.replace("{after: 2010-05-02T17:31:08.250000, by:", "{after: 2010-06-02T17:31:08, by:")
    assert read_text(backwards, folder).defects[0].onset.after.month == 6
    message = r"columns\[0\].onset: after 2010-06-02 17:31:08 is later than by 2010-05-09 11:02:45, though"
    with pytest.raises(MapFormatError, match=message):
        read_text(backwards.replace("clock_jumps: 1", "clock_jumps: 0"), folder)


def test_order_and_repeats(folder):
    lines = TEXT.splitlines()
    with pytest.raises(MapFormatError, match=r"defects\[2\]: \(x 17, y 4\) stands after \(x 5, y 11\)"):
        read_text("\n".join([*lines[:-2], lines[-1], lines[-2]]), folder)
    with pytest.raises(MapFormatError, match=r"defects\[3\]: \(x 5, y 11\) stands after \(x 5, y 11\)"):
        read_text("\n".join([*lines, lines[-1]]), folder)


@pytest.mark.parametrize(("text", "step"), [(TEXT, 1), (FULL, 7), (BOTH, 23)], ids=["toy", "full", "both"])
def test_a_file_cut_short_is_no_map(text, step, folder):
    for end in range(0, len(text) - 1, step):  # without the last newline it is still whole
        with pytest.raises(MapFormatError):
            read_text(text[:end], folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "format: missing, so no map file"),
        (b"# nothing\n", "format: missing"),
        (b"\n---\n", "format: missing"),
        (b"- a\n", "format: missing"),
        (b"\xff\xd8\xff\xe0 a JPEG", r"is not UTF-8 text \(byte 0\)"),
        (b"II*\0\x08\0\0\0", "is not YAML"),
        (b"a: &a [1]\nb: *a\n", "line 1: anchors and aliases"),
        (b"b: *a\n", "line 1: anchors and aliases"),
        (b"a: !!python/object:os.system x\n", "line 1: tag 'tag:yaml.org,2002:python/object:os.system' is not part"),
        (b"a: !!set {}\n", "tag .* is not part"),
        (b"a: !!binary 'a'\n", "cannot be read"),
        (b"<<: {a: 1}\n", "line 1: .* cannot be read"),
        (b"a: =\n", "cannot be read"),
        (b"? [a]\n: 1\n", "key .* is not text"),
        (b"a: 1\n--- \nb: 1\n", "line 2: a second document"),
        (b"[" * 100_000, "nested more than 8 levels"),
        (b"{a: " * 100_000, "nested more than 8 levels"),
        (b"- " * 100_000, "nested more than 8 levels"),
        (b"a: " + b"1:" * 10_000 + b"1\n", "cannot be read"),
        (b"a: " + b"9" * 10_000, "cannot be read"),
        (b"a: b: c", "line 1: is not YAML"),
        (b"%YAML 9.9\n---\na", "line 1: is not YAML"),
    ],
)
def test_hostile_file(content, message, folder):
    with pytest.raises(MapFormatError, match=message):
        read_text(content, folder)


def test_wrong_sections(folder):
    edited = map_text(edit_map(night_map(), remove=[(3, 3)]))
    for key in SECTIONS[1:]:
        start = re.search(rf"^{key}:.*\n(?:[ -].*\n)*", edited, re.MULTILINE)
        for value in ("-5", "null", "text", "[5]", "{a: [5]}"):
            with pytest.raises(MapFormatError, match=key):
                read_text(edited.replace(start.group(), f"{key}: {value}\n"), folder)
        if key not in LATER_SECTIONS:
            with pytest.raises(MapFormatError, match=f"{key}: missing"):
                read_text(edited.replace(start.group(), ""), folder)


def test_unreadable(tmp_path):
    with pytest.raises(MapFormatError, match=rf"none\.yaml: cannot be read: {os.strerror(errno.ENOENT)}"):
        read_map(tmp_path / "none.yaml")
    with pytest.raises(MapFormatError, match="is a folder, expected a map"):
        read_map(tmp_path)


def test_too_large(tmp_path, monkeypatch):
    path = tmp_path / "a.yaml"
    write_map(toy_map(), path)
    monkeypatch.setattr(reading, "MAX_BYTES", len(TEXT))
    assert read_map(path) == toy_map()
    monkeypatch.setattr(reading, "MAX_BYTES", len(TEXT) - 1)
    with pytest.raises(MapFormatError, match="larger than"):
        read_map(path)
    monkeypatch.setattr(writing, "MAX_BYTES", len(TEXT) - 1)
    with pytest.raises(MapFormatError, match="3 defects make a file of"):
        write_map(toy_map(), tmp_path / "b.yaml")


def test_existing_file_stays(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("mine")
    with pytest.raises(SensorMapError, match=r"a\.yaml: exists already and is no defect map; --overwrite"):
        write_map(toy_map(), path)
    assert path.read_text() == "mine"
    with pytest.raises(SensorMapError, match=r"a\.yaml: is no defect map; --overwrite replaces only those"):
        write_map(toy_map(), path, overwrite=True)
    assert path.read_text() == "mine"


def test_a_link_to_a_map_is_written_through_and_one_to_another_file_is_not(tmp_path):
    path, link, other = tmp_path / "a.yaml", tmp_path / "link", tmp_path / "other"
    path.write_text("format: sensormap/1\n")
    link.symlink_to("a.yaml")
    write_map(toy_map(), link, overwrite=True)
    assert link.is_symlink()
    assert read_map(path) == toy_map()
    (tmp_path / "photo.nef").write_bytes(b"II*\0")
    other.symlink_to("photo.nef")
    with pytest.raises(SensorMapError, match="other: is no defect map"):
        write_map(toy_map(), other, overwrite=True)
    assert other.read_bytes() == b"II*\0"


@pytest.mark.parametrize("before", ["", "format: sensormap/0\n"])
def test_an_old_map_is_replaced(tmp_path, before):
    path = tmp_path / "a.yaml"
    path.write_text(before)
    write_map(toy_map(), str(path), overwrite=True)
    assert read_map(str(path)) == toy_map()


def test_later_kinds_are_named_only_where_they_occur():
    before = map_text(toy_map())
    assert "cold" not in before
    assert "overresponsive" not in before
    assert "or_kinds" not in before
    one = toy_defect(5, 4, kind=DefectKind.HOT, or_kinds=(DefectKind.OFFSET, DefectKind.OVERRESPONSIVE))
    two = toy_defect(6, 4, kind=DefectKind.COLD)
    written = toy_map(columns=(), defects=(one, two))
    text = map_text(written)
    assert "  cold: 1\n" in text
    assert "  overresponsive:" not in text
    assert "or_kinds: [offset, overresponsive]" in text
    assert parse_map(text) == written
    assert not problems(text)


@pytest.mark.parametrize("others", [("hot",), ("offset", "offset")])
def test_an_entry_names_each_kind_once(others):
    with pytest.raises(ValueError, match="or_kinds"):
        toy_map(columns=(), defects=(toy_defect(5, 4, or_kinds=tuple(map(DefectKind, others))),))


# maps that are large on purpose


LONG = "9" * 3_000_000


@pytest.mark.parametrize(
    ("key", "text"),
    [
        *(("model", f"  model: {quote}{LONG}{quote}") for quote in "\"'"),
        ("serial", f'  serial: "{LONG}"'),
        ("profile", f'  profile: "{LONG}"'),
        ("serial", '  serial: "' + r"\x01" * 200_000 + '"'),
    ],
    ids=["model", "model in single quotes", "serial", "profile", "escapes"],
)
def test_a_long_text_is_refused_at_once_in_a_short_line(key, text, folder):
    lines = [text if line.startswith(f"  {key}: ") else line for line in map_text(toy_map()).splitlines()]
    begun = process_time()
    message = refusal(folder, "\n".join(lines))
    assert process_time() - begun < 5
    assert re.search(rf"camera.{key}: .* is not text of at most 10000 characters$", message)
    assert len(message) < 400


def test_a_long_setting_is_refused(folder):
    text = map_text(replace(toy_map(), settings={"note": "x" * 10_001}))
    assert "settings.note: 'xxx" in refusal(folder, text)


def test_more_lines_of_defects_than_a_map_has_are_refused_before_they_are_read(folder, monkeypatch):
    monkeypatch.setattr(reading, "MOST_PHOTOSITES", len(full_map().defects) - 1)
    message = refusal(folder, map_text(full_map()))
    assert message.endswith(f"lines, expected at most {len(full_map().defects) - 1} entries")


def test_what_yaml_itself_has_to_read_is_bounded(folder, monkeypatch):
    text = map_text(toy_map())
    monkeypatch.setattr(reading, "MAX_YAML", len(text) - 10)
    (folder / "quick.yaml").write_text(text)
    assert read_map(folder / "quick.yaml") == toy_map()  # its defects are read without YAML
    message = refusal(folder, text.replace("kind: hot", "kind:  hot"))
    assert "for YAML to read, and not all defects are written as sensormap writes them; expected at most" in message


def refusal(folder, text):
    """Return why a text is no map."""
    path = folder / "map.yaml"
    path.write_text(text)
    with pytest.raises(MapFormatError) as caught:
        read_map(path)
    return str(caught.value)
