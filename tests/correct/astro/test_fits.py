"""Corrected FITS files: repaired values, and every other byte as it was."""

from __future__ import annotations

import io
import re
import warnings

import numpy as np
import pytest

from fixtures.files.fits import BLOCK, fits_bytes
from sensormap.camera.cfa import Cfa
from sensormap.camera.geometry import Rect, Sensor
from sensormap.camera.profile import Body
from sensormap.correct.astro.header import _encoded
from sensormap.correct.check_repairs import check_repairs
from sensormap.correct.methods.subtract import excesses
from sensormap.correct.plan import plan_corrections
from sensormap.correct.preview import preview_repair
from sensormap.correct.run import CorrectOptions, correct_photos
from sensormap.decode.reading import open_geometry, read_frame
from sensormap.errors import EditedError, FrameMismatchError
from sensormap.frame import Exposure
from sensormap.maps.entries import DarkLaw, DefectKind
from sensormap.photos.exif import read_photo
from tests.support.maps import toy_defect, toy_map

SENSOR = Sensor((64, 40), Rect(0, 0, 64, 40), Cfa("RGGB"), None)
PLACES = ((5, 3), (20, 17), (40, 30))  # x, y
KEYWORDS = {"INSTRUME": "ZWO ASI533MC Pro", "BAYERPAT": "RGGB", "EXPTIME": 30.0, "EGAIN": 1.0, "OBJECT": "M 31"}
SMOOTH = np.random.default_rng(2).normal(2000, 20, (40, 64)).astype(np.uint16)


def hot(values=SMOOTH, size=9000):
    changed = values.copy()
    for x, y in PLACES:
        changed[y, x] = size
    return changed


def map_of(sensor=SENSOR, **values):
    inside = [(x, y) for x, y in PLACES if sensor.active_area.contains(x, y)]
    defects = tuple(toy_defect(x, y, kind=DefectKind.STUCK, sensor=sensor) for x, y in inside)
    parts = {"body": Body("", "ZWO ASI533MC Pro", ""), "sensor": sensor, "columns": (), "defects": defects}
    return toy_map(**(parts | values))


def corrected(data, tmp_path, sensor_map=None, **options):
    path = tmp_path / "light_001.fits"
    path.write_bytes(data)
    skipped = []
    done = correct_photos(
        [path], sensor_map or map_of(), tmp_path / "out", CorrectOptions(jobs=1, **options), on_skipped=skipped.append
    )
    return done, skipped


def changed_bytes(before, after):
    one, other = (np.frombuffer(data[: len(before)], np.uint8) for data in (before, after))
    return np.flatnonzero(one != other)


