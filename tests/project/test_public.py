"""The public names: all there, and importing them costs no more than what they need."""

from __future__ import annotations

import subprocess
import sys

import pytest

import sensormap

HEAVY = ("numba", "numpy", "scipy", "rich", "rawpy", "imageio", "tifffile", "click", "yaml")


def loaded_by(statement: str) -> set[str]:
    """Return the heavy libraries that a fresh interpreter has loaded after a statement."""
    code = f"import sys\n{statement}\nprint(*(name for name in {HEAVY!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("name", sensormap.__all__)
def test_every_public_name_resolves(name: str) -> None:
    value = getattr(sensormap, name)
    assert value.__name__ == name
    assert value.__module__.startswith("sensormap.")
    assert value.__doc__


def test_public_names_are_sorted_and_about_ten() -> None:
    assert sensormap.__all__ == sorted(set(sensormap.__all__))
    assert 8 <= len(sensormap.__all__) <= 14


def test_a_star_import_brings_them_all() -> None:
    names: dict[str, object] = {}
    exec("from sensormap import *", names)
    assert set(sensormap.__all__) <= set(names)


def test_other_names_are_no_attributes() -> None:
    with pytest.raises(AttributeError, match="module 'sensormap' has no attribute 'nonsense'"):
        _ = sensormap.nonsense


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert loaded_by("import sensormap") == set()


@pytest.mark.parametrize("name", ["coordinates", "SensorMap", "Defect", "DefectKind", "SensorMapError"])
def test_the_words_of_a_map_load_nothing_heavy(name: str) -> None:
    assert loaded_by(f"from sensormap import {name}") == set()


@pytest.mark.parametrize("name", ["read_map", "write_map"])
def test_a_reader_of_maps_loads_no_compiler_and_no_decoder(name: str) -> None:
    assert loaded_by(f"from sensormap import {name}") <= {"yaml"}
