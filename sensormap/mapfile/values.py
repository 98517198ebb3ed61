"""Kinds of value in a map file: numbers, times, rectangles, words; each checked when read."""

from __future__ import annotations

import math
import operator
import re
from dataclasses import replace
from datetime import datetime
from typing import Any

from sensormap.camera.cfa import BAYER_NAMES, MONO, PICTURE, Cfa
from sensormap.camera.geometry import Rect
from sensormap.defects import Between, DefectKind, Source
from sensormap.entry_consistency import STRENGTHS
from sensormap.mapfile.fields import Field, items, one_of, words, wrong
from sensormap.strict_yaml import load_yaml, quoted

MAX_INTEGER = 2**1023  # what a float holds, about; larger integers cannot become one
_BEFORE_FIRST = "before-first"
_PATTERNS = (*BAYER_NAMES, MONO, PICTURE)
_COUNT = "(?:0|[1-9][0-9]{0,17})"
# As datetime.isoformat writes it. A day that its month has not is left to `parse`, which refuses it.
_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}(?:\.[0-9]{6})?"


def _integer(value: Any) -> int:
    if type(value) is not int:  # bool is an int to Python, not to a reader of the file
        raise wrong(value, "an integer")
    return value


def _number(value: Any) -> float:
    if type(value) not in (int, float) or (type(value) is int and abs(value) > MAX_INTEGER) or not math.isfinite(value):
        raise wrong(value, "a finite number")
    return float(value)


def _number_text(value: float) -> str:
    """Return the shortest digits that give `value` back; YAML 1.1 wants a point before an exponent."""
    text = repr(float(value) + 0.0)
    return text if "." in text or not math.isfinite(value) else text.replace("e", ".0e")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise wrong(value, "text (put it into quotes)")
    return value


def _time(value: Any) -> datetime:
    if not isinstance(value, datetime) or value.tzinfo is not None:
        raise wrong(value, "a time without zone such as 2010-05-02T17:31:08")
    return value


def _setting(value: Any) -> bool | int | float | str | None:
    return value if value is None or isinstance(value, bool | int | str) else _number(value)


def _setting_text(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return quoted(value)
    return str(operator.index(value)) if hasattr(value, "__index__") else _number_text(value)


def name_text(name: str) -> str:
    """Return a key as YAML, quoted where YAML would take it for something else than text (``no``, ``null``)."""
    return name if load_yaml(name) == name else quoted(name)


def _between(value: Any) -> Between:
    if value == _BEFORE_FIRST:
        return Between(None, None)
    if not isinstance(value, dict) or value.keys() != {"after", "by"} or value == {"after": None, "by": None}:
        raise wrong(value, f"{_BEFORE_FIRST} or a time after which and a time by which: {{after: ..., by: ...}}")
    times = {}
    for key, time in value.items():
        try:
            times[key] = None if time is None else _time(time)
        except ValueError as error:
            msg = f"{key}: {error}"
            raise ValueError(msg) from error
    return Between(**times)


def _between_text(change: Between) -> str:
    after, by = change.after, change.by
    if after is None and by is None:
        return _BEFORE_FIRST
    return f"{{after: {after.isoformat() if after else 'null'}, by: {by.isoformat() if by else 'null'}}}"


def _parse_between(text: str) -> Between:
    if text in (_BEFORE_FIRST, "{after: null, by: null}"):
        return _between(text)  # which refuses the latter
    after, by = text[len("{after: ") : -1].split(", by: ")
    since = None if after == "null" else datetime.fromisoformat(after)
    return Between(since, None if by == "null" else datetime.fromisoformat(by))


def _seen(value: Any) -> tuple[int, int]:
    if not isinstance(value, str) or not re.fullmatch(f"{_COUNT}/{_COUNT}", value):
        raise wrong(value, "two counts such as 37/41")
    return _parse_seen(value)


def _parse_seen(text: str) -> tuple[int, int]:
    seen, due = text.split("/")
    return int(seen), int(due)


INTEGER = Field(_integer, lambda value: str(operator.index(value)), "0|-?[1-9][0-9]{0,17}", int)
NUMBER = Field(_number, _number_text, r"-?[0-9]{1,17}\.[0-9]{1,25}(?:e[-+][0-9]{1,3})?", float)
TEXT = Field(_text, quoted)
TIME = Field(_time, datetime.isoformat, _TIME, datetime.fromisoformat)
SETTING = Field(_setting, _setting_text)
PAIR = items(INTEGER, 2)
RECT = replace(items(INTEGER, 4, Rect), text=lambda rect: f"[{rect.x}, {rect.y}, {rect.width}, {rect.height}]")
CFA = replace(one_of(_PATTERNS, Cfa), text=lambda cfa: cfa.name)
KIND = one_of(DefectKind, DefectKind)
SOURCE = one_of(Source, Source)
PLANE = one_of({plane.name for name in _PATTERNS for plane in Cfa(name).planes})
PLANES = Field(_text, str)  # joined by "+"; the map's own check knows which ones a column crosses
INTERVAL = items(NUMBER, 3)
UNRESOLVED = words(STRENGTHS)
BETWEEN = Field(
    _between,
    _between_text,
    rf"{_BEFORE_FIRST}|\{{after: (?:null|{_TIME}), by: (?:null|{_TIME})\}}",
    _parse_between,
)
SEEN = Field(_seen, lambda counts: f"{counts[0]}/{counts[1]}", f"{_COUNT}/{_COUNT}", _parse_seen)
