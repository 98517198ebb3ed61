"""Every command and option says what it does, and the documentation shows them all, and none that does not exist."""

from __future__ import annotations

import re
import shlex
from importlib.util import find_spec
from itertools import pairwise

import click
import pytest

from sensormap import errors
from sensormap.camera.profile_files import list_profiles
from sensormap.cli.main import main
from sensormap.formats.registry import FORMATS
from sensormap.maps.mapfile.schema import map_schema
from tests.support.documentation import PAGES, code_of, source_of
from tests.support.folders import PROJECT

README = PROJECT / "README.md"
REFERENCE = PROJECT / "docs" / "reference"


def context_of(command, name):
    """Return a context with the settings of the whole command line: click keeps the help option that it first made."""
    return click.Context(command, info_name=name, **main.context_settings)


def commands(group=main, name="sensormap"):
    """Return every command by its full name, groups included."""
    found = {name: group}
    context = context_of(group, name)
    for word in group.list_commands(context):
        command, full = group.get_command(context, word), f"{name} {word}"
        found |= commands(command, full) if isinstance(command, click.Group) else {full: command}
    return found


COMMANDS = commands()
OPTIONS = {
    f"{name} {option.opts[-1]}": option
    for name, command in COMMANDS.items()
    for option in command.params
    if isinstance(option, click.Option)
}
ARGUMENTS = [
    (name, argument.human_readable_name)
    for name, command in COMMANDS.items()
    for argument in command.params
    if isinstance(argument, click.Argument)
]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_what_it_does(name):
    first = (COMMANDS[name].help or "").strip().split("\n")[0]
    assert len(first) > 20
    assert first[0].isupper()
    assert first.endswith(".")


@pytest.mark.parametrize("name", OPTIONS)
def test_every_option_says_what_it_does(name):
    text = OPTIONS[name].help or ""
    assert len(text) > 10
    assert text[0].isupper()
    assert text.endswith((".", "]"))


@pytest.mark.parametrize("name", OPTIONS)
def test_every_option_with_a_default_shows_it(name):
    option = OPTIONS[name]
    if isinstance(option.default, str | float) and not isinstance(option.default, bool):
        assert option.show_default


@pytest.mark.parametrize(("name", "argument"), ARGUMENTS)
def test_every_argument_stands_in_the_help(name, argument):
    command = COMMANDS[name]
    assert argument.strip("[].") in command.get_help(context_of(command, name))



def sections_of(page):
    """Return the text below each heading of a page, by heading."""
    parts = re.split(r"^#+ (.+)$", source_of(page), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def shown_commands(page):
    """Return the command lines of sensormap that a page shows, in blocks and within sentences, as words."""
    lines = [line for block in code_of(page, "sh") for line in block.splitlines()]
    spans = re.findall(r"(?<!`)`(sensormap [^`\n]+)`(?!`)", source_of(page))
    lines = [line.removeprefix("$ ") for line in (*lines, *spans)]
    return [shlex.split(line, comments=True) for line in lines if line.startswith("sensormap ")]


def spellings_of(option):
    """Return all ways to write an option; those of ``--no-...`` are secondary to click."""
    return (*option.opts, *option.secondary_opts)


def problem_of(words):
    """Say which command or option of a command line does not exist; "" if all do."""
    names = [" ".join(words[:count]) for count in (3, 2, 1)]
    name = next(name for name in names if name in COMMANDS)
    of_group = isinstance(COMMANDS[name], click.Group) and words[1:] and words[1] != "COMMAND"
    if of_group and not words[1].startswith("-"):
        return f"{' '.join(words)}: no such command"
    known = {spelling for option in COMMANDS[name].params for spelling in spellings_of(option)} | {"--help", "-h"}
    unknown = {word.split("=")[0] for word in words if re.match("--?[a-z]", word)} - known
    return f"{' '.join(words)}: no option {', '.join(sorted(unknown))}" if unknown else ""


def has_option(section, option):
    """Tell whether a section names every spelling of an option, as code."""
    return all(re.search(rf"`[^`\n]*(?<![-\w]){re.escape(spelling)}\b", section) for spelling in option.opts)


@pytest.mark.parametrize("name", [name for name, command in COMMANDS.items() if not isinstance(command, click.Group)])
def test_the_reference_shows_every_command_and_its_options(name):
    section = sections_of(REFERENCE / "commands.md")[name]
    assert any(words[: len(name.split())] == name.split() for words in shown_commands(REFERENCE / "commands.md"))
    options = [option for full, option in OPTIONS.items() if full.rpartition(" ")[0] == name]
    assert not [option.opts for option in options if not has_option(section, option)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_options_that_are_shown_exist(page):
    assert not [problem for words in shown_commands(page) if (problem := problem_of(words))]


def test_options_that_users_read_of_exist():
    """Developers' pages also name options of benchmarks and other programs."""
    spellings = {spelling for option in OPTIONS.values() for spelling in spellings_of(option)}
    known = spellings | {"--help", "--version"}
    for page in PAGES:
        if page == README or page.parent.name in ("guide", "reference"):
            named = set(re.findall(r"`(--[a-z]+(?:-[a-z]+)*)[` =]", source_of(page)))
            assert named <= known, page.name


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("sensormap map --no-such PHOTOS", "sensormap map --no-such PHOTOS: no option --no-such"),
        ("sensormap mend MAP", "sensormap mend MAP: no such command"),
        ("sensormap cameras mend", "sensormap cameras mend: no such command"),
        ("sensormap cameras align A.NEF A.JPG --profile d80", ""),
    ],
)
def test_what_does_not_exist_is_told(line, problem):
    assert problem_of(line.split()) == problem


