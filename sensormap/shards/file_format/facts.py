"""What a shard's file says in JSON: whatever is no array, and how long the arrays are.

Every value is checked when it is read. Then the sizes of all arrays are known before one of them is.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from sensormap.score.paired_outliers import sampled_strips
from sensormap.shards.summary import decoy_rows

FORMAT, VERSION = "sensormap-shard", 1

_MOST_DN = 1 << 24  # far above what 16 bits of raw data are
_LONGEST_FOUND = 80  # characters of what was found, in a message
_DIGEST = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class UsedFacts:
    """A frame that could be used: as in `FrameRecord`; `outlying` is that of its noise."""

    digest: str
    floor: int
    saturation: int
    filtered: bool
    repeat: bool
    by_fallback: bool
    outlying: float


@dataclass(frozen=True)
class SkippedFacts:
    """A photo that could not be used: as in `Skipped`."""

    name: str
    reason: str


@dataclass(frozen=True)
class ContradictionFacts:
    """The message of a photo that contradicts the profile."""

    frame: int
    message: str


@dataclass(frozen=True)
class BlockFacts:
    """A block of votes: its threshold, and how long each of its lists is."""

    threshold: float
    candidates: int
    outliers: int
    following: int
    decoys: int


@dataclass(frozen=True)
class VotesFacts:
    """The votes of a shard: its blocks, and the numbers of the frames that voted."""

    blocks: tuple[BlockFacts, ...]
    voted: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class FingerprintFacts:
    """How many outlying scores a frame's fingerprint has, and how many of them are paired; None where it has none."""

    frame: int
    outlying: int | None
    paired: int | None


@dataclass(frozen=True)
class ListFacts:
    """How long a follow list is."""

    photosites: int
    decoys: int

    def __len__(self) -> int:
        return self.photosites + self.decoys


@dataclass(frozen=True)
class WindowsFacts:
    """Whose values are saved: the frame, the number of its list, and whether values have 32 bits, not 16."""

    frame: int
    follow_list: int
    wide: bool


@dataclass(frozen=True)
class Facts:
    """What a shard's file says in JSON.

    Parameters
    ----------
    fingerprint
        What the shard was made of, as the caller writes it.
    shape, step
        ``(H, W)`` of the active area, and distance between neighbours of one plane; None if no frame could be used.
    frames
        Each photo, in order.
    contradictions, fingerprints, windows
        By frame number, ascending.
    decoy_rows
        Rows in which decoys are looked for.
    sums, shifted_sums
        How many sums of outlying scores are not 0.
    votes
        None if no frame counts.
    follow_lists
        In the order in which `windows` name them.
    """

    fingerprint: str
    shape: tuple[int, int]
    step: int | None
    frames: tuple[UsedFacts | SkippedFacts, ...]
    contradictions: tuple[ContradictionFacts, ...]
    decoy_rows: int
    sums: int
    shifted_sums: int
    votes: VotesFacts | None
    fingerprints: tuple[FingerprintFacts, ...]
    follow_lists: tuple[ListFacts, ...]
    windows: tuple[WindowsFacts, ...]

    @property
    def used(self) -> list[int]:
        """Numbers of the frames that could be used."""
        return [number for number, frame in enumerate(self.frames) if isinstance(frame, UsedFacts)]

    @property
    def counted(self) -> list[int]:
        """Numbers of the frames that repeat no scene."""
        return [number for number, frame in enumerate(self.frames) if isinstance(frame, UsedFacts) and not frame.repeat]

    def to_bytes(self) -> bytes:
        """Return them as JSON in ASCII, without a blank.

        Raises
        ------
        ValueError
            If a number is not finite.
        """
        return _json({"format": FORMAT, "version": VERSION, **asdict(self)})


