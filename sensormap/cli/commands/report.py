"""`sensormap report`: a map as a page for a browser."""

from __future__ import annotations

from pathlib import Path

import click

from sensormap.cli.options import ResultPath, command_text, examples, map_argument
from sensormap.cli.streams import tell_written, write_result


@click.command("report", epilog=examples("sensormap report d80.yaml -o d80.html"))
@map_argument
@click.option("-o", "--output", type=ResultPath(), required=True, help="HTML file to write, - to stdout.")
@click.option("--overwrite", is_flag=True, help="Replace the output file if it is such a report, or empty.")
@click.pass_context
def report_command(context: click.Context, map_file: Path, *, output: Path, overwrite: bool) -> None:
    """Write MAP as an HTML page for any browser.

    The page is one file that needs no other and no network: the sensor, its defects as a table to sort and filter, and
    what the map tells of exposures, onsets and certainty. Pictures of the defects and their values over time come from
    photos, which this command does not read: map --report keeps them.
    """
    from sensormap.assemble.details.values import DetailedMap  # noqa: PLC0415
    from sensormap.maps.mapfile.reading import read_map  # noqa: PLC0415 - takes longer to import than --help may take
    from sensormap.report.page.document import report_page  # noqa: PLC0415
    from sensormap.report.page.writing import check_report_output, write_report  # noqa: PLC0415

    command = command_text(context)
    if output == Path("-"):
        write_result(report_page(DetailedMap(read_map(map_file)), command=command, name=map_file.name))
        return
    check_report_output(output, overwrite=overwrite)
    write_report(read_map(map_file), output, command=command, name=map_file.name, overwrite=overwrite)
    tell_written(output)
