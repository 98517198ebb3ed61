"""The part of YAML that sensormap's own files use: plain values out of text, quoted text into it."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import yaml
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

# libyaml where PyYAML was built with it; the pure parser reads the same, some ten times slower.
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
MAX_DEPTH = 8  # our files nest 3 deep; the rest is room for later fields
MAX_NUMBER = 60  # characters; the longest float repr has 24, and "1:1:1:..." would grow without bound
LOOK_AHEAD = 1024  # characters of a line that a scanner may read beyond what it has reported, looking for a key's colon

# Brackets that each open a value; those in quotes, in comments and within a text do not.
_TOO_DEEP = re.compile(
    rf"""(?:[^"'#]|"[^"]*"|'[^']*')*?(?:^|[:,?-])\s*(?:[\[{{][\s:,?-]*){{{MAX_DEPTH + 1}}}""",
)
_NUMBER_TAGS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
_BINARY_TAG = "tag:yaml.org,2002:binary"
_NESTED = f"nested more than {MAX_DEPTH} levels deep"


def load_yaml(text: str) -> Any:
    """Return the one document in `text` as dicts, lists, strings, numbers, datetimes and None.

    Parameters
    ----------
    text
        YAML 1.1. Anchors, aliases, tags (but ``!!binary``, see `quoted`), repeated keys, keys that are not text and
        nesting beyond 8 levels are refused: our files need none, and hostile files are made of them.

    Returns
    -------
    object
        The document's value; None for an empty one.

    Raises
    ------
    ValueError
        Naming the line, if `text` is not such a document.

    Examples
    --------
    >>> load_yaml("camera: {model: NIKON D80, serial: '0012345'}")
    {'camera': {'model': 'NIKON D80', 'serial': '0012345'}}
    """
    try:
        events = yaml.parse(text, Loader=LOADER)
        next(events)  # stream start
        first = next(events)
        value = None if isinstance(first, yaml.StreamEndEvent) else _value(next(events), events, 0)
        next(events, None)  # document end
        last = next(events, None)
    except yaml.YAMLError as error:
        raise ValueError(_reason(error, text)) from error
    if isinstance(last, yaml.DocumentStartEvent):
        raise _error(last, "a second document starts, expected one")
    return value


def quoted(text: str) -> str:
    r"""Return `text` as a YAML scalar on one line that every YAML reader gives back unchanged.

    Parameters
    ----------
    text
        Anything. What does not print is escaped. Lone surrogates, which Python puts in file names for bytes that
        are no UTF-8, have no place in YAML text: such a text becomes ``!!binary``.

    Returns
    -------
    str
        A double-quoted scalar, or a ``!!binary`` one.

    Examples
    --------
    >>> print(quoted('1e3'), quoted('a "b": #\t'))
    "1e3" "a \"b\": #\x09"
    """
    if text.isprintable():
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    try:
        text.encode()
    except UnicodeEncodeError:
        return f'!!binary "{b64encode(text.encode("utf-8", "surrogatepass")).decode()}"'
    return '"' + "".join(c if c.isprintable() and c not in '"\\' else _escape(c) for c in text) + '"'


def _escape(char: str) -> str:
    """Return the YAML escape of one character."""
    code = ord(char)
    if char in '"\\':
        return "\\" + char
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _error(event: Any, problem: str) -> ValueError:
    """Return the error that says where a problem stands."""
    return ValueError(f"line {event.start_mark.line + 1}: {problem}")


def _reason(error: yaml.YAMLError, text: str) -> str:
    """Return where and why PyYAML gave up.

    Its scanner reads ahead of the events that `_value` sees, so in nested brackets it can meet a limit of its own
    before `_value` meets ours. That is said in our words, as for any other nesting.
    """
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return f"is not YAML ({' '.join(str(error).split())})"
    if _TOO_DEEP.match(text[mark.index - min(mark.column, LOOK_AHEAD) : mark.index]):
        return f"line {mark.line + 1}: {_NESTED}"
    return f"line {mark.line + 1}: is not YAML ({getattr(error, 'problem', None)})"


def _value(event: Any, events: Iterator[Any], depth: int) -> Any:
    """Return the value that starts with `event`."""
    if isinstance(event, yaml.AliasEvent) or event.anchor:
        raise _error(event, "anchors and aliases (& and *) are not part of the format")
    if isinstance(event, yaml.ScalarEvent):
        return _scalar(event)
    if event.tag:
        raise _error(event, f"tag {event.tag!r} is not part of the format")
    if depth == MAX_DEPTH:
        raise _error(event, _NESTED)
    return (_list if isinstance(event, yaml.SequenceStartEvent) else _dict)(events, depth + 1)


def _list(events: Iterator[Any], depth: int) -> list[Any]:
    """Return the items up to the end of the sequence."""
    items = []
    while not isinstance(event := next(events), yaml.SequenceEndEvent):
        items.append(_value(event, events, depth))
    return items


def _dict(events: Iterator[Any], depth: int) -> dict[str, Any]:
    """Return the keys and values up to the end of the mapping."""
    mapping: dict[str, Any] = {}
    while not isinstance(event := next(events), yaml.MappingEndEvent):
        key = _value(event, events, depth)
        if not isinstance(key, str):
            raise _error(event, f"key {str(key)[:60]!r} is not text")
        if key in mapping:
            raise _error(event, f"key {key[:60]!r} stands twice")
        mapping[key] = _value(next(events), events, depth)
    return mapping


def _scalar(event: Any) -> Any:
    """Return the value of a scalar: plain ones by YAML's rules, quoted ones as text."""
    if event.tag and event.tag != _BINARY_TAG:
        raise _error(event, f"tag {event.tag!r} is not part of the format")
    try:
        if event.tag:
            return _construct(_BINARY_TAG, event.value).decode("utf-8", "surrogatepass")
        return _plain(event.value) if event.implicit[0] else event.value
    except (ValueError, yaml.YAMLError) as error:
        raise _error(event, f"{event.value[:60]!r} cannot be read as the value it looks like") from error


@lru_cache(maxsize=4096)
def _plain(text: str) -> Any:
    """Return what an unquoted scalar means."""
    resolver: Any = Resolver()
    tag = resolver.resolve(yaml.ScalarNode, text, (True, False))
    if tag in _NUMBER_TAGS and len(text) > MAX_NUMBER:
        raise ValueError(text)
    return _construct(tag, text)


def _construct(tag: str, text: str) -> Any:
    """Return PyYAML's own value for a scalar of a known tag."""
    return SafeConstructor().construct_document(yaml.ScalarNode(tag, text))
