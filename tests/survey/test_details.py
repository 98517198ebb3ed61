"""What a run keeps for a report: the map stays as it is, and no photo is read for it."""

from __future__ import annotations

import sqlite3

import numpy as np
import pytest

from fixtures.series import Recipe, make_series
from sensormap.assemble.details.kept import details_content
from sensormap.assemble.details.values import OUTSIDE, TILE
from sensormap.maps.mapfile.writing import map_text
from sensormap.settings import Options
from sensormap.survey import run as module
from sensormap.survey.run import map_defects, map_with_details

SIZE = (384, 256)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return a folder of photos with planted defects, and their profile."""
    folder = tmp_path_factory.mktemp("details")
    make_series(Recipe(14, SIZE[::-1], seed=4, defects=24, jpeg=True), folder)
    return folder, folder / "profile.yaml"


@pytest.fixture(scope="module")
def found(place):
    return map_with_details([place[0] / "photos"], Options(profile=str(place[1])))


@pytest.fixture
def reading(monkeypatch):
    """Collect the names of the photos that are decoded."""
    names: list[str] = []
    decode = module.read_frame

    def read(photo, *arguments, **options):
        names.append(photo.path.name)
        return decode(photo, *arguments, **options)

    monkeypatch.setattr(module, "read_frame", read)
    return names


def test_the_map_is_the_same(place, found) -> None:
    assert map_text(found.sensor_map) == map_text(map_defects([place[0] / "photos"], Options(profile=str(place[1]))))


def test_photos_are_told_in_order_with_those_that_were_followed(place, found) -> None:
    (details,) = found.details
    assert details.noun == "raw photo"
    assert len(details.photos) == found.sensor_map.frames.used == 14
    assert [photo.time for photo in details.photos] == sorted(photo.time for photo in details.photos)
    assert details.followed.size == details.gain.size == details.saturation.size == 14
    assert {photo.iso / 100 for photo in details.photos} == set(details.gain.tolist())


def test_series_are_those_of_the_photosites(found) -> None:
    """The mean in the map is that of the values in the series: they are one photosite's."""
    (details,) = found.details
    defects = {(one.x, one.y): one for one in found.sensor_map.defects}
    assert len(details.series) == len(defects) >= 20
    for series in details.series:
        mean = float(series.value[series.known].astype(np.float64).mean())
        assert mean == pytest.approx(defects[series.x, series.y].mean, rel=1e-4, abs=1e-3)
        assert (series.sigma > 0).all()


def test_surroundings_are_centred_and_end_at_the_edge(found) -> None:
    (details,) = found.details
    sensor = found.sensor_map.sensor
    reach = TILE // 2
    for one in details.surroundings:
        (defect,) = (defect for defect in found.sensor_map.defects if (defect.x, defect.y) == (one.x, one.y))
        around = one.scores[one.scores != OUTSIDE]
        if str(defect.kind) in ("dead", "weak"):
            assert one.scores[reach, reach] == around.min() < -8
        elif str(defect.kind) in ("hot", "offset"):
            assert one.scores[reach, reach] >= np.percentile(around, 99)
        inside = [
            [sensor.active_area.contains(one.x - reach + col, one.y - reach + row) for col in range(TILE)]
            for row in range(TILE)
        ]
        assert ((one.scores != OUTSIDE) == np.array(inside)).all()


def test_every_photosite_is_counted_once(found) -> None:
    (details,) = found.details
    area = found.sensor_map.sensor.active_area
    assert sum(int(plane.counts.sum()) for plane in details.planes) == area.width * area.height
    for plane in details.planes:
        assert abs(plane.centre) < 0.2
        assert plane.bar > 4 * plane.scale > 0


def test_a_state_folder_has_them_and_no_photo_is_read_again(place, found, tmp_path, reading) -> None:
    options = Options(profile=str(place[1]), state=tmp_path)
    map_defects([place[0] / "photos"], options)  # which asks for none
    assert reading
    reading.clear()
    again = map_with_details([place[0] / "photos"], options)
    assert reading == []
    assert map_text(again.sensor_map) == map_text(found.sensor_map)
    assert details_content(again.details[0]) == details_content(found.details[0])


def test_damaged_details_are_made_again(place, found, tmp_path) -> None:
    options = Options(profile=str(place[1]), state=tmp_path)
    map_defects([place[0] / "photos"], options)
    with sqlite3.connect(tmp_path / "catalogue.sqlite") as connection:
        (content,) = connection.execute("SELECT content FROM maps").fetchone()
        connection.execute("UPDATE maps SET content = ?", (content.replace('"version": 1', '"version": 0'),))
    connection.close()
    again = map_with_details([place[0] / "photos"], options)
    assert details_content(again.details[0]) == details_content(found.details[0])


def test_without_the_second_pass_there_are_no_series(place) -> None:
    options = Options(profile=str(place[1]), follow=0)
    (details,) = map_with_details([place[0] / "photos"], options).details
    assert details.series == ()
    assert details.surroundings
    assert details.followed.size == 0


def test_jpegs_have_details_too(place) -> None:
    (details,) = map_with_details([place[0] / "jpegs"], Options(profile=str(place[1]))).details
    assert details.noun == "JPEG"
    assert all(0 <= series.value.min() <= series.value.max() <= 255 for series in details.series)
