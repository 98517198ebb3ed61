"""Entries of followed series: dates, coordinates, and numbers rounded to what their intervals deserve."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensormap.assemble.evidence import Clock
from sensormap.assemble.from_series import make_defects
from sensormap.camera.cfa import Cfa
from sensormap.camera.geometry import Rect, Sensor
from sensormap.camera.profile import Body
from sensormap.diagnose.kind_and_strengths import Diagnosis
from sensormap.diagnose.onset import FrameSpan
from sensormap.diagnose.series import Series
from sensormap.frame import Exposure, Photo
from sensormap.maps.entries import Between, Defect, DefectKind

NOON = datetime(2010, 5, 2, 12)
BODY = Body("ACME", "ACME One", "1")
SENSOR = Sensor((24, 16), Rect(3, 1, 20, 14), Cfa("GBRG"), Rect(5, 2, 12, 10))


def photo(time: datetime | None) -> Photo:
    return Photo(Path("DSC_0001.NEF"), 1, BODY, Exposure(time=time))


def day(number: int) -> datetime:
    return NOON + timedelta(days=number)


def clock_of(*days: int | None) -> Clock:
    return Clock([photo(None if number is None else day(number)) for number in days])


def diagnosis(**values: object) -> Diagnosis:
    parts = {
        "kind": DefectKind.OFFSET,
        "score": 12.345678,
        "strengths": {},
        "unresolved": (),
        "onset": FrameSpan(0, 0),
        "until": None,
        "seen": 4,
        "due": 5,
    }
    return Diagnosis(**(parts | values))  # type: ignore[arg-type]


def toy_series(count: int = 1) -> Series:
    """Return series of three frames: the second has values 10 and 13 and an unknown one, the others 100 throughout."""
    value, known = np.full((count, 3), 100.0), np.ones((count, 3), np.bool_)
    which = min(1, count - 1)
    value[which], known[which, 1] = (10, 99, 13), False
    return Series(value, value, value, value, value, value, known)


def entry(one: Diagnosis, *, row: int = 2, col: int = 5, clock: Clock | None = None) -> Defect:
    (defect,) = made([(row, col)], [one], confidence=0.987654, clock=clock or clock_of(0, 1, 2))
    return defect


def made(
    places: list[tuple[int, int]],
    diagnoses: list[Diagnosis],
    *,
    confidence: float = 0.99,
    clock: Clock,
) -> list[Defect]:
    width, count = SENSOR.active_area.width, len(places)
    return make_defects(
        np.array([row * width + col for row, col in places], np.int64),
        np.full(count, confidence),
        diagnoses,
        series=toy_series(max(count, 1))[:count],
        sensor=SENSOR,
        clock=clock,
    )


# clock


@pytest.mark.parametrize(
    ("change", "between"),
    [
        (FrameSpan(0, 0), Between(None, None)),
        (FrameSpan(0, 2), Between(None, day(2))),
        (FrameSpan(1, 1), Between(day(0), day(1))),
        (FrameSpan(2, 3), Between(day(1), day(3))),
        (FrameSpan(3, 3), Between(day(2), day(3))),
        (FrameSpan(3, 4), Between(day(2), day(3))),
        (FrameSpan(4, 4), Between(day(3), day(3))),
        (None, None),
    ],
)
def test_a_change_lies_between_the_frames_around_it(change: FrameSpan | None, between: Between | None) -> None:
    """Frame 4 is that after the last: what is dated by it is dated by the last."""
    clock = clock_of(0, 1, 2, 3)
    assert clock.problem is None
    assert clock.between(change) == between


@pytest.mark.parametrize(
    ("days", "problem"),
    [
        ((0, None, 2), "of 3 photos 1 without a capture time"),
        ((None, None), "of 2 photos 2 without a capture time"),
        ((4, 4, 4), "all photos have one capture time"),
        ((4,), "one photo alone has no before and after"),
        ((), "one photo alone has no before and after"),
    ],
)
def test_without_different_times_nothing_is_dated(days: tuple[int | None, ...], problem: str) -> None:
    clock = clock_of(*days)
    assert clock.problem == problem
    assert clock.between(FrameSpan(0, 0)) is None
    assert clock.between(FrameSpan(1, 1)) is None


def test_photos_of_one_second_date_a_change_to_it() -> None:
    assert clock_of(0, 1, 1, 2).between(FrameSpan(2, 2)) == Between(day(1), day(1))


@given(low=st.integers(0, 5), length=st.integers(0, 5))
def test_a_change_is_never_dated_backwards(low: int, length: int) -> None:
    between = clock_of(*range(5)).between(FrameSpan(low, min(low + length, 5)))
    assert between is not None
    assert between.after is None or between.by is None or between.after <= between.by


# entries


def test_an_entry_says_where_what_and_when() -> None:
    one = diagnosis(until=FrameSpan(2, 2), onset=FrameSpan(1, 1), unresolved=("dark_dn_per_s",), seen=3, due=7)
    defect = entry(one)
    assert (defect.x, defect.y, defect.plane, defect.jpeg) == (8, 3, SENSOR.cfa.plane_name(x=8, y=3), (3, 1))
    assert (defect.kind, defect.confidence, defect.score) == (DefectKind.OFFSET, 0.9877, 12.35)
    assert (defect.mean, defect.variance) == (11.5, 2.25)
    assert (defect.onset, defect.until) == (Between(day(0), day(1)), Between(day(1), day(2)))
    assert (defect.seen, defect.cluster, defect.unresolved) == ((3, 7), None, ("dark_dn_per_s",))


def test_a_single_defect_that_lasts_has_neither_cluster_nor_end() -> None:
    defect = entry(diagnosis())
    assert (defect.cluster, defect.until) == (None, None)
    assert (defect.dark_dn_per_s, defect.offset_dn, defect.response) == (None, None, None)


def test_an_entry_outside_the_jpeg() -> None:
    assert entry(diagnosis(), row=13, col=19).jpeg is None


def test_an_entry_of_photos_without_times_has_no_dates() -> None:
    defect = entry(diagnosis(until=FrameSpan(1, 2)), clock=clock_of(None, None))
    assert (defect.onset, defect.until) == (None, None)


def test_entries_keep_their_order() -> None:
    places = [(9, 1), (2, 5), (9, 0)]
    defects = made(places, [diagnosis()] * 3, clock=clock_of(0, 1))
    assert [(one.y, one.x) for one in defects] == [(10, 4), (3, 8), (10, 3)]
    assert [one.mean for one in defects] == [100, 11.5, 100]


def test_no_defects_no_entries() -> None:
    assert made([], [], clock=clock_of(0, 1)) == []


# rounding


@pytest.mark.parametrize("name", ["dark_dn_per_s", "offset_dn", "response"])
def test_every_strength_has_its_place(name: str) -> None:
    defect = entry(diagnosis(strengths={name: (2.0, 1.0, 3.0)}))
    assert getattr(defect, name) == (2.0, 1.0, 3.0)


@given(value=st.floats(-1e6, 1e6), below=st.floats(1e-4, 1e7), above=st.floats(1e-4, 1e7))
def test_a_rounded_interval_excludes_no_more_than_a_hundredth_of_what_it_held(
    value: float, below: float, above: float
) -> None:
    width = below + above
    found = entry(diagnosis(strengths={"offset_dn": (value, value - below, value + above)})).offset_dn
    assert found is not None
    middle, low, high = found
    assert low <= middle <= high
    assert low <= value - below + width / 100
    assert high >= value + above - width / 100
    assert abs(middle - value) <= width / 100
    # Nor does it hold much more, and no number is longer than its interval deserves.
    assert low >= value - below - width / 100
    assert high <= value + above + width / 100
    if width < 1e5:
        assert len(f"{middle / 10 ** np.floor(np.log10(width)):.4f}".rstrip("0").partition(".")[2]) <= 3


@pytest.mark.parametrize(
    ("interval", "rounded"),
    [
        ((123.456789, 120.1, 126.8), (123.46, 120.1, 126.8)),
        ((0.71234, 0.70234, 0.72234), (0.7123, 0.7023, 0.7223)),
        ((1234.5, -400.0, 2900.0), (1230.0, -400.0, 2900.0)),
        ((5.0, 5.0, 5.0), (5.0, 5.0, 5.0)),
        ((-0.0001, -3.0, 3.0), (0.0, -3.0, 3.0)),
    ],
)
def test_examples_of_rounding(interval: tuple[float, float, float], rounded: tuple[float, float, float]) -> None:
    found = entry(diagnosis(strengths={"response": interval})).response
    assert found == rounded
    assert "-0.0" not in [str(number) for number in found]


def test_what_comes_and_goes_within_a_day_jumps() -> None:
    came = diagnosis(until=FrameSpan(2, 2), strengths={"offset_dn": (5.0, 4.0, 6.0)}, or_kinds=(DefectKind.HOT,))
    hours = [Clock([photo(NOON + timedelta(hours=6 * i)) for i in range(3)]), clock_of(0, 2, 4)]
    jumps, healed = (entry(came, clock=clock) for clock in hours)
    assert (jumps.kind, jumps.until, jumps.offset_dn, jumps.or_kinds) == (DefectKind.NOISY, None, None, ())
    assert (healed.kind, healed.or_kinds) == (DefectKind.OFFSET, (DefectKind.HOT,))
    assert healed.until == Between(day(2), day(4))
