"""Headers of FITS files: the keywords of capturing programs, and headers that lie."""

from __future__ import annotations

import io
from datetime import datetime

import numpy as np
import pytest

from fixtures.files.fits import BLOCK, fits_bytes, header_bytes
from sensormap.errors import DecodeError, EditedError
from sensormap.frame import Exposure
from sensormap.photos.astro import fits_facts
from sensormap.photos.astro.fits_header import MAX_HEADER_BYTES, find_image, names_camera
from sensormap.photos.exif import read_photo
from sensormap.photos.mark import MARK

PIXELS = np.arange(12, dtype=np.uint16).reshape(3, 4)
WHEN = datetime(2024, 3, 1, 22, 10, 33, 123000)

# Keywords as programs write them.
NINA = {
    "IMAGETYP": "LIGHT", "EXPOSURE": 300.0, "EXPTIME": 300.0, "DATE-LOC": "2024-03-01T23:10:33.123",
    "DATE-OBS": "2024-03-01T22:10:33.123", "XBINNING": 1, "GAIN": 100, "OFFSET": 50, "EGAIN": 0.25,
    "INSTRUME": "ZWO ASI2600MC Pro", "SET-TEMP": -10.0, "CCD-TEMP": -9.8, "BAYERPAT": "RGGB", "XBAYROFF": 0,
    "YBAYROFF": 0, "ROWORDER": "TOP-DOWN", "SWCREATE": "N.I.N.A. 3.0",
}  # fmt: skip
SHARPCAP = {
    "EXPTIME": 2.0, "GAIN": 120, "CCD-TEMP": 21.5, "DATE-OBS": "2024-03-01T22:10:33.1230000", "BAYERPAT": "RGGB",
    "COLORTYP": "RGGB", "INSTRUME": "QHY5III462C", "ROWORDER": "TOP-DOWN", "BLKLEVEL": 40,
}  # fmt: skip
EKOS = {
    "INSTRUME": "ZWO CCD ASI294MC Pro", "EXPTIME": 60.0, "CCD-TEMP": 5, "PIXSIZE1": 4.63, "GAIN": 120.0,
    "FRAME": "Dark", "IMAGETYP": "Dark Frame", "XBAYROFF": 0, "YBAYROFF": 0, "BAYERPAT": "RGGB",
    "DATE-OBS": "2024-03-01T22:10:33.123", "ROWORDER": "TOP-DOWN",
}  # fmt: skip
SEESTAR = {
    "EXPTIME": 10.0, "GAIN": 80, "CCD-TEMP": 18.0, "BAYERPAT": "GRBG", "DATE-OBS": "2024-03-01T22:10:33.123000",
    "INSTRUME": "Seestar S50", "CREATOR": "ZWO Seestar S50",
}  # fmt: skip
SGP = {"EXPOSURE": 30, "ISO": 800, "TEMPERAT": -5.5, "IMAGETYP": "FLAT", "INSTRUME": "Canon", "DATE-OBS": "2024-03-01"}


def read(data: bytes):
    return find_image(io.BytesIO(data), "a.fits")


@pytest.mark.parametrize(
    ("keywords", "expected"),
    [
        (NINA, Exposure(iso=400, shutter_s=300.0, time=WHEN, temperature_c=-9.8)),
        (SHARPCAP, Exposure(shutter_s=2.0, time=WHEN, temperature_c=21.5)),
        (EKOS, Exposure(iso=398, shutter_s=60.0, time=WHEN, temperature_c=5.0, calibration="dark")),
        (SEESTAR, Exposure(iso=251, shutter_s=10.0, time=WHEN, temperature_c=18.0)),
        (SGP, Exposure(iso=800, shutter_s=30.0, temperature_c=-5.5, calibration="flat")),
        ({"EXPTIME": "30", "CCD-TEMP": " -9.5 "}, Exposure(shutter_s=30.0, temperature_c=-9.5)),
        ({"EXPTIME": -1.0, "CCD-TEMP": 999.0, "EGAIN": 0.0, "DATE-OBS": "2200-01-01T00:00:00"}, Exposure()),
        ({"SET-TEMP": -10.0, "CCD-TEMP": -1.797e308, "GAIN": 100, "EXPTIME": 1e99}, Exposure()),
        (
            {"DATE-OBS": "2024-03-01T23:10:33.123+01:00", "IMAGETYP": "Bias Frame"},
            Exposure(time=WHEN, calibration="bias"),
        ),
        (
            {"DATE-OBS": "2024-03-01", "TIME-OBS": "22:10:33.123", "IMAGETYP": "DARKFLAT"},
            Exposure(time=WHEN, calibration="dark"),
        ),
    ],
)
def test_programs_keywords(keywords, expected, tmp_path):
    path = tmp_path / "a.fits"
    path.write_bytes(fits_bytes(PIXELS, keywords))
    photo = read_photo(path)
    assert photo.exposure == expected
    assert photo.body.model == keywords.get("INSTRUME", "")
    assert photo.size_bytes == path.stat().st_size