@pytest.mark.parametrize(
    ("values", "keywords"),
    [
        (hot(), {}),
        ((hot() >> 6).astype(np.uint8), {}),
        (hot().astype(np.int16), {}),
        (hot().astype(np.int32), {}),
        ((hot().astype(np.int64) * 65_536 - 2**31).astype(np.int32), {"BZERO": 2**31}),
        (hot().astype(np.float32), {}),
        ((hot() / 65_535).astype(np.float32), {}),
        ((hot() / 65_535).astype(np.float64), {}),
        ((hot() >> 1).astype(np.int16), {"BSCALE": 2.0, "BZERO": 0.0}),
    ],
)
def test_only_repaired_values_change(values, keywords, tmp_path):
    data = fits_bytes(values, KEYWORDS | keywords)
    (done,), skipped = corrected(data, tmp_path)
    assert (done.repaired, done.left, skipped) == (3, 0, [])
    after = done.output.read_bytes()
    assert (done.output.name, len(after)) == ("light_001.fits", len(data))
    width = values.dtype.itemsize
    start = len(data) - -(-values.nbytes // BLOCK) * BLOCK
    places = {int(at - start) // width for at in changed_bytes(data, after) if start <= at < start + values.nbytes}
    assert places == {y * 64 + x for x, y in PLACES}
    lines = [data[at : at + 80] for at in range(0, data.index(b"END     "), 80)]
    history = b"HISTORY sensormap: corrected"
    assert after[:start] == b"".join([*lines, history.ljust(80), b"END"]).ljust(start)
    with pytest.raises(EditedError):
        read_photo(done.output)
    without = after.replace(history, b" " * len(history))[: start + values.nbytes]
    (tmp_path / "unmarked.fits").write_bytes(without.ljust(len(after), b"\0"))
    photo = read_photo(tmp_path / "unmarked.fits")
    again = read_frame(photo, open_geometry(photo.path, None)).mosaic
    scale = 64 if values.dtype == np.uint8 else 1
    assert abs(int(again.max()) * scale - 2000) < 300


def test_lone_photosites_are_repaired_and_told(tmp_path):
    values = np.random.default_rng(3).normal(2000, 20, (100, 120)).astype(np.uint16)
    values[50, 60] = 9000
    sensor = Sensor((120, 100), Rect(0, 0, 120, 100), Cfa("RGGB"), None)
    (done,), _ = corrected(fits_bytes(values, KEYWORDS), tmp_path, map_of(sensor, defects=()), also_lone=20.0)
    assert (done.repaired, done.lone) == (1, 1)


@pytest.mark.parametrize("option", ["dng", "opcodes"])
def test_what_no_photo_of_the_run_can_become_is_refused_once(option, tmp_path):
    with pytest.raises(FrameMismatchError, match=rf"^--{option} is for raw photos: FITS, PNG and TIFF files tell"):
        corrected(fits_bytes(hot(), KEYWORDS), tmp_path, **{option: True})


def test_a_file_whose_image_fills_its_blocks_gets_an_extension(tmp_path):
    sensor = Sensor((48, 30), Rect(0, 0, 48, 30), Cfa("RGGB"), None)
    data = fits_bytes(hot()[:30, :48].copy(), KEYWORDS)
    assert len(data) % BLOCK == 0
    (done,), _ = corrected(data, tmp_path, map_of(sensor))
    after = done.output.read_bytes()
    assert len(after) == len(data) + 2 * BLOCK
    with pytest.raises(EditedError):
        read_photo(done.output)
    fits = pytest.importorskip("astropy.io.fits", reason="astropy is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with fits.open(io.BytesIO(after)) as images:
            images.verify("exception")
            assert [image.name for image in images] == ["PRIMARY", "SENSORMAP"]


@pytest.mark.parametrize("more", [0, 18, 19])  # lines: with the last the header is full, and grows
def test_checksums_hold_and_saving_again_keeps_the_mark(more, tmp_path):
    fits = pytest.importorskip("astropy.io.fits", reason="astropy is not installed")
    lines = {f"KEY{number}": number for number in range(more)}
    sums = {"CHECKSUM": "0" * 16, "DATASUM": "0"}
    image = fits.ImageHDU(hot())
    image.header.update(KEYWORDS | lines | sums)
    file = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), image]).writeto(file, checksum=True)
    (done,), _ = corrected(file.getvalue(), tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with fits.open(done.output, checksum=True) as images:
            images.verify("exception")
            assert images[1].header["DATASUM"] != fits.open(io.BytesIO(file.getvalue()))[1].header["DATASUM"]
            fits.HDUList([fits.PrimaryHDU(images[1].data, images[1].header)]).writeto(tmp_path / "again.fits")
    with pytest.raises(EditedError, match="a copy that sensormap has corrected"):
        read_photo(tmp_path / "again.fits")
    assert b"\nsensormap: corrected\n" not in (tmp_path / "again.fits").read_bytes()


def test_checksums_as_the_standard_has_them():
    assert _encoded(0xFFFFFFFF - 868_229_149) == b"hcHjjc9ghcEghc9g"
    assert _encoded(0) == b"0" * 16


def test_astropy_reads_what_is_written(tmp_path):
    fits = pytest.importorskip("astropy.io.fits", reason="astropy is not installed")
    (done,), _ = corrected(fits_bytes(hot(), KEYWORDS), tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with fits.open(done.output) as images:
            images.verify("exception")
            assert images[0].header["OBJECT"] == "M 31"
            assert images[0].data.max() < 2200


def test_fpacked_files_and_others_are_refused_by_name(tmp_path):
    fits = pytest.importorskip("astropy.io.fits", reason="astropy is not installed")
    image = fits.CompImageHDU(hot())
    image.header.update(KEYWORDS)
    packed = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), image]).writeto(packed)
    refused = (
        (packed.getvalue(), "compressed by fpack, .* funpack"),
        (fits_bytes(hot()[:-2], KEYWORDS), "raw grid of 64 x 38 RGGB, but the map is of 64 x 40 RGGB"),
        (fits_bytes(hot(), KEYWORDS | {"BAYERPAT": "BGGR"}), "raw grid of 64 x 40 BGGR"),
        (fits_bytes(hot(), KEYWORDS | {"INSTRUME": "QHY268C"}), "taken by QHY268C, but the map is of ZWO"),
        (fits_bytes(hot().astype(np.float32) * np.float32(np.nan), KEYWORDS), "no numbers"),
    )
    for data, reason in refused:
        done, (one,) = corrected(data, tmp_path)
        assert not done
        assert re.search(reason, one.reason), one.reason


