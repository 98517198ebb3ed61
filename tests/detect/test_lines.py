"""Lines: faint partial columns and rows are found whole, and healthy sensors have none."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from sensormap.camera.cfa import BAYER_NAMES, MONO, Cfa
from sensormap.detect.line_walks import CLIP, background_of, chance_height, deviate, raise_walks, runs_along, steepest
from sensormap.detect.lines import DeviatingLine, LineLimits, find_lines

SCALE = 0.15
SHAPE = (400, 600)
TALL = (1040, 300)
"""A column of a quarter of the height is 260 rows, 130 photosites of each plane."""
CFA = Cfa("GBRG")


def sensor(seed, *, shape=SHAPE, singles=300, smooth=0.0):
    """Return mean scores: normal noise, single defects of up to 20 sigma, and a smooth component."""
    rng = np.random.default_rng([seed, 11])
    mean = rng.normal(0, SCALE, shape)
    mean[rng.integers(0, shape[0], singles), rng.integers(0, shape[1], singles)] += rng.uniform(-20, 20, singles)
    y, x = np.ogrid[: shape[0], : shape[1]]
    phase = rng.uniform(0, 6, 2)
    mean += smooth * np.sin(8 * x / shape[1] + phase[0]) * np.cos(6 * y / shape[0] + phase[1])
    return mean.astype(np.float32)


def lines_of(mean, cfa=CFA, *, frames=100, **limits):
    return find_lines(mean, np.full(mean.shape, frames, np.uint16), cfa, limits=LineLimits(**limits))


def places(lines):
    return [(line.axis, line.place, line.phases) for line in lines]


def near(line, first, last, within):
    return abs(line.first - first) <= within and abs(line.last - last) <= within


@pytest.mark.parametrize("name", [*BAYER_NAMES, MONO])
@pytest.mark.parametrize("singles", [0, 300, 10_000])
def test_healthy_sensors_have_no_lines(name: str, singles: int) -> None:
    for seed in range(4):
        assert lines_of(sensor(seed, singles=singles, smooth=0.05 * (seed % 3)), Cfa(name)) == ()


@pytest.mark.parametrize("name", [*BAYER_NAMES, MONO])
@pytest.mark.parametrize("axis", ["column", "row"])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_faint_line_is_found_as_one(name: str, axis: str, sign: int) -> None:
    """Two scales: not one photosite in a hundred of it would be a candidate by itself."""
    for seed in range(4):
        mean = sensor(seed, shape=TALL, smooth=0.05)
        mean[300:560, 101 + seed] += sign * 2 * SCALE
        (line,) = lines_of(mean if axis == "column" else mean.T.copy(), Cfa(name))
        assert (line.axis, line.place) == (axis, 101 + seed)
        assert line.phases == ((0,) if name == MONO else (0, 1))
        assert near(line, 300, 559, 10)
        assert line.effect == pytest.approx(sign * 2 * SCALE, abs=0.05)
        assert line.score > 10


@pytest.mark.parametrize("phase", [0, 1])
@pytest.mark.parametrize("axis", ["column", "row"])
def test_a_line_of_one_plane_has_one_phase(phase: int, axis: str) -> None:
    mean = sensor(1, shape=TALL)
    mean[300 + phase : 560 : 2, 50] -= 0.5
    (line,) = lines_of(mean if axis == "column" else mean.T.copy())
    assert (line.axis, line.place, line.phases) == (axis, 50, (phase,))
    assert near(line, 300 + phase, 558 + phase, 6)
    assert line.first % 2 == line.last % 2 == phase


def test_planes_of_unlike_effect_make_one_line() -> None:
    mean = sensor(2, shape=TALL)
    mean[300:560:2, 50] += 2
    mean[301:560:2, 50] += 0.3
    (line,) = lines_of(mean)
    assert (line.place, line.first, line.last, line.phases) == (50, 300, 559, (0, 1))
    assert line.effect == pytest.approx(1.15, abs=0.05)


@pytest.mark.parametrize("place", [0, 1, SHAPE[1] - 2, SHAPE[1] - 1])
@pytest.mark.parametrize("ends", [(0, SHAPE[0]), (0, 150), (SHAPE[0] - 150, SHAPE[0])])
def test_lines_at_the_edges(place: int, ends: tuple[int, int]) -> None:
    mean = sensor(3)
    mean[slice(*ends), place] -= 0.6
    (line,) = lines_of(mean)
    assert (line.axis, line.place, line.phases) == ("column", place, (0, 1))
    assert near(line, ends[0], ends[1] - 1, 3)


@pytest.mark.parametrize(("length", "found"), [(46, False), (47, True), (48, True)])
def test_a_line_has_at_least_24_photosites_of_a_plane(length: int, found: bool) -> None:
    """Of 46 rows each plane has 23."""
    mean = sensor(4)
    mean[100 : 100 + length, 77] += 3
    assert [(line.place, line.first, line.last) for line in lines_of(mean)] == [(77, 100, 99 + length)] * found


@pytest.mark.parametrize("effect", [0.4, 3.0])
def test_a_gap_of_20_rows_is_bridged(effect: float) -> None:
    mean = sensor(5, shape=TALL)
    mean[300:420, 8] += effect
    mean[440:560, 8] += effect
    (line,) = lines_of(mean)
    assert near(line, 300, 559, 6)


@pytest.mark.parametrize("effect", [0.5, 3.0])
def test_runs_far_apart_are_two_lines(effect: float) -> None:
    mean = sensor(6, shape=TALL)
    mean[100:300, 8] += effect
    mean[400:600, 8] += effect
    first, second = lines_of(mean)
    assert near(first, 100, 299, 6)
    assert near(second, 400, 599, 6)


def test_bright_and_dark_runs_of_one_column_are_two_lines() -> None:
    mean = sensor(7, shape=TALL)
    mean[100:300, 8] += 1
    mean[300:500, 8] -= 1
    bright, dark = lines_of(mean)
    assert near(bright, 100, 299, 2)
    assert near(dark, 300, 499, 2)
    assert bright.effect == pytest.approx(-dark.effect, abs=0.1)


def test_lines_come_sorted_and_the_same_each_time() -> None:
    mean = sensor(8)
    mean[200, 100:400] -= 1
    mean[50:350, 500] += 0.5
    mean[50:350, 20] += 2
    lines = lines_of(mean)
    assert places(lines) == [("column", 20, (0, 1)), ("column", 500, (0, 1)), ("row", 200, (0, 1))]
    assert lines_of(mean) == lines == tuple(sorted(lines))


@pytest.mark.parametrize(("name", "apart"), [("GBRG", 2), (MONO, 1)])
def test_the_side_effects_beside_a_line_are_left_out(name: str, apart: int) -> None:
    """The medians of the photosites beside a bad column are a little off, the other way."""
    mean = sensor(9)
    mean[100:300, 50] += 2
    for place in (50 - apart, 50 + apart):
        mean[100:300, place] -= 0.6
    assert [line.place for line in lines_of(mean, Cfa(name))] == [50]


def test_columns_beside_each_other_are_two_lines() -> None:
    mean = sensor(10)
    mean[100:300, [50, 52, 53]] += 1
    assert [line.place for line in lines_of(mean)] == [50, 52, 53]


def test_what_two_frames_can_make_is_no_line() -> None:
    """Two scores of 8 sigma make 1.6 in the mean of ten frames, and 0.16 in that of a hundred."""
    mean = sensor(11)
    mean[100:300, 50] += 1.3
    assert lines_of(mean, frames=10) == ()
    assert places(lines_of(mean, frames=10, lone_frames=1)) == [("column", 50, (0, 1))]
    assert places(lines_of(mean, frames=15)) == [("column", 50, (0, 1))]


def test_a_weaker_effect_than_the_least_is_no_line() -> None:
    mean = sensor(12, shape=TALL)
    mean[:, 50] += 0.2
    assert lines_of(mean) == ()
    assert places(lines_of(mean, effect_sigma=0.1)) == [("column", 50, (0, 1))]


def test_clusters_of_glaring_defects_are_no_line() -> None:
    """Not twenty in a row of one plane, nor a third of a plane's photosites along a column."""
    mean = sensor(13)
    mean[100:140, 50] = 20
    mean[60:360:6, 90] = 20
    assert lines_of(mean) == ()


