"""The house: which packages there are, on which floor, and what belongs to one place stays there."""

from __future__ import annotations

import ast
import re
import statistics
from functools import cache
from graphlib import TopologicalSorter

import pytest

from tests.support.folders import PROJECT

PACKAGE = PROJECT / "sensormap"
# A package, or a module at the top, imports from lower floors only.
FLOORS = [
    {"errors", "bounded_reading", "kernel_cache", "strict_yaml", "threads", "version"},
    {"camera", "compiled", "output", "settings", "urls"},
    {"frame", "integrations"},
    {"photos", "maps", "score"},
    {"decode", "detect", "history"},
    {"diagnose", "formats", "alignment"},
    {"assemble", "shards", "correct"},
    {"survey"},
    {"evaluation", "variance"},
    {"report"},
    {"plots"},
    {"cli"},
    {"__main__"},
]
PIPELINE = [
    *("camera", "photos", "decode", "score", "detect", "diagnose", "shards", "assemble", "survey"),
    *("maps", "correct", "formats", "integrations", "history", "evaluation", "variance", "alignment"),
    *("report", "plots", "cli"),
]
"""Packages in the order of the pipeline, in which `sensormap.__doc__` lists them."""

HOMES = {
    "click": {"cli"},
    "rich": {"cli"},
    "rawpy": {"decode"},
    "imageio": {"decode", "formats", "report"},
    "tifffile": {"decode", "correct", "variance"},
    "astropy": {"decode"},
    "imagecodecs": {"correct"},
    "matplotlib": {"plots"},
    "statsmodels": {"history"},
    "dask": {"survey"},
    "distributed": {"survey"},
    "exifread": {"photos"},
    "fsspec": {"photos"},
    "aiohttp": {"photos"},
    "asyncio": {"photos", "survey"},
    "simplejpeg": {"decode"},
    "yaml": {"strict_yaml"},
    "numba": {"compiled", "kernel_cache"},
    "concurrent": {"survey", "correct", "photos", "threads"},
    "multiprocessing": set(),
    "scipy": set(),
}
"""Where a library may be imported."""

ARITHMETIC = {"score", "detect", "diagnose"}
OUTSIDE_WORLD = {"pathlib", "os", "io", "logging", "threading", "concurrent", "time", "random", "glob", "warnings"}
MOST_MODULES, PEERS = 12, {"formats.programs", "cli.commands"}  # of a folder, but for those of equals
MOST_LINES = 400
MODULES = sorted(
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
    for path in PACKAGE.rglob("*.py")
    if path.name != "__init__.py"
)
UNITS = {unit: number for number, floor in enumerate(FLOORS) for unit in floor}
FOLDERS = sorted({module.rpartition(".")[0] for module in MODULES})


def source_of(module: str) -> str:
    return (PACKAGE / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8")


@cache
def tree_of(module: str) -> ast.Module:
    return ast.parse(source_of(module))


def docstring_of(package: str) -> str:
    path = PACKAGE / package.replace(".", "/") / "__init__.py"
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""


def for_types_only(tree: ast.Module) -> set[ast.AST]:
    blocks = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    ]
    return {node for block in blocks for statement in block.body for node in ast.walk(statement)}


@cache
def imports_of(module: str, *, types: bool = True) -> frozenset[str]:
    """Return the dotted names that a module imports anywhere, ``package.name`` for each name taken from a package."""
    tree = tree_of(module)
    ignored = set() if types else for_types_only(tree)
    found: set[str] = set()
    for node in ast.walk(tree):
        if node in ignored:
            continue
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: imports within the package are absolute"
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return frozenset(found)


def unit_of(module: str) -> str:
    return module.split(".", maxsplit=1)[0]


def own_imports(module: str, *, types: bool = True) -> set[str]:
    """Return the modules of the package that a module imports, by their names below it."""
    found = set()
    for name in imports_of(module, types=types):
        parts = name.split(".")
        if parts[0] == "sensormap":
            longest = [".".join(parts[1:end]) for end in range(len(parts), 1, -1)]
            found.add(next((other for other in longest if other in MODULES), parts[1]))
    return found - {module}


