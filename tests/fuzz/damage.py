"""How a file is damaged: bits, bytes, numbers, pieces; drawn by hypothesis, which then makes the damage small."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from hypothesis import strategies as st

NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 10**9, 2**63 - 1)
"""What readers of sizes, counts and offsets trip over."""
WORDS = (
    b"\0",
    b"\xff" * 4,
    b"999999999999",
    b"-1",
    b"1e999",
    b"nan",
    b"\n",
    b"[",
    b"{",
    b'"',
    b": ",
    b"'",
    b"\xed\xa0\x80",
)
"""The same for readers of text."""

_PLACE = st.floats(0, 1, allow_nan=False)
_EDITS = st.one_of(
    st.tuples(st.just("bit"), _PLACE, st.integers(0, 7)),
    st.tuples(st.just("byte"), _PLACE, st.integers(0, 255)),
    st.tuples(
        st.just("number"), _PLACE, st.tuples(st.sampled_from(NUMBERS), st.sampled_from((1, 2, 4, 8)), st.booleans())
    ),
    st.tuples(st.just("word"), _PLACE, st.sampled_from(WORDS)),
    st.tuples(st.just("bytes"), _PLACE, st.binary(max_size=12)),
    st.tuples(st.just("out"), _PLACE, st.integers(1, 4000)),
    st.tuples(st.just("twice"), _PLACE, st.integers(1, 4000)),
    st.tuples(st.just("zeros"), _PLACE, st.integers(1, 4000)),
    st.tuples(st.just("end"), _PLACE, st.just(0)),
    st.tuples(st.just("head"), _PLACE, st.integers(0, 255)),
)


class Case(NamedTuple):
    """A damaged file: the number of the whole one, and what is done to it; `of` makes its content."""

    number: int
    edits: list[tuple[str, float, object]]

    def of(self, files: Sequence[tuple[str, bytes]]) -> tuple[str, bytes]:
        """Return the name and the content."""
        name, content = files[self.number]
        for kind, place, how in self.edits:
            content = _edited(content, kind, place, how)
        return name, content


def cases(files: Sequence[tuple[str, bytes]]) -> st.SearchStrategy[Case]:
    """Return the ways to damage one of some files."""
    return st.builds(Case, st.integers(0, len(files) - 1), st.lists(_EDITS, min_size=1, max_size=5))


def _edited(content: bytes, kind: str, place: float, how: object) -> bytes:
    span = 512 if kind == "head" else len(content)  # most numbers of a header stand there
    at = min(int(place * span), max(len(content) - 1, 0))
    rest = content[at:]
    match kind, how:
        case "bit", int(bit):
            rest = bytes(value ^ (1 << bit) for value in rest[:1]) + rest[1:]
        case (("byte" | "head"), int(value)):
            rest = bytes([value]) + rest[1:]
        case "number", (int(number), int(width), bool(little)):
            rest = (number % (1 << 8 * width)).to_bytes(width, "little" if little else "big") + rest[width:]
        case (("word" | "bytes"), bytes(piece)):
            rest = piece + rest[len(piece) if kind == "word" else 0 :]
        case "out", int(length):
            rest = rest[length:]
        case "twice", int(length):
            rest = rest[:length] + rest
        case "zeros", int(length):
            rest = bytes(min(length, len(rest))) + rest[length:]
        case _:  # the end is missing
            rest = b""
    return content[:at] + rest
