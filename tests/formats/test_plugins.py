"""Formats of other packages: the example of the documentation, and packages that are broken in every way."""

from __future__ import annotations

import re

import pytest
from click.testing import CliRunner

from sensormap.cli.main import main
from sensormap.formats.plugins import plugin_formats
from sensormap.formats.registry import FORMATS, known_formats
from sensormap.maps.coordinates import coordinates
from sensormap.maps.mapfile.reading import parse_map
from sensormap.maps.mapfile.writing import write_map
from tests.support.folders import PROJECT
from tests.support.maps import toy_map

PAGE = PROJECT / "docs" / "how-to" / "own-format.md"
BEGIN = "from sensormap.formats.listing import Format, Listing, Photosite\n"
FUNCTIONS = 'lambda *_: b"toy"', "lambda *_: Listing((Photosite(1, 2),))"
TOY = f'FORMAT = Format("toy", "Toy", "raw grid", frozenset(), {", ".join(FUNCTIONS)})\n'
NOTHING = 'FORMAT = Format("toy", "Toy", "raw grid", frozenset(), None)'
PROFILE = (
    "make: NIKON CORPORATION\nmodel: NIKON D80\nraw_size: [24, 16]\nactive_area: [2, 1, 20, 14]\n"
    "jpeg_crop: [3, 2, 18, 12]\ncfa: GBRG\nblack_level: 0\nsaturation: 4095\nbits: 12\nsuppression_from_s: null\n"
)


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Return what makes a distribution with one module and one entry point, in a folder on the path."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(site)
    monkeypatch.chdir(tmp_path)
    write_map(toy_map(), "d80.yaml")
    (tmp_path / "toy.yaml").write_text(PROFILE)

    def made(module, source, *, name="toy", target=None):
        (site / f"{module}.py").write_text(source, encoding="utf-8")
        info = site / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module.replace('_', '-')}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[sensormap.formats]\n{name} = {target or module + ':FORMAT'}\n")
        plugin_formats.cache_clear()

    yield made
    plugin_formats.cache_clear()


def run(*arguments):
    return CliRunner().invoke(main, arguments)


def test_the_example_of_the_documentation_works(install, tmp_path):
    page = PAGE.read_text(encoding="utf-8")
    source = re.search(r"```python\n(.*?)```", page, re.DOTALL)[1]
    target = re.search(r'semicolon = "(.*)"', page)[1]
    install("sensormap_semicolon", source, name="semicolon", target=target)
    listed = run("export", "--list")
    assert listed.stderr == ""
    assert "semicolon" in listed.stdout
    assert "The program of my camera" in listed.stdout
    done = run("export", "d80.yaml", "--format", "semicolon", "-o", ".")
    assert (done.exit_code, done.stdout) == (0, "written to defects.txt\n")
    assert "semicolon: 7 photosites without the kind" in done.stderr
    assert (tmp_path / "defects.txt").read_text().startswith("2;3\n5;18\n")
    back = run("import", "defects.txt", "--format", "semicolon", "--profile", "toy.yaml")
    assert coordinates(parse_map(back.stdout), "raw") == coordinates(toy_map(), "raw")
    (tmp_path / "defects.txt").write_text("1;x\n")
    wrong = run("import", "defects.txt", "--format", "semicolon", "--profile", "toy.yaml")
    assert (wrong.exit_code, wrong.stderr) == (1, "Error: defects.txt: line 1: '1;x', expected row;column\n")


def test_without_other_packages_there_are_the_own_formats_only():
    plugin_formats.cache_clear()
    assert known_formats() == FORMATS


BROKEN = {
    "missing": ("", None, "AttributeError"),
    "no module": ("", "no_such_module:FORMAT", "ModuleNotFoundError"),
    "syntax": ("FORMAT = (", None, "SyntaxError"),
    "raises": ("raise KeyError('a\\nb' * 999)", None, "KeyError"),
    "exits": ("raise SystemExit(3)", None, "SystemExit: 3"),
    "interrupts": ("raise KeyboardInterrupt", None, "KeyboardInterrupt"),
    "other type": ("FORMAT = {}", None, "its entry point is a dict, expected a sensormap.formats.listing.Format"),
    "taken": (BEGIN + TOY.replace('"toy",', '"dcraw",', 1), None, "there is a format dcraw already"),
    "name": (BEGIN + TOY.replace('"toy",', '"Toy one",', 1), None, "its name is 'Toy one', expected small letters"),
    "no text": (BEGIN + TOY.replace('"Toy"', "None"), None, "its title or space is no printable text"),
    "escapes": (BEGIN + TOY.replace('"Toy"', '"\\x1b[2J"'), None, "its title or space is no printable text"),
    "keeps": (BEGIN + TOY.replace("frozenset()", '{"colour"}'), None, "it keeps ['colour'], expected some of"),
    "keeps none": (BEGIN + TOY.replace("frozenset()", "None"), None, "TypeError"),
    "no function": (BEGIN + TOY.replace('lambda *_: b"toy"', "7"), None, "is no function"),
    "nothing": (BEGIN + NOTHING, None, "neither writes nor reads"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_package_is_one_warning_and_no_more(how, install):
    source, target, problem = BROKEN[how]
    install(f"broken_{how.replace(' ', '_')}", source, target=target)
    listed = run("export", "--list")
    assert listed.exit_code == 0
    assert len(listed.stderr.splitlines()) == 1
    assert len(listed.stderr) < 400
    assert f"format toy of broken-{how.replace(' ', '-')} left out: " in listed.stderr
    assert problem in listed.stderr
    assert "dcraw" in listed.stdout
    assert run("export", "d80.yaml", "--format", "dcraw").stderr.count("left out: ") == 0  # it was not even looked for


FAILING = {
    "write": (FUNCTIONS[0], "lambda *_: 1 / 0", "its write failed: ZeroDivisionError: division by zero"),
    "text": (FUNCTIONS[0], 'lambda *_: "toy"', "its write returned a str, expected bytes"),
    "exit": (FUNCTIONS[0], "lambda *_: exit(0)", "its write failed: SystemExit: 0"),
    "read": (FUNCTIONS[1], "lambda *_: {}[0]", "its read failed: KeyError: 0"),
    "none": (FUNCTIONS[1], "lambda *_: None", "its read returned a NoneType, expected Listing"),
    "off": ("Photosite(1, 2)", "Photosite(1, 99)", "entry 1: x 99, y 1 is not within 24 x 16"),
    "odd": ("Photosite(1, 2)", 'Photosite("1", 2)', "its read failed: TypeError"),
}


@pytest.mark.parametrize("how", FAILING)
def test_a_package_that_fails_at_work_is_one_line(how, install):
    found, replacement, problem = FAILING[how]
    install(f"failing_{how}", BEGIN + TOY.replace(found, replacement))
    done = run("export", "d80.yaml", "--format", "toy", "-o", "list")
    assert done.exit_code == 1
    assert done.output.startswith("Error: ")
    assert done.output.count("\n") == 1
    assert problem in done.output


def test_two_packages_of_one_name_are_told(install):
    install("one", BEGIN + TOY)
    install("two", BEGIN + TOY)
    listed = run("export", "--list")
    assert "format toy of two left out: ValueError: there is a format toy already" in listed.stderr
    assert run("export", "d80.yaml", "--format", "toy").stdout == "toy"
