"""What a map file's keys hold: numbers, times, rectangles, words and mappings of these, each checked when read."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sensormap.camera.cfa import BAYER_NAMES, CFA_NAMES, MONO, PICTURE, XTRANS_NAMES, Cfa, cfa_names
from sensormap.camera.geometry import Rect, rect_text
from sensormap.maps.changes.edits import EditAction
from sensormap.maps.entries import STRENGTHS, Between, DefectKind, Source
from sensormap.strict_yaml import load_yaml, quoted

MAX_INTEGER = 2**1023  # what a float holds, about; larger integers cannot become one
MAX_TEXT = 10_000  # characters; names have 64, file names and reasons some hundred
_BEFORE_FIRST = "before-first"
_PATTERNS = (*BAYER_NAMES, XTRANS_NAMES[0], MONO, PICTURE)  # one phase of each has all names of planes
_COUNT = "(?:0|[1-9][0-9]{0,17})"  # up to `MAX_COUNT` of `maps.merge_entries`

# As datetime.isoformat writes it. A day that its month has not is left to `parse`, which refuses it.
_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}(?:\.[0-9]{6})?"


@dataclass(frozen=True)
class ValueType:
    """One kind of value.

    Parameters
    ----------
    read
        Turns the value that YAML gives into the one in memory; its ``ValueError`` says what is wrong.
    text
        Turns the value in memory into YAML on one line.
    schema
        JSON Schema (draft 7) of the value; it may allow more than `read` does.
    pattern
        Regular expression, without groups, of what `text` writes and `parse` reads as YAML would; the default
        matches nothing, which leaves the value to the YAML parser.
    parse
        Turns text that matches `pattern` into the value in memory.
    optional
        Whether the key may be absent, which means `default`.
    default
        Value of an absent key.
    omitted
        Whether the writer leaves the key out where the value is `default`.
    """

    read: Callable[[Any], Any]
    text: Callable[[Any], str]
    schema: Mapping[str, Any]
    pattern: str = "(?!)"
    parse: Callable[[str], Any] = str
    optional: bool = False
    default: Any = None
    omitted: bool = False


def wrong(value: Any, expected: str, where: str = "") -> ValueError:
    """Return the error that says what was found, what is expected, and `where` if given."""
    shown = value[:200] if isinstance(value, str) else value  # what is left out would not be shown anyway
    found = repr(shown) if not isinstance(value, dict | list) else f"a {type(value).__name__} of {len(value)}"
    found = found if len(found) <= 80 else found[:77] + "..."
    return ValueError(f"{where}: {found} is not {expected}" if where else f"{found} is not {expected}")


def optional(field: ValueType, default: Any = None) -> ValueType:
    """Return `field` as one that is absent from a mapping where the value is `default`."""
    return replace(field, optional=True, default=default, omitted=True)


def later(field: ValueType, default: Any) -> ValueType:
    """Return `field` as one that is always written, but that older files lack, which means `default`."""
    return replace(field, optional=True, default=default)


def nullable(field: ValueType) -> ValueType:
    """Return `field` as one that may be ``null``."""
    return ValueType(
        lambda value: None if value is None else field.read(value),
        lambda value: "null" if value is None else field.text(value),
        {"anyOf": [field.schema, {"type": "null"}]},
        f"null|{field.pattern}",
        lambda text: None if text == "null" else field.parse(text),
    )


def items(field: ValueType, length: int, convert: Callable[..., Any] = lambda *values: values) -> ValueType:
    """Return a list of `length` values of one kind, as ``[1, 2]``; `convert` gets them one by one."""

    def read(value: Any) -> Any:
        if not isinstance(value, list) or len(value) != length:
            raise wrong(value, f"a list of {length}")
        return convert(*(field.read(item) for item in value))

    return ValueType(
        read,
        lambda values: f"[{', '.join(map(field.text, values))}]",
        {"type": "array", "items": field.schema, "minItems": length, "maxItems": length},
        rf"\[{', '.join([f'(?:{field.pattern})'] * length)}\]",
        lambda text: convert(*map(field.parse, text[1:-1].split(", "))),
    )


def one_of(names: Iterable[str], convert: Callable[[str], Any] = str, *, told: str = "") -> ValueType:
    """Return a bare word out of `names`; `convert` makes the value in memory, ``str`` of which is the word.

    Errors say all names, or what is `told` of them.
    """
    known = sorted(names)

    def read(value: Any) -> Any:
        if not isinstance(value, str) or value not in known:
            raise wrong(value, f"one of {told or ', '.join(known)}")
        return convert(value)

    return ValueType(read, lambda value: read(str(value)) and str(value), {"enum": known}, "|".join(known), convert)


def words(names: Iterable[str], convert: Callable[[str], Any] = str) -> ValueType:
    """Return a list of at least one bare word out of `names`, as many as there are at most: ``[a, b]``, a tuple."""
    word = one_of(names, convert)
    most = len(word.pattern.split("|"))

    def read(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list) or not 1 <= len(value) <= most:
            raise wrong(value, f"a list of 1 to {most} names")
        return tuple(word.read(item) for item in value)

    return ValueType(
        read,
        lambda values: f"[{', '.join(map(word.text, values))}]",
        {"type": "array", "items": word.schema, "minItems": 1, "maxItems": most},
        rf"\[(?:{word.pattern})(?:, (?:{word.pattern})){{0,{most - 1}}}\]",
        lambda text: tuple(map(convert, text[1:-1].split(", "))),
    )


def read_mapping(value: Any, fields: Mapping[str, ValueType], where: str) -> dict[str, Any]:
    """Return the values of a mapping that has exactly the keys of `fields`, but for optional ones.

    Raises
    ------
    ValueError
        Naming the key below `where` that is unknown, missing, or of a wrong type or value.
    """
    if not isinstance(value, dict):
        raise wrong(value, "a mapping", where)
    if unknown := [key for key in value if key not in fields]:
        msg = f"{where}.{unknown[0][:60]}: unknown key, expected {', '.join(fields)}"
        raise ValueError(msg)
    values = {}
    for key, field in fields.items():
        if key not in value and not field.optional:
            msg = f"{where}.{key}: missing"
            raise ValueError(msg)
        try:
            values[key] = field.read(value[key]) if key in value else field.default
        except ValueError as error:
            msg = f"{where}.{key}: {error}"
            raise ValueError(msg) from error
    return values


def mappings(fields: Mapping[str, ValueType], convert: Callable[..., Any]) -> ValueType:
    """Return a list of mappings, a tuple of what `convert` makes of each one's values by name."""

    def read(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise wrong(value, "a list")
        return tuple(convert(**read_mapping(item, fields, f"[{index}]")) for index, item in enumerate(value))

    one = {
        "type": "object",
        "properties": {key: field.schema for key, field in fields.items()},
        "required": [key for key, field in fields.items() if not field.optional],
        "additionalProperties": False,
    }
    return ValueType(
        read,
        lambda values: f"[{', '.join('{' + ', '.join(mapping_text(value, fields)) + '}' for value in values)}]",
        {"type": "array", "items": one},
    )


def mapping_text(value: Any, fields: Mapping[str, ValueType]) -> list[str]:
    """Return ``key: value`` for the attributes of `value` that `fields` names, absent ones left out."""
    pairs = ((key, getattr(value, key), field) for key, field in fields.items())
    return [f"{key}: {field.text(item)}" for key, item, field in pairs if not (field.omitted and item == field.default)]


def line_pattern(fields: Mapping[str, ValueType]) -> str:
    """Return the regular expression of ``- {key: value, ...}`` as the writer makes it, one group a field."""
    parts = []
    for index, (key, field) in enumerate(fields.items()):
        part = f"{', ' if index else ''}{key}: ({field.pattern})"
        parts.append(f"(?:{part})?" if field.optional else part)
    return rf"- \{{{''.join(parts)}\}}"


def _integer(value: Any) -> int:
    if type(value) is not int:  # bool is an int to Python, not to a reader of the file
        raise wrong(value, "an integer")
    return value


def _number(value: Any) -> float:
    if isinstance(value, str) and (number := _finite(value)) is not None:
        raise wrong(value, f"a number to YAML, expected {_number_text(number)} without quotes")
    if type(value) not in (int, float) or (type(value) is int and abs(value) > MAX_INTEGER) or not math.isfinite(value):
        raise wrong(value, "a finite number")
    return float(value)


def _finite(text: str) -> float | None:
    """Return the number that a text is to everybody but YAML 1.1, such as 1e300; None where it is none."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _number_text(value: float) -> str:
    """Return the shortest digits that give `value` back; YAML 1.1 wants a point before an exponent."""
    text = repr(float(value) + 0.0)
    return text if "." in text or not math.isfinite(value) else text.replace("e", ".0e")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise wrong(value, "text (put it into quotes)")
    return _bounded(value)


def _bounded(text: str) -> str:
    if len(text) > MAX_TEXT:
        raise wrong(text, f"text of at most {MAX_TEXT} characters")
    return text


def _time(value: Any) -> datetime:
    if not isinstance(value, datetime) or value.tzinfo is not None:
        raise wrong(value, "a time without zone such as 2010-05-02T17:31:08")
    return value


def _setting(value: Any) -> bool | int | float | str | None:
    if isinstance(value, str):
        return _bounded(value)
    return value if value is None or isinstance(value, bool | int) else _number(value)


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


INTEGER = ValueType(
    _integer, lambda value: str(operator.index(value)), {"type": "integer"}, "0|-?[1-9][0-9]{0,17}", int
)
NUMBER = ValueType(_number, _number_text, {"type": "number"}, r"-?[0-9]{1,17}\.[0-9]{1,25}(?:e[-+][0-9]{1,3})?", float)
TEXT = ValueType(_text, quoted, {"type": "string"})
TIME = ValueType(_time, datetime.isoformat, {"type": "string", "pattern": f"^{_TIME}$"}, _TIME, datetime.fromisoformat)
SETTING = ValueType(_setting, _setting_text, {"type": ["boolean", "integer", "number", "string", "null"]})
PAIR = items(INTEGER, 2)
RECT = replace(items(INTEGER, 4, Rect), text=rect_text)
CFA = replace(one_of((*CFA_NAMES, PICTURE), Cfa, told=cfa_names(PICTURE)), text=lambda cfa: cfa.name)
KIND = one_of(DefectKind, DefectKind)
KINDS = words(DefectKind, DefectKind)
SOURCE = one_of(Source, Source)
EDIT_ACTION = one_of(EditAction, EditAction)
PLANE = one_of({plane.name for name in _PATTERNS for plane in Cfa(name).planes})
# Joined by "+"; the map's own check knows which ones a column crosses.
PLANES = ValueType(_text, str, {"type": "string"})
INTERVAL = items(NUMBER, 3)
UNRESOLVED = words(STRENGTHS)
BETWEEN = ValueType(
    _between,
    _between_text,
    {
        "anyOf": [
            {"const": _BEFORE_FIRST},
            {
                "type": "object",
                "properties": {"after": nullable(TIME).schema, "by": nullable(TIME).schema},
                "required": ["after", "by"],
                "additionalProperties": False,
            },
        ]
    },
    rf"{_BEFORE_FIRST}|\{{after: (?:null|{_TIME}), by: (?:null|{_TIME})\}}",
    _parse_between,
)
SEEN = ValueType(
    _seen,
    lambda counts: f"{counts[0]}/{counts[1]}",
    {"type": "string", "pattern": f"^{_COUNT}/{_COUNT}$"},
    f"{_COUNT}/{_COUNT}",
    _parse_seen,
)
