"""`sensormap evaluate`: how well the detection works on the user's own photos."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sensormap.cli.console import configure_log
from sensormap.cli.options import (
    ResultPath,
    complete_files,
    examples,
    follow_option,
    jobs_option,
    profile_option,
    quiet_option,
    serial_option,
    verbose_option,
)
from sensormap.cli.progress import progress_bar
from sensormap.cli.streams import tell_written, write_result

if TYPE_CHECKING:
    from sensormap.evaluation.counts import Evaluation


@click.command("evaluate", epilog=examples("sensormap evaluate ~/Pictures/d80 -o evaluation.yaml"))
@click.argument("photos", nargs=-1, required=True, shell_complete=complete_files)
@click.option("-o", "--output", type=ResultPath(), help="YAML file for the numbers; - for stdout.")
@click.option("--overwrite", is_flag=True, help="Replace the output file if it is an evaluation, or empty.")
@click.option("--count", type=click.IntRange(1, 10_000), default=250, show_default=True, help="Made-up defects.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Seed of the made-up defects.")
@profile_option
@serial_option
@jobs_option
@follow_option
@verbose_option
@quiet_option
def evaluate_command(
    photos: tuple[str, ...],
    output: Path | None,
    *,
    overwrite: bool,
    count: int,
    seed: int,
    profile: str | None,
    serial: str | None,
    jobs: int | None,
    follow: int,
    verbose: int,
    quiet: int,
) -> None:
    """Test on PHOTOS how well map works.

    Made-up defects are added to the decoded photos, in memory. The photos are mapped as by map, which does not know
    them; the report counts how many were found. The photos themselves are not changed. Only raw photos can be used,
    JPEGs are left out; a few photos of other cameras are skipped as by map. It takes twice as long as map.
    """
    from sensormap.decode.quiet import (  # noqa: PLC0415 - takes a second to import, --help does not
        native_stderr_silenced,
    )
    from sensormap.evaluation.run import evaluate  # noqa: PLC0415
    from sensormap.output import check_writable, unless_opening, write_atomically  # noqa: PLC0415
    from sensormap.report.evaluation import OPENING, evaluation_text  # noqa: PLC0415
    from sensormap.settings import Options  # noqa: PLC0415

    verbosity = verbose - quiet
    configure_log(verbosity)
    to_stdout = output == Path("-")
    unless_evaluation = unless_opening(OPENING, "evaluation")
    if output is not None and not to_stdout:
        check_writable(output, overwrite=overwrite, objection=unless_evaluation)
    options = Options(profile=profile, serial=serial, jobs=jobs, follow=follow)
    with native_stderr_silenced(), progress_bar(verbosity) as progress:
        evaluation = evaluate(photos, options, progress=progress, count=count, seed=seed)
    if to_stdout:
        write_result(evaluation_text(evaluation))
        return
    if output is not None:
        content = evaluation_text(evaluation).encode()
        write_atomically(content, output, overwrite=overwrite, objection=unless_evaluation)
    _print(evaluation)
    if output is not None and verbosity >= 0:
        tell_written(output)


def _print(evaluation: Evaluation) -> None:
    from rich.console import Console  # noqa: PLC0415

    from sensormap.cli.render import print_tables  # noqa: PLC0415
    from sensormap.report.evaluation import evaluation_tables  # noqa: PLC0415

    print_tables(evaluation_tables(evaluation), Console())
