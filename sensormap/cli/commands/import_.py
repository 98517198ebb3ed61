"""`sensormap import`: another program's defect list as a map."""

from __future__ import annotations

from pathlib import Path

import click

from sensormap.camera.profile_files import get_profile
from sensormap.cli.commands.export import format_of
from sensormap.cli.console import configure_log
from sensormap.cli.options import ResultPath, examples, verbose_option
from sensormap.cli.streams import write_result
from sensormap.formats.listing import Format
from sensormap.formats.registry import read_list
from sensormap.formats.to_map import map_of_listing, require_entries, sensor_of, untold
from sensormap.maps.entries import DefectKind
from sensormap.maps.mapfile.writing import check_output, map_text, write_map
from sensormap.report.words import counted, plain


@click.command(
    "import",
    epilog=examples("sensormap import .badpixels --format dcraw --profile nikon-d80 -o d80.yaml"),
)
@click.argument("list_file", metavar="FILE", type=click.Path(path_type=Path, readable=False))
@click.option(
    "--format",
    "form",
    metavar="NAME",
    required=True,
    callback=format_of,
    help="Format of FILE; export --list names the formats.",
)
@click.option("--profile", metavar="NAME|FILE", required=True, help="Profile of the camera that FILE is about.")
@click.option("--serial", help="Serial number of the camera, where it is known.")
@click.option(
    "--kind",
    type=click.Choice([str(kind) for kind in DefectKind]),
    default=str(DefectKind.HOT),
    show_default=True,
    help="Kind given to entries for which FILE names none.",
)
@click.option("-o", "--output", type=ResultPath(), help="Map file to write; - or none: YAML to stdout.")
@click.option("--overwrite", is_flag=True, help="Replace the output file if it is a map, or empty.")
@verbose_option
def import_command(
    list_file: Path,
    *,
    form: Format,
    profile: str,
    serial: str | None,
    kind: str,
    output: Path | None,
    overwrite: bool,
    verbose: int,
) -> None:
    """Make a map of the defect list FILE of another program.

    The map has the same photosites. It has no strengths, and counts 0 photos. A list without an entry is an error.
    """
    configure_log(verbose)
    camera = get_profile(profile)
    path = None if output in (None, Path("-")) else output
    if path is not None:
        check_output(path, overwrite=overwrite)
    listing = read_list(list_file, form, sensor_of(camera))
    require_entries(listing, list_file, form)
    origin = form.name, list_file.name
    sensor_map = map_of_listing(listing, camera, serial=serial or "", kind=DefectKind(kind), origin=origin)
    if path is None:
        write_result(map_text(sensor_map))
    else:
        write_map(sensor_map, path, overwrite=overwrite)
        numbers = {"defect": sensor_map.defects, "column": sensor_map.columns, "row": sensor_map.rows}
        found = ", ".join(counted(len(entries), noun) for noun, entries in numbers.items() if entries) or "nothing"
        click.echo(f"{found} written to {plain(str(path))}")
    if unknown := untold(listing):
        entries = "1 entry" if unknown == 1 else f"{unknown} entries"
        click.echo(f"{plain(list_file.name)}: {entries} without a kind, taken for {kind}", err=True)
