"""EXIF: what cameras write is read, what damage or malice writes is not believed."""

from __future__ import annotations

import errno
import logging
import os
import struct
import time
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fixtures.files import tiff
from fixtures.files.nef import NefMeta, nef_bytes
from sensormap.camera.profile import Body
from sensormap.errors import DecodeError
from sensormap.frame import Exposure
from sensormap.photos.exif import MAX_READS, read_photo
from tests.support.folders import SHARED

DATA = SHARED
MOSAIC = np.full((64, 96), 100, np.uint16)
META = NefMeta(
    serial="3012345",
    captured=datetime(2008, 5, 1, 12, 0, 3, 250_000),
    shutter=(10, 5000),
    iso=400,
    orientation=6,
    shutter_count=5123,
    long_exposure_nr=False,
)
NEF = nef_bytes(MOSAIC, META)


def written(tmp_path: Path, data: bytes) -> Path:
    """Write some bytes as a NEF."""
    path = tmp_path / "x.nef"
    path.write_bytes(data)
    return path


def small_tiff(*fields: tiff.Field, exif: tuple[tiff.Field, ...] = ()) -> bytes:
    """Return a TIFF of an IFD0 and an EXIF directory."""
    start = len(tiff.HEADER) + len(tiff.directory([*fields, tiff.long(0x8769, 0)], 8))
    return tiff.HEADER + tiff.directory([*fields, tiff.long(0x8769, start)], 8) + tiff.directory(exif, start)


def needs(path: Path) -> Path:
    """Skip where a file outside the repository is absent."""
    if not path.exists():
        pytest.skip(f"{path.name} is not at hand")
    return path


def test_nikon(tmp_path: Path) -> None:
    photo = read_photo(written(tmp_path, NEF))
    assert photo.size_bytes == len(NEF)
    assert photo.body == Body("NIKON CORPORATION", "NIKON D80", "3012345")
    assert photo.exposure == Exposure(
        iso=400,
        shutter_s=0.002,
        time=datetime(2008, 5, 1, 12, 0, 3, 250_000),
        orientation=6,
        shutter_count=5123,
        long_exposure_nr=False,
    )


def test_long_exposure_nr(tmp_path: Path) -> None:
    data = nef_bytes(MOSAIC, NefMeta(long_exposure_nr=True))
    assert read_photo(written(tmp_path, data)).exposure.long_exposure_nr is True


def test_nothing_told(tmp_path: Path) -> None:
    photo = read_photo(written(tmp_path, nef_bytes(MOSAIC, NefMeta(make=None, model=None, orientation=None))))
    assert (photo.body, photo.exposure) == (Body("", "", ""), Exposure())


