"""Where darktable's script goes, and what its installation leaves alone."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from shutil import which

import pytest
from click.testing import CliRunner

from sensormap.cli.main import main
from sensormap.errors import OutputError
from sensormap.integrations import darktable
from sensormap.integrations.darktable import LOADS, SCRIPT, config_folder, install_script, script_path, script_text


def run(*arguments):
    return CliRunner().invoke(main, ["integrations", "darktable", *map(str, arguments)])


@pytest.fixture
def settings(tmp_path):
    (tmp_path / "darktable").mkdir()
    return tmp_path / "darktable"


def test_the_script_travels_with_the_package_and_names_its_command():
    assert script_path().read_bytes() == script_text()
    assert b'local DEFAULT_COMMAND = "/opt/\\"x\\"/sensormap"\n' in script_text('/opt/"x"/sensormap')
    assert b'"/a\\nb\xff"' in script_text("/a\nb\udcff")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, f"{LOADS}\n"),
        ("", f"{LOADS}\n"),
        ("require 'x'", f"require 'x'\n{LOADS}\n"),
        (f'-- {LOADS}\nrequire "sensormap2"\n', f'-- {LOADS}\nrequire "sensormap2"\n{LOADS}\n'),
        ("  local s = require('sensormap')\n", "  local s = require('sensormap')\n"),
        ("require'sensormap'", "require'sensormap'"),
    ],
)
def test_the_script_is_loaded_once_and_other_lines_stay(settings, before, after):
    if before is not None:
        (settings / "luarc").write_text(before)
    script, luarc = install_script(settings)
    assert (script, luarc) == (settings / "lua" / SCRIPT, settings / "luarc")
    assert script.read_bytes() == script_text()
    assert luarc.read_text() == after
    install_script(settings, overwrite=True)
    assert luarc.read_text() == after


def test_another_file_is_never_replaced(settings):
    (settings / "lua").mkdir()
    (settings / "lua" / SCRIPT).write_text("-- mine\n")
    for overwrite in (False, True):
        with pytest.raises(OutputError, match="is no script of sensormap"):
            install_script(settings, overwrite=overwrite)
    assert not (settings / "luarc").exists()


def test_an_older_script_is_replaced_where_asked(settings):
    install_script(settings, command="/old/sensormap")
    with pytest.raises(OutputError, match="exists already; --overwrite replaces it"):
        install_script(settings)
    install_script(settings, overwrite=True)
    assert (settings / "lua" / SCRIPT).read_bytes() == script_text()


def test_a_link_to_luarc_stays_one_and_what_is_no_text_is_refused(settings, tmp_path):
    luarc, target = settings / "luarc", tmp_path / "dotfiles.lua"
    target.write_text("-- mine")
    luarc.symlink_to(target)
    install_script(settings)
    assert (luarc.readlink(), target.read_text()) == (target, f"-- mine\n{LOADS}\n")
    target.write_bytes(b"\x1bLua\0")
    with pytest.raises(OutputError, match="luarc: holds zero bytes, expected lines of Lua"):
        install_script(settings, overwrite=True)
    assert target.read_bytes() == b"\x1bLua\0"
    target.unlink()
    os.mkfifo(target)
    with pytest.raises(OutputError, match=r"luarc: .*expected a luarc"):
        install_script(settings, overwrite=True)


def test_what_cannot_be_installed(tmp_path, settings):
    with pytest.raises(OutputError, match="is no folder; start darktable once"):
        install_script(tmp_path / "none")
    (settings / "luarc").mkdir()
    with pytest.raises(OutputError, match="luarc: is a folder, expected a luarc"):
        install_script(settings)
    (settings / "luarc").rmdir()
    (settings / "lua").write_text("")
    with pytest.raises(OutputError, match="lua: cannot be made"):
        install_script(settings)


def test_the_folder_of_settings(tmp_path, monkeypatch):
    monkeypatch.setattr(darktable.sys, "platform", "linux")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    assert config_folder() == tmp_path / ".config" / "darktable"
    flatpak = tmp_path / ".var" / "app" / "org.darktable.Darktable" / "config" / "darktable"
    flatpak.mkdir(parents=True)
    assert config_folder() == flatpak
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    (tmp_path / "xdg" / "darktable").mkdir(parents=True)
    assert config_folder() == tmp_path / "xdg" / "darktable"
    monkeypatch.setattr(darktable.sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert config_folder() == tmp_path / "local" / "darktable"


def test_the_command(tmp_path, settings):
    told = run("--config-dir", settings)
    assert told.exit_code == 0
    assert str(script_path()) in told.stdout
    assert str(settings / "lua" / SCRIPT) in told.stdout
    assert not list(settings.iterdir())
    done = run("--config-dir", settings, "--install")
    assert (done.exit_code, done.stderr) == (0, "")
    assert (settings / "luarc").read_text() == f"{LOADS}\n"
    assert run("-o", tmp_path / "x.lua").stdout == f"written to {tmp_path / 'x.lua'}\n"
    assert run("-o", "-").stdout.encode() == (tmp_path / "x.lua").read_bytes()
    assert run("-o", tmp_path / "x.lua").exit_code == 1
    assert run("-o", tmp_path / "x.lua", "--install").exit_code == 2
    assert run("--config-dir", tmp_path / "none", "--install").exit_code == 1


HARNESS = """
package.preload["darktable"] = function()
  local nothing = function() end
  return { preferences = { register = nothing }, register_event = nothing }
