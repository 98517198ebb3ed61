"""`sensormap integrations`: scripts by which other programs call sensormap."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import click

from sensormap.cli.options import ResultPath, examples
from sensormap.cli.streams import tell_written, write_result
from sensormap.report.words import plain


@click.group(
    "integrations",
    epilog=examples("sensormap integrations darktable", "sensormap integrations darktable --install"),
)
def integrations_command() -> None:
    """Put scripts that call sensormap into other programs."""


@integrations_command.command(
    "darktable",
    epilog=examples("sensormap integrations darktable --install"),
)
@click.option("--install", is_flag=True, help="Put the script into darktable's settings, and have it loaded.")
@click.option(
    "--config-dir",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="Folder of darktable's settings.  [default: ~/.config/darktable, or that of its Flatpak]",
)
@click.option("-o", "--output", type=ResultPath(), help="Write the script to this file; - : to stdout.")
@click.option("--overwrite", is_flag=True, help="Replace an older script; never another file.")
def darktable_command(*, install: bool, config_dir: Path | None, output: Path | None, overwrite: bool) -> None:
    """Tell where darktable's script goes, or put it there.

    The script adds a button to darktable's lighttable, which corrects the selected photos by sensormap correct and
    groups the copies with their originals.
    """
    from sensormap.integrations import darktable  # noqa: PLC0415

    if install and output is not None:
        msg = "--install and -o both say where the script goes: leave one out"
        raise click.UsageError(msg)
    folder, command = config_dir or darktable.config_folder(), _own_command()
    if output == Path("-"):
        write_result(darktable.script_text(command).decode("utf-8", "surrogateescape"))
    elif output is not None:
        darktable.write_script(output, command=command, overwrite=overwrite)
        tell_written(output)
    elif install:
        script, luarc = darktable.install_script(folder, command=command, overwrite=overwrite)
        click.echo(f"written to {plain(str(script))}, loaded by {plain(str(luarc))}")
        click.echo("Restart darktable, and choose your map in its preferences, Lua options.")
    else:
        click.echo(f"The script   {plain(str(darktable.script_path()))}")
        click.echo(f"goes to      {plain(str(folder / 'lua' / darktable.SCRIPT))}")
        click.echo(f"and the line {darktable.LOADS}")
        click.echo(f"into         {plain(str(folder / 'luarc'))}")
        click.echo("--install does both.")


def _own_command() -> str:
    """Return the program that runs, so that darktable finds it too, whose PATH may be another one."""
    started = Path(sys.argv[0])
    if started.name in ("sensormap", "sensormap.exe") and started.is_file():
        return str(started.absolute())
    beside = Path(sys.executable).with_name("sensormap")
    return str(beside) if beside.is_file() else shutil.which("sensormap") or "sensormap"
