"""Texts with a sum of what they say and of what they are about: one flipped bit in a database is no other value."""

from __future__ import annotations

import hashlib

_LENGTH = 16  # hexadecimal digits; against accidents, not against intent


def sealed(text: str, *about: object) -> str:
    """Return a text behind its sum.

    Parameters
    ----------
    text
        The text.
    about
        What it belongs to, such as the file that it tells of.
    """
    return f"{_sum(text, about)} {text}"


def unsealed(found: object, *about: object) -> str | None:
    """Return the text behind a sum; None where that does not fit, or there is none.

    Examples
    --------
    >>> unsealed(sealed("ISO 100", "a.nef"), "a.nef"), unsealed(sealed("ISO 100", "a.nef"), "b.nef")
    ('ISO 100', None)
    """
    told, _, text = found.partition(" ") if isinstance(found, str) else ("", "", "")
    return text if told == _sum(text, about) else None


def _sum(text: str, about: tuple[object, ...]) -> str:
    return hashlib.sha256(repr((text, about)).encode("utf-8", "surrogatepass")).hexdigest()[:_LENGTH]
