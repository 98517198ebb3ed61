"""Each way to add something that CONTRIBUTING.md shows, tried with a toy of a few lines through the real entries."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import ModuleType

import click
import numpy as np
import pytest
from numpy.typing import NDArray

from fixtures.files.nef import NefMeta, nef_bytes
from sensormap import map_defects
from sensormap.camera import profile_files
from sensormap.camera.geometry import Sensor
from sensormap.camera.profile import Body, Profile
from sensormap.camera.profile_files import get_profile
from sensormap.cli import commands
from sensormap.cli.main import main
from sensormap.correct.methods.registry import METHODS, Method
from sensormap.correct.methods.targets import Targets
from sensormap.decode import reading
from sensormap.decode.mosaic import Decoded, decoded
from sensormap.decode.original import read_original
from sensormap.decode.reading import Decoder
from sensormap.detect import worth_following
from sensormap.detect.tally import Tally
from sensormap.errors import DecodeError
from sensormap.formats.listing import Format, Listing, Photosite, Run, make_listing, one_by_one, raw_grid
from sensormap.formats.registry import FORMATS
from sensormap.formats.to_map import map_of_listing
from sensormap.maps.mapfile.reading import read_map
from sensormap.maps.mapfile.writing import write_map
from sensormap.maps.sensor_map import SensorMap
from tests.support.frames import make_mosaic
from tests.support.maps import toy_map
from tests.support.photos import NOON, SERIAL, SIZE, run, write_photos, write_profile

CAMERA = f"""
make: NIKON CORPORATION  # EXIF tag Make
model: TOY 1  # EXIF tag Model
raw_size: [{SIZE[0]}, {SIZE[1]}]
active_area: [0, 0, {SIZE[0] - 4}, {SIZE[1] - 5}]
jpeg_crop: null
cfa: GBRG
black_level: 0
saturation: 3880
bits: 12
suppression_from_s: null
"""


@pytest.fixture
def cameras(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a folder that stands for `cameras/`."""
    folder = tmp_path / "cameras"
    folder.mkdir()
    monkeypatch.setattr(profile_files, "_folder", lambda: folder)
    profile_files.list_profiles.cache_clear()
    yield folder
    profile_files.list_profiles.cache_clear()


@pytest.fixture
def toy_file(tmp_path: Path) -> Path:
    path = tmp_path / "toy.yaml"
    write_map(toy_map(), path)
    return path


def test_a_camera_is_a_file(cameras: Path, tmp_path: Path) -> None:
    (cameras / "toy-1.yaml").write_text(CAMERA, encoding="utf-8")
    assert "TOY 1" in run("cameras", "list").stdout
    assert "saturation         3880 DN" in run("cameras", "show", "toy-1").stdout
    write_photos(tmp_path / "photos", model="TOY 1")
    found = run("map", tmp_path / "photos", "-o", tmp_path / "map.yaml", "--no-follow", "-q")
    assert found.exit_code == 0, found.output
    assert read_map(tmp_path / "map.yaml").profile == "toy-1"


# A format: a module with these two functions and FORMAT, and its name in the registry.


def write(listing: Listing, _sensor: Sensor, _body: Body) -> bytes:
    return "".join(f"{found.x};{found.y}\n" for found in one_by_one(listing)).encode()


def read(data: bytes, name: str, sensor: Sensor) -> Listing:
    places = (line.split(";") for line in data.decode().splitlines())
    return make_listing((Run(int(y), int(x), 1, 1) for x, y in places), raw_grid(sensor), name)


TOY_FORMAT = Format("toy", "Toy program", "raw grid", frozenset(), write, read)


def test_a_format_is_a_module_and_its_name(monkeypatch: pytest.MonkeyPatch, cameras: Path, toy_file: Path) -> None:
    monkeypatch.setitem(FORMATS, "toy", TOY_FORMAT)
    listed = run("export", "--list").stdout
    exported = run("export", toy_file, "--format", "toy")
    assert "Toy program" in listed
    assert exported.stdout.splitlines()[0] == "2;1"
    assert "toy: 7 photosites without the kind" in exported.stderr
    (cameras / "toy-1.yaml").write_text(CAMERA, encoding="utf-8")
    toy_list, back = toy_file.with_suffix(".toy"), toy_file.with_name("back.yaml")
    toy_list.write_text(exported.stdout, encoding="utf-8")
    imported = run("import", toy_list, "--format", "toy", "--profile", "toy-1", "-o", back)
    assert imported.exit_code == 0, imported.output
    assert read_map(back).settings["imported_from"] == "toy"
    assert [(defect.x, defect.y) for defect in read_map(back).defects][:2] == [(2, 1), (17, 4)]


# A command: a module with this function, and a row in the table.


@click.command("count")
@click.argument("map_file", metavar="MAP", type=click.Path(path_type=Path))
def count_command(map_file: Path) -> None:
    """Print the number of defects of MAP."""
    click.echo(len(read_map(map_file).defects))


def test_a_command_is_a_module_and_a_row(monkeypatch: pytest.MonkeyPatch, toy_file: Path) -> None:
    module = ModuleType("sensormap.cli.commands.count")
    vars(module)["count_command"] = count_command
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(main.table, "count", "Print the number of defects of MAP.")
    assert "Print the number of defects of MAP." in run("--help").stdout
    assert run("count", toy_file).stdout == "3\n"
    missing = run("count", toy_file.with_name("none.yaml"))
    assert missing.exit_code == 1
    assert missing.stderr.startswith("Error: ")
    assert missing.stderr.count("\n") == 1


