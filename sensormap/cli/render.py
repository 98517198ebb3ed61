"""How the tables of `sensormap.report` look on a terminal; in a pipe the same text without colours."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from rich.console import Console
from rich.text import Text

from sensormap.maps.sensor_map import SensorMap
from sensormap.report.entries import column_table, defect_table, row_table
from sensormap.report.summary import facts_table, kind_table, skipped_table
from sensormap.report.table import Table, table_lines


def show_map(sensor_map: SensorMap, console: Console, *, limit: int | None = 20, title: str = "") -> None:
    """Print a map's summary and its defects.

    Parameters
    ----------
    sensor_map
        The map.
    console
        Where to; rich leaves colours out where it is no terminal.
    limit
        How many defects at most, strongest first; None for all.
    title
        What the defects are, where the map holds only some of all: stands in place of their number.
    """
    print_table(facts_table(sensor_map), console)
    kinds = kind_table(sensor_map)
    tables = (
        replace(kinds, title=title, note="" if kinds.rows else "None stands out there.") if title else kinds,
        column_table(sensor_map),
        row_table(sensor_map),
        defect_table(sensor_map, limit=limit),
        skipped_table(sensor_map),
    )
    for table in tables:
        if table.rows or table.note:
            console.print()
            print_table(table, console)


def print_tables(tables: Iterable[Table], console: Console) -> None:
    """Print tables with empty lines between them."""
    for i, table in enumerate(tables):
        if i:
            console.print()
        print_table(table, console)


def print_table(table: Table, console: Console) -> None:
    """Print one table under its title, with its note below.

    Parameters
    ----------
    table
        What to print; its text is never taken for markup.
    console
        Where to, and how wide.
    """
    if table.title:
        console.print(Text(table.title, style="bold"))
    lines = table_lines(table, width=console.width)
    if table.rows and any(table.header):
        console.print(Text(lines.pop(0), style="dim"), soft_wrap=True)
    if lines:
        # As one piece: rich's own tables measure every cell, which takes half a minute for 50 000 rows.
        console.out("\n".join(lines), highlight=False)
    if table.note:
        console.print(Text(table.note))
