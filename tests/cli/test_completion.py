"""`sensormap completion`: scripts that the shells take, and what they complete."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys

import click
import pytest

from tests.support.folders import PROJECT
from tests.support.photos import refused, run

SHELLS = ("bash", "zsh", "fish")
D80 = {("plain", name) for name in ("nikon-d80", "nikon-d800", "nikon-d800e")}


def completed(*words, tmp_path):
    """Return what bash would be offered for the last of some words, as the script asks for it."""
    environment = os.environ | {
        "_SENSORMAP_COMPLETE": "bash_complete",
        "COMP_WORDS": "\n".join(("sensormap", *words)),
        "COMP_CWORD": str(len(words)),
    }
    script = "from sensormap.cli.main import main\nmain(prog_name='sensormap')"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return [tuple(line.split(",", 1)) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_has_a_script(shell):
    result = run("completion", shell)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "_SENSORMAP_COMPLETE" in result.stdout
    assert f"{shell}_complete" in result.stdout
    assert result.stdout.endswith("\n")


@pytest.mark.parametrize("shell", SHELLS)
def test_the_shell_takes_its_script(shell, tmp_path):
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    path = tmp_path / "script"
    path.write_text(run("completion", shell).stdout)
    option = "--no-execute" if shell == "fish" else "-n"
    done = subprocess.run([shell, option, str(path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash_knows_the_command_after_it():
    script = run("completion", "bash").stdout + "\ncomplete -p sensormap\n"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert "_sensormap_completion" in done.stdout


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
def test_fish_completes_a_path_below_home_and_a_text_with_commas(tmp_path):
    home, command = tmp_path / "home", tmp_path / "bin/sensormap"
    (home / "Pictures/my photos").mkdir(parents=True)
    (home / "script.fish").write_text(run("completion", "fish").stdout)
    command.parent.mkdir()
    python = shlex.join(("env", f"PYTHONPATH={PROJECT}", sys.executable))
    command.write_text(f'#!/bin/sh\n{python} -m sensormap "$@"\n')
    command.chmod(0o755)
    environment = os.environ | {"HOME": str(home), "PATH": f"{command.parent}:{os.environ['PATH']}"}
    asked = ("map ~/Pict", "map ~/Pictures/m", "map --state ~/Pict", "map Pict", "show x --since")
    script = "".join(f"complete -C 'sensormap {line}'\n" for line in asked)
    done = subprocess.run(
        ["fish", "--no-config", "-c", f"source script.fish\n{script}"],
        cwd=home, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    *paths, since = done.stdout.splitlines()
    found = [line.partition("\t")[0] for line in paths]
    assert found == ["~/Pictures/", "~/Pictures/my photos/", "~/Pictures/", "Pictures/"]
    assert since.endswith("such as 2010-05-02, 2010-05 or 2010; nothing that was there from the start.")


def test_the_folder_of_each_script_is_made_first():
    page = (PROJECT / "docs/guide/terminal.md").read_text()
    for text in (run("completion", "--help").stdout, page):
        assert {line.rpartition("/")[0] for line in re.findall(r"completion \w+ > (\S+)", text)} == set(
            re.findall(r"mkdir -p (\S+)", text)
        )


def test_another_shell():
    assert refused(click.BadParameter, "completion", "cmd") == "shell"


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("sh",), {("plain", "show")}),
        (("show", "--so"), {("plain", "--sort")}),
        (("show", "m.yaml", "--sort", "d"), {("plain", "dark")}),
        (("plot", "--kind", "se"), {("plain", "sensor"), ("plain", "series")}),
        (("completion", ""), {("plain", shell) for shell in SHELLS}),
        (("map", "Pict"), {("file", "Pict")}),
        (("map", "--profile", "my"), {("file", "my")}),
        (("map", "--profile", "nikon-d80"), {("file", "nikon-d80"), *D80}),
        (("cameras", "show", "Nikon-D80"), {("file", "Nikon-D80"), *D80}),
        (("import", "x", "--profile", "nikon-d80"), {("file", "nikon-d80"), *D80}),
        (("export", "m.yaml", "--profile", "nikon-d80"), {("file", "nikon-d80"), *D80}),
        (("export", "m.yaml", "--format", "p"), {("plain", "pixinsight"), ("plain", "phd2"), ("plain", "png")}),
        (("import", "x", "--format", "ph"), {("plain", "phase-one"), ("plain", "phd2")}),
        (("show", "m.yaml", "--plane", "g"), {("plain", name) for name in ("Gr", "Gb", "Gs", "Gp")}),
        (("map", "--state", "st"), {("dir", "st")}),
        (("show", "d80"), {("file", "d80")}),
        (("correct", "m.yaml", "DSC"), {("file", "DSC")}),
    ],
)
def test_what_is_offered(words, offered, tmp_path):
    assert set(completed(*words, tmp_path=tmp_path)) == offered
