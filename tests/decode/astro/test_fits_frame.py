"""FITS images as frames: every type of value that programs write, and damage."""

from __future__ import annotations

import io
import zlib
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from fixtures.files.fits import fits_bytes
from sensormap.decode.astro.fits_frame import fits_geometry, read_fits_frame
from sensormap.decode.reading import open_geometry, read_frame
from sensormap.errors import DecodeError, FrameMismatchError, ProfileError
from sensormap.photos.exif import read_photo

VALUES = np.random.default_rng(5).integers(300, 60_000, (40, 64)).astype(np.uint16)
KEYWORDS = {"INSTRUME": "ZWO ASI2600MC Pro", "BAYERPAT": "RGGB", "EXPTIME": 30.0}
SIGNED = VALUES.astype(np.int32) - 30_000
QUARTER = (VALUES >> 2).astype(np.int16)


def fpacked(values, keywords=KEYWORDS, **options):
    fits = pytest.importorskip("astropy.io.fits", reason="astropy is not installed")
    image = fits.CompImageHDU(values, **options)
    image.header.update(keywords)
    file = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), image]).writeto(file)
    return file.getvalue()


def frame(data: bytes, profile=None):
    return read_fits_frame(data, profile, "a.fits")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (fits_bytes(VALUES, KEYWORDS), VALUES),
        (fits_bytes((VALUES >> 8).astype(np.uint8), KEYWORDS), VALUES >> 8),
        (fits_bytes(SIGNED.astype(np.int16), KEYWORDS), SIGNED),
        (fits_bytes((VALUES >> 2).astype(np.int16), KEYWORDS), VALUES >> 2),
        (fits_bytes(VALUES.astype(np.int32), KEYWORDS), VALUES),
        (fits_bytes(VALUES.astype(np.int64), KEYWORDS), VALUES),
        (fits_bytes((VALUES.astype(np.int64) * 65_536 - 2**31).astype(np.int32), KEYWORDS | {"BZERO": 2**31}), VALUES),
        (fits_bytes(VALUES.astype(np.float32), KEYWORDS), VALUES),
        (fits_bytes(VALUES.astype(np.float64), KEYWORDS), VALUES),
        (fits_bytes((VALUES / 65_535).astype(np.float32), KEYWORDS), VALUES),
        (fits_bytes((SIGNED / 65_535).astype(np.float64), KEYWORDS), SIGNED),
        (fits_bytes(QUARTER, KEYWORDS | {"BSCALE": 2.0, "BZERO": 100.0}), QUARTER * 2 + 100),
        (fits_bytes((60_000 - VALUES.astype(np.int32)), KEYWORDS | {"BSCALE": -1, "BZERO": 60_000}), VALUES),
        (fits_bytes(VALUES[None], KEYWORDS), VALUES),
    ],
)  # fmt: skip
def test_types_of_values(data, expected):
    found = frame(data)
    assert_array_equal(found.mosaic, expected)
    assert found.floor == min(int(expected.min()), 0)


@pytest.mark.parametrize("compression", ["RICE_1", "GZIP_1", "GZIP_2", "NOCOMPRESS"])
@pytest.mark.parametrize("values", [VALUES, (VALUES >> 2).astype(np.int16), VALUES.astype(np.int32)])
def test_fpacked_images(compression, values):
    if compression == "NOCOMPRESS":
        pytest.importorskip("astropy", minversion="6.1")
    data = fpacked(values, compression_type=compression)
    assert_array_equal(frame(data).mosaic, values)


def test_fpacked_floats_that_lose_nothing():
    data = fpacked((VALUES / 65_535).astype(np.float32), compression_type="GZIP_2", quantize_level=0)
    assert_array_equal(frame(data).mosaic, VALUES)


def test_fpacked_file_through_the_reader(tmp_path):
    path = tmp_path / "light_001.fits.fz"
    path.write_bytes(fpacked(VALUES, tile_shape=(20, 32)))
    photo = read_photo(path)
    assert (photo.body.model, photo.exposure.shutter_s) == ("ZWO ASI2600MC Pro", 30.0)
    geometry = open_geometry(path, None)
    assert (geometry.cfa.name, geometry.bits, geometry.raw_size) == ("RGGB", 16, (64, 40))
    assert_array_equal(read_frame(photo, geometry).mosaic, VALUES)


def test_black_and_saturation_by_the_header():
    found = frame(fits_bytes(VALUES, KEYWORDS | {"PEDESTAL": -200, "SATURATE": 62_000}))
    assert (found.floor, found.saturation) == (-200, 61_800)
    assert_array_equal(found.mosaic, VALUES.astype(np.int32) - 200)


