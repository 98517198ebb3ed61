"""The coded coefficients of a JPEG: read unit by unit, and replaced with every other coded bit left as it is.

jpeglib 1.0.2, the library that was tried for this, writes a file anew, with a header and a Huffman code of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sensormap.compiled import compiled
from sensormap.correct.jpeg.tables import ZIGZAG, Codes, damaged, huffman, quantisation
from sensormap.photos.jpeg_markers import (
    FIRST_RESTART,
    FRAMES,
    HUFFMAN,
    QUANTISATION,
    SCAN,
    Layout,
    header_parts,
    read_layout,
)

_MARK = re.compile(rb"(?<!\xff)\xff++([^\x00\xff])", re.DOTALL)  # any marker among coded data
_PAD = b"\xff" * 8  # behind the coded data: a decoder would take it for more bits
_LARGEST_AC: Final = 10  # bits of an AC coefficient of 8-bit samples

Blocks = NDArray[np.int32]
"""Coefficients as coded, shape ``(units, blocks, 64)``, those of a block row by row; the first is DC, made absolute."""


@dataclass(frozen=True)
class Coded:
    """A JPEG file, and what is needed to read and replace its units.

    Parameters
    ----------
    data
        The file.
    layout
        Layout that its header gives.
    steps
        Quantisation steps of each colour, shape ``(3, 8, 8)``.
    components
        Colour that each block of a unit belongs to.
    tables
        The codes of the DC and of the AC coefficients of each colour.
    intervals
        Start and end in the file of what is coded between two restart markers.
    """

    data: bytes
    layout: Layout
    steps: NDArray[np.int32]
    components: tuple[int, ...]
    tables: tuple[tuple[Codes, Codes], ...]
    intervals: tuple[tuple[int, int], ...]

    @property
    def per_interval(self) -> int:
        """Number of units in each interval but the last."""
        return self.layout.restart_interval or self.unit_count

    @property
    def unit_count(self) -> int:
        """Number of units in the JPEG."""
        return self.layout.units[0] * self.layout.units[1]

    @cached_property
    def symbols(self) -> NDArray[np.int32]:
        """`Codes.symbols` of all tables, shape ``(3, 2, 65536)``; a megabyte, and a file may have 100,000 intervals."""
        return np.stack([[codes.symbols for codes in pair] for pair in self.tables])


def open_coded(data: bytes, name: str) -> Coded:
    """Read the header and the tables of a JPEG file.

    Parameters
    ----------
    data
        The whole file; `sensormap.decode.jpeg.read_jpeg` has found it whole.
    name
        The file's name, for messages.

    Raises
    ------
    DecodeError
        If it is not of the kind that cameras write (see `sensormap.photos.jpeg_markers`), or its tables are damaged.
    """
    layout = read_layout(BytesIO(data), name)
    steps: dict[int, NDArray[np.int32]] = {}
    codes: dict[int, Codes] = {}
    scan, identities, selectors = b"", [], []
    for marker, content in header_parts(layout.header):
        if marker == QUANTISATION:
            steps |= quantisation(content, name)
        elif marker == HUFFMAN:
            codes |= huffman(content, name)
        elif marker == SCAN:
            scan = content
        elif marker in FRAMES:
            identities, selectors = list(content[6:15:3]), list(content[8:15:3])
    # A scan names its three colours in the order of the header, and the two tables of each.
    if len(scan) < 7 or list(scan[1:7:2]) != identities or len(set(identities)) < 3:
        raise damaged(name, "colours of the scan are not those of the JPEG")
    wanted = [(pair >> 4, 16 | pair & 15) for pair in scan[2:7:2]]
    if not steps.keys() >= set(selectors) or not codes.keys() >= {key for keys in wanted for key in keys}:
        raise damaged(name, "a table is missing")
    return Coded(
        data,
        layout,
        np.stack([steps[key] for key in selectors]),
        tuple(number for number, (across, down) in enumerate(layout.factors) for _ in range(across * down)),
        tuple((codes[dc], codes[ac]) for dc, ac in wanted),
        tuple(_intervals(data, layout.start)),
    )


def read_units(coded: Coded, units: NDArray[np.int64], name: str) -> Blocks:
    """Return the coefficients of some units.

    Parameters
    ----------
    coded
        The file.
    units
        Numbers of the units, row by row from 0 at the top left, ``(N,)``; sorted, none twice.
    name
        The file's name, for messages.

    Raises
    ------
    DecodeError
        If the coded data of an interval that holds one of them are damaged.
    """
    parts = [walk_interval(coded, number, inside, name).blocks for number, inside in by_interval(coded, units)]
    return np.concatenate([np.zeros((0, len(coded.components), 64), np.int32), *parts])[:, :, np.argsort(ZIGZAG)]


def replace_units(coded: Coded, units: NDArray[np.int64], blocks: Blocks, name: str) -> bytes:
    """Return the file with the coefficients of some units replaced, and every other coded bit kept.

    Parameters
    ----------
    coded
        The file.
    units, blocks
        Numbers, and coefficients of shape ``(N, blocks, 64)``, as `read_units` takes and returns them.
    name
        The file's name, for messages.

    Returns
    -------
    bytes
        The file; only coded data differ. A code made for one JPEG has no code word for some values. Then the value next
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


