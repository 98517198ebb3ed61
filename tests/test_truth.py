"""What a map says of the defects that it found, compared with what was planted."""

from __future__ import annotations

import argparse
import functools
from collections import Counter
from dataclasses import replace

import pytest
import yaml

from benchmarks import survey
from fixtures.coverage import BINS, Onsets, Share, bin_of, count_onsets, first_frames, merged
from fixtures.defects import PlantedColumn, PlantedDefect
from fixtures.report import comparison_lines
from fixtures.truth import Count, FrameFacts, Truth, compare, compare_map, write_truth

# Frames 2 and 3 were taken in the same hundredth of a second.
TIMES = [f"2010-01-0{day}T12:00:00.250000" for day in (1, 2, 3, 3, 4, 5)]
BEFORE = "2009-12-31T00:00:00"


@pytest.mark.parametrize(
    ("onset", "frames"),
    [
        ("before-first", {0}),
        ({"after": None, "by": None}, {0}),
        ({"after": None, "by": TIMES[0]}, {0}),
        ({"after": None, "by": TIMES[1]}, {0, 1}),
        ({"after": TIMES[0], "by": TIMES[1]}, {1}),
        ({"after": TIMES[0], "by": TIMES[4]}, {1, 2, 3, 4}),
        ({"after": TIMES[1], "by": TIMES[2]}, {2, 3}),
        ({"after": TIMES[2], "by": TIMES[4]}, {4}),
        ({"after": TIMES[2], "by": TIMES[3]}, set()),
        ({"after": BEFORE, "by": TIMES[0]}, {0}),
        ({"after": None, "by": BEFORE}, set()),
        ({"after": TIMES[4], "by": None}, {5}),
        ({"after": TIMES[0], "by": TIMES[1][:19]}, set()),
    ],
)
def test_which_frames_an_onset_allows(onset, frames):
    assert first_frames(onset, TIMES) == frames
    if isinstance(onset, dict):
        as_read = yaml.safe_load(", ".join(f"{key}: {time or 'null'}" for key, time in onset.items()).join("{}"))
        assert first_frames(as_read, TIMES) == frames


@pytest.mark.parametrize(("born", "right"), [(0, 0), (1, 0), (2, 1), (4, 1), (5, 0)])
def test_the_truth_at_after_is_outside_and_at_by_inside(born, right):
    entries = [(born, {"onset": {"after": TIMES[1], "by": TIMES[4]}}), (born, {}), (born, {"onset": None})]
    assert count_onsets(TIMES, entries) == Onsets(right, (3,), untold=2)


def test_a_frame_without_time_is_in_no_interval_and_other_words_are_refused():
    assert first_frames({"after": None, "by": TIMES[5]}, ["", TIMES[1]]) == {1}
    assert first_frames("before-first", [""]) == {0}
    with pytest.raises(ValueError, match="'never' is neither before-first"):
        first_frames("never", TIMES)


@pytest.mark.parametrize(
    ("confidence", "bin_"), [(0, 0), (0.499, 0), (0.5, 1), (0.89, 1), (0.9, 2), (0.989, 2), (0.99, 3), (1, 3), (1.0, 3)]
)
def test_a_bin_holds_its_lower_end(confidence, bin_):
    assert bin_of(confidence) == BINS[bin_]


def planted(x, kind, *, born=0, **strengths):
    return PlantedDefect(x, 6, "Gb", kind, born=born, frames_since_birth=6, frames_beyond_3_sigma=6, **strengths)


TRUTH = Truth(
    tuple(FrameFacts(f"DSC_000{i}.NEF", 0.002, 100, time) for i, time in enumerate(TIMES)),
    (
        planted(0, "hot", D=500.0, b=20.0),
        planted(10, "hot", D=900.0, born=2),
        planted(20, "offset", b=40.0),
        planted(30, "weak", m=0.7, born=4),
        planted(40, "stuck", level=400),
        planted(50, "dead", level=0),
        replace(planted(60, "weak", m=0.95), frames_beyond_3_sigma=0),
    ),
    (PlantedColumn(90, 10, 30, "weak", m=0.7, born=1),),
)
DEFECTS = [
    {"x": 0, "kind": "hot", "dark_dn_per_s": [510, 490, 530], "offset_dn": [30, 21, 40], "onset": "before-first"},
    {"x": 10, "kind": "hot", "dark_dn_per_s": [950, 900, 990], "unresolved": ["offset_dn"], "until": "never mind"},
    {"x": 20, "kind": "weak", "response": [0.5, 0.4, 0.6], "onset": {"after": None, "by": TIMES[1]}},
    {"x": 30, "kind": "weak", "response": [0.6, 0.5, 0.7], "onset": {"after": TIMES[1], "by": TIMES[3]}},
    {"x": 40, "kind": "stuck", "until": {"after": TIMES[3], "by": TIMES[4]}, "onset": "before-first"},
    {"x": 60, "kind": "weak", "response": [0.9, 0.9, 0.9], "onset": "before-first"},
    {"x": 70, "kind": "hot"},
]
CONFIDENCES = (0.5, 0.9, 0.99, 1.0, 0.95, 0.6, 0.7)
DOCUMENT = {
    "defects": [entry | {"y": 6, "confidence": one} for entry, one in zip(DEFECTS, CONFIDENCES, strict=True)],
    "columns": [{"x": 90, "y0": 12, "y1": 30, "confidence": 0.8, "onset": {"after": TIMES[0], "by": TIMES[1]}}],
    "rows": [{"y": 5, "x0": 90, "x1": 95, "confidence": 0.4}],
    "false_positives": 1.25,
}


