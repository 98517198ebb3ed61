"""NEFs of 14 bits, and lossy ones whose code changes at a row, written again: only what was asked for changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from fixtures.files.nef import NefMeta, nef_bytes
from fixtures.files.split import SplitCoding
from sensormap.camera.cfa import Cfa
from sensormap.camera.geometry import Rect, Sensor
from sensormap.correct import raw as raw_module
from sensormap.correct.nef import Nef, can_rewrite, check_rewritten, read_nef, with_values
from sensormap.correct.nef_packing import pack, writable_indices
from sensormap.correct.run import CorrectOptions, correct_photos
from sensormap.decode.nef.strip import unpack
from sensormap.errors import OutputError
from sensormap.report.corrections import corrected_table
from tests.correct.test_nef import libraw_values, masked
from tests.support.maps import toy_defect, toy_map

SHAPE = (96, 160)
SPLITS = [0, 1, 2, 50, 93, 95]


def mosaic(bits: int, spread: float = 0.01) -> NDArray[np.uint16]:
    top = (1 << bits) - 1
    values = np.random.default_rng(bits).normal(0.2, spread, SHAPE) * top
    return values.clip(0, top).astype(np.uint16)


def opened(bits: int, row: int, spread: float = 0.01) -> Nef:
    data = nef_bytes(mosaic(bits, spread), NefMeta(serial="7"), split=SplitCoding(bits, row))
    assert can_rewrite(data, "a.nef")
    nef = read_nef(data, "a.nef")
    assert nef is not None
    return nef


@pytest.mark.parametrize("row", SPLITS)
@pytest.mark.parametrize("bits", [12, 14])
def test_the_given_photosites_change_and_no_other(bits: int, row: int) -> None:
    nef = opened(bits, row)
    rng = np.random.default_rng(row)
    places = rng.permutation(SHAPE[0] * SHAPE[1])[:900]
    rows, cols = places // SHAPE[1], places % SHAPE[1]
    values = rng.normal(0.2, 0.01, rows.size) * (1 << bits)
    found = with_values(nef, rows, cols, values)
    assert found is not None
    for by_libraw in (True, False):
        check_rewritten(found, nef, rows, cols, values, by_libraw=by_libraw)

    again = read_nef(found, "a.nef")
    assert again is not None
    kept = np.ones(SHAPE, np.bool_)
    kept[rows, cols] = False
    assert_array_equal(again.values[kept], nef.values[kept])
    assert_array_equal(libraw_values(found), again.values[: SHAPE[0] - 3])
    end = nef.raw.offset + nef.raw.length
    assert masked(found, nef.raw, end) == masked(nef.data, nef.raw, end)[: len(found)]
    # What is written is the nearest level, and in most places after the split as well: differences are small.
    nearest = np.abs(nef.levels.astype(float)[None] - values[:, None]).min(axis=1)
    off = np.abs(again.values[rows, cols] - values) - nearest
    assert_array_equal(off[(rows < row) & (cols > 1)] if row else off, 0)
    assert np.mean(off > 0) < 0.05
    assert off.max() < 100


def test_lossless_ones_of_14_bits_too() -> None:
    from tests.decode.nef.test_frame import lossless

    data = lossless(mosaic(14), 14)
    nef = read_nef(data, "a.nef")
    assert nef is not None
    here = np.arange(5, 90)
    found = with_values(nef, here, here, np.full(here.size, 12_345))
    assert found is not None
    check_rewritten(found, nef, here, here, np.full(here.size, 12_345))
    expected = mosaic(14)
    expected[here, here] = 12_345
    assert_array_equal(libraw_values(found), expected[: SHAPE[0] - 3])


@given(
    st.sampled_from([12, 14]),
    st.sampled_from(SPLITS),
    st.integers(0, 99),
    st.sampled_from([5, 500]),
    st.sampled_from([0.01, 0.3]),
)
def test_whatever_is_wanted_only_that_changes(bits: int, row: int, seed: int, count: int, spread: float) -> None:
    nef = NEFS[bits, row, spread]
    rng = np.random.default_rng(seed)
    places = rng.permutation(SHAPE[0] * (SHAPE[1] - 2))[:count]
    rows, cols = places // (SHAPE[1] - 2), places % (SHAPE[1] - 2) + 2
    margin = nef.coding.margin
    wanted = rng.integers(margin, len(nef.levels) - margin, count).astype(np.uint16)
    found = writable_indices(nef.indices, rows, cols, wanted, nef.coding)
    assert found is not None  # to the right of the first two columns there always is one
    if not row:
        assert_array_equal(found, wanted)
    indices = nef.indices.copy()
    indices[rows, cols] = found
    strip, bits_used = pack(indices, nef.coding)
    again = unpack(strip, SHAPE, nef.coding, "a.nef")
    assert_array_equal(again.indices, indices)
    assert again.bits == bits_used


NEFS = {
    (bits, row, spread): opened(bits, row, spread) for bits in (12, 14) for row in SPLITS for spread in (0.01, 0.3)
}


def test_an_index_of_the_first_columns_may_have_no_value_left() -> None:
    """Three differences depend on it: to the one above, which changed, and of those beside and below, which stay."""
    coding = NEFS[12, 1, 0.01].coding
    indices = np.full((5, 4), 144, np.uint16)
    indices[2, 2], indices[4, 0] = 477, 108
    above, here = np.array([0, 2]), np.array([0, 0])
    assert writable_indices(indices, above, here, np.array([257, 300], np.uint16), coding) is None
    found = writable_indices(indices, above[1:], here[1:], np.array([300], np.uint16), coding)
    assert found is not None


def test_such_a_photo_becomes_a_dng(monkeypatch: pytest.MonkeyPatch) -> None:
    nef = NEFS[12, 1, 0.01]
    one = np.array([5])
    monkeypatch.setattr("sensormap.correct.nef.writable_indices", lambda *_: None)
    assert with_values(nef, one, one, one) is None
    with pytest.raises(OutputError, match="rewritten, though some values cannot be"):
        check_rewritten(nef.data, nef, one, one, one)


def test_what_the_code_cannot_hold_is_counted(tmp_path: Path) -> None:
    """After a split a difference of many steps loses its lowest bits: beside steep columns values are off."""
    rng = np.random.default_rng(5)
    light = np.full(SHAPE[1], 500)
    light[10:150:20] = 2200
    values = (light + rng.normal(0, 5, SHAPE)).astype(np.uint16)
    photo = tmp_path / "DSC_1.NEF"
    photo.write_bytes(nef_bytes(values, NefMeta(serial="7"), split=SplitCoding(12, 2)))
    sensor = Sensor((SHAPE[1], SHAPE[0]), Rect(0, 0, SHAPE[1], SHAPE[0]), Cfa("GBRG"), None)
    defects = tuple(toy_defect(x, y, sensor=sensor) for y in range(10, 90, 20) for x in range(10, 150, 20))
    of_photo = replace(toy_map(), sensor=sensor, defects=defects, columns=(), rows=())
    options = CorrectOptions(all_defects=True, force=True, jobs=1)
    (done,) = correct_photos([photo], of_photo, tmp_path / "out", options, on_skipped=pytest.fail)
    (exact,) = correct_photos([photo], of_photo, tmp_path / "dng", replace(options, dng=True), on_skipped=pytest.fail)
    places = tuple(np.array([(one.y, one.x) for one in defects]).T)
    wanted, found = (libraw_values(one.output.read_bytes())[places].astype(int) for one in (exact, done))
    differ = np.abs(wanted - found)
    assert done.output.suffix == ".NEF"
    assert 0 < np.count_nonzero(differ > 6) <= done.inexact <= np.count_nonzero(differ > 1)
    assert exact.inexact == 0
    assert f"{done.inexact} places of them as near as the NEFs' coding allows" in corrected_table([done]).note


def test_black_is_libraws_where_no_profile_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    from sensormap.correct.repairs import CorrectionTask

    data = nef_bytes(mosaic(14), NefMeta(serial="7"), split=SplitCoding(14, 50))
    task = CorrectionTask("a.nef", toy_map(), None, "directional", None, None)
    monkeypatch.setattr(raw_module, "_check_size", lambda *_: None)
    levels = raw_module._nef_levels(data, 16_383, task)
    assert (levels.black, levels.saturation) == ((0, 0, 0, 0), 16_383)
