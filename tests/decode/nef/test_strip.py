"""Strips unpack and pack as a slow reference does, and what is unpacked packs to the same bits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from fixtures.files import huffman
from sensormap.correct.nef_packing import nearest_indices, pack
from sensormap.decode.nef.codes import LOSSLESS, LOSSLESS_14, LOSSY, LOSSY_14, PrefixCode
from sensormap.decode.nef.strip import StripCoding, unpack
from sensormap.errors import DecodeError

# The codes in full, in the order of the difference's size in bits.
WORDS = {
    LOSSY: (
        *("11110", "1110", "101", "011", "010", "00", "100"),
        *("110", "111110", "1111110", "111111110", "11111110", "1111111110"),
    ),
    LOSSLESS: (
        *("11110", "11100", "1100", "100", "010", "00", "011"),
        *("101", "1101", "11101", "111110", "1111110", "1111111"),
    ),
    LOSSY_14: (
        *("111110", "11110", "1110", "1100", "011", "00", "010", "100"),
        *("101", "1101", "1111110", "11111110", "111111110", "1111111110", "1111111111"),
    ),
    LOSSLESS_14: (
        *("111110", "1111110", "111101", "11100", "1100", "100", "010", "00"),
        *("011", "101", "1101", "11101", "111100", "11111110", "11111111"),
    ),
}
IDENTITY = np.arange(LOSSY_14.most_levels, dtype=np.uint16)
STARTS = (128, 128, 128, 128)


def predicted(indices: NDArray[np.uint16], row: int, col: int, starts: tuple[int, ...]) -> int:
    if col >= 2:
        return int(indices[row, col - 2])
    return int(indices[row - 2, col]) if row >= 2 else starts[2 * row + col]


def pack_slowly(indices: NDArray[np.uint16], coding: StripCoding) -> str:
    """Return the bits as a text of 0 and 1."""
    bits = ""
    for row, col in np.ndindex(*indices.shape):
        difference = int(indices[row, col]) - predicted(indices, row, col, coding.starts)
        size = abs(difference).bit_length()
        bits += WORDS[coding.code][size]
        if size:
            bits += f"{difference if difference > 0 else difference + 2**size - 1:0{size}b}"
    return bits


def unpack_slowly(bits: str, shape: tuple[int, int], coding: StripCoding) -> NDArray[np.uint16]:
    indices = np.zeros(shape, np.uint16)
    at = 0
    for row, col in np.ndindex(*shape):
        size = next(size for size, word in enumerate(WORDS[coding.code]) if bits.startswith(word, at))
        at += len(WORDS[coding.code][size])
        raw = int(bits[at : at + size] or "0", 2)
        at += size
        difference = raw if size == 0 or raw >= 2 ** (size - 1) else raw - 2**size + 1
        indices[row, col] = predicted(indices, row, col, coding.starts) + difference
    return indices


def text_of(strip: bytes) -> str:
    return "".join(f"{byte:08b}" for byte in strip)


@st.composite
def mosaics(draw: st.DrawFn) -> tuple[NDArray[np.uint16], StripCoding]:
    """Draw small mosaics of all sizes, of small and of the largest differences."""
    code = draw(st.sampled_from(list(WORDS)))
    highest = draw(st.sampled_from([1, 40, 682, code.most_levels - 1]))
    index = st.integers(0, highest)
    height, width = draw(st.integers(1, 6)), draw(st.integers(1, 9))
    flat = draw(st.lists(index, min_size=height * width, max_size=height * width))
    starts = draw(st.tuples(index, index, index, index))
    levels = IDENTITY[: max(highest + 1, 2)] * 2
    return np.array(flat, np.uint16).reshape(height, width), StripCoding(code, starts, levels)


@given(mosaics(), st.binary(max_size=9))
def test_strips_equal_the_slow_reference_and_go_round(
    drawn: tuple[NDArray[np.uint16], StripCoding], behind: bytes
) -> None:
    indices, coding = drawn
    strip, bits = pack(indices, coding)
    slow = pack_slowly(indices, coding)
    assert text_of(strip) == slow.ljust(-(-bits // 8) * 8, "0")
    assert bits == len(slow)
    found = unpack(strip + behind, (indices.shape[0], indices.shape[1]), coding, "a.nef")
    np.testing.assert_array_equal(found.indices, indices)
    np.testing.assert_array_equal(found.values, 2 * indices)
    np.testing.assert_array_equal(unpack_slowly(slow, found.indices.shape, coding), indices)
    assert found.bits == bits


@pytest.mark.parametrize("code", list(WORDS))
def test_every_difference_there_is_goes_round(code: PrefixCode) -> None:
    """Each difference, up to 4095 or 16383 on either side, is one step of a zigzag that grows."""
    most = code.most_levels
    steps = np.arange(most)
    zigzag = np.stack([(most - 1 - steps) // 2, (most + steps) // 2], axis=1).astype(np.uint16)
    mosaic = np.repeat(zigzag.reshape(1, -1), 2, axis=1)  # both columns of a pair alike
    coding = StripCoding(code, STARTS, IDENTITY)
    strip, bits = pack(mosaic, coding)
    assert text_of(strip)[:bits] == pack_slowly(mosaic, coding)
    np.testing.assert_array_equal(unpack(strip, (1, mosaic.size), coding, "a.nef").indices, mosaic)


def test_a_mosaic_packs_as_the_generator_of_the_fixtures_does() -> None:
    mosaic = np.random.default_rng(3).normal(300, 40, (60, 88)).astype(np.uint16)
    assert pack(mosaic, StripCoding(LOSSY, STARTS, IDENTITY[:683]))[0] == huffman.pack(mosaic, start=128)


LOSSY_683 = StripCoding(LOSSY, STARTS, IDENTITY[:683])
UPWARDS = int("0011111" * 64, 2).to_bytes(56)  # each difference is 31


@pytest.mark.parametrize(
    ("strip", "shape", "message"),
    [
        (b"", (4, 4), "strip of 0 bytes, too short for 4 x 4"),
        (b"\xf7" * 9, (4, 4), "strip of 9 bytes, too short"),
        (b"\xf7\xbd\xef", (1, 6), "strip of 3 bytes, too short"),
        (b"\0" * 4, (1, 6), "the end of the strip at x 5, y 0"),  # 7 bits each, of which 2 are the code
        (b"\0" * 9, (10**6, 10**6), "raw grid of 1000000 x 1000000"),
        (b"", (0, 6), "raw grid of 6 x 0"),
        (b"\xf7" + b"\xff" * 8, (1, 6), "a code that there is not at x 1, y 0"),
        (b"\0" * 99, (9, 9), "an index outside the table of 683 levels at x 8, y 0"),  # each -31
        (UPWARDS, (1, 40), "an index outside the table of 683 levels at x 34, y 0"),
    ],
    ids=range(9),
)
def test_damaged_strips_are_refused(strip: bytes, shape: tuple[int, int], message: str) -> None:
    with pytest.raises(DecodeError, match=rf"^a\.nef: .*{message}"):
        unpack(strip, shape, LOSSY_683, "a.nef")


@given(st.binary(min_size=30, max_size=120), st.sampled_from(list(WORDS)))
def test_any_bits_unpack_as_the_reference_does_or_are_refused(strip: bytes, code: PrefixCode) -> None:
    coding = StripCoding(code, STARTS, IDENTITY[:683])
    try:
        found = unpack(strip, (5, 7), coding, "a.nef")
    except DecodeError:
        return
    again, bits = pack(found.indices, coding)
    assert text_of(again)[:bits] == text_of(strip)[:bits]
    np.testing.assert_array_equal(unpack_slowly(text_of(strip), (5, 7), coding), found.indices)


@given(st.lists(st.integers(0, 60), min_size=2, max_size=9).map(sorted), st.floats(-5, 70))
def test_the_nearest_level_is_taken_and_the_lower_in_a_tie(levels: list[int], value: float) -> None:
    index = int(nearest_indices(np.array([value]), np.array(levels, np.uint16))[0])
    assert index == min(range(len(levels)), key=lambda i: (abs(levels[i] - value), levels[i], i))
