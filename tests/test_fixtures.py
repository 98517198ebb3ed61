"""The generator writes what it says: files that decode bit-exactly, defects where the truth has them."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import exifread
import numpy as np
import pytest
import rawpy
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fixtures.curve import quantise
from fixtures.defects import KINDS, UNSEEN_COLS, UNSEEN_ROWS, PlantedColumn, PlantedDefect, plant
from fixtures.nef import NefMeta, nef_bytes
from fixtures.report import comparison_lines
from fixtures.samples import FOLDER, facts_of
from fixtures.sensor import suppress
from fixtures.series import FULL_SIZE, Recipe, make_series
from fixtures.truth import Count, FrameFacts, Truth, compare, read_truth, write_truth

SMALL = (128, 192)


def decoded(data):
    with rawpy.imread(io.BytesIO(data)) as raw:
        return raw.raw_image_visible.copy()


def mosaic_of(shape, seed=1):
    return np.random.default_rng(seed).integers(0, 3881, shape).astype(np.uint16)


@pytest.mark.parametrize("shape", [(64, 64), (64, 200), (130, 66), (256, 384)])
def test_a_file_decodes_to_what_was_quantised(shape):
    mosaic = mosaic_of(shape)
    visible = decoded(nef_bytes(mosaic))
    np.testing.assert_array_equal(visible, quantise(mosaic)[: visible.shape[0], : visible.shape[1]])
    assert visible.shape == (shape[0] - 3, shape[1] - 4)


@settings(max_examples=15, deadline=None)
@given(arrays(np.uint16, (64, 66), elements=st.integers(0, 4095), fill=st.integers(0, 4095)))
def test_any_mosaic_survives_the_encoder(mosaic):
    visible = decoded(nef_bytes(mosaic))
    np.testing.assert_array_equal(visible, quantise(mosaic)[:61, :62])


def test_quantising_keeps_low_values_and_is_idempotent():
    values = np.arange(4096, dtype=np.uint16)[np.newaxis]
    once = quantise(values)
    np.testing.assert_array_equal(once[0, :216], np.arange(216))
    np.testing.assert_array_equal(quantise(once), once)
    assert np.unique(once).size == 683


def test_exif_says_what_was_asked():
    time = datetime(2010, 5, 2, 17, 31, 8, 250_000)
    meta = NefMeta(serial="4001234", captured=time, shutter=(10, 5000), iso=400, orientation=6, shutter_count=77)
    tags = exifread.process_file(io.BytesIO(nef_bytes(mosaic_of(SMALL), meta)))
    assert str(tags["Image Model"]) == "NIKON D80"
    assert str(tags["EXIF DateTimeOriginal"]) == "2010:05:02 17:31:08"
    assert float(tags["EXIF ExposureTime"].values[0]) == pytest.approx(0.002)
    assert tags["EXIF ISOSpeedRatings"].values == [400]
    assert tags["Image Orientation"].values == [6]


@pytest.mark.parametrize("name", ["clean", "portrait", "hot", "other-body", "d70"])
def test_a_committed_sample_is_what_its_sidecar_says(name):
    data = (FOLDER / f"{name}.nef").read_bytes()
    assert facts_of(data) == yaml.safe_load((FOLDER / f"{name}.yaml").read_text("utf-8"))


def files_of(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_recipe_gives_the_same_bytes_whatever_the_jobs(tmp_path):
    recipe = Recipe(5, SMALL, seed=3)
    make_series(recipe, tmp_path / "a", jobs=1)
    make_series(recipe, tmp_path / "b", jobs=3)
    assert files_of(tmp_path / "a") == files_of(tmp_path / "b")
    make_series(replace(recipe, seed=4), tmp_path / "c")
    assert files_of(tmp_path / "c") != files_of(tmp_path / "a")


def test_a_static_series_shows_one_view_with_fresh_noise(tmp_path):
    make_series(Recipe(3, SMALL, seed=3, static=True), tmp_path)
    first, second, third = (decoded(path.read_bytes()).astype(int) for path in sorted((tmp_path / "photos").iterdir()))
    assert np.median(np.abs(first - second)) < 0.05 * np.median(first) + 10
    assert (first != second).mean() > 0.5
    assert (second != third).mean() > 0.5


def test_suppression_leaves_nothing_above_its_eight_neighbours():
    raw = suppress(mosaic_of((40, 50)))
    inner = raw[2:-2, 2:-2]
    around = [raw[2 + i : 38 + i, 2 + j : 48 + j] for i in (-2, 0, 2) for j in (-2, 0, 2) if (i, j) != (0, 0)]
    assert (inner <= np.max(around, axis=0)).all()
    assert (inner == np.max(around, axis=0)).mean() > 0.05


def test_a_full_size_plan_has_every_kind_inside_the_active_area_and_births_in_half():
    plan = plant(FULL_SIZE, frames=60, count=250, seed=9)
    places = [(defect.x, defect.y) for defect in plan.defects]
    assert len(set(places)) == len(places) >= 250
    assert {defect.kind for defect in plan.defects} == set(KINDS)
    assert all(x < FULL_SIZE[1] - UNSEEN_COLS and y < FULL_SIZE[0] - UNSEEN_ROWS for x, y in places)
    assert {(0, 0), (FULL_SIZE[1] - UNSEEN_COLS - 1, 0)} <= set(places)
    born = [defect.born for defect in plan.defects]
    assert 0.4 < np.mean(np.array(born) > 0) < 0.6
    assert all(birth == 0 or 6 <= birth <= 51 for birth in born)
    (column,) = plan.columns
    assert not any(x == column.x for x, _ in places)
    assert 400 < column.y1 - column.y0 < 900


def test_a_frame_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match="64 x 64 photosites has no room for so many defects"):
        plant((64, 64), frames=3, count=80, seed=1)


def test_clusters_touch():
    plan = plant(FULL_SIZE, frames=60, count=250, seed=9)
    clusters: dict[int, list[PlantedDefect]] = {}
    for defect in plan.defects:
        if defect.cluster is not None:
            clusters.setdefault(defect.cluster, []).append(defect)
    assert sorted({len(members) for members in clusters.values()}) == [2, 4]
    for members in clusters.values():
        if len(members) == 2:
            assert members[0].plane == members[1].plane
        assert max(m.x for m in members) - min(m.x for m in members) <= 2
        assert max(m.y for m in members) - min(m.y for m in members) <= 2


STRONG = PlantedDefect(5, 6, "Gb", "hot", D=100.0, frames_since_birth=10, frames_beyond_3_sigma=5)
SOME = PlantedDefect(8, 6, "B", "weak", m=0.9, frames_since_birth=10, frames_beyond_3_sigma=4)
FAINT = PlantedDefect(9, 9, "Gr", "offset", b=3.0, frames_since_birth=10, frames_beyond_3_sigma=2)
COLUMN = PlantedColumn(20, 10, 30, "weak", m=0.7)
TRUTH = Truth((FrameFacts("DSC_0001.NEF", 0.002, 100, "2010-01-01T00:00:00"),), (STRONG, SOME, FAINT), (COLUMN,))


def test_strength_is_what_the_frames_say():
    assert (STRONG.strong, STRONG.some) == (True, False)
    assert (SOME.strong, SOME.some) == (False, True)
    assert (FAINT.strong, FAINT.some) == (False, False)


def test_a_truth_file_reads_back(tmp_path):
    write_truth(TRUTH, tmp_path / "truth.yaml")
    assert read_truth(tmp_path / "truth.yaml") == TRUTH


def test_what_is_found_counts_and_what_is_not_planted_is_false():
    found = {(5, 6): "offset", (9, 9): "offset", (20, 15): "weak", (40, 40): "hot"}
    result = compare(TRUTH, found, [(20, 12, 30), (50, 0, 9)])
    assert (result.strong, result.some, result.faint) == (Count(1, 1), Count(1, 0), Count(1, 1))
    assert result.false_entries == ((40, 40), (50, 0))
    assert (result.columns, result.column_ends) == (Count(1, 1), (2,))
    assert result.kinds == {("hot", "offset"): 1}
    assert result.kinds_right == 0
    assert result.missed == {}


def test_what_a_column_entry_covers_is_listed_and_what_is_missed_is_named():
    assert compare(TRUTH, {}, [(5, 0, 10)]).strong == Count(1, 1)
    nothing = compare(TRUTH, {}, [])
    assert nothing.missed == {"hot": 1}
    assert nothing.columns == Count(1, 0)
    assert np.isnan(nothing.kinds_right)


def test_the_report_names_every_number():
    text = "\n".join(comparison_lines(compare(TRUTH, {(5, 6): "hot"}, [(20, 10, 30)])))
    assert "1 of    1 found 100.0%" in text
    assert "false entries: 0" in text
    assert "ends within 0 rows" in text
    assert "kind right for 100.0%" in text