def test_saturation_by_the_pile_of_highlights():
    clipped = np.minimum(VALUES >> 2, 8_000).astype(np.uint16)
    assert frame(fits_bytes(clipped, KEYWORDS)).saturation == 8_000
    assert frame(fits_bytes(VALUES, KEYWORDS)).saturation == 65_535


def test_a_profile_counts():
    own = fits_geometry(fits_bytes(VALUES, KEYWORDS), None, "a.fits")
    known = replace(own, name="mine", black_level=(100,) * 4, saturation=61_000)
    found = frame(fits_bytes(VALUES, KEYWORDS | {"PEDESTAL": 7}), known)
    assert (found.floor, found.saturation) == (-100, 60_900)
    without = fits_bytes(VALUES, {"INSTRUME": "X"})
    assert fits_geometry(without, known, "a.fits") is known
    assert fits_geometry(without, None, "a.fits").cfa.name == "mono"
    with pytest.raises(ProfileError, match=r"a\.fits: filters RGGB, but profile mine has cfa BGGR"):
        fits_geometry(fits_bytes(VALUES, KEYWORDS), replace(known, cfa=type(known.cfa)("BGGR")), "a.fits")
    with pytest.raises(FrameMismatchError, match="raw grid of 32 x 40"):
        frame(fits_bytes(np.ascontiguousarray(VALUES[:, :32]), KEYWORDS), known)
    with pytest.raises(ProfileError, match="raw grid of 32 x 40"):
        fits_geometry(fits_bytes(np.ascontiguousarray(VALUES[:, :32]), KEYWORDS), known, "a.fits")
    with pytest.raises(FrameMismatchError, match="but profile mine has bits 12"):
        frame(fits_bytes(VALUES, KEYWORDS), replace(known, bits=12))


def test_a_profile_that_is_not_verified_gives_way():
    own = fits_geometry(fits_bytes(VALUES, KEYWORDS), None, "a.fits")
    fits = replace(own, name="mine", black_level=(100,) * 4, verified=False)
    data = fits_bytes(VALUES, KEYWORDS)
    assert fits_geometry(data, fits, "a.fits") is fits
    assert fits_geometry(data, replace(fits, cfa=type(own.cfa)("BGGR")), "a.fits") == own
    assert fits_geometry(data, replace(fits, raw_size=(64, 44)), "a.fits") == own


def test_bytes_and_16_bits_are_not_mixed():
    light = (VALUES >> 8).astype(np.uint8)
    many = fits_geometry(fits_bytes(VALUES, KEYWORDS), None, "a.fits")
    few = fits_geometry(fits_bytes(light, KEYWORDS), None, "a.fits")
    for data in (fits_bytes(light, KEYWORDS), fits_bytes(light, KEYWORDS | {"BZERO": 32_768})):
        with pytest.raises(FrameMismatchError, match="values of 8 bits, expected 16, those of the run"):
            frame(data, many)
        with pytest.raises(FrameMismatchError, match="values of 8 bits, expected 12"):
            frame(data, replace(many, name="mine", bits=12))
    with pytest.raises(FrameMismatchError, match="values of 16 bits, expected 8"):
        frame(fits_bytes(light.astype(np.uint16), KEYWORDS), few)
    assert frame(fits_bytes(light.astype(np.uint16), KEYWORDS), replace(few, name="mine")).mosaic.max() < 256


