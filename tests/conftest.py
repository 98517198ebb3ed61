"""Hypothesis draws the same examples in every run, and every map that a test writes is checked by the JSON Schema.

`pytest --hypothesis-profile thorough` draws others each time, and twenty times as many where a test does not say how
many.
"""

from __future__ import annotations

import logging
import os
import signal
import tempfile
from collections.abc import Iterator
from functools import wraps

import pytest
from hypothesis import settings

from sensormap.maps.mapfile import writing
from sensormap.maps.sensor_map import SensorMap
from tests.support.schema import problems

# The first call of a compiled loop takes a second: no deadline.
settings.register_profile("repeatable", derandomize=True, deadline=None, max_examples=20)
settings.register_profile("thorough", deadline=None, max_examples=200)
settings.load_profile("repeatable")

# No test depends on what the developer's own config file says.
_no_config = tempfile.TemporaryDirectory(prefix="sensormap-tests-")
os.environ["XDG_CONFIG_HOME"] = _no_config.name

_LONGEST = 100_000  # characters; the few larger maps take seconds to check, and differ in their length only
_text = writing.map_text


@wraps(_text)
def _checked_text(sensor_map: SensorMap) -> str:
    text = _text(sensor_map)
    found = problems(text) if len(text) <= _LONGEST else []
    assert not found, found
    return text


writing.map_text = _checked_text  # before any test module takes the function by its name


if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # as by nohup
    # What a test starts takes over what is ignored, but not what is handled: a hang-up has to end it.
    signal.signal(signal.SIGHUP, lambda *_: None)


@pytest.fixture(autouse=True)
def _log_as_it_was() -> Iterator[None]:
    """Undo what a command did to the package's log: it sends it to stderr, where no other test's caplog hears it."""
    logger = logging.getLogger("sensormap")
    level, handlers, propagate = logger.level, logger.handlers, logger.propagate
    yield
    logger.setLevel(level)
    logger.handlers, logger.propagate = handlers, propagate
