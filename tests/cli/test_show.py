"""`sensormap show`: what is chosen and sorted, on terminals of any width and colours, and for scripts."""

from __future__ import annotations

import csv
import io
import json
import re

import click
import pytest
from rich.console import Console

from sensormap.cli.render import print_thumbnail, show_map
from sensormap.maps.mapfile.writing import write_map
from sensormap.report.thumbnail import thumbnail
from tests.support.maps import both_map, full_map, jpeg_map, phone_map, toy_map
from tests.support.photos import refused, run
from tests.support.terminal import on_terminal

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
COLOUR = re.compile(r"\x1b\[(?:3|9)[0-7]m")


@pytest.fixture
def map_file(tmp_path):
    path = tmp_path / "full.yaml"
    write_map(full_map(), path)
    return path


def printed(sensor_map, *, width=80, encoding="utf-8", environment=None, **options):
    """Return what is printed on a terminal of so many colours and columns."""
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="\n")
    terminal = {"force_terminal": True, "color_system": "standard", "legacy_windows": False}
    console = Console(file=file, width=width, _environ=environment or {}, **terminal)
    show_map(sensor_map, console, **options)
    file.flush()
    return file.buffer.getvalue().decode(encoding)


# what is chosen


def test_kinds_and_planes(map_file):
    result = run("show", map_file, "--kind", "hot", "--kind", "weak")
    assert result.exit_code == 0
    assert "\n2 of 4 defects: hot or weak\n" in result.stdout
    assert "stuck" not in result.stdout
    result = run("show", map_file, "--plane", "gr")
    assert re.search(r"\n\d of 4 defects: plane gr\n", result.stdout)


def test_since_and_visible_go_together(map_file):
    result = run("show", map_file, "--since", "2010-05", "--visible", "30")
    assert re.search(r"\n\d of 4 defects: since 2010-05-01, visible at 30 s, ISO 100\n", result.stdout)
    result = run("show", map_file, "--since", "2030")
    assert "\n0 of 4 defects: since 2030-01-01\nThere is none.\n" in result.stdout


def test_sorted_by_a_strength_that_strength_is_shown(map_file):
    result = run("show", map_file, "--sort", "offset")
    assert "Defects by offset, largest first" in result.stdout
    table = result.stdout.split("Defects by offset, largest first\n")[1].splitlines()
    assert " offset " in table[0]
    assert "35 DN" in table[1]
    assert " strength " not in table[0]


def test_what_is_left_out_is_counted(tmp_path):
    from tests.support.histories import START, dated_map

    write_map(dated_map(*[START] * 25), tmp_path / "many.yaml")
    assert "\n5 weaker ones not shown; --all shows every one.\n" in run("show", tmp_path / "many.yaml").stdout
    sorted_ = run("show", tmp_path / "many.yaml", "--sort", "place").stdout
    assert "Defects from top to bottom" in sorted_
    assert "\n5 more not shown; --all shows every one.\n" in sorted_


@pytest.mark.parametrize(
    ("arguments", "parameter"),
    [
        (("--kind", "mild"), "kinds"),
        (("--since", "tomorrow"), "since"),
        (("--sort", "name"), "sort"),
        (("--visible", "soon"), "shutter_s"),
    ],
)
def test_wrong_values(map_file, arguments, parameter):
    assert refused(click.BadParameter, "show", map_file, *arguments) == parameter


def test_what_the_map_cannot_answer_is_one_line(map_file, tmp_path):
    write_map(jpeg_map(), tmp_path / "jpeg.yaml")
    for arguments, words in (
        ((map_file, "--plane", "green"), "the map's sensor has no plane 'green'; --plane takes "),
        ((tmp_path / "jpeg.yaml", "--sort", "dark"), "a map made from JPEGs holds no strengths of this sort"),
    ):
        result = run("show", *arguments)
        assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1)
        assert words in result.stderr


