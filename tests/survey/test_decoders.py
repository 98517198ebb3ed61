"""Which decoder a run uses: where the own one differs from LibRaw, LibRaw's word counts, and the map is the same."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sensormap.decode.nef.frame
from fixtures.series import Recipe, make_series
from fixtures.truth.truth import compare
from sensormap.decode.nef.strip import read_values
from sensormap.maps.mapfile.writing import map_text
from sensormap.photos.files import read_bytes
from sensormap.survey.first_pass import run_first_pass
from tests.support.photos import survey_of, write_photos, write_profile

SMALL = (384, 512)


@pytest.fixture
def place(tmp_path: Path) -> tuple[Path, Path]:
    write_photos(tmp_path / "photos", 12)
    return tmp_path / "photos", write_profile(tmp_path)


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return the contexts of the first passes so far."""
    found: list[Any] = []

    def spy(photos: Any, profile: Any, rules: Any, context: Any, **options: Any) -> Any:
        found.append(context)
        return run_first_pass(photos, profile, rules, context, **options)

    monkeypatch.setattr("sensormap.survey.first_pass.run_first_pass", spy)
    return found


def distorted(monkeypatch: pytest.MonkeyPatch, which: Callable[[str], bool]) -> None:
    """Have the own decoder find other values in some photos, by their names."""

    def read(strip: Any, shape: Any, coding: Any, name: str) -> Any:
        values, bits = read_values(strip, shape, coding, name)
        if which(name):
            values = values.copy()
            values[40:44, 60] = 4000
        return values, bits

    monkeypatch.setattr(sensormap.decode.nef.frame, "read_values", read)


@pytest.mark.parametrize("jobs", [1, 3])
def test_a_decoder_that_finds_other_values_changes_no_map(
    place: tuple[Path, Path],
    passes: list[Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    jobs: int,
) -> None:
    photos, profile = place
    expected = map_text(survey_of(photos, profile=profile, decoder="rawpy"))
    passes.clear()
    distorted(monkeypatch, lambda _: True)
    with caplog.at_level(logging.INFO, "sensormap"):
        found = survey_of(photos, profile=profile, jobs=jobs)
    assert map_text(found) == expected
    assert len(passes) == 2
    assert "DSC_0000.NEF: LibRaw finds other values; the decoder of NEFs does not notice" in caplog.messages
    assert "a photo is decoded differently by LibRaw: its shard is surveyed again by LibRaw alone" in caplog.messages


def test_after_two_photos_all_are_left_to_libraw(
    tmp_path: Path, passes: list[Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    photos, profile = write_photos(tmp_path / "photos", 40), write_profile(tmp_path)
    shards = [range(first, first + 10) for first in (0, 10, 20, 30)]
    monkeypatch.setattr("sensormap.survey.survey_shards.cut_into_shards", lambda _: shards)
    monkeypatch.setattr("sensormap.survey.frame_reader._COMPARED", 1 << 300)
    expected = map_text(survey_of(*photos, profile=profile, decoder="rawpy"))
    passes.clear()
    distorted(monkeypatch, lambda name: name in {"DSC_0010.NEF", "DSC_0020.NEF", "DSC_0030.NEF"})
    with caplog.at_level(logging.INFO, "sensormap"):
        found = survey_of(*photos, profile=profile)
    assert map_text(found) == expected
    by_both = [context.fallback is not None for context in passes]
    assert by_both == [True, True, False, True, False, False]
    warnings = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    said = "DSC_0010.NEF, DSC_0020.NEF: decoded differently by LibRaw, which decodes all photos from here on"
    assert warnings.count(said) == 1


def test_what_the_own_decoder_alone_reads_is_refused(place: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    photos, profile = place
    first = photos / "DSC_0000.NEF"
    data = first.read_bytes()
    first.write_bytes(data[:-9000] + bytes(9000))
    expected = survey_of(photos, profile=profile, decoder="rawpy")

    def read(strip: Any, shape: Any, coding: Any, name: str) -> Any:
        noise = np.random.default_rng(1).normal(700, 20, shape)
        return (noise.astype(np.uint16), 0) if name == first.name else read_values(strip, shape, coding, name)

    monkeypatch.setattr(sensormap.decode.nef.frame, "read_values", read)
    found = survey_of(photos, profile=profile)
    assert map_text(found) == map_text(expected)
    assert [photo.name for photo in found.skipped] == ["DSC_0000.NEF"]


def test_both_decoders_may_share_a_folder_of_states_but_no_shard(place: tuple[Path, Path], tmp_path: Path) -> None:
    photos, profile = place
    state = tmp_path / "state"
    maps = [map_text(survey_of(photos, profile=profile, state=state, decoder=one)) for one in ("auto", "rawpy", "auto")]
    assert len(set(maps)) == 1
    assert len(list((state / "shards").iterdir())) == 2


def test_a_camera_that_clips_beyond_its_profile(
    tmp_path: Path, passes: list[Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    truth = make_series(Recipe(24, SMALL, seed=5, clips_at=4095), tmp_path)
    photos, profile = tmp_path / "photos", tmp_path / "profile.yaml"
    read = []
    monkeypatch.setattr("sensormap.decode.reading.read_bytes", lambda path: read.append(path) or read_bytes(path))
    with caplog.at_level(logging.INFO, "sensormap"):
        found = survey_of(photos, profile=profile, follow=0)
    assert found.skipped == ()
    assert len(read) <= 24 + 3 + 3  # the geometry, and the photos to compare
    said = [line for line in caplog.messages if re.fullmatch(r"\d+ photos clip at 4095 DN, not at 3880 as .*", line)]
    assert len(said) == 1
    assert map_text(survey_of(photos, profile=profile, follow=0, decoder="rawpy", jobs=1)) == map_text(found)
    listed = {(defect.x, defect.y): str(defect.kind) for defect in found.defects}
    columns = [(column.x, column.y0, column.y1) for column in found.columns]
    result = compare(truth, listed, columns)
    assert result.false_entries == ()
    assert result.strong.found >= 0.8 * result.strong.planted


def test_a_camera_that_clips_where_its_profile_says_is_not_told(
    place: tuple[Path, Path], caplog: pytest.LogCaptureFixture
) -> None:
    photos, profile = place
    with caplog.at_level(logging.INFO, "sensormap"):
        survey_of(photos, profile=profile, follow=0)
    assert not [line for line in caplog.messages if "clip at" in line]
