"""Decoding: every photosite arrives, black leaves per plane, and what cannot be used is refused with its reason."""

from __future__ import annotations

import contextlib
import gc
import hashlib
import io
import logging
import os
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fixtures.camera.curve import quantise
from fixtures.files import tiff
from fixtures.files.nef import NefMeta, nef_bytes
from sensormap.camera.cfa import BAYER_NAMES, Cfa
from sensormap.camera.geometry import Rect
from sensormap.camera.profile import Profile
from sensormap.decode import reading
from sensormap.decode.libraw import usable_area
from sensormap.decode.mosaic import Decoded, subtract_black
from sensormap.decode.quiet import native_stderr_silenced
from sensormap.decode.reading import open_geometry, read_frame
from sensormap.errors import DecodeError, FrameMismatchError, ProfileError
from sensormap.photos.exif import read_photo
from sensormap.photos.files import check_photosites, is_jpeg_name, is_photo_name
from tests.support.folders import SHARED
from tests.support.photos import nef

DATA = SHARED
SHAPE = (128, 192)
ODD_6X6 = "GGRGGBGGBGGRBRGRBGGGBGGRGGRGGBRBGBRR"  # but for its last filter X-Trans


def random_mosaic(seed: int, shape: tuple[int, int] = SHAPE, high: int = 3800) -> NDArray[np.uint16]:
    return np.random.default_rng(seed).integers(1, high, shape).astype(np.uint16)


def own_profile(**changes: Any) -> Profile:
    """Return a profile of the small NEFs of these tests."""
    profile = Profile(
        name="own",
        make="NIKON CORPORATION",
        model="NIKON D80",
        raw_size=(SHAPE[1], SHAPE[0]),
        active_area=Rect(1, 3, 180, 120),
        jpeg_crop=None,
        cfa=Cfa("GBRG"),
        black_level=(0, 0, 0, 0),
        saturation=3880,
        bits=12,
        suppression_from_s=None,
    )
    return replace(profile, **changes)


def dng_bytes(
    mosaic: NDArray[np.uint16],
    cfa: str,
    *,
    area: Rect | None = None,
    black: tuple[int, ...] = (0, 0, 0, 0),
    crop: Rect | None = None,
    photometric: int = 32803,
) -> bytes:
    """Return an uncompressed DNG; `cfa`, `black` and `crop` count from the corner of `area`."""
    height, width = mosaic.shape
    area = area or Rect(0, 0, width, height)
    side = {4: 2, 9: 3, 16: 4, 36: 6}[len(cfa)]
    matrix = struct.pack(">18i", *(part for one in (1, 0, 0, 0, 1, 0, 0, 0, 1) for part in (one, 1)))
    fields = [
        tiff.long(0x00FE, 0), tiff.long(0x0100, width), tiff.long(0x0101, height), tiff.short(0x0102, 16),
        tiff.short(0x0103, 1), tiff.short(0x0106, photometric), tiff.text(0x010F, "ACME"), tiff.text(0x0110, "One"),
        tiff.short(0x0115, 1), tiff.long(0x0116, height), tiff.long(0x0117, 2 * mosaic.size),
        tiff.short(0x828D, side, side), tiff.octets(0x828E, bytes("RGB".index(letter) for letter in cfa)),
        tiff.octets(50706, b"\1\4\0\0"), tiff.text(50708, "ACME One"),
        tiff.short(50713, 2, 2), tiff.short(50714, *black), tiff.long(50717, 4095), tiff.Field(50721, 10, 9, matrix),
        tiff.long(50829, area.y, area.x, area.y + area.height, area.x + area.width),
    ]  # fmt: skip
    if crop is not None:
        fields += [tiff.long(50719, crop.x, crop.y), tiff.long(50720, crop.width, crop.height)]
    start = -(-len(tiff.HEADER + tiff.directory([*fields, tiff.long(0x0111, 0)], 8)) // 16) * 16
    header = tiff.HEADER + tiff.directory([*fields, tiff.long(0x0111, start)], 8)
    return header.ljust(start, b"\0") + mosaic.astype(">u2").tobytes()


def png_bytes(values: NDArray[Any]) -> bytes:
    return bytes(iio.imwrite("<bytes>", values, extension=".png", plugin="pillow"))


def jpeg_bytes() -> bytes:
    return bytes(iio.imwrite("<bytes>", np.zeros((64, 96, 3), np.uint8), extension=".jpg"))


def tiff_bytes(values: NDArray[Any], **options: Any) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, values, **options)
    return buffer.getvalue()