def read_facts(content: bytes, fingerprint: str, shape: tuple[int, int], step: int, photos: int) -> Facts:
    """Return what a file says in JSON.

    Parameters
    ----------
    content
        JSON, exactly as `Facts.to_bytes` writes it.
    fingerprint, shape, step
        What it must say of the shard.
    photos
        Number of photos of the shard.

    Raises
    ------
    ValueError
        If it says anything else, or what cannot be.
    """
    try:
        value = json.loads(content)
        canonical = _json(value)
    except (ValueError, RecursionError) as error:  # what is no UTF-8, no JSON, too deep, NaN, an integer too long
        msg = f"is no JSON as expected: {_brief(error)}"
        raise ValueError(msg) from error
    if not isinstance(value, dict):
        msg = f"{_brief(value)}, expected an object"
        raise ValueError(msg)  # noqa: TRY004 # of a file, not of a caller
    # Another version may have other keys, so that these come first.
    for key, expected in [("format", FORMAT), ("version", VERSION), ("fingerprint", fingerprint)]:
        _same(value.get(key), key, expected)
    if canonical != content:
        msg = "is not written as expected: twice the same key, blanks, or another order"
        raise ValueError(msg)
    return _facts(value, shape, step, photos)


def _facts(value: Any, shape: tuple[int, int], step: int, photos: int) -> Facts:
    """Return what a JSON object says."""
    area = shape[0] * shape[1]
    number = _whole(0, photos - 1)
    count = _whole(0, area)
    places = _whole(0, 2 * math.prod(sampled_strips(shape)) * shape[1])
    block = _object(
        BlockFacts,
        {"threshold": _finite, "candidates": count, "outliers": _whole(0, area * photos)}
        | {"following": count, "decoys": count},
    )
    checks = {
        "format": _text,
        "version": _whole(VERSION, VERSION),
        "fingerprint": _text,
        "shape": _exactly(list(shape), shape),
        "step": _or_none(_exactly(step, step)),
        "frames": _list(_frame, photos, photos),
        "contradictions": _list(_object(ContradictionFacts, {"frame": number, "message": _text}), photos),
        "decoy_rows": _one_of(decoy_rows(shape[0], everywhere=False), shape[0]),
        "sums": count,
        "shifted_sums": count,
        "votes": _or_none(
            _object(VotesFacts, {"blocks": _list(block, 3 * photos), "voted": _list(_list(number, photos), photos)})
        ),
        "fingerprints": _list(
            _object(FingerprintFacts, {"frame": number, "outlying": _or_none(places), "paired": _or_none(places)}),
            photos,
        ),
        "follow_lists": _list(_object(ListFacts, {"photosites": count, "decoys": count}), photos),
        "windows": _list(_object(WindowsFacts, {"frame": number, "follow_list": number, "wide": _flag}), photos),
    }
    found = _checked(value, "", checks)
    del found["format"], found["version"]
    facts = Facts(**found)
    _check_numbers(facts)
    return facts


def _check_numbers(facts: Facts) -> None:
    """Refuse what is said if one thing contradicts another."""
    if (facts.step is None) == bool(facts.used):
        msg = f"step: {facts.step}, expected one if a frame could be used, else none"
        raise ValueError(msg)
    counted, votes = set(facts.counted), facts.votes
    voted = [frame for block in votes.voted for frame in block] if votes else []
    listed = [one.follow_list for one in facts.windows]
    for key, numbers in [
        ("contradictions", [one.frame for one in facts.contradictions]),
        ("fingerprints", [one.frame for one in facts.fingerprints]),
        ("windows", [one.frame for one in facts.windows]),
        ("voted", sorted(voted)),
    ]:
        if any(after <= before for before, after in pairwise(numbers)):
            msg = f"{key}: frames {_brief(numbers)}, expected each once, ascending"
            raise ValueError(msg)
        if key != "contradictions" and not counted.issuperset(numbers):
            msg = f"{key}: frames {_brief(numbers)}, expected ones that count"
            raise ValueError(msg)
    if list(dict.fromkeys(listed)) != list(range(len(facts.follow_lists))):
        msg = f"windows: lists {_brief(listed)}, expected the {len(facts.follow_lists)} lists in order"
        raise ValueError(msg)
    if any((one.outlying is None) != (one.paired is None) for one in facts.fingerprints):
        msg = "fingerprints: outlying scores without paired ones, or these without those"
        raise ValueError(msg)


