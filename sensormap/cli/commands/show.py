"""`sensormap show`: what a map says, for people."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TypeVar

import click

from sensormap.camera.cfa import PLANE_NAMES
from sensormap.cli.options import examples, map_argument, parse_shutter, script_form
from sensormap.cli.streams import write_result
from sensormap.maps.entries import DefectKind
from sensormap.maps.mapfile.reading import read_map
from sensormap.maps.sensor_map import SensorMap
from sensormap.maps.visible import visible_defects
from sensormap.report.listing.choice import Choice, parse_day
from sensormap.report.listing.order import ORDERS, check_order
from sensormap.report.summary import chosen_title, visible_title

T = TypeVar("T")
_SCORE = "score"


def _parsed(parse: Callable[[str], T]) -> Callable[[click.Context, click.Parameter, str | None], T | None]:
    """Return what turns the text of an option into a value, and its error into one of usage."""

    def value_of(context: click.Context, option: click.Parameter, text: str | None) -> T | None:
        try:
            return None if text is None else parse(text)
        except ValueError as error:
            raise click.BadParameter(str(error), context, option) from error

    return value_of


def _complete_planes(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    """Have the shell complete the name of a colour plane, of whatever sensor."""
    return [name for name in PLANE_NAMES if name.lower().startswith(incomplete.lower())]


@click.command(
    "show",
    epilog=examples(
        "sensormap show d80.yaml",
        "sensormap show d80.yaml --kind hot --plane R --sort dark --all",
        "sensormap show d80.yaml --since 2010-06 --csv > new.csv",
        "sensormap show d80.yaml --visible 1/60 --iso 800",
    ),
)
@map_argument
@click.option("--all", "every", is_flag=True, help="List every defect, not only the first 20.")
@click.option(
    "--kind",
    "kinds",
    type=click.Choice([str(kind) for kind in DefectKind]),
    multiple=True,
    help="Only what is of this kind, or may be. Can be given several times.",
)
@click.option(
    "--plane",
    "planes",
    metavar="NAME",
    multiple=True,
    shell_complete=_complete_planes,
    help="Only what is in this colour plane: R, Gr, Gb or B; of X-Trans R, Gs, Gp or B; or mono. Can be given several "
    "times.",
)
@click.option(
    "--since",
    metavar="DATE",
    callback=_parsed(parse_day),
    help="Only what was seen first on DATE or later, such as 2010-05-02, 2010-05 or 2010; nothing that was there from "
    "the start.",
)
@click.option(
    "--sort",
    type=click.Choice(list(ORDERS)),
    default=_SCORE,
    show_default=True,
    help="Order of the defects: by evidence; dark current, offset or response, largest first; first seen, latest "
    "first; kind; or place, from top to bottom.",
)
@click.option(
    "--visible",
    "shutter_s",
    metavar="TIME",
    callback=_parsed(parse_shutter),
    help="Only the defects that clearly exceed the noise (3 sigma) at this shutter time, such as 1/60 or 30 (seconds).",
)
@click.option("--iso", type=click.IntRange(1, 10_000_000), help="ISO that goes with --visible.  [default: 100]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with the keys of the map file, for scripts.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, a line for each column, row and defect.")
@click.option(
    "--picture/--no-picture",
    default=None,
    help="Print a small picture of the sensor, in block characters.  [default: on a terminal]",
)
def show_command(
    map_file: Path,
    *,
    every: bool,
    kinds: tuple[str, ...],
    planes: tuple[str, ...],
    since: date | None,
    sort: str,
    shutter_s: float | None,
    iso: int | None,
    as_json: bool,
    as_csv: bool,
    picture: bool | None,
) -> None:
    """Print a summary of MAP and its strongest defects.

    --visible assumes the noise of an ordinary 12-bit camera: 1 DN of read noise at ISO 100 and photon noise of 8
    electrons a DN; in a shadow of 100 DN for bright defects, in a grey of 700 DN for dark ones. Defects whose strength
    is unknown are shown. A map made from JPEGs has no strengths, and is refused.

    --json and --csv print every entry that was chosen.
    """
    if iso is not None and shutter_s is None:
        msg = "--iso needs --visible"
        raise click.UsageError(msg)
    form = script_form(as_json=as_json, as_csv=as_csv)
    sensor_map = read_map(map_file)
    choice = Choice(tuple(DefectKind(kind) for kind in kinds), planes, since)
    check_order(sensor_map, sort)
    chosen, texts = choice.of(sensor_map), [choice.text()]
    if shutter_s is not None:
        chosen = chosen.part(visible_defects(chosen, shutter_s=shutter_s, iso=iso or 100))
        texts.append(visible_title(shutter_s=shutter_s, iso=iso or 100))
    if form is not None:
        _print_for_scripts(chosen, form, sort)
        return
    from rich.console import Console  # noqa: PLC0415 - takes longer to import than --help may take

    from sensormap.cli.render import show_map  # noqa: PLC0415

    console, title = Console(), chosen_title(len(chosen.defects), len(sensor_map.defects), *texts)
    picture = console.is_terminal if picture is None else picture
    show_map(chosen, console, limit=None if every else 20, title=title, by=sort, picture=picture)


def _print_for_scripts(chosen: SensorMap, form: str, sort: str) -> None:
    from sensormap.report.listing.machine import map_csv, map_json  # noqa: PLC0415

    # By place unless the user sorts, as in the map file.
    by = "place" if sort == _SCORE and _is_default("sort") else sort
    write_result({"json": map_json, "csv": map_csv}[form](chosen, by=by))


def _is_default(option: str) -> bool:
    """Tell whether the user left an option out."""
    return click.get_current_context().get_parameter_source(option) == click.core.ParameterSource.DEFAULT