def tiff_bomb() -> bytes:
    """Return an image whose only strip holds a hundred times as much as the image."""
    buffer = io.BytesIO(tiff_bytes(np.zeros((12_800, 192), np.uint16), compression="zlib", rowsperstrip=12_800))
    with tifffile.TiffFile(buffer) as tiff:
        for name in ("ImageLength", "RowsPerStrip"):
            tiff.pages.first.tags[name].overwrite(SHAPE[0])
    return buffer.getvalue()


def written(tmp_path: Path, data: bytes, name: str = "x.nef") -> Path:
    path = tmp_path / name
    path.write_bytes(data)
    return path


def needs(path: Path) -> Path:
    """Skip where a file outside the repository is absent."""
    if not path.exists():
        pytest.skip(f"{path.name} is not at hand")
    return path


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    with native_stderr_silenced():
        yield


# --- frames -----------------------------------------------------------------------------------------------------------


def test_nef_with_profile(tmp_path: Path) -> None:
    mosaic = random_mosaic(1)
    path = written(tmp_path, nef_bytes(mosaic, NefMeta(serial="7")))
    profile = open_geometry(path, own_profile())
    photo = read_photo(path)
    frame = read_frame(photo, profile)
    np.testing.assert_array_equal(frame.mosaic[3:123, 1:181], quantise(mosaic)[3:123, 1:181])
    assert (frame.mosaic.dtype, frame.mosaic.shape) == (np.int16, SHAPE)
    assert (frame.photo, frame.saturation) == (photo, 3880)
    assert frame.digest == hashlib.sha256(path.read_bytes()).hexdigest()


def test_nef_without_profile(tmp_path: Path) -> None:
    mosaic = random_mosaic(2)
    path = written(tmp_path, nef_bytes(mosaic))
    profile = open_geometry(path, None)
    assert (profile.name, profile.raw_size, profile.cfa) == ("libraw", (192, 128), Cfa("GBRG"))
    assert (profile.black_level, profile.saturation, profile.bits, profile.jpeg_crop) == (None, 4095, 12, None)
    for given_profile in (None, profile):
        frame = read_frame(read_photo(path), given_profile)
        area = profile.active_area.slices
        np.testing.assert_array_equal(frame.mosaic[area], quantise(mosaic)[area])


def test_active_area_stops_where_libraw_stops(tmp_path: Path) -> None:
    # LibRaw does not decode the last three rows and four columns of this format: they hold what was in memory.
    path = written(tmp_path, nef_bytes(random_mosaic(3)))
    profile = open_geometry(path, own_profile(active_area=Rect(0, 0, 192, 128)))
    assert profile.active_area == Rect(0, 0, 188, 125)
    frames = [read_frame(read_photo(path), profile) for _ in range(4)]
    for frame in frames:
        np.testing.assert_array_equal(frame.mosaic[:125, :188], frames[0].mosaic[:125, :188])


def test_a_photo_that_shows_less_than_the_active_area_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, nef_bytes(random_mosaic(3)))
    message = r"^x.nef: 188 x 125 photosites of the active area are decoded, expected all 192 x 128$"
    with pytest.raises(FrameMismatchError, match=message):
        read_frame(read_photo(path), own_profile(active_area=Rect(0, 0, 192, 128)))


def test_a_mosaic_that_is_used_as_decoded_outlives_its_file(tmp_path: Path) -> None:
    mosaics = [random_mosaic(seed) for seed in range(20)]
    frames = [read_frame(read_photo(written(tmp_path, nef_bytes(mosaic))), own_profile()) for mosaic in mosaics]
    gc.collect()
    for frame, mosaic in zip(frames, mosaics, strict=True):
        np.testing.assert_array_equal(frame.mosaic[3:123, 1:181], quantise(mosaic)[3:123, 1:181])


