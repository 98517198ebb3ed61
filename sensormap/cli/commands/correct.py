"""`sensormap correct`: photos and a map in, repaired copies of the photos out."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sensormap.cli.console import Failure, configure_log
from sensormap.cli.options import complete_files, examples, jobs_option, map_argument, table_quiet_option
from sensormap.cli.progress import progress_bar
from sensormap.correct.methods.registry import DIRECTIONAL, JPEG_METHODS, LEAST_LONE_SIGMA, METHODS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sensormap.correct.run import CorrectedPhoto, CorrectOptions
    from sensormap.frame import Skipped

_WIDTH = max(map(len, METHODS))
_ROWS = [f"  {name:{_WIDTH}}  {method.description}" for name, method in METHODS.items()]
_METHODS = "\n".join(("\b", "Methods, and the value that a defective photosite gets:", *_ROWS))  # \b: kept as it is

_EXAMPLES = examples(
    "sensormap correct d80.yaml ~/Pictures/d80 -o fixed/", "sensormap correct d80.yaml DSC_0001.NEF -o fixed/ --dry-run"
)


def _finite(_: click.Context, __: click.Parameter, value: float | None) -> float | None:
    """Refuse what is no number, which click's range lets pass."""
    if value is not None and not math.isfinite(value):
        msg = f"{value} is not in the range x>={LEAST_LONE_SIGMA}."
        raise click.BadParameter(msg)
    return value


@click.command("correct", epilog=f"{_METHODS}\n\n{_EXAMPLES}")
@map_argument
@click.argument("photos", nargs=-1, required=True, shell_complete=complete_files)
@click.option("-o", "--output", metavar="FOLDER", help="Folder for the corrected copies; made if it does not exist.")
@click.option("--overwrite", is_flag=True, help="Replace corrected copies in FOLDER; never another file.")
@click.option(
    "--method",
    type=click.Choice(list(METHODS)),
    default=DIRECTIONAL,
    show_default=True,
    help=f"New value of a photosite, see Methods below. JPEGs: {' or '.join(JPEG_METHODS)}.",
)
@click.option(
    "--all",
    "all_defects",
    is_flag=True,
    help="Repair every mapped defect, also those that appeared later, have healed, or are invisible at this exposure.",
)
@click.option(
    "--also-lone",
    type=click.FloatRange(LEAST_LONE_SIGMA),
    callback=_finite,
    metavar="SIGMA",
    help="Repair also lone bright photosites that are in no map, as cosmic rays leave them, from so many sigma of the "
    "photo's noise, 8 at least; 20 is careful. Raw photos only.",
)
@click.option("--dng", is_flag=True, help="Write every raw photo as a new DNG, also one that could stay.")
@click.option(
    "--opcodes",
    is_flag=True,
    help="Write DNGs that repair nothing, but list the photosites that the raw developer is to interpolate.",
)
@click.option(
    "--check", is_flag=True, help="Write nothing; try the methods on healthy photosites and print how far off they are."
)
@click.option(
    "--dry-run", is_flag=True, help="Write nothing; list what would be repaired in each photo, as which file."
)
@click.option(
    "--force",
    is_flag=True,
    help="Correct photos of another serial number too, or of an unknown one; never of another model.",
)
@click.option(
    "--print0",
    is_flag=True,
    help="Print for scripts, in place of the table: each photo and its copy, each ended by a zero byte.",
)
@jobs_option
@click.option(
    "-v", "--verbose", count=True, help="Print more on stderr: -v a line for each photo, -vv everything."
)
@table_quiet_option
def correct_command(
    map_file: Path,
    photos: tuple[str, ...],
    *,
    output: str | None,
    overwrite: bool,
    method: str,
    all_defects: bool,
    also_lone: float | None,
    dng: bool,
    opcodes: bool,
    check: bool,
    dry_run: bool,
    force: bool,
    print0: bool,
    jobs: int | None,
    verbose: int,
    quiet: int,
) -> None:
    """Write repaired copies of PHOTOS, without the defects of MAP.

    PHOTOS are files, folders (searched recursively) and patterns, in any mix; they stay as they are. A copy of a
    compressed NEF or of a DNG is one in which only defective photosites differ. A copy of any other raw photo is a new
    DNG. A copy of a JPEG is a JPEG in which only the blocks around defects differ. A defect is left alone in photos
    taken before it appeared or after it healed, and in those at whose exposure it is invisible. Exit code 1 if a photo
    could not be corrected.
    """
    if bool(output) == check or output == "":
        missing = "Missing option '-o' / '--output': FOLDER, where corrected photos go; only --check needs none"
        msg = "--check writes nothing: leave -o out" if check else missing
        raise click.UsageError(msg)
    if check and dry_run:
        msg = "--check and --dry-run both write nothing: leave one out"
        raise click.UsageError(msg)
    if print0 and (check or dry_run):
        msg = f"--print0 names copies that are written: leave {'--check' if check else '--dry-run'} out"
        raise click.UsageError(msg)
    if check and also_lone is not None:
        msg = "--check repairs healthy photosites only: leave --also-lone out"
        raise click.UsageError(msg)
    if method != DIRECTIONAL and (check or opcodes):
        why = "--check, which tries them all" if check else "--opcodes, which uses none"
        msg = f"--method {method} does not go with {why}"
        raise click.UsageError(msg)
    from sensormap.correct.run import CorrectOptions  # noqa: PLC0415 - takes a second to import, --help does not

    verbosity = verbose - quiet
    configure_log(verbosity)
    options = CorrectOptions(
        method, all_defects=all_defects, dng=dng, opcodes=opcodes, force=force, overwrite=overwrite, jobs=jobs,
        also_lone=also_lone,
    )  # fmt: skip
    folder = Path(output) if output else None
    _run(map_file, photos, folder, options, dry_run=dry_run, print0=print0, verbosity=verbosity)


