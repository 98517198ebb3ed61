"""JPEG pictures: every pixel as stored, nothing turned, and no part of a picture taken for the whole."""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import imageio.v3 as iio
import numpy as np
import pytest
import simplejpeg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageFile

from fixtures.files import tiff
from sensormap.camera.profile import Body
from sensormap.decode import jpeg
from sensormap.decode.jpeg import PixelBuffer, jpeg_size, read_jpeg
from sensormap.decode.jpeg_mosaic import read_jpeg_frame
from sensormap.errors import DecodeError
from sensormap.frame import Exposure
from sensormap.photos.exif import EDITORS, read_photo
from sensormap.photos.jpeg_markers import MAX_SEGMENTS, stored_size, stores_rgb
from tests.support.folders import SHARED

DATA = SHARED / "jpeg"
WIDTH, HEIGHT = 200, 120
Pixels = NDArray[np.uint8]
T = TypeVar("T")


def scene(seed: int = 1, shape: tuple[int, int] = (HEIGHT, WIDTH)) -> Pixels:
    """Return what compresses like a photo: smooth light and some noise, nothing clipped."""
    rows, cols = np.mgrid[: shape[0], : shape[1]]
    light = np.stack([120 + 60 * np.sin(rows / (20 + 9 * c)) + 20 * np.cos(cols / (13 + 5 * c)) for c in range(3)], 2)
    return (light + np.random.default_rng(seed).normal(0, 5, light.shape)).clip(0, 255).astype(np.uint8)


def jpeg_bytes(pixels: Pixels | None = None, *, mode: str = "RGB", **options: Any) -> bytes:
    """Return a JPEG; `options` are Pillow's."""
    file = io.BytesIO()
    image = Image.fromarray(scene() if pixels is None else pixels).convert(mode)
    image.save(file, **({"format": "JPEG", "quality": 92, "subsampling": "4:2:2"} | options))
    return file.getvalue()


def plain_decode(data: bytes) -> Pixels:
    """Decode by imageio's Pillow plugin."""
    return np.asarray(iio.imread(data, plugin="pillow"))


def exif(*fields: tiff.Field, exif: tuple[tiff.Field, ...] = ()) -> bytes:
    """Return the content of an EXIF segment."""
    start = len(tiff.HEADER) + len(tiff.directory([*fields, tiff.long(0x8769, 0)], 8))
    main = tiff.HEADER + tiff.directory([*fields, tiff.long(0x8769, start)], 8)
    return b"Exif\0\0" + main + tiff.directory(list(exif), start)


def segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def with_segments(data: bytes, *parts: bytes) -> bytes:
    """Put something between a JPEG's first marker and its second."""
    return data[:2] + b"".join(parts) + data[2:]


def place_of(data: bytes, marker: int) -> int:
    """Return where a marker's content starts."""
    return data.index(bytes((0xFF, marker))) + 4


def replaced(data: bytes, place: int, new: bytes) -> bytes:
    return data[:place] + new + data[place + len(new) :]


def frame(*, bits: int = 8, size: tuple[int, int] = (WIDTH, HEIGHT), colours: int = 3, marker: int = 0xC0) -> bytes:
    """Return a JPEG's first bytes, with another frame header."""
    factors = b"".join(bytes((number, 0x11, 0)) for number in range(colours))
    return b"\xff\xd8" + segment(marker, struct.pack(">BHHB", bits, *size[::-1], colours) + factors)


def sampled(*factors: int) -> bytes:
    """Return a JPEG with other sampling factors."""
    place = place_of(GOOD, 0xC0) + 7
    data = GOOD
    for number, factor in enumerate(factors):
        data = replaced(data, place + 3 * number, bytes((factor,)))
    return data


def needs(path: Path) -> Path:
    """Skip where a file outside the repository is absent."""
    if not path.exists():
        pytest.skip(f"{path.name} is not at hand")
    return path


def written(tmp_path: Path, data: bytes, name: str = "x.jpg") -> Path:
    path = tmp_path / name
    path.write_bytes(data)
    return path


def unless_refused(read: Callable[[], T]) -> T | None:
    """Return what is read; None where it is refused with one line that opens with the file's name."""
    reason = ""
    try:
        return read()
    except DecodeError as error:
        reason = str(error)
    assert reason.startswith("x.jpg: ")
    assert reason.isprintable()
    return None


GOOD = jpeg_bytes()
SCAN = place_of(GOOD, 0xDA) + 10  # where the coded data start
SAVED_AS_PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 50