def test_videos_are_refused_by_name(tmp_path):
    from fixtures.files.fits import ser_bytes

    (tmp_path / "moon.ser").write_bytes(ser_bytes([SMOOTH, SMOOTH]))
    skipped = []
    assert not correct_photos([tmp_path], map_of(), tmp_path / "out", on_skipped=skipped.append)
    assert [one.name for one in skipped] == ["moon.ser"]
    assert "a video of 2 frames" in skipped[0].reason


def test_nothing_to_repair_keeps_the_file(tmp_path):
    data = fits_bytes(SMOOTH, KEYWORDS)
    (done,), _ = corrected(data, tmp_path, map_of(defects=()))
    assert (done.repaired, done.output.read_bytes()) == (0, data)


def test_plan_preview_and_check(tmp_path):
    path = tmp_path / "light_001.fits"
    path.write_bytes(fits_bytes(hot(), KEYWORDS))
    (planned,) = plan_corrections([path], map_of(), tmp_path / "out")
    assert (planned.output.name, planned.to_repair) == ("light_001.fits", 3)
    shown = preview_repair(path, map_of())
    assert (shown.before.max(), len(shown.places)) == (9000, 3)
    assert shown.after.max() < 2200
    checked = check_repairs([path], map_of(), jobs=1)
    assert checked.photos == 1


@pytest.mark.parametrize(
    ("law", "temperature", "dn", "share"),
    [
        (None, None, 3000, 0.15),
        (None, 22.0, 3000, 0.15),
        (DarkLaw(10.0, (6.0, 6.0, 6.0)), 10.0, 3000, 0.02),
        (DarkLaw(10.0, (6.0, 6.0, 6.0)), 22.0, 12_000, 0.14),
        (DarkLaw(10.0, (6.0, 5.0, 7.0)), 22.0, 12_000, 0.183),
        (DarkLaw(10.0, (6.0, 6.0, 6.0)), None, 3000, 0.5),
    ],
)
def test_dark_current_is_subtracted_as_the_temperature_has_it(law, temperature, dn, share):
    hot_one = toy_defect(5, 3, sensor=SENSOR, dark_dn_per_s=(100.0, 100.0, 100.0))
    exposure = Exposure(iso=100, shutter_s=30.0, temperature_c=temperature)
    (excess,) = excesses([hot_one], exposure, law)
    assert excess.dn == pytest.approx(dn)
    assert excess.uncertain_dn == pytest.approx(share * dn, rel=0.05)
