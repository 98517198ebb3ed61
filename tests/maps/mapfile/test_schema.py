"""The JSON Schema: it accepts every map that is written, and refuses what has other keys or types."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given
from jsonschema import Draft7Validator

from sensormap.cli.main import main
from sensormap.maps.mapfile import layout
from sensormap.maps.mapfile.schema import KEY_TEXTS, SECTION_TEXTS, map_schema
from sensormap.maps.mapfile.writing import map_text
from tests.support.maps import both_map, full_map, jpeg_map, night_map, phone_map, sensor_maps, toy_map
from tests.support.schema import problems

SHIPPED = Path(layout.__file__).with_name(layout.SCHEMA_FILE)
FULL = map_text(full_map())


@given(sensor_map=sensor_maps())
def test_every_map_is_valid(sensor_map):
    assert not problems(map_text(sensor_map))


@pytest.mark.parametrize("make", [toy_map, full_map, night_map, jpeg_map, phone_map, both_map])
def test_maps_of_every_source_are_valid(make):
    assert not problems(map_text(make()))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("format: sensormap/1", "format: sensormap/2"),
        ("source: raw", "source: film"),
        ("  make: ", "  maker: "),
        ("cfa: GBRG", "cfa: GBR"),
        ("kind: hot", "kind: warm"),
        ("defects:", "photosites:"),
        ("plane: ", "colour: "),
        ("confidence: ", "confidence: very "),
    ],
)
def test_what_is_no_map_is_refused(old, new):
    assert old in FULL
    assert problems(FULL.replace(old, new, 1))


def test_it_is_a_schema_of_draft_7_and_has_every_key_explained():
    Draft7Validator.check_schema(map_schema())
    names = ("CAMERA", "SENSOR", "FRAMES", "SKIPPED", "SUMMARY", "CLUSTER", "EDIT")
    names += ("CALIBRATION", "DARK_LAW", "COLUMN", "ROW", "DEFECT", "JPEG_DEFECT")
    keys = {key for name in names for key in getattr(layout, name)}
    assert set(KEY_TEXTS) == keys
    assert set(SECTION_TEXTS) == set(layout.SECTIONS)


def test_the_shipped_file_is_the_generated_one():
    """`sensormap schema -o sensormap/maps/mapfile/sensormap-1.schema.json --overwrite` writes it anew."""
    assert json.loads(SHIPPED.read_text(encoding="utf-8")) == map_schema()


def test_the_command_writes_it(tmp_path):
    runner, path = CliRunner(), tmp_path / layout.SCHEMA_FILE
    printed = runner.invoke(main, ["schema"])
    assert json.loads(printed.stdout) == map_schema()
    assert runner.invoke(main, ["schema", "-o", str(path)]).exit_code == 0
    assert path.read_text(encoding="utf-8") == printed.stdout
    assert runner.invoke(main, ["schema", "-o", str(path)]).exit_code == 1
    assert runner.invoke(main, ["schema", "-o", str(path), "--overwrite"]).exit_code == 0
    path.write_text("{}")
    assert runner.invoke(main, ["schema", "-o", str(path), "--overwrite"]).exit_code == 1


def test_the_map_names_the_file_that_the_command_is_about():
    assert yaml.safe_load(FULL)["format"] == "sensormap/1"
    assert f"$schema={SHIPPED.name}" in FULL.splitlines()[1]