# Checks: a function from a value and where it stands to the value in memory; its ValueError says what is wrong.

_Check = Callable[[Any, str], Any]


def _whole(least: int, most: int) -> _Check:
    """Return a check for an integer within limits."""

    def check(value: Any, where: str) -> int:
        if type(value) is not int or not least <= value <= most:
            raise _wrong(value, where, f"an integer from {least} to {most}")
        return value

    return check


def _flag(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise _wrong(value, where, "true or false")
    return value


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise _wrong(value, where, "a text")
    return value


def _finite(value: Any, where: str) -> float:
    if not isinstance(value, float) or not math.isfinite(value):
        raise _wrong(value, where, "a finite number with a point")
    return value


def _digest(value: Any, where: str) -> str:
    if not isinstance(value, str) or not _DIGEST.fullmatch(value):
        raise _wrong(value, where, "64 hexadecimal digits")
    return value


def _exactly(expected: Any, meaning: Any) -> _Check:
    """Return a check for one value, which means another in memory."""

    def check(value: Any, where: str) -> Any:
        _same(value, where, expected)
        return meaning

    return check


def _one_of(*allowed: int) -> _Check:
    """Return a check for one of some whole numbers."""

    def check(value: Any, where: str) -> Any:
        if type(value) is not int or value not in allowed:
            msg = f"{where}: {_brief(value)}, expected {' or '.join(map(str, allowed))}"
            raise ValueError(msg)
        return value

    return check


def _or_none(check: _Check) -> _Check:
    return lambda value, where: None if value is None else check(value, where)


def _list(check: _Check, most: int, least: int = 0) -> _Check:
    """Return a check for a list whose values a check is for."""

    def check_all(value: Any, where: str) -> tuple[Any, ...]:
        if not isinstance(value, list) or not least <= len(value) <= most:
            raise _wrong(value, where, f"a list of {least} to {most}")
        return tuple(check(one, f"{where}[{i}]") for i, one in enumerate(value))

    return check_all


def _object(kind: Callable[..., Any], checks: Mapping[str, _Check]) -> _Check:
    """Return a check for an object with given keys."""
    return lambda value, where: kind(**_checked(value, where, checks))


_USED = _object(
    UsedFacts,
    {"digest": _digest, "floor": _whole(-_MOST_DN, _MOST_DN), "saturation": _whole(-_MOST_DN, _MOST_DN)}
    | {"filtered": _flag, "repeat": _flag, "by_fallback": _flag, "outlying": _finite},
)
_SKIPPED = _object(SkippedFacts, {"name": _text, "reason": _text})


def _frame(value: Any, where: str) -> UsedFacts | SkippedFacts:
    found: UsedFacts | SkippedFacts = (_SKIPPED if isinstance(value, dict) and "name" in value else _USED)(value, where)
    return found


def _checked(value: Any, where: str, checks: Mapping[str, _Check]) -> dict[str, Any]:
    if not isinstance(value, dict) or value.keys() != checks.keys():
        raise _wrong(list(value) if isinstance(value, dict) else value, where, f"the keys {', '.join(checks)}")
    return {key: check(value[key], f"{where}.{key}" if where else key) for key, check in checks.items()}


def _same(value: Any, where: str, expected: Any) -> None:
    if value != expected or type(value) is not type(expected):
        raise _wrong(value, where, _brief(expected))


def _wrong(value: Any, where: str, expected: str) -> ValueError:
    return ValueError(f"{where + ': ' if where else ''}{_brief(value)}, expected {expected}")


def _brief(value: Any) -> str:
    """Return a value as a short text on one line."""
    text = str(value) if isinstance(value, Exception) else repr(value)
    return text if len(text) <= _LONGEST_FOUND else f"{text[:_LONGEST_FOUND]}..."


def _json(value: Any) -> bytes:
    text = json.dumps(value, allow_nan=False, sort_keys=True, separators=(",", ":"))
    return text.encode("ascii")


def lengths_of(parts: Sequence[Any], key: str) -> list[int]:
    """Return one of the lengths that some facts tell; 0 where it is None."""
    return [getattr(part, key) or 0 for part in parts]