# --- what is read -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(120, 200), (121, 203), (8, 8), (1, 1), (16, 1), (17, 33), (3, 400), (400, 3)])
@pytest.mark.parametrize("restart_marker_rows", [0, 1])
@pytest.mark.parametrize("sampling", ["4:4:4", "4:2:2", "4:2:0"])
def test_pixels_are_those_of_a_plain_decode(sampling: str, restart_marker_rows: int, shape: tuple[int, int]) -> None:
    data = jpeg_bytes(scene(2, shape), subsampling=sampling, restart_marker_rows=restart_marker_rows)
    picture, expected = read_jpeg(data, "x.jpg"), plain_decode(data)
    assert (picture.dtype, picture.shape, jpeg_size(data, "x.jpg")) == (np.uint8, (*shape, 3), shape[::-1])
    if sampling == "4:2:0":  # its last row takes a quarter of its colour from another row
        np.testing.assert_allclose(picture[-1].astype(int), expected[-1], atol=8)
        picture, expected = picture[:-1], expected[:-1]
    np.testing.assert_array_equal(picture, expected)


@pytest.mark.parametrize("sampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("optimize", [False, True])
@pytest.mark.parametrize("quality", [30, 90, 99])
@pytest.mark.parametrize("level", [0, 1, 127, 128, 129, 254, 255])
def test_flat_pictures_are_whole(level: int, quality: int, optimize: bool, sampling: str) -> None:
    pixels = np.full((64, 96, 3), level, np.uint8)
    for rows in (0, 1):
        options = {"quality": quality, "subsampling": sampling, "optimize": optimize, "restart_marker_rows": rows}
        assert np.ptp(read_jpeg(jpeg_bytes(pixels, **options), "x.jpg")) == 0


@pytest.mark.parametrize("level", [0, 128, 255])
@pytest.mark.parametrize("part", [np.s_[:60], np.s_[60:], np.s_[-1:], np.s_[-16:, -16:]])
def test_clipped_skies_and_grey_corners_are_whole(part: Any, level: int) -> None:
    pixels = scene(3)
    pixels[part] = level
    data = jpeg_bytes(pixels)
    np.testing.assert_array_equal(read_jpeg(data, "x.jpg"), plain_decode(data))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_never_turns_a_picture(tmp_path: Path, orientation: int) -> None:
    data = jpeg_bytes(exif=exif(tiff.short(0x0112, orientation)))
    np.testing.assert_array_equal(read_jpeg(data, "x.jpg"), read_jpeg(GOOD, "x.jpg"))
    photo = read_photo(written(tmp_path, data))
    assert (photo.exposure.orientation, photo.jpeg_size) == (orientation, (WIDTH, HEIGHT))


def test_only_the_first_picture_of_a_file_counts() -> None:
    file = io.BytesIO()
    second = Image.fromarray(scene(4, (60, 100)))
    Image.fromarray(scene()).save(file, "MPO", save_all=True, append_images=[second], quality=92, subsampling="4:2:2")
    for data in (file.getvalue(), GOOD + GOOD, GOOD + b"\0" * 1000, GOOD + b"ftypmp42" * 1000, GOOD + b"\xff"):
        np.testing.assert_array_equal(read_jpeg(data, "x.jpg"), read_jpeg(GOOD, "x.jpg"))


@pytest.mark.parametrize("fill", [b"\xff" * 9, b"\0" * 4, b"\x5a"], ids=["markers", "zeros", "a byte"])
def test_padding_before_the_end_is_no_damage(fill: bytes) -> None:
    np.testing.assert_array_equal(read_jpeg(GOOD[:-2] + fill + GOOD[-2:], "x.jpg"), read_jpeg(GOOD, "x.jpg"))


def test_padding_before_a_marker_is_no_damage() -> None:
    assert jpeg_size(with_segments(GOOD, b"\xff" * 7), "x.jpg") == (WIDTH, HEIGHT)


def test_a_restart_marker_after_the_last_interval_is_no_damage() -> None:
    data = jpeg_bytes(restart_marker_rows=1)
    rows = -(-HEIGHT // 8)
    assert data[-2:] == b"\xff\xd9"
    more = data[:-2] + bytes((0xFF, 0xD0 + (rows - 1) % 8)) + data[-2:]
    np.testing.assert_array_equal(read_jpeg(more, "x.jpg"), plain_decode(data))


def test_applications_cannot_disturb_the_decoder() -> None:
    hostile = [segment(marker, b"Exif\0\0II*\0" + b"\xff" * 300) for marker in (0xE1, 0xE2, 0xED, 0xFE, 0xE1)]
    hostile += [segment(0xE2, b"MPF\0" + b"\xee" * 80), segment(0xE1, b"")]
    np.testing.assert_array_equal(read_jpeg(with_segments(GOOD, *hostile), "x.jpg"), read_jpeg(GOOD, "x.jpg"))


def test_threads_decode_alike() -> None:
    files = [jpeg_bytes(scene(seed)) for seed in range(6)] * 4
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda data: read_jpeg(data, "x.jpg"), files))
    for picture, data in zip(together, files, strict=True):
        np.testing.assert_array_equal(picture, plain_decode(data))


