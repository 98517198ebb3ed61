"""NEFs written again: the photosites asked for change, every other byte stays, and other programs read them."""

from __future__ import annotations

import shutil
import struct
import subprocess
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from fixtures.camera.curve import LEVELS, quantise
from fixtures.files.nef import NefMeta, nef_bytes
from sensormap.correct import nef as nef_module
from sensormap.correct.nef import Nef, check_rewritten, read_nef, with_values
from sensormap.correct.nef_packing import pack
from sensormap.decode.libraw import open_raw, raw_values
from sensormap.decode.nef.codes import LOSSLESS
from sensormap.decode.nef.file import RawStrip, find_strip, with_strip
from sensormap.decode.nef.strip import StripCoding
from sensormap.decode.quiet import native_stderr_silenced
from sensormap.errors import DecodeError, OutputError
from tests.support.folders import SHARED

DATA = SHARED / "raw"
SHAPE = (96, 160)
META = NefMeta(
    serial="4001234", captured=datetime(2009, 5, 8, 11, 12, 13, 140_000), shutter=(10, 5000), iso=400,
    f_number=(56, 10), focal_length_mm=(50, 1), orientation=6, shutter_count=1234,
)  # fmt: skip
PREVIEW = bytes(range(251)) * 3  # stands for what a camera may put behind the strip


def mosaic(seed: int = 1, spread: float = 30) -> NDArray[np.uint16]:
    return np.random.default_rng(seed).normal(700, spread, SHAPE).clip(0, 4095).astype(np.uint16)


def lossy(seed: int = 1) -> bytes:
    return nef_bytes(mosaic(seed), META)


def lossless(seed: int = 1) -> bytes:
    """Return the same photo as a camera that compresses without loss writes it."""
    data = lossy(seed).replace(b"\0\x93\0\3\0\0\0\1\0\1", b"\0\x93\0\3\0\0\0\1\0\3", 1)
    data = data.replace(b"\x44\x10" + b"\0\x80" * 4, b"\x46\x30" + b"\0\x80" * 4, 1)
    coding = StripCoding(LOSSLESS, (128,) * 4, np.arange(LOSSLESS.most_levels, dtype=np.uint16))
    return with_strip(data, raw_of(data), pack(mosaic(seed), coding)[0])


def raw_of(data: bytes) -> RawStrip:
    raw = find_strip(data, "a.nef")
    assert raw is not None
    return raw


def opened(data: bytes) -> Nef:
    nef = read_nef(data, "a.nef")
    assert nef is not None
    return nef


def libraw_values(data: bytes) -> NDArray[np.uint16]:
    """Return the rows that LibRaw decodes."""
    with open_raw(data, "a.nef") as raw:
        return raw_values(raw)[: raw.sizes.height].copy()


