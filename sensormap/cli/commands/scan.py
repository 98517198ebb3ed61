"""`sensormap scan`: photos in, a table of the cameras that took them out."""

from __future__ import annotations

import click

from sensormap.cli.console import configure_log, count_shown
from sensormap.cli.options import jobs_option, quiet_option, verbose_option


@click.command("scan")
@click.argument("photos", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts, instead of tables.")
@jobs_option
@verbose_option
@quiet_option
def scan_command(photos: tuple[str, ...], *, as_json: bool, jobs: int | None, verbose: int, quiet: int) -> None:
    """List the cameras that took PHOTOS, and what was left out.

    PHOTOS are files, folders (searched recursively) and patterns, in any mix, also by URL: https://..., s3://... (pip
    install 'sensormap[remote]'). Only the headers of photos are read, but for files that look like copies of each
    other. -v names each file that was left out, with the reason.
    """
    from rich.console import Console  # noqa: PLC0415 - takes longer to import than --help may take

    from sensormap.cli.render import print_tables  # noqa: PLC0415
    from sensormap.photos.library import scan  # noqa: PLC0415
    from sensormap.report.library import library_tables, library_text  # noqa: PLC0415

    verbosity = verbose - quiet
    configure_log(verbosity)
    with count_shown(verbosity, "files read") as on_read:
        library = scan(photos, jobs=jobs, on_read=on_read)
    if as_json:
        click.echo(library_text(library), nl=False)
    else:
        print_tables(library_tables(library), Console())