@pytest.mark.parametrize("sampling", ["4:4:4", "4:2:2", "4:2:0"])
def test_shared_memory_changes_no_pixel(sampling: str) -> None:
    """Larger and smaller pictures follow each other."""
    shapes = [(120, 200), (64, 96), (121, 203), (1, 1), (120, 200), (33, 400)]
    buffer = PixelBuffer()
    for seed, shape in enumerate(shapes):
        data = jpeg_bytes(scene(seed, shape), subsampling=sampling)
        np.testing.assert_array_equal(read_jpeg(data, "x.jpg", buffer=buffer), read_jpeg(data, "x.jpg"))


def test_a_picture_is_overwritten_by_the_next_only_where_they_share_memory() -> None:
    one, other = jpeg_bytes(scene(1)), jpeg_bytes(scene(2))
    buffer = PixelBuffer()
    shared = read_jpeg(one, "x.jpg", buffer=buffer)
    alone, elsewhere = read_jpeg(one, "x.jpg"), read_jpeg(one, "x.jpg", buffer=PixelBuffer())
    expected = plain_decode(one)
    for picture in (shared, alone, elsewhere):
        np.testing.assert_array_equal(picture, expected)
    np.testing.assert_array_equal(read_jpeg(other, "x.jpg", buffer=buffer), plain_decode(other))
    np.testing.assert_array_equal(shared, plain_decode(other))
    for picture in (alone, elsewhere):
        np.testing.assert_array_equal(picture, expected)


def test_a_picture_after_one_that_is_refused_is_whole() -> None:
    buffer = PixelBuffer()
    for bad in (GOOD[:-200] + GOOD[-2:], GOOD[:SCAN], GOOD[: SCAN + 4000] + GOOD[SCAN + 3000 :]):
        with pytest.raises(DecodeError):
            read_jpeg(bad, "x.jpg", buffer=buffer)
        np.testing.assert_array_equal(read_jpeg(GOOD, "x.jpg", buffer=buffer), plain_decode(GOOD))


def test_a_truncated_picture_is_noticed_where_the_memory_holds_it_whole() -> None:
    """What the decoder does not fill must not be taken for pixels."""
    buffer = PixelBuffer()
    for cut in range(SCAN, len(GOOD) - 12, 331):
        read_jpeg(GOOD, "x.jpg", buffer=buffer)
        with pytest.raises(DecodeError):
            read_jpeg(GOOD[:cut] + b"\xff\xd9", "x.jpg", buffer=buffer)