@pytest.mark.parametrize(
    "data",
    [
        b"x",
        b"no photo at all" * 100,
        NEF[:8],
        NEF[:100],
        tiff.HEADER,
        b"II*\0" + b"\xff" * 500,
        b"\x89PNG\r\n\x1a\n" + b"\xee" * 50,
        b"\0\0\0\x18ftypheic" + b"\0" * 40,
        b"RIFF\0\0\0\0WEBPVP8X\x08",
        b"\xff\xd8\xff\xe1\0\x10Exif",
    ],
)
def test_file_without_exif(tmp_path: Path, data: bytes, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        photo = read_photo(written(tmp_path, data))
    assert (photo.body, photo.exposure) == (Body("", "", ""), Exposure())
    assert not caplog.records


@pytest.mark.parametrize(
    ("shutter", "expected"),
    [((10, 5000), 0.002), ((30, 1), 30.0), ((0, 1), None), ((1, 0), None), ((0, 0), None), ((100_000, 1), None)],
)
def test_shutter(tmp_path: Path, shutter: tuple[int, int], expected: float | None) -> None:
    data = small_tiff(exif=(tiff.rational(0x829A, shutter),))
    assert read_photo(written(tmp_path, data)).exposure.shutter_s == expected


DOUBLE, FLOAT = 12, 11  # types of TIFF
ORDER = ">"


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (tiff.Field(0x829A, DOUBLE, 1, struct.pack(f"{ORDER}d", 1 / 30)), 1 / 30),
        (tiff.Field(0x829A, FLOAT, 1, struct.pack(f"{ORDER}f", 0.25)), 0.25),
        (tiff.Field(0x829A, DOUBLE, 1, struct.pack(f"{ORDER}d", float("nan"))), None),
        (tiff.Field(0x829A, DOUBLE, 1, struct.pack(f"{ORDER}d", float("inf"))), None),
        (tiff.Field(0x829A, DOUBLE, 1, struct.pack(f"{ORDER}d", 0.0)), None),
        (tiff.short(0x829A, 2), 2.0),
        (tiff.long(0x829A, 30), 30.0),
        (tiff.text(0x829A, "1/60"), 1 / 60),
        (tiff.text(0x829A, "1/60 s"), 1 / 60),
        (tiff.text(0x829A, "0.5"), 0.5),
        (tiff.text(0x829A, "1/0"), None),
        (tiff.text(0x829A, "nan"), None),
        (tiff.text(0x829A, "long"), None),
        (tiff.text(0x829A, "/"), None),
    ],
)
def test_a_shutter_time_of_any_type(tmp_path: Path, field: tiff.Field, expected: float | None) -> None:
    assert read_photo(written(tmp_path, small_tiff(exif=(field,)))).exposure.shutter_s == pytest.approx(expected)


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (tiff.long(0x8827, 400), 400),
        (tiff.rational(0x8827, (400, 1)), 400),
        (tiff.Field(0x8827, DOUBLE, 1, struct.pack(f"{ORDER}d", 400.0)), 400),
        (tiff.text(0x8827, "400"), 400),
        (tiff.short(0x8827, 0), None),
        (tiff.text(0x8827, "auto"), None),
    ],
)
def test_an_iso_of_any_type_and_zero_is_none(tmp_path: Path, field: tiff.Field, expected: int | None) -> None:
    assert read_photo(written(tmp_path, small_tiff(exif=(field,)))).exposure.iso == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ((tiff.short(0x8827, 100),), 100),
        ((tiff.short(0x8827, 0),), None),
        ((tiff.short(0x8827, 65535), tiff.long(0x8832, 102_400)), 102_400),
        ((tiff.short(0x8827, 65535),), None),
        ((tiff.long(0x8827, 10_000_001),), None),
        ((tiff.text(0x8827, "400"),), 400),
    ],
)
def test_iso(tmp_path: Path, fields: tuple[tiff.Field, ...], expected: int | None) -> None:
    assert read_photo(written(tmp_path, small_tiff(exif=fields))).exposure.iso == expected


@pytest.mark.parametrize(
    ("text", "subsec", "expected"),
    [
        ("2008:05:01 12:00:03", "25", datetime(2008, 5, 1, 12, 0, 3, 250_000)),
        ("2008:05:01 12:00:03", "5", datetime(2008, 5, 1, 12, 0, 3, 500_000)),
        ("2008:05:01 12:00:03", "12345678", datetime(2008, 5, 1, 12, 0, 3, 123_456)),
        ("2008:05:01 12:00:03", "-1", datetime(2008, 5, 1, 12, 0, 3)),
        ("2008:05:01 12:00:03", "", datetime(2008, 5, 1, 12, 0, 3)),
        ("0000:00:00 00:00:00", "25", None),
        ("1979:12:31 23:59:59", "25", None),
        ("2101:01:01 00:00:00", "25", None),
        ("2008:02:30 12:00:03", "25", None),
        ("yesterday", "25", None),
    ],
)
def test_time(tmp_path: Path, text: str, subsec: str, expected: datetime | None) -> None:
    data = small_tiff(exif=(tiff.text(0x9003, text), tiff.text(0x9291, subsec)))
    assert read_photo(written(tmp_path, data)).exposure.time == expected


