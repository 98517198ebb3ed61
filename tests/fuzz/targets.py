"""The readers, what they read, and what they may make of damage: their own error, in one line, or a value.

A target is added for every reader of files that come from outside.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from fixtures.files.dng import dng_bytes as xtrans_dng
from fixtures.files.fits import fits_bytes, ser_bytes
from fixtures.files.nef import NefMeta, nef_bytes
from fixtures.files.raf import raf_bytes
from fixtures.files.split import SplitCoding
from fixtures.files.tiled_dng import DngCoding
from fixtures.files.tiled_dng import dng_bytes as dng_with_tiles
from fixtures.scenes.scenes import XTRANS
from sensormap.camera.cfa import Cfa
from sensormap.camera.geometry import Rect, Sensor
from sensormap.camera.profile import Body
from sensormap.camera.profile_files import load_profile
from sensormap.correct.dng_inside.lossless_jpeg import is_available
from sensormap.correct.jpeg.jpeg import correct_jpeg
from sensormap.correct.nef import read_nef
from sensormap.correct.run import CorrectOptions, correct_photos
from sensormap.decode.original import read_original
from sensormap.decode.quiet import native_stderr_silenced
from sensormap.decode.reading import open_geometry, read_frame
from sensormap.errors import (
    DecodeError,
    FrameMismatchError,
    ListFormatError,
    MapFormatError,
    ProfileError,
    SensorMapError,
    StateError,
)
from sensormap.formats.listing import Listing, Photosite, Run
from sensormap.formats.registry import FORMATS
from sensormap.maps.changes.edit_map import edit_map
from sensormap.maps.entries import DefectKind
from sensormap.maps.mapfile.reading import read_map
from sensormap.maps.mapfile.writing import map_text
from sensormap.photos.exif import body_of, exposure_of, read_photo, read_tags
from sensormap.photos.finding import find_photos
from sensormap.settings import Options
from sensormap.shards.state_tools import check_state, describe_state
from sensormap.strict_yaml import load_yaml
from sensormap.survey.run import map_defects
from sensormap.urls import expanded, is_url, local_path, shown_url, url_name
from tests.fuzz.dng_copies import correct_tiles
from tests.support.lists import iiq, tiff_with_tag
from tests.support.maps import both_map, full_map, jpeg_map, toy_map
from tests.support.photos import nef, write_profile

SMALL = (64, 48)
"""Width and height of photos: large enough for all that is asked of one."""

Files = Sequence[tuple[str, bytes]]


@dataclass(frozen=True)
class Target:
    """One reader.

    Parameters
    ----------
    files
        Names and contents of valid files.
    attempt
        Reads a damaged one, by its name and content, in an empty folder. What it raises is a find, but for `refuses`.
    refuses
        The errors by which it may refuse a file.
    share
        How many of a hundred examples it gets in a run of the tests.
    """

    files: Callable[[], Files]
    attempt: Callable[[str, bytes, Path], None]
    refuses: tuple[type[Exception], ...]
    share: int = 100


def check(target: Target, name: str, content: bytes, folder: Path) -> bool:
    """Try one file; tell whether it was read, and let through what is neither that nor a refusal in one line."""
    text = None
    try:
        with native_stderr_silenced():
            target.attempt(name, content, folder)
    except target.refuses as error:
        text = str(error)
    if text is not None:
        assert 0 < len(text) < 3000, text[:300]
        assert "\n" not in text, text
    return text is None


# photos


@cache
def _profile(place: str) -> str:
    return str(write_profile(Path(place), SMALL))


def _raw_files() -> Files:
    mosaic = np.random.default_rng(3).integers(0, 3000, SMALL[::-1]).astype(np.uint16)
    plain = nef(1, size=SMALL)
    lossy = nef_bytes(mosaic, NefMeta(serial="4001234"))
    split = nef_bytes(mosaic, NefMeta(serial="4001234"), split=SplitCoding(12, 20))
    return [("a.nef", plain), ("b.nef", lossy), ("d.nef", split), *_dng_files(mosaic)]


def _dng_files(mosaic: np.ndarray) -> Files:
    from tests.decode.test_reading import dng_bytes

    return [("c.dng", dng_bytes(mosaic, "GBRG"))]


def _xtrans_files() -> Files:
    mosaic = np.random.default_rng(3).integers(0, 3000, SMALL[::-1]).astype(np.uint16)
    meta = NefMeta(make="ACME", model="ACME X6", serial="4001234")
    return [("a.dng", xtrans_dng(mosaic, meta, cfa=XTRANS))]


def _raf_files() -> Files:
    mosaic = np.random.default_rng(3).integers(0, 3000, SMALL[::-1]).astype(np.uint16)
    meta = NefMeta(make="FUJIFILM", model="X-Z9", serial="4001234")
    crop = (6, 6, 36, 48)
    return [("a.raf", raf_bytes(mosaic, meta, cfa=XTRANS)), ("b.raf", raf_bytes(mosaic, meta, cfa=XTRANS, crop=crop))]


def _tiled_files() -> Files:
    mosaic = np.random.default_rng(3).normal(1500, 40, SMALL[::-1]).astype(np.uint16)
    codings = [DngCoding(12, tile=(32, 16)), DngCoding(16, rows=20)]
    if is_available():
        codings += [
            DngCoding(14, tile=(32, 16), jpeg=True, components=1),
            DngCoding(12, jpeg=True, components=1),
            DngCoding(12, tile=(16, 16), jpeg=True, predictor=6),
        ]
    return [(f"{number}.dng", dng_with_tiles(mosaic, coding)) for number, coding in enumerate(codings)]


def _image_files() -> Files:
    from tests.decode.test_reading import png_bytes, tiff_bytes

    mosaic = np.random.default_rng(3).integers(0, 3000, SMALL[::-1]).astype(np.uint16)
    return [
        ("a.png", png_bytes(mosaic)),
        ("a.tif", tiff_bytes(mosaic)),
        ("b.tif", tiff_bytes(mosaic, compression="zlib", rowsperstrip=8)),
    ]


def _jpeg_files() -> Files:
    from tests.decode.test_jpeg import GOOD

    return [("a.jpg", bytes(GOOD))]


def _read_photo(name: str, content: bytes, folder: Path) -> None:
    path = folder / name
    path.write_bytes(content)
    photo = read_photo(path)
    profile = load_profile(write_profile(folder, SMALL))
    for known in (profile, None) if path.suffix in (".nef", ".dng", ".jpg", ".fits", ".fz") else (profile,):
        try:
            geometry = open_geometry(path, known)
        except (DecodeError, ProfileError, FrameMismatchError):
            continue
        frame = read_frame(photo, geometry)
        assert frame.mosaic.ndim == 2
        assert frame.mosaic.size <= 400_000_000


def _fits_files() -> Files:
    from astropy.io import fits

    mosaic = np.random.default_rng(3).integers(300, 3000, SMALL[::-1]).astype(np.uint16)
    keywords = {"INSTRUME": "Camera", "BAYERPAT": "GBRG", "EXPTIME": 30.0, "CCD-TEMP": -9.5, "GAIN": 100}
    packed = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(mosaic, tile_shape=(16, 64))]).writeto(packed)
    by_gzip = io.BytesIO()
    shares = fits.CompImageHDU((mosaic / 65_535).astype(np.float32), compression_type="GZIP_2", quantize_level=0)
    fits.HDUList([fits.PrimaryHDU(), shares]).writeto(by_gzip)
    return [
        ("a.fits", fits_bytes(mosaic, keywords)),
        ("b.fits", fits_bytes((mosaic / 65_535).astype(np.float32), keywords)),
        ("c.fits.fz", packed.getvalue()),
        ("d.fits.fz", by_gzip.getvalue()),
    ]


def _read_fits(name: str, content: bytes, folder: Path) -> None:
    _read_photo(name, content, folder)
    if not name.endswith(".fz"):
        _correct_photo(name, content, folder)


def _ser_files() -> Files:
    mosaic = np.random.default_rng(3).integers(300, 3000, SMALL[::-1]).astype(np.uint16)
    times = [datetime(2024, 3, 1, 22), datetime(2024, 3, 1, 23)]
    return [
        ("a.ser", ser_bytes([mosaic, mosaic + 1], colour=10, camera="Camera", times=times)),
        ("b.ser", ser_bytes([mosaic >> 4], bits=8)),
    ]


def _read_without_profile(name: str, content: bytes, folder: Path) -> None:
    path = folder / name
    path.write_bytes(content)
    for frame in find_photos([path], images=False)[:4]:
        photo = read_photo(frame)
        assert read_frame(photo, open_geometry(frame, None)).mosaic.ndim == 2


def _correct_photo(name: str, content: bytes, folder: Path) -> None:
    path = folder / "in" / name
    path.parent.mkdir()
    path.write_bytes(content)
    is_fits = name.endswith(".fits")
    if name.endswith(".jpg"):
        correct_jpeg(content, name, [(5, 5, 1), (20, 12, 2)], method="weighted8", all_defects=True)
        return
    if not is_fits:
        read_nef(content, name)
        read_original(content, name)
    sensor = Sensor(SMALL, Rect(0, 0, *SMALL), Cfa("GBRG"), None)
    defects = tuple(replace(defect, jpeg=None) for defect in toy_map().defects if defect.x < 16 and defect.y < 16)
    defects = tuple(replace(one, plane=sensor.cfa.plane_name(x=one.x, y=one.y)) for one in defects)
    of_photo = replace(toy_map(), sensor=sensor, defects=defects, columns=(), rows=())
    skipped: list[object] = []
    options = CorrectOptions(force=True, all_defects=True, jobs=1)
    correct_photos([path], of_photo, folder / "out", options, on_skipped=skipped.append)
    assert path.read_bytes() == content


def _read_exif(name: str, content: bytes, _: Path) -> None:
    tags, note = read_tags(io.BytesIO(content))
    body, exposure = body_of(tags, note), exposure_of(tags, note)
    assert all(len(text) <= 64 for text in (body.make, body.model, body.serial))
    assert all(text.isprintable() for text in (body.make, body.model, body.serial))
    assert exposure.shutter_s is None or 0 < exposure.shutter_s < 1e5


# text


def _map_files() -> Files:
    maps = {"toy": toy_map(), "full": full_map(), "jpeg": jpeg_map(), "both": both_map()}
    maps["edited"] = edit_map(full_map(), add=[(7, 8, "dead")], remove=[(10, 7)], note="a star: #1")
    return [(f"{name}.yaml", map_text(one).encode()) for name, one in maps.items()]


def _read_map(name: str, content: bytes, folder: Path) -> None:
    (folder / name).write_bytes(content)
    found = read_map(folder / name)
    (folder / "again.yaml").write_text(map_text(found), encoding="utf-8")
    assert read_map(folder / "again.yaml") == found
    if found.sensor.raw_size[0] * found.sensor.raw_size[1] < 1 << 24:
        assert found.mask().sum() == len(found.photosites())


def _profile_files() -> Files:
    with TemporaryDirectory() as folder:
        return [("small.yaml", write_profile(Path(folder), SMALL).read_bytes())]


def _read_profile(name: str, content: bytes, folder: Path) -> None:
    (folder / name).write_bytes(content)
    load_profile(folder / name)


def _read_yaml(_: str, content: bytes, __: Path) -> None:
    load_yaml(content.decode("utf-8", "replace"))


_SENSOR = Sensor((24, 16), Rect(2, 1, 20, 14), Cfa("GBRG"), None)
_LISTING = Listing((Photosite(3, 5, DefectKind.HOT), Photosite(9, 20, DefectKind.DEAD)), (Run(4, 7, 1, 6),))
_READ = {name: form for name, form in FORMATS.items() if form.read is not None}


def _list_files() -> Files:
    body = Body("ACME", "ACME One", "7")
    written = [(name, form.write(_LISTING, _SENSOR, body)) for name, form in _READ.items() if form.write]
    dng = tiff_with_tag(51008, dict(written)["dng-opcodes"], deep=True)
    return [*written, ("dng-opcodes", dng), ("phase-one", iiq([(20, 3, 129), (7, 0, 131)]))]


def _read_list(name: str, content: bytes, _: Path) -> None:
    read = _READ[name].read
    assert read is not None
    found = read(content, name, _SENSOR)
    assert all(0 <= one.x < 24 and 0 <= one.y < 16 for one in found.photosites)
    assert all(0 <= run.x < run.x + run.width <= 24 and 0 <= run.y < run.y + run.height <= 16 for run in found.runs)


_URLS = (
    b"https://me:secret@example.com/2010/DSC_0001.NEF?token=secret#secret",
    b"s3://archive/d80/DSC%200001.NEF",
    b"file:///home/me/my%20photos",
    b"http://[::1]:8080/a.NEF",
    b"~me/photos",
)


def _read_url(_: str, content: bytes, __: Path) -> None:
    text = content.decode("utf-8", "surrogateescape")
    shown, name = shown_url(text), url_name(text)
    assert "/" not in name
    assert isinstance(local_path(text), str)
    again = shown_url(shown)
    assert again == shown or again.endswith("://...")  # what is shown may look like a password by itself
    if "\0" not in text:
        expanded(text)
    is_url(text)


# state folders


@cache
def _state() -> tuple[Path, TemporaryDirectory[str], str, Files]:
    """Make photos and a state folder of them; return where, what removes it, their map, and the folder's files."""
    kept = TemporaryDirectory(prefix="sensormap-fuzz-")
    place = Path(kept.name)
    for number in range(4):
        (place / f"DSC_{number:04}.NEF").write_bytes(nef(number, size=SMALL))
    found = map_text(_map_with_state(place, place / "state"))
    files = sorted(path for path in (place / "state").rglob("*") if path.is_file() and path.stat().st_size)
    return place, kept, found, [(str(path.relative_to(place / "state")), path.read_bytes()) for path in files]