def _run(
    map_file: Path,
    photos: tuple[str, ...],
    output: Path | None,
    options: CorrectOptions,
    *,
    dry_run: bool,
    print0: bool,
    verbosity: int,
) -> None:
    """Correct the photos, or plan that, or without an output check repairs in them; print what came of it."""
    from rich.console import Console  # noqa: PLC0415

    from sensormap.cli.render import print_table  # noqa: PLC0415
    from sensormap.correct.check_repairs import check_repairs  # noqa: PLC0415
    from sensormap.correct.plan import plan_corrections  # noqa: PLC0415
    from sensormap.correct.run import correct_photos  # noqa: PLC0415
    from sensormap.decode.quiet import native_stderr_silenced  # noqa: PLC0415
    from sensormap.maps.mapfile.reading import read_map  # noqa: PLC0415
    from sensormap.photos.refusals import Refusals  # noqa: PLC0415
    from sensormap.report.corrections import corrected_table, plan_table, quality_table  # noqa: PLC0415

    doing = "checking" if output is None else "planning" if dry_run else "correcting"
    sensor_map, refusals = read_map(map_file), Refusals(strict=False)
    corrected: Sequence[CorrectedPhoto] = ()

    def on_skipped(photo: Skipped) -> None:
        refusals.extend([photo])

    with native_stderr_silenced(), progress_bar(verbosity, doing) as progress:
        if output is None:
            force, jobs = options.force, options.jobs
            check = check_repairs(photos, sensor_map, force=force, jobs=jobs, progress=progress, on_skipped=on_skipped)
            table = quality_table(check)
        elif dry_run:
            planned = plan_corrections(photos, sensor_map, output, options, progress=progress, on_skipped=on_skipped)
            table = plan_table(planned)
        else:
            corrected = correct_photos(photos, sensor_map, output, options, progress=progress, on_skipped=on_skipped)
            table = corrected_table(corrected)
    if print0:
        places = (path for one in corrected for path in (one.source, one.output))
        click.echo(b"".join(os.fsencode(path) + b"\0" for path in places), nl=False)
    elif verbosity >= 0 or output is None or dry_run:
        print_table(table, Console())
    if refusals.skipped:
        count = len(refusals.skipped)
        noun = "photo" if count == 1 else "photos"
        could = "cannot" if dry_run else "could not"
        msg = f"{count} {noun} {could} be corrected; the reason is above"
        raise Failure(msg)
