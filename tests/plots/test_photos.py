"""Single defects in photos and state folders, and a photo with its defects: values, pictures, the command."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import click
import imageio.v3 as iio
import numpy as np
import pytest

from sensormap import draw_repair, draw_series, preview_repair, values_in_photos, values_in_state
from sensormap.cli.commands.plot import KINDS as COMMAND_KINDS
from sensormap.cli.options import PICTURE_ENDINGS
from sensormap.correct.plan import plan_corrections
from sensormap.correct.run import CorrectOptions, correct_photos
from sensormap.decode.original import read_original
from sensormap.errors import FrameMismatchError, StateError
from sensormap.maps.entries import Between, DefectKind
from sensormap.maps.mapfile.writing import write_map
from sensormap.plots.of_map import MAP_PLOTS
from sensormap.plots.on_photo import draw_on_photo
from sensormap.plots.series import draw_values
from sensormap.plots.style import PLOT_FORMATS
from sensormap.plots.values import MOST_SHOWN, strongest
from tests.support.maps import toy_defect, toy_map
from tests.support.photos import NOON, nef, refused, run, survey_of, write_photos, write_profile
from tests.support.pictures import drawn, points, texts

PNG = b"\x89PNG\r\n\x1a\n"
PLACES = ((40, 30), (90, 61), (121, 80))
"""(x, y) of three photosites that a map says are defective."""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return a folder of twelve photos of one camera, one of another, a map, and a state folder."""
    home = tmp_path_factory.mktemp("plots")
    profile = write_profile(home)
    photos = write_photos(home / "photos", 12)
    found = survey_of(home / "photos", profile=profile, state=str(home / "state"))
    sensor = found.sensor
    onset = Between(NOON, NOON.replace(minute=1))
    kinds = (DefectKind.HOT, DefectKind.WEAK, DefectKind.STUCK)
    facts = ({"dark_dn_per_s": (500.0, 400.0, 600.0)}, {"response": (0.8, 0.7, 0.9)}, {"onset": onset})
    defects = tuple(
        toy_defect(x, y, kind=kind, sensor=sensor, **one)
        for (x, y), kind, one in zip(PLACES, kinds, facts, strict=True)
    )
    sensor_map = replace(found, defects=defects, columns=(), rows=())
    write_map(sensor_map, home / "map.yaml")
    (home / "other.NEF").write_bytes(nef(9, serial="7"))
    return home, photos, sensor_map


def test_the_strongest_of_each_kind_in_turn():
    kinds = [DefectKind.STUCK] * 9 + [DefectKind.HOT, DefectKind.WEAK]
    defects = tuple(toy_defect(x, 2, kind=kind, score=30.0 - x) for x, kind in enumerate(kinds))
    sensor_map = toy_map(columns=(), defects=defects)
    assert [one.x for one in strongest(sensor_map)] == [0, 9, 10, 1, 2, 3]
    assert [one.x for one in strongest(sensor_map, [(4, 2), (4, 2), (0, 2)])] == [4, 0]
    assert len(strongest(sensor_map, [(x, 2) for x in range(9)])) == MOST_SHOWN
    with pytest.raises(FrameMismatchError, match="no single defect at 4,3; sensormap show --all lists them"):
        strongest(sensor_map, [(4, 3)])


def test_values_are_those_of_the_photos(place):
    home, photos, sensor_map = place
    values = values_in_photos([home / "photos"], sensor_map, sensor_map.defects)
    assert values.value.shape == values.level.shape == (3, 12)
    assert [exposure.time for exposure in values.exposures] == sorted(exposure.time for exposure in values.exposures)
    for number, path in enumerate(photos):
        before = preview_repair(path, sensor_map).before
        assert values.value[:, number].tolist() == [float(before[y, x]) for x, y in PLACES]


def test_photos_of_another_camera_are_left_out_and_named(place):
    home, photos, sensor_map = place
    skipped = []
    values = values_in_photos([*photos, home / "other.NEF"], sensor_map, sensor_map.defects, on_skipped=skipped.append)
    assert values.value.shape == (3, 12)
    assert [one.name for one in skipped] == ["other.NEF"]
    with pytest.raises(FrameMismatchError, match="none of 1 photos could be used"):
        values_in_photos([home / "other.NEF"], sensor_map, sensor_map.defects)


