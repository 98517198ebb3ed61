"""`sensormap map`: photos in, a defect map out, or one for each camera."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sensormap.cli.console import Failure, configure_log
from sensormap.cli.options import (
    ResultPath,
    check_result_name,
    command_text,
    complete_files,
    decoder_option,
    examples,
    follow_option,
    jobs_option,
    memory_option,
    profile_option,
    serial_option,
    state_option,
    table_quiet_option,
    verbose_option,
)
from sensormap.cli.progress import progress_bar
from sensormap.cli.streams import check_stdout, write_result
from sensormap.settings import DASK, ENGINES

if TYPE_CHECKING:
    from sensormap.assemble.details.values import DetailedMap
    from sensormap.settings import Options
    from sensormap.survey.bodies import AfterMap

_SEPARATORS = tuple(filter(None, ("/", os.sep, os.altsep)))


@click.command(
    "map",
    epilog=examples(
        "sensormap map ~/Pictures/d80 -o d80.yaml",
        "sensormap map ~/Pictures -o maps/ --state ~/.cache/sensormap",
        "sensormap map 'shoot/*.NEF' --dry-run",
    ),
)
@click.argument("photos", nargs=-1, required=True, shell_complete=complete_files)
@click.option(
    "-o",
    "--output",
    type=click.Path(readable=False),
    help="Map file to write; or a folder, one that is there or a name that ends in /, for a map of each camera; - or "
    "none: YAML to stdout.",
)
@click.option("--overwrite", is_flag=True, help="Replace the output file if it is a map, or empty.")
@profile_option
@serial_option
@jobs_option
@memory_option
@follow_option
@click.option("--no-follow", is_flag=True, help="Leave out the second pass: faster, less certain, without strengths.")
@decoder_option
@state_option("Keep in FOLDER what the photos show, so that the next run with it reads only new photos.")
@click.option("--fresh", is_flag=True, help="Drop first what --state has kept.")
@click.option(
    "--retry-skipped", is_flag=True, help="Try photos again that could not be used, though they have not changed."
)
@click.option(
    "--dry-run", is_flag=True, help="Map nothing: list how many photos would be read, and how many are known."
)
@click.option(
    "--engine",
    type=click.Choice(ENGINES),
    default=ENGINES[0],
    show_default=True,
    help="Who surveys the photos: threads of one process, or the workers of a Dask cluster (pip install "
    "'sensormap[dask]'). The map is the same.",
)
@click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="Dask scheduler to use, such as tcp://head:8786, with --state in a folder that all workers share.  [default: "
    "start --jobs workers on this machine]",
)
@click.option(
    "--variance",
    type=ResultPath(),
    metavar="FILE",
    help="Also write count, mean and variance of every photosite, as the command variance does, for one camera; the "
    "entries of the map then have theirs over all photos. Photos are decoded once more.",
)
@click.option(
    "--report",
    metavar="PAGE",
    help="Also write an HTML page that shows the map, with pictures of the strongest defects and their values over "
    "time; or, where the output is a folder, a folder for a page of each camera.",
)
@click.option("--strict", is_flag=True, help="Stop at the first photo that cannot be used.")
@verbose_option
@table_quiet_option
@click.pass_context
def map_command(
    context: click.Context,
    photos: tuple[str, ...],
    output: str | None,
    *,
    overwrite: bool,
    profile: str | None,
    serial: str | None,
    jobs: int | None,
    memory: int | None,
    follow: int,
    no_follow: bool,
    decoder: str,
    state: Path | None,
    fresh: bool,
    retry_skipped: bool,
    dry_run: bool,
    engine: str,
    scheduler: str | None,
    variance: Path | None,
    report: str | None,
    strict: bool,
    verbose: int,
    quiet: int,
) -> None:
    """Find the defects of the sensor that took PHOTOS.

    PHOTOS are files, folders (searched recursively) and patterns, in any mix, also by URL: https://..., s3://... (pip
    install 'sensormap[remote]'). Photos that cannot be used are named on stderr and listed in the map; they never end
    the run. A few photos of another camera are left out in the same way:
    few means a single one, or at most a fifth as many as those of the camera that took most. If there are more, the run
    ends with a list of the cameras; choose one by --serial or --profile.

    If the output is a folder, every camera that took enough photos is mapped, each into a file of its own there. Exit
    code 1 if one of them could not be mapped.
    """
    from sensormap.decode.quiet import native_stderr_silenced  # noqa: PLC0415 - take a second, --help does not
    from sensormap.settings import Options  # noqa: PLC0415
    from sensormap.survey.memory import keep_no_frames  # noqa: PLC0415

    verbosity = verbose - quiet
    configure_log(verbosity)
    followed = 0 if no_follow else follow
    if state is None and (fresh or retry_skipped):
        msg = f"{'--fresh' if fresh else '--retry-skipped'} needs --state"
        raise click.UsageError(msg)
    if scheduler is not None and (engine != DASK or state is None):
        what = "--state: a folder that its workers share" if engine == DASK else f"--engine {DASK}"
        msg = f"--scheduler needs {what}"
        raise click.UsageError(msg)
    options = Options(
        profile=profile, serial=serial, jobs=jobs, memory=memory, strict=strict, follow=followed, decoder=decoder,
        state=state, fresh=fresh, retry_skipped=retry_skipped, engine=engine, scheduler=scheduler,
    )  # fmt: skip
    if engine != DASK:  # whose shards are read here: as much memory as frames take, again and again
        keep_no_frames()
    is_folder = output is not None and os.path.isdir(output)  # noqa: PTH112 - False for what cannot be a name
    to_folder = output is not None and (output.endswith(_SEPARATORS) or is_folder)
    if to_folder and (dry_run or variance is not None):
        msg = f"{'--dry-run' if dry_run else '--variance'} is for one camera: name no folder by --output"
        raise click.UsageError(msg)
    page = None
    if report is not None:
        if dry_run:
            msg = "--dry-run maps nothing: there is nothing to --report"
            raise click.UsageError(msg)
        if not to_folder and (report.endswith(_SEPARATORS) or Path(report).is_dir()):
            msg = f"--report {report!r} is a folder, and --output is none: name a page, such as d80.html"
            raise click.UsageError(msg)
        if not to_folder:
            check_result_name(report)
        page = _Page(Path(report), command_text(context))
    with native_stderr_silenced():
        if dry_run:
            _plan(photos, options)
        elif output and to_folder:
            _map_each(photos, output, options, page, overwrite=overwrite, verbosity=verbosity)
        else:
            path = None
            if output is not None and output != "-":
                check_result_name(output)
                path = Path(output)
            _map_one(photos, path, options, variance, page, overwrite=overwrite, verbosity=verbosity)


@dataclass(frozen=True)
class _Page:
    """Where the report goes, a page or a folder of pages, and the command that it tells."""

    path: Path
    command: str


def _plan(photos: tuple[str, ...], options: Options) -> None:
    """Print what mapping one camera would read."""
    from rich.console import Console  # noqa: PLC0415

    from sensormap.cli.render import print_table  # noqa: PLC0415
    from sensormap.report.table import Table  # noqa: PLC0415
    from sensormap.report.words import counted, plain  # noqa: PLC0415
    from sensormap.survey.run import plan_map  # noqa: PLC0415

    shards = plan_map(photos, options)
    rows = tuple(
        (plain(one.first), plain(one.last), str(one.photos * (not one.known)), str(one.photos * one.known))
        for one in shards
    )
    print_table(Table("", ("first photo", "last photo", "to read", "known"), rows, right=frozenset({2, 3})), Console())
    known = sum(one.photos for one in shards if one.known)
    total = sum(one.photos for one in shards)
    click.echo(f"{counted(total - known, 'photo')} to read, {known} known")


def _map_one(
    photos: tuple[str, ...],
    output: Path | None,
    options: Options,
    variance: Path | None,
    page: _Page | None,
    *,
    overwrite: bool,
    verbosity: int,
) -> None:
    """Map one camera, into a file or to stdout; with a variance of every photosite, and a report, where asked for."""
    from rich.console import Console  # noqa: PLC0415

    from sensormap.cli.render import show_map  # noqa: PLC0415
    from sensormap.maps.changes.kept_edits import edited_map_at, with_kept_edits  # noqa: PLC0415
    from sensormap.maps.mapfile.writing import check_output, map_text, write_map  # noqa: PLC0415
    from sensormap.report.page.writing import check_report_output, write_report  # noqa: PLC0415
    from sensormap.report.words import plain  # noqa: PLC0415
    from sensormap.survey.run import map_defects, map_with_details  # noqa: PLC0415
    from sensormap.variance.measure import measure_variance  # noqa: PLC0415
    from sensormap.variance.writing import check_variance_output, write_variance  # noqa: PLC0415

    if output is None:
        check_stdout()
    else:
        check_output(output, overwrite=overwrite)
    if variance is not None:
        check_variance_output(variance, overwrite=overwrite)
    if page is not None:
        check_report_output(page.path, overwrite=overwrite)
    edited = edited_map_at(output)
    with progress_bar(verbosity) as progress:
        if page is None:
            sensor_map = map_defects(photos, options, progress=progress, on_candidates=progress.candidates)
        else:
            detailed = map_with_details(photos, options, progress=progress, on_candidates=progress.candidates)
            sensor_map = detailed.sensor_map
    sensor_map = with_kept_edits(sensor_map, edited)
    if variance is not None:
        with progress_bar(verbosity, "measuring") as progress:
            measured = measure_variance(photos, options, progress=progress, quiet=True)
        sensor_map = measured.of_entries(sensor_map)
        write_variance(measured, variance, overwrite=overwrite)
    if output is None:
        write_result(map_text(sensor_map))
    else:
        write_map(sensor_map, output, overwrite=overwrite)
    if page is not None:
        name = "" if output is None else output.name
        found = replace(detailed, sensor_map=sensor_map)
        write_report(found, page.path, command=page.command, name=name, overwrite=overwrite)
    if output is not None and verbosity >= 0:
        show_map(sensor_map, Console())
        click.echo(f"\nwritten to {plain(str(output))}")
        if page is not None:
            click.echo(f"report written to {plain(str(page.path))}")


def _map_each(
    photos: tuple[str, ...], folder: str, options: Options, page: _Page | None, *, overwrite: bool, verbosity: int
) -> None:
    """Map each camera, into a folder; with a report of each, where asked for."""
    from rich.console import Console  # noqa: PLC0415

    from sensormap.cli.render import print_tables  # noqa: PLC0415
    from sensormap.report.library import mapped_tables  # noqa: PLC0415
    from sensormap.survey.bodies import map_bodies  # noqa: PLC0415

    after_map = None if page is None else _reporting(page, overwrite=overwrite)
    with progress_bar(verbosity) as progress:
        maps = map_bodies(photos, folder, options, overwrite=overwrite, progress=progress, after_map=after_map)
    if verbosity >= 0:
        print_tables(mapped_tables(maps), Console())
    failed = sum(bool(one.problem) for one in maps.bodies)
    if failed or not maps.bodies:
        some = f"{failed} of {len(maps.bodies)} cameras could not be mapped"
        msg = some if failed else "no camera took enough photos"
        raise Failure(msg)


def _reporting(page: _Page, *, overwrite: bool) -> AfterMap:
    """Return what writes the report of a camera into a folder, which is made now."""
    from sensormap.report.page.writing import make_report_folder, write_report  # noqa: PLC0415

    folder = make_report_folder(page.path)

    def write(path: Path, found: DetailedMap) -> None:
        place = folder / f"{path.stem}.html"
        write_report(found, place, command=page.command, name=path.name, overwrite=overwrite)

    return write
