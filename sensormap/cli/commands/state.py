"""`sensormap state`: the folders in which `map --state` keeps what it found."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sensormap.cli.console import Failure
from sensormap.cli.options import FolderPath, examples
from sensormap.report.words import counted, plain

if TYPE_CHECKING:
    from sensormap.shards.state_tools import DamagedFile

_folder = FolderPath()


@click.group("state", epilog=examples("sensormap state show ~/.cache/sensormap"))
def state_command() -> None:
    """Show, check, join or prune what map --state keeps."""


@state_command.command("show", epilog=examples("sensormap state show ~/.cache/sensormap"))
@click.argument("folder", type=_folder)
def show_state_command(folder: Path) -> None:
    """Show how much a state folder holds."""
    from rich.console import Console  # noqa: PLC0415 - these take a second, --help does not

    from sensormap.cli.render import print_table  # noqa: PLC0415
    from sensormap.report.table import Table  # noqa: PLC0415
    from sensormap.shards.state_tools import describe_state  # noqa: PLC0415

    found = describe_state(folder)
    rows = (
        ("photos known", str(found.photos)),
        ("shards", f"{found.shards}, {found.shard_bytes / 1e6:.1f} MB"),
        ("maps kept", str(found.maps)),
        ("version of the state", str(found.version)),
        ("version of the algorithm", str(found.algorithm)),
    )
    print_table(Table("", ("", ""), rows), Console())


@state_command.command("check", epilog=examples("sensormap state check ~/.cache/sensormap"))
@click.argument("folder", type=_folder)
@click.option("--remove", is_flag=True, help="Delete the damaged files: their photos are read again next time.")
def check_command(folder: Path, *, remove: bool) -> None:
    """Look for damaged files in a state folder.

    All files are read; those that are damaged are listed. Exit code 1 if there are any, also if they were deleted. A
    damaged catalogue is not deleted but gets another name.
    """
    from sensormap.shards.state_tools import check_state  # noqa: PLC0415

    found = check_state(folder, remove=remove)
    _list(found.damaged, err=False)
    click.echo(f"{counted(found.shards, 'shard')} read")
    if found.damaged:
        hint = "removed" if found.removed else "--remove takes them away"
        msg = f"{counted(len(found.damaged), 'damaged file')}; {hint}"
        raise Failure(msg)


@state_command.command("merge", epilog=examples("sensormap state merge laptop/ desktop/ -o both/"))
@click.argument("folders", type=_folder, nargs=-1, required=True)
@click.option(
    "-o", "--output", type=_folder, required=True, help="State folder to copy into; made if it does not exist."
)
def merge_states_command(folders: tuple[Path, ...], output: Path) -> None:
    """Join state folders into one.

    What FOLDERS know is copied; they stay as they are. Damaged files are left out and named on stderr. Kept maps are
    not copied: the next run makes them again, without reading photos.
    """
    from sensormap.shards.state_tools import merge_states  # noqa: PLC0415

    merged = merge_states(folders, output)
    _list(merged.damaged, err=True)
    left_out = f", {counted(len(merged.damaged), 'damaged file')} left out" if merged.damaged else ""
    click.echo(f"{counted(merged.copied, 'shard')} copied, {merged.present} there already{left_out}")


@state_command.command("forget", epilog=examples("sensormap state forget ~/.cache/sensormap DSC_0001.NEF"))
@click.argument("folder", type=_folder)
@click.argument("photos", nargs=-1, required=True)
def forget_command(folder: Path, photos: tuple[str, ...]) -> None:
    """Drop what a state folder knows of PHOTOS.

    PHOTOS are files, which need not be there any more, or SHA-256 digests of files. Every shard and map that they may
    have been part of is dropped; the other photos of those shards are read again next time. The photos themselves are
    not touched. Exit code 1 if nothing is known of one of them.
    """
    from sensormap.shards.state_tools import forget_photos  # noqa: PLC0415

    found = forget_photos(folder, photos)
    files, maps = counted(found.files, "known file"), counted(found.maps, "map")
    click.echo(f"{counted(found.shards, 'shard')}, {files} and {maps} dropped")
    if found.unknown:
        msg = f"{folder}: knows nothing of {', '.join(found.unknown)}"
        raise Failure(plain(msg))


def _list(damaged: Iterable[DamagedFile], *, err: bool) -> None:
    """Print damaged files, a line each."""
    for one in damaged:
        click.echo(plain(f"{one.path}: {one.reason}"), err=err)
