"""Mean and variance of photos: of all usable ones, each once, on the raw grid or by colour; and as files."""

from __future__ import annotations

from datetime import timedelta

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile
from astropy.io import fits

from fixtures.files.jpeg import jpeg_bytes
from fixtures.files.nef import NefMeta
from fixtures.series import Recipe, make_series
from sensormap.decode.reading import open_geometry, read_frame
from sensormap.errors import DecodeError, FrameMismatchError, OutputError
from sensormap.maps.entries import Source
from sensormap.maps.mapfile.reading import read_map
from sensormap.photos.exif import read_photo
from sensormap.settings import Options
from sensormap.variance.measure import measure_variance
from sensormap.variance.writing import MARK, write_variance
from tests.support.maps import toy_map
from tests.support.photos import NOON, nef, run, write_photos, write_profile

SIZE = (256, 192)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Twelve photos with their JPEGs, and a profile."""
    folder = tmp_path_factory.mktemp("made")
    make_series(Recipe(12, SIZE[::-1], seed=1, jpeg=True), folder)
    return folder


def measured(folder, *arguments, **options):
    return measure_variance(arguments, Options(profile=str(folder / "profile.yaml"), **options))


def articles_lowest(paths, lowest):
    """Return what the two articles of 2011 printed, by their description.

    A running mean and a running sum of squared deviations, by Welford's method, of every pixel and colour over all
    JPEGs; then the lowest sums with their row, column and channel.
    """
    mean = squares = None
    for count, path in enumerate(paths, start=1):
        picture = iio.imread(path).astype(np.float64)
        if mean is None:
            mean, squares = np.zeros_like(picture), np.zeros_like(picture)
        delta = picture - mean
        mean += delta / count
        squares += delta * (picture - mean)
    ordered = sorted((value, place) for place, value in np.ndenumerate(squares))
    return [(*place, value) for value, place in ordered[:lowest]]


def test_jpegs_give_the_ten_of_the_articles_and_their_numbers(made):
    pictures = sorted((made / "jpegs").iterdir())
    expected = articles_lowest(pictures, 10)
    found = measured(made, made / "jpegs").lowest(10)
    assert [one[:3] for one in found] == [one[:3] for one in expected]
    np.testing.assert_allclose([one[3] for one in found], [one[3] for one in expected], rtol=1e-9)
    result = run("variance", made / "jpegs", "--profile", made / "profile.yaml", "--lowest", "10")
    assert result.exit_code == 0
    lines = [f"({row}, {col}, {channel}) {value:.4f}" for row, col, channel, value in expected]
    assert result.stdout.splitlines() == lines


def test_jpegs_of_a_camera_without_a_profile(tmp_path):
    rng = np.random.default_rng(1)
    for number in range(4):
        pixels = rng.integers(0, 256, (48, 64, 3)).astype(np.uint8)
        meta = NefMeta(model="OTHER", captured=NOON + timedelta(minutes=number))
        (tmp_path / f"{number}.jpg").write_bytes(jpeg_bytes(pixels, meta, subsampling="4:2:2"))
    result = run("variance", tmp_path, "-o", tmp_path / "v.npz")
    assert result.exit_code == 0
    pictures = np.stack([iio.imread(path) for path in sorted(tmp_path.glob("*.jpg"))])
    with np.load(tmp_path / "v.npz") as arrays:
        assert arrays["mean"].shape == pictures.shape[1:]
        np.testing.assert_allclose(arrays["variance"], pictures.astype(float).var(axis=0), rtol=1e-6)


def test_raw_photos_are_measured_on_the_raw_grid(made):
    paths = sorted((made / "photos").iterdir())
    profile = open_geometry(paths[0], None)
    found = measured(made, made / "photos")
    area = found.sensor.active_area
    frames = np.stack([read_frame(read_photo(path), None).mosaic[area.slices] for path in paths]).astype(np.int64)
    assert (found.frames, found.source) == (12, Source.RAW)
    assert found.mean.shape == found.count.shape == found.variance.shape == profile.raw_size[::-1]
    np.testing.assert_array_equal(found.mean[area.slices], frames.mean(axis=0).astype(np.float32))
    np.testing.assert_allclose(found.variance[area.slices], frames.var(axis=0), rtol=1e-6)
    margins = np.ones(found.count.shape, bool)
    margins[area.slices] = False
    assert set(np.unique(found.count[margins])) <= {0}
    assert set(np.unique(found.count[area.slices])) == {12}
    assert np.isnan(found.mean[margins]).all()
    row, col, plane, squares = found.lowest(1)[0]
    assert plane == found.sensor.cfa.plane_name(x=col, y=row)
    assert squares == pytest.approx(12 * float(found.variance[row, col]), rel=1e-6)


@pytest.mark.parametrize("ending", ["fits", "npz", "tif"])
@pytest.mark.parametrize("sort", ["photos", "jpegs"])
def test_threads_order_and_decoder_change_no_byte(tmp_path, made, ending, sort):
    paths = sorted((made / sort).iterdir())
    one, other = tmp_path / f"one.{ending}", tmp_path / f"other.{ending}"
    write_variance(measured(made, *paths, jobs=1), one)
    write_variance(measured(made, *paths[::-1], jobs=3, decoder="rawpy"), other)
    assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("sort", ["photos", "jpegs"])
def test_all_formats_hold_the_same(tmp_path, made, sort):
    found = measured(made, made / sort)
    for ending in ("fits", "npz", "tif"):
        write_variance(found, tmp_path / f"v.{ending}")
    with np.load(tmp_path / "v.npz") as arrays:
        for name in ("mean", "variance", "count"):
            np.testing.assert_array_equal(arrays[name], getattr(found, name))
        assert (int(arrays["nframes"]), str(arrays["source"])) == (12, str(found.source))
    for key, name in enumerate(("mean", "variance", "count")):
        np.testing.assert_array_equal(tifffile.imread(tmp_path / "v.tif", key=key), getattr(found, name))
    with fits.open(tmp_path / "v.fits") as images:
        assert images[0].header["NFRAMES"] == 12
        planes = images["VARIANCE"].data
        np.testing.assert_array_equal(np.moveaxis(planes, 0, 2) if planes.ndim == 3 else planes, found.variance)


def test_unusable_photos_and_other_sizes_are_skipped_with_a_reason(tmp_path):
    write_photos(tmp_path / "photos", 4)
    (tmp_path / "photos" / "DSC_0100.NEF").write_bytes(nef(7)[:20_000])
    (tmp_path / "photos" / "DSC_0101.NEF").write_bytes(nef(8, size=(96, 64)))
    profile = write_profile(tmp_path)
    found = measure_variance([tmp_path / "photos"], Options(profile=str(profile)))
    assert found.frames == 4
    assert [one.name for one in found.skipped] == ["DSC_0100.NEF", "DSC_0101.NEF"]
    assert "96 x 64" in found.skipped[1].reason
    with pytest.raises(DecodeError, match=r"DSC_010[01]\.NEF"):
        measure_variance([tmp_path / "photos"], Options(profile=str(profile), strict=True))


def test_jpegs_beside_raw_photos_do_not_count(made):
    found = measured(made, made / "photos", made / "jpegs")
    assert (found.frames, found.source) == (12, Source.RAW)
    assert {one.name for one in found.skipped} == {path.name for path in (made / "jpegs").iterdir()}


@pytest.mark.parametrize("count", [0, 1])
def test_one_photo_has_no_variance(tmp_path, count):
    write_photos(tmp_path / "photos", count + 1)
    (tmp_path / "photos" / "DSC_0000.NEF").write_bytes(nef(0)[:5000])
    with pytest.raises(FrameMismatchError, match=r"two at least|at least 2|no usable photo"):
        measure_variance([tmp_path / "photos"], Options(profile=str(write_profile(tmp_path))))


def test_two_bodies_are_refused_as_by_map(tmp_path):
    write_photos(tmp_path / "photos", 4)
    write_photos(tmp_path / "more", 4, first=10, serial="4009999")
    with pytest.raises(FrameMismatchError, match="several cameras"):
        measure_variance([tmp_path / "photos", tmp_path / "more"], Options(profile=str(write_profile(tmp_path))))


def test_files_of_other_content_are_not_replaced(tmp_path, made):
    found = measured(made, made / "jpegs")
    path = tmp_path / "v.tif"
    write_variance(found, path)
    assert MARK in path.read_bytes()[:8192]
    with pytest.raises(OutputError, match="exists already"):
        write_variance(found, path)
    write_variance(found, path, overwrite=True)
    path.write_bytes(b"II*\0 a photo")
    with pytest.raises(OutputError, match="holds no variance"):
        write_variance(found, path, overwrite=True)
    assert path.read_bytes() == b"II*\0 a photo"


def test_the_command_says_what_is_wrong_before_it_reads_photos(tmp_path, made):
    for arguments in (("-o", tmp_path / "v.png"), ("-o", tmp_path / "missing" / "v.fits")):
        result = run("variance", made / "jpegs", *arguments)
        assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert run("variance", made / "jpegs").exit_code == 2


def test_a_map_with_a_variance_has_the_moments_of_all_photos(tmp_path, made):
    profile = ("--profile", made / "profile.yaml")
    both = ("-o", tmp_path / "m.yaml", "--variance", tmp_path / "v.npz")
    done = run("map", made / "photos", *profile, "--no-follow", *both)
    assert done.exit_code == 0
    assert run("map", made / "photos", *profile, "--no-follow", "-o", tmp_path / "plain.yaml").exit_code == 0
    found, plain = read_map(tmp_path / "m.yaml"), read_map(tmp_path / "plain.yaml")
    assert [(one.x, one.y, one.kind) for one in found.defects] == [(one.x, one.y, one.kind) for one in plain.defects]
    assert found.defects
    with np.load(tmp_path / "v.npz") as arrays:
        for one in found.defects:
            assert one.mean == pytest.approx(float(arrays["mean"][one.y, one.x]), rel=1e-4)
            assert one.variance == pytest.approx(float(arrays["variance"][one.y, one.x]), rel=1e-4)


def test_a_variance_is_for_one_camera(tmp_path, made):
    assert run("map", made / "photos", "-o", f"{tmp_path}/", "--variance", tmp_path / "v.npz").exit_code == 2


def test_jpegs_keep_their_map_and_another_sensor_is_refused(made):
    of_raws, of_jpegs = measured(made, made / "photos"), measured(made, made / "jpegs")
    other = toy_map()
    assert of_jpegs.of_entries(other) is other
    with pytest.raises(ValueError, match="another"):
        of_raws.of_entries(other)
