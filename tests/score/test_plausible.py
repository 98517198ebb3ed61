"""Damage that decodes without an error is refused; photographs of anything are not."""

from __future__ import annotations

import io

import numpy as np
import pytest
import rawpy

from benchmarks.accuracy.plausibility import KINDS, make_frame, why_refused
from fixtures.camera.curve import quantise
from fixtures.camera.sensor import Exposure, Faults, expose, filter_in_camera, make_body
from fixtures.files.nef import nef_bytes
from fixtures.scenes import pictures
from fixtures.scenes.scenes import View, make_scene, render
from sensormap.camera.cfa import BAYER_NAMES, MONO, Cfa
from sensormap.camera.profile_files import get_profile
from sensormap.decode.quiet import native_stderr_silenced
from sensormap.decode.reading import read_frame
from sensormap.photos.finding import find_photos
from sensormap.photos.select import read_photos
from sensormap.score.compared_rows import Compared
from sensormap.score.neighbours import pad
from sensormap.score.noise import fit_noise
from sensormap.score.plausible import implausibility, torn_rows
from tests.support.folders import SHARED
from tests.support.frames import SATURATION, make_mosaic

CFA = Cfa("GBRG")
SHAPE = (256, 384)
FLEA3 = SHARED / "real" / "flea3"
NO_FAULTS = Faults(*np.zeros((2, 0), np.intp), *np.zeros((4, 0)))


def problem(active, cfa=CFA):
    noise = fit_noise(pad(active, cfa.step), cfa.step, clipping=(0, SATURATION))
    return implausibility(active, noise, cfa, clipping=(0, SATURATION))


def shot(kind, *, shape=SHAPE, seed=1, level=600.0, shutter=(1, 100), iso=100, angle=0.0):
    """Return a frame of a made-up scene whose median light is `level` DN; level horizontal lines at angle 0."""
    rng = np.random.default_rng([seed, 5])
    size = (int(shape[0] * 0.9), int(shape[1] * 0.9))
    scene = make_scene(pictures.KINDS[kind](size, rng))
    view = View(0, 0.65, (size[1] / 2, size[0] / 2), angle, mirrored=False, red=0.6, blue=0.6, vignetting=0.1)
    light = render(scene, view, shape)
    exposure = Exposure(shutter, iso)
    light *= np.float32(level / exposure.gain / max(float(np.median(light)), 1e-3))
    return expose(light, make_body(shape, 1), exposure, NO_FAULTS, rng)


def decoded(mosaic):
    """Return what a file of the mosaic decodes to."""
    return quantise(mosaic).astype(np.int16)


@pytest.mark.parametrize("angle", [0.0, 0.004, 0.05])
@pytest.mark.parametrize("kind", pictures.KINDS)
def test_photos_of_any_scene_are_accepted(kind, angle):
    for seed in range(2):
        frame = decoded(shot(kind, seed=seed, angle=angle))
        assert problem(frame) is None
        assert not torn_rows(Compared.rows_of(frame, CFA)).any()


@pytest.mark.parametrize("kind", KINDS)
def test_scenes_that_look_like_damage_are_accepted(kind):
    assert [why_refused(make_frame(kind, SHAPE, seed)) for seed in range(6)] == [None] * 6


@pytest.mark.skipif(not FLEA3.exists(), reason="real files lie outside the repository")
def test_narrow_filters_are_accepted():
    profile = get_profile(str(FLEA3 / "profile.yaml"))
    photos, _ = read_photos(find_photos([FLEA3], images=True), jobs=2)
    assert len(photos) == 63
    for photo in photos:
        frame = read_frame(photo, profile)
        noise = fit_noise(pad(frame.mosaic, 2), 2, clipping=(frame.floor, frame.saturation), quantised=True)
        assert implausibility(frame.mosaic, noise, profile.cfa, clipping=(frame.floor, frame.saturation)) is None


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"level": 6}, id="dark"),
        pytest.param({"level": 30}, id="dim"),
        pytest.param({"level": 2800}, id="bright"),
        pytest.param({"level": 3900}, id="half saturated"),
        pytest.param({"level": 60, "iso": 1600}, id="high ISO"),
        pytest.param({"level": 60, "shutter": (30, 1)}, id="long"),
    ],
)
@pytest.mark.parametrize("kind", ["night", "blinds", "sky"])
def test_any_exposure_is_accepted(kind, settings):
    assert problem(decoded(shot(kind, **settings))) is None


@pytest.mark.parametrize("kind", ["night", "foliage"])
def test_filtering_in_camera_is_accepted(kind):
    assert problem(decoded(filter_in_camera(shot(kind, shutter=(4, 1))))) is None


