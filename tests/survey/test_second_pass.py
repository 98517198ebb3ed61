"""The second pass: which frames it reads, what it gathers from them, and photos that are gone by then."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from sensormap.assemble.pass_rules import RAW
from sensormap.camera.geometry import Rect
from sensormap.camera.profile import Body, Profile
from sensormap.detect.follow_list import FollowList
from sensormap.detect.lines import FOLLOWED, lines_in_means
from sensormap.diagnose.defect_odds import LIKELY
from sensormap.diagnose.kind_and_strengths import SecondPassResult
from sensormap.diagnose.series import measure_response_spread
from sensormap.errors import DecodeError, ProfileError
from sensormap.frame import Exposure, Frame, Mosaic, Photo, Skipped
from sensormap.photos.refusals import Refusals
from sensormap.score.neighbours import gather_windows, pad
from sensormap.score.noise import Noise
from sensormap.shards.summary import FrameRecord, ShardSummary
from sensormap.survey.first_pass import run_first_pass
from sensormap.survey.passes import choose_frames, refilled
from sensormap.survey.saved_windows import Windows, split_frames
from sensormap.survey.second_pass import run_second_pass
from tests.support import toy_run
from tests.support.followed import HEALTHY, Law, make_conditions, simulate
from tests.support.frames import SATURATION, TOY_PROFILE, make_mosaic

STEPS = pytest.mark.parametrize("step", [1, 2])


# what a place shows


def windows_slowly(padded: Mosaic, row: int, col: int, step: int) -> list[int]:
    """Return value, twice the median and twice the mid-spread of the eight neighbours."""
    row, col = row + step, col + step
    around = [int(padded[row + i * step, col + j * step]) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j]
    a = sorted(around)
    return [int(padded[row, col]), a[3] + a[4], (a[5] + a[6]) - (a[1] + a[2])]


@STEPS
@pytest.mark.parametrize("dtype", [np.int16, np.int32])
@pytest.mark.parametrize("shape", [(6, 6), (7, 9), (24, 31)])
def test_windows_are_those_of_the_slow_reference_everywhere(step: int, dtype: type, shape: tuple[int, int]) -> None:
    """Corners and edges included, in any order, places repeated."""
    limits = (-200, 4096) if dtype == np.int16 else (-70_000, 70_000)
    padded = pad(np.random.default_rng(1).integers(*limits, shape).astype(dtype), step)
    before = padded.copy()
    place = np.random.default_rng(2).permutation(np.arange(2 * shape[0] * shape[1]) % (shape[0] * shape[1]))
    row, col = np.divmod(place.astype(np.int64), shape[1])
    windows = gather_windows(padded, row, col, step)
    assert_array_equal(padded, before)
    expected = [windows_slowly(padded, int(r), int(c), step) for r, c in zip(row, col, strict=True)]
    assert_array_equal(windows.T, expected)


@STEPS
def test_no_places_no_windows(step: int) -> None:
    none = np.empty(0, np.int64)
    assert gather_windows(pad(make_mosaic(1, step=step), step), none, none, step).shape == (3, 0)


# which frames


def photos_of(exposures: Sequence[float | None], *, iso: int | None = 100) -> list[Photo]:
    return [
        Photo(Path(f"DSC_{number:04}.NEF"), 1, Body("", "", ""), Exposure(iso=iso, shutter_s=shutter_s))
        for number, shutter_s in enumerate(exposures)
    ]


@pytest.mark.parametrize("most", [5, 6, 100])
def test_few_frames_are_all_followed(most: int) -> None:
    usable = [0, 3, 4, 8, 9]
    assert choose_frames(photos_of([0.01] * 10), usable, most) == usable


def test_the_longest_quarter_is_kept_and_the_rest_spread_evenly() -> None:
    exposures: list[float | None] = [0.01] * 100
    exposures[17], exposures[50], exposures[51] = 4.0, 30.0, 8.0
    exposures[52] = 60.0  # not usable
    usable = [number for number in range(100) if number != 52]
    chosen = choose_frames(photos_of(exposures), usable, 12)
    assert len(chosen) == 12
    assert {17, 50, 51} <= set(chosen)
    assert 52 not in chosen
    rest = [number for number in chosen if number not in (17, 50, 51)]
    assert (rest[0], rest[-1]) == (0, 99)
    gaps = [later - earlier for earlier, later in pairwise(rest)]
    assert max(gaps) - min(gaps) <= 4  # 99 over 8, and what is left out between


def test_frames_that_turn_out_useless_are_replaced() -> None:
    photos = photos_of([0.01] * 100)
    chosen = choose_frames(photos, range(100), 20)
    good = [number for number in range(100) if number % 5]
    found = refilled(photos, chosen, good, 20)
    assert len(found) == 20
    assert found == sorted({*found})
    assert set(chosen) & set(good) <= set(found) <= set(good)
    assert refilled(photos, chosen, good[:7], 20) == good[:7]
    assert refilled(photos, chosen, chosen, 20) == chosen
    assert refilled(photos, chosen, [], 20) == []


def test_an_exposure_is_as_long_as_its_gain_makes_it() -> None:
    photos = [*photos_of([1.0], iso=1600), *photos_of([2.0] * 19, iso=None), *photos_of([None, 2.0], iso=400)]
    chosen = choose_frames(photos, range(22), 8)
    assert {0, 21} <= set(chosen)  # 1 s at ISO 1600, 2 s at ISO 400; ISO 100 where it is unknown


@given(
    usable=st.sets(st.integers(0, 199), min_size=1).map(sorted),
    most=st.integers(2, 60),
    seed=st.integers(0, 99),
)
def test_exactly_so_many_usable_frames_are_chosen_ascending(usable: list[int], most: int, seed: int) -> None:
    exposures = np.random.default_rng(seed).choice([None, 0.01, 0.5, 8.0], 200).tolist()
    chosen = choose_frames(photos_of(exposures), usable, most)
    assert chosen == sorted(set(chosen))
    assert set(chosen) <= set(usable)
    assert len(chosen) == min(most, len(usable))
    lengths = sorted(((exposures[number] or 0.0) for number in usable), reverse=True)[: most // 4]
    assert sorted(((exposures[number] or 0.0) for number in chosen), reverse=True)[: most // 4] == lengths


# how far healthy photosites differ


@pytest.mark.parametrize("frames", [40, 256])
@pytest.mark.parametrize(("spread", "tolerance"), [(0.01, 0.003), (0.02, 0.003)])
def test_the_spread_of_healthy_responses_is_measured(frames: int, spread: float, tolerance: float) -> None:
    rng = np.random.default_rng(frames)
    conditions = make_conditions(frames, rng, filtered=0.05)
    controls = simulate([HEALTHY] * 1500, conditions, rng, response_spread=spread)
    assert abs(measure_response_spread(controls, conditions) - spread) < tolerance


def test_a_few_defects_among_the_controls_change_no_spread() -> None:
    rng = np.random.default_rng(4)
    conditions = make_conditions(60, rng)
    bad = [Law(response=0.3), Law(dark=3000.0), Law(offset=300.0), Law(stuck=0.0), Law(jitter=90.0)]
    controls = simulate([HEALTHY] * 1450 + bad * 10, conditions, rng, response_spread=0.01)
    assert abs(measure_response_spread(controls, conditions) - 0.01) < 0.003


def test_a_spread_that_few_frames_cannot_show_is_not_below_its_floor() -> None:
    rng = np.random.default_rng(5)
    conditions = make_conditions(20, rng)
    for spread in (0.0, 0.001):
        controls = simulate([HEALTHY] * 1000, conditions, rng, response_spread=spread)
        assert 0.005 <= measure_response_spread(controls, conditions) < 0.008
    assert measure_response_spread(controls[:9], conditions) == 0.005
    clipped = replace(controls, level=np.full(controls.level.shape, float(SATURATION)))
    assert measure_response_spread(clipped, conditions) == 0.005
    assert measure_response_spread(replace(controls, known=controls.known & False), conditions) == 0.005


# the pass

SIZE = (101, 90)
AREA = Rect(3, 1, 94, 85)
PROFILE = replace(TOY_PROFILE, raw_size=SIZE, active_area=AREA, jpeg_crop=None)
SHAPE = (AREA.height, AREA.width)
FRAMES = 12
STUCK = {(0, 0): 3000, (40, 51): 3500, (84, 93): 900}
"""(row, col) in the active area, and the level."""


@cache
def mosaic(number: int) -> NDArray[np.int16]:
    """Return a photo's raw grid, no two of them of one level, with photosites that are stuck."""
    found = make_mosaic(100 + number, shape=SIZE[::-1], level=250.0 * (1 + number % 5) + 20 * number)
    for (row, col), level in STUCK.items():
        found[AREA.y + row, AREA.x + col] = level
    return found