def test_usable_area() -> None:
    assert usable_area(own_profile(), Rect(0, 0, 100, 110)) == Rect(1, 3, 99, 107)
    with pytest.raises(ProfileError, match=r"own: active_area .* lies outside what LibRaw decodes"):
        usable_area(own_profile(), Rect(185, 0, 5, 5))


def test_orientation_never_turns_a_mosaic(tmp_path: Path) -> None:
    mosaic = random_mosaic(4)
    upright = read_frame(read_photo(written(tmp_path, nef_bytes(mosaic))), own_profile())
    turned = read_frame(read_photo(written(tmp_path, nef_bytes(mosaic, NefMeta(orientation=6)))), own_profile())
    active = own_profile().active_area.slices
    np.testing.assert_array_equal(upright.mosaic[active], turned.mosaic[active])


def test_threads_decode_alike(tmp_path: Path) -> None:
    paths = [written(tmp_path, nef_bytes(random_mosaic(seed)), f"{seed}.nef") for seed in range(8)]
    photos = [read_photo(path) for path in paths] * 4
    alone = [read_frame(photo, own_profile()) for photo in photos]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda photo: read_frame(photo, own_profile()), photos))
    for one, other in zip(alone, together, strict=True):
        active = own_profile().active_area.slices
        np.testing.assert_array_equal(one.mosaic[active], other.mosaic[active])
        assert one.digest == other.digest


# --- filters and black ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("corner", [(0, 0), (1, 0), (0, 1), (5, 3), (4, 2)])
@pytest.mark.parametrize("name", BAYER_NAMES)
def test_filters_count_from_the_raw_corner(tmp_path: Path, name: str, corner: tuple[int, int]) -> None:
    cfa = Cfa(name)
    x, y = corner
    area = Rect(x, y, 80, 50)
    data = dng_bytes(random_mosaic(5, (64, 96)), cfa.shifted(x=x, y=y).name, area=area)
    profile = open_geometry(written(tmp_path, data, "x.dng"), None)
    assert profile.cfa == cfa
    assert (profile.active_area.width, profile.active_area.height) <= (80, 50)
    assert area.intersection(profile.active_area) == profile.active_area


@pytest.mark.parametrize("corner", [(0, 0), (4, 2), (6, 8)])
@pytest.mark.parametrize("name", BAYER_NAMES)
def test_black_of_each_plane(tmp_path: Path, name: str, corner: tuple[int, int]) -> None:
    area = Rect(*corner, 80, 50)
    values = np.full((64, 96), 1000, np.uint16)
    path = written(tmp_path, dng_bytes(values, name, area=area, black=(10, 20, 30, 40)), "x.dng")
    frame = read_frame(read_photo(path), None)
    np.testing.assert_array_equal(frame.mosaic[area.slices], np.tile([[990, 980], [970, 960]], (25, 40)))
    assert frame.saturation == 4095 - 40


def test_profile_overrides_black(tmp_path: Path) -> None:
    path = written(tmp_path, nef_bytes(np.full(SHAPE, 100, np.uint16)))
    frame = read_frame(read_photo(path), own_profile(black_level=(1, 2, 3, 200), active_area=Rect(1, 1, 4, 2)))
    assert frame.mosaic[1:3, 1:5].tolist() == [[-100, 97, -100, 97], [98, 99, 98, 99]]
    assert frame.saturation == 3680


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from([*BAYER_NAMES, "mono"]),
    st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(1, 7), st.integers(1, 7)),
    st.lists(st.integers(0, 60_000), min_size=4, max_size=4),
    st.sampled_from([12, 14, 15, 16]),
)
def test_black_law(name: str, box: tuple[int, int, int, int], levels: list[int], bits: int) -> None:
    cfa, area = Cfa(name), Rect(*box)
    values = np.random.default_rng(1).integers(0, 2**bits, (16, 16)).astype(np.uint16)
    black = tuple(levels[: len(cfa.planes)])
    mosaic = subtract_black(values, cfa, black, area=area, bits=bits)
    by_name = dict(zip((plane.name for plane in cfa.planes), black, strict=True))
    for y in range(area.y, area.y + area.height):
        for x in range(area.x, area.x + area.width):
            assert mosaic[y, x] == int(values[y, x]) - by_name[cfa.plane_name(x=x, y=y)]
    assert mosaic.dtype == (np.int16 if max(2**bits - 1, *black) <= 16_383 else np.int32)


