"""The own decoder of NEFs: its frames are LibRaw's, and where it is unsure or wrong LibRaw decides."""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import imageio.v3 as iio
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

import sensormap.decode.libraw
import sensormap.decode.nef.frame
import sensormap.decode.reading
from fixtures.camera.curve import LEVELS
from fixtures.files.nef import NefMeta, nef_bytes
from sensormap.camera.profile import Profile
from sensormap.camera.profile_files import get_profile
from sensormap.cli.options import decoder_option
from sensormap.correct.nef_packing import nearest_indices, pack
from sensormap.decode.nef.file import find_strip, strip_coding, with_strip
from sensormap.decode.nef.frame import read_nef_frame
from sensormap.decode.quiet import native_stderr_silenced
from sensormap.decode.reading import DECODER_TABLE, open_geometry, read_frame
from sensormap.errors import SensorMapError
from sensormap.frame import Frame, Photo
from sensormap.photos.exif import read_photo
from sensormap.settings import DECODERS, RAWPY, Options
from sensormap.survey.run import map_defects
from tests.decode.test_reading import MONO, dng_bytes, own_profile, random_mosaic
from tests.support.photos import SIZE, nef, refused, run, write_photos, write_profile

BIT_COUNTS = [12, 14]
COUNT_OF_BITS = b"\x01\x02\0\3\0\0\0\1\0\x0c"  # tag 0x0102 of the raw directory, and its value


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with native_stderr_silenced():
        yield


