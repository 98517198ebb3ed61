"""Mappings of a map file: what their keys may hold, how it is read, written, and recognised at a glance."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Field:
    """One kind of value.

    Parameters
    ----------
    read
        From the value that YAML gives to the one in memory; ``ValueError`` says what is wrong with it.
    text
        From the value in memory to YAML on one line.
    pattern
        Regular expression, without groups, of what `text` writes and `parse` reads as YAML would; the default
        matches nothing, which leaves the value to the YAML parser.
    parse
        From text that matches `pattern` to the value in memory.
    optional
        Whether the key may be absent, which means `default`.
    default
        Value of an absent key.
    omitted
        Whether the writer leaves the key out where the value is `default`.
    """

    read: Callable[[Any], Any]
    text: Callable[[Any], str]
    pattern: str = "(?!)"
    parse: Callable[[str], Any] = str
    optional: bool = False
    default: Any = None
    omitted: bool = False


def wrong(value: Any, expected: str, where: str = "") -> ValueError:
    """Return the error that says what was found, what is expected, and `where` if given."""
    found = repr(value) if not isinstance(value, dict | list) else f"a {type(value).__name__} of {len(value)}"
    found = found if len(found) <= 80 else found[:77] + "..."
    return ValueError(f"{where}: {found} is not {expected}" if where else f"{found} is not {expected}")


def optional(field: Field, default: Any = None) -> Field:
    """Return `field` as one that is absent from a mapping where the value is `default`."""
    return replace(field, optional=True, default=default, omitted=True)


def later(field: Field, default: Any) -> Field:
    """Return `field` as one that is always written, but that older files lack, which means `default`."""
    return replace(field, optional=True, default=default)


def nullable(field: Field) -> Field:
    """Return `field` as one that may be ``null``."""
    return Field(
        lambda value: None if value is None else field.read(value),
        lambda value: "null" if value is None else field.text(value),
        f"null|{field.pattern}",
        lambda text: None if text == "null" else field.parse(text),
    )


def items(field: Field, length: int, convert: Callable[..., Any] = lambda *values: values) -> Field:
    """Return a list of `length` values of one kind, as ``[1, 2]``; `convert` gets them one by one."""

    def read(value: Any) -> Any:
        if not isinstance(value, list) or len(value) != length:
            raise wrong(value, f"a list of {length}")
        return convert(*(field.read(item) for item in value))

    return Field(
        read,
        lambda values: f"[{', '.join(map(field.text, values))}]",
        rf"\[{', '.join([f'(?:{field.pattern})'] * length)}\]",
        lambda text: convert(*map(field.parse, text[1:-1].split(", "))),
    )


def one_of(names: Iterable[str], convert: Callable[[str], Any] = str) -> Field:
    """Return a bare word out of `names`; `convert` makes the value in memory, ``str`` of which is the word."""
    known = sorted(names)

    def read(value: Any) -> Any:
        if not isinstance(value, str) or value not in known:
            raise wrong(value, f"one of {', '.join(known)}")
        return convert(value)

    return Field(read, lambda value: read(str(value)) and str(value), "|".join(known), convert)


def words(names: Iterable[str]) -> Field:
    """Return a list of at least one bare word out of `names`, as many as there are at most: ``[a, b]``, a tuple."""
    word = one_of(names)
    most = len(word.pattern.split("|"))

    def read(value: Any) -> tuple[str, ...]:
        if not isinstance(value, list) or not 1 <= len(value) <= most:
            raise wrong(value, f"a list of 1 to {most} names")
        return tuple(word.read(item) for item in value)

    return Field(
        read,
        lambda values: f"[{', '.join(map(word.text, values))}]",
        rf"\[(?:{word.pattern})(?:, (?:{word.pattern})){{0,{most - 1}}}\]",
        lambda text: tuple(text[1:-1].split(", ")),
    )


def read_mapping(value: Any, fields: Mapping[str, Field], where: str) -> dict[str, Any]:
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


def mapping_text(value: Any, fields: Mapping[str, Field]) -> list[str]:
    """Return ``key: value`` for the attributes of `value` that `fields` names, absent ones left out."""
    pairs = ((key, getattr(value, key), field) for key, field in fields.items())
    return [f"{key}: {field.text(item)}" for key, item, field in pairs if not (field.omitted and item == field.default)]


def line_pattern(fields: Mapping[str, Field]) -> str:
    """Return the regular expression of ``- {key: value, ...}`` as the writer makes it, one group a field."""
    parts = []
    for index, (key, field) in enumerate(fields.items()):
        part = f"{', ' if index else ''}{key}: ({field.pattern})"
        parts.append(f"(?:{part})?" if field.optional else part)
    return rf"- \{{{''.join(parts)}\}}"
