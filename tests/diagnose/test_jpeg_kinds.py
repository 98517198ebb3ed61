"""Kinds from JPEGs: told from values on a tone curve, by whether they follow the light and the exposure time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from sensormap.detect.tally import Outliers
from sensormap.diagnose.kinds_without_series import ExposureSettings, jpeg_kind, relative_effect
from sensormap.frame import WHITE
from sensormap.maps.entries import DefectKind

FRAMES = 24
FULL = 4095.0

# Of each frame: light around the photosite, from shadows to highlights; a quarter are long exposures.
LIGHT = np.random.default_rng(1).permutation(np.geomspace(40, 2500, FRAMES))
SHUTTER_S = np.where(np.arange(FRAMES) % 4 == 1, 8.0, np.geomspace(1 / 2000, 1 / 15, FRAMES)[np.argsort(LIGHT)])
Values = NDArray[np.float64]


def settings_of(
    shutter_s: Values = SHUTTER_S, gain: float = 1.0, used: NDArray[np.bool_] | None = None
) -> ExposureSettings:
    everyone = np.ones(shutter_s.size, np.bool_)
    return ExposureSettings(np.full(shutter_s.size, gain), shutter_s, everyone if used is None else used, WHITE)


def code(light: Values, *, gamma: float = 1 / 2.4, contrast: float = 0.0) -> NDArray[np.int32]:
    """Return what a camera's JPEG shows of light from 0 to 4095, by a tone curve of its own."""
    share = np.clip(light / FULL, 0, 1) ** gamma
    share = (1 - contrast) * share + contrast * (3 - 2 * share) * share**2
    return np.rint(WHITE * share).astype(np.int32)


def outliers_of(
    value: Values, light: Values = LIGHT, frames: Sequence[int] | None = None, *, least: int = 3, **curve: float
) -> Outliers:
    """Return the outlying scores of a photosite of which frames show `value` beside `light`, if it stands out."""
    own, around = code(value, **curve), code(light, **curve)
    shown = np.flatnonzero(np.abs(own - around) >= least)
    shown = shown if frames is None else np.intersect1d(shown, np.array(frames, np.intp))
    score = np.clip(8 * (own - around), -64, 64)[shown]
    index = np.zeros(shown.size, np.int32)
    return Outliers(shown.astype(np.int32), index, score.astype(np.int8), own[shown], 2 * around[shown])


def kind_of(outliers: Outliers, settings: ExposureSettings | None = None, *, bright: bool = True) -> DefectKind:
    return jpeg_kind(outliers, settings or settings_of(), bright=bright)


CURVES = pytest.mark.parametrize(
    "curve",
    [{}, {"gamma": 1 / 2.2}, {"gamma": 1 / 1.8}, {"contrast": 0.5}],
    ids=["steep", "usual", "flat", "contrast"],
)


@CURVES
@pytest.mark.parametrize("value", [0.0, 2.0])
def test_dead_is_black_in_any_light(curve: dict[str, float], value: float) -> None:
    assert kind_of(outliers_of(np.full(FRAMES, value), **curve), bright=False) == DefectKind.DEAD


@CURVES
@pytest.mark.parametrize("share", [0.4, 0.6, 0.8])
def test_weak_lacks_a_share_of_the_light(curve: dict[str, float], share: float) -> None:
    assert kind_of(outliers_of(share * LIGHT, **curve), bright=False) == DefectKind.WEAK


@CURVES
@pytest.mark.parametrize("value", [300.0, 800.0])
def test_stuck_is_above_dark_and_below_bright_surroundings(curve: dict[str, float], value: float) -> None:
    outliers = outliers_of(np.full(FRAMES, value), **curve)
    assert 0.2 < np.mean(outliers.score > 0) < 0.9
    assert kind_of(outliers) == DefectKind.STUCK
    assert kind_of(outliers, bright=False) == DefectKind.STUCK


@CURVES
@pytest.mark.parametrize("value", [3000.0, 4095.0])
def test_stuck_above_all_surroundings_keeps_its_value(curve: dict[str, float], value: float) -> None:
    noise = np.random.default_rng(2).uniform(0.9, 1.1, FRAMES)
    assert kind_of(outliers_of(value * noise, **curve)) == DefectKind.STUCK


def test_stuck_below_nearly_all_surroundings_does_not_follow_them() -> None:
    light = np.random.default_rng(3).permutation(np.geomspace(160, 3000, FRAMES))
    noise = np.random.default_rng(2).uniform(0.95, 1.05, FRAMES)
    outliers = outliers_of(150 * noise, light)
    assert np.mean(outliers.score > 0) < 0.1
    assert kind_of(outliers, bright=False) == DefectKind.STUCK


@CURVES
@pytest.mark.parametrize("added", [100.0, 500.0])
def test_offset_adds_a_constant(curve: dict[str, float], added: float) -> None:
    assert kind_of(outliers_of(LIGHT + added, **curve)) == DefectKind.OFFSET


@CURVES
@pytest.mark.parametrize("dark", [60.0, 200.0])
def test_hot_adds_what_grows_with_the_exposure_time(curve: dict[str, float], dark: float) -> None:
    assert kind_of(outliers_of(LIGHT + dark * SHUTTER_S, **curve)) == DefectKind.HOT