def _map_with_state(place: Path, state: Path):
    profile = write_profile(place, SMALL)
    photos = sorted(place.glob("*.NEF"))
    return map_defects(photos, Options(profile=str(profile), follow=0, jobs=1, state=state))


def _read_state(name: str, content: bytes, folder: Path) -> None:
    """Damage one file of a state folder: the map is the same, or the folder is refused."""
    place, _, expected, _ = _state()
    copy = folder / "state"
    shutil.copytree(place / "state", copy)
    (copy / name).write_bytes(content)
    for tool in (describe_state, check_state):
        try:
            tool(copy)
        except StateError:
            continue
    assert map_text(_map_with_state(place, copy)) == expected


PHOTO_ERRORS = (DecodeError, ProfileError, FrameMismatchError)
TARGETS = {
    "raw": Target(_raw_files, _read_photo, PHOTO_ERRORS),
    "X-Trans": Target(_xtrans_files, _read_without_profile, PHOTO_ERRORS),
    "RAF": Target(_raf_files, _read_without_profile, PHOTO_ERRORS),
    "images": Target(_image_files, _read_photo, PHOTO_ERRORS),
    "FITS": Target(_fits_files, _read_fits, PHOTO_ERRORS, share=150),
    "SER": Target(_ser_files, _read_without_profile, PHOTO_ERRORS),
    "JPEG": Target(_jpeg_files, _read_photo, PHOTO_ERRORS),
    "EXIF": Target(lambda: [*_raw_files(), *_jpeg_files()], _read_exif, ()),
    "correct raw": Target(_raw_files, _correct_photo, (SensorMapError,), share=50),
    "correct DNG": Target(_tiled_files, correct_tiles, (SensorMapError,), share=50),
    "correct JPEG": Target(_jpeg_files, _correct_photo, (SensorMapError,), share=50),
    "map": Target(_map_files, _read_map, (MapFormatError,), share=200),
    "list": Target(_list_files, _read_list, (ListFormatError,), share=300),
    "profile": Target(_profile_files, _read_profile, (ProfileError,)),
    "YAML": Target(_map_files, _read_yaml, (ValueError,)),
    "URL": Target(lambda: [("url", url) for url in _URLS], _read_url, ()),
    "state": Target(lambda: _state()[3], _read_state, (StateError,), share=40),
}
