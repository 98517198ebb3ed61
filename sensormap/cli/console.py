"""What a run says on stderr: messages and errors one line each."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import cache
from typing import IO, TYPE_CHECKING, Any

import click

from sensormap.cli.config import used_defaults
from sensormap.threads import message_prefix

if TYPE_CHECKING:
    from rich.console import Console

    from sensormap.maps.sensor_map import SensorMap


class Failure(click.ClickException):
    """An error that ends a command: one line on stderr, worded here and not by click, and exit code 1."""

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the line."""
        click.echo(f"Error: {self.message}", file=file, err=True)


@cache
def stderr_console() -> Console:
    """Return the console that progress and messages share, so that they do not overwrite each other."""
    from rich.console import Console  # noqa: PLC0415 - rich takes longer to import than --help may take

    return Console(stderr=True)


class _ConsoleHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        from sensormap.report.words import plain  # noqa: PLC0415

        message = record.getMessage()
        if message and (prefix := message_prefix.get()):
            message = f"{prefix}: {message}"
        lines = [message] if message else []  # one line, whatever the file names in it
        if record.exc_info:
            lines += logging.Formatter().formatException(record.exc_info).splitlines()
        for line in lines:
            stderr_console().out(plain(line), highlight=False)


def note_unknown_serials(maps: Mapping[str, SensorMap]) -> None:
    """Say on stderr which of several maps, by name, do not know their camera's serial number, where others may."""
    from sensormap.report.words import plain  # noqa: PLC0415

    for name, sensor_map in maps.items() if len(maps) > 1 else ():
        if not sensor_map.body.serial:
            text = f"{name}: the camera's serial number is unknown; taken for the same camera"
            click.echo(plain(text), err=True)


def configure_log(verbosity: int) -> None:
    """Send the package's messages to stderr: warnings at 0, progress of the work at 1, everything at 2 and more."""
    logger = logging.getLogger("sensormap")
    levels = {-2: logging.ERROR, -1: logging.WARNING, 0: logging.WARNING, 1: logging.INFO}
    logger.setLevel(levels.get(max(verbosity, -2), logging.DEBUG))
    logger.handlers = [_ConsoleHandler()]
    logger.propagate = False
    if text := used_defaults():
        logger.info("%s", text)
