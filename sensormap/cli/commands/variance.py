"""`sensormap variance`: mean and variance of every photosite over some photos."""

from __future__ import annotations

from pathlib import Path

import click

from sensormap.cli.console import configure_log
from sensormap.cli.options import (
    ResultPath,
    complete_files,
    decoder_option,
    examples,
    jobs_option,
    profile_option,
    quiet_option,
    serial_option,
    verbose_option,
)
from sensormap.cli.progress import progress_bar


@click.command("variance", epilog=examples("sensormap variance ~/Pictures/d80 -o variance.fits"))
@click.argument("photos", nargs=-1, required=True, shell_complete=complete_files)
@click.option(
    "-o",
    "--output",
    type=ResultPath(fits=True),
    help="File to write: .fits (pip install 'sensormap[astro]'), .npz or .tif. It can be left out with --lowest.",
)
@click.option("--overwrite", is_flag=True, help="Replace the output file if it is such a file, or empty.")
@click.option(
    "--lowest",
    type=click.IntRange(1, 1_000_000),
    metavar="N",
    help="Print the N values that changed least: (row, column, channel) and the sum of squared deviations from the "
    "mean.",
)
@profile_option
@serial_option
@jobs_option
@decoder_option
@click.option("--strict", is_flag=True, help="Stop at the first photo that cannot be used.")
@verbose_option
@quiet_option
def variance_command(
    photos: tuple[str, ...],
    output: Path | None,
    *,
    overwrite: bool,
    lowest: int | None,
    profile: str | None,
    serial: str | None,
    jobs: int | None,
    decoder: str,
    strict: bool,
    verbose: int,
    quiet: int,
) -> None:
    """Measure mean and variance of every photosite over PHOTOS.

    PHOTOS are chosen as by map, and those that cannot be used are skipped. Raw photos are measured where there are
    any, on the raw grid; else JPEGs, each of their three colours by itself. A photosite that hardly changes from photo
    to photo is stuck, dead, or saturated by its own dark current; map finds these and all other kinds, with
    fewer false ones.
    """
    from sensormap.decode.quiet import native_stderr_silenced  # noqa: PLC0415 - take a second, --help does not
    from sensormap.report.words import counted, plain  # noqa: PLC0415
    from sensormap.settings import Options  # noqa: PLC0415
    from sensormap.survey.memory import keep_no_frames  # noqa: PLC0415
    from sensormap.variance.measure import measure_variance  # noqa: PLC0415
    from sensormap.variance.writing import check_variance_output, write_variance  # noqa: PLC0415

    verbosity = verbose - quiet
    configure_log(verbosity)
    if output is None and lowest is None:
        msg = "--output or --lowest is needed: otherwise nothing is done with the result"
        raise click.UsageError(msg)
    if output is not None:
        check_variance_output(output, overwrite=overwrite)
    options = Options(profile=profile, serial=serial, jobs=jobs, decoder=decoder, strict=strict)
    keep_no_frames()
    with native_stderr_silenced(), progress_bar(verbosity, "measuring") as progress:
        variance = measure_variance(photos, options, progress=progress)
    for row, col, channel, squares in variance.lowest(lowest or 0):
        click.echo(f"({row}, {col}, {channel}) {squares:.4f}")
    if output is not None:
        write_variance(variance, output, overwrite=overwrite)
        if verbosity >= 0:
            click.echo(f"mean and variance over {counted(variance.frames, 'photo')} written to {plain(str(output))}")