def frame_of(photo: Photo, _: Profile | None = None) -> Frame:
    number = int(photo.path.stem)
    return Frame(photo, mosaic(number), 0, SATURATION, f"{number:064x}")


PHOTOS = tuple(
    Photo(Path(f"{number}.nef"), 1, Body("A", "B", "1"), Exposure(iso=100 << number % 3, shutter_s=0.01 * (1 + number)))
    for number in range(FRAMES)
)


@cache
def first_pass() -> ShardSummary:
    found = run_first_pass(PHOTOS, PROFILE, RAW, toy_run.context(frame_of))
    assert sorted(found.records) == list(range(FRAMES))
    assert not any(record.repeat for record in found.records.values())
    return found


CANDIDATES = np.array([row * SHAPE[1] + col for row, col in [*STUCK, (30, 30), (84, 0)]], np.int64)
CANDIDATES.sort()
DECOYS = np.array([5, 777, 4001, 83 * 94 + 93], np.int64)


def follow(
    frames: Sequence[int] = range(FRAMES),
    *,
    read: Callable[..., Frame] = frame_of,
    threads: int = 2,
    decoys: NDArray[np.int64] = DECOYS,
    heard: list[Any] | None = None,
    refusals: Refusals | None = None,
    records: dict[int, FrameRecord] | None = None,
) -> SecondPassResult:
    first = first_pass() if records is None else replace(first_pass(), records=records)

    def progress(*counts: int) -> None:
        if heard is not None:
            heard.append(counts)

    shared = toy_run.context(read, threads=threads, progress=progress, refusals=refusals)
    return run_second_pass(PHOTOS, PROFILE, first, FollowList(CANDIDATES, decoys), frames, shared)