@pytest.fixture
def used(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Return, for each file so far that the own decoder was given, whether it was used."""
    found = []

    def read(*arguments: Any) -> Any:
        result = read_nef_frame(*arguments)
        found.append(result is not None)
        return result

    rows = tuple(replace(row, frame=read) if row.frame is read_nef_frame else row for row in DECODER_TABLE)
    monkeypatch.setattr(sensormap.decode.reading, "DECODER_TABLE", rows)
    return found


def written(folder: Path, data: bytes, name: str = "x.nef") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def frames(path: Path, profile: Profile | None) -> tuple[Frame, Frame]:
    """Return a photo's frame by either decoder."""
    one, other = (read_frame(read_photo(path), profile, decoder=decoder) for decoder in DECODERS)
    return one, other


def assert_same(one: Frame, other: Frame, profile: Profile) -> None:
    area = profile.active_area.slices
    assert_array_equal(one.mosaic[area], other.mosaic[area])
    assert one.mosaic.dtype == other.mosaic.dtype
    assert one.mosaic.shape == other.mosaic.shape
    assert (one.photo, one.floor, one.saturation, one.digest) == (
        other.photo, other.floor, other.saturation, other.digest,
    )  # fmt: skip


# the same frames, the same map


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("black", [(0, 0, 0, 0), (3, 5, 7, 11)])
def test_frames_are_those_of_libraw(tmp_path: Path, used: list[bool], seed: int, black: tuple[int, ...]) -> None:
    path = written(tmp_path, nef_bytes(random_mosaic(seed), NefMeta(serial="7")))
    profile = open_geometry(path, own_profile(black_level=black))
    assert_same(*frames(path, profile), profile)
    assert used == [True]


@pytest.mark.parametrize("level", [1.0, 30.0, 800.0, 3600.0])
def test_dark_and_clipped_frames_too(tmp_path: Path, used: list[bool], level: float) -> None:
    path = written(tmp_path, nef(1, level=level))
    profile = open_geometry(path, get_profile(str(write_profile(tmp_path))))
    assert_same(*frames(path, profile), profile)
    assert used == [True]


@pytest.mark.parametrize("values", [[5], [0, 3880], [0, 1, 215, 216, 3879]])
def test_flat_and_jumping_frames_too(tmp_path: Path, used: list[bool], values: list[int]) -> None:
    mosaic = np.random.default_rng(1).choice(values, SIZE[::-1]).astype(np.uint16)
    path = written(tmp_path, nef_bytes(mosaic))
    profile = open_geometry(path, own_profile())
    assert_same(*frames(path, profile), profile)
    assert len(used) == 1


@pytest.mark.parametrize("jobs", [1, 3])
@pytest.mark.parametrize("follow", ["--follow=256", "--no-follow"])
def test_maps_are_the_same_to_the_byte(tmp_path: Path, used: list[bool], jobs: int, follow: str) -> None:
    write_photos(tmp_path / "photos", 24)
    profile = write_profile(tmp_path)
    for decoder in DECODERS:
        options = ("--profile", profile, "--jobs", jobs, follow, "--decoder", decoder, "-o", tmp_path / decoder)
        assert run("map", tmp_path / "photos", *options).exit_code == 0
    assert (tmp_path / "auto").read_bytes() == (tmp_path / "rawpy").read_bytes()
    assert set(used) == {True}
    assert len(used) >= 24


def test_libraw_decodes_the_first_photo_and_one_in_a_hundred(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = []
    real = sensormap.decode.libraw.read_levels
    monkeypatch.setattr(sensormap.decode.libraw, "read_levels", lambda *given: decoded.append(given[1]) or real(*given))
    paths = write_photos(tmp_path / "photos", 30)
    map_defects([tmp_path / "photos"], Options(profile=str(write_profile(tmp_path))))
    digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
    sampled = {name for name, digest in digests.items() if int(digest, 16) % 100 == 0}
    assert sorted(decoded) == sorted({"DSC_0000.NEF"} | sampled)


def test_rawpy_never_asks_for_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sensormap.decode.nef.frame, "read_values", lambda *_: pytest.fail("asked for"))
    path = written(tmp_path, nef(1))
    read_frame(read_photo(path), open_geometry(path, None), decoder=RAWPY)


# where it is not used


def assert_left_to_libraw(path: Path, profile: Profile | None, caplog: pytest.LogCaptureFixture, *said: str) -> None:
    with caplog.at_level(logging.INFO, "sensormap"):
        one, other = frames(path, profile)
    assert_same(one, other, profile or open_geometry(path, None))
    assert not one.by_own_decoder
    assert caplog.messages == list(said)


def changed(data: bytes, old: bytes, new: bytes, *, last: bool = False) -> bytes:
    at = data.rindex(old) if last else data.index(old)
    return data[:at] + new + data[at + len(old) :]


def lossless(mosaic: NDArray[np.uint16], bits: int) -> bytes:
    """Return a NEF as a camera that compresses without loss writes it; the mosaic may have 14 bits."""
    data = nef_bytes(np.minimum(mosaic, 4095), NefMeta(serial="7"))
    data = changed(data, b"\0\x93\0\3\0\0\0\1\0\1", b"\0\x93\0\3\0\0\0\1\0\3")
    data = changed(data, b"\x44\x10" + b"\0\x80" * 4, b"\x46\x30" + b"\0\x80" * 4)
    data = changed(data, COUNT_OF_BITS, COUNT_OF_BITS[:-1] + bytes([bits]))
    return with_new_strip(data, mosaic)


def lossy_14(mosaic: NDArray[np.uint16]) -> bytes:
    """Return a NEF of 14 bits with a table of four times the levels of the usual one."""
    data = nef_bytes(np.minimum(mosaic, 4095), NefMeta(serial="7"))
    data = changed(data, COUNT_OF_BITS, COUNT_OF_BITS[:-1] + bytes([14]))
    table = (4 * LEVELS).astype(">u2").tobytes()
    data = changed(data, LEVELS.astype(">u2").tobytes(), table)
    return with_new_strip(data, nearest_indices(mosaic, (4 * LEVELS).astype(np.uint16)))


def with_new_strip(data: bytes, indices: NDArray[np.uint16]) -> bytes:
    raw = find_strip(data, "a.nef")
    assert raw is not None
    coding = strip_coding(raw, "a.nef")
    assert coding is not None
    return with_strip(data, raw, pack(indices, coding)[0])


@pytest.mark.parametrize("bits", BIT_COUNTS)
@pytest.mark.parametrize("seed", range(3))
def test_lossless_frames_are_those_of_libraw(tmp_path: Path, used: list[bool], bits: int, seed: int) -> None:
    mosaic = random_mosaic(seed) * (bits - 11) % (1 << bits)
    path = written(tmp_path, lossless(mosaic.astype(np.uint16), bits))
    profile = open_geometry(path, own_profile(bits=bits, saturation=(1 << bits) - 1))
    one, other = frames(path, profile)
    assert_same(one, other, profile)
    assert used == [True]
    assert_array_equal(one.mosaic[profile.active_area.slices], mosaic[profile.active_area.slices])


@pytest.mark.parametrize("seed", range(3))
def test_lossy_frames_of_14_bits_too(tmp_path: Path, used: list[bool], seed: int) -> None:
    path = written(tmp_path, lossy_14((random_mosaic(seed) * 4).astype(np.uint16)))
    profile = open_geometry(path, own_profile(bits=14, saturation=16_383))
    assert_same(*frames(path, profile), profile)
    assert used == [True]


def test_a_table_that_ends_flat(tmp_path: Path, used: list[bool]) -> None:
    """Cameras' tables may: the highest index is that of a clipped photosite, and no reason to ask LibRaw."""
    flat = LEVELS.copy()
    flat[-9:] = flat[-9]
    data = changed(nef_bytes(random_mosaic(3)), LEVELS.astype(">u2").tobytes(), flat.astype(">u2").tobytes())
    indices = nearest_indices(random_mosaic(3), LEVELS)
    indices[:9, :9] = len(LEVELS) - 1
    path = written(tmp_path, with_new_strip(data, indices))
    profile = open_geometry(path, own_profile())
    assert_same(*frames(path, profile), profile)
    assert used == [True]


def test_a_format_that_it_does_not_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = written(tmp_path, dng_bytes(random_mosaic(2), "GBRG"), "x.dng")
    profile = open_geometry(path, own_profile(saturation=4095))
    assert_left_to_libraw(path, profile, caplog)


def test_a_camera_without_a_profile(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = written(tmp_path, nef_bytes(random_mosaic(3)))
    profile = open_geometry(path, None)
    assert profile.black_level is None
    assert_left_to_libraw(path, profile, caplog)


def test_a_photosite_beyond_saturation_is_no_reason(tmp_path: Path, used: list[bool]) -> None:
    path = written(tmp_path, nef_bytes(random_mosaic(4)))
    profile = open_geometry(path, own_profile(saturation=2000))
    assert_same(*frames(path, profile), profile)
    assert used == [True]


@pytest.mark.parametrize("profile", [None, own_profile()], ids=["none", "one"])
def test_without_a_profile_it_is_not_used(tmp_path: Path, used: list[bool], profile: Profile | None) -> None:
    path = written(tmp_path, nef_bytes(random_mosaic(5)))
    assert_same(*frames(path, profile), own_profile())
    assert used == [profile is not None]


def test_a_png_is_no_raw_photo(tmp_path: Path, used: list[bool], caplog: pytest.LogCaptureFixture) -> None:
    data = iio.imwrite("<bytes>", random_mosaic(6), extension=".png", plugin="pillow")
    path = written(tmp_path, data, "x.png")
    with caplog.at_level(logging.INFO, "sensormap"):
        assert_same(*frames(path, MONO), MONO)
    assert (used, caplog.messages) == ([], [])


FILTERS = b"\x82\x8e\0\1\0\0\0\4\1\2\0\1"  # tag and value: green, blue, red, green


@pytest.mark.parametrize(
    "data",
    [
        changed(nef(7), FILTERS, FILTERS[:-4] + b"\0\1\1\2"),
        changed(nef(7), FILTERS, FILTERS[:-4] + b"\1\2\0\7"),
        changed(nef(7), FILTERS, b"\x82\x8f" + FILTERS[2:]),
        changed(nef(7), COUNT_OF_BITS, COUNT_OF_BITS[:-1] + b"\x0e"),
        changed(nef(7), b"\x44\x10", b"\x44\x20"),
        changed(nef(7), b"\x44\x10", b"\x46\x30"),
        nef(7, size=(190, 128)),
        nef(7)[:-400] + bytes(400),
    ],
    ids=["filters", "no filters", "filters untold", "bits", "table", "lossless", "size", "damage"],
)
def test_whatever_is_odd_is_for_libraw(tmp_path: Path, used: list[bool], data: bytes) -> None:
    profile = get_profile(str(write_profile(tmp_path)))
    photo = replace(read_photo(written(tmp_path, nef(7))), size_bytes=len(data))
    photo.path.write_bytes(data)
    one, other = (outcome(photo, profile, decoder) for decoder in DECODERS)
    if isinstance(one, Frame) and isinstance(other, Frame):
        assert_same(one, other, profile)
    else:
        assert one == other
    assert used == [False]


# damage


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize(
    "data",
    [
        nef(7)[:2000],
        nef(7)[: len(nef(7)) // 2],
        nef(7)[: len(nef(7)) * 9 // 10],
        nef_bytes(np.zeros(SIZE[::-1], np.uint16)),
        b"not a photo\n" * 999,
        b"\0" * 5000,
        b"",
    ],
    ids=["header", "half", "nine tenths", "black", "text", "zeros", "nothing"],
)
def test_refusals_are_in_libraws_words(tmp_path: Path, decoder: str, data: bytes) -> None:
    def refusal(name: str) -> str:
        with pytest.raises(SensorMapError) as caught:
            read_frame(photo, profile, decoder=name)
        return f"{type(caught.value).__name__} {caught.value}"

    profile = get_profile(str(write_profile(tmp_path)))
    photo = replace(read_photo(written(tmp_path, nef(7))), size_bytes=len(data))
    photo.path.write_bytes(data)
    assert refusal(decoder) == refusal("rawpy")


def outcome(photo: Photo, profile: Profile, decoder: str) -> Frame | str:
    """Return a frame, or why there is none."""
    try:
        return read_frame(photo, profile, decoder=decoder)
    except SensorMapError as error:
        return str(error)


def flip(data: bytearray, rng: np.random.Generator) -> None:
    data[int(rng.integers(len(data)))] ^= 1 << int(rng.integers(8))


def cut_out(data: bytearray, rng: np.random.Generator) -> None:
    first = int(rng.integers(len(data)))
    del data[first : first + int(rng.integers(1, 3000))]


def overwrite(data: bytearray, rng: np.random.Generator) -> None:
    first, length = int(rng.integers(len(data) - 300)), int(rng.integers(1, 300))
    data[first : first + length] = rng.bytes(length)


def change_header(data: bytearray, rng: np.random.Generator) -> None:
    data[int(rng.integers(3000))] = int(rng.integers(256))


@pytest.mark.parametrize("damage", [flip, cut_out, overwrite, change_header])
def test_a_damaged_photo_fares_as_with_libraw(
    tmp_path: Path, damage: Callable[[bytearray, np.random.Generator], None]
) -> None:
    good = nef(7)
    photo = read_photo(written(tmp_path, good))
    profile = open_geometry(photo.path, get_profile(str(write_profile(tmp_path))))
    rng, outcomes = np.random.default_rng(1), Counter[str]()
    for _ in range(250):
        data = bytearray(good)
        damage(data, rng)
        photo.path.write_bytes(data)
        changed = replace(photo, size_bytes=len(data))
        one, other = (outcome(changed, profile, decoder) for decoder in DECODERS)
        if isinstance(one, Frame) and isinstance(other, Frame):
            assert_same(one, other, profile)
            outcomes["used by both"] += 1
        else:
            assert one == other
            outcomes["refused by both"] += 1
    assert outcomes["used by both"] > 10


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("seed", range(6))
def test_damaged_photos_in_a_run_are_told_and_never_a_traceback(tmp_path: Path, decoder: str, seed: int) -> None:
    write_photos(tmp_path / "photos")
    rng, data = np.random.default_rng(seed), bytearray(nef(7))
    for damage in (flip, overwrite, cut_out)[: 1 + seed % 3]:
        damage(data, rng)
    (tmp_path / "photos" / "bad.nef").write_bytes(data)
    result = run("map", tmp_path / "photos", "--profile", write_profile(tmp_path), "--decoder", decoder, "--jobs", 2)
    assert result.exit_code == 0
    assert isinstance(result.exception, SystemExit | None)
    assert result.stdout.startswith("format: sensormap/1")
    assert all(line.startswith(("skipped bad.nef: ", "only ")) for line in result.stderr.splitlines())


# the command line


def test_a_decoder_that_there_is_not_is_wrong_usage(tmp_path: Path) -> None:
    assert refused(click.BadParameter, "map", tmp_path, "--decoder", "dcraw") == "decoder"


def test_the_command_knows_the_decoders_that_there_are() -> None:
    assert tuple(decoder_option(lambda: None).__click_params__[0].type.choices) == DECODERS
