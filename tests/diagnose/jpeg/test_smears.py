"""Collapsing: what one defect smears over a JPEG is one entry at its centre; defects beside it are kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensormap.detect.candidates import Candidates
from sensormap.detect.tally import Outliers
from sensormap.diagnose.jpeg.smears import Centres, find_centres, strongest

WIDTH, HEIGHT = 320, 240
LEVEL = 100


@dataclass(frozen=True)
class Shown:
    """How a candidate shows: its score, and by how much its value is off in each of these frames."""

    score: float = 40.0
    excess: int = 60
    frames: Sequence[int] = range(10)


GLARING, HALF, FAINT = Shown(), Shown(25.0, 30), Shown(12.0, 8)
Places = Mapping[tuple[int, int], Shown]
Turn = Callable[[Places], Places]


def collapsed(places: Places, order: Sequence[int] | None = None) -> tuple[list[tuple[int, int]], Centres]:
    """Return which candidates are kept, by (row, col), and how; they stand in order of place, or in another."""
    at = sorted(places)
    listed = [at[i] for i in (range(len(at)) if order is None else order)]
    row, col = np.array(listed, np.int32).reshape(-1, 2).T
    candidates = Candidates(row, col, np.array([places[place].score for place in listed]))
    seen = [(y * WIDTH + x, frame, places[y, x].excess) for y, x in at for frame in places[y, x].frames]
    index, frame, excess = np.array(seen, np.int32).reshape(-1, 3).T
    level2 = np.full(index.size, 2 * LEVEL, np.int32)
    score = (np.sign(excess) * 40).astype(np.int8)
    outliers = Outliers(frame, index, score, LEVEL + excess, level2)
    centres = find_centres(candidates, outliers, width=WIDTH)
    return [listed[i] for i in centres.which.tolist()], centres


def kept(places: Places) -> list[tuple[int, int]]:
    return collapsed(places)[0]


def radii(places: Places) -> dict[tuple[int, int], int]:
    found, centres = collapsed(places)
    return dict(zip(found, centres.radius.tolist(), strict=True))


def lines(places: Places) -> dict[tuple[int, int], int]:
    found, centres = collapsed(places)
    return dict(zip(found, centres.line.tolist(), strict=True))


def cross(row: int, col: int) -> dict[tuple[int, int], Shown]:
    """Return what a glaring defect looks like once it is demosaiced and sharpened: seven pixels wide."""
    found = {}
    for i in range(-3, 4):
        for j in range(-3, 4):
            away = abs(i) + abs(j)
            if away == 1:
                found[row + i, col + j] = HALF
            elif away in (2, 3):
                found[row + i, col + j] = Shown(15.0, -20, range(7))
    return found | {(row, col): GLARING}


def moved(places: Places, row: int, col: int) -> dict[tuple[int, int], Shown]:
    return {(y + row, x + col): shown for (y, x), shown in places.items()}


def turned(places: Places) -> dict[tuple[int, int], Shown]:
    return {(x, y): shown for (y, x), shown in places.items()}


# one defect


@pytest.mark.parametrize("centre", [(100, 100), (0, 0), (15, 16), (16, 31), (HEIGHT - 1, WIDTH - 1), (3, WIDTH - 1)])
def test_a_smeared_cross_is_one_defect_at_its_centre(centre: tuple[int, int]) -> None:
    """Wherever it lies in the blocks, and at the edges."""
    inside = {(y, x): shown for (y, x), shown in cross(*centre).items() if 0 <= y < HEIGHT and 0 <= x < WIDTH}
    assert radii(inside) == {centre: 0}


def test_crosses_apart_are_a_defect_each() -> None:
    centres = [(40, 40), (40, 140), (140, 40), (180, 40)]
    assert kept({at: shown for centre in centres for at, shown in cross(*centre).items()}) == centres


@pytest.mark.parametrize("centre", [(50, 50), (50, 51), (51, 50), (51, 51)])
def test_the_excess_decides_between_clipped_scores(centre: tuple[int, int]) -> None:
    square = {(50 + i, 50 + j): Shown(64.0, 50) for i in (0, 1) for j in (0, 1)}
    assert kept(square | {centre: Shown(64.0, 90)}) == [centre]


def test_the_excess_decides_even_against_a_somewhat_higher_score() -> None:
    """Where its surroundings are quieter a halo may score higher than the defect."""
    assert kept({(50, 50): Shown(40.0, 50), (50, 51): Shown(38.0, 90)}) == [(50, 51)]


def test_the_score_decides_where_the_excess_is_the_same() -> None:
    assert kept({(50, 50): Shown(30.0, 50, [1, 2]), (50, 51): Shown(31.0, 50, [3, 4])}) == [(50, 51)]


def test_without_outliers_the_score_decides() -> None:
    """What only the mean tells."""
    places = {(50, 50): Shown(9.0, frames=()), (50, 51): Shown(12.0, frames=()), (51, 51): Shown(8.0, frames=())}
    assert radii(places) == {(50, 51): 0}


@pytest.mark.parametrize(("beside", "radius"), [(47, 0), (48, 1), (60, 1)])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("away", [(0, 1), (1, 0), (-1, 1), (-1, -1)])
def test_the_place_is_unsure_where_a_neighbour_deviates_by_four_fifths(
    away: tuple[int, int], sign: int, beside: int, radius: int
) -> None:
    """In fewer frames, so that it is no second defect."""
    centre, other = Shown(excess=6 * sign, frames=range(10)), Shown(20.0, beside * sign, [3])
    assert radii({(50, 50): centre, (50 + away[0], 50 + away[1]): other}) == {(50, 50): radius}


def test_a_pixel_two_away_does_not_make_the_place_unsure() -> None:
    assert radii({(50, 50): GLARING, (50, 52): Shown(20.0, 59, range(5))}) == {(50, 50): 0}


@pytest.mark.parametrize("away", [(0, 1), (0, 2), (0, 3), (3, 3), (-2, 1)])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_halo_of_the_other_sign_is_dropped_however_strong(away: tuple[int, int], sign: int) -> None:
    places = {(50, 50): Shown(excess=60 * sign), (50 + away[0], 50 + away[1]): Shown(excess=-59 * sign)}
    assert kept(places) == [(50, 50)]


# several defects side by side

PAIRS = [((0, 0), (0, 2)), ((0, 0), (2, 0)), ((0, 0), (2, 2)), ((0, 0), (0, 1)), ((0, 3), (3, 0))]
BLOCK = ((0, 0), (0, 1), (1, 0), (1, 1))


@pytest.mark.parametrize("shape", [*PAIRS, BLOCK])
@pytest.mark.parametrize("sign", [1, -1])
def test_defects_that_deviate_alike_in_the_same_frames_are_all_kept(
    shape: tuple[tuple[int, int], ...], sign: int
) -> None:
    places = {at: Shown(40.0 - i, (60 - i) * sign) for i, at in enumerate(shape)}
    assert kept(moved(places, 30, 30)) == sorted(moved(places, 30, 30))


def test_one_of_a_block_cannot_be_told_from_the_next() -> None:
    assert set(radii(moved(dict.fromkeys(BLOCK, GLARING), 30, 30)).values()) == {1}
    assert set(radii(moved(dict.fromkeys(PAIRS[0], GLARING), 30, 30)).values()) == {0}


@pytest.mark.parametrize(
    ("beside", "pair"),
    [
        (Shown(34.0, 42), True),
        (Shown(33.9, 59), False),  # a lower score
        (Shown(40.0, 40), False),  # less excess
        (Shown(40.0, 59, range(8)), True),
        (Shown(40.0, 59, range(7)), False),  # in fewer of the frames
        (Shown(40.0, 59, range(5, 15)), False),  # in others
        (Shown(40.0, 59, ()), False),
    ],
)
def test_what_makes_a_pair(beside: Shown, pair: bool) -> None:
    assert kept({(50, 50): GLARING, (50, 52): beside}) == [(50, 50), (50, 52)][: 1 + pair]


@pytest.mark.parametrize(("number", "pair"), [(2, False), (3, False), (4, False), (5, True)])
def test_a_few_frames_do_not_make_a_pair(number: int, pair: bool) -> None:
    shown = {(50, 50): Shown(excess=61, frames=range(number)), (50, 52): Shown(frames=range(number))}
    assert kept(shown) == [(50, 50), (50, 52)][: 1 + pair]


def test_four_pixels_away_it_is_no_smear() -> None:
    for away, number in ((3, 1), (4, 2)):
        assert len(kept({(50, 50): GLARING, (50, 50 + away): Shown(40.0, 59, range(20, 30))})) == number


# ripples of compression


@pytest.mark.parametrize(
    ("ripple", "dropped"),
    [
        (FAINT, True),
        (Shown(26.6, 60), True),  # below two thirds of the score
        (Shown(26.7, 60), False),
        (Shown(40.0, 14), True),  # below a quarter of the excess
        (Shown(40.0, 15), False),
        (Shown(26.7, -15), False),
        (Shown(26.6, -60), True),
    ],
)
@pytest.mark.parametrize("away", [(0, 4), (7, 0), (15, 15), (-8, -8)])
def test_a_faint_candidate_near_a_strong_one_is_a_ripple(away: tuple[int, int], ripple: Shown, dropped: bool) -> None:
    """In its block of 16 pixels, or within 8 of it in the next."""
    places = {(32, 48): GLARING, (32 + away[0], 48 + away[1]): ripple}
    assert len(kept(places)) == (1 if dropped else 2)


@pytest.mark.parametrize("away", [(0, 16), (16, 0), (-9, 0), (0, -9), (16, 15), (-40, 7)])
def test_a_faint_candidate_in_another_block_farther_than_half_a_block_is_no_ripple(away: tuple[int, int]) -> None:
    assert len(kept({(48, 48): GLARING, (48 + away[0], 48 + away[1]): FAINT})) == 2


def test_ripples_are_dropped_and_an_equally_strong_defect_in_their_block_is_kept() -> None:
    ripples = {(33 + 4 * i, 49 + 4 * j): FAINT for i in range(4) for j in range(4)}
    assert kept(ripples | {(35, 51): GLARING, (45, 62): GLARING}) == [(35, 51), (45, 62)]


def test_what_is_dropped_explains_nothing() -> None:
    """The last of the three is too strong for a ripple of the one kept, but not of the one dropped."""
    places = {(32, 32): Shown(40.0, 60), (32, 34): Shown(39.0, 40), (32, 44): Shown(27.0, 39)}
    assert kept(places) == [(32, 32), (32, 44)]


# columns and rows

RUN = range(20, 120)
LINES = pytest.mark.parametrize("turn", [dict, turned], ids=["column", "row"])


def smeared_column(col: int, *, rows: Sequence[int] = RUN, main: Shown = GLARING) -> dict[tuple[int, int], Shown]:
    """Return a bad column with smear three pixels wide on both sides."""
    places: dict[tuple[int, int], Shown] = {}
    for away, shown in ((1, HALF), (2, Shown(20.0, -25)), (3, FAINT)):
        places |= {(y, col + side * away): shown for y in rows for side in (1, -1)}
    return places | {(y, col): main for y in rows}


@LINES
def test_a_smeared_column_keeps_its_members_and_loses_the_runs_beside_it(turn: Turn) -> None:
    places = turn(smeared_column(60))
    assert kept(places) == sorted(turn(dict.fromkeys(((y, 60) for y in RUN), GLARING)))


@LINES
def test_members_of_a_column_need_not_be_equally_strong(turn: Turn) -> None:
    column = {(y, 60): GLARING if y % 5 == 0 else FAINT for y in RUN}
    assert kept(turn(column)) == sorted(turn(column))


@LINES
def test_a_column_of_one_plane_keeps_its_members(turn: Turn) -> None:
    column = dict.fromkeys(((y, 60) for y in RUN[::2]), GLARING)
    smear = dict.fromkeys(((y, 60) for y in RUN[1::2]), FAINT)
    assert set(kept(turn(column))) == set(turn(column))
    assert set(kept(turn(column | smear))) >= set(turn(column))


@LINES
@pytest.mark.parametrize(("beyond", "dropped"), [(3, True), (9, False)])
def test_smear_at_the_ends_of_a_column_is_dropped(turn: Turn, beyond: int, dropped: bool) -> None:
    column = dict.fromkeys(((y, 60) for y in RUN), GLARING)
    found = kept(turn(column | {(RUN[-1] + beyond, 61): GLARING, (RUN[0] - beyond, 59): GLARING}))
    assert len(found) == len(column) + (0 if dropped else 2)


@LINES
def test_ripples_beside_a_column_are_dropped_and_defects_kept(turn: Turn) -> None:
    column = smeared_column(60)
    ripples = dict.fromkeys(((y, x) for y in RUN[::9] for x in (55, 65)), FAINT)
    others = {(50, 66): GLARING, (60, 90): FAINT, (130, 60): GLARING}
    found = kept(turn(column | ripples | others))
    assert set(found) == set(turn({(y, 60): GLARING for y in RUN} | others))


@LINES
def test_the_stronger_of_two_columns_side_by_side_is_the_bad_one(turn: Turn) -> None:
    columns = {(y, x): shown for y in RUN for x, shown in ((60, HALF), (61, GLARING))}
    assert set(kept(turn(columns))) == {at for at in turn(columns) if turn(columns)[at] == GLARING}


@LINES
def test_two_columns_well_apart_are_both_kept(turn: Turn) -> None:
    places = smeared_column(60) | smeared_column(160, rows=range(60, 200))
    expected = dict.fromkeys([(y, 60) for y in RUN] + [(y, 160) for y in range(60, 200)], GLARING)
    assert set(kept(turn(places))) == set(turn(expected))


@LINES
def test_two_columns_one_below_the_other_are_both_kept(turn: Turn) -> None:
    places = smeared_column(60, rows=range(10, 40)) | smeared_column(62, rows=range(100, 140))
    assert len(kept(turn(places))) == 70


def test_a_column_and_a_row_that_cross_are_both_kept() -> None:
    places = smeared_column(60) | turned(smeared_column(60))
    column, row = {(y, 60) for y in RUN}, {(60, x) for x in RUN}
    places |= dict.fromkeys(column | row, GLARING)
    assert column | row <= set(kept(places))


@LINES
def test_members_of_a_line_have_its_number_and_single_defects_none(turn: Turn) -> None:
    single = turn({(60, 90): GLARING, (230, 60): GLARING})
    number = lines(turn(smeared_column(60) | smeared_column(160, rows=range(60, 200))) | single)
    members = [turn({(y, x): GLARING for y in rows}) for x, rows in ((60, RUN), (160, range(60, 200)))]
    assert [len({number[at] for at in column}) for column in members] == [1, 1]
    assert {number[at] for column in members for at in column} == {1, 2}
    assert {at for at, of in number.items() if not of} == set(single)


def test_a_column_and_a_row_have_each_a_number() -> None:
    number = lines({(y, 60): GLARING for y in RUN} | {(200, x): GLARING for x in RUN})
    assert len({number[y, 60] for y in RUN}) == len({number[200, x] for x in RUN}) == 1
    assert number[RUN[0], 60] != number[200, RUN[0]]


# any order, and none


def test_no_candidates() -> None:
    found, centres = collapsed({})
    assert found == []
    assert centres.which.dtype == np.intp
    assert centres.radius.dtype == centres.line.dtype == np.int64
    assert centres.radius.size == centres.line.size == 0


def test_one_candidate_without_outliers() -> None:
    assert radii({(5, 7): Shown(frames=())}) == {(5, 7): 0}


def test_outliers_of_others_do_not_matter() -> None:
    """The votes hold those of photosites that are no candidates too: here of a stronger one beside it."""
    frame, index = np.array([1, 2, 3] * 2, np.int32), np.array([50] * 3 + [51] * 3, np.int32)
    value, level2 = np.array([160] * 3 + [250] * 3, np.int32), np.full(6, 2 * LEVEL, np.int32)
    outliers = Outliers(frame, index, np.full(6, 40, np.int8), value, level2)
    candidates = Candidates(np.zeros(1, np.int32), np.array([50], np.int32), np.array([30.0]))
    centres = find_centres(candidates, outliers, width=WIDTH)
    assert (centres.which.tolist(), centres.radius.tolist(), centres.line.tolist()) == ([0], [0], [0])


@st.composite
def shown_places(draw: st.DrawFn) -> dict[tuple[int, int], Shown]:
    """Some candidates near each other, and in some of the examples a run; no two are equally strong."""
    near = st.tuples(st.integers(20, 60), st.integers(20, 60))
    at = draw(st.sets(near, max_size=25))
    if draw(st.booleans()):
        col, step = draw(st.integers(20, 60)), draw(st.sampled_from([1, 2]))
        at |= {(row, col) for row in range(20, 60, step)}
    strength = draw(st.permutations(range(len(at))))
    sign = draw(st.lists(st.sampled_from([1, 1, 1, -1]), min_size=len(at), max_size=len(at)))
    frames = draw(st.lists(st.sampled_from([3, 9, 10]), min_size=len(at), max_size=len(at)))
    # Of 400 sums of excess no two are alike: 3 * 97 is the farthest that frames can bring two together.
    return {
        place: Shown(7.0 + i / 3, s * (20 + i) * 97, range(n))
        for place, i, s, n in zip(sorted(at), strength, sign, frames, strict=True)
    }


@given(places=shown_places(), seed=st.integers(0, 99))
def test_the_order_of_candidates_does_not_matter(places: dict[tuple[int, int], Shown], seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(places)).tolist()
    found, centres = collapsed(places, order)
    assert sorted(zip(found, centres.radius.tolist(), strict=True)) == list(radii(places).items())
    assert (np.diff(centres.which) > 0).all()


@given(places=shown_places())
def test_what_is_kept_is_kept_again(places: dict[tuple[int, int], Shown]) -> None:
    """Lines aside: where two cross, what is left of one may be too short to count as a line again."""
    found, centres = collapsed(places)
    assert bool(found) == bool(places)
    if not centres.line.any():
        assert kept({at: places[at] for at in found}) == found


def test_of_what_lies_as_near_as_a_smear_reaches_the_strongest_counts() -> None:
    row, col = np.array([10, 10, 12, 40, 43]), np.array([10, 11, 7, 50, 50])
    places = row.astype(np.int64) * WIDTH + col
    evidence = np.array([20.0, 90.0, 30.0, 15.0, 14.0])
    assert strongest(places, evidence, WIDTH).tolist() == [False, True, True, True, False]
    assert strongest(places[:0], np.zeros(0), WIDTH).tolist() == []
