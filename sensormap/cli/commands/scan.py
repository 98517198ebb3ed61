"""`sensormap scan`: photos in, a table of the cameras that took them out."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sensormap.cli.console import configure_log
from sensormap.cli.options import complete_files, examples, jobs_option, quiet_option, state_option, verbose_option
from sensormap.cli.progress import count_shown
from sensormap.cli.streams import write_result
from sensormap.urls import expanded

if TYPE_CHECKING:
    from sensormap.shards.state import State


@click.command(
    "scan", epilog=examples("sensormap scan ~/Pictures", "sensormap scan ~/Pictures --json > cameras.json")
)
@click.argument("photos", nargs=-1, required=True, shell_complete=complete_files)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts, instead of tables.")
@state_option("Keep in FOLDER what the headers say, so that the next scan or map with it opens only new photos.")
@jobs_option
@verbose_option
@quiet_option
def scan_command(
    photos: tuple[str, ...], *, as_json: bool, state: Path | None, jobs: int | None, verbose: int, quiet: int
) -> None:
    """List the cameras that took PHOTOS, and what was left out.

    PHOTOS are files, folders (searched recursively) and patterns, in any mix, also by URL: https://..., s3://... (pip
    install 'sensormap[remote]'). Only the headers of photos are read, but for files that look like copies of each
    other. -v names each file that was left out, with the reason.
    """
    from rich.console import Console  # noqa: PLC0415 - takes longer to import than --help may take

    from sensormap.cli.render import print_tables  # noqa: PLC0415
    from sensormap.photos.exif import read_photo  # noqa: PLC0415
    from sensormap.photos.library import scan  # noqa: PLC0415
    from sensormap.report.library import library_tables, library_text  # noqa: PLC0415

    verbosity = verbose - quiet
    configure_log(verbosity)
    with count_shown(verbosity, "files read") as on_read, _kept_in(state) as kept:
        read_header = kept.read_photo if kept else read_photo
        library = scan(photos, jobs=jobs, on_read=on_read, read_header=read_header)
    if as_json:
        write_result(library_text(library))
    else:
        print_tables(library_tables(library), Console())


def _kept_in(folder: Path | None) -> AbstractContextManager[State | None]:
    """Return a state folder, to be closed; None in its place if none is named."""
    if folder is None:
        return nullcontext()
    from sensormap.shards.state import State  # noqa: PLC0415

    return State(expanded(folder))
