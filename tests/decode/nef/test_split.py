"""Strips whose code changes at a row: every value is LibRaw's, by the simple loop and by streams."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from fixtures.files.nef import NefMeta, nef_bytes
from fixtures.files.split import AFTER, SplitCoding
from sensormap.decode.libraw import open_raw, raw_values
from sensormap.decode.nef import strip as strip_module
from sensormap.decode.nef.codes import LOSSY_14_AFTER, LOSSY_AFTER, PrefixCode, difference_of, symbols_of
from sensormap.decode.nef.file import RawStrip, find_strip, strip_coding
from sensormap.decode.nef.frame import read_nef_frame
from sensormap.decode.nef.strip import StripCoding, read_values, unpack
from sensormap.decode.quiet import native_stderr_silenced
from sensormap.decode.reading import open_geometry, read_frame
from sensormap.errors import DecodeError, SensorMapError
from sensormap.photos.exif import read_photo
from sensormap.settings import DECODERS
from tests.decode.test_reading import own_profile

SHAPE = (240, 256)  # large enough for pieces before and after a split in the middle
VERSIONS = [b"\x44\x20", b"\x44\x40"]


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with native_stderr_silenced():
        yield


def mosaic_of(bits: int, *, jumps: bool = False, shape: tuple[int, int] = SHAPE) -> NDArray[np.uint16]:
    """Return noise on a slope, or jumps over the whole range, whose differences lead a reader beyond the table."""
    rng, top = np.random.default_rng(bits), (1 << bits) - 1
    slope = np.linspace(0.02, 0.9, shape[1])
    values = rng.choice([0, 0.04, 0.9, 1], shape) if jumps else rng.normal(slope, 0.02, shape)
    return (values * top).clip(0, top).astype(np.uint16)


def taken_apart(data: bytes) -> tuple[bytes, RawStrip, StripCoding]:
    raw = find_strip(data, "a.nef")
    assert raw is not None
    coding = strip_coding(raw, "a.nef")
    assert coding is not None
    return data[raw.offset : raw.offset + raw.length], raw, coding


@cache
def stored(bits: int, row: int) -> tuple[bytes, StripCoding]:
    strip, _, coding = taken_apart(nef_bytes(mosaic_of(bits), split=SplitCoding(bits, row)))
    return strip, coding


@pytest.mark.parametrize("jumps", [False, True])
@pytest.mark.parametrize("row", [0, 1, 2, 77, 238, 239, 240, 4000])
@pytest.mark.parametrize("bits", [12, 14])
@pytest.mark.parametrize("version", VERSIONS)
def test_every_value_is_libraws(version: bytes, bits: int, row: int, jumps: bool) -> None:
    split, mosaic = SplitCoding(bits, row, version), mosaic_of(bits, jumps=jumps)
    data = nef_bytes(mosaic, split=split)
    strip, raw, coding = taken_apart(data)
    assert (raw.bits, raw.compression, coding.split) == (bits, 4, row)
    values, used = read_values(strip, SHAPE, coding, "a.nef")
    in_order = strip_module._unpack_in_order(strip, SHAPE, coding, "a.nef")
    assert_array_equal(values, split.store(mosaic)[1])
    assert_array_equal(values, in_order.values)
    assert_array_equal(unpack(strip, SHAPE, coding, "a.nef").indices, in_order.indices)
    assert used == in_order.bits
    with open_raw(data, "a.nef") as file:
        assert_array_equal(raw_values(file)[: file.sizes.height], values[: file.sizes.height])
        assert file.sizes.height == SHAPE[0] - 3
    if jumps and 0 < row < 77:
        assert in_order.indices.min() < coding.margin
        assert in_order.indices.max() >= len(coding.levels) - coding.margin


@pytest.mark.parametrize("row", [0, 3, 60, 120, 200, 237])
@pytest.mark.parametrize("bits", [12, 14])
def test_streams_are_used_on_either_side(bits: int, row: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strip_module, "_unpack_in_order", lambda *_: pytest.fail("read in order"))
    split, mosaic = SplitCoding(bits, row), mosaic_of(bits, shape=(480, 256))
    strip, _, coding = taken_apart(nef_bytes(mosaic, split=split))
    for behind in (b"", bytes(99), b"\xff" * 99):
        values, _ = read_values(strip + behind, mosaic.shape, coding, "a.nef")
        assert_array_equal(values, split.store(mosaic)[1])


@pytest.mark.parametrize(("code", "bits"), [(LOSSY_AFTER, 12), (LOSSY_14_AFTER, 14)])
def test_the_codes_say_which_bits_are_left_out(code: PrefixCode, bits: int) -> None:
    assert code.counts == AFTER[bits][0]
    assert [symbol.dropped << 4 | symbol.size for symbol in symbols_of(code)] == list(AFTER[bits][1])
    assert {symbol.length + symbol.written for symbol in symbols_of(code)[:11]} == {code.shortest}
    found = {int(one) for s in symbols_of(code) for one in difference_of(np.arange(1 << s.written), s.size, s.dropped)}
    assert found == {-one for one in found}
    assert max(np.diff(sorted(found))) == 32  # so that no value is further than the margin from one that is found


@settings(deadline=None, max_examples=50)
@given(
    st.sampled_from([12, 14]),
    st.sampled_from([1, 40, 150, 239]),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), max_size=4),
    st.sampled_from([0, 0, 1, 40, 5000]),
)
def test_damage_has_the_same_result_or_refusal(
    bits: int, row: int, flips: list[tuple[float, int]], cut: int
) -> None:
    whole, coding = stored(bits, row)
    strip = bytearray(whole)
    for place, flip in flips:
        strip[int(place * len(strip))] ^= flip
    results = []
    for read in (strip_module._unpack_in_order, unpack):
        try:
            found = read(bytes(strip[: len(strip) - cut]), SHAPE, coding, "a.nef")
            results.append((found.values.tobytes(), found.indices.tobytes(), found.bits))
        except DecodeError as error:
            results.append(str(error))
    assert results[0] == results[1]


@pytest.mark.parametrize(
    ("row", "strip", "message"),
    [
        (1, b"\xff" * 400, "a code that there is not at x 0, y 0"),
        (1, b"\x00" * 400, "an index outside the table of 689 levels at x 8, y 0"),  # before the split: no margin
        (2, b"\x00" * 10, "too short for 9 x 9"),
    ],
)
def test_refusals_are_in_the_same_words(row: int, strip: bytes, message: str) -> None:
    _, _, coding = taken_apart(nef_bytes(mosaic_of(12), split=SplitCoding(12, row)))
    with pytest.raises(DecodeError, match=f"a.nef: .*{message}"):
        unpack(strip, (9, 9), coding, "a.nef")


def test_rows_after_a_split_may_leave_the_table_by_a_margin_only() -> None:
    _, _, coding = taken_apart(nef_bytes(mosaic_of(12), split=SplitCoding(12, 1)))
    first = "11110" * 9  # differences of 0, from index 128
    down = "0" + "0" * 7  # code 00, and the lowest six bits: -508
    strip = int((first + down).ljust(4000, "0"), 2).to_bytes(500)
    with pytest.raises(DecodeError, match="an index outside the table of 721 levels at x 0, y 1"):
        unpack(strip, (2, 9), coding, "a.nef")


def changed(data: bytes, at: int, new: bytes) -> bytes:
    """Return a file with other bytes in tag 0x0096."""
    start = data.index(b"\x44\x20\0\x80\0\x80") + at
    return data[:start] + new + data[start + len(new) :]


GOOD = nef_bytes(mosaic_of(12), NefMeta(serial="7"), split=SplitCoding(12, 50))


@pytest.mark.parametrize("bits", [12, 14])
@pytest.mark.parametrize("row", [0, 9, 130])
def test_frames_are_those_of_libraw(tmp_path: Path, bits: int, row: int) -> None:
    path = tmp_path / "x.nef"
    path.write_bytes(nef_bytes(mosaic_of(bits), NefMeta(serial="7"), split=SplitCoding(bits, row)))
    profile = open_geometry(path, own_profile(raw_size=SHAPE[::-1], bits=bits, saturation=(1 << bits) - 1))
    one, other = (read_frame(read_photo(path), profile, decoder=decoder) for decoder in DECODERS)
    assert (one.by_own_decoder, other.by_own_decoder) == (True, False)
    area = profile.active_area.slices
    assert_array_equal(one.mosaic[area], other.mosaic[area])
    assert (one.floor, one.saturation, one.digest) == (other.floor, other.saturation, other.digest)


@pytest.mark.parametrize(
    "data",
    [
        changed(GOOD, 10, struct.pack(">H", 0)),
        changed(GOOD, 10, struct.pack(">H", 1)),
        changed(GOOD, 10, struct.pack(">H", 256)),
        changed(GOOD, 10, struct.pack(">H", 1025)),
        changed(GOOD, 12 + 2 * 200, struct.pack(">H", 7)),
        changed(GOOD, 12, np.arange(0, 257 * 15, 15).astype(">u2").tobytes()),
        changed(GOOD, 2, b"\xff\xff"),
    ],
    ids=["no knots", "one knot", "odd step", "knots over the split", "falling", "no flat end", "start"],
)
def test_what_readers_may_differ_on_is_for_libraw(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.nef"
    path.write_bytes(GOOD)
    profile = open_geometry(path, own_profile(raw_size=SHAPE[::-1], saturation=4095))
    assert read_nef_frame(GOOD, profile, "x.nef") is not None
    assert read_nef_frame(data, profile, "x.nef") is None
    path.write_bytes(data)
    outcomes = []
    for decoder in DECODERS:
        try:
            frame = read_frame(read_photo(path), profile, decoder=decoder)
            outcomes.append((frame.mosaic[profile.active_area.slices].tobytes(), frame.by_own_decoder))
        except SensorMapError as error:
            outcomes.append(str(error))
    assert outcomes[0] == outcomes[1]
