"""Evaluation on photos: planted defects are found, the photos are left alone, and the command line tells of it."""

from __future__ import annotations

import random
import re
import shutil
from datetime import datetime
from itertools import pairwise

import click
import numpy as np
import pytest
import yaml

import sensormap.evaluation.run
from fixtures.files.nef import NefMeta, nef_bytes
from fixtures.series import Recipe, make_series
from sensormap.errors import DecodeError, FrameMismatchError
from sensormap.evaluation.counts import CLASSES, Share, bad_places
from sensormap.evaluation.run import evaluate
from sensormap.maps.entries import LATER_KINDS, DefectKind
from sensormap.maps.mapfile.writing import write_map
from sensormap.report.evaluation import evaluation_text
from sensormap.settings import Options
from sensormap.survey.run import map_defects
from tests.support.maps import toy_map
from tests.support.photos import NOON, SERIAL, nef, refused, run, write_photos, write_profile

COUNT = 30
SIZE = (512, 384)


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    """Twenty photos with defects of their own, among them a partial column, and a profile."""
    folder = tmp_path_factory.mktemp("series")
    make_series(Recipe(20, SIZE[::-1], seed=1), folder)
    return folder / "photos", folder / "profile.yaml"


def evaluated(*arguments, profile, count=COUNT, seed=1, **options):
    return evaluate(list(arguments), Options(profile=str(profile), **options), count=count, seed=seed)


@pytest.fixture(scope="module")
def result(series):
    return evaluated(series[0], profile=series[1], jobs=2)


@pytest.fixture
def drawn(monkeypatch):
    """Collect the defects that are drawn."""
    found = []
    real = sensormap.evaluation.run.draw_defects

    def draw(*arguments, **options):
        found[:] = real(*arguments, **options)
        return tuple(found)

    monkeypatch.setattr(sensormap.evaluation.run, "draw_defects", draw)
    return found


@pytest.fixture
def place(tmp_path):
    """Return a folder of a dozen tiny photos, and a profile."""
    write_photos(tmp_path / "photos", 12)
    return tmp_path / "photos", write_profile(tmp_path)


# what is found


def test_most_strong_ones_are_found_and_next_to_nothing_else(result):
    strong = result.total("strong")
    assert strong.of >= 20
    assert strong.right >= 0.8 * strong.of
    assert len(result.false) <= 1
    assert sum(result.total(name).of for name in CLASSES) == COUNT
    assert result.lost <= 1
    assert 15 <= result.own <= 30
    assert 0 <= result.expected_false < 2


def test_kinds_births_and_strengths_are_right_for_most(result):
    right = sum(count for (planted, named), count in result.kinds.items() if planted == named)
    assert sum(result.kinds.values()) == result.total("strong").right
    assert right >= 0.8 * sum(result.kinds.values())
    assert result.onset.of == result.total("strong").right
    assert result.onset.right >= 0.8 * result.onset.of  # some twenty intervals of 95 %
    assert set(result.strengths) == {"dark_dn_per_s", "offset_dn", "response"}
    for share in result.strengths.values():
        assert share.of > 5
        assert share.right >= 0.8 * share.of


def test_defects_are_planted_apart_from_the_photos_own_defects_and_columns(series, drawn):
    photos, profile = series
    evaluated(photos, profile=profile, count=400)
    own = map_defects([photos], Options(profile=str(profile)))
    area = own.sensor.active_area
    assert own.columns
    assert len(drawn) > 300
    assert len({one.born for one in drawn}) > 10
    bad = np.array([(y - area.y, x - area.x) for x, y in bad_places(own)])
    for one in drawn:
        assert np.abs(bad - (one.row, one.col)).max(axis=1).min() > 6


# the same photos, the same result


def test_threads_do_not_change_the_result(series, result):
    assert evaluated(series[0], profile=series[1], jobs=1) == result


def test_the_way_photos_are_named_and_their_folders_do_not_change_the_result(series, result, tmp_path):
    photos, profile = series
    paths = sorted(photos.iterdir())
    for number, path in enumerate(paths):
        folder = tmp_path / f"elsewhere {number % 3}"
        folder.mkdir(exist_ok=True)
        paths[number] = shutil.copy(path, folder)
    shuffled = random.Random(1).sample(paths, len(paths))
    found = evaluated(*shuffled, profile=profile)
    assert found == result
    assert evaluation_text(found) == evaluation_text(result)