def _intervals(data: bytes, start: int) -> Iterator[tuple[int, int]]:
    """Yield where the coded data between markers start and end."""
    for mark in _MARK.finditer(data, start):
        yield start, mark.start()
        if mark[1][0] & 0xF8 != FIRST_RESTART:
            return
        start = mark.end()


def by_interval(coded: Coded, units: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Yield the numbers of the intervals that hold some of the units, sorted, ``(N,)``, and those units."""
    numbers, starts = np.unique(units // coded.per_interval, return_index=True)
    yield from zip(numbers.tolist(), np.split(units, starts[1:]), strict=True) if numbers.size else ()


@dataclass(frozen=True)
class Walk:
    """What is found in the coded data of an interval.

    Parameters
    ----------
    coded
        Coded bytes, without those that only tell them from markers, and some more at the end, ``(bytes,)``.
    places
        First bit of each unit, and of the end, and the DC coefficients of the three colours before it: shape
        ``(units + 1, 4)``.
    blocks
        The coefficients asked for, those of a block in the order in which they are coded.
    """

    coded: NDArray[np.uint8]
    places: NDArray[np.int64]
    blocks: Blocks


def walk_interval(coded: Coded, number: int, units: NDArray[np.int64], name: str) -> Walk:
    """Decode an interval, and keep the coefficients of some of its units.

    Parameters
    ----------
    coded, units, name
        As for `read_units`.
    number
        Number of the interval.

    Raises
    ------
    DecodeError
        If the interval is missing or damaged.
    """
    if number >= len(coded.intervals):
        raise damaged(name, "restart markers missing")
    start, end = coded.intervals[number]
    data = np.frombuffer(coded.data[start:end].replace(b"\xff\x00", b"\xff") + _PAD, np.uint8)
    first = number * coded.per_interval
    count = min(coded.per_interval, coded.unit_count - first)
    slots = np.full(count, -1)
    slots[units - first] = np.arange(units.size)
    walk = Walk(data, np.zeros((count + 1, 4), np.int64), np.zeros((units.size, len(coded.components), 64), np.int32))
    done = _walk(data, coded.symbols, np.array(coded.components), slots, walk.places, walk.blocks)
    if done < count:
        raise damaged(name, f"unit {first + done} of {coded.unit_count}")
    return walk


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
    """Return the value, or the largest one below it that there is a code word for after so many zeros."""
    if value == 0 or (run > 15 and not code.lengths[0xF0]):
        return 0
    size = most = min(abs(value).bit_length(), _LARGEST_AC)
    while size and not code.lengths[(run % 16) << 4 | size]:
        size -= 1
    if size == most and abs(value) < 1 << size:
        return value
    return ((1 << size) - 1) * (1 if value > 0 else -1)


def _add_value(bits: _Bits, code: Codes, run: int, value: int) -> None:
    """Append the code word of a run of zeros and a value's size, and the value."""
    size = value.bit_length()
    symbol = run << 4 | size
    if not code.lengths[symbol]:  # of the end of a block, which a code lacks where no block of its JPEG needs one
        raise _NoWordError
    bits.add(code.words[symbol], code.lengths[symbol])
    bits.add(value if value > 0 else value + (1 << size) - 1, size)


class _NoWordError(Exception):
    """The code of the file has no code word for a difference of DC coefficients."""


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


@compiled
def _walk(
    data: NDArray[np.uint8], symbols: NDArray[np.int32], components: NDArray[np.int64], slots: NDArray[np.int64],
    places: NDArray[np.int64], blocks: Blocks,
) -> int:  # fmt: skip
    """Decode units, fill what a `Walk` holds, and return how many there were before the data made no sense."""
    bit, end = 0, 8 * (data.size - 8)
    last = np.zeros(3, np.int64)
    for unit in range(slots.size):
        places[unit, 0] = bit
        places[unit, 1:] = last
        for block in range(components.size):
            component, place, kind = components[block], 0, 0
            while place < 64:
                entry = symbols[component, kind, _peek(data, bit)]
                size = entry & 15
                bit += entry >> 8
                if entry == 0 or bit > end or size > 11 - kind or (kind == 0 and entry & 0xF0):
                    return unit
                run = (entry >> 4) & 15
                if kind and size == 0 and run < 15:
                    break
                place += run
                if place > 63:
                    return unit
                value = 0
                if size:
                    value = _peek(data, bit) >> (16 - size)
                    if value < 1 << (size - 1):
                        value -= (1 << size) - 1
                    bit += size
                    if bit > end:
                        return unit
                if kind == 0:
                    last[component] += value
                    value = last[component]
                if slots[unit] >= 0:
                    blocks[slots[unit], block, place] = value
                place, kind = place + 1, 1
    places[slots.size, 0] = bit
    return slots.size


@compiled
def _peek(data: NDArray[np.uint8], bit: int) -> int:
    """Return the 16 bits that start at one."""
    byte = bit >> 3
    three = np.int64(data[byte]) << 16 | np.int64(data[byte + 1]) << 8 | np.int64(data[byte + 2])
    return int(three >> (8 - (bit & 7))) & 0xFFFF