def assert_same(one: SecondPassResult, other: SecondPassResult) -> None:
    parts = ((one.series[:], other.series[:]), (one.odds, other.odds), (one.conditions, other.conditions))
    for mine, theirs in parts:
        for name, array in vars(mine).items():
            assert_array_equal(array, getattr(theirs, name), err_msg=name)
    assert_array_equal(one.decoys, other.decoys)
    assert one.response_spread == other.response_spread


def test_series_are_what_the_frames_show_at_the_candidates() -> None:
    followed = follow()
    assert_array_equal(followed.places, CANDIDATES)
    assert followed.series[:].value.shape == (CANDIDATES.size, FRAMES)
    for number in range(FRAMES):
        padded = pad(mosaic(number)[AREA.slices], 2)
        for i, place in enumerate(CANDIDATES.tolist()):
            value, level2, spread2 = windows_slowly(padded, *divmod(place, SHAPE[1]), 2)
            series = followed.series[:]
            found = series.value[i, number], series.level[i, number], series.spread[i, number]
            assert found == (value, level2 / 2, spread2 / 2)
    assert followed.series[:].known.all()
    assert (followed.series[:].variance > 0).all()


def test_conditions_are_those_of_the_followed_frames() -> None:
    frames = [1, 4, 5, 9]
    conditions = follow(frames).conditions
    assert conditions.number.tolist() == frames
    assert conditions.gain.tolist() == [float(1 << number % 3) for number in frames]
    assert conditions.shutter_s.tolist() == [0.01 * (1 + number) for number in frames]
    assert conditions.saturation.tolist() == [SATURATION] * 4
    assert conditions.floor.tolist() == [0.0] * 4
    assert not conditions.filtered.any()