def test_values_never_seen_or_not_finite_count_for_nothing() -> None:
    mean = sensor(14)
    mean[100:300, 50] += 1
    seen = np.full(SHAPE, 60)
    seen[:, 300:] = 0
    mean[:, 300:] = 0
    expected = find_lines(mean, seen, CFA)
    assert places(expected) == [("column", 50, (0, 1))]
    mean[:, 300:450] = np.nan
    mean[:, 450:] = np.inf
    assert find_lines(mean, np.full(SHAPE, 60), CFA) == expected


def test_means_of_few_frames_are_drawn_in() -> None:
    """The edges of two scenes meet in many places: where nearly all frames were clipped, that is all that is seen."""
    mean = sensor(15)
    mean[100:300, 50] += 0.35
    seen = np.full(SHAPE, 100)
    assert len(find_lines(mean, seen, CFA)) == 1
    seen[100:300, 50] = 4
    assert find_lines(mean, seen, CFA) == ()


def test_a_line_seen_in_few_frames_has_its_ends_too() -> None:
    mean = sensor(18)
    mean[100:300, 50] += 6 * SCALE
    seen = np.full(SHAPE, 160)
    seen[:, 40:60] = 20
    (line,) = find_lines(mean, seen, CFA)
    assert near(line, 100, 299, 2)


