"""The examples in Python that the documentation shows do run, on a small set of generated photos."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from fixtures.series import Recipe, make_series
from sensormap.camera import profile_files
from sensormap.cli.main import main
from tests.support.documentation import code_of
from tests.support.folders import PROJECT

GUIDE = PROJECT / "docs" / "guide" / "python.md"
TUTORIAL = PROJECT / "docs" / "tutorial.md"
MAP_FILE = PROJECT / "docs" / "reference" / "map-format.md"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home folder with photos of a small camera, a profile of it, and a file that is no map."""
    folder = tmp_path_factory.mktemp("home")
    made = folder / "made"
    make_series(Recipe(12, (256, 384), seed=1), made)
    (folder / "Pictures").mkdir()
    (made / "photos").rename(folder / "Pictures" / "d80")
    (folder / "cameras").mkdir()
    (made / "profile.yaml").rename(folder / "cameras" / "nikon-d80.yaml")
    (folder / "photo.jpg").write_bytes(b"\xff\xd8\xff")
    return folder


@pytest.fixture
def at_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in that folder, where the profile that sensormap knows is the small camera's."""
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(home)
    monkeypatch.setattr(profile_files, "_folder", lambda: home / "cameras")
    profile_files.list_profiles.cache_clear()
    yield home
    profile_files.list_profiles.cache_clear()


def test_the_examples_of_the_guide_run(at_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, object] = {}
    examples = code_of(GUIDE, "python")
    for number, example in enumerate(examples, 1):
        exec(compile(example, f"{GUIDE.name}, example {number}", "exec"), names)
    assert len(examples) > 10
    assert (at_home / "d80.yaml").read_text().startswith("format: sensormap/1\n")
    assert len(list((at_home / "fixed").glob("*.NEF"))) == 12
    assert "4001234" in capsys.readouterr().out
    for example in code_of(MAP_FILE, "python"):
        exec(compile(example, MAP_FILE.name, "exec"), names)
    assert names["places"]


def test_the_commands_of_the_tutorial_run(at_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each in its turn, in a folder where nothing is yet; installing apart, which other tests try."""
    monkeypatch.chdir(tmp_path)
    lines = [line for code in code_of(TUTORIAL, "sh") for line in code.splitlines() if line]
    assert [line for line in lines if not line.startswith("sensormap ")] == [
        "python3 -m venv ~/sensormap",
        "~/sensormap/bin/pip install .",
        "source ~/sensormap/bin/activate",
    ]
    printed = {}
    for line in lines[3:]:
        result = CliRunner().invoke(main, shlex.split(line)[1:])
        assert result.exit_code == 0, f"{line}: {result.output}"
        printed[line] = result.output
    assert len(printed) == 10
    photos = {path.stem for path in (at_home / "Pictures" / "d80").glob("*.NEF")}
    assert {path.name for path in (tmp_path / "fixed").iterdir()} == {f"{name}.NEF" for name in photos}
    assert {path.name for path in (tmp_path / "listed").iterdir()} == {f"{name}.dng" for name in photos}
    assert (tmp_path / "d80.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert (tmp_path / ".badpixels").stat().st_size > 0
    assert (tmp_path / "d80.yaml").read_bytes() == (tmp_path / "d80-new.yaml").read_bytes()
    assert "0 new, 0 healed" in printed["sensormap diff d80.yaml d80-new.yaml"]