def test_a_state_folder_has_kept_the_same_values(place):
    home, _, sensor_map = place
    found = survey_of(home / "photos", profile=home / "small.yaml", state=str(home / "state"))
    read = values_in_photos([home / "photos"], sensor_map, sensor_map.defects)
    kept = values_in_state(home / "state", sensor_map, sensor_map.defects)
    assert found.frames.used == 12
    assert 1 <= kept.value.shape[1] <= 12
    by_time = {exposure.time: read.value[:, number] for number, exposure in enumerate(read.exposures)}
    for number, exposure in enumerate(kept.exposures):
        values, known = kept.value[:, number], np.isfinite(kept.value[:, number])
        assert values[known].tolist() == by_time[exposure.time][known].tolist()


def test_a_state_folder_of_others_says_so(place, tmp_path):
    home, _, sensor_map = place
    other = replace(sensor_map, body=replace(sensor_map.body, serial="1"))
    with pytest.raises(StateError, match="knows no photo of NIKON D80, serial 1; run map --state with it, or name"):
        values_in_state(home / "state", other, other.defects)
    with pytest.raises(StateError, match=r"is no folder|does not exist"):
        values_in_state(tmp_path / "none", sensor_map, sensor_map.defects)


def test_a_damaged_shard_is_left_out(place, tmp_path, caplog):
    import shutil

    home, _, sensor_map = place
    shutil.copytree(home / "state", tmp_path / "state")
    for shard in (tmp_path / "state" / "shards").glob("*.npz"):
        data = bytearray(shard.read_bytes())
        data[-200] ^= 255
        shard.write_bytes(data)
    with pytest.raises(StateError, match="knows no photo"):
        values_in_state(tmp_path / "state", sensor_map, sensor_map.defects)
    assert "left out" in caplog.text


def test_series_draw_every_value_and_the_onset(place):
    _, _, sensor_map = place
    values = values_in_photos([place[0] / "photos"], sensor_map, sensor_map.defects)
    figure = drawn(lambda figure: draw_values(figure, values, title="here"))
    assert len(figure.axes) == 6
    for number in range(3):
        left = figure.axes[2 * number]
        (shown,) = points(left).values()
        assert [y for _, y in shown] == pytest.approx((values.value - values.level)[number])
        assert len(left.patches) == (number == 2), "only the last one has an onset between photos"
    assert {"here", "40, 30: hot, 500 DN/s, since ?", "excess, DN", "shutter time, s"} <= set(texts(figure))


def test_values_that_are_not_known_are_not_drawn(place):
    _, _, sensor_map = place
    values = values_in_photos([place[0] / "photos"], sensor_map, sensor_map.defects)
    unknown = replace(values, value=np.full_like(values.value, np.nan))
    assert "its values were not kept" in texts(drawn(lambda figure: draw_values(figure, unknown)))
    untimed = replace(values, exposures=tuple(replace(one, time=None, shutter_s=None) for one in values.exposures))
    assert draw_series(untimed).startswith(PNG)
    assert draw_series(replace(values, defects=(), value=np.empty((0, 12)), level=np.empty((0, 12)))).startswith(PNG)


def test_a_preview_is_what_correct_writes(place, tmp_path):
    _, photos, sensor_map = place
    repaired = preview_repair(photos[3], sensor_map)
    changed = np.argwhere(repaired.before != repaired.after)
    assert {(x, y) for y, x in changed.tolist()} <= set(PLACES)
    (corrected,) = correct_photos([photos[3]], sensor_map, tmp_path / "fixed")
    written = read_original(corrected.output.read_bytes(), "copy").mosaic
    # A lossy NEF holds the nearest of its levels.
    expected = [int(repaired.after[y, x]) for x, y in PLACES]
    assert [int(written[y, x]) for x, y in PLACES] == pytest.approx(expected, abs=6)


