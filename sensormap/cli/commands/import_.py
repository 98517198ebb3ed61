"""`sensormap import`: another program's defect list as a map."""

from __future__ import annotations

from pathlib import Path

import click

from sensormap.camera.profile import Body, Profile
from sensormap.camera.profile_files import find_profile, get_profile
from sensormap.cli.console import configure_log
from sensormap.cli.options import FormatName, ResultPath, complete_profiles, examples, verbose_option
from sensormap.cli.streams import write_result
from sensormap.errors import ProfileError
from sensormap.formats.listing import Format
from sensormap.formats.registry import get_format, read_list
from sensormap.formats.to_map import map_of_listing, require_entries, sensor_of, untold
from sensormap.maps.entries import DefectKind
from sensormap.maps.mapfile.writing import check_output, map_text, write_map
from sensormap.photos.files import is_photo_name
from sensormap.report.words import entries_text, plain

_PHOTOS = {".dng": "dng-opcodes", ".iiq": "phase-one"}
"""Formats of the lists that photos hold, by the ending of their names."""


@click.command(
    "import",
    epilog=examples(
        "sensormap import .badpixels --format dcraw --profile nikon-d80 -o d80.yaml",
        "sensormap import DSC_0001.dng -o d80.yaml",
    ),
)
@click.argument("list_file", metavar="FILE", type=click.Path(path_type=Path, readable=False))
@click.option(
    "--format",
    "form",
    type=FormatName(to_write=False),
    help="Format of FILE; export --list names the formats. A photo needs none: .dng is dng-opcodes, .iiq phase-one.",
)
@click.option(
    "--profile",
    metavar="NAME|FILE",
    shell_complete=complete_profiles,
    help="Profile of the camera that FILE is about; by default that of a photo.",
)
@click.option("--serial", help="Serial number of the camera, where it is known; by default that of a photo.")
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
    form: Format | None,
    profile: str | None,
    serial: str | None,
    kind: str,
    output: Path | None,
    overwrite: bool,
    verbose: int,
) -> None:
    """Make a map of the defect list FILE of another program.

    The map has the same photosites. It has no strengths, and counts 0 photos. A list without an entry is an error. FILE
    may be a photo that holds such a list: a DNG, or an IIQ of Phase One.
    """
    configure_log(verbose)
    form = form or _format_of_photo(list_file)
    of_photo = profile is None or (serial is None and is_photo_name(list_file))
    body = _body_of_photo(list_file) if of_photo else Body("", "", "")
    camera = _profile_of(body, list_file) if profile is None else get_profile(profile)
    serial = body.serial if serial is None else serial
    path = None if output in (None, Path("-")) else output
    if path is not None:
        check_output(path, overwrite=overwrite)
    listing = read_list(list_file, form, sensor_of(camera))
    require_entries(listing, list_file, form)
    origin = form.name, list_file.name
    sensor_map = map_of_listing(listing, camera, serial=serial, kind=DefectKind(kind), origin=origin)
    if path is None:
        write_result(map_text(sensor_map))
    else:
        write_map(sensor_map, path, overwrite=overwrite)
        click.echo(f"{entries_text(sensor_map)} written to {plain(str(path))}")
    if unknown := untold(listing):
        entries = "1 entry" if unknown == 1 else f"{unknown} entries"
        click.echo(f"{plain(list_file.name)}: {entries} without a kind, taken for {kind}", err=True)


def _format_of_photo(path: Path) -> Format:
    """Return the format of the list that a photo holds."""
    name = _PHOTOS.get(path.suffix.lower())
    if name is None:
        msg = f"{path.name}: is no photo that holds a list ({', '.join(_PHOTOS)}): name its format by --format"
        raise click.UsageError(msg)
    return get_format(name)


def _body_of_photo(path: Path) -> Body:
    """Return the body that took a photo."""
    if not is_photo_name(path):
        msg = f"{path.name}: is no photo, which would tell the camera: name its profile by --profile"
        raise click.UsageError(msg)
    from sensormap.photos.exif import read_photo  # noqa: PLC0415 - lists need it not

    return read_photo(path, corrected=True).body


def _profile_of(body: Body, path: Path) -> Profile:
    """Return the profile of the camera that took a photo."""
    profile = find_profile(body)
    if profile is None:
        msg = f"{path.name}: no profile knows the camera {body}; name one by --profile"
        raise ProfileError(msg)
    return profile
