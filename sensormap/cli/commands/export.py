"""`sensormap export`: a map as another program's defect list."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import BinaryIO

import click

from sensormap.cli.console import configure_log
from sensormap.cli.options import (
    FormatName,
    ResultPath,
    complete_profiles,
    examples,
    map_argument,
    verbose_option,
)
from sensormap.cli.streams import tell_written
from sensormap.errors import ListFormatError, OutputError
from sensormap.formats.from_map import export_map
from sensormap.formats.listing import Format
from sensormap.formats.registry import known_formats
from sensormap.maps.mapfile.reading import read_map
from sensormap.maps.sensor_map import SensorMap
from sensormap.output import check_writable, write_atomically
from sensormap.photos.astro.fits_header import names_camera
from sensormap.photos.files import is_fits_name, is_photo_name
from sensormap.report.table import Table

# How photos begin, and no list does: TIFF and what raw formats make of it, JPEG, RAF, X3F, MRW, PSD, SER.
_PHOTO_OPENINGS = (
    *(b"II*\0", b"MM\0*", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"\xff\xd8\xff"),
    *(b"FUJIFILM", b"FOVb", b"\0MRM", b"8BPS", b"LUCAM-RECORDER"),
)
_STDOUT = Path("-")
_NAMED_LIKE_A_PHOTO = "is named like a photo, expected another name for a list"


def _print_formats(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    """Print the table of formats and end, if asked to."""
    if not wanted or context.resilient_parsing:
        return
    from rich.console import Console  # noqa: PLC0415

    from sensormap.cli.render import print_table  # noqa: PLC0415

    rows = tuple((form.name, _kept(form), f"{form.title}; {form.space}") for form in known_formats().values())
    print_table(Table("", ("format", "keeps", "programs; what x, y count from"), rows), Console())
    context.exit()


@click.command("export", epilog=examples("sensormap export d80.yaml --format dcraw -o .badpixels"))
@map_argument
@click.option(
    "--format", "form", type=FormatName(to_write=True), required=True, help="Format to write; --list names them."
)
@click.option(
    "-o",
    "--output",
    type=ResultPath(fits=True),
    help="File to write, or a folder, where the program's own file name is used; - or none: to stdout.",
)
@click.option("--overwrite", is_flag=True, help="Replace the output file; never a file named like a photo.")
@click.option(
    "--profile",
    metavar="NAME|FILE",
    shell_complete=complete_profiles,
    help="Camera profile, where a map of JPEGs does not name a known one.",
)
@click.option(
    "--list", is_flag=True, is_eager=True, expose_value=False, callback=_print_formats, help="List the formats."
)
@verbose_option
def export_command(
    map_file: Path, *, form: Format, output: Path | None, overwrite: bool, profile: str | None, verbose: int
) -> None:
    """Write MAP as the defect list of another program.

    What the format does not keep of the map is told on stderr, a line each.
    """
    configure_log(verbose)
    sensor_map = read_map(map_file)
    path = None if output in (None, _STDOUT) else _target(output, form, sensor_map, map_file)
    if path is not None:
        check_writable(path, overwrite=overwrite, objection=_unless_photo)
    export = export_map(sensor_map, form, profile=profile)
    if path is None:
        if b"\0" in export.content and sys.stdout.isatty():
            msg = f"{form.name} is binary: name a file with -o"
            raise click.UsageError(msg)
        click.echo(export.content, nl=False)
    else:
        write_atomically(export.content, path, overwrite=overwrite, objection=_unless_photo)
        tell_written(path)
    for loss in export.losses:
        click.echo(loss, err=True)


def _target(output: Path, form: Format, sensor_map: SensorMap, map_file: Path) -> Path:
    """Return the file to write; of a folder, the one in it that the program looks for."""
    path = output
    if os.path.isdir(output):  # noqa: PTH112 - False, not an error, for what cannot be a name
        if form.file_name is None:
            msg = f"{output}: is a folder, and {form.name} has no file name of its own: expected a file name"
            raise OutputError(msg)
        name = form.file_name(sensor_map.sensor, sensor_map.body)
        if Path(name).name != name or not name.isprintable():
            msg = f"{form.name}: the camera's name makes no file name: {name[:80]!r}; name a file with -o"
            raise ListFormatError(msg)
        path = output / name
    if os.path.exists(path) and path.samefile(map_file):  # noqa: PTH110 - False for what cannot be a name
        msg = f"{path}: is the map itself"
        raise OutputError(msg)
    return path


def _unless_photo(file: BinaryIO) -> str:
    """Object to replacing a photo, by its content: it may have any name."""
    name = Path(file.name)
    if is_photo_name(name) and not is_fits_name(name):  # results have such names too
        return f"leads to {file.name}, which {_NAMED_LIKE_A_PHOTO}"
    opening = file.read(16)
    file.seek(0)
    if opening.startswith(_PHOTO_OPENINGS) or opening[4:8] == b"ftyp" or opening[6:14] == b"HEAPCCDR":
        return "holds a photo, which is never replaced"
    if opening.startswith(b"SIMPLE") and names_camera(file):
        return f"{file.name} names a camera, so that it is a photo; it is never replaced"
    return ""


def _kept(form: Format) -> str:
    """Return what a format keeps beside places."""
    return ", ".join(sorted(form.keeps)) or "-"
