"""DNGs corrected in the DNG: what LibRaw decodes changes where it should, and every other byte stays."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from fixtures.files.tiled_dng import DIGEST, PRIVATE, DngCoding, dng_bytes
from sensormap.camera.cfa import Cfa
from sensormap.camera.geometry import Rect, Sensor
from sensormap.camera.profile import Body
from sensormap.correct import raw
from sensormap.correct.dng_inside import lossless_jpeg
from sensormap.correct.dng_inside.rewriting import assembled, read_tiles, with_photosites
from sensormap.correct.plan import plan_corrections
from sensormap.correct.run import CorrectOptions, correct_photos
from sensormap.decode.dng.tiles import Mosaic, find_mosaic
from sensormap.decode.libraw import open_raw, raw_values
from sensormap.decode.original import Original, read_original
from sensormap.decode.quiet import native_stderr_silenced
from sensormap.errors import DecodeError
from sensormap.maps.sensor_map import SensorMap
from sensormap.photos.mark import MARK
from tests.support.maps import toy_defect, toy_map

SHAPE = (100, 150)
PLAIN = [
    DngCoding(bits=16),
    DngCoding(bits=16, order=">"),
    DngCoding(bits=12, rows=30),
    DngCoding(bits=14, tile=(64, 48), order=">"),
    DngCoding(bits=10, tile=(48, 32)),
    DngCoding(bits=16, tile=(64, 48)),
    DngCoding(bits=8),
]
JPEG = [
    DngCoding(bits=14, jpeg=True),
    DngCoding(bits=12, jpeg=True, tile=(64, 48)),
    DngCoding(bits=14, jpeg=True, tile=(64, 48), predictor=7, order=">"),
    DngCoding(bits=16, jpeg=True, tile=(64, 48), components=1, predictor=6),
    DngCoding(bits=8, jpeg=True, tile=(32, 32), components=1),
]
BOTH = [*PLAIN, *JPEG]
LATER_PLACE = SHAPE[0] * SHAPE[1] - 1


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with native_stderr_silenced():
        yield


@pytest.fixture(autouse=True)
def _extra(request: pytest.FixtureRequest) -> None:
    if "coding" in request.fixturenames and request.getfixturevalue("coding").jpeg:
        pytest.importorskip("imagecodecs")


def mosaic_of(coding: DngCoding) -> NDArray[np.uint16]:
    top = (1 << coding.bits) - 1
    return (np.random.default_rng(coding.bits).normal(0.3, 0.01, SHAPE) * top).clip(0, top).astype(np.uint16)


def found_in(data: bytes) -> Mosaic:
    mosaic = find_mosaic(data, "a.dng")
    assert mosaic is not None
    return mosaic


def decoded(data: bytes) -> NDArray[np.uint16]:
    with open_raw(data, "a.dng") as raw:
        return raw_values(raw).copy()


def rewritten(data: bytes, mosaic: Mosaic, new: tuple[NDArray[np.integer], ...]) -> bytes | None:
    tiles = read_tiles(data, mosaic, "a.dng")
    assert tiles is not None
    return with_photosites(data, mosaic, tiles, new, "a.dng")


def changes(coding: DngCoding, count: int = 300) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    rng = np.random.default_rng(3)
    places = np.union1d(rng.permutation(SHAPE[0] * SHAPE[1])[:count], [0, 1, SHAPE[1] - 1, LATER_PLACE])
    return places // SHAPE[1], places % SHAPE[1], rng.integers(0, 1 << coding.bits, places.size)


def without_tiles(data: bytes, mosaic: Mosaic, end: int) -> bytes:
    """Return the first bytes of a file without its tiles, what says where they are, and the digests."""
    rest = bytearray(data[:end])
    for offset, length in zip(mosaic.offsets, mosaic.lengths, strict=True):
        rest[offset : offset + length] = bytes(len(rest[offset : offset + length]))
    count = len(mosaic.offsets)
    for place, size in (
        (mosaic.offsets_place, 4 * count),
        (mosaic.lengths_place, struct.calcsize(mosaic.length_form) * count),
        *((place, 16) for place in mosaic.digest_places),
    ):
        rest[place : place + size] = bytes(size)
    return bytes(rest)


@pytest.mark.parametrize("coding", BOTH, ids=str)
def test_the_given_photosites_change_and_no_other_byte(coding: DngCoding) -> None:
    values = mosaic_of(coding)
    data = dng_bytes(values, coding)
    assert_array_equal(decoded(data), values)
    mosaic = found_in(data)
    assert (mosaic.bits, mosaic.lossless_jpeg, len(mosaic.digest_places)) == (coding.bits, coding.jpeg, 2)
    tiles = read_tiles(data, mosaic, "a.dng")
    assert tiles is not None
    assert_array_equal(assembled(tiles, mosaic), values)
    rows, cols, new = changes(coding)
    found = rewritten(data, mosaic, (rows, cols, new))
    assert found is not None
    expected = values.copy()
    expected[rows, cols] = new
    assert_array_equal(decoded(found), expected)
    # The old places are masked in both: there lie tiles, or, of those that moved, what they were.
    assert without_tiles(found, mosaic, len(data)) == without_tiles(data, mosaic, len(data))
    assert PRIVATE in found
    assert DIGEST not in found
    again = found_in(found)
    assert replace(again, offsets=(), lengths=()) == replace(mosaic, offsets=(), lengths=())
    if not coding.jpeg:
        assert (len(found), again) == (len(data), mosaic)


@pytest.mark.parametrize("coding", BOTH, ids=str)
def test_only_tiles_with_a_change_are_written(coding: DngCoding) -> None:
    values = mosaic_of(coding)
    data = dng_bytes(values, coding)
    mosaic = found_in(data)
    one = np.array([SHAPE[0] - 2]), np.array([3]), np.array([values[SHAPE[0] - 2, 3] ^ 1])
    found = rewritten(data, mosaic, one)
    assert found is not None
    again = found_in(found)
    first = lambda file, where: [file[at : at + 40] for at in where.offsets]  # noqa: E731
    tile = (SHAPE[0] - 2) // mosaic.tile_height * mosaic.across
    assert [place for place, old in enumerate(mosaic.offsets) if again.offsets[place] != old] in ([], [tile])
    for number in set(range(len(mosaic.offsets))) - {tile}:
        assert first(found, again)[number] == first(data, mosaic)[number]
    assert np.count_nonzero(decoded(found) != values) == 1


@pytest.mark.parametrize("coding", [JPEG[1]], ids=str)
def test_a_tile_that_grows_moves_to_the_end_and_one_that_shrinks_stays(coding: DngCoding) -> None:
    values = mosaic_of(coding)
    data = dng_bytes(values, coding)
    mosaic = found_in(data)
    rows, cols = (part.ravel() for part in np.mgrid[0:40, 0:60])
    noise = np.random.default_rng(1).integers(0, 4096, rows.size)
    for new, grows in ((noise, True), (np.full(rows.size, 99), False)):
        found = rewritten(data, mosaic, (rows, cols, new))
        assert found is not None
        again = found_in(found)
        assert (again.offsets[0] >= len(data)) == grows == (again.lengths[0] > mosaic.lengths[0])
        assert again.offsets[0] % 16 == 0 if grows else len(found) == len(data)
        assert again.offsets[1:] == mosaic.offsets[1:]
        expected = values.copy()
        expected[rows, cols] = new
        assert_array_equal(decoded(found), expected)


# through the command


def map_for(shape: tuple[int, int] = SHAPE) -> SensorMap:
    sensor = Sensor((shape[1], shape[0]), Rect(0, 0, shape[1], shape[0]), Cfa("GBRG"), None)
    defects = tuple(toy_defect(x, y, sensor=sensor) for x, y in ((20, 13), (21, 60), (99, 77)))
    toy = toy_map()
    return replace(
        toy, body=Body("ACME", "One", "7"), profile="own", sensor=sensor, defects=defects, columns=(), rows=()
    )


OPTIONS = CorrectOptions(all_defects=True, jobs=1)


@pytest.mark.parametrize("coding", [PLAIN[2], PLAIN[5], JPEG[1], JPEG[3]], ids=str)
def test_a_dng_stays_one(coding: DngCoding, tmp_path: Path) -> None:
    values = mosaic_of(coding)
    hot = np.array([13, 60, 77]), np.array([20, 21, 99])
    values[hot] = (1 << coding.bits) - 1
    photo = tmp_path / "in" / "A.DNG"
    photo.parent.mkdir()
    photo.write_bytes(dng_bytes(values, coding))
    plan = plan_corrections([photo], map_for(), tmp_path / "out", OPTIONS)
    done = correct_photos([photo], map_for(), tmp_path / "out", OPTIONS, on_skipped=pytest.fail)
    assert (done[0].output, done[0].repaired, plan[0].output) == (tmp_path / "out" / "A.DNG", 3, done[0].output)
    data = done[0].output.read_bytes()
    assert data.endswith(MARK)
    assert PRIVATE in data
    found = decoded(data)
    assert np.abs(found[hot] / (1 << coding.bits) - 0.3).max() < 0.05
    found[hot] = values[hot]
    assert_array_equal(found, values)

    nothing = replace(map_for(), defects=())
    done = correct_photos([photo], nothing, tmp_path / "same", OPTIONS, on_skipped=pytest.fail)
    assert done[0].output.read_bytes() == photo.read_bytes()


@pytest.mark.parametrize("coding", [PLAIN[3], JPEG[1]], ids=str)
def test_margins_stay_as_they_are(coding: DngCoding, tmp_path: Path) -> None:
    values = mosaic_of(coding)
    values[13, 20] = values[2, 3] = (1 << coding.bits) - 1
    photo = tmp_path / "a.dng"
    photo.write_bytes(dng_bytes(values, coding, extra=((50829, 4, (4, 6, 100, 150)),)))
    sensor = replace(map_for().sensor, active_area=Rect(6, 4, 144, 96))
    of_photo = replace(map_for(), sensor=sensor, defects=(toy_defect(20, 13, sensor=sensor),))
    done = correct_photos([photo], of_photo, tmp_path / "out", OPTIONS, on_skipped=pytest.fail)
    found = decoded(done[0].output.read_bytes())
    assert np.argwhere(found != values).tolist() == [[13, 20]]


@pytest.mark.parametrize("dng", [False, True])
@pytest.mark.parametrize("coding", [PLAIN[2], PLAIN[5], JPEG[1]], ids=str)
def test_values_that_libraw_decodes_and_the_file_does_not_hold_are_written_nowhere(
    coding: DngCoding, dng: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(data: bytes, name: str) -> Original:
        original = read_original(data, name)
        return replace(original, mosaic=original.mosaic ^ (np.arange(SHAPE[1]) == 7))

    monkeypatch.setattr(raw, "read_original", wrong)
    photo, why = tmp_path / "a.dng", []
    photo.write_bytes(dng_bytes(mosaic_of(coding), coding))
    options = replace(OPTIONS, dng=dng)
    assert not correct_photos([photo], map_for(), tmp_path / "out", options, on_skipped=why.append)
    assert [one.reason for one in why] == ["LibRaw decodes other values than the file holds, at 100 photosites"]


@pytest.mark.parametrize("coding", [PLAIN[5], JPEG[1]], ids=str)
def test_what_is_no_photo_is_not_repaired(coding: DngCoding, tmp_path: Path) -> None:
    values = mosaic_of(coding)
    values[40:] += np.random.default_rng(2).integers(0, 1 << coding.bits - 1, (60, 1), np.uint16)
    photo, why = tmp_path / "a.dng", []
    photo.write_bytes(dng_bytes(values, coding))
    assert not correct_photos([photo], map_for(), tmp_path / "out", OPTIONS, on_skipped=why.append)
    assert "do not fit the rows beside them" in why[0].reason


@pytest.mark.parametrize("coding", [JPEG[1]], ids=str)
def test_without_the_extra_it_becomes_a_new_dng(
    coding: DngCoding, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lossless_jpeg, "is_available", lambda: False)
    photo = tmp_path / "a.dng"
    photo.write_bytes(dng_bytes(mosaic_of(coding), coding))
    done = correct_photos([photo], map_for(), tmp_path / "out", OPTIONS, on_skipped=pytest.fail)
    data = done[0].output.read_bytes()
    assert PRIVATE not in data
    assert found_in(data).lossless_jpeg is False


def test_as_a_new_dng_if_asked(tmp_path: Path) -> None:
    photo = tmp_path / "a.dng"
    photo.write_bytes(dng_bytes(mosaic_of(PLAIN[0]), PLAIN[0]))
    options = replace(OPTIONS, dng=True)
    done = correct_photos([photo], map_for(), tmp_path / "out", options, on_skipped=pytest.fail)
    assert PRIVATE not in done[0].output.read_bytes()


# other files, and bad ones

TILED = dng_bytes(mosaic_of(PLAIN[5]), PLAIN[5])
STRIPS = dng_bytes(mosaic_of(PLAIN[2]), PLAIN[2])


def changed(data: bytes, tag: int, **parts: int) -> bytes:
    """Return a little-endian DNG with another `kind`, `count` or `value` in an entry of the mosaic's directory."""
    start = struct.unpack_from("<I", data, data.index(struct.pack("<HHI", 0x014A, 4, 1)) + 8)[0]
    at = data.index(struct.pack("<H", tag), start + 2)
    while (at - start - 2) % 12:
        at = data.index(struct.pack("<H", tag), at + 1)
    entry = dict(zip(("tag", "kind", "count", "value"), struct.unpack_from("<HHII", data, at), strict=True))
    return data[:at] + struct.pack("<HHII", *(entry | parts).values()) + data[at + 12 :]


