"""Lines are judged as photosites are: one that many frames make is a defect, one that a few make is none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sensormap.detect.line_sites import LineSites
from sensormap.detect.lines import DeviatingLine
from sensormap.diagnose.line_series import follow_lines
from sensormap.diagnose.series import Conditions, FollowedWindows
from sensormap.maps.entries import DefectKind
from sensormap.settings import LeastStrengths
from tests.support.followed import make_conditions

SHAPE, STEP, FRAMES = (400, 300), 2, 28
PHOTON, READ = 0.3, 2.0
FIRST, LAST = 100, 299


def line(place: int = 40, *, first: int = FIRST, last: int = LAST, effect: float = 0.5) -> DeviatingLine:
    return DeviatingLine("column", place, first, last, (0, 1), effect, 9.0)


def conditions_of(frames: int = FRAMES, *, seed: int = 1, **values: object) -> Conditions:
    return make_conditions(frames, np.random.default_rng(seed), **({"long": 0.3} | values))  # type: ignore[arg-type]


def windows_of(
    sites: LineSites, conditions: Conditions, added: object, *, response: float = 1.0, texture: float = 0.0
) -> FollowedWindows:
    """Return frames of smooth light with noise; `added` is what each shows more on column 40, which has a response."""
    rng, places, n = np.random.default_rng(3), sites.photosites, conditions.number.size
    row, col = np.divmod(places, SHAPE[1])
    known, number = np.unique(places, return_inverse=True)
    light = 300 + 200 * np.sin(row / 60)[:, None] + 30 * np.arange(n) % 400 + 0.2 * col[:, None]
    light = light + texture * rng.normal(0, 1, (SHAPE[1], n))[col]
    on_line = (col == 40) & (row >= FIRST) & (row <= LAST)
    signal = light + np.where(on_line[:, None], (response - 1) * light + np.asarray(added, np.float64), 0)
    variance = READ**2 + PHOTON * np.maximum(signal, 0)
    noise = rng.normal(0, 1, (known.size, n))[number]
    value = np.clip(np.rint(signal + np.sqrt(variance) * noise), 0, 3880)
    level2 = np.rint(2 * (light + rng.normal(0, 1, light.shape) * np.sqrt(0.2 * variance)))
    windows = np.stack([value, level2, np.rint(2 * np.sqrt(variance))]).astype(np.int16)
    coefficients = np.tile([1.2 * READ**2, 1.2 * PHOTON, 0.0, 0.0], (n, STEP * STEP, 1))
    phase = (row % STEP) * STEP + col % STEP
    return FollowedWindows(
        windows, phase, coefficients, np.full(n, PHOTON), np.zeros(places.size, bool), np.ones(value.shape, bool)
    )


def followed(added, *, lines=None, conditions=None, known=None, **values):
    conditions = conditions or conditions_of()
    sites = LineSites.of(lines or [line()], SHAPE, STEP)
    windows = windows_of(sites, conditions, added, **values)
    if known is not None:
        windows = replace(windows, known=windows.known & known)
    return follow_lines(sites, windows, conditions, LeastStrengths())


def shown_in(frames, size):
    added = np.zeros(FRAMES)
    added[list(frames)] = size
    return added


@pytest.mark.parametrize(
    ("added", "kept"),
    [
        pytest.param(shown_in(range(FRAMES), 8), True, id="faint, always"),
        pytest.param(shown_in(range(20, FRAMES), 20), True, id="appeared late"),
        pytest.param(shown_in(range(10), 20), True, id="healed"),
        pytest.param(shown_in([13, 14], 60), False, id="an edge in two frames"),
        pytest.param(shown_in([FRAMES - 1], 200), False, id="an edge in the last frame"),
        pytest.param(shown_in([4, 12, 19], 60), False, id="an edge in three frames"),
        pytest.param(shown_in([], 0), False, id="chance"),
    ],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_a_line_needs_many_frames(added, kept, sign):
    same = conditions_of(iso=100.0, shutter_s=0.01)
    found = followed(sign * added, conditions=same)
    assert len(found.lines) == kept
    assert found.decoys.shape == (8,)
    assert (found.decoys < 5).all()


def test_a_dark_current_is_told_from_an_offset_with_its_strength():
    conditions = conditions_of()
    for rate, name, kind in (
        (conditions.gain * conditions.shutter_s, "dark_dn_per_s", DefectKind.HOT),
        (conditions.gain, "offset_dn", DefectKind.OFFSET),
    ):
        (one,) = followed(40.0 * rate, conditions=conditions).lines
        assert one.diagnosis.kind == kind
        assert one.confidence > 0.999
        _, low, high = one.diagnosis.strengths[name]
        assert low <= 40 <= high
        assert high - low < 8
        assert one.diagnosis.onset.low == one.diagnosis.onset.high == 0
        assert one.diagnosis.until is None


@pytest.mark.parametrize(("change", "kind"), [(-0.03, DefectKind.WEAK), (0.03, DefectKind.OVERRESPONSIVE)])
def test_a_response_far_below_what_a_single_photosite_shows(change, kind):
    (one,) = followed(0.0, response=1 + change, lines=[line(effect=change)]).lines
    assert one.diagnosis.kind == kind
    _, low, high = one.diagnosis.strengths["response"]
    assert low <= 1 + change <= high
    assert high - low < 0.02


def test_onset_and_healing_are_dated():
    same = conditions_of(iso=100.0, shutter_s=0.01)
    (late,) = followed(shown_in(range(12, FRAMES), 20), conditions=same).lines
    assert late.diagnosis.onset.low <= 12 <= late.diagnosis.onset.high <= late.diagnosis.onset.low + 2
    assert (late.diagnosis.seen, late.diagnosis.until) == (FRAMES - 12, None)
    (gone,) = followed(shown_in(range(15), 20), conditions=same).lines
    assert gone.diagnosis.until.low <= 15 <= gone.diagnosis.until.high


@pytest.mark.parametrize(("first", "last"), [(88, 310), (112, 287), (100, 299), (125, 274)])
def test_ends_are_the_most_likely_ones(first, last):
    """The mean of all frames told them wrongly, by up to 25 photosites."""
    same = conditions_of(iso=100.0, shutter_s=0.01)
    (one,) = followed(shown_in(range(9, FRAMES), 15), conditions=same, lines=[line(first=first, last=last)]).lines
    assert abs(one.line.first - FIRST) <= 2
    assert abs(one.line.last - LAST) <= 2


def test_frames_that_are_not_known_do_not_count():
    same = conditions_of(iso=100.0, shutter_s=0.01)
    added = shown_in(range(14), 20)
    assert followed(added, conditions=same, known=added > 0).lines[0].diagnosis.until is None
    assert not followed(added, conditions=same, known=added == 0).lines


def test_too_few_frames_tell_nothing():
    found = followed(shown_in(range(FRAMES), 50), known=np.arange(FRAMES) < 5)
    assert (found.lines, found.decoys.size) == ((), 0)


def test_texture_along_lines_is_in_the_decoys_and_makes_no_line():
    same = conditions_of(iso=100.0, shutter_s=0.01)
    found = followed(np.zeros(FRAMES), conditions=same, texture=60.0, lines=[line(place) for place in (40, 120, 200)])
    assert not found.lines
    assert found.decoys.shape == (24,)


def test_a_line_that_clips_all_of_its_photosites_in_long_exposures():
    conditions = conditions_of()
    (one,) = followed(20_000 * conditions.gain * conditions.shutter_s, conditions=conditions).lines
    assert one.diagnosis.kind == DefectKind.HOT


def test_no_lines():
    conditions = conditions_of()
    sites = LineSites.of([], SHAPE, STEP)
    found = follow_lines(sites, windows_of(sites, conditions, np.zeros(1)), conditions, LeastStrengths())
    assert (found.lines, found.decoys.size) == ((), 0)
