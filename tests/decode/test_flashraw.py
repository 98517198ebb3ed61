"""The faster decoder: its frames are LibRaw's, and where it is absent, unsure or wrong LibRaw decides."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import imageio.v3 as iio
import numpy as np
import pytest
from numpy.testing import assert_array_equal

import sensormap.decode.flashraw
import sensormap.decode.libraw
from fixtures.files.nef import NefMeta, nef_bytes
from sensormap.camera.profile import Profile
from sensormap.camera.profile_files import get_profile
from sensormap.cli.options import decoder_option
from sensormap.decode.flashraw import load_flashraw, read_flash
from sensormap.decode.quiet import native_stderr_silenced
from sensormap.decode.reading import open_geometry, read_frame
from sensormap.errors import SensorMapError
from sensormap.frame import Frame, Photo
from sensormap.photos.exif import read_photo
from sensormap.score.neighbours import pad
from sensormap.score.noise import fit_noise
from sensormap.score.plausible import implausibility
from sensormap.settings import DECODERS, Options
from sensormap.survey.run import map_defects
from tests.decode.test_reading import MONO, dng_bytes, own_profile, random_mosaic
from tests.support.photos import SIZE, nef, refused, run, write_photos, write_profile

flashraw = pytest.importorskip("flashraw")


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with native_stderr_silenced():
        yield


@pytest.fixture
def used(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return, for each file so far that the faster decoder was given, why it was not used: empty if it was."""
    found = []

    def read(*arguments: Any) -> Any:
        values = read_flash(*arguments)
        found.append(values if isinstance(values, str) else "")
        return values

    monkeypatch.setattr(sensormap.decode.flashraw, "read_flash", read)
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
def test_frames_are_those_of_libraw(tmp_path: Path, used: list[str], seed: int, black: tuple[int, ...]) -> None:
    path = written(tmp_path, nef_bytes(random_mosaic(seed), NefMeta(serial="7")))
    profile = open_geometry(path, own_profile(black_level=black))
    assert_same(*frames(path, profile), profile)
    assert used == [""]


@pytest.mark.parametrize("level", [1.0, 30.0, 800.0, 3600.0])
def test_dark_and_clipped_frames_too(tmp_path: Path, used: list[str], level: float) -> None:
    path = written(tmp_path, nef(1, level=level))
    profile = open_geometry(path, get_profile(str(write_profile(tmp_path))))
    assert_same(*frames(path, profile), profile)
    assert used == [""]


@pytest.mark.parametrize("values", [[5], [0, 3880], [0, 1, 215, 216, 3879]])
def test_flat_and_jumping_frames_too(tmp_path: Path, used: list[str], values: list[int]) -> None:
    mosaic = np.random.default_rng(1).choice(values, SIZE[::-1]).astype(np.uint16)
    path = written(tmp_path, nef_bytes(mosaic))
    profile = open_geometry(path, own_profile())
    assert_same(*frames(path, profile), profile)
    assert len(used) == 1


@pytest.mark.parametrize("jobs", [1, 3])
@pytest.mark.parametrize("follow", ["--follow=256", "--no-follow"])
def test_maps_are_the_same_to_the_byte(tmp_path: Path, used: list[str], jobs: int, follow: str) -> None:
    write_photos(tmp_path / "photos", 24)
    profile = write_profile(tmp_path)
    for decoder in DECODERS:
        options = ("--profile", profile, "--jobs", jobs, follow, "--decoder", decoder, "-o", tmp_path / decoder)
        assert run("map", tmp_path / "photos", *options).exit_code == 0
    assert (tmp_path / "flashraw").read_bytes() == (tmp_path / "rawpy").read_bytes()
    assert set(used) == {""}
    assert len(used) >= 24


def test_libraw_opens_no_file_but_for_the_geometry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []
    real = sensormap.decode.libraw.open_raw
    monkeypatch.setattr(sensormap.decode.libraw, "open_raw", lambda *given: opened.append(given) or real(*given))
    write_photos(tmp_path / "photos", 6)
    map_defects([tmp_path / "photos"], Options(profile=str(write_profile(tmp_path)), decoder="flashraw"))
    assert len(opened) == 3