def test_unknown_settings_are_not_a_number_and_without_any_iso_the_gain_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def conditions_with(*exposures: Exposure) -> Any:
        photos = (*(replace(PHOTOS[i], exposure=exposure) for i, exposure in enumerate(exposures)), *PHOTOS[2:])
        monkeypatch.setattr(f"{__name__}.PHOTOS", photos)
        return follow([0, 1]).conditions

    some = conditions_with(Exposure(iso=200), Exposure(shutter_s=4.0))
    assert some.gain[0] == 2.0
    assert some.shutter_s[1] == 4.0
    assert np.isnan([some.gain[1], some.shutter_s[0]]).all()
    none = conditions_with(Exposure(), Exposure())
    assert none.gain.tolist() == [1.0, 1.0]
    assert np.isnan(none.shutter_s).all()


def test_stuck_photosites_are_likely_and_healthy_ones_are_not() -> None:
    followed = follow()
    stuck = {row * SHAPE[1] + col for row, col in STUCK}
    assert set(CANDIDATES[followed.odds.likely].tolist()) == stuck


def test_a_decoy_is_followed_through_the_shifts() -> None:
    """A spot that moves with the shifts, against them that is, stays in one place of the shifted frames."""
    shifts, even = first_pass().shifts, (84, 94)

    def with_spot(photo: Photo, _: Profile) -> Frame:
        frame = frame_of(photo)
        raw = frame.mosaic.copy()
        number = int(photo.path.stem)
        row, col = (20 - shifts[0, number]) % even[0], (30 - shifts[1, number]) % even[1]
        raw[AREA.y + row, AREA.x + col] += 700
        return replace(frame, mosaic=raw)

    decoys = np.array([20 * SHAPE[1] + 30, 20 * SHAPE[1] + 40], np.int64)
    still, moving = follow(decoys=decoys), follow(decoys=decoys, read=with_spot)
    assert (still.decoys < 0).all()
    assert moving.decoys[0] > LIKELY
    assert moving.decoys[1] < 0


def test_what_a_decoy_shows_on_a_defect_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Places whose photosite is a stuck one in some frame would be odd without it; here all decoys there are."""
    shifts = first_pass().shifts
    over = [
        (row + int(shifts[0, number])) % 84 * SHAPE[1] + (col + int(shifts[1, number])) % 94
        for row, col in STUCK
        if row < 84
        for number in range(FRAMES)
    ]
    decoys = np.unique(np.array(over, np.int64))
    counted = follow(decoys=decoys).decoys.max()
    off = np.ones((decoys.size, FRAMES), np.bool_)
    monkeypatch.setattr("sensormap.survey.second_pass._SecondPass._off_defects", lambda *_: off)
    assert counted < 2 < follow(decoys=decoys).decoys.max()


def test_no_candidates_and_no_decoys() -> None:
    none = np.empty(0, np.int64)
    shared = toy_run.context(frame_of, threads=1)
    found = run_second_pass(PHOTOS, PROFILE, first_pass(), FollowList(none, none), [0, 1], shared)
    assert (len(found.series), found.odds.total.size, found.decoys.size) == (0, 0, 0)
    assert found.response_spread >= 0.005


@pytest.mark.parametrize("threads", [1, 3, 8])
def test_threads_do_not_change_what_is_followed(threads: int) -> None:
    assert_same(follow(threads=threads), follow())


def test_progress_counts_every_followed_frame_once() -> None:
    heard: list[Any] = []
    follow([2, 5, 7], heard=heard)
    assert heard == [(0, 3), (1, 3), (2, 3), (3, 3)]


# photos that are gone or have changed since the first pass


def refuse_some(
    bad: dict[int, Callable[[Frame], Frame]], *, frame_of: Callable[..., Frame] = frame_of
) -> Callable[..., Frame]:
    def read(photo: Photo, profile: Profile) -> Frame:
        frame = frame_of(photo, profile)
        return bad.get(int(photo.path.stem), lambda same: same)(frame)

    return read


def vanish(frame: Frame) -> Frame:
    msg = f"{frame.photo.path.name}: cannot be read: No such file or directory"
    raise DecodeError(msg)


def contradict(_: Frame) -> Frame:
    msg = "raw grid of another size"
    raise ProfileError(msg)


def change(frame: Frame) -> Frame:
    return replace(frame, digest="f" * 64)


def lost(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was told of photos that could not be read again."""
    told = [record.getMessage().split(" counts with the first pass only: ") for record in caplog.records]
    return [": ".join(parts) for parts in told if len(parts) > 1]