def test_time_of_the_first_directory(tmp_path: Path) -> None:
    data = small_tiff(tiff.text(0x9003, "2008:05:01 12:00:03"), exif=(tiff.text(0x9003, "    :  :     :  :  "),))
    assert read_photo(written(tmp_path, data)).exposure.time == datetime(2008, 5, 1, 12, 0, 3)


@pytest.mark.parametrize(("value", "expected"), [(1, 1), (8, 8), (0, None), (9, None), (6, 6)])
def test_orientation(tmp_path: Path, value: int, expected: int | None) -> None:
    assert read_photo(written(tmp_path, small_tiff(tiff.short(0x0112, value)))).exposure.orientation == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"NIKON D80 \0", "NIKON D80"),
        (b"NIKON D80\0garbage", "NIKON D80"),
        (b"NIK\x1b[31mON\r\n\0", "NIK[31mON"),
        (b"x" * 500 + b"\0", "x" * 64),
        (b"\xff\xfe\x80\0", "ÿþ"),
        (b"\0\0\0\0\0", ""),
    ],
)
def test_text(tmp_path: Path, raw: bytes, expected: str) -> None:
    assert read_photo(written(tmp_path, small_tiff(tiff.Field(0x0110, 2, len(raw), raw)))).body.model == expected


def test_serial_of_standard_exif(tmp_path: Path) -> None:
    data = small_tiff(tiff.text(0x010F, "ACME"), exif=(tiff.text(0xA431, "0042"),))
    assert read_photo(written(tmp_path, data)).body == Body("ACME", "", "0042")


def test_little_endian_note(tmp_path: Path) -> None:
    entries = struct.pack("<HHHII", 1, 0x00A7, 4, 1, 205) + b"\0\0\0\0"
    note = b"Nikon\0\x02\x11\0\0II*\0\x08\0\0\0" + entries
    data = small_tiff(tiff.text(0x010F, "NIKON CORPORATION"), exif=(tiff.octets(0x927C, note, undefined=True),))
    assert read_photo(written(tmp_path, data)).exposure.shutter_count == 205


def exif_blocks() -> tuple[bytes, bytes]:
    """Return two TIFFs: a main directory, and one of EXIF fields."""
    main = [tiff.text(0x010F, "ACME"), tiff.text(0x0110, "One")]
    exif = [tiff.rational(0x829A, (1, 50)), tiff.short(0x8827, 200), tiff.text(0xA431, "42")]
    return (tiff.HEADER + tiff.directory(main, 8), tiff.HEADER + tiff.directory(exif, 8))


def test_canon_boxes(tmp_path: Path) -> None:
    main, exif = exif_blocks()
    boxes = b"".join(
        struct.pack(">I", len(block) + 8) + name + block for name, block in ((b"CMT1", main), (b"CMT2", exif))
    )
    photo = read_photo(written(tmp_path, b"\0\0\0\x18ftypcrx \0\0\0\1" + b"\0" * 300 + boxes + b"\0" * 100))
    assert photo.body == Body("ACME", "One", "42")
    assert (photo.exposure.shutter_s, photo.exposure.iso) == (0.02, 200)


def test_fujifilm_jpeg(tmp_path: Path) -> None:
    exif = small_tiff(tiff.text(0x010F, "FUJIFILM"), exif=(tiff.rational(0x829A, (1, 50)),))
    jpeg = b"\xff\xd8\xff\xe1" + struct.pack(">H", len(exif) + 8) + b"Exif\0\0" + exif + b"\xff\xdb" + b"\0" * 50
    data = b"FUJIFILMCCD-RAW ".ljust(84, b"\0") + struct.pack(">II", 200, len(jpeg))
    photo = read_photo(written(tmp_path, data.ljust(200, b"\0") + jpeg))
    assert photo.body.make == "FUJIFILM"
    assert photo.exposure.shutter_s == 0.02


@pytest.mark.parametrize("data", [b"\0\0\0\x18ftypcrx ", b"FUJIFILMCCD-RAW", b"FUJIFILMCCD-RAW" + b"\xff" * 99])
def test_container_without_exif(tmp_path: Path, data: bytes) -> None:
    assert read_photo(written(tmp_path, data)).body == Body("", "", "")


