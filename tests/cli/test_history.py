"""`sensormap history`: what it prints and writes, and its exit codes."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from sensormap.cli.main import main
from sensormap.maps.mapfile.writing import write_map
from tests.support.histories import START, at, between, dated_map

pytest.importorskip("statsmodels", reason="the extra history is not installed")
pytest.importorskip("matplotlib", reason="the extra history is not installed")

PNG = b"\x89PNG\r\n\x1a\n"
ONSETS = [START, *(between(f"20{year}-07-01", f"20{year}-08-01") for year in ("09", "10", "11", "11", "12"))]


def run(*arguments):
    return CliRunner().invoke(main, ["history", *map(str, arguments)])


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Return a folder with maps of two bodies, and something else; the working directory."""
    monkeypatch.chdir(tmp_path)
    Path("maps").mkdir()
    write_map(dated_map(*ONSETS), "maps/d80.yaml")
    write_map(dated_map(*ONSETS[:3], last=at("2011-02-03")), "maps/d80-2011.yaml")
    write_map(dated_map(START, serial="2"), "maps/other.yaml")
    return tmp_path


def test_history(place):
    result = run("maps")
    assert (result.exit_code, result.stderr) == (0, "")
    assert [line.rstrip() for line in result.stdout.splitlines()] == [
        "NIKON D80, serial 1: 60 photos, 2009-04-18 to 2012-10-01 (maps/d80.yaml)",
        "onset  hot  all  total",
        "start    1    1",
        "2009     1    1      2",
        "2010     1    1      3",
        "2011     2    2      5",
        "2012     1    1      6",
        "Not used, since their photos end earlier or are fewer: maps/d80-2011.yaml.",
        "",
        "NIKON D80, serial 2: 60 photos, 2009-04-18 to 2012-10-01 (maps/other.yaml)",
        "onset  hot  all  total",
        "start    1    1",
        "2009          0      1",
        "2010          0      1",
        "2011          0      1",
        "2012          0      1",
        "",
        "New defects a year",
        "body                 years  new  a year  95 % interval",
        "NIKON D80, serial 1   3.45    5    1.45  0.470 to 3.38",
        "NIKON D80, serial 2   3.45    0       0  0 to 1.07",
        "Trend: times 1.09 a year (95 % interval 0.44 to 2.72); the rate may be constant.",
        "Dispersion: 0.16 (2 degrees of freedom); chance alone makes about 1.",
    ]


def test_by_month(place):
    result = run("maps/d80.yaml", "--by", "month")
    assert result.exit_code == 0
    assert "2011-07    2    2    0-2      5" in result.stdout


def test_no_name_steers_the_terminal_or_ends_the_command(place):
    names = ["maps/a\x1b[31m.yaml", "maps/b\u202e.yaml", os.fsdecode(b"maps/c\xff.yaml")]
    for number, name in enumerate(names):
        shutil.copyfile("maps/d80.yaml", "maps/copy")
        Path("maps/copy").write_text(Path("maps/copy").read_text().replace("serial: '1'", f"serial: '1{number}'"))
        Path("maps/copy").rename(name)
    for form in ("--csv", "--json"):
        result = run(*names, form)
        assert result.exit_code == 0
        assert all(c.isprintable() or c == "\n" for c in result.stdout)


def test_json_and_csv(place):
    assert [body["map"] for body in json.loads(run("maps", "--json").stdout)["bodies"]] == [
        "maps/d80.yaml",
        "maps/other.yaml",
    ]
    rows = list(csv.DictReader(io.StringIO(run("maps", "--csv").stdout)))
    assert {row["onset"] for row in rows} == {"start", "start?", "unknown", "2009", "2010", "2011", "2012"}


@pytest.mark.parametrize("name", ["growth.png", "growth.svg", "growth.PDF"])
def test_the_picture(place, name):
    printed = run("maps").stdout
    assert run("maps", "-o", name).stdout == f"{printed}written to {name}\n"
    assert run("maps", "-o", name, "--overwrite", "--json").stdout == run("maps", "--json").stdout
    picture = Path(name).read_bytes()
    assert run("maps", "-o", name, "--overwrite").exit_code == 0
    assert Path(name).read_bytes() == picture


