"""Maps of astronomers' files: FITS photos, darks among them, and frames of a video."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest

from fixtures.files.fits import FitsMeta, fits_bytes, ser_bytes
from fixtures.series import Recipe, make_series
from sensormap.errors import FrameMismatchError
from sensormap.maps.mapfile.reading import parse_map
from sensormap.maps.mapfile.writing import map_text
from sensormap.photos.exif import read_photo
from sensormap.photos.library import scan
from sensormap.settings import Options
from sensormap.survey.passes import geometry_of
from sensormap.survey.run import map_defects
from tests.support.photos import run

SHAPE = (96, 128)
DUSK = datetime(2024, 3, 1, 20)
STUCK = {(20, 31): 9000, (70, 90): 14_000}


def sky(number: int, *, dark: bool = False) -> np.ndarray:
    """Return a frame of another part of the sky, with its stars, and the stuck photosites."""
    rng = np.random.default_rng([7, number])
    level = 500 if dark else 1500 + 60 * (number % 7)
    values = rng.normal(level, np.sqrt(level), SHAPE)
    for row, col in () if dark else rng.integers(4, 92, (12, 2)):
        values[row - 1 : row + 2, col - 1 : col + 2] += rng.uniform(500, 9000)
    for place, value in STUCK.items():
        values[place] = value + rng.normal(0, 30)
    return np.clip(values, 0, 65_535).astype(np.uint16)


def write_lights(folder, count=14, **options):
    folder.mkdir(exist_ok=True)
    for number in range(count):
        meta = FitsMeta("ZWO ASI533MM", DUSK + timedelta(minutes=number), 30.0, 100, **options)
        (folder / f"light_{number:03}.fits").write_bytes(fits_bytes(sky(number), meta.keywords()))


def entries(sensor_map):
    return {(one.y, one.x) for one in sensor_map.defects}


def test_a_map_of_fits_photos(tmp_path):
    write_lights(tmp_path / "night")
    (tmp_path / "night" / "cut.fits").write_bytes(fits_bytes(sky(0), {"INSTRUME": "ZWO ASI533MM"})[:9000])
    found = map_defects([tmp_path / "night"], Options(jobs=2))
    assert entries(found) == set(STUCK)
    assert (found.body.model, found.profile, found.sensor.cfa.name) == ("ZWO ASI533MM", "fits", "mono")
    assert (found.frames.used, [one.name for one in found.skipped]) == (14, ["cut.fits"])
    assert found.frames.shutter_s == (30.0, 30.0)
    assert parse_map(map_text(found)) == found


def test_frames_of_a_video_are_photos(tmp_path):
    times = [DUSK + timedelta(seconds=number) for number in range(14)]
    data = ser_bytes([sky(number) for number in range(14)], camera="QHY5III", times=times)
    video = tmp_path / "drift.ser"
    video.write_bytes(data)
    state = tmp_path / "state"
    found = map_defects([video], Options(jobs=2, state=state))
    assert entries(found) == set(STUCK)
    assert (found.frames.used, found.frames.first, found.frames.last) == (14, times[0], times[-1])
    assert map_defects([video], Options(jobs=1, state=state)) == found
    assert map_defects([video], Options(jobs=1)) == found
    video.write_bytes(data[: len(data) - 2 * sky(0).nbytes])
    shorter = map_defects([video], Options(jobs=1, state=state))
    assert (shorter.frames.used, [one.name for one in shorter.skipped]) == (12, ["drift.ser"])
    assert "says 14 frames, the file has 12" in shorter.skipped[0].reason


def test_scan_lists_both(tmp_path):
    write_lights(tmp_path, 3)
    (tmp_path / "a.ser").write_bytes(ser_bytes([sky(1), sky(2)], camera="QHY5III"))
    (tmp_path / "broken.ser").write_bytes(b"LUCAM")
    (tmp_path / "mask.fits").write_bytes(fits_bytes(sky(1)))
    found = scan([tmp_path])
    assert [(one.body.model, one.raw_photos) for one in found.bodies] == [("QHY5III", 2), ("ZWO ASI533MM", 3)]
    assert sorted(one.example for one in found.left_out) == ["broken.ser", "mask.fits"]


def test_two_cameras_are_told_apart(tmp_path):
    write_lights(tmp_path, 3)
    (tmp_path / "a.ser").write_bytes(ser_bytes([sky(1), sky(2)], camera="QHY5III"))
    with pytest.raises(FrameMismatchError, match="photos of several cameras"):
        map_defects([tmp_path])


@pytest.mark.parametrize("filtered", [True, False])
def test_a_colour_camera_whose_files_name_no_filters_is_warned_of(filtered, tmp_path, caplog):
    row, col = np.indices(SHAPE)
    shares = np.array([[0.5, 1.0], [1.0, 0.7]])[row % 2, col % 2] if filtered else 1 - col / 400 - 0.02 * (col % 2)
    for number in range(4):
        meta = FitsMeta("ZWO ASI533MC", DUSK + timedelta(minutes=number), 30.0, 100)
        light = (sky(number) * shares).astype(np.uint16)
        (tmp_path / f"light_{number}.fits").write_bytes(fits_bytes(light, meta.keywords()))
    map_defects([tmp_path], Options(jobs=1, follow=0))
    told = [one.message for one in caplog.records if "colour filters, though they name none (BAYERPAT)" in one.message]
    assert len(told) == filtered


def test_results_may_be_fits_files_but_replace_no_photo(tmp_path):
    pytest.importorskip("astropy")
    write_lights(tmp_path / "night", 10)
    assert run("map", tmp_path / "night", "-o", tmp_path / "map.yaml").exit_code == 0
    export = ("export", "--format", "fits", tmp_path / "map.yaml", "--overwrite", "-o")
    for _ in range(2):
        assert run(*export, tmp_path / "mask.fits").exit_code == 0
    light = tmp_path / "night" / "light_000.fits"
    before = light.read_bytes()
    result = run(*export, light)
    assert (result.exit_code, light.read_bytes()) == (1, before)
    assert "is a photo; it is never replaced" in result.stderr.replace("\n", " ")


def test_darks_are_listed_and_temperatures_told(tmp_path):
    write_lights(tmp_path, 6, temperature_c=-9.5)
    for number in range(6):
        meta = FitsMeta("ZWO ASI533MM", DUSK + timedelta(hours=9, minutes=number), 30.0, 100, -10.0, sort="Dark Frame")
        (tmp_path / f"dark_{number}.fits").write_bytes(fits_bytes(sky(number, dark=True), meta.keywords()))
    found = map_defects([tmp_path], Options(jobs=1))
    assert [(one.name, one.sort) for one in found.calibration] == [(f"dark_{n}.fits", "dark") for n in range(6)]
    assert found.frames.temperature_c == (-10.0, -9.5)
    assert found.dark_law is None  # half a degree tells nothing
    assert entries(found) == set(STUCK)


WEAK, DEAD = (40, 60), (60, 30)


@pytest.fixture(scope="module")
def with_darks(tmp_path_factory):
    """Return a folder of lights and darks with a black level of 500 DN that no header tells, a weak and a dead one."""
    folder = tmp_path_factory.mktemp("level")
    for number in range(24):
        is_dark = number >= 16
        values = sky(number, dark=is_dark).astype(np.float64)
        for place, response in {WEAK: 0.5, DEAD: 0.0}.items():
            values[place] = 500 + response * (values[place] - 500 if not is_dark else 0)
            values[place] += np.random.default_rng(number).normal(0, 8)
        sort = "DARK" if is_dark else "LIGHT"
        meta = FitsMeta("ZWO ASI533MM", DUSK + timedelta(minutes=number), 30.0, 100, sort=sort)
        (folder / f"{number:03}.fits").write_bytes(fits_bytes(values.astype(np.uint16), meta.keywords()))
    return folder


def test_darks_tell_the_black_level(with_darks):
    kinds = {(one.y, one.x): (str(one.kind), one.response) for one in map_defects([with_darks]).defects}
    assert kinds.keys() == {*STUCK, WEAK, DEAD}
    assert kinds[DEAD][0] == "dead"
    assert kinds[WEAK][0] == "weak"
    assert kinds[WEAK][1][1] < 0.5 < kinds[WEAK][1][2]


@pytest.mark.parametrize(
    ("keywords", "values", "level"),
    [({}, 1500, (500,)), ({"PEDESTAL": 500}, 1500, None), ({}, 400, None)],
    ids=["told by darks", "told by headers", "not that of the lights"],
)
def test_the_level_of_darks_counts_where_it_can_be(keywords, values, level, tmp_path):
    for number in range(6):
        dark = number < 3
        meta = FitsMeta("ZWO ASI533MM", shutter_s=30.0, iso=100, sort="DARK" if dark else "LIGHT")
        shown = np.full(SHAPE, 500 if dark else values, np.uint16)
        (tmp_path / f"{number}.fits").write_bytes(fits_bytes(shown, meta.keywords() | keywords))
    photos = [read_photo(path) for path in sorted(tmp_path.iterdir())]
    assert geometry_of(photos, None).black_level == level


def test_the_map_of_a_warm_and_a_cold_night_says_how_dark_currents_double(tmp_path):
    """The same photos without their temperatures take most hot photosites for noisy ones."""
    make_series(Recipe(24, (192, 256), 5, 40, fits=True, night=True, temperature_c=(5.0, 30.0)), tmp_path, jobs=1)
    photos = sorted((tmp_path / "photos").iterdir())
    told = map_defects(photos, Options(jobs=1))
    assert told.dark_law is not None
    assert told.dark_law.doubling_c[0] == pytest.approx(6.0, rel=0.05)
    for path in photos:
        path.write_bytes(path.read_bytes().replace(b"CCD-TEMP", b"NOT-TOLD"))
    untold = map_defects(photos, Options(jobs=1))
    assert (untold.dark_law, untold.frames.temperature_c) == (None, None)
    hot, without = (sum(one.kind == "hot" for one in found.defects) for found in (told, untold))
    assert hot >= 1.5 * without
    assert map_text(told).count("dark_law:") == 1
    assert "dark_law" not in map_text(untold)


def test_temperatures_that_are_not_the_sensor_s_make_no_law(tmp_path):
    """Some K fits a few hot photosites best whatever the temperatures; it has to explain them, too."""
    make_series(Recipe(16, (192, 256), 12, 40, fits=True, night=True, temperature_c=(5.0, 30.0)), tmp_path, jobs=1)
    photos = sorted((tmp_path / "photos").iterdir())
    assert map_defects(photos, Options(jobs=1)).dark_law is not None
    for path in photos:
        data = path.read_bytes()
        place = data.index(b"CCD-TEMP")
        told = float(data[place + 10 : place + 40])
        path.write_bytes(data[:place] + f"CCD-TEMP= {35 - told:20.1f}".encode().ljust(80) + data[place + 80 :])
    assert map_defects(photos, Options(jobs=1)).dark_law is None
