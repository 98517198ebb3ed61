"""The coded coefficients of a JPEG: which ones some of its units hold, and where in the file the units stand.

jpeglib 1.0.2, the library that was tried for this, writes a file anew, with a header and a Huffman code of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from sensormap.compiled import compiled
from sensormap.decode.jpeg_tables import ZIGZAG, Codes, damaged, header_parts, huffman, quantisation
from sensormap.photos.jpeg_markers import Layout, read_layout

_QUANTISATION, _HUFFMAN, _SCAN = 0xDB, 0xC4, 0xDA
_MARK = re.compile(rb"(?<!\xff)\xff++([^\x00\xff])", re.DOTALL)
_PAD = b"\xff" * 8  # what a decoder would take for more bits

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
        What its header says.
    steps
        Quantisation steps of each colour, shape ``(3, 8, 8)``.
    components
        Which colour each block of a unit belongs to.
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
        """Number of units in the picture."""
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
        Its name, for messages.

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
        if marker == _QUANTISATION:
            steps |= quantisation(content, name)
        elif marker == _HUFFMAN:
            codes |= huffman(content, name)
        elif marker == _SCAN:
            scan = content
        elif marker in {0xC0, 0xC1}:
            identities, selectors = list(content[6:15:3]), list(content[8:15:3])
    # A scan names its three colours in the order of the header, and the two tables of each.
    if len(scan) < 7 or list(scan[1:7:2]) != identities or len(set(identities)) < 3:
        raise damaged(name, "colours of the scan are not those of the picture")
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


def _intervals(data: bytes, start: int) -> Iterator[tuple[int, int]]:
    """Yield where the coded data between markers start and end."""
    for mark in _MARK.finditer(data, start):
        yield start, mark.start()
        if mark[1][0] & 0xF8 != 0xD0:
            return
        start = mark.end()


def read_units(coded: Coded, units: NDArray[np.int64], name: str) -> Blocks:
    """Return the coefficients of some units.

    Parameters
    ----------
    coded
        The file.
    units
        Their numbers, row by row from 0 at the top left; sorted, none twice.
    name
        The file's name, for messages.

    Raises
    ------
    DecodeError
        If the coded data of an interval that holds one of them are damaged.
    """
    parts = [walk_interval(coded, number, inside, name).blocks for number, inside in by_interval(coded, units)]
    return np.concatenate([np.zeros((0, len(coded.components), 64), np.int32), *parts])[:, :, np.argsort(ZIGZAG)]


def by_interval(coded: Coded, units: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Yield the intervals that hold some of the units, and those units."""
    numbers, starts = np.unique(units // coded.per_interval, return_index=True)
    yield from zip(numbers.tolist(), np.split(units, starts[1:]), strict=True) if numbers.size else ()


@dataclass(frozen=True)
class Walk:
    """What is found in the coded data of an interval.

    Parameters
    ----------
    coded
        Their bytes, without those that only tell them from markers, and some more at the end.
    places
        Of each unit, and of the end, the first bit and the DC coefficients of the three colours before it.
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
        Which interval.

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


@compiled
def _peek(data: NDArray[np.uint8], bit: int) -> int:
    """Return the 16 bits that start at one."""
    byte = bit >> 3
    three = np.int64(data[byte]) << 16 | np.int64(data[byte + 1]) << 8 | np.int64(data[byte + 2])
    return int(three >> (8 - (bit & 7))) & 0xFFFF


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
