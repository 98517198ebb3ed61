"""Photos that cannot be used: reported at once, listed in the map."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable

from sensormap.errors import DecodeError
from sensormap.frame import Skipped

log = logging.getLogger(__name__)


_LONGEST_REASON = 2000  # characters; a map takes five times as many


class Refusals:
    """The photos that cannot be used so far.

    Parameters
    ----------
    strict
        Whether the first that something is wrong with is an error.
    quiet
        Whether none is logged: all were before.

    Attributes
    ----------
    skipped
        File name and reason of each, in the order in which they were added.
    lost
        Number of photos that were used, and could not be read again: see `add_lost`.
    """

    def __init__(self, *, strict: bool, quiet: bool = False) -> None:
        self.strict = strict
        self.quiet = quiet
        self.skipped: list[Skipped] = []
        self.lost = 0

    def extend(self, photos: Iterable[Skipped]) -> None:
        """Add photos that something is wrong with, and log each as a warning.

        Raises
        ------
        DecodeError
            For the first, with `strict`.
        """
        for photo in photos:
            if self.strict:
                msg = f"{photo.name}: {photo.reason}"
                raise DecodeError(msg)
            if not self.quiet:
                log.warning("skipped %s: %s", photo.name, photo.reason)
            self.skipped.append(photo)

    def add_lost(self, photo: Skipped) -> None:
        """Log a photo that cannot be read again; it is not skipped, as the map rests on what it showed before.

        Raises
        ------
        DecodeError
            With `strict`.
        """
        if self.strict:
            msg = f"{photo.name}: {photo.reason}"
            raise DecodeError(msg)
        log.warning("%s counts with the first pass only: %s", photo.name, photo.reason)
        self.lost += 1

    def add_quietly(self, photos: Iterable[Skipped]) -> None:
        """Add photos that nothing is wrong with, without a warning."""
        self.skipped += photos

    def add_unmapped(self, names: Iterable[str]) -> None:
        """Add photos that are in no map, since too few were of their sort; one that was added before stays as it is."""
        known = Counter(photo.name for photo in self.skipped)
        unmapped = list((Counter(names) - known).elements())
        self.add_quietly(Skipped(name, "alone of its sort, raw or JPEG: a map takes at least two") for name in unmapped)


def skipped(name: str, error: Exception | str, digest: str | None = None) -> Skipped:
    """Return the entry of a photo that cannot be used.

    Parameters
    ----------
    name
        File name without its folder.
    error
        Reason, which may open with the name: that is left out.
    digest
        SHA-256 of the file's bytes, where the error does not have it.

    Examples
    --------
    >>> skipped("a.nef", "a.nef: zero bytes")
    Skipped(name='a.nef', reason='zero bytes')
    """
    reason = str(error).removeprefix(f"{name}: ")[:_LONGEST_REASON]
    return Skipped(name, reason, getattr(error, "digest", None) or digest)