def test_a_picture_of_many_cameras_says_that_it_shows_some(place):
    for number in range(25):
        write_map(dated_map(START, serial=f"{number}"), f"maps/{number}.yaml")
    result = run("maps/", "-o", "growth.svg")
    assert (result.exit_code, result.stderr) == (0, "growth.svg: shows the 24 cameras with most new defects of 25\n")


def test_an_empty_file_is_replaced(place):
    Path("growth.png").touch()
    assert run("maps", "-o", "growth.png", "--overwrite").exit_code == 0
    assert Path("growth.png").read_bytes().startswith(PNG)


def test_what_is_no_map_is_told_and_left_out(place):
    Path("maps/none.yaml").write_text("camera: 1\n")
    Path("maps/\x1b[31m.yaml").write_text("")
    result = run("maps")
    assert result.exit_code == 0
    assert result.stderr.splitlines() == [
        "maps/\\x1b[31m.yaml: format: missing, so no map file; expected 'sensormap/1'; skipped",
        "maps/none.yaml: format: missing, so no map file; expected 'sensormap/1'; skipped",
    ]


def test_a_date_in_the_future_is_told(place):
    write_map(dated_map(START, last=at("9999-12-31")), "future.yaml")
    result = run("future.yaml", "-o", "future.png")
    assert result.exit_code == 0
    assert result.stderr == (
        "future.yaml: its last photo is of 9999-12-31, in the future: was the camera's clock right?\n"
    )


def test_a_map_without_times_has_no_rate(place):
    write_map(dated_map(None, first=None, last=None, used=0), "imported.yaml")
    result = run("imported.yaml", "-o", "growth.png")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines()[-2] == "NIKON D80, serial 1      ?    0       ?  none: no capture times"


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (["empty"], 1, "Error: empty: no map file there, expected some"),
        (["missing"], 1, "Error: missing: no such file or folder"),
        (["maps", "-o", "photo.png"], 1, "Error: photo.png: exists already and is no picture that sensormap made"),
        (["maps", "-o", "photo.png", "--overwrite"], 1, "Error: photo.png: is no picture that sensormap made"),
        (["maps", "-o", "no/growth.png"], 1, "Error: no/growth.png: the folder no does not exist"),
        (["maps", "-o", "folder.png"], 1, "Error: folder.png: is a directory"),
        (["maps", "-o", "maps/d80.yaml", "--overwrite"], 2, "does not end in .png, .svg or .pdf"),
        (["maps", "-o", "-"], 2, "does not end in .png, .svg or .pdf"),
        (["maps", "--by", "week"], 2, "'week' is not one of"),
        ([], 2, "Missing argument"),
    ],
)
def test_refusals(place, arguments, code, reason):
    Path("empty").mkdir()
    Path("folder.png").mkdir()
    Path("photo.png").write_bytes(PNG + b"a photo")
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (code, "")
    assert reason in result.stderr
    assert code == 2 or result.stderr.count("\n") == 1
    assert {path: path.read_bytes() for path in place.rglob("*") if path.is_file()} == before


def test_without_statsmodels_there_are_no_rates(place, monkeypatch):
    counts = run("maps").stdout.partition("New defects a year")[0]
    monkeypatch.setitem(sys.modules, "statsmodels.genmod.families", None)
    result = run("maps", "-o", "growth.png")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith(counts)
    assert result.stdout.count("none: statsmodels is not installed\n") == 2
    *_, note, written = result.stdout.splitlines()
    assert note == "Rates need statsmodels: pip install 'sensormap[history]'."
    assert written == "written to growth.png"
    assert Path("growth.png").exists()


def test_without_matplotlib(place, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = run("maps", "-o", "growth.png")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: history: needs matplotlib")
    assert result.stderr.endswith("which is not installed: pip install 'sensormap[history]'\n")
    assert not Path("growth.png").exists()