def test_a_photo_is_drawn_with_the_defects_that_it_shows(place):
    _, photos, sensor_map = place
    repaired = preview_repair(photos[3], sensor_map)
    figure = drawn(lambda figure: draw_on_photo(figure, repaired))
    marked = {place for label, some in points(figure.axes[0]).items() if label[0] != "_" for place in some}
    assert marked == {tuple(map(float, place)) for place, _ in repaired.places}
    assert any(text.startswith("DSC_0003.NEF, 1/100 s, ISO 100: ") for text in texts(figure))
    assert texts(figure).count("as taken") == texts(figure).count("repaired") == 1
    first = preview_repair(photos[0], sensor_map)
    assert first.chosen.before_onset == 1
    assert draw_repair(first, "pdf").startswith(b"%PDF-")


def test_numbers_of_pieces_lie_within_the_photo(place):
    _, photos, sensor_map = place
    repaired = preview_repair(photos[3], sensor_map)
    area = repaired.area
    right, bottom = area.x + area.width - 1, area.y + area.height - 1
    corners = [(area.x, area.y), (right, area.y), (area.x, bottom), (right, bottom)]
    after = repaired.before.copy()
    for x, y in corners:
        after[y, x] += 100
    some = tuple((corner, repaired.places[0][1]) for corner in corners)
    figure = drawn(lambda figure: draw_on_photo(figure, replace(repaired, after=after, places=some, lines=())))
    photo = figure.axes[0]
    boxes = [text.get_window_extent() for text in photo.texts]
    assert len(boxes) == 4
    for box in boxes:
        for x, y in (box.min, box.max):
            assert photo.bbox.contains(x, y)


@pytest.mark.parametrize("options", [CorrectOptions(), CorrectOptions(dng=True), CorrectOptions(all_defects=True)])
def test_a_plan_names_what_correct_then_writes(place, tmp_path, options):
    home, photos, sensor_map = place
    skipped, later = [], []
    arguments = [*photos, home / "other.NEF"]
    planned = plan_corrections(arguments, sensor_map, tmp_path / "fixed", options, on_skipped=skipped.append)
    assert not (tmp_path / "fixed").exists()
    done = correct_photos(arguments, sensor_map, tmp_path / "fixed", options, on_skipped=later.append)
    assert [(one.source, one.output, one.chosen) for one in planned] == [
        (one.source, one.output, one.chosen) for one in done
    ]
    assert [one.to_repair for one in planned] == [one.repaired + one.left for one in done]
    assert skipped == later
    again, refusals = [], []
    assert plan_corrections(arguments, sensor_map, tmp_path / "fixed", options, on_skipped=again.append) == ()
    correct_photos(arguments, sensor_map, tmp_path / "fixed", options, on_skipped=refusals.append)
    assert again == refusals
    assert ["exists already" in one.reason for one in again] == [True] * len(photos) + [False]


# the command


def test_the_command_knows_every_picture():
    assert (*MAP_PLOTS, "series") == COMMAND_KINDS
    assert tuple(f".{form}" for form in PLOT_FORMATS) == PICTURE_ENDINGS


@pytest.mark.parametrize("name", ["p.jpg", "p.NEF", "p.txt", "-"])
def test_another_ending_is_refused_with_those_that_are_none(place, name):
    result = run("plot", place[0] / "map.yaml", "-o", name)
    assert result.exit_code == 2
    assert f"{name!r} does not end in .png, .svg or .pdf" in result.stderr


@pytest.mark.parametrize("name", ["a.png", "a.svg", "a.PDF"])
def test_a_picture_is_written_and_replaced_on_demand(place, tmp_path, name):
    output = tmp_path / name
    result = run("plot", place[0] / "map.yaml", "-o", output)
    assert (result.exit_code, result.stdout, result.stderr) == (0, f"written to {output}\n", "")
    content = output.read_bytes()
    refusal = run("plot", place[0] / "map.yaml", "-o", output)
    assert (refusal.exit_code, refusal.stderr) == (1, f"Error: {output}: exists already; --overwrite replaces it\n")
    assert run("plot", place[0] / "map.yaml", "-o", output, "--overwrite", "-q").output == ""
    assert output.read_bytes() == content


SERIES = ("--kind", "series")


