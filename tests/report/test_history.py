"""The history of bodies as tables, JSON and CSV."""

from __future__ import annotations

import csv
import io
import json

import pytest

from sensormap.history.growth import measure_growth
from sensormap.maps.entries import DefectKind
from sensormap.report.history import growth_csv, growth_json, history_tables
from sensormap.report.table import table_lines
from tests.support.histories import START, between, dated_map
from tests.support.maps import toy_map

pytest.importorskip("statsmodels", reason="the extra history is not installed")

LIVES = [
    *(START, START, None, between(None, "2009-06-01")),
    between("2009-12-01", "2010-02-01"),
    (between("2010-05-01", "2010-06-01"), DefectKind.WEAK, between("2011-05-01", "2011-06-01")),
    *(between("2011-05-01", "2011-06-01"),) * 3,
]
GROWTH = measure_growth([dated_map(*LIVES), toy_map()], names=["one.yaml", "toy.yaml"])


def text_of(table):
    return [line.rstrip() for line in (table.title, *table_lines(table), *table.note.splitlines()) if line]


def test_the_tables():
    plain, dated, rates = map(text_of, history_tables(GROWTH))
    assert plain == [
        "NIKON D80, serial 0012345: 40 photos, 2010-05-02 to 2011-01-09 (toy.yaml)",
        "onset    hot  stuck  dead  column  all  total",
        "unknown    1      1     1       1    4",
        "2010                                 0      4",
        "2011                                 0      4",
    ]
    assert dated == [
        "NIKON D80, serial 1: 60 photos, 2009-04-18 to 2012-10-01 (one.yaml)",
        "onset    hot  weak  all  range  healed  total",
        "start      2          2",
        "start?     1          1",
        "unknown    1          1",
        "2009                  0    0-2       0      4",
        "2010       1     1    2    1-2       0      6",
        "2011       3          3              1      8",
        "2012                  0              0      8",
    ]
    assert rates[:4] == [
        "New defects a year",
        "body                       years  new  a year  at most  95 % interval",
        "NIKON D80, serial 0012345   0.69    0       ?        ?  none: no dated onsets",
        "NIKON D80, serial 1         3.45    5    1.45     2.03  0.249 to 4.57",
    ]
    assert [line.split(":")[0] for line in rates[4:]] == ["start?", "at most", "Trend", "Dispersion"]
    assert rates[6].endswith("the rate may be constant.")
    assert rates[7].endswith("The intervals are widened by it.")


def test_other_maps_and_doubtful_clocks_are_told():
    from dataclasses import replace

    names = ["new.yaml", *(f"old{number}.yaml" for number in range(5))]
    new = dated_map(START, used=99, frames=replace(dated_map(START).frames, used=99, clock_jumps=2))
    growth = measure_growth([new, *(dated_map(START, used=9 - number) for number in range(5))], names=names)
    assert history_tables(growth)[0].note == (
        "The camera's clock jumped 2 times: dates are doubtful. Not used, since their photos end earlier or are fewer: "
        "old0.yaml, old1.yaml, old2.yaml and others."
    )


def test_names_do_not_steer_the_terminal():
    growth = measure_growth([dated_map(START, serial="\x1b[31m")], names=["\x1b[2J.yaml"])
    assert all("\x1b" not in line for table in history_tables(growth) for line in text_of(table))


def test_the_json_is_all_that_the_tables_say():
    document = json.loads(growth_json(GROWTH))
    plain, dated = document["bodies"]
    assert (dated["map"], dated["new"], dated["from_start"], dated["perhaps_from_start"]) == (
        *("one.yaml", 5, {"hot": 2}, {"hot": 1}),
    )
    assert dated["periods"][1]["new"] == {"hot": 1, "weak": 1}
    assert dated["rate_a_year"] == list(GROWTH.bodies[1].rate)
    assert (plain["rate_a_year"], plain["no_rate_because"]) == (None, "no dated onsets")
    assert (document["by"], document["trend_a_year"]) == ("year", list(GROWTH.trend))


def test_the_csv_has_a_line_for_each_body_and_onset():
    rows = list(csv.DictReader(io.StringIO(growth_csv(GROWTH))))
    assert len(rows) == (3 + 2) + (3 + 4)
    assert len({tuple(row) for row in rows}) == 1
    assert sum(int(row["all"]) for row in rows if row["map"] == "one.yaml") == len(LIVES)
    last = rows[-1]
    assert (last["serial"], last["onset"], last["hot"], last["total"]) == ("1", "2012", "0", "8")