def test_crop_of_the_file(tmp_path: Path) -> None:
    data = dng_bytes(random_mosaic(6, (64, 96)), "RGGB", area=Rect(4, 2, 80, 50), crop=Rect(6, 4, 70, 40))
    assert open_geometry(written(tmp_path, data, "x.dng"), None).jpeg_crop == Rect(10, 6, 70, 40)


def test_the_crop_of_a_file_counts_before_that_of_a_table(tmp_path: Path) -> None:
    data = dng_bytes(random_mosaic(6, (64, 96)), "RGGB", area=Rect(4, 2, 80, 50), crop=Rect(6, 4, 70, 40))
    path = written(tmp_path, data, "x.dng")
    known = replace(open_geometry(path, None), name="table", verified=False, saturation=99, bits=7)
    for crop in (None, Rect(10, 7, 70, 40)):
        geometry = open_geometry(path, replace(known, jpeg_crop=crop))
        assert (geometry.name, geometry.jpeg_crop) == ("table", Rect(10, 6, 70, 40))
        assert (geometry.bits, geometry.black_level) == (open_geometry(path, None).bits, None)


def test_mono_raw(tmp_path: Path) -> None:
    values = random_mosaic(7, (64, 96))
    path = written(tmp_path, dng_bytes(values, "RGGB", photometric=34892), "x.dng")
    assert open_geometry(path, None).cfa == Cfa("mono")
    np.testing.assert_array_equal(read_frame(read_photo(path), None).mosaic, values)


# --- refusals ---------------------------------------------------------------------------------------------------------


def damaged_nef() -> bytes:
    data = bytearray(nef_bytes(random_mosaic(8)))
    data[-6000:-2000] = b"\xff" * 4000
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", r"is empty \(0 bytes\)"),
        (b"\0" * 5000, "not a raw photo of any format that LibRaw knows"),
        (b"hello\n" * 1000, "not a raw photo"),
        (nef_bytes(random_mosaic(8))[:2000], "truncated or damaged|not a raw photo"),
        (nef_bytes(random_mosaic(8))[:-15_000], r"truncated or damaged \(LibRaw: "),
        (damaged_nef(), r"truncated or damaged \(LibRaw: "),
        (nef_bytes(np.zeros(SHAPE, np.uint16)), "every photosite is 0"),
        (dng_bytes(random_mosaic(9, (66, 96)), ODD_6X6), r"6x6 filters .* \(9 R, 19 G, 8 B\), expected"),
        (dng_bytes(random_mosaic(9, (66, 96)), "RGBRGBRGB"), "4x4 pattern, expected 2x2 Bayer or 6x6 X-Trans filters"),
        (dng_bytes(random_mosaic(9, (66, 96)), "RRGB"), "filters RRGB, expected one of RGGB, BGGR, GRBG, GBRG"),
        (png_bytes(random_mosaic(9)), "not a raw photo"),
        (jpeg_bytes(), "a JPEG picture, expected a raw photo"),
    ],
)
@pytest.mark.parametrize("profile", [None, own_profile()])
def test_bad_file(tmp_path: Path, data: bytes, reason: str, profile: Profile | None) -> None:
    path = written(tmp_path, nef_bytes(random_mosaic(8)))
    photo = replace(read_photo(path), size_bytes=len(data))
    path.write_bytes(data)
    with pytest.raises((DecodeError, FrameMismatchError), match=f"^x.nef: (raw grid|{reason})") as caught:
        read_frame(photo, profile)
    assert "\n" not in str(caught.value)


