"""`sensormap diff` and `sensormap merge`: what they print, and their exit codes."""

from __future__ import annotations

import errno
import io
import os
from dataclasses import replace

import click
import pytest
from click.testing import CliRunner

from sensormap.camera.profile import Body
from sensormap.cli.commands.diff import diff_command
from sensormap.cli.commands.merge import merge_command
from sensormap.cli.main import main
from sensormap.maps.mapfile.reading import read_map
from sensormap.maps.mapfile.writing import write_map
from tests.support.maps import full_map, toy_defect, toy_map
from tests.support.photos import refused

OLD = toy_map()
NEW = toy_map(defects=(*OLD.defects[:2], toy_defect(14, 6), OLD.defects[2]), frames=replace(OLD.frames, digest="12e5"))


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Return a folder with the maps old.yaml, new.yaml and, of another body, other.yaml; the working directory."""
    monkeypatch.chdir(tmp_path)
    write_map(OLD, "old.yaml")
    write_map(NEW, "new.yaml")
    write_map(replace(OLD, body=Body("NIKON CORPORATION", "NIKON D80", "2")), "other.yaml")
    (tmp_path / "broken.yaml").write_text("format: sensormap/9\n")
    return tmp_path


# diff


def test_diff(place):
    result = run("diff", "old.yaml", "new.yaml")
    assert (result.exit_code, result.stderr) == (1, "")
    assert result.stdout.splitlines() == [
        "1 new, 0 healed, 0 not seen, 0 changed, 4 the same (columns and rows counted)",
        "",
        "1 new",
        " x  y  plane  kind  certainty  score  since",
        "14  6  Gb     hot      99.5 %   12.5  ?",
    ]


def test_diff_of_the_same(place):
    result = run("diff", "old.yaml", "old.yaml")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "0 new, 0 healed, 0 not seen, 0 changed, 4 the same (columns and rows counted)\n"


@pytest.mark.parametrize(("new", "code"), [("old.yaml", 0), ("new.yaml", 1), ("other.yaml", 2), ("missing.yaml", 2)])
def test_quiet_diff_tells_by_its_exit_code(place, new, code):
    result = run("diff", "-q", "old.yaml", new)
    assert (result.exit_code, result.stdout) == (code, "")
    assert (result.stderr == "") == (code < 2)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("other.yaml", "other.yaml: is of NIKON D80, serial 2, expected one of NIKON D80, serial 0012345 as old.yaml"),
        ("missing.yaml", f"missing.yaml: cannot be read: {os.strerror(errno.ENOENT)}"),
        ("broken.yaml", "broken.yaml: format: 'sensormap/9' is not 'sensormap/1'"),
    ],
)
def test_diff_s_trouble_is_not_a_difference(place, name, reason):
    result = run("diff", "old.yaml", name)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"Error: {reason}\n")


def test_diff_s_names_do_not_steer_the_terminal(place):
    write_map(replace(OLD, body=Body("A", "\x1b[31mB", "2")), "\x1b[32m.yaml")
    result = run("diff", "\x1b[32m.yaml", "old.yaml")
    assert result.exit_code == 2
    assert "\x1b" not in result.output


def test_an_unknown_serial_is_noted(place):
    write_map(replace(OLD, body=replace(OLD.body, serial="")), "unknown.yaml")
    for command in ("diff", "merge"):
        result = (
            run(command, "old.yaml", "unknown.yaml") if command == "diff" else run(command, "new.yaml", "unknown.yaml")
        )
        assert result.stderr == "unknown.yaml: the camera's serial number is unknown; taken for the same camera\n"
        assert result.exit_code == 0
    assert run("diff", "-q", "old.yaml", "unknown.yaml").output == ""


class _Full(io.StringIO):
    def write(self, text):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_no_difference(place, monkeypatch):
    monkeypatch.setattr("rich.console.Console.file", _Full())
    result = run("diff", "old.yaml", "new.yaml")
    assert (result.exit_code, result.stderr) == (
        2,
        "Error: standard output cannot be written: No space left on device\n",
    )


def test_diff_of_everything_a_map_can_hold(place):
    write_map(full_map(), "full.yaml")
    result = run("diff", "full.yaml", "old.yaml")
    assert result.exit_code == 1
    assert result.stdout.count("\n") > 8
    assert max(map(len, result.stdout.splitlines())) <= 80


# merge


def test_merge(place):
    result = run("merge", "old.yaml", "new.yaml", "-o", "all.yaml")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "4 defects, 1 column of 80 photos, written to all.yaml\n"
    assert len(read_map("all.yaml").defects) == 4
    again = run("merge", "new.yaml", "old.yaml", "-o", "-")
    assert again.stdout == (place / "all.yaml").read_text()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["old.yaml", "other.yaml"], "other.yaml: is of NIKON D80, serial 2, expected one of NIKON D80"),
        (["old.yaml", "missing.yaml"], "missing.yaml: cannot be read"),
        (["old.yaml", "new.yaml", "-o", "other.yaml"], "other.yaml: exists already; --overwrite replaces it"),
        (["old.yaml", "new.yaml", "-o", "old.yaml", "--overwrite"], "old.yaml: is one of the maps to merge"),
        (["old.yaml", "new.yaml", "-o", "no/all.yaml"], "no/all.yaml: the folder no does not exist"),
        (["old.yaml", "new.yaml", "-o", "null", "--overwrite"], "null: is a link to a device, expected a file; -o - "),
    ],
)
def test_merge_s_refusals(place, arguments, reason):
    (place / "null").symlink_to("/dev/null")
    links = [path for path in place.iterdir() if path.is_symlink()]
    before = {path.name: path.read_bytes() for path in place.iterdir()}
    result = run("merge", *arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"Error: {reason}")
    assert result.stderr.count("\n") == 1
    assert {path.name: path.read_bytes() for path in place.iterdir()} == before
    assert all(path.is_symlink() for path in links)


def test_merge_overwrites_when_told(place):
    assert run("merge", "old.yaml", "new.yaml", "-o", "other.yaml", "--overwrite").exit_code == 0
    assert len(read_map("other.yaml").defects) == 4


@pytest.mark.parametrize("arguments", [["diff", "old.yaml"], ["merge"], ["diff"]])
def test_usage(place, arguments):
    assert refused(click.MissingParameter, *arguments) in ("new", "old", "maps")


@pytest.mark.parametrize("command", [diff_command, merge_command])
def test_help(command):
    result = CliRunner().invoke(command, ["--help"])
    assert result.exit_code == 0
    assert "MAPS" in result.stdout or "OLD NEW" in result.stdout
