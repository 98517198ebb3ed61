"""New values from what is around a photosite: laws that every method keeps, and what tells them apart."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensormap.camera.cfa import BAYER_NAMES, MONO, PICTURE, Cfa
from sensormap.correct.methods.new_values import repair
from sensormap.correct.methods.registry import INTERPOLATIONS
from sensormap.correct.methods.surround import REACH
from tests.support.correctpixel_standin import WEIGHTS

CFAS = [*BAYER_NAMES, MONO]
COLOURS = {"R": 500, "Gr": 900, "Gb": 900, "B": 300, "mono": 700}
SHAPE = (40, 48)


def scene(cfa, *, shape=SHAPE, seed=1, noise=12.0, dtype=np.uint16):
    """Two slanting edges, a grating, a colour a plane, and noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[0], : shape[1]].astype(float)
    light = 1 + 0.6 * np.tanh(x - 0.4 * y - 9) + 0.3 * np.sin(0.8 * x + 0.5 * y) * (y > shape[0] // 2)
    for plane in cfa.planes:
        plane.view(light)[:] *= COLOURS[plane.name]
    return np.clip(light + rng.normal(0, noise, shape), 0, 4095).astype(dtype)


def places(shape=SHAPE, count=40, seed=2):
    chosen = np.random.default_rng(seed).choice(shape[0] * shape[1], min(count, shape[0] * shape[1]), replace=False)
    return np.stack(np.unravel_index(chosen, shape), axis=1)


def mask_of(targets, shape=SHAPE):
    mask = np.zeros(shape, bool)
    mask[tuple(targets.T)] = True
    return mask


@pytest.mark.parametrize("method", INTERPOLATIONS)
@pytest.mark.parametrize("name", CFAS)
def test_flat_colours_are_repaired_exactly_whatever_is_missing(method, name):
    cfa = Cfa(name)
    flat = np.zeros(SHAPE, np.int16)
    for plane in cfa.planes:
        plane.view(flat)[:] = COLOURS[plane.name]
    mask = mask_of(places())
    mask[:, 7:9] = mask[20:26, 20:26] = mask[11] = True
    targets = np.argwhere(mask)
    broken = np.where(mask, 4000, flat).astype(np.int16)
    repaired = repair(broken, mask, targets, cfa, method=method)
    np.testing.assert_array_equal(repaired.values, flat[mask])
    assert not repaired.unknown.any()


@pytest.mark.parametrize("name", CFAS)
@pytest.mark.parametrize("slope", [(1, 0), (0, 3), (2, -5), (7, 11)])
@pytest.mark.parametrize("method", ["directional", "mean", "weighted8"])
def test_ramps_are_repaired_exactly(name, slope, method):
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    ramp = 1000 + slope[0] * y + slope[1] * x
    targets = np.array([[9, 9], [20, 30], [31, 8], [12, 38]])
    repaired = repair(ramp, mask_of(targets), targets, Cfa(name), method=method)
    np.testing.assert_array_equal(repaired.values, ramp[tuple(targets.T)])


@pytest.mark.parametrize("name", CFAS)
@pytest.mark.parametrize("wide", [1, 2])
@pytest.mark.parametrize("way", ["column", "row"])
def test_lines_are_repaired_along_a_ramp(name, wide, way):
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    ramp = 1000 + 6 * y + 10 * x
    mask = np.zeros(SHAPE, bool)
    (mask.T if way == "row" else mask)[:, 20 : 20 + wide] = True
    targets = np.argwhere(mask)
    error = repair(ramp, mask, targets, Cfa(name)).values - ramp[mask]
    inner = (targets >= 6).all(axis=1) & (targets < np.array(SHAPE) - 6).all(axis=1)
    assert np.abs(error[inner]).max() <= 1
    assert np.abs(error).max() <= 20  # at the ends the range of the neighbours bounds it


@pytest.mark.parametrize("method", INTERPOLATIONS)
@pytest.mark.parametrize("name", ["GRBG", MONO])
def test_mapped_values_are_never_used(method, name):
    cfa = Cfa(name)
    mosaic = scene(cfa)
    mask = mask_of(places(count=300))
    mask[:, 20] = True
    targets = np.argwhere(mask)
    other = mosaic.copy()
    other[mask] = np.random.default_rng(3).integers(0, 4096, mask.sum())
    first, second = (repair(one, mask, targets, cfa, method=method) for one in (mosaic, other))
    np.testing.assert_array_equal(first.values, second.values)
    bare = repair(other, np.zeros_like(mask), targets, cfa, method=method)  # a target is mapped in any case
    np.testing.assert_array_equal(first.values, bare.values)


@pytest.mark.parametrize("method", INTERPOLATIONS)
def test_the_order_of_targets_and_their_company_do_not_matter(method):
    cfa = Cfa("BGGR")
    mosaic, targets = scene(cfa), places(count=200)
    mask = mask_of(targets)
    whole = repair(mosaic, mask, targets, cfa, method=method).values
    order = np.random.default_rng(4).permutation(len(targets))
    np.testing.assert_array_equal(repair(mosaic, mask, targets[order], cfa, method=method).values, whole[order])
    some = order[:7]
    np.testing.assert_array_equal(repair(mosaic, mask, targets[some], cfa, method=method).values, whole[some])


@pytest.mark.parametrize("name", CFAS)
@pytest.mark.parametrize("method", INTERPOLATIONS)
def test_black_does_not_matter(name, method):
    cfa = Cfa(name)
    mosaic, targets = scene(cfa, dtype=np.int32), places()
    mask = mask_of(targets)
    with_black = repair((mosaic + 512).astype(np.uint16), mask, targets, cfa, method=method)
    without = repair(mosaic, mask, targets, cfa, method=method).values
    assert with_black.values.dtype == np.uint16
    np.testing.assert_array_equal(with_black.values.astype(int) - 512, without)


@pytest.mark.parametrize("name", CFAS)
@pytest.mark.parametrize("method", INTERPOLATIONS)
def test_a_transposed_frame_is_repaired_alike(name, method):
    cfa, turned = Cfa(name), Cfa(name if name == MONO else name[0] + name[2] + name[1] + name[3])
    mosaic, targets = scene(cfa), places()
    mask = mask_of(targets)
    upright = repair(mosaic, mask, targets, cfa, method=method).values
    aside = repair(mosaic.T.copy(), mask.T, targets[:, ::-1], turned, method=method).values
    assert np.abs(upright.astype(int) - aside).max() <= 1


@pytest.mark.parametrize("name", CFAS)
def test_the_default_beats_mean_and_median(name):
    cfa = Cfa(name)
    mosaic = scene(cfa, shape=(200, 200), noise=4.0)
    targets = places((200, 200), 1500)
    real = mosaic[tuple(targets.T)].astype(float)
    empty = np.zeros(mosaic.shape, bool)
    errors = {
        method: np.median(np.abs(repair(mosaic, empty, targets, cfa, method=method).values - real))
        for method in ("directional", "mean", "median")
    }
    assert errors["directional"] <= 0.7 * min(errors["mean"], errors["median"])


@pytest.mark.parametrize("seed", range(4))
def test_weighted8_on_a_sensor_without_filters_is_what_the_script_makes(seed):
    mosaic = scene(Cfa(MONO), seed=seed)
    targets = places(count=1, seed=seed) % 30 + 4
    (row, col), around = targets[0], np.s_[targets[0, 0] - 1 : targets[0, 0] + 2, targets[0, 1] - 1 : targets[0, 1] + 2]
    expected = np.tensordot(WEIGHTS, mosaic[around].astype(float), 2) / WEIGHTS.sum()
    value = repair(mosaic, mask_of(targets), targets, Cfa(MONO), method="weighted8").values[0]
    assert abs(value - expected) <= 0.5, (row, col)


def test_dcraw_takes_greens_of_both_planes():
    mosaic = np.zeros((12, 12), np.int16)
    Cfa("RGGB").planes[2].view(mosaic)[:] = 100  # Gb, around a Gr
    at = np.array([[4, 5], [4, 4]])
    assert repair(mosaic, mask_of(at, (12, 12)), at, Cfa("RGGB"), method="dcraw").values.tolist() == [100, 0]


@pytest.mark.parametrize("name", CFAS)
@pytest.mark.parametrize("method", INTERPOLATIONS)
def test_a_frame_all_but_masked(name, method):
    cfa = Cfa(name)
    shape = (60, 60)
    mosaic, mask = scene(cfa, shape=shape), np.ones(shape, bool)
    mask[4 : 4 + cfa.step, 6 : 6 + cfa.step] = False
    targets = np.argwhere(mask)
    repaired = repair(mosaic, mask, targets, cfa, method=method)
    apart = np.abs(targets - [4, 6]).max(axis=1)
    assert not repaired.unknown[apart <= REACH - 1].any()
    assert repaired.unknown[apart > REACH + 1].all()
    np.testing.assert_array_equal(repaired.values[repaired.unknown], mosaic[mask][repaired.unknown])
    known = mosaic[4 : 4 + cfa.step, 6 : 6 + cfa.step]
    assert np.isin(repaired.values[~repaired.unknown], known).mean() > (0.4 if method == "dcraw" else 0.99)


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(st.integers(1, 14), st.integers(1, 14)),
    st.sampled_from(CFAS),
    st.sampled_from(INTERPOLATIONS),
    st.sampled_from([np.uint16, np.int16, np.int32]),
    st.integers(0, 2**32 - 1),
    st.floats(0, 1),
)
def test_any_frame_gives_values_within_those_known(shape, name, method, dtype, seed, share):
    rng = np.random.default_rng(seed)
    info = np.iinfo(dtype)
    mosaic = rng.integers(max(info.min, -65_535), min(info.max, 65_535), shape, dtype=dtype, endpoint=True)
    mask = rng.random(shape) < share
    targets = np.argwhere(mask)
    repaired = repair(mosaic, mask, targets, Cfa(name), method=method)
    assert repaired.values.shape == repaired.unknown.shape == (len(targets),)
    assert repaired.values.dtype == dtype
    if (~mask).any():
        within = (repaired.values >= mosaic[~mask].min()) & (repaired.values <= mosaic[~mask].max())
        assert within[~repaired.unknown].all()
    else:
        assert repaired.unknown.all()


@pytest.mark.parametrize(
    ("cfa", "method", "target", "words"),
    [
        ("RGGB", "bicubic", (3, 3), "'bicubic' is not one of directional, mean"),
        (PICTURE, "mean", (3, 3), "not the pixels of a JPEG"),
        ("RGGB", "mean", (40, 3), "outside the mosaic"),
        ("RGGB", "mean", (3, -1), "outside the mosaic"),
    ],
)
def test_what_cannot_be_repaired_is_refused(cfa, method, target, words):
    mosaic = np.zeros(SHAPE, np.int16)
    with pytest.raises(ValueError, match=words):
        repair(mosaic, mosaic > 0, np.array([target]), Cfa(cfa), method=method)


def test_a_mask_of_another_shape_is_refused():
    with pytest.raises(ValueError, match="expected the same"):
        repair(np.zeros(SHAPE, np.int16), np.zeros((3, 3), bool), np.array([[1, 1]]), Cfa("RGGB"))
