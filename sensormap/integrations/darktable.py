"""The script by which darktable corrects the selected photos: its text, where it goes, and putting it there."""

from __future__ import annotations

import os
import re
import sys
from importlib.resources import files
from pathlib import Path

from sensormap.bounded_reading import read_at_most
from sensormap.errors import OutputError
from sensormap.output import unless_opening, write_atomically

SCRIPT = "sensormap.lua"
LOADS = 'require "sensormap"'
"""The line of darktable's ``luarc`` that loads the script."""

_OPENING = b"--[[\nsensormap for darktable"
_UNLESS_SCRIPT = unless_opening(_OPENING, "script of sensormap")
_DEFAULT = 'local DEFAULT_COMMAND = "sensormap"'
_LOADED = re.compile(
    rb"""^[ \t]*(?:local[ \t]+)?(?:[\w.]+[ \t]*=[ \t]*)?require[ \t]*\(?[ \t]*["']sensormap["']""", re.MULTILINE
)
_MOST_LUARC = 1_000_000  # bytes; people write some lines
_FLATPAK = Path(".var", "app", "org.darktable.Darktable", "config", "darktable")


def script_text(command: str = "sensormap") -> bytes:
    r"""Return the script.

    Parameters
    ----------
    command
        The program that it calls unless the user's preferences name another.

    Examples
    --------
    >>> b'DEFAULT_COMMAND = "C:\\\\bin\\\\sensormap"' in script_text(r"C:\bin\sensormap")
    True
    """
    text = files(__package__).joinpath(SCRIPT).read_text(encoding="utf-8")
    escaped = re.sub(r'[\\"]', r"\\\g<0>", command).replace("\n", "\\n").replace("\r", "\\r")
    return text.replace(_DEFAULT, f'local DEFAULT_COMMAND = "{escaped}"', 1).encode("utf-8", "surrogateescape")


def script_path() -> Path:
    """Return where the script lies in this installation."""
    return Path(str(files(__package__).joinpath(SCRIPT)))


def config_folder() -> Path:
    """Return the folder of darktable's settings: the usual one, or that of its Flatpak where only this is there."""
    home = Path.home()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", home / "AppData" / "Local")) / "darktable"
    usual = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "darktable"
    return home / _FLATPAK if not usual.is_dir() and (home / _FLATPAK).is_dir() else usual


def install_script(folder: Path, *, command: str = "sensormap", overwrite: bool = False) -> tuple[Path, Path]:
    """Put the script where darktable finds it, and have it loaded when darktable starts.

    Parameters
    ----------
    folder
        The folder of darktable's settings, which has to exist. The script goes into its folder ``lua``, a line into its
        ``luarc`` unless that loads the script already.
    command
        As for `script_text`.
    overwrite
        Whether an older script is replaced; any other file of its name never is.

    Returns
    -------
    script, luarc
        The two files.

    Raises
    ------
    OutputError
        If the folder does not exist, or a file cannot be written or read.
    """
    if not folder.is_dir():
        msg = f"{folder}: is no folder; start darktable once, or name the folder of its settings by --config-dir"
        raise OutputError(msg)
    script, luarc = folder / "lua" / SCRIPT, folder / "luarc"
    before = _luarc(luarc)
    try:
        script.parent.mkdir(exist_ok=True)
    except OSError as error:
        msg = f"{script.parent}: cannot be made: {error.strerror}"
        raise OutputError(msg) from error
    write_atomically(script_text(command), script, overwrite=overwrite, objection=_UNLESS_SCRIPT)
    if not _LOADED.search(before):
        newline = b"" if not before or before.endswith(b"\n") else b"\n"
        write_atomically(before + newline + LOADS.encode() + b"\n", luarc, overwrite=True)
    return script, luarc


def write_script(path: Path, *, command: str = "sensormap", overwrite: bool = False) -> None:
    """Write the script to a file; only an older one is replaced, and with `overwrite` only."""
    write_atomically(script_text(command), path, overwrite=overwrite, objection=_UNLESS_SCRIPT)


def _luarc(path: Path) -> bytes:
    """Return what darktable's luarc says so far."""
    if not os.path.lexists(path):
        return b""
    try:
        before = read_at_most(path, _MOST_LUARC, "a luarc")
    except (OSError, ValueError) as error:
        msg = f"{path}: {error}"
        raise OutputError(msg) from error
    if b"\0" in before:
        msg = f"{path}: holds zero bytes, expected lines of Lua; load the script yourself: {LOADS}"
        raise OutputError(msg)
    return before
