"""Frames of SER videos: bits, order of bytes, filters."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from fixtures.files.fits import ser_bytes
from sensormap.decode.astro.ser_frame import read_ser_frame, ser_geometry
from sensormap.decode.reading import open_geometry, read_frame
from sensormap.errors import DecodeError, FrameMismatchError, ProfileError
from sensormap.frame import VideoFrame
from sensormap.photos.exif import read_photo

RNG = np.random.default_rng(9)
SMOOTH = (np.add.outer(np.arange(30), np.arange(40)) * 300 + RNG.integers(0, 90, (30, 40))).astype(np.uint16)


@pytest.mark.parametrize(
    ("bits", "values", "saturation"),
    [(8, SMOOTH >> 8, 255), (12, SMOOTH >> 4, 4095), (12, SMOOTH, 65_535), (16, SMOOTH, 65_535)],
)
@pytest.mark.parametrize("big_endian", [False, True])
def test_values(bits, values, saturation, big_endian):
    found = read_ser_frame(ser_bytes([values], bits=bits, big_endian=big_endian), None, "a.ser#0000")
    assert_array_equal(found.mosaic, values)
    assert (found.floor, found.saturation) == (0, saturation)


@pytest.mark.parametrize("flag", [0, 1])
@pytest.mark.parametrize("big_endian", [False, True])
@pytest.mark.parametrize("values", [SMOOTH, SMOOTH >> 4, RNG.normal(900, 9, (30, 40)).astype(np.uint16)])
def test_values_tell_the_order_of_bytes_and_not_the_flag(values, big_endian, flag):
    data = bytearray(ser_bytes([values], bits=12, big_endian=big_endian))
    data[22] = flag
    assert_array_equal(read_ser_frame(bytes(data), None, "a.ser#0000").mosaic, values)


@pytest.mark.parametrize("flag", [0, 1])
def test_where_one_byte_is_always_0(flag):
    data = bytearray(ser_bytes([SMOOTH & 0xFF00], bits=16))  # 8 bits in the higher byte
    dim = bytearray(ser_bytes([SMOOTH >> 8], bits=12, big_endian=True))
    data[22] = dim[22] = flag
    assert_array_equal(read_ser_frame(bytes(data), None, "a.ser#0000").mosaic, SMOOTH & 0xFF00)
    assert_array_equal(read_ser_frame(bytes(dim), None, "a.ser#0000").mosaic, SMOOTH >> 8)


@pytest.mark.parametrize(
    ("colour", "filters"), [(0, "mono"), (8, "RGGB"), (9, "GRBG"), (10, "GBRG"), (11, "BGGR")]
)
def test_filters(colour, filters, tmp_path):
    path = tmp_path / "a.ser"
    path.write_bytes(ser_bytes([SMOOTH, SMOOTH + 1], colour=colour, camera="QHY5"))
    frame = VideoFrame(path, 1)
    geometry = open_geometry(frame, None)
    assert (geometry.cfa.name, geometry.model, geometry.raw_size) == (filters, "QHY5", (40, 30))
    assert_array_equal(read_frame(read_photo(frame), geometry).mosaic, SMOOTH + 1)


@pytest.mark.parametrize(("colour", "name"), [(16, "CYYM"), (100, "RGB"), (101, "BGR"), (77, "colour 77")])
def test_what_is_no_mosaic_is_refused_by_its_name(colour, name):
    with pytest.raises(DecodeError, match=rf"^a\.ser#0000: {name} values"):
        ser_geometry(ser_bytes([np.repeat(SMOOTH, 3, axis=0)], colour=colour), None, "a.ser#0000")


def test_other_sizes_and_filters_are_refused():
    known = ser_geometry(ser_bytes([SMOOTH], colour=8), None, "a.ser#0000")
    with pytest.raises(FrameMismatchError):
        read_ser_frame(ser_bytes([SMOOTH[:-2]], colour=8), known, "a.ser#0000")
    with pytest.raises(ProfileError, match="filters mono"):
        read_ser_frame(ser_bytes([SMOOTH]), known, "a.ser#0000")
    with pytest.raises(FrameMismatchError, match="values of 8 bits, expected 16, those of the run"):
        read_ser_frame(ser_bytes([SMOOTH >> 8], colour=8, bits=8), known, "a.ser#0000")
    with pytest.raises(DecodeError, match="truncated"):
        read_ser_frame(ser_bytes([SMOOTH])[:-1], None, "a.ser#0000")
