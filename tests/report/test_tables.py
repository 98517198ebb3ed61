"""Tables of a map as text, and on a terminal or in a pipe."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given, settings
from rich.console import Console

from sensormap.camera.cfa import XTRANS_NAMES, Cfa
from sensormap.camera.geometry import Rect, Sensor
from sensormap.camera.profile import Body
from sensormap.cli.render import print_table, show_map
from sensormap.frame import Skipped
from sensormap.maps.entries import Between, DefectKind
from sensormap.maps.sensor_map import SensorMap
from sensormap.report.entries import column_table, defect_table, row_table
from sensormap.report.summary import facts_table, kind_table, skipped_table
from sensormap.report.table import Table, table_lines
from sensormap.report.words import certainty, shutter_text, since_text, strength_text
from tests.support.maps import both_map, full_map, jpeg_map, night_map, phone_map, sensor_maps, toy_defect, toy_map


def shown(sensor_map, *, width=80, terminal=False, limit=20):
    """What a user sees."""
    file = io.StringIO()
    show_map(sensor_map, Console(file=file, width=width, force_terminal=terminal), limit=limit)
    return file.getvalue()


def skipping(*skipped):
    """The toy map with other skipped photos."""
    return toy_map(skipped=skipped, frames=replace(toy_map().frames, skipped=len(skipped)))


def test_a_map_in_a_pipe():
    assert [line.rstrip() for line in shown(toy_map()).splitlines()] == [
        "Camera   NIKON D80, serial 0012345 (profile toy)",
        "Sensor   24 x 16 photosites, GBRG, JPEG 18 x 12",
        "Photos   40 used, 2 skipped",
        "Taken    2010-05-02 17:31 to 2011-01-09 11:02",
        "Shutter  1/2000 s to 16 s",
        "ISO      100 to 1600",
        "",
        "3 defects",
        "kind   count  meaning",
        "stuck      1  one level whatever the light",
        "hot        1  brighter the longer the exposure",
        "dead       1  black whatever the light",
        "",
        "1 defective column",
        " x     rows  planes  kind  certainty  score",
        "10  5 to 12  R       weak   > 99.9 %   -9.7",
        "",
        "Defects, strongest first",
        " x   y  plane  kind   certainty  score  mean  JPEG x, y",
        " 2   1  R      stuck     99.5 %   40.0   321    outside",
        " 5  11  Gr     dead      99.5 %  -20.2   321       2, 9",
        "17   4  B      hot       99.5 %   12.5   321      14, 2",
        "",
        "2 photos skipped",
        "count  for example   reason",
        "    1  x: #1.nef     no camera, no time",
        "    1  DSC_0007.NEF  zero bytes",
    ]
    assert "\x1b" not in shown(toy_map())


def test_what_a_second_look_tells_is_shown():
    assert [line.rstrip() for line in shown(full_map()).splitlines()] == [
        "Camera        NIKON D80, serial 0012345 (profile toy)",
        "Sensor        24 x 16 photosites, GBRG, JPEG 18 x 12",
        "Photos        40 used (3 repeat a scene, 6 filtered in camera), 2 skipped",
        "Taken         2010-05-02 17:31 to 2011-01-09 11:02",
        "Shutter       1/2000 s to 16 s",
        "ISO           100 to 1600",
        "Clock         contradicts the shutter count 1 time",
        "Clusters      1, of 2 defects, at x 17 to 18, y 4",
        "False alarms  about 0.3 expected",
        "",
        "4 defects",
        "kind    count  meaning",
        "stuck       1  one level whatever the light",
        "hot         1  brighter the longer the exposure",
        "offset      1  brighter by a constant in every photo",
        "weak        1  darker in proportion to the light",
        "",
        "1 defective column",
        " x     rows  planes  kind          certainty  score  strength  since        seen",
        "10  5 to 12  R       weak or cold   > 99.9 %   -9.7      -7 %  2010-05-09  11/12",
        "",
        "1 defective row",
        "y  columns  planes  kind  certainty  score  since",
        "9  3 to 12  R+Gr    hot        87 %    8.5  <=2010-05-02",
        "",
        "Defects, strongest first",
        " x   y  plane  kind    certainty  score  strength  since        seen  JPEG x, y",
        " 2   1  R      stuck      99.5 %   40.0    896 DN  2010-05-09    9/9    outside",
        " 5  11  Gr     weak       99.5 %  -20.2     -30 %  2010-05-09  40/40       2, 9",
        "17   4  B      hot        99.5 %   12.5  210 DN/s  start       37/41      14, 2",
        "18   4  Gb     offset     99.5 %   12.5    +35 DN  ?               ?      15, 2",
        "",
        "2 photos skipped",
        "count  for example   reason",
        "    1  x: #1.nef     no camera, no time",
        "    1  DSC_0007.NEF  zero bytes",
    ]


def test_a_map_of_jpegs():
    assert [line.rstrip() for line in shown(jpeg_map()).splitlines()] == [
        "Camera        NIKON D80, serial 0012345 (profile toy)",
        "Sensor        24 x 16 photosites, GBRG, JPEG 18 x 12",
        "Source        the camera's JPEGs; +- is how many pixels a place may be off",
        "Photos        40 JPEGs used (3 repeat a scene), 2 skipped",
        "Taken         2010-05-02 17:31 to 2011-01-09 11:02",
        "Shutter       1/2000 s to 16 s",
        "ISO           100 to 1600",
        "Clock         contradicts the shutter count 1 time",
        "Clusters      1, of 2 defects, at x 17 to 18, y 4",
        "False alarms  about 0.3 expected",
        "",
        "4 defects",
        "kind    count  meaning",
        "stuck       1  one level whatever the light",
        "hot         1  brighter the longer the exposure",
        "offset      1  brighter by a constant in every photo",
        "weak        1  darker in proportion to the light",
        "",
        "1 defective column",
        "raw x  +-  raw rows  planes  kind  certainty  score  since",
        "   10   1   5 to 12  R       weak   > 99.9 %   -9.7  2010-05-09",
        "",
        "Defects, strongest first",
        "JPEG x, y  +-  raw x, y  plane  kind    certainty  score  since        seen",
        "     0, 0   0      3, 2  B      stuck      99.5 %   40.0  2010-05-09      ?",
        "     2, 9   1     5, 11  Gr     weak       99.5 %  -20.2  2010-05-09  40/40",
        "    14, 2   1     17, 4  B      hot        99.5 %   12.5  start       37/41",
        "    15, 2   2     18, 4  Gb     offset     99.5 %   12.5  ?               ?",
        "",
        "2 photos skipped",
        "count  for example   reason",
        "    1  x: #1.nef     no camera, no time",
        "    1  DSC_0007.NEF  zero bytes",
    ]


def test_a_map_on_the_grid_of_a_picture():
    lines = [line.rstrip() for line in shown(phone_map()).splitlines()]
    assert lines[:5] == [
        "Camera        Apple iPhone 7, serial unknown (no profile)",
        "Told by       its model only: no serial number is known",
        "Sensor        18 x 12 pixels of the JPEG; raw grid unknown",
        "Source        the camera's JPEGs; +- is how many pixels a place may be off",
        "Photos        40 JPEGs used (3 repeat a scene), 2 skipped",
    ]
    start = lines.index("1 defective column")
    assert lines[start + 1 : start + 7] == [
        "JPEG x  +-  JPEG rows  planes  kind  certainty  score",
        "     7   2    3 to 10  luma    weak       90 %   -9.7",
        "",
        "Defects, strongest first",
        "JPEG x, y  +-  plane  kind  certainty  score   seen",
        "     2, 9   2  luma   dead     99.5 %  -20.2  40/40",
    ]


def test_a_map_of_raw_photos_and_jpegs():
    lines = [line.rstrip() for line in shown(both_map(), width=120).splitlines()]
    assert lines[1:4] == [
        "Sensor        24 x 16 photosites, GBRG, JPEG 18 x 12",
        "Source        raw photos and JPEGs; +- is how many pixels a place known from JPEGs may be off",
        "Photos        40 used (12 of them JPEGs, 3 repeat a scene, 6 filtered in camera), 2 skipped",
    ]
    start = lines.index("1 defective column")
    assert lines[start + 1 :][:13] == [
        " x     rows  planes  kind          certainty  score  strength  since        seen",
        "10  5 to 12  R       weak or cold   > 99.9 %   -9.7      -7 %  2010-05-09  11/12",
        "",
        "1 defective row",
        "y  +-  columns  planes  kind  certainty  score  since",
        "9   2  3 to 12  R+Gr    hot        87 %    8.5  <=2010-05-02",
        "",
        "Defects, strongest first",
        " x   y  +-  plane  kind    certainty  score  strength  since        seen  JPEG x, y",
        " 2   1      R      stuck      99.5 %   40.0    896 DN  2010-05-09    9/9    outside",
        " 5  11      Gr     weak       99.5 %  -20.2     -30 %  2010-05-09  40/40       2, 9",
        "12  12   1  Gb     stuck      99.5 %   15.5         ?  ?           11/12      9, 10",
        "17   4      B      hot        99.5 %   12.5  210 DN/s  start       37/41      14, 2",
    ]


def test_without_a_second_look_jpegs_tell_neither_since_nor_seen():
    alone = (toy_defect(17, 4, radius=1),)
    assert defect_table(jpeg_map(defects=alone)).header[-2:] == ("certainty", "score")
    assert defect_table(both_map(defects=alone)).rows[0][-2:] == ("12.5", "14, 2")
    assert defect_table(both_map(defects=alone)).header[2:4] == ("+-", "plane")
    assert defect_table(both_map(defects=alone)).header[-2:] == ("score", "JPEG x, y")
    beside = (*alone, toy_defect(12, 12))
    assert defect_table(both_map(defects=beside)).header[-2:] == ("mean", "JPEG x, y")


def test_without_a_crop_no_place_in_jpegs_is_told():
    sensor = replace(full_map().sensor, jpeg_crop=None)
    defects = tuple(replace(one, jpeg=None) for one in full_map().defects)
    assert "JPEG x, y" not in defect_table(full_map(sensor=sensor, defects=defects)).header


def test_six_rows_of_filters_are_told_by_their_name():
    sensor = Sensor((24, 18), Rect(0, 0, 24, 18), Cfa(XTRANS_NAMES[0]), None)
    assert dict(facts_table(toy_map(sensor=sensor, defects=(), columns=())).rows)["Sensor"].endswith(", X-Trans")


@pytest.mark.parametrize(
    ("make", "jpegs", "text"),
    [
        (jpeg_map, 40, "40 JPEGs used"),
        (both_map, 12, "40 used (12 of them JPEGs, "),
        (both_map, 1, "40 used (1 of them a JPEG, "),
    ],
)
def test_jpegs_are_counted(make, jpegs, text):
    frames = replace(make().frames, jpegs=jpegs)
    assert dict(facts_table(make(frames=frames)).rows)["Photos"].startswith(text)


def test_a_terminal_gets_colours():
    assert "\x1b[1m" in shown(toy_map(), terminal=True)


def test_no_defects():
    text = shown(toy_map(defects=(), columns=()))
    assert "No defects\nNo photosite misbehaves enough to be told from its neighbours.\n" in text
    assert "strongest" not in text.lower()
    assert "No single photosite" in shown(toy_map(defects=()))
    assert "No single photosite" in shown(full_map(defects=(), columns=()))


def test_the_strongest_come_first_and_the_rest_is_counted():
    defects = tuple(toy_defect(x, 1, score=float((x - 10) * 3)) for x in range(24))
    toy = toy_map(defects=defects, columns=())
    table = defect_table(toy)
    assert [row[0] for row in table.rows[:4]] == ["23", "22", "21", "0"]
    assert len(table.rows) == 20
    assert table.note == "4 weaker ones not shown; --all shows every one."
    assert len(defect_table(toy, limit=None).rows) == 24
    assert defect_table(toy, limit=24).note == ""
    assert defect_table(toy, limit=23).note.startswith("1 weaker one not")
    assert not defect_table(toy, limit=0).rows


def test_many_defects():
    sensor = Sensor((3900, 2616), Rect(0, 0, 3900, 2613), toy_map().sensor.cfa, Rect(14, 9, 3872, 2592))
    defects = tuple(toy_defect(x, y, sensor=sensor) for y in range(0, 1000, 10) for x in range(0, 1000, 2))
    text = shown(toy_map(sensor=sensor, defects=defects, columns=()), limit=None)
    assert text.count(" hot ") >= 50_000
    assert max(map(len, text.splitlines())) <= 80


def test_a_full_size_sensor_fits_a_terminal_of_80_characters():
    sensor = Sensor((3904, 2616), Rect(0, 0, 3900, 2611), toy_map().sensor.cfa, Rect(14, 9, 3872, 2592))
    parts = {"sensor": sensor, "confidence": 0.9995, "onset": Between(None, datetime(2010, 5, 9)), "seen": (412, 500)}
    defects = (
        toy_defect(2517, 1203, kind=DefectKind.OFFSET, offset_dn=(135.0, 130.0, 140.0), score=843.1, **parts),
        toy_defect(3800, 2500, dark_dn_per_s=(2100.0, 1980.0, 2220.0), **parts),
    )
    lines = shown(full_map(sensor=sensor, defects=defects)).splitlines()
    start = lines.index("Defects, strongest first")
    assert lines[start + 1 : start + 4] == [
        "   x    y plane kind   certainty score  strength since           seen  JPEG x, y",
        "2517 1203 Gr    offset  > 99.9 % 843.1   +135 DN <=2010-05-09 412/500 2503, 1194",
        "3800 2500 Gb    hot     > 99.9 %  12.5 2100 DN/s <=2010-05-09 412/500 3786, 2491",
    ]
    assert max(map(len, lines)) <= 80


def full_size(radius):
    """Two defects as wide as they come on the D80; raw photos show one of them if it has no radius."""
    sensor = Sensor((3904, 2616), Rect(0, 0, 3900, 2611), toy_map().sensor.cfa, Rect(14, 9, 3872, 2592))
    parts = {"sensor": sensor, "confidence": 0.9995, "onset": Between(None, datetime(2010, 5, 9)), "seen": (412, 500)}
    told = {"offset_dn": (135.0, 130.0, 140.0)} if radius is None else {"radius": radius}
    defects = (
        toy_defect(2517, 1203, kind=DefectKind.OFFSET, score=843.1, **told, **parts),
        toy_defect(3800, 2500, radius=10, **parts),
    )
    return {"sensor": sensor, "defects": defects}


def test_jpegs_of_a_full_size_sensor_fit_a_terminal_of_80_characters():
    lines = shown(jpeg_map(**full_size(2))).splitlines()
    start = lines.index("Defects, strongest first")
    assert lines[start + 1 : start + 3] == [
        " JPEG x, y +-   raw x, y plane kind   certainty score since           seen",
        "2503, 1194  2 2517, 1203 Gr    offset  > 99.9 % 843.1 <=2010-05-09 412/500",
    ]
    assert max(map(len, lines)) <= 80


def test_to_fit_80_characters_the_plane_is_left_out():
    both = both_map(**full_size(None))
    lines = shown(both).splitlines()
    start = lines.index("Defects, strongest first")
    assert lines[start + 1 : start + 4] == [
        "   x    y +- kind   certainty score strength since           seen  JPEG x, y",
        "2517 1203    offset  > 99.9 % 843.1  +135 DN <=2010-05-09 412/500 2503, 1194",
        "3800 2500 10 hot     > 99.9 %  12.5        ? <=2010-05-09 412/500 3786, 2491",
    ]
    assert max(map(len, lines)) <= 80
    assert "+- plane kind" in shown(both, width=85)
    assert "+-  plane  kind" in shown(both, width=120)


def test_a_spare_column_is_left_out_only_where_nothing_else_helps():
    table = Table("", ("a", "b", "c"), (("1", "words", "2"),), right=frozenset({0, 2}), spare=("b",))
    assert table_lines(table, width=11) == ["a  b      c", "1  words  2"]
    assert table_lines(table, width=9) == ["a b     c", "1 words 2"]
    assert table_lines(table, width=8) == ["a  c", "1  2"]
    assert table_lines(table, width=1) == ["a c", "1 2"]
    assert table_lines(replace(table, header=("", "b", "c"), spare=()), width=1) == ["  b     c", "1 words 2"]


def test_text_is_folded_between_words_where_nothing_else_helps():
    table = Table("", ("body", "95 % range", "n"), (("NIKON D80, serial 7", "1 to 20", "2"),), right=frozenset({1, 2}))
    assert table_lines(table, width=32) == ["body                95 % range n", "NIKON D80, serial 7    1 to 20 2"]
    assert table_lines(table, width=26) == ["body          95 % range n", "NIKON D80,       1 to 20 2", "serial 7"]
    narrow = ["body          95 % n", "             range", "NIKON      1 to 20 2", "D80,", "serial 7"]
    assert table_lines(table, width=20) == narrow
    assert table_lines(table, width=9) == table_lines(table, width=32)


def test_no_line_ends_in_blanks():
    note = "a note that is folded between words by the width of the terminal, and goes on for a while"
    table = Table("title " * 20, ("a", "b", "c"), (("1", "", ""), ("2", "x " * 30, "")), note=note)
    for width in (20, 40, 60):
        file = io.StringIO()
        print_table(table, Console(file=file, width=width))
        lines = file.getvalue().splitlines()
        assert lines == [line.rstrip() for line in lines]
        assert max(map(len, lines)) <= width


def test_columns_of_numbers_move_nearer_to_fit():
    table = Table("", ("a", "b"), (("1", "x"), ("22", "y")), right=frozenset({1}))
    assert table_lines(table, width=5) == ["a   b", "1   x", "22  y"]
    assert table_lines(table, width=4) == ["a  b", "1  x", "22 y"]
    assert table_lines(table, width=1) == ["a  b", "1  x", "22 y"]


HOT = toy_defect(17, 4)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({}, "at 321 DN"),
        ({"dark_dn_per_s": (210.4, 198.0, 222.0)}, "210 DN/s"),
        ({"dark_dn_per_s": (12_345.6, 198.0, 1e5)}, "12346 DN/s"),
        ({"dark_dn_per_s": (99.6, 0.0, 1e5)}, "100 DN/s"),
        ({"dark_dn_per_s": (3.26, 0.0, 1e5)}, "3.3 DN/s"),
        ({"dark_dn_per_s": (0.0326, 0.0, 1e5)}, "0.033 DN/s"),
        ({"offset_dn": (35.0, 30.0, 40.0)}, "at 321 DN"),
        ({"kind": DefectKind.OFFSET, "offset_dn": (35.2, 30.0, 40.0)}, "+35 DN"),
        ({"kind": DefectKind.OFFSET, "offset_dn": (-0.0, 0.0, 0.0)}, "+0 DN"),
        ({"kind": DefectKind.OFFSET, "unresolved": ("offset_dn",)}, "at 321 DN"),
        ({"kind": DefectKind.WEAK, "response": (0.7, 0.6, 0.8)}, "-30 %"),
        ({"kind": DefectKind.WEAK, "response": (1.05, 0.6, 1.8)}, "+5 %"),
        ({"kind": DefectKind.WEAK}, "at 321 DN"),
        ({"kind": DefectKind.OVERRESPONSIVE, "response": (1.12, 1.1, 1.14)}, "+12 %"),
        ({"kind": DefectKind.COLD, "offset_dn": (-990.0, -1000.0, -980.0)}, "-990 DN"),
        ({"kind": DefectKind.COLD, "dark_dn_per_s": (-31.0, -40.0, -20.0)}, "-31 DN/s"),
        ({"kind": DefectKind.STUCK, "mean": 896.4}, "896 DN"),
        ({"kind": DefectKind.DEAD, "mean": 0.0}, "0 DN"),
        ({"kind": DefectKind.NOISY}, "varies"),
        *(
            ({"kind": kind, "mean": None, "variance": None, "radius": 1}, "varies" if kind == DefectKind.NOISY else "?")
            for kind in DefectKind
        ),
    ],
)
def test_strength(values, text):
    assert strength_text(replace(HOT, **values)) == text


@pytest.mark.parametrize(
    ("onset", "text"),
    [
        (None, "?"),
        (Between(None, None), "start"),
        (Between(None, datetime(2010, 5, 9, 23, 59)), "<=2010-05-09"),
        (Between(datetime(2010, 5, 2), datetime(2010, 5, 9)), "2010-05-09"),
        (Between(datetime(2010, 5, 2), None), "> 2010-05-02"),
    ],
)
def test_since(onset, text):
    assert since_text(onset) == text


def test_lines_without_onset_have_no_column_for_it():
    toy = full_map(rows=(replace(full_map().rows[0], onset=None),), columns=toy_map().columns)
    assert [row_table(toy).header[-1], column_table(toy).header[-1]] == ["score", "score"]
    assert row_table(toy).rows == (("9", "3 to 12", "R+Gr", "hot", "87 %", "8.5"),)


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ({}, "40 used, 2 skipped"),
        ({"followed": 30}, "40 used (30 in the second pass), 2 skipped"),
        ({"followed": 40}, "40 used, 2 skipped"),
        ({"repeated": 1}, "40 used (1 repeats a scene), 2 skipped"),
        ({"filtered": 6}, "40 used (6 filtered in camera), 2 skipped"),
    ],
)
def test_odd_frames_are_counted(parts, text):
    table = facts_table(toy_map(frames=replace(toy_map().frames, **parts)))
    assert table.rows[2] == ("Photos", text)


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        (0.0, "fewer than 0.1 expected"),
        (0.1, "about 0.1 expected"),
        (9.94, "about 9.9 expected"),
        (9.96, "about 10 expected"),
        (123.4, "about 123 expected"),
    ],
)
def test_false_alarms(expected, text):
    assert facts_table(toy_map(false_positives=expected)).rows[-1] == ("False alarms", text)


def test_clock_jumps():
    assert ("Clock", "contradicts the shutter count 2 times") in facts_table(
        toy_map(frames=replace(toy_map().frames, clock_jumps=2))
    ).rows
    assert "Clock" not in shown(toy_map())


@given(sensor_map=sensor_maps())
@settings(deadline=None, max_examples=50)
def test_any_map_shows(sensor_map: SensorMap):
    text = shown(sensor_map)
    assert all(character.isprintable() or character == "\n" for character in text)


def test_names_do_not_steer_the_terminal():
    text = shown(
        replace(skipping(Skipped("\x1b[2J[red]a.nef", "[bold]r\n")), body=Body("", "[link=x]", "\udc80")), terminal=True
    )
    assert "\x1b[2J" not in text
    for part in (r"\x1b[2J[red]a.nef", r"[bold]r\n", "[link=x], serial \\udc80"):
        assert part in text


def test_skipped_are_grouped_and_folded():
    reason = "frame is implausible: its score spread is 7 times that of the other frames, and 40 % of it is zero"
    toy = skipping(
        Skipped("b.nef", "empty"), Skipped("a.nef", "empty"), Skipped("DSC_0000000000000000000001.NEF", reason)
    )
    lines = table_lines(skipped_table(toy), width=60)
    assert lines[1] == "    2  a.nef                     empty"
    assert lines[2].startswith("    1  DSC_0000000..0000001.NEF  frame is")
    assert max(map(len, lines)) <= 60
    assert " ".join(line[33:].strip() for line in lines[2:]) == reason


def test_endless_reasons_are_cut():
    table = skipped_table(skipping(*(Skipped("a", f"reason {i}") for i in range(100))))
    assert len(table.rows) == 15
    assert table.note == "85 more reasons in the map file."


def test_unknown_facts_are_left_out():
    frames = replace(toy_map().frames, first=None, last=None, shutter_s=None, iso=None, used=1)
    table = facts_table(toy_map(frames=frames))
    assert [row[0] for row in table.rows] == ["Camera", "Sensor", "Photos"]
    assert table.rows[2][1].startswith("1 used")


def test_every_kind_has_a_meaning():
    assert all(kind.meaning for kind in DefectKind)
    assert len({kind.meaning for kind in DefectKind}) == len(DefectKind)
    assert kind_table(toy_map()).title == "3 defects"


def test_narrow_tables_are_not_folded_to_nothing():
    table = Table("", ("name", "text"), (("a" * 70, "words that go on"),))
    assert len(table_lines(table, width=60)) == 2
    assert table_lines(Table("", ("a",), ())) == []


@pytest.mark.parametrize(
    ("confidence", "text"),
    [
        (0.0, "0 %"),
        (0.29, "29 %"),
        (0.989, "98 %"),
        (0.99, "99.0 %"),
        (0.9989, "99.8 %"),
        (0.999, "> 99.9 %"),
        (1.0, "> 99.9 %"),
    ],
)
def test_certainty(confidence, text):
    assert certainty(confidence) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1 / 8000, "1/8000 s"),
        (1 / 60, "1/60 s"),
        (0.25, "1/4 s"),
        (0.3, "0.3 s"),
        (1.0, "1 s"),
        (30.0, "30 s"),
        (0.0, "0 s"),
    ],
)
def test_shutter(seconds, text):
    assert shutter_text(seconds) == text


def test_temperatures_darks_and_flats_are_told():
    told = dict(facts_table(night_map()).rows)
    assert told["Photos"].startswith("40 used (1 dark, 1 flat, ")
    assert told["Temperature"] == "-9.5 to 28 °C; dark current doubles every 6.03 °C, and is given at 18.5 °C"
    assert dict(facts_table(night_map(dark_law=None)).rows)["Temperature"] == "-9.5 to 28 °C"
