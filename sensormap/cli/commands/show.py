"""`sensormap show`: what a map says, for people."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from sensormap.cli.options import map_argument, parse_shutter
from sensormap.maps.mapfile.reading import read_map
from sensormap.maps.sensor_map import SensorMap
from sensormap.maps.visible import visible_defects
from sensormap.report.summary import visible_title


def _seconds(context: click.Context, option: click.Parameter, text: str | None) -> float | None:
    """Return a shutter time that was given."""
    try:
        return None if text is None else parse_shutter(text)
    except ValueError as error:
        raise click.BadParameter(str(error), context, option) from error


@click.command("show")
@map_argument
@click.option("--all", "every", is_flag=True, help="List every defect, not only the strongest 20.")
@click.option(
    "--visible",
    "shutter_s",
    metavar="TIME",
    callback=_seconds,
    help="Only the defects that clearly exceed the noise (3 sigma) at this shutter time, such as 1/60 or 30 (seconds).",
)
@click.option("--iso", type=click.IntRange(1, 10_000_000), help="ISO that goes with --visible.  [default: 100]")
def show_command(map_file: Path, *, every: bool, shutter_s: float | None, iso: int | None) -> None:
    """Print a summary of MAP and its strongest defects.

    --visible assumes the noise of an ordinary 12-bit camera: 1 DN of read noise at ISO 100 and photon noise of 8
    electrons a DN; in a shadow of 100 DN for bright defects, in a grey of 700 DN for dark ones. Defects whose strength
    is unknown are shown. A map made from JPEGs has no strengths, and is refused.
    """
    if iso is not None and shutter_s is None:
        msg = "--iso needs --visible"
        raise click.UsageError(msg)
    from rich.console import Console  # noqa: PLC0415 - takes longer to import than --help may take

    from sensormap.cli.render import show_map  # noqa: PLC0415

    sensor_map, title = read_map(map_file), ""
    if shutter_s is not None:
        sensor_map, title = _only_visible(sensor_map, shutter_s, iso or 100)
    show_map(sensor_map, Console(), limit=None if every else 20, title=title)


def _only_visible(sensor_map: SensorMap, shutter_s: float, iso: int) -> tuple[SensorMap, str]:
    """Return the map with its visible defects only, and a title that says so."""
    shown = visible_defects(sensor_map, shutter_s=shutter_s, iso=iso)
    title = visible_title(sensor_map, len(shown), shutter_s=shutter_s, iso=iso)
    return replace(sensor_map, defects=shown), title
