"""Every command and option says what it does, and the README shows every command."""

from __future__ import annotations

import re

import click
import pytest

from sensormap.cli.main import main
from tests.support.folders import PROJECT

README = PROJECT / "README.md"


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


@pytest.mark.parametrize("name", [name for name, command in COMMANDS.items() if not isinstance(command, click.Group)])
def test_the_readme_shows_every_command(name):
    assert re.search(rf"\b{name}\b", README.read_text("utf-8"))


def test_the_readme_s_commands_and_options_exist():
    shown = re.findall(r"^\s*(?:\$ )?sensormap ([a-z]+.*)$", README.read_text("utf-8"), re.MULTILINE)
    for line in shown:
        words = line.split("#")[0].split()
        names = [f"sensormap {' '.join(words[:count])}" for count in (2, 1)]
        name = next((name for name in names if name in COMMANDS), "")
        assert name, f"sensormap {line}"
        known = {spelling for option in COMMANDS[name].params for spelling in option.opts} | {"--help", "-h"}
        assert {word.split("=")[0] for word in words if word.startswith("-")} <= known, f"sensormap {line}"
