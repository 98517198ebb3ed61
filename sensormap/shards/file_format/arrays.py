"""Arrays as members of a shard's file: NumPy's own format, and what makes them small before they are deflated.

Of integers wider than a byte all low bytes come first, then all the next ones, since the high bytes are mostly 0.
Ascending places become the distances between them. Of sums that are mostly 0 a bit for each photosite tells which are
not, and the values of those follow.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LOT = 1 << 20  # sums that are filled at once
_MAGIC = b"\x93NUMPY\x01\x00"
_ALIGNED = 64  # bytes that the header's size is a multiple of


@dataclass(frozen=True)
class ArrayMember:
    """An array in a file, of which everything but its values is known beforehand.

    Parameters
    ----------
    type
        Its type.
    shape
        Its shape.
    """

    type: np.dtype[Any]
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """Bytes that it has in the file, before they are deflated."""
        count = 1
        for side in self.shape:  # NumPy's product would overflow
            count *= side
        return len(self._header) + count * self.type.itemsize

    def to_bytes(self, values: NDArray[Any]) -> bytes:
        """Return values as a file that `numpy.load` reads.

        Parameters
        ----------
        values
            Values of this type and shape.

        Raises
        ------
        ValueError
            If they are of another type or shape.
        """
        if (values.dtype, values.shape) != (self.type, self.shape):
            msg = f"{values.dtype} of shape {values.shape}, expected {self.type} of shape {self.shape}"
            raise ValueError(msg)
        values = np.ascontiguousarray(values, self.type.newbyteorder("<"))
        if self._in_planes:
            values = np.ascontiguousarray(values.view(np.uint8).reshape(-1, self.type.itemsize).T)
        return self._header + values.tobytes()

    def of_bytes(self, content: bytes) -> NDArray[Any]:
        """Return the values of such a file.

        Parameters
        ----------
        content
            `size` bytes.

        Raises
        ------
        ValueError
            If they open with another header.
        """
        header = self._header
        if not content.startswith(header):
            msg = f"another header than that of {self.type} of shape {self.shape}"
            raise ValueError(msg)
        values = np.empty(self.shape, self.type.newbyteorder("<"))
        stored = np.frombuffer(content, np.uint8 if self._in_planes else values.dtype, offset=len(header))
        if self._in_planes:
            flat = values.reshape(-1).view(np.uint8).reshape(-1, self.type.itemsize)
            for byte, plane in enumerate(stored.reshape(self.type.itemsize, -1)):  # twice as fast as at once
                flat[:, byte] = plane
        else:
            values[...] = stored.reshape(self.shape)
        return values.astype(self.type, copy=False)

    @property
    def _in_planes(self) -> bool:
        return self.type.kind in "iu" and self.type.itemsize > 1

    @property
    def _header(self) -> bytes:
        """The header of NumPy's format 1.0, made here so that it is the same with every release of NumPy."""
        kind, shape = self.type.newbyteorder("<").str, self.shape
        if self._in_planes:
            kind, shape = "|u1", (self.type.itemsize, *shape)
        text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}"
        size = -(-(len(_MAGIC) + 2 + len(text) + 1) // _ALIGNED) * _ALIGNED - len(_MAGIC) - 2
        return _MAGIC + struct.pack("<H", size) + text.ljust(size - 1).encode("ascii") + b"\n"


def distances(lists: Iterable[NDArray[np.integer[Any]]]) -> NDArray[np.uint32]:
    """Return the distances between the places of each list, the first one's from 0, end to end.

    Parameters
    ----------
    lists
        Places, ascending, 0 to 2 ** 32 - 1.

    Raises
    ------
    ValueError
        If a list is not ascending.

    Examples
    --------
    >>> distances([np.array([3, 5, 5]), np.array([1])]).tolist()
    [3, 2, 0, 1]
    """
    parts = [np.empty(0, np.uint32)]
    for places in lists:
        found = np.diff(places.astype(np.int64), prepend=0)
        if found.size and (found.min() < 0 or int(places[-1]) >> 32):
            msg = "places that are not ascending, or beyond 32 bits"
            raise ValueError(msg)
        parts.append(found.astype(np.uint32))
    return np.concatenate(parts)


def places_at(
    found: NDArray[np.uint32], lengths: Sequence[int], end: int, *, twice: bool = False
) -> list[NDArray[np.int64]]:
    """Return the lists of places that have given distances.

    Parameters
    ----------
    found
        Result of `distances`.
    lengths
        Length of each list.
    end
        Number that all places lie below.
    twice
        Whether a list may have a place more than once.

    Raises
    ------
    ValueError
        If a place is beyond the end, or listed twice.

    Examples
    --------
    >>> [places.tolist() for places in places_at(np.array([3, 2, 1], np.uint32), [2, 1], 6)]
    [[3, 5], [1]]
    """
    lists = []
    for steps in split(found, lengths):
        places = np.cumsum(steps, dtype=np.int64)
        if places.size and places[-1] >= end:
            msg = f"place {places[-1]}, expected one below {end}"
            raise ValueError(msg)
        if not twice and not steps[1:].all():
            msg = "a place twice in a list, expected ascending ones"
            raise ValueError(msg)
        lists.append(places)
    return lists


def split(values: NDArray[Any], lengths: Sequence[int]) -> list[NDArray[Any]]:
    """Return the parts of given lengths that an array has along its last axis, as copies.

    Parameters
    ----------
    values
        Array of any shape.
    lengths
        Length of each part; in all that of the last axis.

    Examples
    --------
    >>> [part.tolist() for part in split(np.arange(5), [2, 0, 3])]
    [[0, 1], [], [2, 3, 4]]
    """
    edges = np.cumsum([0, *lengths]).tolist()
    return [values[..., first:end].copy() for first, end in pairwise(edges)]


def sparse(sums: NDArray[Any]) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    """Return a bit for each sum, eight a byte from the lowest, set where it is not 0; and the sums that are not.

    Parameters
    ----------
    sums
        Sums, of any shape.

    Examples
    --------
    >>> bits, values = sparse(np.array([0, 7, 0, 9]))
    >>> bits.tolist(), values.tolist()
    ([10], [7, 9])
    """
    flat = sums.reshape(-1)
    there = flat != 0
    return np.packbits(there, bitorder="little"), flat[there]


def dense(bits: NDArray[np.uint8], values: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Return the sums that `sparse` made bits and values of.

    Parameters
    ----------
    bits, values
        Result of `sparse`.
    shape
        Shape of the sums.

    Raises
    ------
    ValueError
        If there are more bits set than values, or fewer.
    """
    sums = np.zeros(shape, values.dtype)
    there = np.unpackbits(bits, bitorder="little")
    if np.count_nonzero(there) != values.size or there[sums.size :].any():
        msg = f"{np.count_nonzero(there)} places for {values.size} values"
        raise ValueError(msg)
    flat, filled = sums.reshape(-1), 0
    for first in range(0, flat.size, _LOT):  # by their places, which is faster than by a mask, but takes memory
        places = np.flatnonzero(there[first : min(first + _LOT, flat.size)].view(np.bool_))
        flat[first : first + _LOT][places] = values[filled : filled + places.size]
        filled += places.size
    return sums