@pytest.mark.parametrize(
    ("keywords", "height", "expected"),
    [
        ({"BAYERPAT": "RGGB"}, 4, "RGGB"),
        ({"BAYERPAT": "rggb   ", "ROWORDER": "TOP-DOWN"}, 4, "RGGB"),
        ({"BAYERPAT": "RGGB", "ROWORDER": "BOTTOM-UP"}, 4, "GBRG"),
        ({"BAYERPAT": "RGGB", "ROWORDER": "BOTTOM-UP"}, 5, "RGGB"),
        ({"BAYERPAT": "RGGB", "XBAYROFF": 1}, 4, "GRBG"),
        ({"BAYERPAT": "RGGB", "YBAYROFF": 1.0}, 4, "GBRG"),
        ({"BAYERPAT": "RGGB", "XBAYROFF": 3, "YBAYROFF": -1}, 4, "BGGR"),
        ({"BAYERPAT": "RGGB", "BAYOFFX": 1, "ROWORDER": "BOTTOM-UP"}, 4, "BGGR"),
        ({"COLORTYP": "GBRG"}, 4, "GBRG"),
        ({}, 4, None),
        ({"BAYERPAT": "NONE"}, 4, None),
        ({"BAYERPAT": True}, 4, None),
    ],
)
def test_filters_are_named_from_the_first_photosite_stored(keywords, height, expected):
    found = fits_facts.cfa_of(read(fits_bytes(PIXELS, keywords)).keywords, height, "a.fits")
    assert (found and found.name) == expected


@pytest.mark.parametrize("pattern", ["CYMG", "GGRGGB" * 6, "RGB"])
def test_other_filters_are_refused(pattern):
    with pytest.raises(DecodeError, match=r"a\.fits: .* expected BAYERPAT"):
        fits_facts.cfa_of({"BAYERPAT": pattern}, 4, "a.fits")


def test_images_behind_the_first_header():
    empty = header_bytes({"SIMPLE": True, "BITPIX": 8, "NAXIS": 0, "INSTRUME": "Camera", "EXTEND": True})
    image = fits_bytes(PIXELS, {"EXPTIME": 2.0})
    image = image.replace(b"SIMPLE  =                    T", b"XTENSION= 'IMAGE   '          ")
    table = header_bytes({"XTENSION": "TABLE", "BITPIX": 8, "NAXIS": 2, "NAXIS1": 4, "NAXIS2": 1}) + bytes(BLOCK)
    found = read(empty + table + image)
    assert (found.width, found.height, found.number) == (4, 3, 2)
    assert (found.keywords["INSTRUME"], found.keywords["EXPTIME"]) == ("Camera", 2.0)