def numbers_of(data: bytes, number: int, value: int, *, lengths: bool = False) -> bytes:
    """Return a DNG with another place, or length, of one tile."""
    mosaic = found_in(data)
    at = (mosaic.lengths_place if lengths else mosaic.offsets_place) + 4 * number
    return data[:at] + struct.pack("<I", value) + data[at + 4 :]


OTHERS = {
    "nothing": b"",
    "no TIFF": b"\xff\xd8\xff" + bytes(99),
    "first directory outside": b"II*\0\xff\xff\xff\xff" + bytes(99),
    "no DNG": TILED.replace(struct.pack("<HHI", 50706, 1, 4), struct.pack("<HHI", 50705, 1, 4)),
    "linear": changed(TILED, 0x0106, value=34892),
    "lossy": changed(TILED, 0x0103, value=34892),
    "JPEG XL": changed(TILED, 0x0103, value=52546),
    "two values a photosite": changed(TILED, 0x0115, value=2),
    "32 bits": changed(TILED, 0x0102, value=32),
    "a preview": changed(TILED, 0x00FE, value=1),
    "wide tiles": changed(TILED, 0x0142, value=4096),
    "tiles of no size": changed(TILED, 0x0143, value=0),
    "huge tiles": changed(TILED, 0x0143, value=65_535),
    "short places": changed(TILED, 0x0144, kind=3),
    "linearisation": dng_bytes(mosaic_of(PLAIN[5]), PLAIN[5], extra=((50712, 3, (0, 9)),)),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_other_files_are_left_to_others(kind: str) -> None:
    assert find_mosaic(OTHERS[kind], "a.dng") is None


BAD = {
    "huge": (changed(TILED, 0x0100, value=0xFFFFFFFF), "raw grid of 4294967295 x 100"),
    "counts of millions": (changed(TILED, 0x0144, count=90_000_000), "90000000 places of tiles and 9 lengths"),
    "too few lengths": (changed(TILED, 0x0145, count=3), "9 places of tiles and 3 lengths, expected 9 of each"),
    "tiny tiles": (changed(changed(TILED, 0x0142, value=1), 0x0143, value=1), "expected 15000 of each"),
    "list outside": (changed(TILED, 0x0144, value=0xFFFFFF00), "36 bytes at 4294967040, expected inside the file's"),
    "tile outside": (numbers_of(TILED, 4, len(TILED) - 9), "tile 4 of 6144 bytes at .*, expected inside the file's"),
    "length outside": (numbers_of(TILED, 4, 1 << 31, lengths=True), "tile 4 of 2147483648 bytes at .* inside"),
    "tile over another": (numbers_of(TILED, 4, found_in(TILED).offsets[5] - 6), "of 6144 bytes at .* lies over tile"),
    "the same tile twice": (numbers_of(TILED, 4, found_in(TILED).offsets[5]), "of 6144 bytes at .* lies over tile"),
    "tile over the list": (
        numbers_of(TILED, 4, found_in(TILED).offsets_place - 8), "lies over tile 4",
    ),
    "short tile": (numbers_of(TILED, 4, 99, lengths=True), "tile 4 of 99 bytes, expected 6144 at least"),
    "short strip": (numbers_of(STRIPS, 3, 9, lengths=True), "tile 3 of 9 bytes, expected 2250 at least"),
    "more bits": (changed(STRIPS, 0x0102, value=16), "tile 0 of 6750 bytes, expected 9000 at least"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_bad_files_are_refused_in_one_line(kind: str) -> None:
    data, message = BAD[kind]
    with pytest.raises(DecodeError, match=rf"^a\.dng: .*{message}") as caught:
        find_mosaic(data, "a.dng")
    assert "\n" not in str(caught.value)


LIES = {
    "other size": None,
    "another JPEG": None,
    "three components": None,
    "no JPEG": None,
    "shift": None,
    "restarts": None,
    "no code": "a lossless JPEG that libjpeg does not decode",
    "cut": "a lossless JPEG that ends without its end marker",
    "ends early": r"a lossless JPEG of 9\d bytes, but its values take \d{4}",
    "goes on": r"a lossless JPEG of \d{4} bytes, but its values take",
}


@pytest.mark.parametrize("coding", [JPEG[1]], ids=str)
@pytest.mark.parametrize("what", LIES)
def test_tiles_that_lie_about_themselves_are_left_to_others_or_refused(coding: DngCoding, what: str) -> None:
    data = dng_bytes(mosaic_of(coding), coding)
    mosaic = found_in(data)
    start, length = mosaic.offsets[0], mosaic.lengths[0]
    frame, codes, scan = (data.index(b"\xff" + marker, start) for marker in (b"\xc3", b"\xc4", b"\xda"))
    values = data.index(b"\x00\x00", scan + 9)
    end = data.index(b"\xff\xd9", start)
    new = {
        "other size": (frame + 5, b"\xff\xff\xff\xff"),
        "another JPEG": (frame, b"\xff\xc0"),
        "three components": (frame + 9, b"\3"),
        "no JPEG": (start, b"JPEG"),
        "shift": (scan + 11, b"\1"),
        "restarts": (codes, b"\xff\xdd"),
        "no code": (codes + 5, b"\xff" * 16),
        "cut": (values + 90, bytes(start + length - values - 90)),
        "ends early": (scan + 12 + 96, b"\xff\xd9"),
        "goes on": (end, b"\x11" * 40 + b"\xff\xd9"),
    }[what]
    if what == "goes on":  # over the next tile, of which nobody knows here
        mosaic = replace(mosaic, lengths=(length + 40, *mosaic.lengths[1:]))
    bad = data[: new[0]] + new[1] + data[new[0] + len(new[1]) :]
    if (message := LIES[what]) is None:
        assert read_tiles(bad, mosaic, "a.dng") is None
    else:
        with pytest.raises(DecodeError, match=rf"^a\.dng: tile 0: {message}"):
            read_tiles(bad, mosaic, "a.dng")
