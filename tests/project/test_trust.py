"""What a map, a list or a state folder from someone else can do: nothing but be read. See SECURITY.md."""

from __future__ import annotations

import ast
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensormap.camera.profile import Body
from sensormap.formats.registry import FORMATS
from sensormap.maps.map_names import map_names
from sensormap.maps.mapfile.writing import map_text, write_map
from tests.support.folders import PROJECT
from tests.support.maps import toy_map
from tests.support.photos import run, write_photos, write_profile

# code

RUNS_CODE = {"eval", "exec", "compile", "__import__", "system", "popen"}
MODULES = {
    # Kernels that numba compiled on this machine, in the user's own cache, each checked by its sum.
    "pickle": {"kernel_cache.py", "shards/add_up.py", "survey/engines/culprits.py", "survey/engines/try_photos.py"},
    # A process of our own for photos that a library dies of.
    "subprocess": {"survey/engines/culprits.py"},
    "marshal": set(),
    "shelve": set(),
    "runpy": set(),
}
"""Modules that make code of data, and where they may be imported: never for what comes from outside."""


def sources():
    return sorted((PROJECT / "sensormap").rglob("*.py"))


def test_nothing_that_is_read_is_run_as_code():
    for path in sources():
        where = path.relative_to(PROJECT / "sensormap").as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = {alias.name for alias in node.names} | {getattr(node, "module", None)}
                assert not {name for name in names if where not in MODULES.get(name, {where})}, where
            elif isinstance(node, ast.Call):
                called = node.func
                name = called.id if isinstance(called, ast.Name) else getattr(called, "attr", "")
                of_regex = isinstance(called, ast.Attribute) and getattr(called.value, "id", "") == "re"
                assert name not in RUNS_CODE or of_regex, f"{where}:{node.lineno}"
                options = {option.arg: option.value for option in node.keywords}
                if "allow_pickle" in options:
                    assert ast.literal_eval(options["allow_pickle"]) is False, f"{where}:{node.lineno}"


def test_numpy_files_are_read_without_objects():
    loads = [path for path in sources() if "np.load(" in path.read_text(encoding="utf-8")]
    assert [path.name for path in loads] == ["numpy_list.py"]


@pytest.mark.parametrize("tag", ["!!python/object/apply:os.system ['touch ran']", "!!python/name:os.system", "!x y"])
def test_a_map_runs_no_code(tmp_path, monkeypatch, tag):
    monkeypatch.chdir(tmp_path)
    text = map_text(toy_map()).replace(f'profile: "{toy_map().profile}"', f"profile: {tag}")
    assert tag in text
    Path("evil.yaml").write_text(text, encoding="utf-8")
    found = run("show", "evil.yaml")
    assert found.exit_code == 1
    assert "is not part of the format" in found.stderr
    assert os.listdir() == ["evil.yaml"]  # noqa: PTH208


# paths

HOSTILE = ["../../up", "/tmp/abs", "a/b", "..", ".", "C:\\x", "a\\..\\b", "con", "x" * 60, "\u202etxt", "~root", "-o"]


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize(
    "form", [form for form in FORMATS.values() if form.file_name is not None], ids=lambda one: one.name
)
def test_an_exported_list_stays_in_its_folder_whatever_the_map_calls_the_camera(tmp_path, form, name):
    out = tmp_path / "one" / "two" / "out"
    out.mkdir(parents=True)
    body = Body(name, name, name)
    path = tmp_path / "one" / "two" / "map.yaml"
    write_map(replace(toy_map(), body=body, profile=name), path)
    before = set(tmp_path.rglob("*"))
    found = run("export", path, "--format", form.name, "-o", out)
    new = set(tmp_path.rglob("*")) - before
    assert all(one.parent == out for one in new)
    assert (found.exit_code == 0) == bool(new)


@given(st.lists(st.builds(Body, *[st.text(max_size=64) | st.sampled_from(HOSTILE)] * 3), min_size=1, max_size=4))
def test_a_map_for_a_camera_stays_in_its_folder_whatever_its_photos_call_it(bodies):
    names = list(map_names(dict.fromkeys(bodies)).values())
    assert all(Path(name).name == name and name.endswith(".yaml") and not name.startswith(".") for name in names)
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("command", [["map", "in", "--state"], ["state", "check", "--remove"], ["state", "show"]])
def test_a_state_folder_that_leads_elsewhere_changes_nothing_there(tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    write_photos(Path("in"), 2)
    profile = write_profile(tmp_path)
    mapped = ["--profile", profile, "--no-follow", "-q"]
    assert run("map", "in", *mapped, "--state", "state").exit_code == 0
    shards = Path("state/shards")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    write_photos(elsewhere, 1)
    (elsewhere / "notes.txt").write_text("mine")
    before = {path: path.read_bytes() for path in elsewhere.iterdir()}
    for path in list(shards.iterdir()):
        path.unlink()
    shards.rmdir()
    shards.symlink_to(elsewhere)
    (tmp_path / "state" / "catalogue.sqlite-journal").symlink_to(elsewhere / "notes.txt")
    extra = [*mapped, "--fresh"] if command[0] == "map" else []
    name, *rest = command
    arguments = [name, *rest, "state", *extra]
    run(*arguments)
    assert {path: path.read_bytes() for path in before} == before
