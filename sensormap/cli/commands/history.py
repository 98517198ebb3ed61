"""`sensormap history`: defects over the years, and how fast they become more."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sensormap.cli.options import PicturePath, examples, script_form
from sensormap.cli.streams import tell_written, write_result
from sensormap.output import check_writable, write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sensormap.history.growth import Growth
    from sensormap.history.records import Record


@click.command("history", epilog=examples("sensormap history maps/ -o growth.png"))
@click.argument("maps", nargs=-1, required=True)
@click.option("-o", "--output", type=PicturePath(), help="Picture to write: .png, .svg or .pdf.")
@click.option("--overwrite", is_flag=True, help="Replace the picture if sensormap made it, or if it is empty.")
@click.option(
    "--by",
    type=click.Choice(["year", "month"]),
    default="year",
    show_default=True,
    help="Periods in which defects are counted.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
@click.option("--csv", "as_csv", is_flag=True, help="Print the table of onsets as CSV.")
def history_command(
    maps: tuple[str, ...], *, output: Path | None, overwrite: bool, by: str, as_json: bool, as_csv: bool
) -> None:
    """Count the defects of MAPS over the years.

    MAPS are map files, and folders of maps, of one camera or many. Prints when the defects of each camera appeared and
    healed, and how many appear a year. Of several maps of one camera the one with the latest photo counts. Pictures
    need matplotlib and rates statsmodels: pip install 'sensormap[history]'. Without statsmodels there are counts only.
    """
    form = script_form(as_json=as_json, as_csv=as_csv)
    from sensormap.history.growth import growth_of  # noqa: PLC0415
    from sensormap.plots.growth import MOST_PANELS, draw_growth  # noqa: PLC0415
    from sensormap.plots.style import unless_picture  # noqa: PLC0415
    from sensormap.report.words import plain  # noqa: PLC0415

    if output is not None:
        check_writable(output, overwrite=overwrite, objection=unless_picture)
    growth = growth_of(_records(maps), by=by)
    if output is not None:
        picture = draw_growth(growth, output.suffix.lower()[1:])
        write_atomically(picture, output, overwrite=overwrite, objection=unless_picture)
        if len(growth.bodies) > MOST_PANELS:
            text = f"{output}: shows the {MOST_PANELS} cameras with most new defects of {len(growth.bodies)}"
            click.echo(plain(text), err=True)
    _print(growth, form)
    if output is not None and form is None:
        tell_written(output)


def _records(maps: tuple[str, ...]) -> Iterator[Record]:
    """Yield what of each map counts, and say on stderr what is odd about files and dates."""
    from sensormap.history.records import record_of  # noqa: PLC0415
    from sensormap.maps.mapfile.finding import read_maps  # noqa: PLC0415
    from sensormap.report.words import plain  # noqa: PLC0415

    def note(text: object) -> None:
        click.echo(plain(str(text)), err=True)

    for name, sensor_map in read_maps(maps, on_skipped=lambda error: note(f"{error}; skipped")):
        last = sensor_map.frames.last
        if last is not None and last > datetime.now():  # without a time zone, as a camera's clock
            note(f"{name}: its last photo is of {last.date()}, in the future: was the camera's clock right?")
        yield record_of(sensor_map, name)


def _print(growth: Growth, form: str | None) -> None:
    from sensormap.report.history import growth_csv, growth_json, history_tables  # noqa: PLC0415

    if form is not None:
        write_result({"json": growth_json, "csv": growth_csv}[form](growth))
        return
    from rich.console import Console  # noqa: PLC0415

    from sensormap.cli.render import print_tables  # noqa: PLC0415

    print_tables(history_tables(growth), Console())