def test_bad_path(tmp_path: Path) -> None:
    photo = read_photo(written(tmp_path, nef_bytes(random_mosaic(8))))
    (tmp_path / "folder.nef").mkdir()
    os.mkfifo(tmp_path / "pipe.nef")
    for name, reason in (("folder.nef", "is a folder"), ("pipe.nef", "is a pipe"), ("gone.nef", "cannot be read")):
        with pytest.raises(DecodeError, match=f"^{name}: {reason}"):
            read_frame(replace(photo, path=tmp_path / name), own_profile())
        with pytest.raises(DecodeError, match=f"^{name}: {reason}"):
            open_geometry(tmp_path / name, own_profile())


def test_another_size(tmp_path: Path) -> None:
    path = written(tmp_path, nef_bytes(random_mosaic(8)))
    other = own_profile(raw_size=(200, 128))
    message = "^x.nef: raw grid of 192 x 128 photosites, but profile own has raw_size 200 x 128$"
    with pytest.raises(ProfileError, match=message):
        open_geometry(path, other)
    with pytest.raises(FrameMismatchError, match=message):
        read_frame(read_photo(path), other)


def test_file_that_is_no_mosaic_does_not_contradict_a_profile(tmp_path: Path) -> None:
    path = written(tmp_path, dng_bytes(random_mosaic(9, (66, 96)), ODD_6X6))
    with pytest.raises(DecodeError, match="X-Trans"):
        open_geometry(path, own_profile())


def test_other_filters(tmp_path: Path) -> None:
    path = written(tmp_path, nef_bytes(random_mosaic(8)))
    with pytest.raises(ProfileError, match=r"^x.nef: filters GBRG, but profile own has cfa RGGB$"):
        read_frame(read_photo(path), own_profile(cfa=Cfa("RGGB")))


def test_more_bits(tmp_path: Path) -> None:
    path = written(tmp_path, nef_bytes(random_mosaic(8)))
    with pytest.raises(FrameMismatchError, match=r"^x.nef: values of 12 bits, but profile own has bits 10$"):
        read_frame(read_photo(path), own_profile(bits=10, saturation=1000))


@pytest.mark.parametrize("size", [(0, 5), (5, 0), (65_535, 65_535)])
def test_size_worth_allocating(size: tuple[int, int]) -> None:
    assert check_photosites(20_000, 20_000, "x.nef") == (20_000, 20_000)
    with pytest.raises(DecodeError, match=f"^x.nef: raw grid of {size[0]} x {size[1]} photosites, expected 1 to"):
        check_photosites(*size, "x.nef")


# --- plain images -----------------------------------------------------------------------------------------------------

MONO = own_profile(cfa=Cfa("mono"), black_level=(10,), saturation=4095, active_area=Rect(0, 0, *SHAPE[::-1]))


@pytest.mark.parametrize("name", ["x.png", "x.TIF", "x.tiff"])
@pytest.mark.parametrize("cfa", ["mono", "GRBG"])
def test_image(tmp_path: Path, name: str, cfa: str) -> None:
    values = random_mosaic(10)
    path = written(tmp_path, png_bytes(values) if name.endswith("png") else tiff_bytes(values), name)
    black = (10,) * len(Cfa(cfa).planes)
    profile = open_geometry(path, replace(MONO, cfa=Cfa(cfa), black_level=black))
    frame = read_frame(read_photo(path), profile)
    np.testing.assert_array_equal(frame.mosaic, values.astype(np.int16) - 10)
    assert (frame.saturation, frame.mosaic.dtype) == (4085, np.int16)


def test_image_of_16_bits(tmp_path: Path) -> None:
    values = random_mosaic(11, high=65_536)
    path = written(tmp_path, tiff_bytes(values, compression="zlib", photometric="minisblack"), "x.tif")
    frame = read_frame(read_photo(path), replace(MONO, saturation=65_535, bits=16, black_level=None))
    np.testing.assert_array_equal(frame.mosaic, values)
    assert frame.mosaic.dtype == np.int32