@pytest.mark.parametrize("threads", [1, 3])
def test_photos_that_are_gone_or_changed_are_told_with_their_reason_and_the_others_followed(
    threads: int, caplog: pytest.LogCaptureFixture
) -> None:
    refusals, heard = Refusals(strict=False), []
    read = refuse_some({2: vanish, 3: change, 11: contradict})
    found = follow(read=read, refusals=refusals, heard=heard, threads=threads)
    assert lost(caplog) == [
        "2.nef: in the second pass: cannot be read: No such file or directory",
        "3.nef: changed between the two passes",
        "11.nef: in the second pass: raw grid of another size",
    ]
    assert (refusals.lost, refusals.skipped) == (3, [])  # they count as used, so they are not skipped
    assert heard[-1] == (FRAMES, FRAMES)
    assert_same(found, follow([0, 1, 4, 5, 6, 7, 8, 9, 10]))


def test_no_photo_can_be_read_again() -> None:
    refusals = Refusals(strict=False)
    read = refuse_some(dict.fromkeys(range(FRAMES), vanish))
    assert follow(read=read, refusals=refusals) is None
    assert refusals.lost == FRAMES


@pytest.mark.parametrize("error", [KeyboardInterrupt, DecodeError, ZeroDivisionError])
def test_what_a_refusal_raises_ends_the_pass_and_its_threads(error: type[BaseException]) -> None:
    """So does `strict`."""
    read_after = []

    class Raising(Refusals):
        def add_lost(self, photo: Skipped) -> None:
            raise error

    def read(photo: Photo, profile: Profile) -> Frame:
        read_after.append(photo)
        return vanish(frame_of(photo))

    before = {*threading.enumerate()}
    with pytest.raises(error):
        follow(read=read, refusals=Raising(strict=False), threads=1)
    assert {*threading.enumerate()} <= before  # those of earlier tests may end meanwhile
    assert len(read_after) < FRAMES


def test_an_error_that_is_no_photo_s_fault_ends_the_pass() -> None:
    def fail(_: Frame) -> Frame:
        raise ZeroDivisionError

    before = {*threading.enumerate()}
    with pytest.raises(ZeroDivisionError):
        follow(read=refuse_some({4: fail}))
    assert {*threading.enumerate()} <= before  # those of earlier tests may end meanwhile


def test_filtered_frames_are_told_from_the_first_pass() -> None:
    records = first_pass().records
    changed = replace(records[3], filtered=True, saturation=3000, floor=-5)
    conditions = follow([1, 3], records=records | {3: changed}).conditions
    assert conditions.filtered.tolist() == [False, True]
    assert conditions.saturation.tolist() == [SATURATION, 3000]
    assert conditions.floor.tolist() == [0, -5]


def test_noise_is_that_of_the_photosite_s_plane_in_the_frame() -> None:
    coefficients = np.zeros((2, 2, 4), np.float32)
    coefficients[..., 0] = [[4, 16], [36, 64]]
    noise = Noise(coefficients, np.ones((2, 2)), 0.0)
    records = {number: replace(record, noise=noise) for number, record in first_pass().records.items()}
    variance = follow([1, 3], records=records).series[:].variance
    planes = np.array([[1.0, 4.0], [9.0, 16.0]])
    row, col = np.divmod(CANDIDATES, SHAPE[1])
    # In the corners, where neighbours are continued lines, residuals scatter three times as far.
    corner = (np.minimum(row, SHAPE[0] - 1 - row) < 4) & (np.minimum(col, SHAPE[1] - 1 - col) < 4)
    assert corner.any()
    assert_array_equal(variance, np.stack([planes[row % 2, col % 2] * np.where(corner, 9, 1)] * 2, axis=1))


