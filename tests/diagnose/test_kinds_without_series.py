"""Kinds: each law of a defect, seen only where it stands out of the noise, is told from the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from sensormap.detect.tally import Outliers
from sensormap.diagnose.kinds_without_series import ExposureSettings, classify
from sensormap.maps.entries import DefectKind

SATURATION = 3880
FRAMES = 40
Law = Callable[["Series"], NDArray[np.float64]]


class Series:
    """Forty frames of changing light, a quarter of them exposed for seconds, and the noise of each."""

    def __init__(self, seed: int, *, shutter: tuple[float, float] = (0.001, 0.03), long: tuple[float, ...] = (2, 8)):
        self.rng = np.random.default_rng(seed)
        self.shutter_s = np.exp(self.rng.uniform(*np.log(shutter), FRAMES))
        if long:
            self.shutter_s[3::4] = np.resize(long, FRAMES // 4)
        self.gain = self.rng.choice([1.0, 2.0, 4.0], FRAMES)
        self.light = self.rng.uniform(60, 2400, FRAMES)
        self.noise = np.sqrt((3 * self.gain) ** 2 + 0.3 * self.gain * self.light)

    @property
    def settings(self) -> ExposureSettings:
        return ExposureSettings(self.gain, self.shutter_s, np.ones(FRAMES, np.bool_), SATURATION)

    def outliers(self, law: Law) -> Outliers:
        """Return what stands out by 3.5 sigma when a photosite follows `law`, which gives its value in each frame."""
        value = np.clip(np.rint(law(self)), 0, SATURATION).astype(np.int32)
        level2 = np.rint(2 * self.light).astype(np.int32)
        score = np.rint(np.clip(8 * (value - level2 / 2) / self.noise, -64, 64)).astype(np.int8)
        frame = np.arange(FRAMES, dtype=np.int32)
        index = np.full(FRAMES, 123, np.int32)
        return Outliers(frame, index, score, value, level2)[np.abs(score.astype(int)) >= 28]


def noisy_value(series: Series, value: NDArray[np.float64]) -> NDArray[np.float64]:
    return value + series.rng.normal(0, 1, FRAMES) * series.noise * 0.5


LAWS: dict[str, tuple[DefectKind, Law]] = {
    "hot, at times only": (DefectKind.HOT, lambda s: noisy_value(s, s.light + s.gain * 60 * s.shutter_s)),
    "hot, in every frame": (DefectKind.HOT, lambda s: noisy_value(s, s.light + s.gain * 40_000 * s.shutter_s)),
    "hot and offset": (DefectKind.HOT, lambda s: noisy_value(s, s.light + s.gain * (200 + 120 * s.shutter_s))),
    "hot, saturating": (DefectKind.HOT, lambda s: np.where(s.shutter_s > 1, 3880.0, s.light)),
    "offset, strong": (DefectKind.OFFSET, lambda s: noisy_value(s, s.light + s.gain * 600)),
    "offset, faint": (DefectKind.OFFSET, lambda s: noisy_value(s, s.light + s.gain * 110)),
    "stuck at mid level": (DefectKind.STUCK, lambda s: np.full(FRAMES, 1000.0)),
    "stuck, quantised": (DefectKind.STUCK, lambda s: 1000.0 + 7 * s.rng.integers(0, 2, FRAMES)),
    "stuck at saturation": (DefectKind.STUCK, lambda s: np.full(FRAMES, 3880.0)),
    "stuck low": (DefectKind.STUCK, lambda s: np.full(FRAMES, 20.0)),
    "dead": (DefectKind.DEAD, lambda s: np.zeros(FRAMES)),
    "dead, read noise": (DefectKind.DEAD, lambda s: s.rng.integers(0, 3, FRAMES).astype(float)),
    "weak": (DefectKind.WEAK, lambda s: noisy_value(s, 0.5 * s.light)),
    "weak, faint": (DefectKind.WEAK, lambda s: noisy_value(s, 0.75 * s.light)),
    "noisy": (DefectKind.NOISY, lambda s: noisy_value(s, s.light + s.gain * 900 * (s.rng.random(FRAMES) < 0.4))),
}
EXPOSED = [name for name in LAWS if not name.startswith(("hot", "noisy"))]


def kind_of(name: str, seed: int) -> tuple[DefectKind, float]:
    # Where every frame shows dark current, shutter times vary within what does not saturate.
    series = Series(seed, long=()) if name == "hot, in every frame" else Series(seed)
    return classify(series.outliers(LAWS[name][1]), series.settings, bright=True)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", LAWS)
def test_each_law_has_its_kind(name: str, seed: int) -> None:
    kind, confidence = kind_of(name, seed)
    assert kind is LAWS[name][0]
    assert confidence in (0.6, 0.9)


@pytest.mark.parametrize("name", ["hot, in every frame", "stuck at mid level", "dead", "weak", "offset, strong"])
def test_a_clear_case_is_sure(name: str) -> None:
    assert kind_of(name, 1)[1] == 0.9


@pytest.mark.parametrize("unknown", ["gain", "shutter_s"])
@pytest.mark.parametrize("name", EXPOSED)
def test_kinds_that_do_not_depend_on_exposure_need_no_exif(name: str, unknown: str) -> None:
    series = Series(2)
    settings = replace(series.settings, **{unknown: np.full(FRAMES, np.nan)})
    assert classify(series.outliers(LAWS[name][1]), settings, bright=True)[0] is LAWS[name][0]


@pytest.mark.parametrize("unknown", ["gain", "shutter_s"])
@pytest.mark.parametrize("name", ["hot, at times only", "hot, in every frame", "offset, strong"])
def test_without_exif_bright_is_not_sure(name: str, unknown: str) -> None:
    series = Series(2, long=()) if name == "hot, in every frame" else Series(2)
    settings = replace(series.settings, **{unknown: np.full(FRAMES, np.nan)})
    kind, confidence = classify(series.outliers(LAWS[name][1]), settings, bright=True)
    assert kind in (DefectKind.OFFSET, DefectKind.NOISY)
    assert confidence == 0.6


@pytest.mark.parametrize("unknown", ["gain", "shutter_s"])
def test_a_few_frames_without_exif_do_not_spoil_the_rest(unknown: str) -> None:
    series = Series(3)
    values = getattr(series.settings, unknown).copy()
    values[::5] = np.nan
    settings = replace(series.settings, **{unknown: values})
    for name in ("hot, at times only", "hot and offset", "offset, strong"):
        assert classify(series.outliers(LAWS[name][1]), settings, bright=True)[0] is LAWS[name][0]


@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize(("bright", "kind"), [(True, DefectKind.OFFSET), (False, DefectKind.WEAK)])
def test_too_few_outliers_leave_the_mean_to_decide(number: int, bright: bool, kind: DefectKind) -> None:
    series = Series(4)
    outliers = series.outliers(LAWS["dead"][1])[:number]
    assert classify(outliers, series.settings, bright=bright) == (kind, 0.4)


def test_a_constant_value_in_constant_surroundings_is_less_sure() -> None:
    series = Series(5)
    series.light[:] = 300
    kind, confidence = classify(series.outliers(LAWS["dead"][1]), series.settings, bright=False)
    assert (kind, confidence) == (DefectKind.DEAD, 0.6)


def test_a_photosite_at_saturation_since_its_birth_is_stuck() -> None:
    """Not hot: frames before it was born do not count as frames in which it was too short exposed to show."""
    series = Series(6, long=())
    born = np.arange(FRAMES) >= 25
    series.shutter_s[born] *= 100
    outliers = series.outliers(lambda s: np.where(born, 3880.0, s.light))
    assert classify(outliers, series.settings, bright=True)[0] is DefectKind.STUCK


def test_a_late_offset_does_not_come_and_go() -> None:
    series = Series(7)
    born = np.arange(FRAMES) >= 20
    outliers = series.outliers(lambda s: noisy_value(s, s.light + 600 * s.gain * born))
    assert classify(outliers, series.settings, bright=True)[0] is DefectKind.OFFSET


def test_frames_that_were_skipped_do_not_count_as_absence() -> None:
    series = Series(8)
    shown = np.arange(FRAMES) % 2 == 0
    outliers = series.outliers(lambda s: noisy_value(s, s.light + 700 * s.gain * shown))
    assert classify(outliers, series.settings, bright=True)[0] is DefectKind.NOISY
    settings = replace(series.settings, used=shown)
    assert classify(outliers, settings, bright=True)[0] is DefectKind.OFFSET


def test_one_bright_score_among_dark_ones_of_the_same_weight() -> None:
    """The fewest bright scores that a bright kind is named from."""
    series = Series(9)
    outliers = Outliers(
        np.arange(3, dtype=np.int32),
        np.full(3, 5, np.int32),
        np.array([64, -32, -32], np.int8),
        np.array([3880, 100, 300], np.int32),
        np.array([900, 900, 1200], np.int32),
    )
    kind, confidence = classify(outliers, series.settings, bright=True)
    assert kind in DefectKind
    assert 0 < confidence < 0.9


@pytest.mark.parametrize("seed", range(20))
def test_any_outliers_have_a_kind(seed: int) -> None:
    rng = np.random.default_rng(seed)
    series = Series(seed)
    number = int(rng.integers(3, 12))
    settings = series.settings
    for values in (settings.gain, settings.shutter_s):
        values[rng.random(FRAMES) < 0.3] = np.nan
    outliers = Outliers(
        np.sort(rng.choice(FRAMES, number, replace=False)).astype(np.int32),
        np.full(number, 5, np.int32),
        (rng.choice([-1, 1], number) * rng.integers(28, 65, number)).astype(np.int8),
        rng.choice([0, 1, 500, 1000, 3880, 4095, -3], number).astype(np.int32),
        rng.choice([0, -4, 1, 900, 7760], number).astype(np.int32),
    )
    kind, confidence = classify(outliers, settings, bright=bool(seed % 2))
    assert isinstance(kind, DefectKind)
    assert confidence in (0.6, 0.9)