@pytest.mark.parametrize(
    ("data", "name", "reason"),
    [
        (png_bytes(random_mosaic(1)).replace(b"IHDR", b"IHDX"), "x.png", "truncated or damaged"),
        (png_bytes(random_mosaic(1))[:20], "x.png", "truncated or damaged"),
        (png_bytes(random_mosaic(1))[:-20_000], "x.png", "truncated or damaged"),
        (png_bytes(np.zeros(SHAPE, np.uint8)), "x.png", "8-bit grey image, expected one 16-bit number a photosite"),
        (png_bytes(np.zeros((*SHAPE, 3), np.uint8)), "x.png", "8-bit RGB image"),
        (tiff_bytes(random_mosaic(1))[:-20_000], "x.tif", "truncated or damaged"),
        (tiff_bytes(random_mosaic(1))[:6], "x.tif", "truncated or damaged"),
        (tiff_bytes(np.zeros(SHAPE, np.uint8)), "x.tif", r"uint8 image of shape \(128, 192\), expected one 16-bit"),
        (tiff_bytes(np.zeros(SHAPE, np.float32)), "x.tif", "float32 image"),
        (tiff_bytes(np.zeros((*SHAPE, 3), np.uint16), photometric="rgb"), "x.tif", r"uint16 image of shape \(128, 192"),
        (tiff_bytes(random_mosaic(1), photometric="miniswhite"), "x.tif", "uint16 image"),
        (png_bytes(np.zeros(SHAPE, np.uint16)), "x.png", "every photosite is 0"),
        (b"GIF89a" * 50, "x.png", "neither a PNG nor a TIFF file"),
        (nef_bytes(random_mosaic(1)), "x.tif", "uint8 image"),
        (tiff_bomb(), "x.tif", "a strip or tile of more than 49152 bytes"),
        (
            tiff_bytes(random_mosaic(1), tile=(4096, 8192), compression="zlib"),
            "x.tif",
            "1 strips or tiles of 33554432 photosites",
        ),
        (tiff_bytes(random_mosaic(1), compression="lzma"), "x.tif", "compressed by LZMA, expected by deflate"),
    ],
)
def test_bad_image(tmp_path: Path, data: bytes, name: str, reason: str) -> None:
    path = written(tmp_path, data, name)
    with pytest.raises(DecodeError, match=f"^{name}: {reason}"):
        read_frame(read_photo(path), MONO)


def test_image_needs_a_profile(tmp_path: Path) -> None:
    path = written(tmp_path, png_bytes(random_mosaic(1)), "x.png")
    for attempt in (lambda: open_geometry(path, None), lambda: read_frame(read_photo(path), None)):
        with pytest.raises(DecodeError, match=r"x.png: a PNG or TIFF file does not say its filters; .*--profile"):
            attempt()


def test_image_of_another_size(tmp_path: Path) -> None:
    path = written(tmp_path, png_bytes(random_mosaic(1, (100, 100))), "x.png")
    with pytest.raises(ProfileError, match="raw grid of 100 x 100 photosites, but profile own has raw_size 192 x 128"):
        open_geometry(path, MONO)
    with pytest.raises(FrameMismatchError, match="raw grid of 100 x 100"):
        read_frame(read_photo(path), MONO)


@pytest.mark.parametrize("side", [15_000, 60_000])
def test_image_of_a_lying_size(tmp_path: Path, side: int) -> None:
    data = bytearray(png_bytes(random_mosaic(1)))
    data[16:24] = struct.pack(">II", side, side)
    path = written(tmp_path, bytes(data), "x.png")
    with pytest.raises((DecodeError, FrameMismatchError), match=f"raw grid of {side} x {side} photosites"):
        read_frame(read_photo(path), MONO)


@pytest.mark.parametrize("data", [png_bytes(random_mosaic(1)), tiff_bytes(random_mosaic(1))], ids=["png", "tiff"])
def test_damaged_image_never_escapes(tmp_path: Path, data: bytes) -> None:
    name = "x.png" if data[1:4] == b"PNG" else "x.tif"
    random = np.random.default_rng(3)
    photo = read_photo(written(tmp_path, data, name))
    for _ in range(150):
        damaged = bytearray(data)
        damaged[random.integers(min(len(data), 400))] = random.integers(256)
        photo.path.write_bytes(bytes(damaged))
        with contextlib.suppress(DecodeError, FrameMismatchError):
            read_frame(photo, MONO)