HEAD = {"SIMPLE": True, "BITPIX": 16, "NAXIS": 2, "NAXIS1": 4, "NAXIS2": 3}
BAD = {
    "no FITS file": (b"LUCAM-RECORDER" + bytes(3000), "no FITS file"),
    "text": (b"SIMPLE", "no FITS file"),
    "no END": (header_bytes(HEAD).replace(b"END", b"   "), "without END"),
    "an endless header": (b"SIMPLE  =                    T".ljust(80) + b" " * (2 * MAX_HEADER_BYTES), "without END"),
    "cut header": (header_bytes(HEAD)[:2000], "truncated"),
    "cut image": (fits_bytes(PIXELS)[: BLOCK + 20], "truncated.* 24 bytes of image, the file has 20"),
    "no axes": (header_bytes({**HEAD, "NAXIS": 0}), "no image"),
    "axes of nothing": (header_bytes({**HEAD, "NAXIS1": 0}), "no image"),
    "a billion axes": (header_bytes({**HEAD, "NAXIS": 999_999_999}), "NAXIS is 999999999, expected"),
    "text for axes": (header_bytes({**HEAD, "NAXIS": "two"}), "NAXIS is 'two', expected"),
    "missing axis": (header_bytes({key: HEAD[key] for key in ("SIMPLE", "BITPIX", "NAXIS")}), "NAXIS1 is missing"),
    "negative axis": (header_bytes({**HEAD, "NAXIS2": -3}), "NAXIS2 is -3, expected"),
    "huge axes": (header_bytes({**HEAD, "NAXIS1": 10**9, "NAXIS2": 10**9}), "raw grid of 1000000000 x 1000000000"),
    "huge image": (header_bytes({**HEAD, "NAXIS1": 20_000, "NAXIS2": 20_000}), "truncated"),
    "colour": (header_bytes({**HEAD, "NAXIS": 3, "NAXIS3": 3}), "4 x 3 x 3, expected one value.*developed in colour"),
    "a spectrum": (header_bytes({**HEAD, "NAXIS": 1}), "values of 4, expected one value"),
    "odd type": (header_bytes({**HEAD, "BITPIX": 12}), "BITPIX is 12, expected"),
    "type of nothing": (header_bytes({**HEAD, "BITPIX": True}), "BITPIX is True, expected"),
    "negative heap": (header_bytes({**HEAD, "PCOUNT": -5}), "PCOUNT is -5, expected"),
    "many empty headers": (
        header_bytes({**HEAD, "NAXIS": 0}) + header_bytes({"XTENSION": "IMAGE", "BITPIX": 8, "NAXIS": 0}) * 40,
        "no image",
    ),
    "heap beyond the file": (
        header_bytes({**HEAD, "NAXIS": 0})
        + header_bytes({"XTENSION": "BINTABLE", "BITPIX": 8, "NAXIS": 2, "NAXIS1": 8, "NAXIS2": 1, "PCOUNT": 10**15}),
        "no image",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_headers_are_refused_in_one_line(case, tmp_path):
    data, reason = BAD[case]
    path = tmp_path / "a.fits"
    path.write_bytes(data)
    with pytest.raises(DecodeError, match=rf"^a\.fits: .*{reason}") as caught:
        read_photo(path)
    assert "\n" not in str(caught.value)


def test_only_a_megabyte_of_an_endless_header_is_read(tmp_path):
    path = tmp_path / "a.fits"
    with path.open("wb") as file:
        file.write(b"SIMPLE  =                    T".ljust(80))
        file.truncate(900_000_000)  # zeros, which take no room

    class Counted(io.FileIO):
        total = 0

        def read(self, size=-1):
            found = super().read(size)
            Counted.total += len(found)
            return found

    with Counted(path) as file, pytest.raises(DecodeError, match="without END"):
        find_image(file, "a.fits")
    assert Counted.total <= MAX_HEADER_BYTES + BLOCK


def test_a_corrected_copy_is_no_photo(tmp_path):
    path = tmp_path / "a.fits"
    path.write_bytes(fits_bytes(PIXELS, NINA) + MARK)
    with pytest.raises(EditedError):
        read_photo(path)


@pytest.mark.parametrize(("keywords", "expected"), [(NINA, True), ({}, False), ({"ORIGIN": "sensormap"}, False)])
def test_photos_are_told_from_lists(keywords, expected):
    file = io.BytesIO(fits_bytes(PIXELS, keywords))
    assert names_camera(file) is expected
    assert file.tell() == 0
    assert not names_camera(io.BytesIO(b"no FITS file"))