def test_every_module_is_on_a_floor_and_every_floor_holds_what_exists() -> None:
    assert {unit_of(module) for module in MODULES} == set(UNITS)
    assert len(UNITS) == sum(map(len, FLOORS)), "a module is on two floors"


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_down_or_stay_in_the_package(module: str) -> None:
    unit = unit_of(module)
    others = {unit_of(other) for other in own_imports(module)} - {unit}
    assert not {other for other in others if UNITS[other] >= UNITS[unit]}, f"{module} is on floor {UNITS[unit] + 1}"


def test_imports_have_no_circles_between_modules_not_even_of_types() -> None:
    graph = {module: own_imports(module) for module in MODULES}
    assert set(TopologicalSorter(graph).static_order()) >= set(MODULES)


def test_the_package_lists_its_packages_in_the_order_of_the_pipeline() -> None:
    listed = re.findall(r"^    (\w+)  ", docstring_of(""), re.MULTILINE)
    assert [name for name in listed if name in PIPELINE] == PIPELINE
    folders = {unit_of(module) for module in MODULES if "." in module}
    assert folders == set(PIPELINE)


@pytest.mark.parametrize("folder", [folder for folder in FOLDERS if folder and folder not in PEERS])
def test_a_package_s_docstring_names_its_modules_and_packages(folder: str) -> None:
    inside = {module[len(folder) + 1 :].split(".")[0] for module in MODULES if module.startswith(f"{folder}.")}
    assert not {name for name in inside if f"`{name}`" not in docstring_of(folder)}


@pytest.mark.parametrize("folder", FOLDERS)
def test_folders_are_read_at_a_glance(folder: str) -> None:
    inside = [module for module in MODULES if module.rpartition(".")[0] == folder]
    assert len(inside) <= MOST_MODULES or folder in PEERS


def test_modules_are_one_idea_each() -> None:
    """Neither cut by a limit nor grown beyond what can be read at once."""
    lines = {module: source_of(module).count("\n") for module in MODULES}
    assert not {module: count for module, count in lines.items() if count > MOST_LINES}
    assert 120 <= statistics.median(lines.values()) <= MOST_LINES


@pytest.mark.parametrize("library", HOMES)
def test_each_library_has_its_place(library: str) -> None:
    users = {unit_of(module) for module in MODULES if library in {name.split(".")[0] for name in imports_of(module)}}
    assert users <= HOMES[library]


@pytest.mark.parametrize("module", [module for module in MODULES if unit_of(module) in ARITHMETIC])
def test_arithmetic_knows_no_paths_logs_or_threads(module: str) -> None:
    found = {name for name in imports_of(module) if name.split(".")[0] in OUTSIDE_WORLD}
    assert found <= ({"threading.Lock"} if module == "detect.tally" else set())
    globals_ = [node.lineno for node in ast.walk(tree_of(module)) if isinstance(node, ast.Global)]
    assert not globals_


@pytest.mark.parametrize("module", MODULES)
def test_nothing_prints_asserts_or_catches_everything(module: str) -> None:
    """Results are returned, progress is logged; the command line prints through click and rich."""
    for node in ast.walk(tree_of(module)):
        assert not (isinstance(node, ast.Name) and node.id == "print"), f"line {node.lineno}"
        assert not isinstance(node, ast.Assert), f"line {node.lineno}"
        if isinstance(node, ast.ExceptHandler):
            caught = ast.unparse(node.type) if node.type else "everything"
            assert caught not in ("everything", "Exception", "BaseException"), f"line {node.lineno}"


@pytest.mark.parametrize("name", ["utils", "helpers", "common", "base", "manager", "misc"])
def test_no_module_is_named_after_nothing(name: str) -> None:
    assert not [module for module in MODULES if module.split(".")[-1] == name]