# --- names ------------------------------------------------------------------------------------------------------------


RAW = "nef NEF nrw cr2 Cr3 crw dng arw srf sr2 orf rw2 raf pef kdc dcr mrw erf 3fr iiq mos"


@pytest.mark.parametrize("suffix", RAW.split())
def test_raw_names(suffix: str) -> None:
    assert is_photo_name(Path(f"folder.x/a.{suffix}"))


@pytest.mark.parametrize("name", ["a.jpg", "b/A.JPG", "a.jpeg", "a.Jpe"])
def test_jpeg_names(name: str) -> None:
    assert is_photo_name(Path(name))
    assert is_jpeg_name(Path(name))


@pytest.mark.parametrize("name", ["a.jpg.xmp", "jpg", ".jpg", "a.jp2", "a.nef.xmp", "nef", ".nef", "a.mov", "a"])
def test_other_names(name: str) -> None:
    assert not is_photo_name(Path(name))
    assert not is_photo_name(Path(name), images=True)
    assert not is_jpeg_name(Path(name))


@pytest.mark.parametrize("name", ["a.png", "a.TIF", "a.tiff"])
def test_image_names(name: str) -> None:
    assert not is_photo_name(Path(name))
    assert is_photo_name(Path(name), images=True)


# --- the table of decoders --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sure", [True, False])
def test_a_decoder_is_a_row_and_the_next_one_is_its_fallback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sure: bool
) -> None:
    """The geometry, which the new row leaves out, is LibRaw's too."""
    asked = []

    def frame(data: bytes, profile: Profile | None, name: str) -> Decoded | None:
        asked.append((len(data), profile, name))
        return Decoded(np.full(SHAPE, 7, np.int16), -2, 9) if sure else None

    row = reading.Decoder(lambda path: path.suffix == ".nef", None, frame)
    monkeypatch.setattr(reading, "DECODER_TABLE", (row, *reading.DECODER_TABLE))
    path, other = (written(tmp_path, nef_bytes(random_mosaic(1)), name) for name in ("x.nef", "x.raw"))
    profile = open_geometry(path, own_profile())
    mine, libraw = (read_frame(read_photo(one), profile) for one in (path, other))
    assert (mine.floor, mine.saturation) == ((-2, 9) if sure else (0, 3880))
    area = profile.active_area.slices
    assert np.array_equal(mine.mosaic[area], libraw.mosaic[area]) == (not sure)
    assert asked == [(path.stat().st_size, profile, "x.nef")]


# --- LibRaw's prints --------------------------------------------------------------------------------------------------

_SCRIPT = """
import contextlib, logging, os, sys
from pathlib import Path
from sensormap.decode.quiet import native_stderr_silenced
from sensormap.decode.reading import read_frame
from sensormap.errors import DecodeError
from sensormap.photos.exif import read_photo
block = native_stderr_silenced() if sys.argv[2] == "silent" else contextlib.nullcontext()
with block, block if sys.argv[2] == "loud" else native_stderr_silenced():
    try:
        read_frame(read_photo(Path(sys.argv[1])), None)
    except DecodeError as error:
        print("reason:", error, file=sys.stderr)
    logging.warning("a warning")
os.write(2, b"native after\\n")
print("after", file=sys.stderr)
"""


def test_libraw_prints_and_is_silenced(tmp_path: Path) -> None:
    path = written(tmp_path, damaged_nef())
    heard = {}
    for mode in ("loud", "silent"):
        command = [sys.executable, "-c", _SCRIPT, str(path), mode]
        heard[mode] = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    lines = {mode: set(text.splitlines()) for mode, text in heard.items()}
    assert lines["silent"] < lines["loud"]  # what LibRaw prints is the difference
    for text in heard.values():
        assert text.index("reason: x.nef: truncated") < text.index("native after") < text.index("after", -7)
        assert "a warning" in text