# with what the first pass saved


@cache
def saving_pass() -> ShardSummary:
    """Return a first pass that saved values of the frames between the leading ones."""
    found = run_first_pass(toy_run.photos(30), toy_run.PROFILE, RAW, toy_run.context(), follow=range(30))
    later = {number for batch in split_frames(30, saving=True) for number in batch.later}
    assert set(found.saved_windows) == later
    assert len(later) > 12
    return found


def saved() -> dict[int, Windows]:
    """Return a copy of what was saved, which the second pass may empty."""
    return dict(saving_pass().saved_windows)


def partly_saved_list() -> tuple[FollowList, NDArray[np.bool_], NDArray[np.bool_]]:
    """Return candidates and decoys, and of which of them values were saved."""
    (listed,) = {id(one.follow_list): one.follow_list for one in saved().values()}.values()
    (stuck,) = [np.sort([row * toy_run.SHAPE[1] + col for row, col in toy_run.STUCK])]
    candidates = np.union1d(stuck, np.arange(0, toy_run.AREA.width * toy_run.AREA.height, 97))
    decoys = np.union1d(listed.decoys[:20], np.arange(3, 900, 41))
    known = np.isin(candidates, listed.photosites), np.isin(decoys, listed.decoys)
    assert np.isin(stuck, listed.photosites).all()
    assert all(0 < np.count_nonzero(one) < one.size for one in known)
    return FollowList(candidates, decoys.astype(np.int64)), *known


def follow_again(
    saved_windows: dict[int, Windows],
    *,
    frames: Sequence[int] = range(30),
    read: Callable[..., Frame] = toy_run.frame_of,
    refusals: Refusals | None = None,
    heard: list[Any] | None = None,
    threads: int = 2,
) -> SecondPassResult:
    told: list[Any] = [] if heard is None else heard

    def progress(*counts: int) -> None:
        told.append(counts)

    first = replace(saving_pass(), saved_windows=saved_windows)
    shared = toy_run.context(read, threads=threads, progress=progress, refusals=refusals)
    return run_second_pass(toy_run.photos(30), toy_run.PROFILE, first, partly_saved_list()[0], frames, shared)


def test_what_was_saved_is_let_go_of() -> None:
    """It is as large as what is made of it; frames that are not followed are let go of too."""
    windows = saved()
    follow_again(windows, frames=range(20))
    assert windows == {}


def test_what_was_saved_is_known_as_if_every_frame_were_read_again() -> None:
    _, known, _ = partly_saved_list()
    with_saved, everything = follow_again(saved()), follow_again({})
    assert everything.series[:].known.all()
    assert with_saved.series[:].known[known].all()
    for name in ("value", "level", "spread", "variance", "photon", "odd"):
        one, other = getattr(with_saved.series[:], name), getattr(everything.series[:], name)
        assert_array_equal(one[known], other[known], err_msg=name)
    for name, array in vars(with_saved.odds).items():
        assert_array_equal(array[known], getattr(everything.odds, name)[known], err_msg=name)
    for name, array in vars(with_saved.conditions).items():
        assert_array_equal(array, getattr(everything.conditions, name), err_msg=name)
    assert with_saved.response_spread == everything.response_spread


def test_what_was_not_saved_is_known_in_the_frames_that_are_read_again() -> None:
    _, known, _ = partly_saved_list()
    with_saved, everything = follow_again(saved()), follow_again({})
    again = np.array([number not in saved() for number in range(30)])
    assert_array_equal(with_saved.series[:].known[~known], np.broadcast_to(again, (np.count_nonzero(~known), 30)))
    for name in ("value", "level", "spread", "variance"):
        one, other = getattr(with_saved.series[:], name), getattr(everything.series[:], name)
        assert_array_equal(one[~known][:, again], other[~known][:, again], err_msg=name)


