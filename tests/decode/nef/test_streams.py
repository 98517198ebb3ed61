"""Strips read at four places at once give what the simple loop gives, in values and in refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from sensormap.correct.nef_packing import pack
from sensormap.decode.nef import streams
from sensormap.decode.nef import strip as strip_module
from sensormap.decode.nef.codes import LOSSLESS, LOSSLESS_14, LOSSY, LOSSY_14, PrefixCode, symbols_of
from sensormap.decode.nef.streams import NOT_READ, can_be_cut, lookup_of, read_at_once, room_for
from sensormap.decode.nef.strip import StripCoding, read_values, unpack
from sensormap.errors import DecodeError

CODES = [LOSSY, LOSSLESS, LOSSY_14, LOSSLESS_14]
SHAPES = [(260, 250), (1, 65_000), (65_000, 1), (21_000, 3), (130, 501)]  # the smallest that are cut, and odd ones


def mosaic_of(seed: int, shape: tuple[int, int], code: PrefixCode, spread: float = 20) -> NDArray[np.uint16]:
    """Return indices of a noisy slope."""
    rng = np.random.default_rng(seed)
    most = code.most_levels
    slope = np.linspace(most / 4, most / 2, shape[0] * shape[1]).reshape(shape)
    return np.clip(rng.normal(slope, spread), 0, most - 1).astype(np.uint16)


def coding_of(code: PrefixCode, levels: int | None = None) -> StripCoding:
    count = levels or code.most_levels
    return StripCoding(code, (5, 900, 700, 60), (np.arange(count) * (65_535 // count)).astype(np.uint16))


def outcomes(strip: bytes, shape: tuple[int, int], coding: StripCoding) -> tuple[object, object, object]:
    """Return what the simple loop, `unpack` and `read_values` make of a strip: values and bits, or the refusal."""

    def in_order() -> tuple[bytes, bytes, int]:
        found = strip_module._unpack_in_order(strip, shape, coding, "a.nef")
        return found.values.tobytes(), found.indices.tobytes(), found.bits

    def at_once() -> tuple[bytes, bytes, int]:
        found = unpack(strip, shape, coding, "a.nef")
        return found.values.tobytes(), found.indices.tobytes(), found.bits

    def values() -> tuple[bytes, int]:
        found, bits = read_values(memoryview(strip), shape, coding, "a.nef")
        return found.tobytes(), bits

    results: list[object] = []
    for read in (in_order, at_once, values):
        try:
            results.append(read())
        except DecodeError as error:
            results.append(str(error))
    return results[0], results[1], results[2]


def assert_alike(strip: bytes, shape: tuple[int, int], coding: StripCoding) -> bool:
    """Compare the three; tell whether the strip was read."""
    one, other, values = outcomes(strip, shape, coding)
    assert one == other
    assert values == ((one[0], one[2]) if isinstance(one, tuple) else one)
    return isinstance(one, tuple)


@pytest.fixture
def only_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strip_module, "_unpack_in_order", lambda *_: pytest.fail("read in order"))


@pytest.mark.usefixtures("only_at_once")
@pytest.mark.parametrize("code", CODES, ids=range(4))
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("spread", [3, 40, 300])
def test_strips_are_read_at_once(code: PrefixCode, shape: tuple[int, int], spread: float) -> None:
    indices = mosaic_of(1, shape, code, spread)
    coding = coding_of(code)
    strip, bits = pack(indices, coding)
    assert can_be_cut(8 * len(strip))
    for behind in (b"", b"\0" * 99, b"\xff" * 99):
        found = unpack(strip + behind, shape, coding, "a.nef")
        assert_array_equal(found.indices, indices)
        assert_array_equal(found.values, coding.levels[indices])
        assert found.bits == bits
        values, same = read_values(strip + behind, shape, coding, "a.nef")
        assert_array_equal(values, coding.levels[indices])
        assert same == bits


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 999), st.integers(1, 300), st.integers(1, 300), st.sampled_from(CODES), st.floats(0, 2000))
def test_strips_of_any_size_are_read_as_by_the_simple_loop(
    seed: int, height: int, width: int, code: PrefixCode, spread: float
) -> None:
    indices, coding = mosaic_of(seed, (height, width), code, spread), coding_of(code)
    strip, _ = pack(indices, coding)
    assert assert_alike(strip, (height, width), coding)
    assert_array_equal(unpack(strip, (height, width), coding, "a.nef").indices, indices)


@settings(deadline=None, max_examples=150)
@given(
    st.sampled_from(CODES),
    st.sampled_from(SHAPES),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), min_size=1, max_size=4),
    st.sampled_from([0, 0, 0, 1, 40, 5000]),
    st.sampled_from([None, None, 3000]),
)
def test_damage_has_the_same_result_or_refusal(
    code: PrefixCode, shape: tuple[int, int], flips: list[tuple[float, int]], cut: int, levels: int | None
) -> None:
    whole = coding_of(code)
    strip = bytearray(pack(mosaic_of(2, shape, code), whole)[0])
    for place, bits in flips:
        strip[int(place * len(strip))] ^= bits
    assert_alike(bytes(strip[: len(strip) - cut]), shape, coding_of(code, levels))


@pytest.mark.parametrize("code", CODES, ids=range(4))
@pytest.mark.parametrize("seed", range(6))
def test_bits_at_random_fare_alike(code: PrefixCode, seed: int) -> None:
    strip = np.random.default_rng(seed).bytes(70_000)
    assert_alike(strip, (200, 200), coding_of(code))


@pytest.mark.parametrize("code", CODES, ids=range(4))
@pytest.mark.parametrize("byte", [0x00, 0xFF, 0x55, 0x92])
def test_periodic_bits_whose_streams_may_never_meet_fare_alike(code: PrefixCode, byte: int) -> None:
    assert_alike(bytes([byte]) * 70_000, (250, 250), coding_of(code))


def test_a_strip_whose_streams_do_not_meet_is_read_in_order() -> None:
    """All symbols alike, of seven bits: a stream that begins elsewhere than at one of them never falls into step."""
    coding = coding_of(LOSSY)
    shape = (2, 40_000)
    indices = np.tile(np.repeat(np.array([700, 731], np.uint16), 2), 20_000).reshape(shape)
    strip, bits = pack(indices, coding)
    data = np.frombuffer(strip, np.uint8)
    memory = np.empty(room_for(8 * len(strip), LOSSY.shortest, indices.size), np.uint16)
    found, _ = read_at_once(data, lookup_of(symbols_of(LOSSY)), indices.size, memory)
    assert found in {NOT_READ, bits}
    assert assert_alike(strip, shape, coding)


def test_what_lies_behind_a_strip_takes_no_memory() -> None:
    coding = coding_of(LOSSY)
    strip, bits = pack(mosaic_of(3, (40, 60), LOSSY), coding)
    assert unpack(strip + bytes(10_000_000), (40, 60), coding, "a.nef").bits == bits


def test_a_stream_that_never_begins_leaves_no_places_to_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bits that begin no code, after a first piece that is sound: what memory held before must not be taken for it."""
    shape = (200, 400)
    coding = coding_of(LOSSY)
    strip, _ = pack(mosaic_of(5, shape, LOSSY), coding)
    full = np.full
    monkeypatch.setattr(streams.np, "empty", lambda shape, dtype=float: full(shape, np.iinfo(dtype).max, dtype))
    for piece in range(1, 4):
        first = len(strip) * piece // 4
        damaged = strip[: first - 16] + b"\xff" * (len(strip) // 4 + 16) + strip[first + len(strip) // 4 :]
        assert not assert_alike(damaged, shape, coding)