WRONG = np.where(VALUES > 59_000, np.nan, VALUES).astype(np.float32)
BAD = {
    "NaN": (fits_bytes(WRONG, KEYWORDS), f"{np.isnan(WRONG).sum()} values are infinite or no numbers"),
    "infinite": (fits_bytes(np.where(VALUES[3, 4] == VALUES, np.inf, VALUES), KEYWORDS), "values are infinite"),
    "too large": (fits_bytes(VALUES.astype(np.float32) * 9, KEYWORDS), "expected at most 65535"),
    "huge floats": (fits_bytes(np.where(VALUES > 59_000, 1e300, 0.0), KEYWORDS), "expected at most 65535"),
    "too small": (fits_bytes(-3 * VALUES.astype(np.int32), KEYWORDS), "expected at most 65535"),
    "huge scale": (fits_bytes(VALUES.astype(np.int32), KEYWORDS | {"BSCALE": 1e300}), "expected at most 65535"),
    "all black": (fits_bytes(np.zeros((40, 64), np.uint16), KEYWORDS), "every photosite is 0"),
    "all black floats": (fits_bytes(np.zeros((40, 64), np.float32), KEYWORDS), "every photosite is 0"),
    "overflowing floats": (fits_bytes(np.full((40, 64), 1e308), KEYWORDS), "values beyond 1e[+]30 DN"),
    "overflowing scale": (fits_bytes(QUARTER, KEYWORDS | {"BSCALE": 1e308}), "values beyond 1e[+]30 DN"),
    "no scale": (fits_bytes(QUARTER, KEYWORDS | {"BSCALE": 0.0}), "BSCALE is 0, expected"),
    "scale text": (fits_bytes(QUARTER, KEYWORDS | {"BSCALE": "two"}), "BSCALE is 'two', expected a finite number"),
    "zero NaN": (fits_bytes(QUARTER, KEYWORDS | {"BZERO": float("nan")}), "BZERO is 'nan', expected a finite number"),
    "zero infinite": (fits_bytes(QUARTER, KEYWORDS | {"BZERO": float("inf")}), "BZERO is 'inf', expected a finite"),
    "all negative": (fits_bytes(-QUARTER, KEYWORDS), "every photosite is below 0, at most -[0-9]+ DN"),
    "no groups": (fits_bytes(VALUES, KEYWORDS | {"GCOUNT": 0}), "GCOUNT is 0, expected 1 of an image"),
    "blank": (
        fits_bytes(QUARTER, KEYWORDS | {"BLANK": int(QUARTER[3, 4])}),
        f"{(QUARTER[3, 4] == QUARTER).sum()} photosites without a value .BLANK.",
    ),
    "filters": (fits_bytes(VALUES, KEYWORDS | {"BAYERPAT": "RGBW"}), "filters RGBW"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_values_are_refused_in_one_line(case):
    data, reason = BAD[case]
    with pytest.raises(DecodeError, match=rf"^a\.fits: .*{reason}"):
        frame(data)


def bomb() -> bytes:
    """Return a compressed image one of whose tiles inflates to many times its size."""
    good = fpacked(np.zeros((40, 64), np.uint8) + np.arange(64, dtype=np.uint8), compression_type="GZIP_1")
    packed = zlib.compress(bytes(3_000_000), 9)
    start = good.index(b"\x1f\x8b")
    return good[:start] + packed + good[start + len(packed) :]


def patched(data: bytes, keyword: str, value: object) -> bytes:
    start = data.index(f"{keyword:8}=".encode())
    return data[:start] + f"{keyword:8}= {value!s:>20}".encode().ljust(80) + data[start + 80 :]


@pytest.mark.parametrize(
    ("keyword", "value", "reason"),
    [
        ("ZNAXIS1", 2_000_000_000, "raw grid"),
        ("ZNAXIS2", 4_000_000, "bytes for 64 x 4000000 photosites"),
        ("ZTILE1", 2_000_000_000, "tiles of 2000000000 x 1"),
        ("ZTILE2", 0, "tiles of 64 x 0"),
        ("ZCMPTYPE", "'HCOMPRESS_1'", "compressed by HCOMPRESS_1, expected RICE_1"),
        ("ZCMPTYPE", "'EVIL'", "compressed by EVIL"),
        ("ZVAL1", 0, "ZVAL1 is 0, expected one of 16, 32"),
        ("ZBITPIX", 7, "ZBITPIX is 7"),
        ("NAXIS2", 39, "a table of 39 tiles, expected 40"),
        ("TFIELDS", 0, "a table of 0 columns"),
        ("TFORM1", "'XXX'", "rows have 8 bytes, expected 1|expected the type of a column"),
        ("THEAP", 100_000, "lies outside"),
    ],
)
def test_lies_about_compressed_images(keyword, value, reason):
    data = fpacked(VALUES, tile_shape=(1, 64))
    if keyword == "THEAP" and b"THEAP" not in data:
        data = patched(data, "ZVAL2", 2).replace(b"ZNAME2  =", b"THEAP   =", 1)
    with pytest.raises(DecodeError, match=rf"^a\.fits: .*({reason})"):
        frame(patched(data, keyword, value))


def test_a_tile_that_inflates_without_end_is_refused():
    with pytest.raises(DecodeError, match=r"^a\.fits: (a tile of more than|tile|truncated)"):
        frame(bomb())


def test_compressed_images_without_astropy(monkeypatch):
    data = fpacked(VALUES)
    monkeypatch.setitem(__import__("sys").modules, "astropy.io", None)
    with pytest.raises(DecodeError, match=r"pip install 'sensormap\[astro\]'"):
        frame(data)
