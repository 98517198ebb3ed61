"""The floors of the package: imports go down only, and what belongs to one floor stays there."""

from __future__ import annotations

import ast
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "sensormap"
FLOORS = [
    {"errors", "cfa", "camera", "frame", "sensor", "defects", "consistency", "entry_consistency"},
    {
        *("compiled", "kernels", "row_kernels", "line_kernels", "story_kernels", "noise_kernels", "look_kernels"),
        "places",
        *("score", "plausible", "repeat", "slopes", "marks", "scenery", "suppression"),
        *("tally", "vote_kernels", "block_lists", "vote", "detect", "spots", "lines", "line_runs"),
        *("medians", "strength_kernels", "likelihoods"),
        *("series", "gathered", "stories", "onset", "strengths", "laws", "verdict", "decoys", "classify", "cluster"),
        *("visible", "matching", "hidden", "differences"),
        *("planting", "evaluation", "alignment", "remosaic", "collapse", "appearance", "picture_kinds"),
    },
    {"decode", "profiles", "mapfile", "output", "yamltext", "memory"},
    {
        *("report", "evidence", "unfollowed", "followed_entries", "line_entries", "picture_entries", "assemble"),
        *("combine", "merged_entries", "merged_lines", "merging", "formats", "correct"),
    },
    {
        *("survey", "options", "passes", "first_pass", "examine", "variety", "watch", "follow", "frame_choice"),
        *("evaluate", "photos", "shots", "align", "corrections", "destinations", "repair_quality"),
    },
    {"cli", "__main__"},
]
"""A folder is on one floor as a whole."""

HOMES = {
    "click": {"cli"},
    "rich": {"cli"},
    "rawpy": {"decode"},
    "imageio": {"decode", "formats"},
    "tifffile": {"decode", "correct"},
    "astropy": {"formats"},
    "exifread": {"decode"},
    "simplejpeg": {"decode"},
    "flashraw": {"decode"},
    "yaml": {"yamltext"},
    "numba": {"compiled"},
    "concurrent": {"survey", "first_pass", "examine", "follow", "photos", "corrections"},
    "multiprocessing": set(),
    "scipy": set(),
}
"""Where a library may be imported."""

OUTSIDE_WORLD = {"pathlib", "os", "io", "logging", "threading", "concurrent", "time", "random", "glob", "warnings"}
MODULES = sorted(
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
    for path in PACKAGE.rglob("*.py")
    if path != PACKAGE / "__init__.py"
)
UNITS = {unit: number for number, floor in enumerate(FLOORS) for unit in floor}


@cache
def tree_of(module: str) -> ast.Module:
    return ast.parse((PACKAGE / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8"))


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
    """Return the modules and folders of the package that a module imports from."""
    names = (name.split(".") for name in imports_of(module, types=types))
    return {parts[1] for parts in names if parts[0] == "sensormap" and len(parts) > 1}


def test_every_module_is_on_a_floor_and_every_floor_holds_what_exists() -> None:
    assert {unit_of(module) for module in MODULES} == set(UNITS)
    assert len(UNITS) == sum(map(len, FLOORS)), "a module is on two floors"


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_down_or_stay_on_the_floor(module: str) -> None:
    floor = UNITS[unit_of(module)]
    above = {other for other in own_imports(module) if UNITS[other] > floor}
    assert not above, f"{module} is on floor {floor}"


def test_imports_have_no_circles() -> None:
    graph: dict[str, set[str]] = {}
    for module in MODULES:
        unit = unit_of(module)
        graph.setdefault(unit, set()).update(own_imports(module, types=False) - {unit})
    assert set(TopologicalSorter(graph).static_order()) == set(UNITS)


@pytest.mark.parametrize("library", HOMES)
def test_each_library_has_its_place(library: str) -> None:
    users = {unit_of(module) for module in MODULES if library in {name.split(".")[0] for name in imports_of(module)}}
    assert users <= HOMES[library]


@pytest.mark.parametrize("unit", sorted(FLOORS[1]))
def test_arithmetic_knows_no_paths_logs_or_threads(unit: str) -> None:
    found = {name for name in imports_of(unit) if name.split(".")[0] in OUTSIDE_WORLD}
    assert found == ({"threading.Lock"} if unit in {"compiled", "tally"} else set())
    globals_ = [node.lineno for node in ast.walk(tree_of(unit)) if isinstance(node, ast.Global)]
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


@pytest.mark.parametrize("module", MODULES)
def test_modules_stay_small(module: str) -> None:
    """50 to 250 lines are the rule; a third more is the limit."""
    lines = (PACKAGE / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8").count("\n")
    assert lines <= 330
