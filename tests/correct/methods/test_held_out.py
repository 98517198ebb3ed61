"""How far off each method is on healthy photosites, and what is subtracted from hot and offset ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sensormap.camera.cfa import BAYER_NAMES, MONO, Cfa
from sensormap.correct.methods.held_out import check, hold_out, noise_at, sum_up
from sensormap.correct.methods.registry import INTERPOLATIONS
from sensormap.correct.methods.subtract import Excess, excess_of, expected_errors, subtract
from sensormap.maps.entries import DefectKind
from sensormap.score.noise import frame_noise
from tests.support.maps import toy_defect

CLIPPING = (0, 4095)


def grey(shape=(240, 240), *, noise=20.0, seed=5):
    return np.random.default_rng(seed).normal(900, noise, shape).round().astype(np.int16)


@pytest.mark.parametrize("name", [*BAYER_NAMES, MONO])
def test_noise_alone_is_told_to_its_floor(name):
    mosaic = grey()
    found = sum_up([check(mosaic, np.zeros(mosaic.shape, bool), Cfa(name), clipping=CLIPPING)])
    assert [one.method for one in found] == list(INTERPOLATIONS)
    best = found[0]
    assert best.count == 24 * 24
    assert best.median_sigma == pytest.approx(0.67, abs=0.09)
    assert best.high_sigma == pytest.approx(1.96, abs=0.2)
    assert best.median_dn == pytest.approx(20 * best.median_sigma, rel=0.1)


def test_the_same_photosites_are_held_out_again_and_none_near_a_mapped_one():
    mosaic, mask = grey(), np.zeros((240, 240), bool)
    mask[:, 100], mask[30, 30] = True, True
    first = hold_out(mosaic, mask, 2, clipping=CLIPPING, count=400)
    np.testing.assert_array_equal(first, hold_out(mosaic + 1, mask, 2, clipping=CLIPPING, count=400))
    assert len(first) > 300
    assert np.abs(first[:, 1] - 100).min() > 4
    apart = np.abs(first[:, None] - first[None]).max(axis=-1)
    assert apart[~np.eye(len(first), dtype=bool)].min() >= 5


def test_clipped_photosites_are_not_held_out_and_tiny_frames_hold_out_none():
    mosaic = grey()
    mosaic[:120], mosaic[120:180] = 0, 4095
    rows = hold_out(mosaic, np.zeros(mosaic.shape, bool), 2, clipping=CLIPPING, count=400)[:, 0]
    assert rows.min() >= 180
    assert sum_up([check(grey((8, 8)), np.zeros((8, 8), bool), Cfa("RGGB"), clipping=CLIPPING)]) == ()
    assert sum_up([]) == ()


def test_black_left_in_changes_no_error_in_dn():
    mosaic, methods = grey(), ["mean", "directional"]
    mask, with_black = np.zeros(mosaic.shape, bool), (mosaic + 256).astype(np.uint16)
    first = check(mosaic, mask, Cfa("RGGB"), clipping=CLIPPING, methods=methods)
    second = check(with_black, mask, Cfa("RGGB"), clipping=(0, 4351), methods=methods)
    for method in methods:
        np.testing.assert_array_equal(first.errors[method], second.errors[method])


@pytest.mark.parametrize("step", [1, 2])
def test_the_noise_of_a_photosite_is_that_of_the_frame(step):
    mosaic = grey()
    targets = np.array([[100, 100], [7, 3], [0, 0]])
    sigma = noise_at(mosaic, np.zeros(mosaic.shape, bool), targets, step, clipping=CLIPPING)
    np.testing.assert_allclose(sigma, 20, rtol=0.2)


HOT = {"dark_dn_per_s": (100.0, 90.2, 109.8)}


@pytest.mark.parametrize(
    ("kind", "strengths", "dn", "uncertain"),
    [
        (DefectKind.HOT, HOT, 800.0, (40.0**2 + 120.0**2) ** 0.5),
        (DefectKind.HOT, HOT | {"offset_dn": (10.0, 8.04, 11.96)}, 840.0, (40.0**2 + 4.0**2 + 120.0**2) ** 0.5),
        (DefectKind.OFFSET, {"offset_dn": (30.0, 28.04, 31.96)}, 120.0, 4.0),
        (DefectKind.OFFSET, {"offset_dn": (30.0, 28.0, 32.0), "unresolved": ("response",)}, 120.0, 8 / 1.96),
    ],
)
def test_what_a_defect_adds(kind, strengths, dn, uncertain):
    excess = excess_of(toy_defect(2, 2, kind=kind, **strengths), gain=4, shutter_s=2)
    assert excess.dn == pytest.approx(dn)
    assert excess.uncertain_dn == pytest.approx(uncertain, rel=1e-3)


@pytest.mark.parametrize(
    ("kind", "strengths"),
    [
        (DefectKind.HOT, {}),
        (DefectKind.HOT, HOT | {"unresolved": ("offset_dn",)}),
        (DefectKind.STUCK, {}),
        (DefectKind.WEAK, {"response": (0.5, 0.4, 0.6)}),
    ],
)
def test_what_no_map_tells_is_not_subtracted(kind, strengths):
    assert excess_of(toy_defect(2, 2, kind=kind, **strengths), gain=1, shutter_s=1) is None


@pytest.mark.parametrize(
    ("value", "excess", "expected", "subtracted"),
    [
        (600, Excess(440.0, 5.0), 150, True),  # of 160 and 80
        (600, Excess(440.0, 29.0), 119, True),  # a strength less certain counts less
        (600, Excess(300.0, 5.0), 300, True),  # a star
        (600, Excess(300.0, 35.0), 80, False),  # or a strength that is not what the map says
        (600, Excess(700.0, 5.0), 80, False),  # farther below than errors explain: a clipped value, perhaps
        (10, Excess(50.0, 0.1), 0, True),  # never below the floor
        (4000, Excess(3900.0, 5.0), 98, True),
        (4080, Excess(3990.0, 5.0), 80, False),  # within its noise of saturation
        (4095, Excess(3990.0, 5.0), 80, False),  # saturated
        (0, Excess(0.0, 5.0), 80, False),  # clipped at black
        (600, None, 80, False),
    ],
)
def test_the_surer_of_the_two_counts_more(value, excess, expected, subtracted):
    one = np.ones(1)
    near = np.array([0 if value == 10 else 80])
    values, counts = subtract(np.array([value]), [excess], near, 900 * one, 100 * one, clipping=CLIPPING)
    assert (values.tolist(), counts.tolist()) == ([expected], [subtracted])


def test_neither_is_as_far_off_as_the_mean_of_both():
    rng = np.random.default_rng(11)
    light, own, scenery, uncertain = 300.0, 15.0, 25.0, 20.0
    count = 4000
    values = np.rint(light + 400 + rng.normal(0, own, count) + rng.normal(0, uncertain, count)).astype(np.int64)
    interpolated = np.rint(light + rng.normal(0, scenery, count)).astype(np.int64)
    variances = np.full(count, scenery**2 + own**2 * 3 / 7), np.full(count, own**2)
    repaired, _ = subtract(values, [Excess(400.0, uncertain)] * count, interpolated, *variances, clipping=CLIPPING)
    off = [np.std(some - light) for some in (repaired, values - 400, interpolated)]
    assert off[0] < 0.8 * min(off[1:])


def test_a_noisier_value_counts_less():
    args = np.array([600, 600]), [Excess(440.0, 5.0)] * 2, np.array([80, 80]), np.full(2, 900.0)
    assert subtract(*args, np.array([100.0, 1000.0]), clipping=CLIPPING)[0].tolist() == [150, 111]


def test_where_no_neighbour_is_known_the_excess_is_subtracted():
    one = np.ones(1)
    args = np.array([600]), [Excess(440.0, 5.0)], np.array([600]), np.inf * one
    assert subtract(*args, 100 * one, clipping=CLIPPING)[0].tolist() == [160]


def test_interpolation_is_expected_to_be_off_by_noise_and_by_texture():
    mosaic = grey()
    mosaic[:, 120:] += np.random.default_rng(6).normal(0, 200, (240, 120)).astype(np.int16)
    noise = frame_noise(mosaic, 2, clipping=CLIPPING)
    targets = np.array([[60, 60], [61, 180], [90, 91], [92, 170]])
    mask = np.zeros(mosaic.shape, bool)
    mask[tuple(targets.T)] = True
    variance, own = expected_errors(mosaic, mask, targets, noise)
    flat, textured = variance[::2], variance[1::2]
    assert (flat < 50**2).all()
    assert (textured > 100**2).all()
    assert (np.abs(own[::2] - 20**2) < 20**2).all()
    assert np.isinf(expected_errors(mosaic, np.ones_like(mask), targets, noise)[0]).all()


def test_the_excess_of_a_cold_one_is_negative_and_that_of_two_kinds_between_both():
    cold = excess_of(toy_defect(2, 2, kind=DefectKind.COLD, offset_dn=(-50.0, -52.0, -48.0)), gain=2, shutter_s=1)
    assert cold is not None
    assert cold.dn == -100.0
    either = toy_defect(
        2, 2, or_kinds=(DefectKind.OFFSET,), dark_dn_per_s=(10.0, 9.9, 10.1), offset_dn=(100.0, 99.0, 101.0)
    )
    same, shorter = (excess_of(either, gain=1, shutter_s=shutter_s) for shutter_s in (10.0, 1.0))
    assert same is not None
    assert shorter is not None
    assert same.dn == pytest.approx(100)
    assert same.uncertain_dn < 1
    assert shorter.dn == pytest.approx(55)
    assert shorter.uncertain_dn == pytest.approx(45, rel=0.01)
    with_light = replace(either, or_kinds=(DefectKind.OVERRESPONSIVE,))
    assert excess_of(with_light, gain=1, shutter_s=1) is None