@pytest.mark.parametrize("name", BAYER_NAMES)
@pytest.mark.parametrize("imbalance", [0.99, 1.01, 1.05])
def test_an_imbalance_of_the_greens_is_accepted(name, imbalance):
    cfa = Cfa(name)
    frame = make_mosaic(2, shape=SHAPE).astype(float)
    (first,) = (plane for plane in cfa.planes if plane.name == "Gr")
    (other,) = (plane for plane in cfa.planes if plane.name == "Gb")
    other.view(frame)[...] *= np.median(first.view(frame)) / np.median(other.view(frame))
    first.view(frame)[...] *= imbalance
    assert problem(np.clip(np.rint(frame), 0, SATURATION).astype(np.int16), cfa) is None


def test_an_imbalance_that_grows_over_the_frame_by_one_per_cent_is_accepted():
    frame = make_mosaic(2, shape=SHAPE).astype(float)
    frame[1::2, 1::2] *= np.linspace(1, 1.01, SHAPE[0] // 2)[:, np.newaxis]
    assert problem(np.rint(frame).astype(np.int16)) is None


def flips(good, *, cases, seed):
    """Yield frames of a file with one flipped bit, no error in decoding, and 3 % or more of their photosites wrong.

    Less is a few rows at the end of frames as small as these; `benchmarks/accuracy/damage.py` counts from 1 % in larger
    ones.
    """
    rng = np.random.default_rng(seed)
    data = bytearray(good)
    with rawpy.imread(io.BytesIO(good)) as raw:
        expected = raw.raw_image_visible.copy()
    while cases:
        place, bit = int(rng.integers(len(data) // 3, len(data))), 1 << int(rng.integers(8))
        data[place] ^= bit
        try:
            with native_stderr_silenced(), rawpy.imread(io.BytesIO(bytes(data))) as raw:
                frame = raw.raw_image_visible.copy()
        except rawpy.LibRawError:
            continue
        finally:
            data[place] ^= bit
        if np.mean(frame != expected) > 0.03:
            cases -= 1
            yield frame.astype(np.int16)


@pytest.mark.parametrize("kind", ["sky", "night", "room", "page"])
def test_silent_damage_is_refused(kind):
    good = nef_bytes(shot(kind, shape=(512, 768), level=400.0))
    reasons = [problem(frame) for frame in flips(good, cases=8, seed=4)]
    assert sum(reason is not None for reason in reasons) >= 7
    assert all(reason is None or "do not fit the rows beside them" in reason for reason in reasons)


@pytest.mark.parametrize(("share", "refused"), [(0.999, False), (1.0, True)])
@pytest.mark.parametrize("value", [0, SATURATION])
def test_frames_without_light_or_with_too_much_are_refused(share, refused, value):
    frame = make_mosaic(1, shape=(100, 1000))
    frame[:, np.random.default_rng(0).permutation(1000) < 1000 * share] = value
    reason = problem(frame)
    assert (reason is not None and "black or saturated" in reason) == refused


@pytest.mark.parametrize(("rows", "refused"), [(0, False), (3, False), (4, True), (60, True)])
def test_a_few_torn_rows_are_borne(rows, refused):
    frame = make_mosaic(1, shape=SHAPE)
    for row in range(100, 100 + rows):
        frame[row] += 200 if row % 2 else -200
    assert np.flatnonzero(torn_rows(Compared.rows_of(frame, CFA))).tolist() == list(range(100, 100 + rows))
    assert (problem(frame) is not None) == refused


@pytest.mark.parametrize("level", [0, 3000])
@pytest.mark.parametrize("rows", [1, 2, 3, 5])
def test_lines_along_the_rows_are_accepted(rows, level):
    frame = make_mosaic(1, shape=SHAPE)
    for row in range(10, 240, 8):
        frame[row : row + rows] = level
    assert problem(frame) is None


@pytest.mark.parametrize("shape", [(6, 6), (6, 400), (400, 6), (31, 400), (33, 77), (33, 78), (33, 79), (34, 80)])
@pytest.mark.parametrize("name", ["RGGB", MONO])
def test_frames_of_any_size_and_without_filters_are_judged(shape, name):
    assert problem(make_mosaic(3, shape=shape, step=Cfa(name).step), Cfa(name)) is None
    assert torn_rows(Compared.rows_of(make_mosaic(3, shape=shape), Cfa(name))).size in (0, shape[0])


def test_wide_integers_are_judged_alike():
    frame = make_mosaic(1, shape=SHAPE)
    frame[150:] += np.where(np.arange(150, SHAPE[0]) % 2, 90, -90).astype(np.int16)[:, np.newaxis]
    assert problem(frame.astype(np.int32)) == problem(frame)
    assert "near row 1" in problem(frame)


@pytest.mark.parametrize(("second", "torn"), [(400, False), (100, True)])
def test_the_first_row_is_torn_where_the_greens_have_nothing_in_common(second, torn):
    frame = np.full(SHAPE, 200, np.int16)
    for plane in CFA.planes:
        if plane.name in {"Gr", "Gb"}:
            plane.view(frame)[...] = 400 if plane.name == "Gr" else second
    found = torn_rows(Compared.rows_of(frame, CFA))
    assert found[[0, 1]].tolist() == [torn] * 2
    assert not found[[-2, -1]].any()  # of the other green: the same excess is a smaller share of its level
