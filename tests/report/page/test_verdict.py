"""What a reader is told first: how much, how sure, where, at which exposures, since when."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sensormap.maps.entries import DefectKind
from sensormap.maps.visible import visible_defects
from sensormap.report.page.verdict import amount, answers, headline, share_text, showing, trust
from tests.support.details import made_details, made_map
from tests.support.histories import START, between, dated_map
from tests.support.maps import both_map, full_map, jpeg_map, phone_map, toy_defect

EMPTY = {"columns": (), "rows": (), "defects": ()}


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({}, "Defective: 4 photosites, 1 column and 1 row"),
        ({"rows": ()}, "Defective: 4 photosites and 1 column"),
        ({"rows": (), "columns": (), "defects": (toy_defect(17, 4),)}, "Defective: 1 photosite"),
        (EMPTY, "No defects found"),
    ],
)
def test_the_headline_counts(parts, words) -> None:
    assert headline(full_map(**parts)) == words


def test_the_share_is_of_what_photos_show() -> None:
    assert share_text(made_map(232)).startswith("of 10.2 million photosites: one in 44 000")
    assert share_text(phone_map()) == "of 216 pixels: one in 110"
    assert share_text(full_map(**EMPTY)) == "among 280 photosites"


@pytest.mark.parametrize(("count", "words", "tone"), [(232, "Few: ", "good"), (2500, "Many: ", "poor")])
def test_few_and_many(count, words, tone) -> None:
    short, found = amount(made_map(count))
    assert short.startswith(words)
    assert found == tone


def test_a_tiny_share_is_said_in_words() -> None:
    assert amount(made_map(4)) == ("Few: below 0.001 % of the sensor", "good")


def test_nothing_is_good_and_lines_alone_are_told() -> None:
    assert amount(full_map(**EMPTY)) == ("Nothing was found", "good")
    assert amount(full_map(defects=())) == ("Columns and rows only", "fair")


def of_photos(used, **parts):
    whole = full_map()
    frames = replace(whole.frames, used=used, repeated=0, filtered=0, followed=0)
    return replace(whole, frames=frames, false_positives=0.3, **parts)


@pytest.mark.parametrize(
    ("sensor_map", "short", "tone"),
    [
        (of_photos(40), "Yes", "good"),
        (of_photos(23), "Fairly", "fair"),
        (of_photos(9), "To look at only", "poor"),
        (of_photos(0), "A list", "fair"),
        (replace(of_photos(40), false_positives=2.0), "With doubts", "poor"),
        (replace(made_map(2500), frames=replace(made_map(1).frames, used=60)), "With care", "fair"),
        (of_photos(40, settings={"two_sensors": "before 2010"}), "No: photos of two sensors", "poor"),
    ],
)
def test_how_sure(sensor_map, short, tone) -> None:
    answer = trust(sensor_map, ())
    assert (answer.short, answer.tone) == (short, tone)


def test_photos_of_one_scene_count_once() -> None:
    sensor_map = of_photos(40)
    assert trust(replace(sensor_map, frames=replace(sensor_map.frames, repeated=35)), ()).tone == "poor"


def test_warnings_of_the_run_are_told() -> None:
    assert "Only a test." in trust(full_map(), [made_details(full_map())]).sentences


@pytest.mark.parametrize(("shutter_s", "iso"), [(1 / 250, 100), (1 / 30, 1600), (30.0, 100), (0.004, 25600)])
def test_what_shows_is_what_show_visible_lists(shutter_s, iso) -> None:
    for sensor_map in (made_map(300), full_map(), both_map()):
        expected = visible_defects(sensor_map, shutter_s=shutter_s, iso=iso)
        assert showing(sensor_map.defects, [(1.0, 100), (shutter_s, iso)])[1] == len(expected)


def answer_to(question, sensor_map):
    (found,) = (one for one in answers(sensor_map, ()) if one.question == question)
    return found


def test_exposures_are_told_of_raw_photos_only() -> None:
    question = "At which exposures does it show?"
    assert answer_to(question, jpeg_map()).table is None
    table = answer_to(question, made_map(300)).table
    counts = [int(cell) for row in table.rows for cell in row[1:]]
    assert 0 < min(counts) <= max(counts) <= 300


def listed_map(*onsets):
    """Return a map as made from a list: no photos, no strengths."""
    return dated_map(*onsets, first=None, last=None, used=0)


def test_without_strengths_nobody_knows_at_which_exposures_it_shows() -> None:
    found = answer_to("At which exposures does it show?", listed_map(None, None))
    assert (found.short, found.sentences, found.table) == ("Unknown", ("The map tells no strengths.",), None)
    dead = listed_map((None, DefectKind.DEAD), None)
    assert answer_to("At which exposures does it show?", dead).sentences == (
        "1 of unknown strength is counted as showing.",
    )


def test_of_a_list_the_days_are_told_and_no_photos() -> None:
    after = between("2009-06-22", None)
    assert answer_to("Since when?", listed_map(after, after, None)).short == "Unknown"
    assert answer_to("Since when?", listed_map(after, after, None)).sentences == (
        "Of 2 a list tells the day after which they appeared, 2009-06-22 or earlier.",
        "No photos tell dates.",
    )
    merged = answer_to("Since when?", dated_map(START, after))
    assert (merged.short, merged.sentences[-1][:14]) == ("From the start", "Of 1 a list te")


def test_quarters_add_up_and_lines_are_named() -> None:
    found = answer_to("Where?", made_map(300))
    assert sum(int(cell) for row in found.table.rows for cell in row[1:]) == len(made_map(300).defects)
    assert "Defective column 1367, 501 to 1155 (weak)." in found.sentences


def test_onsets_are_counted() -> None:
    found = answer_to("Since when?", full_map())
    entries = (*full_map().defects, *full_map().lines)
    later = sum(entry.onset is not None and entry.onset.after is not None for entry in entries)
    assert found.short.startswith(f"{later} new")
    assert any(DefectKind.STUCK in one.kind and one.until for one in full_map().defects)
    assert "1 defect was gone again later." in found.sentences