# A detector: a module with a function from a tally to places, and a line where the places of all are joined.

STUCK = [(40, 51), (41, 100), (90, 60)]  # (row, col)


def stuck_photos(folder: Path) -> Path:
    """Write photos of different scenes in which some photosites are stuck; return their folder."""
    folder.mkdir()
    for number in range(12):
        mosaic = make_mosaic(number, shape=SIZE[::-1], level=300.0 + 60 * number).astype(np.uint16)
        for place in STUCK:
            mosaic[place] = 3000
        meta = NefMeta(serial="1", captured=NOON + timedelta(minutes=number), shutter=(1, 100), iso=100)
        (folder / f"DSC_{number:04}.NEF").write_bytes(nef_bytes(mosaic, meta))
    return folder


def strongest_above(tally: Tally) -> NDArray[np.int64]:
    """Return the photosite whose outlying scores sum up highest, of the upper half of the sensor."""
    upper = tally.sum_outlying.reshape(-1)[: tally.sum_outlying.size // 2]
    return np.array([np.argmax(upper)], np.int64)


def test_a_detector_names_places_and_the_second_pass_decides(
    monkeypatch: pytest.MonkeyPatch, cameras: Path, tmp_path: Path
) -> None:
    (cameras / "nikon-d80.yaml").write_text(CAMERA.replace("TOY 1", "NIKON D80"), encoding="utf-8")
    photos = stuck_photos(tmp_path / "photos")
    everything = map_defects([photos])
    monkeypatch.setattr(worth_following, "worth_following", lambda tally, *_, **__: strongest_above(tally))
    one = map_defects([photos])
    assert [(defect.y, defect.x) for defect in everything.defects] == STUCK
    assert [(defect.y, defect.x) for defect in one.defects] == [(40, 51)]
    assert one.defects[0].kind == "stuck"


# A decoder: a module with these two functions, and a row in the table.


def toy_geometry(_data: bytes, profile: Profile | None, name: str) -> Profile:
    if profile is None:
        msg = f"{name}: a toy file does not say its filters; name a camera profile (--profile)"
        raise DecodeError(msg)
    return profile


def toy_frame(data: bytes, profile: Profile | None, name: str) -> Decoded | None:
    if profile is None or not data.startswith(b"TOY"):
        return None  # the next row that reads such files says what it is
    width, height = profile.raw_size
    values = np.frombuffer(data, "<u2", width * height, offset=4).reshape(height, width)
    return decoded(values, profile, name, black_level=profile.black_level or (0,), saturation=profile.saturation)


def test_a_decoder_is_a_module_and_a_row(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    row = Decoder(lambda path: path.suffix == ".raw", toy_geometry, toy_frame)
    monkeypatch.setattr(reading, "DECODER_TABLE", (row, *reading.DECODER_TABLE))
    photos, profile = tmp_path / "photos", tmp_path / "toy-1.yaml"
    photos.mkdir()
    profile.write_text(CAMERA, encoding="utf-8")
    for number in range(3):
        mosaic = make_mosaic(number, shape=SIZE[::-1], level=300.0 + 60 * number).astype("<u2")
        (photos / f"{number}.raw").write_bytes(b"TOY " + mosaic.tobytes())
    (photos / "other.raw").write_bytes(b"no toy")
    found = run("map", photos, "--profile", profile, "--no-follow", "-o", tmp_path / "map.yaml", "-q")
    assert found.exit_code == 0, found.output
    mapped = read_map(tmp_path / "map.yaml")
    assert mapped.frames.used == 3
    assert [photo.name for photo in mapped.skipped] == ["other.raw"]


# A repair method: a module with a function from targets to values, and a row of the registry.


def grey(targets: Targets) -> NDArray[np.float64]:
    """Return the same value for every photosite."""
    return np.full(len(targets.places), 1234.0)


def test_a_repair_method_is_a_module_and_a_row(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    module = ModuleType("sensormap.correct.methods.toy")
    vars(module)["grey"] = grey
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(METHODS, "toy", Method("toy.grey", "the same grey everywhere"))
    monkeypatch.setattr(commands, "correct", importlib.import_module("sensormap.cli.commands.correct"))
    monkeypatch.delitem(sys.modules, "sensormap.cli.commands.correct")  # so that the command is made anew
    photo, map_file = write_photos(tmp_path / "photos", 1)[0], tmp_path / "map.yaml"
    write_map(small_map(tmp_path, (20, 30)), map_file)
    assert "the same grey everywhere" in run("correct", "--help").stdout
    result = run("correct", map_file, photo, "-o", tmp_path / "fixed", "--method", "toy")
    assert result.exit_code == 0, result.output
    fixed = read_original((tmp_path / "fixed" / photo.name).read_bytes(), photo.name)
    assert abs(int(fixed.mosaic[20, 30]) - 1234) < 8  # the file holds steps


def small_map(folder: Path, place: tuple[int, int]) -> SensorMap:
    """Return a map of the body's photos with one defect at (row, col)."""
    profile = get_profile(str(write_profile(folder)))
    listing = Listing((Photosite(*place),))
    return map_of_listing(listing, profile, serial=SERIAL, origin=("toy", "toy"))
