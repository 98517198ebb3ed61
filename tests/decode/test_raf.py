"""RAFs of Fujifilm, whose X-Trans filters LibRaw reads off the file's own list of them: read, mapped, corrected."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from fixtures.files.nef import NefMeta
from fixtures.files.raf import raf_bytes, write_raf
from fixtures.scenes.scenes import XTRANS
from sensormap.camera.geometry import Rect
from sensormap.correct.run import CorrectOptions, correct_photos
from sensormap.decode.original import read_original
from sensormap.decode.quiet import native_stderr_silenced
from sensormap.decode.reading import open_geometry, read_frame
from sensormap.errors import DecodeError
from sensormap.photos.exif import read_photo
from sensormap.settings import Options
from sensormap.survey.run import map_defects

META = NefMeta(make="FUJIFILM", model="X-Z9", serial="4001234", captured=datetime(2024, 5, 6), shutter=(1, 60), iso=400)
VALUES = np.random.default_rng(3).normal(3000, 40, (132, 192)).astype(np.uint16)
NAME = "/".join("".join(row) for row in XTRANS)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with native_stderr_silenced():
        yield


@pytest.mark.parametrize(
    ("crop", "area"),
    [
        (None, Rect(0, 0, 192, 132)),
        ((6, 12, 120, 174), Rect(12, 6, 174, 120)),
        ((5, 7, 120, 174), Rect(12, 6, 169, 119)),  # LibRaw moves the corner to whole patterns
    ],
)
def test_a_frame_has_the_values_and_filters_of_the_file(
    crop: tuple[int, int, int, int] | None, area: Rect, tmp_path: Path
) -> None:
    path = tmp_path / "DSCF0001.RAF"
    path.write_bytes(raf_bytes(VALUES, META, cfa=XTRANS, crop=crop))
    photo = read_photo(path)
    assert (photo.body.make, photo.body.model, photo.exposure.iso) == ("FUJIFILM", "X-Z9", 400)
    profile = open_geometry(path, None)
    assert (profile.cfa.name, profile.active_area) == (NAME, area)
    assert_array_equal(read_frame(photo, profile).mosaic[area.slices], VALUES[area.slices])


@pytest.mark.parametrize(("down", "right"), [(0, 1), (2, 5), (3, 0)])
def test_any_phase_of_the_filters_is_read(down: int, right: int, tmp_path: Path) -> None:
    shifted = np.roll(np.array(XTRANS), (down, right), (0, 1))
    write_raf(tmp_path / "a.raf", VALUES, META, cfa=shifted)
    assert open_geometry(tmp_path / "a.raf", None).cfa.name == "/".join("".join(row) for row in shifted)


ODD = {
    "one colour": ["GGGGGG"] * 6,
    "rows alike": ["RGBRGB"] * 6,
    "one filter changed": ["GBGBRG", *("".join(row) for row in XTRANS[1:])],
    "two swapped": ["BRGBRG", *("".join(row) for row in XTRANS[1:])],
}


@pytest.mark.parametrize("kind", ODD)
def test_other_patterns_are_refused_in_one_line(kind: str, tmp_path: Path) -> None:
    write_raf(tmp_path / "a.raf", VALUES, META, cfa=ODD[kind])
    with pytest.raises(DecodeError, match=r"^a\.raf: 6x6 filters [^\n]*, expected those of X-Trans") as caught:
        open_geometry(tmp_path / "a.raf", None)
    assert "active area" not in str(caught.value)


def test_rafs_are_mapped_and_become_dngs(tmp_path: Path) -> None:
    for number in range(4):
        values = np.random.default_rng(number).normal(3000, 40, VALUES.shape).astype(np.uint16)
        values[60, 71] = 9000
        meta = replace(META, captured=META.captured + timedelta(days=number))
        write_raf(tmp_path / f"DSCF000{number}.RAF", values, meta, cfa=XTRANS)
    found = map_defects([tmp_path], Options(follow=0, jobs=1))
    assert (found.sensor.cfa.name, found.frames.used) == (NAME, 4)
    assert [(one.x, one.y) for one in found.defects] == [(71, 60)]
    options = CorrectOptions(all_defects=True, jobs=1)
    (done,) = correct_photos([tmp_path / "DSCF0003.RAF"], found, tmp_path / "out", options, on_skipped=pytest.fail)
    copy = read_original(done.output.read_bytes(), "a.dng")
    assert (done.output.suffix, copy.cfa.name) == (".dng", NAME)
    assert np.argwhere(copy.mosaic != values).tolist() == [[60, 71]]
    assert abs(int(copy.mosaic[60, 71]) - 3000) < 200