def test_the_usual_decoder_never_asks_for_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sensormap.decode.flashraw, "load_flashraw", lambda: pytest.fail("asked for"))
    path = written(tmp_path, nef(1))
    read_frame(read_photo(path), open_geometry(path, None))


# where it is not used


def assert_left_to_libraw(path: Path, profile: Profile | None, caplog: pytest.LogCaptureFixture, reason: str) -> None:
    with caplog.at_level(logging.INFO, "sensormap"):
        one, other = frames(path, profile)
    assert_same(one, other, profile or open_geometry(path, None))
    (message,) = caplog.messages
    assert message.startswith(f"{path.name}: decoded by rawpy; flashraw: {reason}")


def test_an_absent_package_is_told_and_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def absent(name: str) -> None:
        raise ImportError(name)

    assert load_flashraw() is flashraw
    monkeypatch.setattr(sensormap.decode.flashraw, "import_module", absent)
    assert load_flashraw() is None
    path = written(tmp_path, nef_bytes(random_mosaic(1)))
    profile = open_geometry(path, own_profile())
    assert_left_to_libraw(path, profile, caplog, "not installed (pip install 'sensormap[fast]')")


def test_a_format_that_is_not_known_to_decode_alike(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = written(tmp_path, dng_bytes(random_mosaic(2), "GBRG"), "x.dng")
    profile = open_geometry(path, own_profile(saturation=4095))
    assert_left_to_libraw(path, profile, caplog, "compression ")


def test_a_camera_without_a_profile(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = written(tmp_path, nef_bytes(random_mosaic(3)))
    profile = open_geometry(path, None)
    assert profile.black_level is None
    assert_left_to_libraw(path, profile, caplog, "black is left to LibRaw")


def test_a_photosite_beyond_saturation(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = written(tmp_path, nef_bytes(random_mosaic(4)))
    profile = open_geometry(path, own_profile(saturation=2000))
    assert_left_to_libraw(path, profile, caplog, "a photosite of 3804 DN, beyond saturation")


@pytest.mark.parametrize("profile", [None, own_profile()], ids=["none", "one without a black level"])
def test_without_anything_known_it_is_not_asked(tmp_path: Path, used: list[str], profile: Profile | None) -> None:
    path = written(tmp_path, nef_bytes(random_mosaic(5)))
    assert_same(*frames(path, profile), own_profile())
    assert len(used) == (profile is not None)


def test_a_png_is_no_raw_photo(tmp_path: Path, used: list[str], caplog: pytest.LogCaptureFixture) -> None:
    data = iio.imwrite("<bytes>", random_mosaic(6), extension=".png", plugin="pillow")
    path = written(tmp_path, data, "x.png")
    with caplog.at_level(logging.INFO, "sensormap"):
        assert_same(*frames(path, MONO), MONO)
    assert (used, caplog.messages) == ([], [])


def file_of(**changes: Any) -> Any:
    """Return a package whose files are described and decoded otherwise."""
    info = SimpleNamespace(
        compression="nikon-huffman", width=192, height=128, bits_per_sample=12, cfa=SimpleNamespace(pattern="GBRG")
    )
    decoded = SimpleNamespace(incomplete=False, warnings=(), array=np.full((128, 192), 100, np.uint16))
    for name, value in changes.items():
        setattr(info if hasattr(info, name) else decoded, name, value)

    class File:
        frame_info = info

        def __enter__(self) -> File:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def decode(self, **_: object) -> Any:
            if "error" in changes:
                raise changes["error"]
            return decoded

    return SimpleNamespace(open=lambda *_, **__: File(), FlashRawError=flashraw.FlashRawError)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"compression": "uncompressed"}, "compression uncompressed is not known to decode alike"),
        ({"width": 190}, "190 x 128 photosites"),
        ({"height": 130}, "192 x 130 photosites"),
        ({"bits_per_sample": 14}, "14 bits"),
        ({"cfa": None}, "filters none"),
        ({"cfa": SimpleNamespace(pattern="RGGB")}, "filters RGGB"),
        ({"incomplete": True}, "decoded in part"),
        ({"warnings": ("something",)}, "decoded in part"),
        ({"array": np.zeros((120, 180), np.uint16)}, "decoded in part"),
        ({"array": np.full((128, 192), 3881, np.uint16)}, "a photosite of 3881 DN, beyond saturation"),
        ({"array": np.zeros((128, 192), np.uint16)}, "every photosite is 0"),
        ({"error": flashraw.CorruptFileError("cut short")}, "cut short"),
        ({"error": flashraw.OutOfMemoryError("no memory")}, "no memory"),
        ({"error": flashraw.InternalError("a panic")}, "a panic"),
    ],
)
def test_whatever_differs_from_the_profile_is_for_libraw(changes: dict[str, Any], reason: str) -> None:
    assert read_flash(file_of(**changes), b"", own_profile()) == reason


