"""Neighbours of X-Trans photosites: the compiled loop over strips against a plain one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensormap.camera.cfa import XTRANS_NAMES, Cfa
from sensormap.score.filtered import is_filtered
from sensormap.score.neighbours import gather_windows, neighbours_of_rows, pad
from sensormap.score.noise import fit_noise
from sensormap.score.scores import score_band


@settings(deadline=None, max_examples=25)
@given(
    st.sampled_from(XTRANS_NAMES),
    st.tuples(st.integers(18, 40), st.integers(18, 40)),
    st.sampled_from([(np.int16, 16_383), (np.int32, 65_535)]),
    st.integers(0, 2**32 - 1),
)
def test_medians_and_spreads_are_those_of_the_eight(
    name: str, shape: tuple[int, int], kind: tuple[type, int], seed: int
) -> None:
    cfa, (dtype, most) = Cfa(name), kind
    frame = np.random.default_rng(seed).integers(-most, most + 1, shape).astype(dtype)
    padded = pad(frame, 6)
    value, level2, spread2 = neighbours_of_rows(padded, np.arange(shape[0]), cfa)
    np.testing.assert_array_equal(value, frame)
    row, col = (places.ravel() for places in np.indices(shape))
    gathered = gather_windows(padded, row, col, cfa).reshape(3, *shape)
    for y, x in [(0, 0), (shape[0] - 1, shape[1] - 1), (7, 11), *np.argwhere(frame == frame.max()).tolist()]:
        around = cfa.neighbours[y % 6 * 6 + x % 6]
        ordered = sorted(int(padded[y + down + 6, x + right + 6]) for down, right in around)
        spread = ordered[5] + ordered[6] - ordered[1] - ordered[2]
        assert (level2[y, x], spread2[y, x]) == (ordered[3] + ordered[4], spread)
    np.testing.assert_array_equal(gathered[:2], [frame, level2])
    np.testing.assert_array_equal(gathered[2], np.minimum(spread2, np.iinfo(dtype).max))


def colourful(cfa: Cfa, shape: tuple[int, int], sigma: dict[str, float]) -> np.ndarray:
    """Return a flat frame of another level and noise in each colour."""
    rng, frame = np.random.default_rng(3), np.empty(shape)
    for plane in cfa.planes:
        own = plane.view(frame)
        colour = plane.name[0]
        own[...] = rng.normal({"R": 400, "G": 1000, "B": 700}[colour], sigma[colour], own.shape)
    return np.rint(frame).astype(np.int16)


@pytest.mark.parametrize("name", XTRANS_NAMES[::5])
def test_each_class_has_its_own_noise_and_scores_of_spread_one(name: str) -> None:
    cfa = Cfa(name)
    frame = colourful(cfa, (180, 246), {"R": 6, "G": 12, "B": 30})
    padded = pad(frame, 6)
    noise = fit_noise(padded, cfa, clipping=(0, 4095))
    for planes in cfa.classes:
        own = {tuple(noise.coefficients[plane.row, plane.col].tolist()) for plane in planes}
        assert len(own) == 1
    assert noise.lattice == cfa
    scores = np.empty(frame.shape, np.int8)
    score_band(padded, 0, frame.shape[0], cfa, noise.rows(frame.shape[1]) / np.float32(64), 64, scores)
    for plane in cfa.planes:
        assert plane.view(scores).std() / 8 == pytest.approx(1, abs=0.25)


def test_filtered_in_camera_is_seen_by_the_same_neighbours() -> None:
    cfa = Cfa(XTRANS_NAMES[7])
    frame = colourful(cfa, (120, 120), {"R": 9, "G": 9, "B": 9})
    padded = pad(frame, 6)
    assert not is_filtered(padded, cfa, clipping=(0, 4095))
    lowered = frame.copy()
    for y, x in np.ndindex(frame.shape):
        around = cfa.neighbours[y % 6 * 6 + x % 6]
        lowered[y, x] = min(frame[y, x], max(padded[y + down + 6, x + right + 6] for down, right in around))
    assert is_filtered(pad(lowered, 6), cfa, clipping=(0, 4095))