def test_another_seed_plants_other_defects(series, result):
    other = evaluated(series[0], profile=series[1], seed=2)
    assert other.recall != result.recall
    assert other.own == result.own


def test_the_photos_are_left_alone(place):
    photos, profile = place

    def state():
        return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in photos.iterdir()}

    before = state()
    evaluated(photos, profile=profile)
    assert state() == before


# odd sets


def copied(series, folder):
    """Return a folder of its own with the series' photos."""
    shutil.copytree(series[0], folder)
    return folder


def test_photos_that_cannot_be_used_change_nothing(series, result, tmp_path):
    photos = copied(series, tmp_path / "photos")
    for number, level in enumerate([0, 3880]):  # black and white, before all others
        meta = NefMeta(serial=SERIAL, captured=datetime(2008, 1, 1, number), shutter=(1, 100), iso=100)
        (photos / f"flat{number}.nef").write_bytes(nef_bytes(np.full(SIZE[::-1], level, np.uint16), meta))
    (photos / "empty.nef").touch()
    found = evaluated(photos, profile=series[1])
    assert found.total("strong").right >= 0.8 * found.total("strong").of
    assert found.onset.right >= 0.8 * found.onset.of
    assert found.own == result.own


def test_a_camera_whose_clock_jumps_back_has_all_planted_defects_from_the_start(tmp_path, drawn):
    for number in range(12):
        time = NOON.replace(minute=number) if number < 6 else NOON.replace(year=2001, minute=number)
        (tmp_path / f"{number}.nef").write_bytes(nef(number, captured=time, shutter_count=100 + number))
    evaluated(tmp_path, profile=write_profile(tmp_path))
    assert len(drawn) == COUNT
    assert {one.born for one in drawn} == {None}


def test_photos_without_times_tell_no_onset(tmp_path, drawn):
    write_photos(tmp_path, 12, captured=None, shutter=None, iso=None)
    found = evaluated(tmp_path, profile=write_profile(tmp_path))
    assert {one.born for one in drawn} == {None}
    assert found.onset == Share(0, 0)
    assert found.total("strong").right > 0


def test_two_photos_are_enough_to_run_and_one_is_not(tmp_path):
    profile = write_profile(tmp_path)
    paths = write_photos(tmp_path, 2)
    assert sum(evaluated(*paths, profile=profile).total(name).of for name in CLASSES) == COUNT
    with pytest.raises(FrameMismatchError, match="one usable photo only"):
        evaluated(paths[0], profile=profile)


def test_nothing_found_is_an_error(tmp_path):
    with pytest.raises(DecodeError, match="no photos found"):
        evaluate([tmp_path], Options())


def test_progress_is_told_for_both_passes_of_both_maps(tmp_path):
    heard = []
    write_photos(tmp_path, 4)
    options = Options(profile=str(write_profile(tmp_path)), follow=3)
    evaluate([tmp_path], options, progress=lambda *counts: heard.append(counts), count=3)
    one_map = [(done, 4) for done in range(5)] + [(done, 3) for done in range(4)]
    assert heard == 2 * one_map


# the command line


def command(place, *options):
    return run("evaluate", place[0], "--profile", place[1], "--count", 9, *options)


def test_the_command_prints_three_tables(series, result):
    shown = run("evaluate", series[0], "--profile", series[1], "--count", COUNT, "-q", "--jobs", 2)
    assert shown.exit_code == 0
    lines = [line.rstrip() for line in shown.stdout.splitlines()]
    tables = [list(part) for part in _split(lines)]
    assert [table[0] for table in tables] == [
        "Found of planted",
        "Planted kind (down) as named (across), of the found of the first line",
        "Trust",
    ]
    strong = result.total("strong")
    planted = [kind for kind in DefectKind if kind not in LATER_KINDS]
    assert tables[0][1].split() == ["beyond", "3", "sigma", "all", *planted]
    assert tables[0][2].startswith(f"in half of their frames  {strong.right}/{strong.of}")
    assert tables[2][1].startswith(f"False entries  {len(result.false)} beside ")
    assert max(map(len, lines)) <= 80
    assert "\x1b" not in shown.stdout


def _split(lines):
    """Return the parts between empty lines."""
    ends = [-1, *(i for i, line in enumerate(lines) if not line), len(lines)]
    return [lines[start + 1 : end] for start, end in pairwise(ends)]