def test_real_canon_boxes() -> None:
    photo = read_photo(needs(DATA / "broken" / "canon-r6-pruned.cr3"))
    assert photo.body.model == "Canon EOS R6"
    assert photo.exposure.shutter_s is not None


def test_directory_that_never_ends_takes_no_time(tmp_path: Path) -> None:
    entry = struct.pack(">HHII", 0x010F, 3, 999, 8)
    data = tiff.HEADER + struct.pack(">H", 65535) + entry * 65535
    start = time.perf_counter()
    assert read_photo(written(tmp_path, data)).body == Body("", "", "")
    assert time.perf_counter() - start < 10  # 65 million reads would take minutes; the bound is MAX_READS
    assert MAX_READS < 1e6


@pytest.mark.parametrize("cut", range(0, 3000, 37))
def test_truncated(tmp_path: Path, cut: int) -> None:
    photo = read_photo(written(tmp_path, NEF[: cut + 1]))
    assert "NIKON D80".startswith(photo.body.model)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 1200), st.integers(0, 255)), min_size=1, max_size=20))
def test_damaged(tmp_path: Path, damage: list[tuple[int, int]]) -> None:
    data = bytearray(NEF)
    for place, value in damage:
        data[place] = value
    photo = read_photo(written(tmp_path, bytes(data)))
    for text in (photo.body.make, photo.body.model, photo.body.serial):
        assert len(text) <= 64
        assert text.isprintable()
    exposure = photo.exposure
    assert exposure.shutter_s is None or 0 < exposure.shutter_s < 1e5
    assert exposure.iso is None or 1 <= exposure.iso <= 10_000_000
    assert exposure.orientation is None or 1 <= exposure.orientation <= 8


def test_file_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, NEF)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "not for you")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(DecodeError, match=r"^x.nef: cannot be read: not for you$"):
        read_photo(path)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser reads every file")
def test_file_without_permission(tmp_path: Path) -> None:
    path = written(tmp_path, NEF)
    path.chmod(0)
    with pytest.raises(DecodeError, match=os.strerror(errno.EACCES)):
        read_photo(path)


def test_no_regular_file(tmp_path: Path) -> None:
    (tmp_path / "folder.nef").mkdir()
    (tmp_path / "empty.nef").touch()
    (tmp_path / "broken.nef").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe.nef")
    for name, reason in (
        ("folder.nef", "is a folder, expected a photo"),
        ("empty.nef", r"is empty \(0 bytes\), expected a photo"),
        ("broken.nef", f"cannot be read: {os.strerror(errno.ENOENT)}"),
        ("pipe.nef", "is a pipe or device, expected a photo"),
        ("missing.nef", f"cannot be read: {os.strerror(errno.ENOENT)}"),
    ):
        with pytest.raises(DecodeError, match=f"^{name}: {reason}$"):
            read_photo(tmp_path / name)


def test_file_too_large(tmp_path: Path) -> None:
    path = tmp_path / "huge.nef"
    with path.open("wb") as file:
        file.truncate(2_000_000_000)  # sparse: takes no room
    with pytest.raises(DecodeError, match="has 2000000000 bytes, expected at most"):
        read_photo(path)


def test_real_nef() -> None:
    photo = read_photo(needs(DATA / "raw" / "RAW_NIKON_D1.NEF"))
    assert photo.body == Body("NIKON CORPORATION", "NIKON D1", "")
    assert photo.exposure.time == datetime(2000, 11, 19, 13, 1, 50, 240_000)
    assert (photo.exposure.iso, photo.exposure.shutter_s) == (200, 0.004)


def test_real_note_with_a_preview_in_it() -> None:
    photo = read_photo(needs(DATA / "broken" / "d7100-truncated.nef"))
    assert photo.body == Body("NIKON CORPORATION", "NIKON D7100", "7302381")
    assert (photo.exposure.shutter_count, photo.exposure.long_exposure_nr) == (205, False)