def test_frames_that_threads_decode_do_not_share_memory() -> None:
    files = [jpeg_bytes(scene(seed, (HEIGHT + 8 * (seed % 3), WIDTH))) for seed in range(6)] * 4
    expected = [read_jpeg_frame(data, None, "x.jpg")[0].copy() for data in files]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda data: read_jpeg_frame(data, None, "x.jpg")[0], files))
    for one, other in zip(together, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_size_is_found_behind_large_segments_without_reading_them() -> None:
    class Counted(io.BytesIO):
        count = 0

        def read(self, size: int | None = -1, /) -> bytes:
            data = super().read(size)
            self.count += len(data)
            return data

    file = Counted(with_segments(GOOD, *(segment(0xE2, b"\xff\xc0" * 32_000) for _ in range(60))))
    assert stored_size(file, "x.jpg") == (WIDTH, HEIGHT)
    assert file.count < 1000


# --- what is refused --------------------------------------------------------------------------------------------------


BAD_HEADERS = [
    (b"", "is no JPEG file, expected a JPEG"),
    (b"\xff", "is no JPEG file"),
    (b"\0" * 5000, "is no JPEG file"),
    (b"hello\n" * 100, "is no JPEG file, expected a JPEG"),
    (SAVED_AS_PNG, "is a PNG file, expected a JPEG"),
    (b"GIF89a" + b"\0" * 50, "is a GIF file, expected a JPEG"),
    (tiff.HEADER + b"\0" * 50, "is a TIFF or raw file, expected a JPEG"),
    (b"\0\0\0\x18ftypheic" + b"\0" * 50, "is a HEIC or video file, expected a JPEG"),
    (b"RIFF\0\0\0\0WEBP", "is a WebP file, expected a JPEG"),
    (GOOD[:2], "truncated in its header"),
    (GOOD[:3], "truncated in its header"),
    (GOOD[:5], "truncated in its header"),
    (GOOD[: place_of(GOOD, 0xC0) - 4], "truncated in its header"),
    (GOOD[: place_of(GOOD, 0xC0) + 6], "truncated in its header"),
    (GOOD[:2] + b"\xff\xd9", "truncated in its header"),
    (GOOD[:2] + b"\xff\xd9" * 9, "damaged in its header .*where a marker should stand"),
    (GOOD[:2] + b"\0" * 99, "damaged in its header .*where a marker should stand"),
    (GOOD[:2] + b"\xff\xe1\0\1" * 9, "damaged in its header .*where a marker should stand"),
    (GOOD[:2] + GOOD[SCAN - 14 :], r"damaged in its header \(no picture size\)"),
    (with_segments(GOOD, segment(0xFE, b"") * 5000), f"damaged in its header .*more than {MAX_SEGMENTS} markers"),
    (b"\xff\xd8" + b"\xff" * 9999, "damaged in its header .*more than"),
    (jpeg_bytes(progressive=True), "is a progressive JPEG, as no camera writes: edited, expected a baseline one"),
    (frame(marker=0xC3), "is a lossless JPEG"),
    (frame(marker=0xC5), "is a hierarchical JPEG"),
    (frame(marker=0xC9), "is an arithmetic-coded JPEG"),
    (frame(marker=0xCF), "is an arithmetic-coded JPEG"),
    (frame(bits=12, marker=0xC1), "has 12 bits a colour, expected 8"),
    (frame(bits=16), "has 16 bits a colour, expected 8"),
    (frame(colours=1), r"has one colour \(grey\), expected red, green and blue"),
    (frame(colours=4), r"has four colours \(CMYK\), expected red, green and blue"),
    (frame(colours=0), "has 0 colours, expected"),
    (jpeg_bytes(mode="L", subsampling=-1), r"has one colour \(grey\)"),
    (jpeg_bytes(mode="CMYK", subsampling=-1), r"has four colours \(CMYK\)"),
    (frame(size=(0, 120)), "picture of 0 x 120 pixels, expected 1 to 400000000 of them"),
    (frame(size=(200, 0)), "picture of 200 x 0 pixels, expected 1 to"),  # a height that a later marker would tell
    (frame(size=(65_000, 65_000)), "picture of 65000 x 65000 pixels, expected 1 to 400000000 of them"),
    (frame(size=(65_535, 10)), "picture of 65535 x 10 pixels, .*65000 a side"),
    (replaced(GOOD, place_of(GOOD, 0xC0) - 2, b"\0\7"), r"damaged in its header \(picture size cut short\)"),
    (sampled(0x12), "has colours sampled 1x2, 1x1, 1x1, expected 4:4:4, 4:2:2 or 4:2:0"),
    (sampled(0x41), "has colours sampled 4x1, 1x1, 1x1"),
    (sampled(0x21, 0x21, 0x11), "has colours sampled 2x1, 2x1, 1x1"),
    (sampled(0x11, 0x21, 0x21), "has colours sampled 1x1, 2x1, 2x1"),
    (sampled(0x00), "has colours sampled 0x0, 1x1, 1x1"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "reason"), BAD_HEADERS, ids=[reason[:40] for _, reason in BAD_HEADERS])
def test_bad_header(tmp_path: Path, data: bytes, reason: str) -> None:
    attempts: list[Callable[[], object]] = [lambda: jpeg_size(data, "x.jpg"), lambda: read_jpeg(data, "x.jpg")]
    if data:
        path = written(tmp_path, data)
        attempts.append(lambda: read_photo(path))
    for attempt in attempts:
        with pytest.raises(DecodeError, match=f"^x.jpg: {reason}") as caught:
            attempt()
        assert "\n" not in str(caught.value)


def test_empty_file(tmp_path: Path) -> None:
    with pytest.raises(DecodeError, match=r"^x.jpg: is empty \(0 bytes\)"):
        read_photo(written(tmp_path, b""))


WITH_RESTARTS = jpeg_bytes(restart_marker_rows=1)
SECOND_RESTART = WITH_RESTARTS.index(b"\xff\xd1")
HIGHER = place_of(GOOD, 0xC0) + 1
BAD_DATA = [
    (GOOD[:SCAN], "have no end"),
    (GOOD[: SCAN + 1], "have no end"),
    (GOOD[: SCAN + 5000], "have no end"),
    (GOOD[:-2], "have no end"),
    (GOOD[:-1], "have no end"),
    (GOOD[:SCAN] + GOOD[-2:], r"truncated \(0 bytes of picture data for 200 x 120 pixels\)"),
    (GOOD[: SCAN + 100] + GOOD[-2:], "truncated .100 bytes of picture data for 200 x 120 pixels"),
    (GOOD[: SCAN + 5000] + GOOD[-2:], "end before its last row"),
    (GOOD[:-200] + GOOD[-2:], "end before its last row"),
    (GOOD[:-10] + GOOD[-2:], "end before its last row"),
    (replaced(GOOD, HIGHER, struct.pack(">H", HEIGHT + 8)), "end before its last row"),
    (replaced(GOOD, HIGHER, struct.pack(">H", HEIGHT - 8)), "do not end with its last row"),
    (replaced(GOOD, HIGHER, struct.pack(">H", 60_000)), "truncated .* bytes of picture data for 200 x 60000 pixels"),
    (replaced(GOOD, HIGHER, struct.pack(">HH", 60_000, 6_000)), "truncated .* for 6000 x 60000 pixels"),
    (GOOD[: SCAN + 3000] + GOOD[SCAN + 4000 :], "end before its last row"),
    (GOOD[: SCAN + 4000] + GOOD[SCAN + 3000 :], "do not end with its last row"),
    (replaced(GOOD, SCAN + 3000, b"\0" * 2000), "truncated or damaged"),
    (replaced(GOOD, SCAN + 3000, b"\xff\xd9"), "end before its last row"),
    (replaced(GOOD, SCAN + 3000, b"\xff\xd0"), "restart markers missing or out of order"),
    (replaced(GOOD, SCAN + 3000, b"\xff\xc4"), "have no end"),
    (replaced(GOOD, SCAN + 3000, b"\xff\xdc"), "have no end"),
    (replaced(WITH_RESTARTS, SECOND_RESTART, b"\xff\xd2"), "restart markers missing or out of order"),
    (replaced(WITH_RESTARTS, SECOND_RESTART, b"\1\1"), "restart markers missing or out of order"),
    (WITH_RESTARTS[:SECOND_RESTART] + WITH_RESTARTS[-2:], "restart markers missing or out of order"),
    (replaced(GOOD, place_of(GOOD, 0xC4), b"\0" + b"\xff" * 16), "truncated or damaged"),
    (with_segments(GOOD, segment(0xDB, b"\1")), "truncated or damaged"),
    (with_segments(GOOD, segment(0xDC, b"\0\1")), r"damaged in its header \(marker ff dc\)"),
    (with_segments(GOOD, segment(0xC8, b"")), r"damaged in its header \(marker ff c8\)"),
    (with_segments(GOOD, frame()[2:]), r"damaged in its header \(two picture sizes\)"),
    (replaced(GOOD, SCAN - 10, b"\1"), "stores its colours one after the other, as no camera does"),
    (GOOD[: SCAN - 3], "truncated in its header"),
]


@pytest.mark.parametrize("tolerant", [False, True])
@pytest.mark.parametrize(("data", "reason"), BAD_DATA, ids=[f"{i} {case[1][:30]}" for i, case in enumerate(BAD_DATA)])
def test_bad_data(monkeypatch: pytest.MonkeyPatch, data: bytes, reason: str, tolerant: bool) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", tolerant)  # as other libraries do
    with pytest.raises(DecodeError, match=f"^x.jpg: .*{reason}") as caught:
        read_jpeg(data, "x.jpg")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("sampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("tolerant", [False, True])
def test_truncated_anywhere(monkeypatch: pytest.MonkeyPatch, tolerant: bool, sampling: str) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", tolerant)
    data = jpeg_bytes(subsampling=sampling)
    for cut in (*range(2, len(data), 97), len(data) - 3, len(data) - 2, len(data) - 1):
        with pytest.raises(DecodeError):
            read_jpeg(data[:cut], "x.jpg")


@pytest.mark.parametrize("sampling", ["4:4:4", "4:2:2", "4:2:0"])
def test_truncated_and_ended(sampling: str) -> None:
    data = jpeg_bytes(subsampling=sampling)
    scan = place_of(data, 0xDA) + 10
    for cut in (*range(scan, len(data) - 12, 97), *range(len(data) - 30, len(data) - 2)):
        with pytest.raises(DecodeError):
            read_jpeg(data[:cut] + b"\xff\xd9", "x.jpg")


def test_a_decoder_that_gives_up_silently_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What another library's LOAD_TRUNCATED_IMAGES makes of an error in the middle: black from there on."""
    decode = jpeg._decode

    def black_from_the_middle(*arguments: Any) -> Pixels:
        picture = decode(*arguments).copy()
        picture[HEIGHT // 2 :] = 0
        return picture

    monkeypatch.setattr(jpeg, "_decode", black_from_the_middle)
    with pytest.raises(DecodeError, match="do not end with its last row"):
        read_jpeg(GOOD, "x.jpg")


@settings(deadline=None, max_examples=150)
@given(
    st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.binary(min_size=1, max_size=4)), max_size=4),
    st.integers(0, len(GOOD)) | st.just(len(GOOD)),
    st.sampled_from([b"", b"\xff\xd9", b"\0" * 9]),
)
def test_any_damage_gives_a_picture_or_a_reason(damage: list[tuple[int, bytes]], cut: int, tail: bytes) -> None:
    data = GOOD[:cut] + tail
    for place, new in damage:
        data = replaced(data, min(place, len(data)), new)
    picture = unless_refused(lambda: read_jpeg(data, "x.jpg"))
    if picture is not None:
        assert picture.shape[1::-1] == jpeg_size(data, "x.jpg")


@given(st.lists(st.sampled_from([0x00, 0x12, 0xD0, 0xD7, 0xD9, 0xFF]), max_size=40), st.integers(1, 9))
def test_marks_are_those_of_the_obvious_loop(values: list[int], piece: int) -> None:
    end, restarts = len(values), []
    for place, (one, other) in enumerate(pairwise(values)):
        if one == 0xFF and other not in (0x00, 0xFF):
            if not 0xD0 <= other <= 0xD7:
                end = place
                break
            restarts.append(other)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jpeg, "_PIECE", piece)
        found, kinds = jpeg._marks(np.array(values, np.uint8))
    assert (found, kinds.tolist()) == (end, restarts)


