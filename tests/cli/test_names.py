"""Names that are typed for results and for what is read: a slip costs a line, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sensormap.maps.mapfile.writing import write_map
from tests.support.folders import folders_within
from tests.support.maps import toy_map
from tests.support.photos import run, write_photos, write_profile


@pytest.fixture
def map_file(tmp_path):
    path = tmp_path / "toy.yaml"
    write_map(toy_map(), path)
    return path


def results(map_file, folder, profile):
    """Return the command lines that write a result, but for its name."""
    return {
        "map": ["map", folder, "--profile", profile],
        "map --variance": ["map", folder, "--profile", profile, "-o", map_file.parent / "new.yaml"],
        "merge": ["merge", map_file, map_file],
        "import": ["import", map_file, "--format", "csv", "--profile", "nikon-d80"],
        "export": ["export", map_file, "--format", "csv"],
        "schema": ["schema"],
        "evaluate": ["evaluate", folder, "--profile", profile],
        "variance": ["variance", folder, "--profile", profile],
    }


@pytest.mark.parametrize("command", results(Path(), Path(), Path()))
@pytest.mark.parametrize("ending", ["NEF", "jpg", "DNG"])
def test_no_result_is_named_like_a_photo(map_file, tmp_path, command, ending):
    write_photos(tmp_path / "in", 2)
    arguments = results(map_file, tmp_path / "in", write_profile(tmp_path))[command]
    option = "--variance" if command == "map --variance" else "-o"
    before = sorted(tmp_path.rglob("*"))
    found = run(*arguments, option, tmp_path / f"new.{ending}")
    assert (found.exit_code, found.stdout) == (1, "")
    assert "is named like a photo, expected another name for a " in found.stderr
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("command", [name for name in results(Path(), Path(), Path()) if name != "map"])
def test_a_name_that_ends_like_a_folder_s_makes_no_file(map_file, tmp_path, command):
    write_photos(tmp_path / "in", 2)
    arguments = results(map_file, tmp_path / "in", write_profile(tmp_path))[command]
    option = "--variance" if command == "map --variance" else "-o"
    found = run(*arguments, option, f"{tmp_path}/new/")
    assert found.exit_code == 1
    assert f"{tmp_path}/new/: names a folder that does not exist: make it first, or leave the" in found.stderr
    assert not (tmp_path / "new").exists()


def test_a_result_is_still_written_into_a_folder_that_is_there(map_file, tmp_path):
    (tmp_path / "lists").mkdir()
    assert run("export", map_file, "--format", "dcraw", "-o", f"{tmp_path}/lists/").exit_code == 0
    assert [path.name for path in (tmp_path / "lists").iterdir()] == [".badpixels"]


@pytest.mark.parametrize(
    "command", [["show"], ["coords"], ["history"], ["correct", "-o", "out", "in"], ["export", "--format", "csv"]]
)
def test_a_map_that_may_not_be_read_exits_1(map_file, tmp_path, monkeypatch, command):
    real = Path.open

    def refuse(path, *arguments, **options):
        if path == map_file:
            raise PermissionError(13, os.strerror(13))
        return real(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", refuse)
    monkeypatch.setattr(os, "access", lambda *_: False)
    name, *rest = command
    found = run(name, map_file, *rest)
    assert found.exit_code == 1
    assert f"{map_file}: cannot be read: Permission denied" in found.stderr


@pytest.mark.parametrize("option", [["--check"], ["-o", "out"]])
def test_correcting_a_folder_without_a_photo_is_an_error(map_file, tmp_path, option, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    found = run("correct", map_file, "empty", *option)
    assert (found.exit_code, found.stdout) == (1, "")
    assert found.stderr.startswith("Error: no photos found: no file there has the name of a raw photo")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("place", ["--state", "-o"])
def test_a_home_that_does_not_exist_is_no_traceback(tmp_path, monkeypatch, place):
    monkeypatch.chdir(tmp_path)
    write_photos(tmp_path / "in", 2)
    found = run("map", "in", "--profile", write_profile(tmp_path), place, "~nosuchuser/x", "-q", "--no-follow")
    assert found.exception is None or isinstance(found.exception, SystemExit)
    if place == "-o":
        assert found.exit_code == 1
        assert "the folder ~nosuchuser does not exist" in found.stderr
    assert not Path("~nosuchuser").exists() or place == "--state"


def test_maps_in_folders_within_each_other_are_found_to_any_depth(map_file, tmp_path):
    content = map_file.read_bytes()
    (tmp_path / "maps").mkdir()
    with folders_within(tmp_path / "maps", 1100):
        Path("deep.yaml").write_bytes(content)
        Path("up").symlink_to("/")
        found = run("history", tmp_path / "maps")
    assert (found.exit_code, found.stderr) == (0, "")