@pytest.mark.parametrize(
    "arguments", [(*SERIES, "photos"), (*SERIES, "--state", "state"), ("--on", "photos/DSC_0001.NEF")]
)
def test_pictures_of_photos(place, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(place[0])
    result = run("plot", "map.yaml", *arguments, "-o", tmp_path / "a.png")
    assert (result.exit_code, result.stdout, result.stderr) == (0, f"written to {tmp_path / 'a.png'}\n", "")
    assert iio.imread(tmp_path / "a.png").shape[1] == 1200


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (SERIES, "a map holds no single values: name the photos that it was made from, or --state FOLDER"),
        (("--kind", "series", "nowhere"), "nowhere: no such file, folder or pattern"),
        (("--kind", "series", "photos", "--at", "1,1"), "the map has no single defect at 1,1; sensormap show --all"),
        (("--on", "other.NEF"), "other.NEF: taken by NIKON D80, serial 7, but the map is of serial 4001234; --force"),
        (("--on", "small.yaml"), "small.yaml: "),
        (("--on", "nowhere.NEF"), "nowhere.NEF: cannot be read"),
    ],
)
def test_what_cannot_be_drawn_is_one_line(place, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(place[0])
    result = run("plot", "map.yaml", *arguments, "-o", tmp_path / "a.png")
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert words in result.stderr
    assert not (tmp_path / "a.png").exists()


def test_force_draws_on_a_photo_of_another_body(place, tmp_path, monkeypatch):
    monkeypatch.chdir(place[0])
    assert run("plot", "map.yaml", "--on", "other.NEF", "--force", "-o", tmp_path / "a.png").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "kind", "parameter"),
    [
        (("-o", "a.gif"), click.BadParameter, "output"),
        ((), click.MissingParameter, "output"),
        (("-o", "a.png", "--kind", "moon"), click.BadParameter, "kind"),
        (("-o", "a.png", "--kind", "series", "--at", "7"), click.BadParameter, "at"),
        (("-o", "a.png", "photos"), click.UsageError, ""),
        (("-o", "a.png", "--at", "1,2"), click.UsageError, ""),
        (("-o", "a.png", "--force"), click.UsageError, ""),
        (("-o", "a.png", "--on", "a.NEF", "--kind", "dark"), click.UsageError, ""),
    ],
)
def test_wrong_usage(place, arguments, kind, parameter):
    assert refused(kind, "plot", place[0] / "map.yaml", *arguments) == parameter


def test_no_photo_is_replaced_by_a_picture(place, tmp_path):
    photo = tmp_path / "photo.png"
    photo.write_bytes(PNG + b"a photo")
    result = run("plot", place[0] / "map.yaml", "-o", photo, "--overwrite")
    assert (result.exit_code, photo.read_bytes()) == (1, PNG + b"a photo")
    assert "is no picture that sensormap made" in result.stderr


def test_without_the_extra(place, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    result = run("plot", place[0] / "map.yaml", "-o", tmp_path / "a.png")
    assert result.exit_code == 1
    assert result.stderr == "Error: plot: needs matplotlib, which is not installed: pip install 'sensormap[plot]'\n"


def test_a_dry_run_of_correct_prints_a_table_and_writes_nothing(place, tmp_path):
    home = place[0]
    result = run("correct", home / "map.yaml", home / "photos", "-o", tmp_path / "fixed", "--dry-run")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("12 photos would be corrected, ")
    assert result.stdout.splitlines()[0].endswith(" to repair")
    assert result.stdout.endswith("Nothing was written.\n")
    assert not Path(tmp_path / "fixed").exists()
    result = run("correct", home / "map.yaml", home / "other.NEF", "-o", tmp_path / "fixed", "--dry-run")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == "Error: 1 photo cannot be corrected; the reason is above"
    assert refused(click.UsageError, "correct", home / "map.yaml", home / "photos", "--check", "--dry-run") == ""


def test_correct_tells_scripts_which_copies_it_wrote(place, tmp_path):
    home, photos = place[0], sorted((place[0] / "photos").iterdir())[:2]
    arguments = ("correct", home / "map.yaml", *photos, home / "other.NEF", "-o", tmp_path / "fixed", "-q", "--print0")
    result = run(*arguments)
    assert result.exit_code == 1
    paths = [str(path) for photo in photos for path in (photo, tmp_path / "fixed" / "photos" / photo.name)]
    assert result.stdout == "".join(f"{path}\0" for path in paths)
    assert run(*arguments).stdout == ""  # they are there already
    assert refused(click.UsageError, *arguments, "--dry-run") == ""