def test_the_readme_is_short_and_has_the_two_commands():
    assert source_of(README).count("\n") <= 120
    targets = re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text("utf-8"), re.MULTILINE)
    shown = [line.split()[1] for line in "\n".join(code_of(README, "sh")).splitlines() if line.startswith("make ")]
    assert shown == ["demo", "test"]
    assert set(shown) <= set(targets)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_modules_and_files_that_are_named_exist(page):
    """Modules below ``sensormap/`` are named by their path, those that are run after ``python -m``."""
    text = source_of(page)
    paths = re.findall(r"`((?:[\w.-]+/)+[\w.-]*\.(?:py|yaml|toml))`", text)
    assert not [path for path in paths if not any((PROJECT / root / path).exists() for root in ("", "sensormap"))]
    modules = re.findall(r"python -m ((?:fixtures|benchmarks|sensormap)[\w.]*)", text)
    assert not [module for module in modules if find_spec(module) is None]
    targets = (PROJECT / "Makefile").read_text("utf-8")
    assert not [name for name in re.findall(r"`make ([a-z-]+)", text) if f"\n{name}:" not in targets]


def test_the_reference_shows_every_key_of_a_map():
    schema, sections = map_schema()["properties"], sections_of(REFERENCE / "map-format.md")
    keys = {
        "camera": schema["camera"],
        "sensor": schema["sensor"],
        "frames": schema["frames"],
        "skipped": schema["skipped"]["items"],
        "summary": schema["summary"],
        "columns and rows": schema["columns"]["items"],
        "defects": schema["defects"]["items"]["else"],
    }
    assert not [name for name in schema if f"| `{name}` |" not in sections["Sections"]]
    for section, part in keys.items():
        assert not [key for key in part["properties"] if f"`{key}`" not in sections[section]], section
    assert "`radius`" in sections["defects"]


def test_the_reference_shows_every_key_of_a_profile_and_every_error():
    profile = source_of(REFERENCE / "profile-format.md")
    assert not [key for key in vars(list_profiles()[0]) if key != "name" and f"`{key}`" not in profile]
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    assert not [kind for kind in kinds if f"`{kind.__name__}`" not in source_of(REFERENCE / "exit-codes.md")]


def test_the_guide_shows_every_format():
    guide = source_of(PROJECT / "docs" / "guide" / "other-programs.md")
    assert not [name for name in FORMATS if f"| `{name}` |" not in guide]


def test_the_glossary_is_in_order_and_says_each_term_once():
    rows = re.findall(r"^\| (.+?) \| (.+) \|$", source_of(PROJECT / "docs" / "glossary.md"), re.MULTILINE)[2:]
    terms = [term.replace("`", "").lower() for term, _ in rows]
    assert not [(one, other) for one, other in pairwise(terms) if one >= other]
    assert not [term for term, meaning in rows if not meaning.endswith(".")]
