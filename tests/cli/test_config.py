"""The user's config file: defaults that the command line overrides, read strictly and only where they count."""

from __future__ import annotations

import os
from pathlib import Path

import click
import pytest

from sensormap.cli.config import config_file, configured, read_config, used_defaults
from sensormap.errors import ConfigError
from tests.support.photos import run, write_photos, write_profile


@pytest.fixture
def config(tmp_path, monkeypatch):
    """Return what writes the config file."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    path = tmp_path / "config" / "sensormap" / "config.yaml"
    path.parent.mkdir(parents=True)
    return path.write_text


@pytest.fixture
def photos(tmp_path):
    write_photos(tmp_path / "photos", 3)
    return tmp_path / "photos", write_profile(tmp_path)


def test_where_it_is(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    for value in (None, "", "relative"):
        monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
        if value is not None:
            monkeypatch.setenv("XDG_CONFIG_HOME", value)
        assert config_file() == tmp_path / ".config" / "sensormap" / "config.yaml"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "elsewhere"))
    assert config_file() == tmp_path / "elsewhere" / "sensormap" / "config.yaml"


def test_what_it_holds(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    path = tmp_path / "config.yaml"
    path.write_text("# mine\nprofile: nikon-d80\njobs: 2\nstate: ~/state\n", encoding="utf-8-sig")
    assert read_config(path) == {"profile": "nikon-d80", "jobs": 2, "state": str(tmp_path / "state")}
    path.write_text("profile: ~/cameras/mine.yaml\n")
    assert read_config(path) == {"profile": str(tmp_path / "cameras" / "mine.yaml")}
    for text in ("", "# nothing yet\n"):
        path.write_text(text)
        assert read_config(path) == {}
    assert read_config(tmp_path / "none.yaml") == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("job: 2\n", "job: is no default that can be set; those are profile, jobs, state"),
        ("jobs: many\n", "jobs: 'many' is not a number from 1 to 256"),
        ("jobs: 0\n", "jobs: '0' is not a number from 1 to 256"),
        ("jobs: true\n", "jobs: 'True' is not a number from 1 to 256"),
        ("jobs: 2.5\n", "jobs: '2.5' is not a number from 1 to 256"),
        ("state: 7\n", "state: '7' is not a folder"),
        ('state: ""\n', "state: '' is not a folder"),
        ("state: here/state\n", "state: 'here/state' is relative"),
        ("profile: mine.yaml\n", "profile: 'mine.yaml' is relative"),
        ("profile: [a, b]\n", r"profile: \"\['a', 'b'\]\" is not a name or file"),
        ("nothing\n", "found 'nothing', expected lines such as jobs: 2"),
        ("- jobs\n", "expected lines such as jobs: 2"),
        ("jobs: 2\njobs: 3\n", "line 2: key 'jobs' stands twice"),
        ("jobs: &a 2\n", "anchors and aliases"),
        ("jobs: [\n", "line [12]: is not YAML"),
        ("a" * 70_000, "larger than 65536 bytes, expected a config file of a few lines"),
    ],
)
def test_mistakes_are_named(tmp_path, text, words):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=words) as caught:
        read_config(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_what_is_no_text_or_file(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_bytes(b"jobs: \xff\n")
    with pytest.raises(ConfigError, match="is not UTF-8"):
        read_config(path)
    with pytest.raises(ConfigError, match="is a folder, expected a config file"):
        read_config(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigError, match="is a pipe or device"):
        read_config(tmp_path / "pipe")


def test_defaults_are_used_and_said(config, photos, tmp_path):
    config(f"jobs: 1\nprofile: {photos[1]}\nstate: {tmp_path / 'state'}\n")
    result = run("map", photos[0], "-o", tmp_path / "map.yaml", "-v", "--no-follow")
    assert result.exit_code == 0, result.stderr
    said = f"defaults of {config_file()}: jobs 1, profile {photos[1]}, state {tmp_path / 'state'}"
    assert result.stderr.splitlines()[0] == said
    assert list((tmp_path / "state" / "shards").iterdir())
    assert 'profile: "small"' in (tmp_path / "map.yaml").read_text()
    quiet = run("map", photos[0], "-o", tmp_path / "map.yaml", "--overwrite", "--no-follow")
    assert "defaults" not in quiet.stderr


def test_the_command_line_wins(config, photos, tmp_path):
    config(f"profile: nikon-d9999\nstate: {tmp_path / 'state'}\n")
    state = tmp_path / "other"
    options = ("--profile", photos[1], "--state", state, "--no-follow", "-v")
    result = run("map", photos[0], "-o", tmp_path / "map.yaml", *options)
    assert result.exit_code == 0, result.stderr
    assert "defaults of" not in result.stderr
    assert state.is_dir()
    assert not (tmp_path / "state").exists()


def test_it_can_be_left_unread(config, photos, tmp_path):
    config("nonsense\n")
    command = ("map", photos[0], "--profile", photos[1], "-o", tmp_path / "map.yaml", "--no-follow")
    result = run(*command)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"Error: {config_file()}: found 'nonsense', expected lines such as jobs: 2\n"
    assert run("--no-config", *command).exit_code == 0


@pytest.mark.parametrize("command", ["--help", "map --help", "show --help", "--version", "schema", "cameras list"])
def test_what_needs_no_default_reads_none(config, command):
    config("nonsense\n")
    assert run(*command.split()).exit_code == 0


def test_a_value_that_the_option_refuses_is_told(config, photos):
    config("profile: nikon-d9999\n")
    result = run("map", photos[0])
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: {config_file()}: profile: 'nikon-d9999' is not a camera profile: ")


def test_outside_a_command_nothing_was_used():
    assert used_defaults() == ""


def test_words_are_completed_without_it(config):
    config("nonsense\n")
    with click.Context(click.Command("map"), resilient_parsing=True):
        assert configured("jobs")() is None


def test_links_count_as_what_they_lead_to(tmp_path):
    (tmp_path / "mine.yaml").write_text("jobs: 3\n")
    link = tmp_path / "config.yaml"
    link.symlink_to("mine.yaml")
    assert read_config(link) == {"jobs": 3}
    lost = Path(tmp_path / "lost.yaml")
    lost.symlink_to("nowhere")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_config(lost)
