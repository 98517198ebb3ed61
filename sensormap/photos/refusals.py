"""Photos that cannot be used: told at once, kept for the map."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable

from sensormap.errors import DecodeError
from sensormap.frame import Skipped

log = logging.getLogger(__name__)


class Refusals:
    """Photos that cannot be used: told at once, kept for the map; with `strict` the first ends the run."""

    def __init__(self, *, strict: bool) -> None:
        self.strict = strict
        self.skipped: list[Skipped] = []

    def extend(self, entries: Iterable[Skipped]) -> None:
        """Keep photos that something is wrong with.

        Raises
        ------
        DecodeError
            For the first, with `strict`.
        """
        for entry in entries:
            if self.strict:
                msg = f"{entry.name}: {entry.reason}"
                raise DecodeError(msg)
            log.warning("skipped %s: %s", entry.name, entry.reason)
            self.skipped.append(entry)

    def quietly(self, entries: Iterable[Skipped]) -> None:
        """Keep photos that nothing is wrong with."""
        self.skipped += entries

    def lose(self, names: Iterable[str]) -> None:
        """Keep photos that were good, but too few of their sort; those that are kept already stay as they are."""
        known = Counter(entry.name for entry in self.skipped)
        lost = list((Counter(names) - known).elements())
        self.quietly(Skipped(name, "alone of its sort, raw or JPEG: a map takes at least two") for name in lost)


def skipped(name: str, error: Exception | str) -> Skipped:
    """Return a photo's entry among the skipped, the reason without the name that it opens with."""
    return Skipped(name, str(error).removeprefix(f"{name}: "))