# for scripts


def test_json_and_csv_hold_what_was_chosen(map_file):
    found = json.loads(run("show", map_file, "--kind", "hot", "--json").stdout)
    assert {one["kind"] for one in found["defects"]} == {"hot"}
    assert found["summary"]["total"] == len(found["defects"])
    rows = list(csv.DictReader(io.StringIO(run("show", map_file, "--csv").stdout)))
    assert len(rows) == 6
    by_score = csv.DictReader(io.StringIO(run("show", map_file, "--csv", "--sort", "score").stdout))
    scores = [abs(float(row["score"])) for row in by_score][2:]
    assert scores == sorted(scores, reverse=True)


# how it looks


def test_kinds_have_colours_on_a_terminal_and_one_colour_each():
    text = printed(full_map(), picture=True)
    words = ("hot", "stuck", "offset", "weak")
    colours = {word: set(re.findall(rf"(\x1b\[[0-9]+m){word}\x1b", text)) for word in words}
    assert all(len(found) == 1 for found in colours.values()), colours
    assert len(set.union(*colours.values())) == 4


def test_no_color_means_none():
    assert COLOUR.search(printed(full_map(), picture=True))
    assert not COLOUR.search(printed(full_map(), picture=True, environment={"NO_COLOR": "1"}))


@pytest.mark.parametrize("make", [toy_map, full_map, both_map, jpeg_map, phone_map])
def test_colours_change_no_text(make):
    shown = ESCAPE.sub("", printed(make()))
    file = io.StringIO()
    show_map(make(), Console(file=file, width=80))
    assert shown == file.getvalue()
    assert "\x1b" not in file.getvalue()


@pytest.mark.parametrize("make", [toy_map, full_map, both_map, jpeg_map, phone_map])
@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_every_line_fits_the_terminal(make, width):
    lines = ESCAPE.sub("", printed(make(), width=width, picture=True)).splitlines()
    assert max(map(len, lines)) <= width
    headers = [line.split() for line in lines if "kind" in line.split()]
    assert any("JPEG" in line or {"x", "y"} <= {*line} for line in headers), "places stay"


def test_the_picture_is_printed_on_demand_in_a_pipe(map_file):
    assert "╭" not in run("show", map_file).stdout
    shown = run("show", map_file, "--picture").stdout
    assert "╭" in shown
    assert "h hot  o offset  s stuck  w weak  | column  - row\n" in shown, "letters tell kinds apart without colours"
    inside = [line[1:-1] for line in shown.splitlines() if line.startswith("│")]
    assert set("".join(inside)) == set(" hosw|-")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_without_block_characters_others_take_their_place(encoding):
    text = printed(full_map(), encoding=encoding, picture=True)
    assert "+---" in text
    file = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    print_thumbnail(thumbnail(toy_map()), Console(file=file, width=80))


@pytest.mark.parametrize("columns", [80, 40])
def test_a_real_terminal(map_file, columns):
    code, text = on_terminal("show", map_file, columns=columns)
    assert code == 0
    assert COLOUR.search(text)
    assert "╭" in text
    assert max(map(len, ESCAPE.sub("", text).splitlines())) <= columns
    code, text = on_terminal("show", map_file, "--no-picture", patch="os.environ['NO_COLOR'] = '1'")
    assert not COLOUR.search(text)
    assert "╭" not in text


@pytest.mark.parametrize("variable", ["TERM='dumb'", "TERM='unknown'"])
def test_a_terminal_that_knows_no_colours(map_file, variable):
    code, text = on_terminal("show", map_file, patch=f"os.environ.update({variable})")
    assert code == 0
    assert not COLOUR.search(text)


@pytest.mark.parametrize("command", ["show", "history"])
def test_one_form_for_scripts_at_a_time(map_file, command):
    result = run(command, map_file, "--json", "--csv")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--json and --csv are two forms of one result: leave one out" in result.stderr
