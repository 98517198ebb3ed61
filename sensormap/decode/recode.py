"""Putting changed coefficients into a JPEG, with every other bit of its picture left as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sensormap.decode.coefficients import Blocks, Coded, by_interval, walk_interval
from sensormap.decode.jpeg_tables import ZIGZAG, Codes

_LARGEST_AC: Final = 10  # bits of an AC coefficient of 8-bit samples


def replace_units(coded: Coded, units: NDArray[np.int64], blocks: Blocks, name: str) -> bytes:
    """Return the file with the coefficients of some units replaced, and every other bit of the picture kept.

    Parameters
    ----------
    coded
        The file.
    units, blocks
        As `read_units` takes and returns them.
    name
        The file's name, for messages.

    Returns
    -------
    bytes
        The file; only coded data differ. A code made for one picture has no word for some values. Then the value next
        to it towards 0 is written; where a difference of DC coefficients has none, the units around stay as they were.

    Raises
    ------
    DecodeError
        As by `read_units`.
    """
    new = dict(zip(units.tolist(), blocks[:, :, ZIGZAG], strict=True))
    pieces, done = [], 0
    for number, inside in by_interval(coded, units):
        start, end = coded.intervals[number]
        inner = {unit: new[unit] for unit in inside.tolist()}
        pieces += [coded.data[done:start], _rewritten(coded, number, inner, name)]
        done = end
    return b"".join((*pieces, coded.data[done:]))


class _NoWordError(Exception):
    """The code of the file has no word for a difference of DC coefficients."""


def _rewritten(coded: Coded, number: int, new: Mapping[int, NDArray[np.int32]], name: str) -> bytes:
    """Return the coded data of an interval with some of its units replaced."""
    first = number * coded.per_interval
    numbers = sorted(new)
    # A unit's DCs are stored as differences from the unit before: the one after a replaced one is coded anew too.
    last = min(first + coded.per_interval, coded.unit_count) - 1
    touched = np.array(sorted({*numbers, *(min(unit + 1, last) for unit in numbers)}), np.int64)
    walk = walk_interval(coded, number, touched, name)
    bits, done = _Bits(), 0
    for run in np.split(np.arange(touched.size), np.flatnonzero(np.diff(touched) > 1) + 1):
        start, end = (int(walk.places[unit - first, 0]) for unit in (touched[run[0]], touched[run[-1]] + 1))
        bits.copy(walk.coded, done, start)
        try:
            blocks = [new.get(int(touched[at]), walk.blocks[at]) for at in run]
            bits.add(*_words(coded, blocks, walk.places[touched[run[0]] - first, 1:]))
        except _NoWordError:
            bits.copy(walk.coded, start, end)
        done = end
    bits.copy(walk.coded, done, int(walk.places[-1, 0]))
    return bits.ended().replace(b"\xff", b"\xff\x00")


def _words(coded: Coded, units: list[NDArray[np.int32]], before: NDArray[np.int64]) -> tuple[int, int]:
    """Return the bits of units that follow one another, as a number, and how many they are."""
    bits, last = _Bits(), before.tolist()
    for unit in units:
        for component, block in zip(coded.components, unit.tolist(), strict=True):
            dc, ac = coded.tables[component]
            difference = block[0] - last[component]
            last[component] = block[0]
            if not dc.lengths[difference.bit_length()]:
                raise _NoWordError
            _add_value(bits, dc, 0, difference)
            run = 0
            for value in block[1:]:
                said = _said(ac, run, value)
                if said == 0:
                    run += 1
                    continue
                for _ in range(run // 16):
                    _add_value(bits, ac, 15, 0)
                _add_value(bits, ac, run % 16, said)
                run = 0
            if run:
                _add_value(bits, ac, 0, 0)
    return bits.number()


def _said(code: Codes, run: int, value: int) -> int:
    """Return the value, or the largest one below it that the code has words for after so many zeros."""
    if value == 0 or (run > 15 and not code.lengths[0xF0]):
        return 0
    size = most = min(abs(value).bit_length(), _LARGEST_AC)
    while size and not code.lengths[(run % 16) << 4 | size]:
        size -= 1
    if size == most and abs(value) < 1 << size:
        return value
    return ((1 << size) - 1) * (1 if value > 0 else -1)


def _add_value(bits: _Bits, code: Codes, run: int, value: int) -> None:
    """Append the word of a run of zeros and a value's size, and the value."""
    size = value.bit_length()
    symbol = run << 4 | size
    if not code.lengths[symbol]:  # of the end of a block, which a code lacks where no block of its picture has one
        raise _NoWordError
    bits.add(code.words[symbol], code.lengths[symbol])
    bits.add(value if value > 0 else value + (1 << size) - 1, size)


class _Bits:
    """Bits put one after the other."""

    def __init__(self) -> None:
        self._bytes, self._rest, self._count = bytearray(), 0, 0

    def add(self, value: int, length: int) -> None:
        """Append a number of so many bits."""
        value |= self._rest << length
        whole, self._count = divmod(self._count + length, 8)
        self._bytes += (value >> self._count).to_bytes(whole, "big")
        self._rest = value & ((1 << self._count) - 1)

    def copy(self, data: NDArray[np.uint8], start: int, stop: int) -> None:
        """Append the bits of `data` from one to another."""
        value = int.from_bytes(data[start >> 3 : (stop + 7) >> 3].tobytes(), "big") >> (-stop % 8)
        self.add(value & ((1 << (stop - start)) - 1), stop - start)

    def number(self) -> tuple[int, int]:
        """Return all bits as a number, and how many they are."""
        return int.from_bytes(self._bytes, "big") << self._count | self._rest, 8 * len(self._bytes) + self._count

    def ended(self) -> bytes:
        """Return all bytes, the last one filled up with ones."""
        self.add((1 << -self._count % 8) - 1, -self._count % 8)
        return bytes(self._bytes)