end
local script = dofile(arg[1])
local paths = {}
for index = 3, #arg do
  table.insert(paths, arg[index])
end
local settings = { command = "printf", map = "-m'ap", replace = true, dng = true }
local line = script.command_line(settings, paths, "/o'ut", "/dev/stdout", arg[2])
line = line:gsub("^'printf' correct %-q", "printf '%%s\\\\0'"):gsub(" >'/dev/stdout'", "")
io.write(line)
"""


LUA = which("lua5.4") or which("lua5.3") or which("lua")
needs_lua = pytest.mark.skipif(not LUA, reason="Lua is not installed")

DARKTABLE = """
local values = { command = arg[2], map = "m.yaml", dng = false, replace = false }
package.preload["darktable"] = function()
  return {
    preferences = { register = function() end, read = function(_, name) return values[name] end },
    register_event = function() end,
    control = { execute = function(line) return select(3, os.execute(line)) end, ending = false },
    print = function() end,
    print_error = function() end,
    database = {
      import = function(path)
        return { group_with = function(_, image) print(path .. " with " .. image.filename) end }
      end,
    },
  }
end
local script = dofile(arg[1])
local images = {}
for _, name in ipairs({ "DSC_1.NEF", "DSC_1.JPG", "DSC_2.NEF" }) do
  table.insert(images, { path = arg[3], filename = name })
end
print(script.correct(images))
"""


@needs_lua
def test_only_what_was_written_is_grouped_and_counted(tmp_path):
    """Copies of earlier runs do not count, and that of a raw photo is not the copy of a JPEG of its name."""
    (tmp_path / "sensormap").mkdir()
    for name in ("DSC_1.dng", "DSC_1.JPG", "DSC_2.NEF"):
        (tmp_path / "sensormap" / name).write_text("")
    command = tmp_path / "command"
    made = f"{tmp_path}/DSC_1.NEF\\0{tmp_path}/sensormap/DSC_1.dng\\0"
    command.write_text(f"#!/bin/sh\nprintf '{made}'\nexit 1\n")
    command.chmod(0o755)
    (tmp_path / "harness.lua").write_text(DARKTABLE)
    ran = [LUA, tmp_path / "harness.lua", script_path(), command, tmp_path]
    out = subprocess.run(ran, check=True, capture_output=True, text=True).stdout.splitlines()
    assert out[0] == f"{tmp_path}/sensormap/DSC_1.dng with DSC_1.NEF"
    assert [line.split("\t")[0] for line in out[1:]] == ["1"]


@needs_lua
def test_names_are_quoted_for_the_shell(tmp_path):
    """The line that the script makes, with printf for the program: every word comes out as it went in."""
    names = ["/a b'c/-o.NEF", '/"$(x)`y`;|&<>*?[z]\\ \n\t!.NEF', "/größe.NEF", "/~/%s.NEF"]
    (tmp_path / "harness.lua").write_text(HARNESS)
    command = [LUA, tmp_path / "harness.lua", script_path(), tmp_path / "l'og", *names]
    line = subprocess.run(command, check=True, capture_output=True).stdout
    words = subprocess.run(["sh", "-c", line], check=True, capture_output=True).stdout
    expected = ["--print0", "-o", "/o'ut", "--overwrite", "--dng", "--", "-m'ap", *names]
    assert words.split(b"\0")[:-1] == [os.fsencode(word) for word in expected]
