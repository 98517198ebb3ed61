"""`sensormap plot`: a map, or a photo with its defects, as a picture."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sensormap.cli.console import configure_log
from sensormap.cli.options import (
    PicturePath,
    complete_files,
    examples,
    jobs_option,
    map_argument,
    profile_option,
    quiet_option,
    state_option,
    verbose_option,
)
from sensormap.cli.progress import progress_bar
from sensormap.cli.streams import tell_written
from sensormap.errors import FrameMismatchError
from sensormap.output import check_writable, write_atomically

if TYPE_CHECKING:
    from sensormap.maps.sensor_map import SensorMap

# As `plots.of_map` has them, which takes long to import; a test compares.
_SENSOR, _SERIES = "sensor", "series"
KINDS = (_SENSOR, "scores", "timeline", "growth", "dark", _SERIES)
_PLACE = re.compile(r"([0-9]{1,6})\s*,\s*([0-9]{1,6})")


def _places(context: click.Context, option: click.Parameter, texts: tuple[str, ...]) -> tuple[tuple[int, int], ...]:
    """Return the photosites that were named."""
    found = []
    for text in texts:
        match = _PLACE.fullmatch(text.strip())
        if match is None:
            msg = f"{text[:40]!r} is no place such as 911,593"
            raise click.BadParameter(msg, context, option)
        found.append((int(match[1]), int(match[2])))
    return tuple(found)


@click.command(
    "plot",
    epilog=examples(
        "sensormap plot d80.yaml -o d80.png",
        "sensormap plot d80.yaml --kind timeline -o timeline.pdf",
        "sensormap plot d80.yaml --kind series ~/Pictures/d80 -o series.svg",
        "sensormap plot d80.yaml --on DSC_0001.NEF -o marked.png",
    ),
)
@map_argument
@click.argument("photos", nargs=-1, shell_complete=complete_files)
@click.option(
    "-o",
    "--output",
    type=PicturePath(),
    required=True,
    help="Picture to write: .png, .svg or .pdf.",
)
@click.option("--overwrite", is_flag=True, help="Replace the picture if sensormap made it, or if it is empty.")
@click.option(
    "--kind",
    type=click.Choice(KINDS),
    default=_SENSOR,
    show_default=True,
    help="What to draw: where the defects lie; how strong the evidence is; when each appeared, or how many there were "
    "by when; dark currents; or what single defects showed in photos.",
)
@click.option(
    "--on", "photo", metavar="PHOTO", shell_complete=complete_files,
    help="Draw this photo with its defects marked, and pieces of it before and after repair.",
)  # fmt: skip
@click.option(
    "--at",
    metavar="X,Y",
    multiple=True,
    callback=_places,
    help="Defect of which --kind series shows the values. Can be given six times.  [default: the strongest, of each "
    "kind in turn]",
)
@profile_option
@state_option("Folder of map --state that has kept the values for --kind series, so that no photo is read.")
@click.option("--force", is_flag=True, help="Take a photo of another serial number for --on, or of an unknown one.")
@jobs_option
@verbose_option
@quiet_option
def plot_command(
    map_file: Path,
    photos: tuple[str, ...],
    *,
    output: Path,
    overwrite: bool,
    kind: str,
    photo: str | None,
    at: tuple[tuple[int, int], ...],
    profile: str | None,
    state: Path | None,
    force: bool,
    jobs: int | None,
    verbose: int,
    quiet: int,
) -> None:
    """Draw MAP, or a photo with the defects of MAP, as a picture.

    Pictures need matplotlib: pip install 'sensormap[plot]'. PHOTOS are for --kind series only: a map holds no single
    values, so the photos that it was made from are read again, unless --state names the folder that has kept them.
    """
    if photo is not None and (kind != _SENSOR or photos or at):
        msg = "--on draws one photo: leave --kind, --at and PHOTOS out"
        raise click.UsageError(msg)
    if (photos or at) and kind != _SERIES:
        msg = f"{'PHOTOS are' if photos else '--at is'} for --kind series"
        raise click.UsageError(msg)
    if force and photo is None:
        msg = "--force is for --on"
        raise click.UsageError(msg)
    from sensormap.maps.mapfile.reading import read_map  # noqa: PLC0415 - these take a second, --help does not
    from sensormap.plots.of_map import draw_map  # noqa: PLC0415
    from sensormap.plots.style import require_matplotlib, unless_picture  # noqa: PLC0415

    verbosity = verbose - quiet
    configure_log(verbosity)
    require_matplotlib()
    check_writable(output, overwrite=overwrite, objection=unless_picture)
    sensor_map, form = read_map(map_file), output.suffix.lower()[1:]
    if photo is not None:
        content = _photo_picture(photo, sensor_map, form, force=force)
    elif kind == _SERIES:
        content = _series_picture(sensor_map, photos, state, at, form, profile=profile, jobs=jobs, verbosity=verbosity)
    else:
        content = draw_map(sensor_map, kind, form)
    write_atomically(content, output, overwrite=overwrite, objection=unless_picture)
    if verbosity >= 0:
        tell_written(output)


def _photo_picture(photo: str, sensor_map: SensorMap, form: str, *, force: bool) -> bytes:
    """Return the picture of a photo with its defects."""
    from sensormap.correct.preview import preview_repair  # noqa: PLC0415
    from sensormap.correct.run import CorrectOptions  # noqa: PLC0415
    from sensormap.decode.quiet import native_stderr_silenced  # noqa: PLC0415
    from sensormap.plots.on_photo import draw_repair  # noqa: PLC0415

    with native_stderr_silenced():
        repaired = preview_repair(photo, sensor_map, CorrectOptions(force=force))
    return draw_repair(repaired, form)


def _series_picture(
    sensor_map: SensorMap,
    photos: tuple[str, ...],
    state: Path | None,
    at: tuple[tuple[int, int], ...],
    form: str,
    *,
    profile: str | None,
    jobs: int | None,
    verbosity: int,
) -> bytes:
    """Return the picture of what single defects showed."""
    from sensormap.decode.quiet import native_stderr_silenced  # noqa: PLC0415
    from sensormap.plots.series import draw_series  # noqa: PLC0415
    from sensormap.plots.style import map_title  # noqa: PLC0415
    from sensormap.plots.values import strongest, values_in_photos, values_in_state  # noqa: PLC0415
    from sensormap.report.words import counted  # noqa: PLC0415

    defects = strongest(sensor_map, at)
    if photos:
        with native_stderr_silenced(), progress_bar(verbosity, "reading") as progress:
            values = values_in_photos(photos, sensor_map, defects, profile=profile, jobs=jobs, progress=progress)
            kept = ""
    elif state is not None:
        values, kept = values_in_state(state, sensor_map, defects), " of which values were kept"
    else:
        msg = "a map holds no single values: name the photos that it was made from, or --state FOLDER of that run"
        raise FrameMismatchError(msg)
    return draw_series(values, form, title=map_title(sensor_map, f"{counted(len(values.exposures), 'photo')}{kept}"))