# --- EXIF -------------------------------------------------------------------------------------------------------------

NIKON_NOTE = b"Nikon\0\x02\x11\0\0MM\0*\0\0\0\x08" + struct.pack(">HHHII", 1, 0x00A7, 4, 1, 205) + b"\0\0\0\0"
TOLD = exif(
    tiff.text(0x010F, "NIKON CORPORATION"),
    tiff.text(0x0110, "NIKON D80"),
    tiff.short(0x0112, 6),
    tiff.text(0x0131, "Ver.1.01 "),
    exif=(
        tiff.rational(0x829A, (1, 50)),
        tiff.short(0x8827, 200),
        tiff.text(0x9003, "2008:05:01 12:00:03"),
        tiff.octets(0x927C, NIKON_NOTE, undefined=True),
        tiff.text(0x9291, "25"),
        tiff.long(0xA002, WIDTH),
        tiff.long(0xA003, HEIGHT),
        tiff.text(0xA431, "3012345"),
    ),
)


@pytest.mark.parametrize("name", ["x.jpg", "X.JPG", "x.jpeg", "x.JPE"])
def test_exif(tmp_path: Path, name: str) -> None:
    data = jpeg_bytes(exif=TOLD)
    photo = read_photo(written(tmp_path, data, name))
    assert (photo.size_bytes, photo.jpeg_size) == (len(data), (WIDTH, HEIGHT))
    assert photo.body == Body("NIKON CORPORATION", "NIKON D80", "3012345")
    time = datetime(2008, 5, 1, 12, 0, 3, 250_000)
    assert photo.exposure == Exposure(iso=200, shutter_s=0.02, time=time, orientation=6, shutter_count=205)


