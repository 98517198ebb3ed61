"""The sums of a tally on the disk, while other work takes the memory that they would."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from copy import copy
from io import BytesIO, FileIO
from tempfile import TemporaryFile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensormap.detect.tally import Tally

SumsFile = FileIO | BytesIO
"""A file that nothing else reads."""


def open_file() -> SumsFile:
    """Return a file that is gone when it is closed; one in memory where there is no place for it."""
    try:
        return TemporaryFile(buffering=0)
    except OSError:
        return BytesIO()


def write_sums(tally: Tally, file: SumsFile) -> Tally:
    """Write the sums of a tally to a file, and return the tally without them; all of it where the disk is full."""
    file.seek(0)
    with suppress(OSError):
        if all(file.write(sums.data) == sums.nbytes for sums in tally.sums):
            return with_sums(tally, [np.empty((0, 0), sums.dtype) for sums in tally.sums])
    return tally


def read_sums(tally: Tally, file: SumsFile) -> Tally:
    """Return a tally with the sums that `write_sums` wrote."""
    if tally.hidden.size:
        return tally
    file.seek(0)
    sums = [np.empty(tally.shape, one.dtype) for one in tally.sums]
    for one in sums:
        file.readinto(one.data)
    return with_sums(tally, sums)


@contextmanager
def sums_on_disk(tally: Tally) -> Iterator[None]:
    """Keep the sums of a tally on the disk while the block runs, where there is room; nobody may ask for them then."""
    with open_file() as file:
        without = write_sums(tally, file)
        tally.hidden, tally.sum_z, tally.sum_outlying = without.sums
        try:
            yield
        finally:
            tally.hidden, tally.sum_z, tally.sum_outlying = read_sums(without, file).sums


def with_sums(tally: Tally, sums: Sequence[NDArray[Any]]) -> Tally:
    """Return a tally of as many frames with other sums, in the order of `Tally.sums`; they are not copied."""
    other = copy(tally)
    other.hidden, other.sum_z, other.sum_outlying = sums
    return other
