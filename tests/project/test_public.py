"""The public names: all there, and importing them costs no more than what they need."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import sensormap
from sensormap.cli.main import main
from tests.support.folders import PROJECT

TWINS = {
    "scan": ("scan",),
    "map": ("map_defects", "map_bodies", "plan_map", "write_map"),
    "report": ("map_with_details", "write_report"),
    "show": ("read_map", "visible_defects"),
    "plot": ("draw_map", "draw_series", "values_in_photos", "values_in_state", "preview_repair", "draw_repair"),
    "coords": ("coordinates",),
    "evaluate": ("evaluate",),
    "variance": ("measure_variance", "write_variance"),
    "correct": ("correct_photos", "plan_corrections", "check_repairs"),
    "export": ("export_map",),
    "import": ("import_map",),
    "diff": ("compare_maps",),
    "merge": ("merge_maps",),
    "edit": ("edit_map",),
    "history": ("measure_growth", "draw_growth"),
    "cameras": ("list_profiles", "get_profile", "align_jpeg", "check_profiles", "write_profiles"),
    "state": ("describe_state", "check_state", "merge_states", "forget_photos"),
    "schema": ("map_schema",),
    "integrations": (),  # is about another program's folders only
    "completion": (),  # is about the command line only
}
"""What in the library does what each command does."""

CLIENT = '''
from pathlib import Path
from typing import assert_type

import sensormap
from sensormap import DefectKind, Options, SensorMap, coordinates, map_defects, merge_maps, read_map, write_map

found: SensorMap = map_defects([Path("photos"), "more/*.NEF"], Options(jobs=2))
write_map(found, "d80.yaml", overwrite=True)
hot = [(defect.x, defect.y) for defect in read_map("d80.yaml").defects if defect.kind == DefectKind.HOT]
places: list[tuple[int, int]] = [*hot, *coordinates(found, "jpeg")]
assert_type(merge_maps([found]), SensorMap)
assert_type(sensormap.__version__, str)
'''
HEAVY = (
    *("numba", "numpy", "scipy", "statsmodels", "matplotlib"),
    *("rich", "rawpy", "imageio", "tifffile", "click", "yaml"),
)


def loaded_by(statement: str) -> set[str]:
    """Return the heavy libraries that a fresh interpreter has loaded after a statement."""
    code = f"import sys\n{statement}\nprint(*(name for name in {HEAVY!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("name", sorted(set(sensormap.__all__) - {"__version__"}))
def test_every_public_name_resolves(name: str) -> None:
    value = getattr(sensormap, name)
    assert value.__name__ == name
    assert value.__module__.startswith("sensormap.")
    assert value.__doc__


def test_public_names_are_written_once_and_are_all() -> None:
    stub = (PROJECT / "sensormap" / "__init__.pyi").read_text(encoding="utf-8")
    lines = [line for line in stub.splitlines() if line.startswith("from ")]
    assert sorted(line.split(" as ")[1] for line in lines) == sorted(sensormap.__all__)
    assert all(re.fullmatch(r"from \.[\w.]+ import (\w+) as \1", line) for line in lines)


def test_no_public_function_has_the_name_of_a_package() -> None:
    packages = {path.parent.name for path in (PROJECT / "sensormap").glob("*/__init__.py")}
    assert not packages & set(sensormap.__all__)


@pytest.mark.parametrize(("command", "names"), TWINS.items())
def test_every_command_has_its_function(command: str, names: tuple[str, ...]) -> None:
    assert set(names) <= set(sensormap.__all__), command


def test_no_command_is_without() -> None:
    assert set(TWINS) == set(main.table)


def test_the_version_is_the_one_of_the_command_line() -> None:
    told = CliRunner().invoke(main, ["--version"]).output
    assert told.split() == ["sensormap,", "version", sensormap.__version__]


MISUSE = """
coordinates(found, 3)
read_map()
"""


def test_the_types_reach_a_client(tmp_path: Path) -> None:
    """They are found from outside the package's folder, are what they seem, and tell misuse, line by line."""
    pytest.importorskip("mypy", reason="the type checker is in the dev extra")
    client = tmp_path / "client.py"
    client.write_text(CLIENT + MISUSE, encoding="utf-8")
    environment = {**os.environ, "MYPYPATH": str(PROJECT)}
    # By the project's settings only to pass over large libraries, which take most of the time.
    config = f"--config-file={PROJECT / 'pyproject.toml'}"
    options = [config, "--strict", "--no-error-summary", "--hide-error-context", f"--cache-dir={tmp_path}"]
    command = [sys.executable, "-m", "mypy", *options, client.name]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    correct = CLIENT.count("\n")
    found = {int(line) for line in re.findall(rf"^{client.name}:(\d+): error", done.stdout, re.MULTILINE)}
    assert found == {correct + 2, correct + 3}, done.stdout + done.stderr


def test_a_star_import_brings_them_all() -> None:
    names: dict[str, object] = {}
    exec("from sensormap import *", names)
    assert set(sensormap.__all__) <= set(names)


def test_other_names_are_no_attributes() -> None:
    with pytest.raises(AttributeError):
        _ = sensormap.nonsense


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert loaded_by("import sensormap") == set()


@pytest.mark.parametrize("name", ["coordinates", "SensorMap", "Defect", "DefectKind", "SensorMapError"])
def test_the_words_of_a_map_load_nothing_heavy(name: str) -> None:
    assert loaded_by(f"from sensormap import {name}") == set()


@pytest.mark.parametrize("name", ["read_map", "write_map"])
def test_a_reader_of_maps_loads_no_compiler_and_no_decoder(name: str) -> None:
    assert loaded_by(f"from sensormap import {name}") <= {"yaml"}
