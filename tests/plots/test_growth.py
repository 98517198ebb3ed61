"""The picture: legible files that are the same each time, of any growth, and known again."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from dataclasses import replace

import pytest

from sensormap.camera.profile import Body
from sensormap.errors import MissingExtraError
from sensormap.history.growth import measure_growth
from sensormap.maps.entries import Column, DefectKind
from sensormap.maps.mapfile.writing import map_text
from sensormap.plots.growth import MOST_PANELS, draw_growth, shown_bodies
from sensormap.plots.style import PLOT_FORMATS, unless_picture
from tests.support.folders import PROJECT
from tests.support.histories import START, at, between, dated_map
from tests.support.maps import toy_map

pytest.importorskip("matplotlib", reason="the extra history is not installed")
pytest.importorskip("statsmodels", reason="the extra history is not installed")

ONSETS = [START, *(between(f"20{year}-07-01", f"20{year}-08-01") for year in ("09", "10", "10", "11", "11", "12"))]
GROWTH = measure_growth([dated_map(*ONSETS)])
STARTS = {"png": b"\x89PNG\r\n", "svg": b"<?xml", "pdf": b"%PDF-"}


@pytest.mark.parametrize("form", PLOT_FORMATS)
def test_the_same_growth_gives_the_same_bytes(form, monkeypatch):
    picture = draw_growth(GROWTH, form)
    assert picture.startswith(STARTS[form])
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert draw_growth(GROWTH, form) == picture
    assert b"Date" not in picture
    assert unless_picture(io.BytesIO(picture)) == ""


def test_a_setting_that_matplotlib_refuses_is_one_line(tmp_path):
    (tmp_path / "map.yaml").write_text(map_text(toy_map()), encoding="utf-8")
    command = [sys.executable, "-m", "sensormap", "plot", "map.yaml", "-o", "map.png"]
    environment = os.environ | {"MPLBACKEND": "none such", "PYTHONPATH": str(PROJECT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: plot: matplotlib cannot be loaded: ")
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "map.png").exists()


def test_a_user_s_settings_of_matplotlib_do_not_matter():
    import matplotlib as mpl

    expected = draw_growth(GROWTH)
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red", "savefig.dpi": 20}):
        assert draw_growth(GROWTH) == expected
        assert mpl.rcParams["font.size"] == 30


def test_the_picture_says_what_it_shows(monkeypatch):
    monkeypatch.setattr("sensormap.plots.style.STYLE", {"svg.fonttype": "none"})
    text = draw_growth(GROWTH, "svg").decode()
    for words in (
        *("NIKON D80, serial 1", "1 at first, 6 new", "1.7 a year (0.64 to 3.8)", "hot", "interval of onsets"),
        *(
            "fitted growth",
            "its 95 % interval",
            "capture time, by the camera's clock",
            "new defects since the first photo",
        ),
    ):
        assert words.replace("'", "&apos;") in text or words in text, words


def test_the_title_counts_what_history_counts(monkeypatch):
    monkeypatch.setattr("sensormap.plots.style.STYLE", {"svg.fonttype": "none"})
    column = Column(60, 20, 90, "Gb+R", DefectKind.WEAK, 0.999, -12.0, 60, onset=START)
    some = dated_map(START, None, between(None, "2009-06-01"), *ONSETS, columns=(column,))
    text = draw_growth(measure_growth([some]), "svg").decode()
    assert "3 at first, 1 perhaps, 1 of unknown onset, 6 new, with 1 column" in text


@pytest.mark.parametrize(
    "maps",
    [
        [toy_map(frames=replace(toy_map().frames, first=None, last=None))],
        [dated_map(START, last=at("2009-04-18"), first=at("2009-04-18"))],
        [dated_map(first=at("0001-01-01"), last=at("9999-12-31"))],
        [dated_map(None), dated_map(*ONSETS, serial="2"), dated_map(serial="3", first=None, last=None)],
        [dated_map(*ONSETS, body=Body("\u4f73\u80fd", "$x_{y}$ \\frac " + "long " * 30, "\x1b[31m"))],
    ],
)
def test_odd_maps_are_drawn(maps):
    assert draw_growth(measure_growth(maps)).startswith(STARTS["png"])


def test_of_many_bodies_those_with_most_new_defects_are_shown():
    growth = measure_growth(
        [dated_map(*ONSETS[: number % 7], serial=f"{number:03}") for number in range(MOST_PANELS + 9)]
    )
    shown = shown_bodies(growth)
    assert len(shown) == MOST_PANELS
    left = [one for one in growth.bodies if one not in shown]
    assert max(one.counts.new for one in left) <= min(one.counts.new for one in shown)
    assert [one.body for one in shown] == sorted(one.body for one in shown)


@pytest.mark.parametrize(
    ("content", "allowed"),
    [
        (b"", True),
        (b"\x89PNG\r\n\x1a\n a photo", False),
        (b"sensormap history of a diary", False),
        (b"\xff\xd8\xff sensormap history", False),
    ],
)
def test_what_may_be_replaced(content, allowed):
    assert (unless_picture(io.BytesIO(content)) == "") == allowed


def test_no_such_format():
    with pytest.raises(ValueError, match="'gif' is not one of png, svg, pdf"):
        draw_growth(GROWTH, "gif")


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"needs matplotlib .*: pip install 'sensormap\[history\]'$"):
        draw_growth(GROWTH)
