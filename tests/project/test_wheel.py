"""The wheel holds all that an installed program needs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from sensormap.camera.profile_files import list_profiles
from tests.support.folders import PROJECT

pytest.importorskip("hatchling", reason="the build backend is in the dev extra")


def build(source, folder, **environment):
    """Build the wheel without a network."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=source,
        env=os.environ | environment,
        check=True,
        capture_output=True,
    )
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return build(PROJECT, tmp_path_factory.mktemp("wheel"), SOURCE_DATE_EPOCH="1600000000")


def test_a_wheel_built_elsewhere_and_later_is_the_same_to_the_bit(wheel, tmp_path):
    source = tmp_path / "source"
    for name in ("sensormap", "cameras"):
        shutil.copytree(PROJECT / name, source / name, copy_function=shutil.copyfile)  # with other times and modes
    for name in ("pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        shutil.copyfile(PROJECT / name, source / name)
    other = build(source, tmp_path / "other", SOURCE_DATE_EPOCH="1600000000", PYTHONHASHSEED="7", TZ="Asia/Tokyo")
    assert other.name == wheel.name
    assert other.read_bytes() == wheel.read_bytes()


def test_the_wheel_holds_the_package_the_profiles_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"sensormap"}
    held = {Path(name).stem for name in names if name.startswith("sensormap/cameras/")}
    assert held == {profile.name for profile in list_profiles()}
    assert "sensormap/camera/serial_tags.yaml" in names
    assert not [name for name in names if name.endswith((".pyc", ".nbi", ".nbc", ".kernel"))]
    modules = {str(path.relative_to(PROJECT)) for path in (PROJECT / "sensormap").rglob("*.py")}
    assert modules == {name for name in names if name.endswith(".py")}


def test_an_installed_program_finds_its_profiles(wheel, tmp_path):
    home = tmp_path / "fresh"
    venv.create(home, with_pip=False)
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--no-deps", "--no-index", str(wheel)], check=True)
    # The dependencies are those of the tests; the project's own folder is no part of that.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    environment["PYTHONPATH"] = sysconfig.get_path("purelib")

    def call(*command):
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
        return done.stdout

    script = "import sensormap.camera.profile_files as p; print(p.__file__); print(p._folder())"
    where = call(python, "-c", script).split()
    assert all(Path(line).is_relative_to(home) for line in where), where
    program = python.with_name("sensormap")
    listed = call(program, "cameras", "list").splitlines()[1:]
    assert [line.split()[0] for line in listed] == [profile.name for profile in list_profiles()]
    assert call(program, "--version").startswith("sensormap, version ")
