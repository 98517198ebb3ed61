"""`sensormap coords`: the places of a map's photosites, for scripts."""

from __future__ import annotations

from pathlib import Path

import click

from sensormap.cli.options import examples, map_argument
from sensormap.maps.coordinates import Space, coordinates
from sensormap.maps.mapfile.reading import read_map


@click.command("coords", epilog=examples("sensormap coords d80.yaml --space jpeg > d80.txt"))
@map_argument
@click.option(
    "--space",
    type=click.Choice([str(space) for space in Space]),
    default=str(Space.RAW),
    show_default=True,
    help="Where x and y count from: the raw grid, its active area, or the camera's full-size JPEG.",
)
def coords_command(map_file: Path, *, space: str) -> None:
    """List x,y of every defective photosite of MAP.

    One photosite a line; x and y are counted from 0.
    """
    for x, y in coordinates(read_map(map_file), space):
        click.echo(f"{x},{y}")
