"""`sensormap edit`, and `merge --drop-unseen-since`: what they write and print, and their exit codes."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime

import pytest
from click.testing import CliRunner

from sensormap.cli.main import main
from sensormap.maps.mapfile.reading import parse_map, read_map
from sensormap.maps.mapfile.writing import write_map
from tests.support.maps import toy_defect, toy_map
from tests.support.photos import write_photos, write_profile


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Return a folder with the map d80.yaml, the working directory."""
    monkeypatch.chdir(tmp_path)
    write_map(toy_map(), "d80.yaml")
    return tmp_path


def test_a_map_is_edited_in_its_place(place):
    result = run("edit", "d80.yaml", "--add", "7,8,dead", "--remove", " 17 , 4 ", "-o", "d80.yaml", "--overwrite")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "3 defects, 2 edits by hand, written to d80.yaml\n"
    assert [(one.x, one.y) for one in read_map("d80.yaml").defects] == [(2, 1), (7, 8), (5, 11)]
    assert "By hand  1 added, 1 removed\n" in run("show", "d80.yaml").stdout


@pytest.mark.parametrize(
    ("choice", "edits"),
    [
        (["--kind", "weak"], 1),
        (["--kind", "dead"], 2),
        (["--plane", "R"], 1),
        (["--since", "2030"], 1),
        (["--visible", "1/60"], 2),
    ],
)
def test_a_part_of_an_edited_map_is_shown(place, choice, edits):
    run("edit", "d80.yaml", "--add", "7,8,dead", "--remove", "17,4", "-o", "d80.yaml", "--overwrite")
    result = run("show", "d80.yaml", *choice)
    assert (result.exit_code, result.stderr) == (0, "")
    assert len(json.loads(run("show", "d80.yaml", *choice, "--json").stdout)["edits"]) == edits
    assert run("show", "d80.yaml", *choice, "--csv").exit_code == 0


def test_without_an_output_the_map_goes_to_stdout(place):
    assert len(parse_map(run("edit", "d80.yaml", "--add", "7,8").stdout).defects) == 4
    assert len(read_map("d80.yaml").defects) == 3


def test_edits_of_another_map_are_taken_over(place):
    run("edit", "d80.yaml", "--remove", "17,4", "--note", "a star", "-o", "old.yaml")
    result = run("edit", "d80.yaml", "--from", "old.yaml", "-o", "new.yaml")
    assert result.stdout == "2 defects, 1 edit by hand, written to new.yaml\n"
    assert read_map("new.yaml") == read_map("old.yaml")


@pytest.mark.parametrize(
    ("arguments", "code", "problem"),
    [
        ([], 2, "nothing to edit"),
        (["--add", "7"], 2, "'7' is not a place such as 1204,377 or 1204,377,dead"),
        (["--add", "7,8,warm"], 2, "'warm' is not one of hot"),
        (["--remove", "7,8,hot"], 2, "'7,8,hot' is not a place such as 1204,377\n"),
        (["--undo", "-1,2"], 2, "'-1,2' is not a place"),
        (["--add", "99,2"], 1, "99,2: x: 99 is outside the sensor, 0 to 23"),
        (["--add", "1,2", "-o", "d80.yaml"], 1, "d80.yaml: exists already; --overwrite replaces it"),
        (["--add", "1,2", "-o", "x.NEF"], 1, "x.NEF: is named like a photo"),
        (["--from", "none.yaml"], 1, "none.yaml: "),
    ],
)
def test_what_cannot_be_edited_is_said(place, arguments, code, problem):
    result = run("edit", "d80.yaml", *arguments)
    assert result.exit_code == code
    assert problem in result.stderr
    assert read_map("d80.yaml") == toy_map()


def test_what_is_no_longer_seen_is_dropped(place):
    old = toy_map(columns=(), defects=(toy_defect(4, 5, seen=(40, 40), dark_dn_per_s=(900.0, 880.0, 920.0)),))
    days = {"first": datetime(2011, 4, 1), "last": datetime(2011, 4, 2)}
    new = toy_map(frames=replace(old.frames, digest="77", **days), columns=(), defects=())
    write_map(old, "old.yaml")
    write_map(new, "new.yaml")
    merge = "merge", "old.yaml", "new.yaml", "-o", "all.yaml", "--drop-unseen-since"
    assert run(*merge, "2011-03-01").stdout.splitlines() == [
        "1 entry dropped: not seen since 2011-03-01",
        "0 defects of 80 photos, written to all.yaml",
    ]
    assert run(*merge, "2011-01-01", "--overwrite").stdout.startswith("0 entries dropped: not seen since 2011-01-01\n")
    for time in ("2011-03-01 10:00", "2011-03-01T10:00", "2011-03-01 10:00:00"):
        said = run(*merge, time, "--overwrite").stdout
        assert said.startswith("1 entry dropped: not seen since 2011-03-01 10:00:00\n")
    late = run(*merge, "9999-12-31", "--overwrite")
    assert late.stderr == "no photo of these maps is of 9999-12-31 or later: the last is of 2011-04-02 00:00\n"
    assert "not seen since 0001-01-01\n" in run(*merge, "0001-01-01", "--overwrite").stdout
    assert "'soon' does not match" in run(*merge, "soon").stderr


def test_a_run_over_an_edited_map_keeps_its_edits(place):
    """With a state folder too, where nothing is new; and of a map for each camera in a folder."""
    write_photos(place / "photos", 3)
    profile = write_profile(place)
    arguments = "map", "photos", "--profile", profile, "--no-follow", "-q", "--overwrite", "--state", "state", "-o"
    assert run(*arguments, "new.yaml").exit_code == 0
    plain = (place / "new.yaml").read_bytes()
    run("edit", "new.yaml", "--add", "7,8,dead", "--note", "mine", "-o", "new.yaml", "--overwrite")
    edited = (place / "new.yaml").read_bytes()
    result = run(*arguments, "new.yaml", "-vv", "--report", "new.html")
    assert "edits by hand kept: 1" in result.stderr
    assert "1 added" in (place / "new.html").read_text()
    assert (place / "new.yaml").read_bytes() == edited
    assert run(*arguments, "other.yaml").exit_code == 0
    assert (place / "other.yaml").read_bytes() == plain


def test_a_map_of_each_camera_keeps_its_edits(place):
    write_photos(place / "photos", 3)
    profile = write_profile(place)
    arguments = "map", "photos", "--profile", profile, "--no-follow", "-q", "-o", "maps/", "--overwrite"
    assert run(*arguments).exit_code == 0
    (path,) = (place / "maps").iterdir()
    run("edit", path, "--add", "7,8", "-o", path, "--overwrite")
    edited = path.read_bytes()
    assert run(*arguments).exit_code == 0
    assert path.read_bytes() == edited