def test_what_agrees_with_the_profile_is_used() -> None:
    assert_array_equal(read_flash(file_of(), b"", own_profile()), np.full((128, 192), 100))
    beyond = np.full((128, 192), 100, np.uint16)
    beyond[-1], beyond[:, -1] = 4095, 4095  # outside the active area
    assert_array_equal(read_flash(file_of(array=beyond), b"", own_profile()), beyond)


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


def is_plausible(frame: Frame, profile: Profile) -> bool:
    area = profile.active_area
    mosaic, clipping = frame.mosaic[area.slices], (frame.floor, frame.saturation)
    noise = fit_noise(pad(mosaic, 2), 2, clipping=clipping)
    return implausibility(mosaic, noise, profile.cfa.shifted(x=area.x, y=area.y), clipping=clipping) is None


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
def test_a_damaged_photo_fares_as_with_libraw_but_for_what_that_alone_notices(
    tmp_path: Path, damage: Callable[[bytearray, np.random.Generator], None]
) -> None:
    """flashraw is silent on differences that lead below 0: rows of them are implausible, a few photosites are not."""
    good = nef(7)
    photo = read_photo(written(tmp_path, good))
    profile = open_geometry(photo.path, get_profile(str(write_profile(tmp_path))))
    area = profile.active_area.slices
    expected = read_frame(photo, profile).mosaic[area]
    rng, outcomes = np.random.default_rng(1), Counter[str]()
    for _ in range(250):
        data = bytearray(good)
        damage(data, rng)
        photo.path.write_bytes(data)
        changed = replace(photo, size_bytes=len(data))
        one, other = (outcome(changed, profile, decoder) for decoder in DECODERS[::-1])
        if isinstance(other, Frame):
            assert isinstance(one, Frame)
            assert_same(one, other, profile)
            outcomes["used by both"] += 1
        elif isinstance(one, str):
            assert one == other
            outcomes["refused by both"] += 1
        elif not is_plausible(one, profile):
            outcomes["implausible"] += 1
        else:
            wrong = float(np.mean(one.mosaic[area] != expected))
            outcomes["missed" if wrong > 0.01 else "hardly damaged"] += 1
    assert outcomes["used by both"] + outcomes["refused by both"] > 0.6 * outcomes.total()
    assert outcomes["missed"] <= 0.02 * outcomes.total(), outcomes


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


@pytest.mark.parametrize(("verbose", "told"), [((), False), (("-v",), True)])
def test_each_photo_that_rawpy_decodes_after_all_is_told_at_v(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verbose: tuple[str, ...], told: bool
) -> None:
    monkeypatch.setattr(sensormap.decode.flashraw, "load_flashraw", lambda: None)
    write_photos(tmp_path / "photos", 2)
    options = ("--profile", write_profile(tmp_path), "--decoder", "flashraw", "--no-follow", *verbose)
    result = run("map", tmp_path / "photos", *options)
    assert result.exit_code == 0
    said = sorted(line for line in result.stderr.splitlines() if "flashraw" in line)
    reason = "decoded by rawpy; flashraw: not installed (pip install 'sensormap[fast]')"
    assert said == ([f"DSC_000{number}.NEF: {reason}" for number in range(2)] if told else [])


def test_a_decoder_that_there_is_not_is_wrong_usage(tmp_path: Path) -> None:
    assert refused(click.BadParameter, "map", tmp_path, "--decoder", "dcraw") == "decoder"


def test_the_command_knows_the_decoders_that_there_are() -> None:
    assert tuple(decoder_option(lambda: None).__click_params__[0].type.choices) == DECODERS
