"""Progress: what is said of a run at each moment, in the room that there is."""

from __future__ import annotations

import logging

import pytest

from sensormap.cli import progress
from sensormap.cli.progress import Shown, progress_bar
from sensormap.compiled import _told


@pytest.fixture
def clock(monkeypatch):
    """Return a clock that a test sets."""
    times = [100.0]
    monkeypatch.setattr(progress, "monotonic", lambda: times[0])
    return times


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((0, None, None), "reading EXIF"),
        ((0, 60, 0.5), "decoding"),
        ((30, 60, 10.0), "3.0 frames/s, 0:10 left, 12 candidates"),
        ((1, 3601, 1.0), "1.0 frames/s, 1:00:00 left, 12 candidates"),
        ((60, 60, 20.0), "3.0 frames/s, 0:00 left, 12 candidates"),
    ],
)
def test_what_is_said(arguments, text):
    shown = Shown()
    shown.candidates(12)
    assert shown.state(*arguments, width=100) == text


@pytest.mark.parametrize(
    ("width", "text"),
    [
        (80, "3.0 frames/s, 0:10 left, 12 candidates"),
        (79, "3.0 frames/s, 0:10 left"),
        (60, "3.0 frames/s, 0:10 left"),
        (59, "3.0/s, 0:10 left"),
        (40, "3.0/s, 0:10 left"),
    ],
)
def test_narrow_terminals_get_less(width, text):
    shown = Shown()
    shown.candidates(12)
    assert shown.state(30, 60, 10.0, width=width) == text


def test_compiling_is_said_while_it_lasts(clock):
    shown = Shown()
    shown.compiling(True)
    clock[0] += 4.2
    assert shown.state(0, 60, 4.2, width=80) == "compiling once, 4 s"
    shown.compiling(False)
    assert shown.state(0, 60, 4.2, width=80) == "decoding, 4 s"
    assert shown.compiled_s == pytest.approx(4.2)
    shown.compiling(True)
    clock[0] += 1.0
    assert shown.state(1, 60, 9.0, width=80) == "compiling once, 5 s"


def test_in_a_pipe_nothing_is_shown_and_compiling_is_logged(clock, caplog):
    with caplog.at_level(logging.INFO, logger="sensormap"), progress_bar(0) as shown:
        assert shown.compiling in _told
        shown(0, 10)
        shown(3, 10)
        shown.compiling(True)
        clock[0] += 4.0
        shown.compiling(False)
    assert shown.compiling not in _told
    assert caplog.messages == ["the arithmetic was compiled, once after an installation: 4 s"]


def test_nothing_is_logged_where_nothing_was_compiled(caplog):
    with caplog.at_level(logging.INFO, logger="sensormap"), progress_bar(0):
        pass
    assert caplog.messages == []