def places(count: int, seed: int = 2) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw photosites, among them corners and the last rows, which LibRaw leaves out."""
    drawn = np.random.default_rng(seed).permutation(SHAPE[0] * SHAPE[1])[:count]
    chosen = np.union1d(drawn, [0, 1, SHAPE[1] - 1, SHAPE[1] * SHAPE[0] - 1, (SHAPE[0] - 2) * SHAPE[1]])
    return chosen // SHAPE[1], chosen % SHAPE[1]


def masked(data: bytes, raw: RawStrip, end: int) -> bytes:
    """Return the first bytes of a file without its strip and the two numbers that say where it lies."""
    rest = bytearray(data[:end])
    for place, size in ((raw.offset, raw.length), (raw.offset_place, 4), (raw.length_place, 4)):
        rest[place : place + size] = bytes(size)
    return bytes(rest)


@pytest.mark.parametrize("make", [lossy, lossless])
def test_values_are_those_of_libraw_and_of_the_rows_that_it_leaves_out(make) -> None:
    nef = opened(make())
    stored = quantise(mosaic()) if make is lossy else mosaic()
    np.testing.assert_array_equal(nef.values, stored)
    np.testing.assert_array_equal(nef.levels[nef.indices], stored)
    decoded = libraw_values(nef.data)
    assert decoded.shape[0] == SHAPE[0] - 3
    np.testing.assert_array_equal(nef.values[: len(decoded)], decoded)
    if make is lossy:
        np.testing.assert_array_equal(nef.levels, LEVELS)


@pytest.mark.parametrize("behind", [b"", PREVIEW])
@pytest.mark.parametrize("spread", [0, 20, 4000])  # much shorter, a little shorter, longer
@pytest.mark.parametrize("make", [lossy, lossless])
def test_the_given_photosites_change_and_no_other_byte(make, spread: int, behind: bytes) -> None:
    data = make() + behind
    nef = opened(data)
    rows, cols = places(2000)
    values = np.random.default_rng(5).normal(700, spread, rows.size)
    found = with_values(nef, rows, cols, values)
    check_rewritten(found, nef, rows, cols, values)

    again = opened(found)
    expected = nef.values.copy()
    expected[rows, cols] = [nef.levels[np.argmin(np.abs(nef.levels - value))] for value in values]
    np.testing.assert_array_equal(again.values, expected)
    np.testing.assert_array_equal(libraw_values(found), expected[: SHAPE[0] - 3])

    end = nef.raw.offset + nef.raw.length + len(behind)
    assert masked(found, nef.raw, end)[: len(data)] == masked(data, nef.raw, end)[: len(found)]
    moved = bool(behind) and spread == 4000
    assert (again.raw.offset != nef.raw.offset) == moved
    assert (again.raw.length > nef.raw.length) == (spread == 4000)
    assert again.raw.offset % 512 == 0
    assert len(found) == again.raw.offset + again.raw.length + (0 if moved else len(behind))
    if spread < 4000:
        assert (len(found), again.raw.length) == (len(data), nef.raw.length)


@pytest.mark.parametrize("make", [lossy, lossless])
def test_nothing_to_change_gives_the_very_file(make) -> None:
    nef = opened(make())
    rows, cols = places(50)
    none = np.array([], np.int64)
    for chosen_rows, chosen_cols in ((none, none), (rows, cols)):
        kept = nef.values[chosen_rows, chosen_cols]
        for values in (kept, kept + 0.3 * (kept > 0)):
            assert with_values(nef, chosen_rows, chosen_cols, values) == nef.data
            check_rewritten(nef.data, nef, chosen_rows, chosen_cols, values)


def test_a_strip_need_not_end_with_zeros_nor_at_its_last_code() -> None:
    data = lossy()
    raw = raw_of(data)
    longer = with_strip(data, raw, data[raw.offset :] + b"\xab" * 9)
    np.testing.assert_array_equal(opened(longer).values, quantise(mosaic()))
    _, bits = pack(opened(data).indices, opened(data).coding)
    filled = data[:-1] + bytes([data[-1] | (1 << -bits % 8) - 1])
    assert opened(filled).values.tolist() == quantise(mosaic()).tolist()


@pytest.mark.parametrize("spread", [20, 4000])  # shorter, longer
def test_what_a_strip_counts_as_its_own_behind_its_codes_is_kept(spread: int) -> None:
    data = bytearray(lossy() + PREVIEW)
    raw = raw_of(bytes(data))
    struct.pack_into(f"{raw.order}I", data, raw.length_place, len(data) - raw.offset)
    nef = opened(bytes(data))
    rows, cols = places(2000)
    values = np.random.default_rng(5).normal(700, spread, rows.size)
    found = with_values(nef, rows, cols, values)
    check_rewritten(found, nef, rows, cols, values)
    assert found[: len(data)].endswith(PREVIEW)
    assert (raw_of(found).offset == raw.offset) == (spread == 20)


def test_equal_levels_keep_their_index() -> None:
    """Where a table names a value twice, photosites that keep their value keep the camera's index for it too."""
    data = lossy()
    table = data.index(LEVELS.astype(">u2").tobytes())
    at = int(opened(data).indices[5, 5])
    twice = bytearray(data)
    twice[table + 2 * at : table + 2 * at + 2] = twice[table + 2 * at - 2 : table + 2 * at]
    nef = opened(bytes(twice))
    here = np.array([5])
    assert with_values(nef, here, here, nef.values[here, here]) == nef.data
    assert nef.levels[at] == nef.levels[at - 1]