def test_decoys_that_were_saved_fare_as_if_every_frame_were_read_again() -> None:
    *_, known = partly_saved_list()
    with_saved, everything = follow_again(saved()), follow_again({})
    assert_array_equal(with_saved.decoys[known], everything.decoys[known])
    assert with_saved.decoys.shape == everything.decoys.shape


@pytest.mark.parametrize("threads", [1, 5])
def test_only_frames_that_were_not_saved_are_read_and_counted(threads: int) -> None:
    lock, read_again, heard = threading.Lock(), [], []

    def read(photo: Photo, profile: Profile) -> Frame:
        with lock:
            read_again.append(int(photo.path.stem))
        return toy_run.frame_of(photo, profile)

    found = follow_again(saved(), read=read, heard=heard, threads=threads)
    again = sorted(set(range(30)) - set(saved()))
    assert sorted(read_again) == again
    assert heard == [(done, len(again)) for done in range(len(again) + 1)]
    assert_same(found, follow_again(saved()))


def test_what_was_saved_of_frames_that_are_not_followed_is_left_out() -> None:
    frames = [0, 1, 2, 4, 9, 28]
    found = follow_again(saved(), frames=frames)
    assert found.conditions.number.tolist() == frames
    part = {number: saved()[number] for number in (0, 2, 9)}
    assert_same(found, follow_again(part, frames=frames))


def test_a_photo_that_vanished_is_missed_only_where_it_is_read_again(caplog: pytest.LogCaptureFixture) -> None:
    refusals = Refusals(strict=False)
    read = refuse_some({3: vanish, 4: vanish, 25: change, 9: contradict}, frame_of=toy_run.frame_of)
    assert {3, 9} <= set(saved())
    found = follow_again(saved(), read=read, refusals=refusals)
    assert lost(caplog) == [
        "4.nef: in the second pass: cannot be read: No such file or directory",
        "25.nef: changed between the two passes",
    ]
    left = [number for number in range(30) if number not in (4, 25)]
    assert_same(found, follow_again(saved(), frames=left))


def test_where_no_photo_can_be_read_again_what_was_saved_is_left() -> None:
    refusals = Refusals(strict=False)
    read = refuse_some(dict.fromkeys(range(30), vanish), frame_of=toy_run.frame_of)
    found = follow_again(saved(), read=read, refusals=refusals)
    assert found.conditions.number.tolist() == sorted(saved())
    assert refusals.lost == 30 - len(saved())
    assert not found.series.known[~partly_saved_list()[1]].any()


# lines


@pytest.mark.parametrize(("frames", "kept"), [(range(24), True), (range(14, 24), True), ((3, 4, 11, 15, 18), False)])
def test_lines_of_a_few_frames_are_dropped(frames: Sequence[int], kept: bool) -> None:
    def read(photo: Photo, profile: Profile) -> Frame:
        frame = toy_run.frame_of(photo, profile)
        active = frame.mosaic[toy_run.AREA.slices].copy()
        if int(photo.path.stem) in frames:
            active[50, 10:80] += 400
        mosaic = frame.mosaic.copy()
        mosaic[toy_run.AREA.slices] = np.clip(active, 0, SATURATION)
        return replace(frame, mosaic=mosaic)

    context, every = toy_run.context(read), range(24)
    first = run_first_pass(toy_run.photos(24), toy_run.PROFILE, RAW, context, follow=every)
    area = toy_run.AREA
    cfa = toy_run.PROFILE.cfa.shifted(x=area.x, y=area.y)
    lines = lines_in_means(first.tally, cfa, limits=FOLLOWED)
    assert ("row", 50) in {(line.axis, line.place) for line in lines}
    none = np.empty(0, np.int64)
    found = run_second_pass(
        toy_run.photos(24), toy_run.PROFILE, first, FollowList(none, none), every, context, lines=lines
    )
    followed = {(one.line.axis, one.line.place): one for one in found.lines}
    assert (("row", 50) in followed) == kept
    if kept:
        diagnosis = followed["row", 50].diagnosis
        assert diagnosis.onset.low <= frames[0] <= diagnosis.onset.high
        assert found.line_decoys.size