def test_exif_after_other_segments(tmp_path: Path) -> None:
    parts = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x/>"), segment(0xE2, b"x" * 60_000), segment(0xE1, TOLD)
    photo = read_photo(written(tmp_path, with_segments(GOOD, *parts)))
    assert (photo.body.model, photo.exposure.shutter_count) == ("NIKON D80", 205)


def test_no_exif(tmp_path: Path) -> None:
    photo = read_photo(written(tmp_path, GOOD))
    assert (photo.body, photo.exposure, photo.jpeg_size) == (Body("", "", ""), Exposure(), (WIDTH, HEIGHT))


def test_only_a_jpeg_s_name_makes_it_one(tmp_path: Path) -> None:
    photo = read_photo(written(tmp_path, jpeg_bytes(exif=TOLD), "x.nef"))
    assert (photo.body.model, photo.jpeg_size) == ("NIKON D80", None)


@pytest.mark.parametrize(
    "software",
    [
        "Adobe Photoshop CS3 Windows", "Adobe Photoshop Lightroom 5.7 (Macintosh)", "GIMP 2.10.8",
        "Picasa", "Capture NX 2.2.6 W", "Capture NX-D 1.4.7 W", "ViewNX 1.3 W", "NX Studio 1.0.0 W",
        "darktable 3.0.1", "RawTherapee 5.8", "iPhoto 9.4.3", "Photos 1.5", "Aperture 3.4.5",
        "Snapseed 2.0", "ACDSee Ultimate 10", "paint.net 4.2.10", "ImageMagick 6.9", "Instagram",
        "DxO PhotoLab 4.0.2", "Capture One 20 Macintosh", "Affinity Photo 1.10.5",
        "Corel PaintShop Pro 19", "FastStone Image Viewer", "XnView", "digiKam-5.9.0", "Shotwell 0.30.8",
        "PhotoScape", "Polarr Photo Editor", "Microsoft Windows Photo Viewer 6.1.7600",
        "Windows Live Photo Gallery 15.4", "Digital Photo Professional", "QuickTime 7.6",
        "Processed with VSCO", "Luminar 4.1.0",
    ],
)  # fmt: skip
def test_edited(tmp_path: Path, software: str) -> None:
    path = written(tmp_path, jpeg_bytes(exif=exif(tiff.text(0x0110, "D80"), tiff.text(0x0131, software))))
    with pytest.raises(DecodeError, match=f"^x.jpg: edited with {re.escape(software)}, expected a JPEG as the camera"):
        read_photo(path)


