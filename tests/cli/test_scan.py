"""`sensormap scan`: a table for people, JSON for scripts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.photos import SERIAL, nef, refused, run, write_photos


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    write_photos(tmp_path, 12)
    write_photos(tmp_path / "more", 2, serial=None, model="NIKON D50")
    write_photos(tmp_path / "one", 1, first=40, serial="7")
    (tmp_path / "DSC_0001.xmp").touch()
    (tmp_path / "empty\x1b[31m.nef").touch()
    return tmp_path


def test_the_tables(photos: Path) -> None:
    result = run("scan", photos)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        "3 cameras\n"
        "camera     serial   raw  JPEG  first       last        usable\n"
        "NIKON D50  ?          2     0  2010-05-02  2010-05-02  few\n"
        "NIKON D80  4001234   12     0  2010-05-02  2010-05-02  yes\n"
        "NIKON D80  7          1     0  2010-05-02  2010-05-02  no\n"
        "no: a map takes at least 2 photos of one sort, raw or JPEG.\n"
        "few: a map to rely on takes 10 or more.\n"
        "?: no serial number is known; the camera is told by its model only.\n"
        "\n"
        "Left out\n"
        "count  for example        reason\n"
        "    1  empty\\x1b[31m.nef  cannot be read as photos: empty, damaged, of another\n"
        "                          format, or gone\n"
        "    1  DSC_0001.xmp       files beside photos, such as .xmp, .pp3 and .thm\n"
    )


def test_json(photos: Path) -> None:
    result = run("scan", photos, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    told = json.loads(result.stdout)
    assert told["bodies"][1] == {
        "make": "NIKON CORPORATION",
        "model": "NIKON D80",
        "serial": SERIAL,
        "profile": "nikon-d80",
        "raw_photos": 12,
        "jpegs": 0,
        "first": "2010-05-02T12:00:00",
        "last": "2010-05-02T12:11:00",
        "usable": True,
        "note": "",
    }
    assert told["bodies"][0]["serial"] is None
    assert told["bodies"][2]["usable"] is False
    assert [one["count"] for one in told["left_out"]] == [1, 1]


def test_nothing_is_no_error(tmp_path: Path) -> None:
    result = run("scan", tmp_path)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "No cameras\nNo raw photo or JPEG there names the camera that took it.\n"
    assert json.loads(run("scan", tmp_path, "--json").stdout) == {"bodies": [], "left_out": []}


def test_each_file_that_is_left_out_is_named_on_demand(photos: Path) -> None:
    lines = run("scan", photos, "-v").stderr.splitlines()
    assert len(lines) == 2
    assert any(line.endswith("empty\\x1b[31m.nef: is empty (0 bytes), expected a photo") for line in lines)


def test_hostile_exif_does_not_steer_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "a.nef").write_bytes(nef(1, serial="[bold]\x1b[31m\r\n1"))
    assert "[bold][31m1" in run("scan", tmp_path).stdout


def test_what_does_not_exist_is_told(tmp_path: Path) -> None:
    result = run("scan", tmp_path / "missing")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.endswith("missing: no such file, folder or pattern\n")


def test_photos_are_required() -> None:
    import click

    assert refused(click.MissingParameter, "scan") == "photos"