def test_silence_nests_and_survives_errors() -> None:
    before = sys.stderr
    target = os.fstat(2)
    with pytest.raises(KeyError), native_stderr_silenced(), native_stderr_silenced():
        raise KeyError
    assert sys.stderr is before
    assert os.fstat(2) == target


def test_nothing_is_logged_of_damage(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = written(tmp_path, tiff_bytes(random_mosaic(1))[:-20_000], "x.tif")
    photo = read_photo(path)
    with caplog.at_level(logging.INFO), pytest.raises(DecodeError):
        read_frame(photo, MONO)
    assert not caplog.records


# --- files outside the repository -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "cfa", "area", "crop"),
    [
        ("RAW_NIKON_D1.NEF", "BGGR", Rect(0, 0, 2012, 1324), None),
        ("canon-d30.crw", "RGGB", Rect(48, 6, 2176, 1448), Rect(56, 12, 2160, 1440)),
        ("kodak-dc50.kdc", "GRBG", Rect(0, 0, 768, 512), None),
    ],
)
def test_real_raw(name: str, cfa: str, area: Rect, crop: Rect | None) -> None:
    path = needs(DATA / "raw" / name)
    profile = open_geometry(path, None)
    assert (profile.cfa, profile.active_area, profile.jpeg_crop) == (Cfa(cfa), area, crop)
    frame = read_frame(read_photo(path), profile)
    assert frame.mosaic.shape == profile.raw_size[::-1]
    assert 0 < float(np.median(frame.mosaic[area.slices])) < frame.saturation


def test_black_of_a_real_raw() -> None:
    # Its darkest photosites lie near black: without the subtraction they would be near 128.
    frame = read_frame(read_photo(needs(DATA / "raw" / "canon-d30.crw")), None)
    assert frame.saturation == 4095 - 128
    assert abs(float(np.percentile(frame.mosaic[6:1454, 48:2224], 0.01))) < 64


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("canon-r6-pruned.cr3", "truncated or damaged"),
        ("d500-not-a-mosaic.dng", "no mosaic"),
        ("d7100-truncated.nef", "truncated or damaged"),
        ("iphone-pruned.dng", "no mosaic"),
        ("leica-m10-first-100kB.dng", "truncated or damaged"),
        ("sony-a55-truncated.arw", "every photosite is 0"),
    ],
)
def test_real_damage(name: str, reason: str) -> None:
    path = needs(DATA / "broken" / name)
    with pytest.raises(DecodeError, match=f"^{name}: {reason}"):
        read_frame(read_photo(path), None)


def test_real_images() -> None:
    folder = needs(DATA / "emva-ccd")
    profile = replace(MONO, raw_size=(640, 480), active_area=Rect(0, 0, 640, 480), black_level=(0,))
    paths = sorted(folder.glob("b_s_*.png"))
    assert len(paths) == 25
    frames = [read_frame(read_photo(path), open_geometry(path, profile)) for path in paths]
    assert all(1900 < float(frame.mosaic.mean()) < 2100 for frame in frames)


def test_a_file_of_another_size_than_its_exif_was_read_from_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, nef_bytes(random_mosaic(8)))
    photo = read_photo(path)
    path.write_bytes(path.read_bytes() + b"more")
    with pytest.raises(DecodeError, match=r"changed from \d+ to \d+ bytes during the run"):
        read_frame(photo, None)


def test_an_error_of_a_photos_bytes_has_their_digest_and_one_of_reading_has_none(tmp_path: Path) -> None:
    path = tmp_path / "a.nef"
    data = nef(1)[:-9000]
    path.write_bytes(data)
    photo = read_photo(path)
    with pytest.raises(DecodeError) as error:
        read_frame(photo, None)
    assert error.value.digest == hashlib.sha256(data).hexdigest()
    path.write_bytes(nef(1))
    with pytest.raises(DecodeError, match="changed from") as error:
        read_frame(photo, None)
    assert error.value.digest is None
    path.unlink()
    with pytest.raises(DecodeError, match="cannot be read") as error:
        read_frame(photo, None)
    assert error.value.digest is None