@pytest.mark.parametrize(
    "software",
    [
        *("Ver.1.01 ", "Ver.2.00 ", "I9300XXUGOL2", "Digital Camera X-T3 Ver1.02", "14.4.2", "HDR+ 1.0.345618096zd"),
        *("Firmware Version 1.1.1", "ILCE-7M3 v3.10", "Version 1.3", "DMC-GX7 Ver.1.3", "K-5 Ver. 1.16", "", "\0\0\0"),
        *("Windows Phone 8.1", "1.00", "KODAK EASYSHARE Z740", "G955FXXU4CRGB", "MediaTek Camera Application"),
        *("E5700v1.1", "DxO ONE v2.0", "COOLPIX S9900V1.3", "RICOH THETA V", "Exif Software Version 2.1", "M8 2.024"),
    ],
)  # fmt: skip
def test_firmware_is_no_editor(tmp_path: Path, software: str) -> None:
    assert read_photo(written(tmp_path, jpeg_bytes(exif=exif(tiff.text(0x0131, software))))).jpeg_size


def test_a_raw_file_s_software_does_not_matter(tmp_path: Path) -> None:
    data = exif(tiff.text(0x0110, "D80"), tiff.text(0x0131, "Adobe DNG Converter, Photoshop"))[6:]
    assert read_photo(written(tmp_path, data, "x.dng")).body.model == "D80"


def test_editors_are_words_that_can_be_found() -> None:
    assert list(EDITORS) == sorted({editor.lower() for editor in EDITORS})


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ((tiff.long(0xA002, 3872), tiff.long(0xA003, 2592)), "3872 x 2592"),
        ((tiff.short(0xA002, HEIGHT), tiff.short(0xA003, WIDTH)), f"{HEIGHT} x {WIDTH}"),
        ((tiff.long(0xA002, WIDTH + 1), tiff.long(0xA003, HEIGHT)), f"{WIDTH + 1} x {HEIGHT}"),
        ((tiff.long(0xA003, HEIGHT - 1),), rf"\? x {HEIGHT - 1}"),
    ],
)
def test_exif_of_another_size(tmp_path: Path, told: tuple[tiff.Field, ...], shown: str) -> None:
    path = written(tmp_path, jpeg_bytes(exif=exif(exif=told)))
    with pytest.raises(DecodeError, match=f"^x.jpg: EXIF says {shown} pixels, the picture has 200 x 120: edited$"):
        read_photo(path)


@pytest.mark.parametrize("told", [(), (tiff.long(0xA002, 0), tiff.long(0xA003, 0)), (tiff.long(0xA002, WIDTH),)])
def test_exif_that_tells_no_size(tmp_path: Path, told: tuple[tiff.Field, ...]) -> None:
    assert read_photo(written(tmp_path, jpeg_bytes(exif=exif(exif=told)))).jpeg_size == (WIDTH, HEIGHT)


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(2, 700), st.integers(0, 255)), min_size=1, max_size=20), st.integers(0, 900))
def test_damaged_header(tmp_path: Path, damage: list[tuple[int, int]], cut: int) -> None:
    data = bytearray(jpeg_bytes(exif=TOLD))
    for place, value in damage:
        data[place] = value
    path = written(tmp_path, bytes(data[: cut + 10] if cut < 700 else data))
    photo = unless_refused(lambda: read_photo(path))
    if photo is not None:
        assert photo.jpeg_size is not None
        assert all(text.isprintable() for text in (photo.body.make, photo.body.model, photo.body.serial))


# --- which colours are stored -----------------------------------------------------------------------------------------

BARE = GOOD[:2] + GOOD[2 + 18 :]  # without its JFIF header
JFIF = b"JFIF\0\1\1\0\0\1\0\1\0\0"
YCC = (1, 2, 3)


def app(content: bytes, marker: int = 0xE0) -> bytes:
    return segment(marker, content)


def adobe(transform: int, more: bytes = b"") -> bytes:
    return segment(0xEE, b"Adobe" + struct.pack(">HHHB", 100, 0, 0, transform) + more)


def numbered(data: bytes, numbers: tuple[int, ...]) -> bytes:
    """Return a JPEG whose colours have other numbers."""
    frame_at, scan_at = place_of(data, 0xC0) + 6, place_of(data, 0xDA) + 1
    for at, number in enumerate(numbers):
        data = replaced(replaced(data, frame_at + 3 * at, bytes((number,))), scan_at + 2 * at, bytes((number,)))
    return data


def with_late_segments(data: bytes, *parts: bytes) -> bytes:
    """Put something between a JPEG's tables and its coded data."""
    place = place_of(data, 0xDA) - 4
    return data[:place] + b"".join(parts) + data[place:]


