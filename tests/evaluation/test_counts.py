"""What became of planted defects: hand-made maps counted by hand, and the counts as tables and YAML."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sensormap.evaluation.counts import CLASSES, Evaluation, Share, Trace, bad_places, compare
from sensormap.evaluation.planting import Planted
from sensormap.maps.entries import LATER_KINDS, Between, Column, DefectKind, Row
from sensormap.report.evaluation import OPENING, evaluation_tables, evaluation_text
from sensormap.report.table import table_lines
from sensormap.strict_yaml import load_yaml
from tests.support.maps import FIRST, TOY_SENSOR, toy_defect, toy_map

HOT, OFFSET, STUCK, DEAD, WEAK, NOISY, _, _ = DefectKind
STRONG, SOME, FAINT = Trace(10, 5), Trace(10, 4), Trace(10, 2)
NAMES = ("dark_dn_per_s", "offset_dn", "response")
NONE = dict.fromkeys(NAMES, Share(0, 0))
MINUTE = timedelta(minutes=1)


def planted_at(x, y, kind=HOT, **values):
    """Plant at a place of the raw grid."""
    return Planted(y - TOY_SENSOR.active_area.y, x - TOY_SENSOR.active_area.x, kind, **values)


def map_with(*defects, **parts):
    ordered = tuple(sorted(defects, key=lambda defect: (defect.y, defect.x)))
    return toy_map(**({"columns": (), "defects": ordered} | parts))


def evaluated(planted, found, *, traces=None, own=()):
    """Compare with maps that hold some entries."""
    traces = traces or [STRONG] * len(planted)
    return compare(planted, traces, map_with(*own), map_with(*own, *found))


# how clearly one shows


@pytest.mark.parametrize(
    ("frames", "beyond", "name"),
    [
        (0, 0, "faint"),
        (1, 0, "faint"),
        (1, 1, "strong"),
        (2, 1, "strong"),
        (3, 1, "faint"),
        (4, 2, "strong"),
        (5, 2, "faint"),
        (6, 3, "strong"),
        (7, 3, "some"),
        (7, 4, "strong"),
        (1000, 2, "faint"),
        (1000, 3, "some"),
        (1000, 499, "some"),
        (1000, 500, "strong"),
    ],
)
def test_classes(frames, beyond, name):
    assert Trace(frames, beyond).name == name


# what is found


def test_nothing_planted_nothing_found():
    result = evaluated([], [])
    assert result == Evaluation({}, {}, (), 0, Share(0, 0), NONE, 0, None)
    assert [result.total(name) for name in CLASSES] == [Share(0, 0)] * 3
    assert result.precision == Share(0, 0)


def test_found_of_planted_by_class_and_kind():
    places = [(3, 2), (5, 2), (7, 2), (9, 2), (11, 2), (13, 2), (3, 8), (5, 8)]
    kinds = [HOT, HOT, WEAK, HOT, HOT, NOISY, WEAK, WEAK]
    traces = [STRONG, STRONG, STRONG, SOME, SOME, SOME, FAINT, FAINT]
    found = [(3, 2), (7, 2), (9, 2), (11, 2), (5, 8)]
    planted = [planted_at(*place, kind) for place, kind in zip(places, kinds, strict=True)]
    result = evaluated(planted, [toy_defect(*place) for place in found], traces=traces)
    assert result.recall == {
        ("strong", HOT): Share(1, 2),
        ("strong", WEAK): Share(1, 1),
        ("some", HOT): Share(2, 2),
        ("some", NOISY): Share(0, 1),
        ("faint", WEAK): Share(1, 2),
    }
    assert [result.total(name) for name in CLASSES] == [Share(2, 3), Share(2, 3), Share(1, 2)]
    assert list(result.recall) == sorted(result.recall, key=lambda key: (CLASSES.index(key[0]), key[1]))
    assert (result.false, result.lost, result.precision) == ((), 0, Share(5, 5))


def test_a_neighbour_is_not_the_planted_one():
    result = evaluated([planted_at(9, 6)], [toy_defect(10, 6)])
    assert result.total("strong") == Share(0, 1)
    assert result.false == ((10, 6),)
    assert result.precision == Share(0, 1)


def test_only_strong_ones_are_asked_for_their_kind():
    planted = [planted_at(x, y, kind) for x, y, kind in [(3, 2, HOT), (5, 2, HOT), (7, 2, HOT), (9, 2, DEAD)]]
    found = [toy_defect(3, 2), toy_defect(5, 2, kind=OFFSET), toy_defect(7, 2), toy_defect(9, 2, kind=DEAD)]
    result = evaluated(planted, found, traces=[STRONG, STRONG, SOME, FAINT])
    assert result.kinds == {(HOT, HOT): 1, (HOT, OFFSET): 1}


# false ones, lost ones


LINES = {
    "columns": (Column(10, 5, 9, "R", WEAK, 0.99, 9.0, 3),),
    "rows": (Row(12, 3, 7, TOY_SENSOR.cfa.plane_name(x=4, y=12), HOT, 0.99, 9.0, 3),),
}


def test_the_photos_own_entries_are_not_false_even_those_in_their_columns_and_rows():
    own = (toy_defect(2, 1), toy_defect(17, 4))
    in_lines = [toy_defect(10, 5), toy_defect(10, 9), toy_defect(4, 12), toy_defect(6, 12)]
    beside = [toy_defect(10, 6), toy_defect(10, 11), toy_defect(3, 12), toy_defect(8, 12)]  # other plane, beyond ends
    result = compare([planted_at(9, 3)], [STRONG], map_with(*own, **LINES), map_with(*own, *in_lines, *beside))
    assert result.false == ((3, 12), (8, 12), (10, 6), (10, 11))
    assert (result.own, result.lost) == (4, 0)  # of either line half is bad in the other map too
    assert result.precision == Share(0, 4)


def test_own_entries_that_are_gone_are_lost_unless_a_column_or_row_holds_them():
    own = (toy_defect(2, 1), toy_defect(17, 4), toy_defect(10, 7), toy_defect(10, 8), toy_defect(4, 12))
    result = compare([], [], map_with(*own), map_with(toy_defect(17, 4), toy_defect(10, 8), **LINES))
    assert (result.own, result.lost) == (5, 1)
    assert result.false == ((10, 5),)  # a line of three photosites, one of which is bad in the other map


def test_bad_places_are_defects_and_what_lines_hold():
    sensor_map = map_with(toy_defect(2, 1), **LINES)
    assert bad_places(sensor_map) == {(2, 1), (10, 5), (10, 7), (10, 9), (4, 12), (6, 12)}
    assert bad_places(map_with()) == set()


def test_the_number_of_false_entries_that_the_map_expects_is_that_of_the_planted_frames():
    assert compare([], [], map_with(false_positives=9.0), map_with(false_positives=0.3)).expected_false == 0.3
    assert compare([], [], map_with(false_positives=9.0), map_with()).expected_false is None


# births


LATE = FIRST + 60 * MINUTE


@pytest.mark.parametrize(
    ("born", "onset", "right"),
    [
        (None, Between(None, None), True),
        (None, Between(None, FIRST), True),
        (None, Between(None, LATE), True),
        (None, Between(FIRST, LATE), False),
        (LATE, Between(None, None), False),
        (LATE, Between(LATE - MINUTE, LATE), True),  # the first frame that has it is the one at `by`
        (LATE, Between(LATE, LATE + MINUTE), False),  # the frame at `after` does not have it
        (LATE, Between(LATE - 2 * MINUTE, LATE - MINUTE), False),
        (LATE, Between(FIRST, LATE + MINUTE), True),
        (LATE, Between(None, LATE), True),
        (LATE, Between(None, LATE - MINUTE), False),
        (FIRST - MINUTE, Between(None, None), True),  # born in a photo that could not be used
    ],
)
def test_an_onset_is_right_if_it_holds_the_first_frame(born, onset, right):
    result = evaluated([planted_at(9, 6, born=born)], [toy_defect(9, 6, onset=onset)])
    assert result.onset == Share(int(right), 1)


def test_onsets_are_counted_where_they_are_told_of_found_strong_ones():
    born = Between(None, None)
    planted = [planted_at(x, 2) for x in (3, 5, 7, 9)]
    found = [toy_defect(3, 2, onset=born), toy_defect(5, 2), toy_defect(7, 2, onset=born)]
    assert evaluated(planted, found, traces=[STRONG, STRONG, FAINT, STRONG]).onset == Share(1, 1)


def test_without_times_nothing_is_dated():
    frames = replace(toy_map().frames, first=None, last=None)
    timeless = map_with(toy_defect(9, 6), frames=frames)
    assert compare([planted_at(9, 6)], [STRONG], timeless, timeless).onset == Share(0, 0)
    dated = map_with(toy_defect(9, 6, onset=Between(None, None)), frames=frames)
    assert compare([planted_at(9, 6)], [STRONG], timeless, dated).onset == Share(0, 1)


# strengths


@pytest.mark.parametrize(
    ("truth", "interval", "right"),
    [
        (100.0, (105.0, 100.0, 110.0), 1),
        (110.0, (105.0, 100.0, 110.0), 1),
        (99.9, (105.0, 100.0, 110.0), 0),
        (110.1, (105.0, 100.0, 110.0), 0),
    ],
)
def test_a_strength_is_right_if_its_interval_holds_it(truth, interval, right):
    found = toy_defect(9, 6, dark_dn_per_s=interval, offset_dn=(0.5, -1.0, 2.0), unresolved=("response",))
    result = evaluated([planted_at(9, 6, dark_dn_per_s=truth)], [found])
    assert result.strengths == {"dark_dn_per_s": Share(right, 1), "offset_dn": Share(1, 1), "response": Share(0, 0)}


@pytest.mark.parametrize(("kind", "named"), [(HOT, OFFSET), (STUCK, STUCK), (NOISY, NOISY), (DEAD, WEAK)])
def test_strengths_count_where_the_kind_is_right_and_has_them(kind, named):
    found = toy_defect(9, 6, kind=named, offset_dn=(0.5, -1.0, 2.0))
    assert evaluated([planted_at(9, 6, kind)], [found]).strengths == NONE


@pytest.mark.parametrize("kind", [HOT, OFFSET, WEAK])
def test_strengths_of_what_is_not_strong_do_not_count(kind):
    planted, found = [planted_at(9, 6, kind)], [toy_defect(9, 6, kind=kind, response=(0.9, 0.8, 1.0))]
    assert evaluated(planted, found).strengths["response"] == Share(1, 1)
    assert evaluated(planted, found, traces=[SOME]).strengths == NONE


# as text


RESULT = Evaluation(
    recall={("strong", HOT): Share(20, 21), ("strong", WEAK): Share(3, 3), ("faint", HOT): Share(0, 9)},
    kinds={(HOT, HOT): 19, (HOT, OFFSET): 1, (WEAK, WEAK): 3},
    false=((3, 12), (3900, 7)),
    lost=1,
    onset=Share(22, 23),
    strengths={"dark_dn_per_s": Share(18, 19), "offset_dn": Share(0, 0), "response": Share(3, 3)},
    own=7,
    expected_false=0.3,
)
EMPTY = evaluated([], [])


def test_an_evaluation_as_text():
    assert evaluation_text(RESULT) == (
        "format: sensormap-evaluation/1\n"
        "recall:  # found, planted\n"
        "  strong: {all: [23, 24], hot: [20, 21], weak: [3, 3]}\n"
        "  some: {all: [0, 0]}\n"
        "  faint: {all: [0, 9], hot: [0, 9]}\n"
        "kinds:  # planted: named: how often\n"
        "  hot: {hot: 19, offset: 1}\n"
        "  weak: {weak: 3}\n"
        "onset: [22, 23]  # right, told\n"
        "strengths:  # inside their 95 % interval, told\n"
        "  dark_dn_per_s: [18, 19]\n"
        "  offset_dn: [0, 0]\n"
        "  response: [3, 3]\n"
        "precision: [23, 25]  # planted, planted and false\n"
        "false_entries: [[3, 12], [3900, 7]]\n"
        "expected_false: 0.3\n"
        "own: 7\n"
        "lost: 1\n"
    )
    assert evaluation_text(RESULT).encode().startswith(OPENING)


COUNTS = st.integers(0, 10**6)
SHARES = st.builds(lambda *ends: Share(*sorted(ends)), COUNTS, COUNTS)
KINDS = st.sampled_from(DefectKind)


def evaluations():
    return st.builds(
        Evaluation,
        recall=st.dictionaries(st.tuples(st.sampled_from(CLASSES), KINDS), SHARES),
        kinds=st.dictionaries(st.tuples(KINDS, KINDS), COUNTS),
        false=st.lists(st.tuples(COUNTS, COUNTS), max_size=4).map(tuple),
        lost=COUNTS,
        onset=SHARES,
        strengths=st.fixed_dictionaries(dict.fromkeys(NAMES, SHARES)),
        own=COUNTS,
        expected_false=st.none() | st.floats(0, allow_infinity=False),
    )


@given(evaluation=evaluations())
def test_the_text_holds_all_numbers_and_any_yaml_reader_finds_them(evaluation):
    text = evaluation_text(evaluation)
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    read = yaml.safe_load(text)
    assert read == load_yaml(text)
    recall = {
        (name, DefectKind(kind)): Share(*pair)
        for name, shares in read["recall"].items()
        for kind, pair in shares.items()
        if kind != "all"
    }
    assert {name: Share(*read["recall"][name]["all"]) for name in CLASSES} == {
        name: evaluation.total(name) for name in CLASSES
    }
    kinds = {
        (DefectKind(kind), DefectKind(other)): count
        for kind, others in read["kinds"].items()
        for other, count in others.items()
    }
    assert evaluation == Evaluation(
        recall=recall,
        kinds=kinds,
        false=tuple(map(tuple, read["false_entries"])),
        lost=read["lost"],
        onset=Share(*read["onset"]),
        strengths={name: Share(*pair) for name, pair in read["strengths"].items()},
        own=read["own"],
        expected_false=read["expected_false"],
    )
    assert Share(*read["precision"]) == evaluation.precision


def test_equal_evaluations_give_equal_text_and_tables():
    for recall in permutations(RESULT.recall.items()):
        for kinds in permutations(RESULT.kinds.items()):
            strengths = dict(reversed(RESULT.strengths.items()))
            same = replace(RESULT, recall=dict(recall), kinds=dict(kinds), strengths=strengths)
            assert same == RESULT
            assert evaluation_text(same) == evaluation_text(RESULT)
            assert evaluation_tables(same) == evaluation_tables(RESULT)


def test_small_numbers_of_false_entries_are_numbers_to_every_reader():
    """YAML 1.1 takes 1e-05 for text, and ``false`` for no key at all."""
    assert yaml.safe_load(evaluation_text(replace(RESULT, expected_false=1e-5)))["expected_false"] == 1e-5


# as tables


def lines_of(evaluation, *, width=80):
    return [
        line.rstrip()
        for table in evaluation_tables(evaluation)
        for line in (table.title, *table_lines(table, width=width), table.note)
        if line
    ]


def test_an_evaluation_as_tables():
    assert lines_of(RESULT) == [
        "Found of planted",
        "beyond 3 sigma             all    hot  offset  stuck  dead  weak  noisy",
        "in half of their frames  23/24  20/21       -      -     -   3/3      -",
        "in 3 frames or more          -      -       -      -     -     -      -",
        "in fewer                   0/9    0/9       -      -     -     -      -",
        "Planted kind (down) as named (across), of the found of the first line",
        "      hot  offset  stuck  dead  weak  noisy",
        "hot    19       1",
        "weak                               3",
        "Trust",
        "False entries  2 beside 23 found; expected 0.3",
        "Onset          22/23 intervals hold the first frame",
        "Dark current   18/19 intervals of 95 % hold the truth",
        "Offset         none told",
        "Response       3/3 intervals of 95 % hold the truth",
        "Own entries    7 in the photos as they are, with lines; 1 of them lost",
    ]


def test_an_empty_evaluation_says_so_in_every_table():
    lines = lines_of(EMPTY)
    assert "None of them was found." in lines
    assert "False entries  0 beside 0 found" in lines
    assert all(table.title for table in evaluation_tables(EMPTY))


def test_tables_fit_80_columns_up_to_a_thousand_defects():
    planted = [kind for kind in DefectKind if kind not in LATER_KINDS]
    kinds = {(kind, other): 999 for kind in planted for other in DefectKind}
    recall = {(name, kind): Share(160, 166) for name in CLASSES for kind in planted}  # 996 of each class
    strengths = dict.fromkeys(NAMES, Share(2990, 2998))
    large = Evaluation(recall, kinds, (), 9999, Share(999, 999), strengths, 99_999, 12_345.6)
    for evaluation in (large, RESULT, EMPTY):
        assert max(map(len, lines_of(evaluation))) <= 80
