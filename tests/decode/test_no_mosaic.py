"""Files that are no mosaic of one exposure, and X-Trans patterns: each refused by its own name, or decoded."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile

from fixtures.files import tiff
from fixtures.files.dng import dng_bytes
from fixtures.files.nef import NefMeta, nef_bytes
from fixtures.scenes.scenes import XTRANS
from sensormap.camera.cfa import XTRANS_NAMES, Cfa
from sensormap.camera.geometry import Rect
from sensormap.decode.kinds.no_mosaic import composite, undecodable
from sensormap.decode.original import read_original
from sensormap.decode.reading import open_geometry, read_frame
from sensormap.errors import DecodeError
from sensormap.photos.exif import read_photo

MOSAIC = np.random.default_rng(1).integers(1, 4000, (132, 192)).astype(np.uint16)
ACME = NefMeta(make="ACME", model="ACME X6")
X6 = dng_bytes(MOSAIC, ACME, cfa=XTRANS)


def rows_of(cfa: Cfa) -> list[str]:
    return cfa.name.split("/")


def linear_dng(make: str) -> bytes:
    """Return a DNG whose colours are filled in."""
    one = tuple(part for i in range(9) for part in (int(i % 4 == 0), 1))
    values = {
        50706: (1, bytes((1, 3, 0, 0))), 50708: (2, b"X\0"), 271: (2, make.encode() + b"\0"), 272: (2, b"X\0"),
        50717: (4, (4095,) * 3), 50778: (3, (21,)),
    }  # fmt: skip
    tags = [(number, kind, len(value), value, True) for number, (kind, value) in values.items()]
    tags += [(50721, 10, 9, one, True), (50728, 5, 3, (1, 2, 1, 1, 1, 2), True)]
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer, byteorder="<") as writer:
        writer.write(
            np.dstack([MOSAIC] * 3), photometric=34892, subfiletype=0, software=False, metadata=None, extratags=tags
        )
    return buffer.getvalue()


def with_note(make: str, opening: bytes, directory: list[tiff.Field], *, start: int) -> bytes:
    """Return a TIFF of nothing but a maker's name and MakerNote; the directory's offsets count from the note."""
    note = opening + tiff.directory(directory, start)
    main = [tiff.text(0x010F, make), tiff.long(0x8769, 0)]
    exif_start = 8 + len(tiff.directory(main, 8))
    main[1] = tiff.long(0x8769, exif_start)
    exif = tiff.directory([tiff.octets(0x927C, note, undefined=True)], exif_start)
    return tiff.HEADER + tiff.directory(main, 8) + exif


def olympus(stacked: tuple[int, int], make: str = "OM Digital Solutions") -> bytes:
    settings_start = 12 + len(tiff.directory([tiff.long(0x2020, 0)], 12))
    inner = tiff.directory([tiff.long(0x0804, *stacked)], settings_start)
    note = b"OLYMPUS\0MM\0\3" + tiff.directory([tiff.Field(0x2020, 13, 1, settings_start.to_bytes(4, "big"))], 12)
    main = [tiff.text(0x010F, make), tiff.long(0x8769, 0)]
    exif_start = 8 + len(tiff.directory(main, 8))
    main[1] = tiff.long(0x8769, exif_start)
    exif = tiff.directory([tiff.octets(0x927C, note + inner, undefined=True)], exif_start)
    return tiff.HEADER + tiff.directory(main, 8) + exif


def changed_compression(number: int) -> bytes:
    """Return a NEF that says of itself that it is compressed in another way."""
    data = nef_bytes(MOSAIC)
    at = data.index(bytes.fromhex("0093000300000001")) + 8
    return data[:at] + number.to_bytes(2, "big") + data[at + 2 :]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"FOVb" + bytes(5000), "no mosaic but a Foveon photo"),
        (linear_dng("ACME"), "no mosaic but a linear DNG"),
        (linear_dng("Apple"), "no mosaic but an Apple ProRAW"),
        (changed_compression(13)[:-20_000], "compressed by Nikon High Efficiency, which LibRaw does not decode"),
        (dng_bytes(MOSAIC, ACME, cfa=[*(row[:5] for row in XTRANS), XTRANS[0][:5]]), "pattern, expected 2x2 Bayer or"),
        (dng_bytes(MOSAIC, ACME, cfa=["GBRBRG", *XTRANS[1:]]), r"6x6 filters .*\(8 R, 20 G, 8 B\), expected those of"),
        (dng_bytes(MOSAIC, ACME, cfa=["GBGBRG", *XTRANS[1:]]), r"6x6 filters .*\(7 R, 21 G, 8 B\), expected those of"),
        (
            dng_bytes(MOSAIC, ACME, cfa=["".join(row).replace("B", "G") for row in XTRANS]),
            r"6x6 filters .*\(8 R, 28 G, 0 B\), expected those of X-Trans",
        ),
        (dng_bytes(MOSAIC, ACME, cfa=["GGGGGG"] * 6), "6x6 filters that LibRaw takes for one colour, expected"),
        (dng_bytes(MOSAIC, replace(ACME, make="FUJIFILM", model="X-T1"), cfa=XTRANS, active=(2, 4, 120, 180)), "phase"),
        (
            X6.replace(bytes.fromhex("828e000100000024"), bytes.fromhex("828e00010fffff24")),
            "LibRaw does not tell the phase|filters|pattern|damaged",
        ),
        (dng_bytes(MOSAIC, ACME, cfa=XTRANS)[:600], "damaged|not a raw photo"),
    ],
)
def test_is_refused_in_one_line(tmp_path: Path, data: bytes, reason: str) -> None:
    path = tmp_path / "x.dng"
    path.write_bytes(data)
    with pytest.raises(DecodeError, match=rf"^x\.dng: .*({reason})") as caught:
        open_geometry(path, None)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (olympus((8, 8)), "a high-resolution composite of several exposures"),
        (olympus((11, 12), "OLYMPUS CORPORATION"), "a high-resolution composite"),
        (olympus((0, 0)), ""),
        (olympus((5, 4)), ""),
        (nef_bytes(MOSAIC), ""),
        (dng_bytes(MOSAIC, ACME, cfa=XTRANS), ""),
        (b"", ""),
    ],
)
def test_composites_are_told_by_their_makers_notes(data: bytes, reason: str) -> None:
    assert composite(data).startswith(reason)
    assert bool(composite(data)) == bool(reason)


def test_photos_merged_by_a_phone_are_told_by_its_program() -> None:
    one = dng_bytes(MOSAIC, replace(ACME, make="HDR+ 1.0.540104767zd"), cfa=XTRANS)
    merged = one.replace(bytes.fromhex("010f0002"), bytes.fromhex("01310002"))  # Software in place of Make
    assert composite(merged).startswith("merged by the phone of several exposures")
    assert not composite(one)


def test_nikon_high_efficiency_is_named_only_where_libraw_fails(tmp_path: Path) -> None:
    assert [bool(undecodable(changed_compression(number))) for number in (1, 3, 13, 14)] == [False, False, True, True]
    path = tmp_path / "x.nef"
    path.write_bytes(changed_compression(13))
    assert open_geometry(path, None).cfa == Cfa("GBRG")


@pytest.mark.parametrize("corner", [(0, 0), (6, 12), (1, 0), (4, 3), (11, 5)])
@pytest.mark.parametrize("name", XTRANS_NAMES[::4])
def test_xtrans_filters_count_from_the_raw_corner(tmp_path: Path, name: str, corner: tuple[int, int]) -> None:
    cfa, (x, y) = Cfa(name), corner
    path = tmp_path / "x.dng"
    path.write_bytes(dng_bytes(MOSAIC, ACME, cfa=rows_of(cfa.shifted(x=x, y=y)), active=(y, x, y + 100, x + 150)))
    profile = open_geometry(path, None)
    assert profile.cfa == cfa
    area = profile.active_area
    assert area.intersection(Rect(x, y, 150, 100)) == area
    frame = read_frame(read_photo(path), profile)
    np.testing.assert_array_equal(frame.mosaic[area.slices], MOSAIC[area.slices])
    assert read_original(path.read_bytes(), "x.dng").cfa == cfa