def test_a_grown_strip_never_has_the_length_of_an_uncompressed_one() -> None:
    data = lossy()
    raw = raw_of(data)
    for length in (SHAPE[0] * SHAPE[1] * 3 // 2, SHAPE[0] * SHAPE[1] * 2):
        found = raw_of(with_strip(data, raw, bytes(length)))
        assert found.length == length + 1


def test_photosites_outside_and_values_that_are_none_are_refused() -> None:
    nef = opened(lossy())
    one = np.array([1])
    for row, col in ((-1, 0), (SHAPE[0], 0), (0, -1), (0, SHAPE[1])):
        with pytest.raises(ValueError, match="outside the raw grid of 160 x 96"):
            with_values(nef, np.array([row]), np.array([col]), one)
    with pytest.raises(ValueError, match="not finite"):
        with_values(nef, one, one, np.array([np.nan]))


def test_a_rewritten_file_that_decodes_otherwise_is_refused() -> None:
    nef = opened(lossy())
    rows, cols = places(20)
    values = np.full(rows.size, 900)
    found = with_values(nef, rows, cols, values)
    with pytest.raises(OutputError, match=r"a\.nef: rewritten, .* differ .*: 1, the first x 0, y 0 with 903 DN"):
        check_rewritten(found, nef, rows[1:], cols[1:], values[1:])
    with pytest.raises(OutputError, match="the first x 0, y 0 with 903 DN"):
        check_rewritten(found, nef, rows, cols, values + 100)
    with pytest.raises(OutputError, match="differ from what was meant: 1, the first x 40, y 40"):
        check_rewritten(found, replace(nef, values=with_one_changed(nef.values)), rows, cols, values)
    with pytest.raises(OutputError, match=r"LibRaw finds .64, 64. photosites"):
        check_rewritten(nef_bytes(mosaic()[:64, :64], META), nef, rows, cols, values)
    with native_stderr_silenced(), pytest.raises(OutputError, match="LibRaw does not decode it"):
        check_rewritten(found[: nef.raw.offset], nef, rows, cols, values)


def with_one_changed(values: NDArray[np.uint16]) -> NDArray[np.uint16]:
    changed = values.copy()
    changed[40, 40] += 1
    return changed


def test_a_strip_that_does_not_pack_to_itself_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nef_module, "pack", lambda indices, coding: pack(indices // 2, coding))
    with pytest.raises(DecodeError, match=r"a\.nef: its 160 x 96 photosites, packed again, are not the strip"):
        read_nef(lossy(), "a.nef")


def entry(tag: int, kind: int, count: int = 1) -> bytes:
    return struct.pack(">HHI", tag, kind, count)


def changed(start: bytes, value: bytes, *, skip: int = 0) -> bytes:
    """Return a photo with other bytes behind the last place that reads `start`: the mosaic's own directory's."""
    data = lossy()
    at = data.rindex(start) + len(start) + skip
    return data[:at] + value + data[at + len(value) :]


TABLE = b"\x44\x10" + b"\0\x80" * 4

OTHERS = {
    "empty": b"",
    "no TIFF": b"\xff\xd8\xff" + bytes(99),
    "short TIFF": b"MM\0*\0\0",
    "first directory outside": b"MM\0*\xff\xff\xff\xff" + bytes(99),
    "first directory is the header": b"MM\0*\0\0\0\0" + bytes(99),
    "first directory ends early": lossy()[:90],
    "13 bits": changed(entry(0x0102, 3), b"\0\x0d"),
    "uncompressed": changed(entry(0x0103, 3), b"\0\1"),
    "two strips": changed(entry(0x0111, 4), b"\0\0\0\2", skip=-4),
    "no mosaic": changed(entry(0x0106, 3), b"\0\2"),
    "other pattern": changed(entry(0x828D, 3, 2), b"\0\6\0\6"),
    "lossy type 2": changed(entry(0x0093, 3), b"\0\4"),
    "lossy type 2 table": changed(TABLE, b"\x44\x20", skip=-10),
    "no compression told": changed(entry(0x0093, 3), b"\0\x94", skip=-8),
    "own directory as SubIFD": changed(entry(0x014A, 4), b"\0\0\0\x08"),
    "2^32 SubIFDs": changed(entry(0x014A, 4), b"\xff\xff\xff\xff", skip=-4),
    "SubIFD outside": changed(entry(0x014A, 4), b"\xff\xff\xff\xf0"),
    "no EXIF": changed(entry(0x8769, 4), b"\0\0\0\0"),
    "another maker's note": changed(b"Nikon\0", b"Canon\0", skip=-6),
    "note of another byte order": changed(b"Nikon\0\2\x10\0\0", b"II*\0"),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_other_files_are_left_to_others(kind: str) -> None:
    assert read_nef(OTHERS[kind], "a.nef") is None


@pytest.mark.skipif(not DATA.exists(), reason="the real raw photos are not on this machine")
@pytest.mark.parametrize("name", ["RAW_NIKON_D1.NEF", "canon-d30.crw", "kodak-dc50.kdc"])
def test_real_photos_of_other_kinds_are_left_to_others(name: str) -> None:
    assert read_nef((DATA / name).read_bytes(), name) is None


DAMAGED = {
    "strip outside": (changed(entry(0x0111, 4), b"\xff\xff\xff\0"), "strip of .* at 4294967040, expected inside"),
    "strip of 2^32": (changed(entry(0x0117, 4), b"\xff\xff\xff\xff"), "strip of 4294967295 bytes at .* inside"),
    "strip over directories": (changed(entry(0x0111, 4), b"\0\0\0\x08"), "lies over the directory"),
    "strip too short": (changed(entry(0x0117, 4), b"\0\0\0\x63"), "strip of 99 bytes, too short for 160 x 96"),
    "cut": (lossy()[:-700], "strip of .* expected inside the file's"),
    "14 bits": (changed(entry(0x0102, 3), b"\0\x0e"), "too short for 160 x 96"),
    "huge": (changed(entry(0x0100, 4), b"\xff\xff\xff\xff"), "raw grid of 4294967295 x 96"),
    "large": (changed(entry(0x0100, 4), b"\0\0\xff\xff"), "too short for 65535 x 96"),
    "empty": (changed(entry(0x0100, 4), b"\0\0\0\0"), "raw grid of 0 x 96"),
    "note outside": (changed(entry(0x927C, 7, 0)[:4], b"\xff\xff\xff\xff"), "4294967295 bytes at .* inside"),
    "table outside": (changed(entry(0x0096, 7, 1378), b"\xff\xff\xff\xff"), "1378 bytes at .* inside"),
    "table of 2^32": (changed(entry(0x0096, 7, 1378), b"\xff\xff\xff\xff", skip=-4), "4294967295 bytes at"),
    "table cut": (changed(entry(0x0096, 7, 1378), b"\0\0\0\x0b", skip=-4), "0x0096 of 11 bytes, expected at least 12"),
    "table short": (changed(entry(0x0096, 7, 1378), b"\0\0\0\x63", skip=-4), "table of 683 levels in 99 bytes"),
    "one level": (changed(TABLE, b"\0\1"), "table of 1 levels"),
    "too many levels": (changed(TABLE, b"\x10\1"), "table of 4097 levels"),
    "fewer levels": (changed(TABLE, b"\0\xc8"), "an index outside the table of 200 levels at x"),
    "start outside": (changed(TABLE, b"\xff\xff", skip=-8), "start values 65535, 128, 128, 128, expected below 4096"),
    "table not ascending": (changed(TABLE, b"\0\7", skip=2), "table falls from 7 to 1 DN at index 1"),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_damaged_nefs_are_refused(kind: str) -> None:
    data, message = DAMAGED[kind]
    with pytest.raises(DecodeError, match=rf"^a\.nef: .*{message}"):
        read_nef(data, "a.nef")


@pytest.mark.parametrize("make", [lossy, lossless])
def test_no_damage_does_worse_than_an_error(make) -> None:
    data = make()
    rng = np.random.default_rng(8)
    head = raw_of(data).offset
    damaged = [data[:size] for size in rng.integers(0, len(data), 200)]
    for at in np.concatenate([rng.integers(0, head, 1500), rng.integers(0, len(data), 300)]):
        damaged.append(data[:at] + bytes([rng.choice([0, 1, 255, data[at] ^ 1 << rng.integers(8)])]) + data[at + 1 :])
    rows, cols = places(3)
    for one in damaged:
        try:
            nef = read_nef(one, "a.nef")
        except DecodeError:
            continue
        if nef is not None and nef.values.shape == SHAPE:
            with_values(nef, rows, cols, 4000 - nef.values[rows, cols].astype(int))


def little_endian(values: NDArray[np.uint16]) -> bytes:
    """Return as little of a NEF as LibRaw needs, with the other byte order, as later cameras have it."""
    coding = StripCoding(LOSSLESS, (2048,) * 4, np.arange(LOSSLESS.most_levels, dtype=np.uint16))
    strip, _ = pack(values, coding)
    height, width = values.shape

    def directory(start: int, *fields: tuple[int, int, bytes]) -> bytes:
        inline, behind = b"", b""
        for tag, kind, value in fields:
            place = start + 6 + 12 * len(fields) + len(behind)
            size = {1: 1, 2: 1, 3: 2, 4: 4, 7: 1}[kind]
            inline += struct.pack("<HHI", tag, kind, len(value) // size)
            inline += value.ljust(4, b"\0") if len(value) <= 4 else struct.pack("<I", place)
            behind += value if len(value) > 4 else b""
        return struct.pack("<H", len(fields)) + inline + bytes(4) + behind

    def long(value: int) -> bytes:
        return struct.pack("<I", value)

    def short(*values: int) -> bytes:
        return struct.pack(f"<{len(values)}H", *values)

    linearisation = b"\x46\x30" + short(2048, 2048, 2048, 2048, 0)
    note = b"Nikon\0\2\x10\0\0II*\0\x08\0\0\0" + directory(8, (0x93, 3, short(3)), (0x96, 7, linearisation))
    camera = [(0x10F, 2, b"NIKON CORPORATION\0"), (0x110, 2, b"NIKON D80\0")]
    main = [*camera, (0x14A, 4, long(400)), (0x8769, 4, long(600))]
    raw = [
        (0xFE, 4, long(0)), (0x100, 4, long(width)), (0x101, 4, long(height)), (0x102, 3, short(12)),
        (0x103, 3, short(34713)), (0x106, 3, short(32803)), (0x111, 4, long(1024)), (0x115, 3, short(1)),
        (0x116, 4, long(height)), (0x117, 4, long(len(strip))), (0x828D, 3, short(2, 2)), (0x828E, 1, b"\1\2\0\1"),
    ]  # fmt: skip
    file = (b"II*\0\x08\0\0\0" + directory(8, *main)).ljust(400, b"\0") + directory(400, *raw)
    return (file.ljust(600, b"\0") + directory(600, (0x927C, 7, note))).ljust(1024, b"\0") + strip


def test_files_in_the_other_byte_order_are_written_in_theirs() -> None:
    nef = opened(little_endian(mosaic()))
    np.testing.assert_array_equal(nef.values, mosaic())
    np.testing.assert_array_equal(libraw_values(nef.data), mosaic()[: SHAPE[0] - 3])
    rows, cols = places(2000)
    values = np.random.default_rng(5).integers(0, 4096, rows.size)
    found = with_values(nef, rows, cols, values)
    check_rewritten(found, nef, rows, cols, values)
    assert opened(found).raw.length > nef.raw.length


def output_of(*command: str | Path) -> bytes:
    """Run another program, skipping the test where it is absent."""
    if shutil.which(str(command[0])) is None:
        pytest.skip(f"{command[0]} is not installed")
    return subprocess.run([*map(str, command)], check=True, capture_output=True).stdout


@pytest.fixture(scope="module", params=[(20, b""), (4000, b""), (4000, PREVIEW)], ids=["shorter", "longer", "moved"])
def before_and_after(request, tmp_path_factory) -> tuple[Path, Path, Nef]:
    """Write a photo and the same with some photosites changed, in two folders."""
    spread, behind = request.param
    nef = opened(lossy() + behind)
    rows, cols = places(300)
    found = with_values(nef, rows, cols, np.random.default_rng(6).normal(700, spread, rows.size))
    paths = [tmp_path_factory.mktemp(folder) / "DSC_0001.NEF" for folder in ("before", "after")]
    for path, data in zip(paths, (nef.data, found), strict=True):
        path.write_bytes(data)
    return paths[0], paths[1], opened(found)


@pytest.mark.parametrize(
    ("command", "told_of_the_file"),
    [
        (("exiftool", "-a", "-u", "-G1", "-s"), ("[System]", "[SubIFD]        Strip", "[ExifTool]")),
        (("exiftool", "-b", "-ThumbnailTIFF"), ()),
        (("exiv2", "-q", "-pt", "-pa", "-PkyctE"), ("Exif.SubImage1.Strip",)),
    ],
    ids=["exiftool tags", "exiftool thumbnail", "exiv2 tags"],
)
def test_other_programs_read_the_same_of_both(before_and_after, command, told_of_the_file) -> None:
    told = []
    for path in before_and_after[:2]:
        lines = output_of(*command, path).splitlines()
        told.append([line for line in lines if not line.startswith(tuple(map(str.encode, told_of_the_file)))])
    assert told[0] == told[1]
    assert told[0]


def test_dcraw_decodes_what_was_meant(before_and_after) -> None:
    _, path, nef = before_and_after
    header, size, _, pixels = output_of("dcraw", "-D", "-4", "-t", "0", "-c", path).split(b"\n", 3)
    assert header == b"P5"
    width, height = map(int, size.split())
    found = np.frombuffer(pixels, ">u2").reshape(height, width)
    np.testing.assert_array_equal(found, nef.values[:height, :width])