def test_the_output_file_holds_the_numbers(place, tmp_path):
    output = tmp_path / "numbers.yaml"
    written = command(place, "-o", output)
    assert (written.exit_code, written.stderr) == (0, "")
    assert written.stdout == f"{command(place).stdout}written to {output}\n"
    read = yaml.safe_load(output.read_text())
    assert read["format"] == "sensormap-evaluation/1"
    assert sum(share["all"][1] for share in read["recall"].values()) == 9
    expected = evaluated(place[0], profile=place[1], count=9)
    assert output.read_text() == evaluation_text(expected)


def test_a_dash_is_stdout(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = command(place, "-o", "-")
    assert told.exit_code == 0
    assert told.stdout.startswith("format: sensormap-evaluation/1\n")
    assert not (tmp_path / "-").exists()


def test_an_evaluation_is_replaced_only_where_that_is_asked_for(place, tmp_path):
    output = tmp_path / "numbers.yaml"
    assert command(place, "-o", output).exit_code == 0
    first = output.read_bytes()
    again = command(place, "-o", output, "--seed", 2)
    assert (again.exit_code, again.stdout) == (1, "")
    assert re.fullmatch(r"Error: .*numbers\.yaml: exists already; --overwrite replaces it\n", again.stderr)
    assert output.read_bytes() == first
    assert command(place, "-o", output, "--seed", 2, "--overwrite").exit_code == 0
    assert output.read_bytes() != first


@pytest.mark.parametrize("what", ["photo", "map", "profile"])
def test_other_files_are_never_replaced(place, tmp_path, what):
    if what == "map":
        write_map(toy_map(), tmp_path / "map.yaml")
    output = {"photo": place[0] / "DSC_0001.NEF", "map": tmp_path / "map.yaml", "profile": place[1]}[what]
    before = output.read_bytes()
    for options in ((), ("--overwrite",)):
        refused = command(place, "-o", output, *options)
        assert (refused.exit_code, refused.stdout) == (1, "")
        assert refused.stderr.startswith(f"Error: {output}: ")
        assert refused.stderr.count("\n") == 1
    why = "is named like a photo" if what == "photo" else "is no evaluation; --overwrite replaces only those"
    assert why in refused.stderr
    assert output.read_bytes() == before


def test_a_map_does_not_replace_an_evaluation(place, tmp_path):
    output = tmp_path / "numbers.yaml"
    assert command(place, "-o", output).exit_code == 0
    refused = run("map", place[0], "--profile", place[1], "-o", output, "--overwrite")
    assert refused.exit_code == 1
    assert "is no defect map" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["."], "no photos found: no file there has the name of a raw photo"),
        (["nowhere"], "nowhere: no such file, folder or pattern"),
        ([""], "an empty name"),
        ([".", "--profile", "qqq"], "'qqq' is not a camera profile"),
        ([".", "-o", "."], "is a directory, expected a file name"),
        ([".", "-o", "none/a.yaml"], "the folder none does not exist"),
        ([".", "-o", "/dev/null", "--overwrite"], "/dev/null: is a device, expected a file; -o - writes to stdout"),
        (["one.nef"], "one.nef"),
    ],
)
def test_errors_are_one_line_and_exit_1(tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    found = run("evaluate", *arguments)
    assert (found.exit_code, found.stdout) == (1, "")
    assert found.stderr.startswith("Error: ")
    assert found.stderr.count("\n") == 1
    assert words in found.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "kind", "parameter"),
    [
        ([], click.MissingParameter, "photos"),
        ([".", "--count", "0"], click.BadParameter, "count"),
        ([".", "--count", "10001"], click.BadParameter, "count"),
        ([".", "--count", "many"], click.BadParameter, "count"),
        ([".", "--seed", "-1"], click.BadParameter, "seed"),
        ([".", "--jobs", "0"], click.BadParameter, "jobs"),
        ([".", "--follow", "1"], click.BadParameter, "follow"),
        ([".", "--no-follow"], click.NoSuchOption, "--no-follow"),
        ([".", "--nonsense"], click.NoSuchOption, "--nonsense"),
    ],
)
def test_wrong_usage_exits_2(arguments, kind, parameter):
    assert refused(kind, "evaluate", *arguments) == parameter


def test_help():
    shown = run("evaluate", "--help")
    assert shown.exit_code == 0
    assert "Test on PHOTOS how well map works" in shown.stdout
    assert re.search(r"--count.*250.*10000.*--seed", shown.stdout, re.DOTALL)
