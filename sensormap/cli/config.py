"""The user's config file: defaults of some options. The command line wins, and ``-v`` says which were used.

Options name it as their default, a function that click calls only if the option is not on the command line. So a
command that needs none of them, and --help, never read it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from sensormap.bounded_reading import read_at_most
from sensormap.errors import ConfigError, ProfileError

_MOST_BYTES = 1 << 16
_MOST_JOBS = 256
_USED = "sensormap.config.used"  # in the context of a command: the defaults that it took, by option
NO_CONFIG = "sensormap.config.unread"
"""In the context of a command: whether no config file is to be read."""

_KEYS = ("profile", "jobs", "state")


def config_file() -> Path:
    """Return where the config file is, whether it exists or not: in ``XDG_CONFIG_HOME``, or else in ``~/.config``."""
    named = os.environ.get("XDG_CONFIG_HOME", "")
    # By the standard of freedesktop.org a relative path there is no path.
    home = Path(named) if Path(named).is_absolute() else Path("~/.config").expanduser()
    return home / "sensormap" / "config.yaml"


def read_config(path: Path) -> dict[str, str | int]:
    """Return the defaults that a config file holds; none if there is no such file.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    ConfigError
        If it cannot be read, or holds anything else than ``profile``, ``jobs`` and ``state``, each of its type. Files
        and folders in it are absolute, or begin with ``~``: it counts wherever the user is.
    """
    from sensormap.strict_yaml import load_yaml  # noqa: PLC0415 - takes longer to import than most commands need

    try:
        if not os.path.lexists(path):
            return {}
        content = load_yaml(read_at_most(path, _MOST_BYTES, "a config file of a few lines").decode("utf-8-sig"))
        return {key: _checked(key, value) for key, value in _mapping(content).items()}
    except UnicodeDecodeError as error:
        msg = f"{path}: is not UTF-8"
        raise ConfigError(msg) from error
    except ValueError as error:
        msg = f"{path}: {error}"
        raise ConfigError(msg) from error


def configured(key: str) -> Callable[[], str | int | None]:
    """Return what an option has for a default: the value of the config file, None if that has none.

    Parameters
    ----------
    key
        Key of the config file, and name of the option.
    """

    def value() -> str | int | None:
        context = click.get_current_context()
        if context.resilient_parsing or context.meta.get(NO_CONFIG):  # the former where words are completed
            return None
        found = read_config(config_file()).get(key)
        if key == "profile" and found is not None:
            _check_profile(str(found))
        if found is not None:
            context.meta.setdefault(_USED, {})[key] = found
        return found

    return value


def _check_profile(name: str) -> None:
    """Refuse a profile that cannot be read, naming the file that names it: the user typed none."""
    from sensormap.camera.profile_files import get_profile  # noqa: PLC0415

    try:
        get_profile(name)
    except ProfileError as error:
        msg = f"{config_file()}: profile: {error}"
        raise ConfigError(msg) from error


def used_defaults() -> str:
    """Say which defaults of the config file the running command took; "" if none."""
    context = click.get_current_context(silent=True)
    used = context.meta.get(_USED, {}) if context else {}
    if not used:
        return ""
    return f"defaults of {config_file()}: {', '.join(f'{key} {used[key]}' for key in sorted(used))}"


def _mapping(content: Any) -> dict[str, Any]:
    if content is None:  # comments only
        return {}
    if not isinstance(content, dict):
        msg = f"found {str(content)[:40]!r}, expected lines such as jobs: 2"
        raise ValueError(msg)  # noqa: TRY004 - of what the user wrote
    return content


def _checked(key: str, value: Any) -> str | int:
    """Return a value that is one of its key."""
    if key not in _KEYS:
        msg = f"{key[:40]}: is no default that can be set; those are {', '.join(_KEYS)}"
        raise ValueError(msg)
    if key == "jobs":
        if type(value) is not int or not 1 <= value <= _MOST_JOBS:
            msg = f"jobs: {str(value)[:40]!r} is not a number from 1 to {_MOST_JOBS}"
            raise ValueError(msg)
        return value
    if not isinstance(value, str) or not value:
        what = "a folder" if key == "state" else "a name or file"
        msg = f"{key}: {str(value)[:40]!r} is not {what}"
        raise ValueError(msg)
    is_path = key == "state" or Path(value).name != value or value.lower().endswith((".yaml", ".yml"))
    if is_path and not (Path(value).is_absolute() or value.startswith("~")):
        msg = f"{key}: {value[:60]!r} is relative; it has to count wherever you are, so write a whole path, or ~/..."
        raise ValueError(msg)
    return str(Path(value).expanduser()) if is_path else value