@pytest.mark.parametrize("seed", range(6))
def test_no_two_lines_overlap(seed: int) -> None:
    """Whatever lies along them: runs of one or both planes, of any effect, that touch, nest and follow."""
    rng = np.random.default_rng(seed)
    mean = sensor(seed)
    for place in (20, 21, 24, 90, 500):
        for _ in range(5):
            first, last = np.sort(rng.integers(0, SHAPE[0], 2))
            mean[first : last : rng.integers(1, 3), place] += rng.normal(0, 1)
    lines = lines_of(mean, shortest=2)
    assert {line.place for line in lines if line.axis == "column"} <= {18, 19, 20, 21, 22, 23, 24, 26, 88, 90, 92, 500}
    for a, b in pairwise(lines):
        if (a.axis, a.place) == (b.axis, b.place) and {*a.phases} & {*b.phases}:
            assert a.last < b.first


@pytest.mark.parametrize("value", [0.0, 1.0, np.nan])
@pytest.mark.parametrize("name", ["RGGB", MONO])
def test_a_sensor_of_one_value_has_no_lines(value: float, name: str) -> None:
    mean = np.full((100, 120), value, np.float32)
    mean[20:80, 30] = 9
    assert lines_of(mean, Cfa(name)) == ()
    assert lines_of(mean, Cfa(name), frames=0) == ()


def test_a_plane_without_scale_does_not_hinder_its_fellow() -> None:
    mean = sensor(16, singles=0)
    mean[1::2, ::2] = 0
    mean[100:300, 50] = 5
    lines = [line for line in lines_of(mean) if line.axis == "column"]
    assert [(line.place, line.first, line.last, line.phases) for line in lines] == [(50, 100, 298, (0,))]


@pytest.mark.parametrize("shape", [(6, 6), (48, 6), (6, 48), (50, 50)])
@pytest.mark.parametrize("name", ["RGGB", MONO])
def test_small_sensors(shape: tuple[int, int], name: str) -> None:
    assert lines_of(sensor(17, shape=shape, singles=3), Cfa(name)) == ()


@pytest.mark.parametrize("name", ["effect_sigma", "lone_frames", "shortest", "gap", "score", "false_lines"])
def test_limits_are_positive(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name}: 0 is not above 0"):
        LineLimits(**{name: 0})


def test_lines_are_ordered_by_axis_place_and_first() -> None:
    lines = [DeviatingLine("row", 1, 0, 9, (0,), 1.0, 9.0), DeviatingLine("column", 2, 5, 9, (1,), -1.0, 8.0)]
    assert [line.axis for line in sorted(lines)] == ["column", "row"]