HEADERS: dict[str, tuple[bytes, ...]] = {
    "neither": (),
    "JFIF": (app(JFIF),),
    "Adobe 0": (adobe(0),),
    "Adobe 1": (adobe(1),),
    "JFIF, then Adobe 0": (app(JFIF), adobe(0)),
    "Adobe 0, then JFIF": (adobe(0), app(JFIF)),
    "Adobe 0, then 1": (adobe(0), adobe(1)),
    "Adobe 1, then 0": (adobe(1), adobe(0)),
    "longer ones": (app(JFIF + b"xyz"), adobe(0, b"xyz")),
    "a longer Adobe 0": (adobe(0, b"xyz"),),
    "JFIF cut short": (app(JFIF[:-1]),),
    "JFIF cut short, Adobe 0": (app(JFIF[:-1]), adobe(0)),
    "Adobe 1 cut short": (app(b"Adobe\0\x64\0\0\0\0", 0xEE),),
    "JFXX, Adobe 0": (app(b"JFXX\0\x13" + bytes(20)), adobe(0)),
    "another's with JFIF's marker": (app(b"JFIF\1" + JFIF[5:]), adobe(0)),
    "another's with Adobe's marker": (app(b"adobe" + bytes(7), 0xEE),),
    "each with the other's marker": (app(JFIF, 0xEE), app(b"Adobe" + bytes(7))),
}
NUMBERS = (YCC, (82, 71, 66), (0, 1, 2), (1, 3, 2), (3, 2, 1), (66, 71, 82), (114, 103, 98), (1, 34, 35))


@pytest.mark.parametrize("put", [with_segments, with_late_segments])
@pytest.mark.parametrize("numbers", NUMBERS, ids=str)
@pytest.mark.parametrize("headers", HEADERS)
def test_colours_are_taken_as_the_decoder_takes_them(
    headers: str, numbers: tuple[int, ...], put: Callable[..., bytes]
) -> None:
    data = put(numbered(BARE, numbers), *HEADERS[headers])
    as_ycc = simplejpeg.decode_jpeg(GOOD, "RGB")
    decoded_alike = np.array_equal(simplejpeg.decode_jpeg(data, "RGB"), as_ycc)
    assert stores_rgb(data[: place_of(data, 0xDA) + 10]) == (not decoded_alike)
    assert (simplejpeg.decode_jpeg_header(data)[2] == "RGB") == (not decoded_alike)
    if decoded_alike:
        np.testing.assert_array_equal(read_jpeg(data, "x.jpg"), as_ycc)
    else:
        with pytest.raises(DecodeError, match=r"^x\.jpg: stores its colours as red, green and blue, .*: edited"):
            read_jpeg(data, "x.jpg")


@pytest.mark.parametrize("transform", [2, 255])
def test_a_transform_that_the_decoder_does_not_know_is_refused(transform: int) -> None:
    """Of four colours 2 is YCCK; libjpeg takes three for YCbCr and warns, which simplejpeg makes an error."""
    data = with_segments(BARE, adobe(transform))
    assert not stores_rgb(data[: place_of(data, 0xDA) + 10])
    assert unless_refused(lambda: read_jpeg(data, "x.jpg")) is None


def test_rgb_is_no_frame_of_a_camera() -> None:
    for data in (jpeg_bytes(subsampling="4:4:4", keep_rgb=True), numbered(BARE, (82, 71, 66))):
        with pytest.raises(DecodeError, match=r"^x\.jpg: stores its colours as red, green and blue"):
            read_jpeg_frame(data, None, "x.jpg")


# --- files outside the repository -------------------------------------------------------------------------------------


def test_real_phone() -> None:
    folder = needs(DATA / "gt-i9300")
    photos = [read_photo(path) for path in sorted(folder.glob("*.jpg"))]
    orientations = {photo.path.name: photo.exposure.orientation for photo in photos}
    assert orientations.pop("scene_2.jpg") == 1
    assert orientations.pop("scene_1.jpg") is not None
    assert set(orientations.values()) == {6}
    assert {(photo.body, photo.jpeg_size) for photo in photos} == {(Body("SAMSUNG", "GT-I9300", ""), (3264, 1836))}
    for name in (min(orientations), "scene_2.jpg"):
        data = (folder / name).read_bytes()
        np.testing.assert_array_equal(read_jpeg(data, name), plain_decode(data))
        assert read_jpeg(data, name).shape == (1836, 3264, 3)


def test_real_nikon() -> None:
    path = needs(DATA / "d200-0" / "Nikon_D200_0_15871.JPG")
    photo = read_photo(path)
    assert photo.body == Body("NIKON CORPORATION", "NIKON D200", "")  # this body writes blanks for its number
    assert photo.jpeg_size == (3872, 2592)
    time = datetime(2009, 1, 12, 19, 25, 28, 240_000)
    assert photo.exposure == Exposure(200, 1 / 320, time, orientation=1, shutter_count=3584, long_exposure_nr=False)
    data = path.read_bytes()
    np.testing.assert_array_equal(read_jpeg(data, path.name), plain_decode(data))
    for bad in (data[:1_000_000] + b"\xff\xd9", data[:1_000_000], data[:800_000] + data[804_096:]):
        with pytest.raises(DecodeError, match="truncated or damaged"):
            read_jpeg(bad, path.name)
