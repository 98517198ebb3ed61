"""Options that several commands share, and what is typed in them."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import click

from sensormap.cli.config import configured
from sensormap.errors import OutputError
from sensormap.settings import AUTO, DECODERS, DEFAULT_FOLLOWED
from sensormap.urls import is_url

F = TypeVar("F", bound=Callable[..., Any])

PICTURE_ENDINGS = (".png", ".svg", ".pdf")  # as `plots.style` has them, which takes long to import; a test compares
_SIZE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{0,9})?) ?([KMGT])I?B?")
_BYTES = {"K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}


def examples(*lines: str) -> str:
    """Return the end of a command's help: how it is called, each line as it stands."""
    noun = "Example" if len(lines) == 1 else "Examples"
    return "\n".join(("\b", f"{noun}:", *(f"  {line}" for line in lines)))


map_argument = click.argument("map_file", metavar="MAP", type=click.Path(path_type=Path, readable=False))


def complete_files(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Have the shell complete the name of a file, where click alone takes a text for a text."""
    from click.shell_completion import CompletionItem  # noqa: PLC0415 - for shells only

    return [CompletionItem(incomplete, type="file")]


def complete_profiles(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Have the shell complete the name of a camera profile, or of a file that holds one."""
    from click.shell_completion import CompletionItem  # noqa: PLC0415 - for shells only

    from sensormap.camera.profile_files import profile_names  # noqa: PLC0415

    names = [CompletionItem(name) for name in profile_names() if name.startswith(incomplete.lower())]
    return [CompletionItem(incomplete, type="file"), *names]  # bash forgets what stands before files


profile_option = click.option(
    "--profile",
    metavar="NAME|FILE",
    default=configured("profile"),
    shell_complete=complete_profiles,
    help="Camera profile; by default that of the config file, or the one for the camera that the photos name.",
)
serial_option = click.option("--serial", help="Serial number of the camera to map, if the photos are from several.")
jobs_option = click.option(
    "--jobs",
    type=click.IntRange(1, 256),
    default=configured("jobs"),
    help="Number of threads.  [default: that of the config file, or one for each processor, at most 8]",
)


if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from sensormap.formats.listing import Format

    _PathType: TypeAlias = click.ParamType[Path]
    _NumberType: TypeAlias = click.ParamType[int]
    _FormatType: TypeAlias = click.ParamType[Format]
else:  # which older releases of click cannot subscript
    _PathType = _NumberType = _FormatType = click.ParamType


def check_result_name(name: str, *, fits: bool = False) -> None:
    """Refuse a name for a result that is one of a folder, or of a photo; `fits` tells whether it may be a FITS file.

    Raises
    ------
    OutputError
        If there is no such folder, or if the name's ending is a photo's: programs, and the next run, would take the
        result for one.
    """
    from sensormap.photos.files import is_fits_name, is_photo_name  # noqa: PLC0415 - not everything needs it

    problem = ""
    if name.endswith(tuple(filter(None, ("/", os.sep, os.altsep)))) and not os.path.isdir(name):  # noqa: PTH112
        problem = "names a folder that does not exist: make it first, or leave the last character out"
    elif is_photo_name(Path(name)) and not (fits and is_fits_name(Path(name))):
        problem = "is named like a photo, expected another name for a result"
    if problem:
        msg = f"{name}: {problem}"
        raise OutputError(msg)


class ResultPath(click.Path):
    """Where a result goes: a file that is not named like a photo, a folder that exists, or ``-``.

    `fits` tells whether it may be a FITS file, as photos are too.
    """

    def __init__(self, *, fits: bool = False) -> None:
        super().__init__(path_type=Path, readable=False)
        self._fits = fits

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path that was typed."""
        check_result_name(os.fspath(value), fits=self._fits)
        return super().convert(value, param, ctx)


class PicturePath(ResultPath):
    """Where a picture goes: a file whose ending tells its format."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path that was typed."""
        if Path(os.fspath(value)).suffix.lower() not in PICTURE_ENDINGS:
            self.fail(f"{os.fspath(value)!r} does not end in .png, .svg or .pdf", param, ctx)
        return super().convert(value, param, ctx)


class FolderPath(_PathType):
    """A state folder. No name at all, as of a variable that is not set, would be the current folder."""

    name = "FOLDER"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path that was typed."""
        if not str(value):
            self.fail("'' names no folder", param, ctx)
        return Path(str(value))

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Have the shell complete the name of a folder."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - for shells only

        return [CompletionItem(incomplete, type="dir")]


class FormatName(_FormatType):
    """The name of another program's format. `to_write` tells whether lists are written in it, and not read."""

    name = "NAME"

    def __init__(self, *, to_write: bool) -> None:
        self._to_write = to_write

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Format:
        """Return the format of a name that was typed."""
        from sensormap.errors import ListFormatError  # noqa: PLC0415
        from sensormap.formats.registry import get_format  # noqa: PLC0415

        try:
            return get_format(str(value))
        except ListFormatError as error:
            self.fail(str(error), param, ctx)

    def get_missing_message(self, param: click.Parameter, ctx: click.Context | None) -> str:
        """Say where the names are to be found."""
        return "`sensormap export --list` names the formats"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Have the shell complete the name."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - for shells only

        from sensormap.formats.registry import known_formats  # noqa: PLC0415

        able = (form.name for form in known_formats().values() if (form.write if self._to_write else form.read))
        return [CompletionItem(name) for name in able if name.startswith(incomplete)]


class _Memory(_NumberType):
    """A number of bytes, as people write it: ``500MB``, ``1.5 GB``."""

    name = "SIZE"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        match = _SIZE.fullmatch(str(value).strip().upper())
        found = round(float(match[1]) * _BYTES[match[2]]) if match else 0
        if not found:
            self.fail(f"{str(value)[:40]!r} is not a size such as 800MB or 2GB", param, ctx)
        return found


memory_option = click.option(
    "--memory",
    type=_Memory(),
    help="Memory that the run may take, about, such as 800MB or 2GB: fewer threads run than would take more.",
)
follow_option = click.option(
    "--follow",
    type=click.IntRange(2, 1024),
    default=DEFAULT_FOLLOWED,
    show_default=True,
    help="Raw photos used in the second pass, which measures strengths, dates and kinds. Fewer are faster and less "
    "certain.",
)
decoder_option = click.option(
    "--decoder",
    type=click.Choice(DECODERS),
    default=AUTO,
    show_default=True,
    help="Decoder of raw photos. auto reads compressed NEFs several times as fast as rawpy, which is LibRaw, compares "
    "some of them with it, and leaves all other files to it. The map is the same.",
)

def state_option(text: str) -> Callable[[F], F]:
    """Return the option that names a state folder, with its help."""
    text += "  [default: that of the config file, if any]"
    return click.option("--state", type=FolderPath(), default=configured("state"), help=text)


verbose_option = click.option(
    "-v", "--verbose", count=True, help="Print more on stderr: -v the steps, -vv everything."
)
_LESS = "Print less: -q warnings only, no progress{}; -qq errors only."
quiet_option = click.option("-q", "--quiet", count=True, help=_LESS.format(""))
table_quiet_option = click.option("-q", "--quiet", count=True, help=_LESS.format(", no table"))
"""That of commands whose table is not their result, but tells of it."""


def script_form(*, as_json: bool, as_csv: bool) -> str | None:
    """Return which of the forms for scripts is asked for: json, csv or none."""
    if as_json and as_csv:
        msg = "--json and --csv are two forms of one result: leave one out"
        raise click.UsageError(msg)
    return "json" if as_json else "csv" if as_csv else None


_MOST_SHOWN = 3  # files or folders named on a command line that a result tells again
_PRIVATE = frozenset({"scheduler"})  # addresses of machines, which no result tells


def command_text(context: click.Context) -> str:
    """Return the command of a context as it was typed, for results that tell how they were made.

    Of files and folders, and of URLs, the last part of the name is told only: a result may be passed on.

    Parameters
    ----------
    context
        The command's context.
    """
    words = [*context.command_path.split()]
    for parameter in sorted(context.command.params, key=lambda one: not isinstance(one, click.Argument)):
        source = context.get_parameter_source(parameter.name or "")
        value = context.params.get(parameter.name or "")
        if source is None or source.name != "COMMANDLINE":
            continue
        values = value if isinstance(value, tuple) else (value,)
        shown = ["..." if parameter.name in _PRIVATE else shlex.quote(_last_part(str(one))) for one in values]
        if isinstance(parameter, click.Option):
            flag = parameter.is_flag or parameter.count
            words += [max(parameter.opts, key=len), *([] if flag else shown)]
        else:
            words += shown[:_MOST_SHOWN]
            words += [f"... ({len(shown) - _MOST_SHOWN} more)"] if len(shown) > _MOST_SHOWN else []
    return " ".join(words)


def _last_part(argument: str) -> str:
    """Return the last part of a path or a URL, without a query."""
    text = re.split(r"[?#]", argument)[0] if is_url(argument) else argument
    kept = re.split(r"[\\/]", text.rstrip("\\/"))[-1]
    return kept or argument[:1]


_NUMBER = r"(?:[0-9]{1,9}(?:\.[0-9]{0,9})?|\.[0-9]{1,9})"
_SHUTTER = re.compile(rf"(?:({_NUMBER})/)?({_NUMBER}) ?s?")


def parse_shutter(text: str) -> float:
    """Return a shutter time in seconds.

    Parameters
    ----------
    text
        As cameras and people write it: ``1/60``, ``0.5``, ``30``, with or without an ``s``.

    Raises
    ------
    ValueError
        If it is no time above 0.

    Examples
    --------
    >>> parse_shutter("1/4"), parse_shutter("30 s")
    (0.25, 30.0)
    """
    match = _SHUTTER.fullmatch(text.strip())
    over, under = (float(part) if part else None for part in match.groups()) if match else (None, None)
    seconds = under if over is None else over / under if under else None
    if not seconds:
        msg = f"{text[:40]!r} is not a shutter time such as 1/60, 0.5 or 30 (seconds)"
        raise ValueError(msg)
    return seconds
