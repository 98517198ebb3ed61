"""The script in a real darktable: it corrects what is selected, and groups the copies, whatever photos are called.

Run by ``make test-darktable``, which sets SENSORMAP_DARKTABLE: it starts a whole darktable in a virtual display.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from datetime import datetime

import numpy as np
import pytest

from fixtures.files.nef import NefMeta, nef_bytes
from sensormap.camera.cfa import Cfa
from sensormap.camera.geometry import Rect, Sensor
from sensormap.camera.profile import Body
from sensormap.decode.libraw import open_raw, raw_values
from sensormap.integrations.darktable import install_script
from sensormap.maps.entries import FrameSummary
from sensormap.maps.mapfile.writing import write_map
from sensormap.maps.sensor_map import SensorMap
from tests.support.folders import PROJECT
from tests.support.maps import toy_defect

pytestmark = [
    pytest.mark.skipif(not os.environ.get("SENSORMAP_DARKTABLE"), reason="make test-darktable runs it"),
    pytest.mark.skipif(
        not (shutil.which("darktable") and shutil.which("Xvfb")), reason="darktable and Xvfb are not installed"
    ),
]

SIZE = 192, 128
SENSOR = Sensor(SIZE, Rect(0, 0, 188, 125), Cfa("GBRG"), Rect(7, 3, 176, 112))
HOT = 40, 30
PATIENCE_S = 240  # of a start of darktable on a busy machine, and the photos
NAMES = [
    *("DSC 1.NEF", "-o.NEF", "--overwrite.NEF", "it's.NEF", 'say "x".NEF', "größe ßü 雪.NEF", "back\\slash.NEF"),
    *("$(touch owned).NEF", "`touch owned`.NEF", "a;touch owned;.NEF", "a&b|c>d.NEF", "*.NEF"),
    *("[ab].NEF", "%s$HOME.NEF"),
]
FOLDERS = ["plain", "it's a \"$(touch owned)\" folder"]

DRIVER = """
local dt = require "darktable"
local script = require "sensormap"
local function text(value)
  return '"' .. tostring(value):gsub('[%c"\\\\]', function(c) return string.format("\\\\u%04x", c:byte()) end) .. '"'
end
dt.preferences.write("sensormap", "map", "string", MAP)
dt.control.dispatch(function()
  local images = {}
  for line in io.lines(LIST) do
    table.insert(images, dt.database.import(line))
  end
  local done, said = script.correct(images)
  dt.preferences.write("sensormap", "replace", "bool", true)
  local again, said_again = script.correct(images)
  local groups = {}
  for _, image in ipairs(images) do
    local members = {}
    for _, member in ipairs(image:get_group_members()) do
      table.insert(members, text(member.path .. "/" .. member.filename))
    end
    table.insert(groups, "[" .. table.concat(members, ", ") .. "]")
  end
  local out = io.open(RESULT .. ".part", "w")
  out:write("{\\"done\\": ", done, ", \\"again\\": ", again, ", \\"said\\": ", text(table.concat(said, " ")))
  out:write(", \\"said_again\\": ", #said_again)
  out:write(", \\"command\\": ", text(dt.preferences.read("sensormap", "command", "string")))
  out:write(", \\"groups\\": [", table.concat(groups, ", "), "]}")
  out:close()
  os.rename(RESULT .. ".part", RESULT)
end)
"""


def mosaic():
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    made = (600 + 3 * x + 2 * y).astype(np.uint16)
    made[HOT[1], HOT[0]] = 3500
    return made


def decoded(path):
    with open_raw(path.read_bytes(), path.name) as raw:
        return raw_values(raw)[:125].copy()  # the last rows are not decoded


def lua(text):
    return '"' + "".join(f"\\{byte:03d}" for byte in os.fsencode(str(text))) + '"'


@pytest.fixture
def place(tmp_path):
    """Photos of every sort of name in two folders, a map, and darktable's settings with the script."""
    content = nef_bytes(mosaic(), NefMeta(serial="4001234", captured=datetime(2012, 6, 1, 12)))
    for folder in FOLDERS:
        (tmp_path / folder).mkdir()
        for name in NAMES:
            (tmp_path / folder / name).write_bytes(content)
    (tmp_path / FOLDERS[0] / "other.NEF").write_bytes(nef_bytes(mosaic(), NefMeta(serial="77")))
    hot = toy_defect(*HOT, sensor=SENSOR, dark_dn_per_s=(3000.0, 2990.0, 3010.0))
    frames = FrameSummary(40, 0, None, None, None, None, digest="12e4")
    body = Body("NIKON CORPORATION", "NIKON D80", "4001234")
    write_map(SensorMap(body, "nikon-d80", SENSOR, frames, (), {}, (), (hot,)), tmp_path / "it's my map.yaml")
    command = tmp_path / "bin of mine" / "sensormap"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nPYTHONPATH="{PROJECT}" exec "{sys.executable}" -m sensormap "$@"\n')
    command.chmod(0o755)
    settings = tmp_path / "settings"
    settings.mkdir()
    install_script(settings, command=str(command))
    return tmp_path


def run_darktable(place, photos):
    """Start darktable with the driver in the place of the user, and return what it wrote."""
    (place / "list").write_bytes(b"".join(os.fsencode(str(photo)) + b"\n" for photo in photos))
    values = {"MAP": place / "it's my map.yaml", "LIST": place / "list", "RESULT": place / "result.json"}
    heads = [f"{name} = {lua(value)}" for name, value in values.items()]
    (place / "settings" / "luarc").write_text("\n".join([*heads, DRIVER]), encoding="utf-8")
    folders = ["--configdir", place / "settings", "--cachedir", place / "cache", "--tmpdir", place]
    options = ["--library", ":memory:", *folders, "--disable-opencl", "--conf", "database/create_snapshot=never"]
    command = ["xvfb-run", "-a", "-e", "/dev/null", "darktable", *map(str, options), "-d", "lua"]
    environment = {**os.environ, "HOME": str(place), "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "GTK_USE_PORTAL": "0"}
    with (
        (place / "log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log, cwd=place, env=environment, start_new_session=True) as run,
    ):
        try:
            until = time.monotonic() + PATIENCE_S
            while not (place / "result.json").exists() and run.poll() is None and time.monotonic() < until:
                time.sleep(0.2)
        finally:
            if run.poll() is None:
                os.killpg(run.pid, 15)
            try:
                run.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(run.pid, 9)
    assert (place / "result.json").exists(), (place / "log").read_text(errors="replace")[-3000:]
    return json.loads((place / "result.json").read_text(encoding="utf-8", errors="surrogateescape"))


def test_selected_photos_are_corrected_and_grouped(place):
    photos = [place / folder / name for folder in FOLDERS for name in NAMES]
    other = place / FOLDERS[0] / "other.NEF"
    found = run_darktable(place, [*photos, other])
    assert found["command"] == str(place / "bin of mine" / "sensormap")
    assert (found["done"], found["again"]) == (len(photos), len(photos))
    assert "other.NEF" in found["said"]
    assert found["said_again"] == 2  # lines about the other photo; the copies were replaced
    copies = [photo.parent / "sensormap" / photo.name for photo in photos]
    expected = [sorted(map(str, pair)) for pair in zip(photos, copies, strict=True)] + [[str(other)]]
    assert [sorted(group) for group in found["groups"]] == expected
    for photo, copy in zip(photos, copies, strict=True):
        assert np.argwhere(decoded(photo) != decoded(copy)).tolist() == [list(HOT[::-1])]
    assert not list(place.rglob("owned*"))
