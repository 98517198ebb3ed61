"""`sensormap schema`: the JSON Schema of the map file."""

from __future__ import annotations

import json
from pathlib import Path

import click

from sensormap.cli.options import ResultPath, examples
from sensormap.cli.streams import tell_written, write_result


@click.command("schema", epilog=examples("sensormap schema -o sensormap-1.schema.json"))
@click.option("-o", "--output", type=ResultPath(), help="JSON file to write; - or none: to stdout.")
@click.option("--overwrite", is_flag=True, help="Replace the output file if it is a JSON Schema, or empty.")
def schema_command(*, output: Path | None, overwrite: bool) -> None:
    """Write the JSON Schema of map files.

    Save it as sensormap-1.schema.json beside your maps: their second line names that file, and editors that know YAML
    then explain and check them. Other programs can check maps by it, too.
    """
    from sensormap.maps.mapfile.schema import map_schema  # noqa: PLC0415
    from sensormap.output import unless_opening, write_atomically  # noqa: PLC0415

    text = json.dumps(map_schema(), indent=2) + "\n"
    if output in (None, Path("-")):
        write_result(text)
        return
    objection = unless_opening(b'{\n  "$schema"', "JSON Schema")
    write_atomically(text.encode(), output, overwrite=overwrite, objection=objection)
    tell_written(output)