def compared(tmp_path, document=DOCUMENT):
    write_truth(TRUTH, tmp_path / "truth.yaml")
    (tmp_path / "map.yaml").write_text(yaml.safe_dump(document), "utf-8")
    return compare_map(tmp_path / "truth.yaml", tmp_path / "map.yaml")


def test_onsets_of_found_strong_defects_are_counted(tmp_path):
    coverage = compared(tmp_path).coverage
    assert coverage.from_start == Onsets(3, (1, 2, 1))
    assert coverage.born_later == Onsets(0, (2,), untold=1)
    assert coverage.onsets == Onsets(3, (1, 2, 1, 2), untold=1)
    assert coverage.columns == Onsets(1, (1,))
    assert coverage.healed == {"hot": 1, "stuck": 1}


def test_strengths_count_where_the_kind_is_right_and_an_interval_holds_its_ends(tmp_path):
    coverage = compared(tmp_path).coverage
    assert coverage.strengths == {"dark_dn_per_s": Share(2, 2), "offset_dn": Share(0, 1), "response": Share(1, 1)}
    assert coverage.unresolved == {"dark_dn_per_s": 0, "offset_dn": 1, "response": 0}
    assert coverage.without_strengths == 0


def test_every_entry_is_real_or_not_by_confidence(tmp_path):
    coverage = compared(tmp_path).coverage
    assert [coverage.confidence[ends] for ends in BINS] == [Share(0, 1), Share(3, 4), Share(2, 2), Share(2, 2)]
    assert coverage.unsure == 0


def test_a_row_entry_is_false_and_lists_nothing(tmp_path):
    assert compared(tmp_path).false_entries == ((70, 6), (90, 5))
    assert compared(tmp_path).estimates == (1.25,)
    result = compare(TRUTH, {}, [], rows=[(6, 0, 99)])
    assert result.strong == Count(6, 0)
    assert result.false_entries == ((0, 6),)


def test_found_by_kind():
    result = compare(TRUTH, {(0, 6): "hot", (60, 6): "weak"}, [(50, 0, 9)])
    assert result.by_kind["hot"] == Count(2, 1)
    assert result.by_kind["dead"] == Count(1, 1)
    assert result.by_kind["weak"] == Count(1, 0)
    assert result.by_kind["noisy"] == Count(0, 0)


def test_the_report_tells_the_coverage(tmp_path):
    lines = comparison_lines(compared(tmp_path))
    told = [" ".join(line.split()) for line in lines]
    assert "false entries: 2; the map expects 1.2" in told
    assert "all 3 of 4 right 75.0%, 1.5 frames wide, 1 not told" in told
    assert "said to have healed, though none does: 2: 1 hot, 1 stuck" in told
    assert "together 3 of 4 right 75.0%, 1 unresolved" in told
    assert "0.5 to 0.9 3 of 4 real 75.0%" in told
    assert "hot 2 of 2 found 100.0%" in told


def old(entries):
    return [{key: entry[key] for key in ("x", "y", "kind")} for entry in entries]


def test_an_old_map_is_compared_and_says_that_it_does_not_tell(tmp_path):
    column = {key: DOCUMENT["columns"][0][key] for key in ("x", "y0", "y1")}
    result = compared(tmp_path, {"defects": old(DOCUMENT["defects"]), "columns": [column]})
    assert result.strong == Count(6, 5)
    assert result.coverage.onsets == Onsets(0, (), untold=5)
    assert result.coverage.without_strengths == 3
    assert result.coverage.unsure == 8
    ends = comparison_lines(result)[-4:]
    assert ends == ["onsets: not told", "healed: not told", "strengths: not told", "confidence: not told"]


def test_counts_add_up(tmp_path):
    one = compared(tmp_path)
    places_only = compare(TRUTH, {(0, 6): "offset"}, [])
    both = functools.reduce(merged, [one, places_only, one])
    assert both.strong == Count(18, 11)
    assert both.by_kind["hot"] == Count(6, 5)
    assert both.kinds["hot", "offset"] == 1
    assert both.kinds["hot", "hot"] == 4
    assert both.false_entries == one.false_entries * 2
    assert both.coverage.onsets == Onsets(6, (1, 2, 1) * 2 + (2, 2), untold=2)
    assert both.coverage.strengths["dark_dn_per_s"] == Share(4, 4)
    assert both.coverage.healed == Counter(hot=2, stuck=2)


def test_no_line_is_long_and_numbers_stand_below_each_other(tmp_path):
    thousands = functools.reduce(merged, [compared(tmp_path)] * 300)
    lines = comparison_lines(thousands)
    assert max(map(len, lines)) <= 98  # the benchmark indents them by two
    assert len({line.rindex(" of ") for line in lines if " of " in line[44:] and line[0] == " "}) == 1


def test_the_benchmark_without_timing_maps_once_and_adds_up(tmp_path, monkeypatch, capsys):
    compared(tmp_path)
    ran = []
    monkeypatch.setattr(survey, "run", ran.append)
    arguments = argparse.Namespace(no_time=True, no_follow=False, jobs=2, frames=6)
    results = [survey.report(tmp_path, arguments, seed) for seed in (1, 2)]
    assert [command[2:4] for command in ran] == [["sensormap", "map"]] * 2
    survey.print_totals(results)
    told = capsys.readouterr().out
    assert "bare decode" not in told
    assert "false entries per set: 2, 2" in told
    assert "10 of   12 found" in told
