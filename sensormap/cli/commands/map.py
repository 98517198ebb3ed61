"""`sensormap map`: photos in, a defect map out."""

from __future__ import annotations

from pathlib import Path

import click

from sensormap.cli.console import configure_log, progress_bar
from sensormap.cli.options import (
    decoder_option,
    follow_option,
    jobs_option,
    profile_option,
    quiet_option,
    serial_option,
    verbose_option,
)

_FEW_THREADS = 2  # more than these trade a little time for memory


@click.command("map")
@click.argument("photos", nargs=-1, required=True)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Map file to write; - or none: YAML to stdout.")
@click.option("--overwrite", is_flag=True, help="Replace the output file if it is a map, or empty.")
@profile_option
@serial_option
@jobs_option
@follow_option
@click.option("--no-follow", is_flag=True, help="Leave out the second pass: faster, less certain, without strengths.")
@decoder_option
@click.option("--strict", is_flag=True, help="Stop at the first photo that cannot be used.")
@verbose_option
@quiet_option
def map_command(
    photos: tuple[str, ...],
    output: Path | None,
    *,
    overwrite: bool,
    profile: str | None,
    serial: str | None,
    jobs: int | None,
    follow: int,
    no_follow: bool,
    decoder: str,
    strict: bool,
    verbose: int,
    quiet: int,
) -> None:
    """Find the defects of the sensor that took PHOTOS.

    PHOTOS are files, folders (searched recursively) and patterns, in any mix. Photos that cannot be used are named on
    stderr and listed in the map; they never end the run. A few photos of another camera are left out in the same way:
    few means a single one, or at most a fifth as many as those of the camera that took most. If there are more, the run
    ends with a list of the cameras; choose one by --serial or --profile.
    """
    from rich.console import Console  # noqa: PLC0415 - these take a second to import, --help does not

    from sensormap.cli.render import show_map  # noqa: PLC0415
    from sensormap.decode.quiet import native_stderr_silenced  # noqa: PLC0415
    from sensormap.maps.mapfile.writing import check_output, map_text, write_map  # noqa: PLC0415
    from sensormap.report.words import plain  # noqa: PLC0415
    from sensormap.settings import Options  # noqa: PLC0415
    from sensormap.survey.memory import keep_no_frames  # noqa: PLC0415
    from sensormap.survey.run import map_defects  # noqa: PLC0415

    verbosity = verbose - quiet
    configure_log(verbosity)
    if output == Path("-"):
        output = None
    if output is not None:
        check_output(output, overwrite=overwrite)
    followed = 0 if no_follow else follow
    options = Options(profile=profile, serial=serial, jobs=jobs, strict=strict, follow=followed, decoder=decoder)
    if options.threads > _FEW_THREADS:
        keep_no_frames()
    with native_stderr_silenced(), progress_bar(verbosity) as progress:
        sensor_map = map_defects(photos, options, progress=progress)
    if output is None:
        click.echo(map_text(sensor_map), nl=False)
        return
    write_map(sensor_map, output, overwrite=overwrite)
    if verbosity >= 0:
        show_map(sensor_map, Console())
        click.echo(f"\nwritten to {plain(str(output))}")