def test_compiled_walks_equal_the_obvious_ones() -> None:
    strip = np.random.default_rng(1).normal(0, 1, (32, 50)).astype(np.float32)
    background = np.linspace(-1, 1, 50).astype(np.float32)
    height, highest, expected, expected_highest = np.zeros((4, 2, 50), np.float32)
    raise_walks(strip, background, np.float32(0.5), height, highest)
    for row in strip:
        deviation = row - background
        expected = np.maximum(expected + np.stack([deviation, -deviation]) - np.float32(0.5), 0)
        expected_highest = np.maximum(expected_highest, expected)
    # The order of the sums may differ by the last bit.
    np.testing.assert_allclose(height, expected, atol=1e-5)
    np.testing.assert_allclose(highest, expected_highest, atol=1e-5)


def test_deviations_equal_the_obvious_ones() -> None:
    rng = np.random.default_rng(2)
    mean, seen = rng.normal(0, 1, (20, 30)).astype(np.float32), rng.integers(0, 61, (20, 30)).astype(np.uint16)
    drawn_in = np.sqrt(np.arange(61) / 60).astype(np.float32)
    out = np.empty((10, 15), np.float32)
    deviate(mean[::2, ::2], seen[::2, ::2], np.float32(0.1), np.float32(0.2), drawn_in, out)
    expected = (mean - np.float32(0.1)) / np.float32(0.2) * drawn_in[seen]
    np.testing.assert_array_equal(out, np.clip(expected, -CLIP, CLIP)[::2, ::2])


@pytest.mark.parametrize("number", [1, 2, 7, 15, 16, 33, 100])
def test_the_background_is_of_medians_of_tiles(number: int) -> None:
    strip = np.random.default_rng(number).normal(0, 1, (32, number)).astype(np.float32)
    width = min(16, number)
    tiles = strip.mean(axis=0)[: number // width * width].reshape(-1, width)
    found = background_of(strip)
    centre = (width - 1) / 2
    if centre.is_integer():
        np.testing.assert_array_equal(found[int(centre) :: width][: len(tiles)], np.median(tiles, axis=1))
    else:
        between = (found[int(centre) :: width][: len(tiles)] + found[int(centre) + 1 :: width][: len(tiles)]) / 2
        inner = slice(1, -1) if len(tiles) > 2 else slice(None)
        if len(tiles) == 1:
            np.testing.assert_allclose(between, np.median(tiles, axis=1), rtol=1e-6)
        else:
            assert np.abs(between - np.median(tiles, axis=1))[inner].max() < 0.1


def test_texture_raises_the_bar() -> None:
    calm = np.random.default_rng(1).gumbel(4, 1, (2, 500)).astype(np.float32)
    low, high = (chance_height(highest, 0.5, chance=1e-7, length=1000) for highest in (calm, 3 * calm))
    assert low == pytest.approx(np.log(1e10), rel=0.1)
    assert high == pytest.approx(3 * (4 + np.log(1e7)), rel=0.1)


@pytest.mark.parametrize("size", [1, 2, 7])
def test_steepest_is_the_best_of_all_stretches(size: int) -> None:
    for seed in range(20):
        gain = np.random.default_rng(seed).normal(0, 1, size) + 1e-3
        sums = {(a, b): gain[a : b + 1].sum() for a in range(size) for b in range(a, size)}
        first, last, total = steepest(gain)
        if max(sums.values()) > 0:
            assert (first, last) == max(sums, key=sums.__getitem__)
            assert total == pytest.approx(max(sums.values()))


def test_runs_of_unlike_strength_are_found_along_one_line() -> None:
    line = np.random.default_rng(1).normal(0, 1, 1000).astype(np.float32)
    line[100:200] += 4
    line[200:400] += 1.5
    line[600:700] += 2
    found = sorted(runs_along(line, 0.5, 25.0, 16))
    assert found[0][0] == pytest.approx(100, abs=2)
    assert found[-2][1] == pytest.approx(399, abs=5)
    assert found[-1] == pytest.approx((600, 699), abs=5)


def test_a_full_sensor() -> None:
    mean = sensor(1, shape=(2611, 3900))
    mean[500:1150, 1000] += 2 * SCALE
    (line,) = lines_of(mean)
    assert (line.axis, line.place, line.phases) == ("column", 1000, (0, 1))
    assert near(line, 500, 1149, 10)
