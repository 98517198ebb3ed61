"""`sensormap show` and `sensormap coords`: what a map says, for people and for scripts."""

from __future__ import annotations

from pathlib import Path

import click

from sensormap.defects import SensorMap
from sensormap.mapfile import read_map
from sensormap.report.coords import Space, coordinates

_map_argument = click.argument("map_file", metavar="MAP", type=click.Path(path_type=Path))


@click.command("show")
@_map_argument
@click.option("--all", "every", is_flag=True, help="List every defect, not only the strongest 20.")
def show_command(map_file: Path, *, every: bool) -> None:
    """Print a summary of MAP and its strongest defects."""
    print_map(read_map(map_file), limit=None if every else 20)


@click.command("coords")
@_map_argument
@click.option(
    "--space",
    type=click.Choice([str(space) for space in Space]),
    default=str(Space.RAW),
    show_default=True,
    help="Where x and y count from: the raw grid, its active area, or the camera's full-size JPEG.",
)
def coords_command(map_file: Path, *, space: str) -> None:
    """Print x,y of every defective photosite of MAP, one per line, 0-based."""
    for x, y in coordinates(read_map(map_file), space):
        click.echo(f"{x},{y}")


def print_map(sensor_map: SensorMap, *, limit: int | None = 20) -> None:
    """Print a map's summary and defects to stdout."""
    from rich.console import Console  # noqa: PLC0415 - coords does without

    from sensormap.cli.render import show_map  # noqa: PLC0415

    show_map(sensor_map, Console(), limit=limit)