@pytest.mark.parametrize("gain", [1.0, 4.0])
def test_noisy_comes_and_goes(gain: float) -> None:
    """Clearly, in half of the frames, at one exposure time."""
    same = settings_of(np.full(FRAMES, 0.01), gain)
    outliers = outliers_of(LIGHT + 600, frames=range(0, FRAMES, 2))
    assert kind_of(outliers, same) == DefectKind.NOISY
    assert kind_of(outliers_of(LIGHT + 600), same) == DefectKind.OFFSET


def test_frames_that_were_not_used_are_no_absences() -> None:
    used = np.arange(FRAMES) % 2 == 0
    same = settings_of(np.full(FRAMES, 0.01), used=used)
    assert kind_of(outliers_of(LIGHT + 600, frames=range(0, FRAMES, 2)), same) == DefectKind.OFFSET


@pytest.mark.parametrize("frames", [(), (3,), (3, 4)])
@pytest.mark.parametrize(("bright", "kind"), [(True, DefectKind.OFFSET), (False, DefectKind.WEAK)])
def test_with_fewer_than_three_outliers_the_mean_score_decides(
    frames: tuple[int, ...], bright: bool, kind: DefectKind
) -> None:
    assert kind_of(outliers_of(LIGHT + 600, frames=frames), bright=bright) == kind


@pytest.mark.parametrize("shutter_s", [np.full(FRAMES, np.nan), np.full(FRAMES, 0.01)])
def test_without_exposure_times_to_compare_every_kind_has_a_name(shutter_s: Values) -> None:
    untold = settings_of(shutter_s)
    hot = outliers_of(LIGHT + 60 * SHUTTER_S)
    assert kind_of(hot, untold) in (DefectKind.OFFSET, DefectKind.NOISY)
    assert kind_of(outliers_of(0 * LIGHT), untold, bright=False) == DefectKind.DEAD
    assert kind_of(outliers_of(0.5 * LIGHT), untold, bright=False) == DefectKind.WEAK


def test_settings_and_outliers_are_left_as_they_were() -> None:
    outliers, settings = outliers_of(LIGHT + 500), settings_of()
    before = [array.copy() for array in vars(outliers).values()]
    kind_of(outliers, settings)
    relative_effect(outliers)
    for array, old in zip(vars(outliers).values(), before, strict=True):
        np.testing.assert_array_equal(array, old)
    assert settings.saturation == WHITE


def test_levels_beyond_black_and_white_count_as_those() -> None:
    """Where a JPEG ends its light is continued."""
    for value, level, kind in ((4095.0, -5, DefectKind.STUCK), (0.0, 2 * WHITE + 90, DefectKind.DEAD)):
        outliers = outliers_of(np.full(FRAMES, value))
        outliers.level2[::2] = level
        assert kind_of(outliers, bright=value > 0) == kind
        assert np.isfinite(relative_effect(outliers))


# how much it matters


def by_srgb(value: object, level: object) -> Outliers:
    """Return outlying scores of linear values beside linear levels, on the curve of sRGB, one a frame."""
    own, around = (np.atleast_1d(np.asarray(light, np.float64)) / FULL for light in (value, level))
    codes = [np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055) for light in (own, around)]
    own_code, around_code = (np.rint(WHITE * code).astype(np.int32) for code in codes)
    n = own.size
    score = np.where(own > around, 64, -64).astype(np.int8)
    return Outliers(np.arange(n, dtype=np.int32), np.zeros(n, np.int32), score, own_code, 2 * around_code)


def flat(value: float, level: float = 800.0, frames: int = 10) -> Outliers:
    return by_srgb(np.full(frames, value), np.full(frames, level))


@pytest.mark.parametrize(("value", "share"), [(1200, 0.5), (400, 0.5), (880, 0.1), (720, 0.1), (0, 1.0), (3200, 3.0)])
def test_the_effect_is_the_share_of_light_that_is_added_or_lacks(value: float, share: float) -> None:
    """A code of 8 bits is good to 1 or 2 % of the light."""
    assert relative_effect(flat(value)) == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize(("count", "share"), [(1, 0.0), (2, 0.0), (4, 3.0), (12, 3.0)])
def test_a_frame_or_two_of_scenery_do_not_count(count: int, share: float) -> None:
    """Of twelve."""
    value = np.where(np.arange(12) < count, 3200.0, 800.0)
    assert relative_effect(by_srgb(value, np.full(12, 800.0))) == pytest.approx(share, abs=0.03)


def test_an_offset_is_taken_by_its_effect_in_dark_scenes() -> None:
    level = np.array([200.0] * 3 + [3000.0] * 7)
    assert relative_effect(by_srgb(level + 200, level)) == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("frames", [0, 1, 2, 3])
def test_fewer_than_three_frames_tell_no_effect(frames: int) -> None:
    assert (relative_effect(flat(3000, frames=frames)) > 0) == (frames >= 3)


def test_in_the_dark_the_effect_is_a_share_of_a_hundredth_of_white() -> None:
    assert relative_effect(flat(20, level=0)) == pytest.approx(0.5, abs=0.1)
    assert relative_effect(flat(0, level=2)) < 0.1
