"""How the tables of `sensormap.report` look on a terminal; in a pipe the same text without colours."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from textwrap import fill

from rich.color import ColorSystem
from rich.console import Console
from rich.style import Style
from rich.text import Text

from sensormap.maps.sensor_map import SensorMap
from sensormap.report.entries import column_table, defect_table, row_table
from sensormap.report.palette import LETTERS, TERMINAL_COLOURS
from sensormap.report.summary import facts_table, kind_table, skipped_table
from sensormap.report.table import Table, head_and_body
from sensormap.report.thumbnail import Thumbnail, thumbnail

_KIND = re.compile(rf"\b(?:{'|'.join(TERMINAL_COLOURS)})\b")
_ASCII = str.maketrans("▘▝▀▖▌▞▛▗▚▐▜▄▙▟█░▒▓╭╮╰╯─│·", "''\":[/[.\\]].[]#.:*++++-|.")


def show_map(
    sensor_map: SensorMap,
    console: Console,
    *,
    limit: int | None = 20,
    title: str = "",
    by: str = "score",
    picture: bool = False,
) -> None:
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
    by
        Order of the defects, one of `report.listing.order.ORDERS`.
    picture
        Whether to print a thumbnail of the sensor too.
    """
    print_table(facts_table(sensor_map), console)
    kinds = kind_table(sensor_map)
    if picture:
        console.print()
        print_thumbnail(thumbnail(sensor_map, width=console.width - 2), console)
    tables = (
        replace(kinds, title=title, note="" if kinds.rows else "There is none.")
        if title
        else kinds,
        column_table(sensor_map),
        row_table(sensor_map),
        defect_table(sensor_map, limit=limit, by=by),
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
    """Print one table under its title, with its note below; kinds of defects have colours.

    Parameters
    ----------
    table
        What to print; its text is never taken for markup.
    console
        Where to, and how wide.
    """
    print_text(table.title, console, style="bold")
    head, body = head_and_body(table, width=console.width)
    for line in head:
        console.print(Text(line, style="dim"), soft_wrap=True)
    if body:
        text = "\n".join(body)
        if "kind" in table.header and (system := _colours(console)):
            text = _KIND.sub(lambda word: _coloured(word[0], word[0], system), text)
        # As one piece: rich's own tables measure every cell, which takes half a minute for 50 000 rows.
        console.out(text, highlight=False)
    print_text(table.note, console)


def print_text(text: str, console: Console, *, style: str = "") -> None:
    """Print text, its lines folded between words; nothing of nothing. rich's own folds leave blanks at their ends."""
    for line in text.splitlines():
        folded = fill(line, console.width, break_on_hyphens=False, break_long_words=False)
        console.print(Text(folded, style=style), soft_wrap=True)


def print_thumbnail(picture: Thumbnail, console: Console) -> None:
    """Print a small picture of a sensor in a frame, and below what its colours mean, or without colours its letters.

    Parameters
    ----------
    picture
        What to print.
    console
        Where to. Where its encoding has no block characters, others take their place.
    """
    system = _colours(console)
    across = len(picture.cells[0])
    lines = ["╭" + "─" * across + "╮"]
    for cells in picture.cells:
        lines.append("│" + "".join(_sign(char, kind, picture, system) for char, kind in cells) + "│")
    lines.append("╰" + "─" * across + "╯")
    if system or not picture.shaded:
        # Of the width that the picture has, or the longest word; blanks within a name do not break it.
        names = [f"{'█' if system else LETTERS[kind]}\xa0{kind}" for kind in picture.kinds]
        text = fill((" " if system else "  ").join(names), max(across + 2, 18), break_on_hyphens=False)
        for name, kind in zip(names, picture.kinds, strict=True):
            shown = name.replace("\xa0", " ")
            text = text.replace(name, _coloured(shown, kind, system) if system else shown)
        lines.append(text)
    text = "\n".join(lines)
    console.out(text if _prints_blocks(console) else text.translate(_ASCII), highlight=False)
    if picture.shaded:
        print_text("The darker, the more defects.", console)


def _sign(char: str, kind: str, picture: Thumbnail, system: ColorSystem | None) -> str:
    """Return a character of a thumbnail as it is printed: in the kind's colour; without colours as its letter."""
    if not kind:
        return char
    if system:
        return _coloured(char, kind, system)
    return char if picture.shaded else LETTERS[kind]


def _prints_blocks(console: Console) -> bool:
    """Tell whether a console's encoding has block characters."""
    try:
        "▘█╭░".encode(console.encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _colours(console: Console) -> ColorSystem | None:
    """Return what colours a console shows; None for none, as in a pipe, or where ``NO_COLOR`` asks for none."""
    if console.color_system is None or console.no_color or console.legacy_windows:
        return None
    return ColorSystem.STANDARD  # the 16 whose shades are the user's own


@cache
def _coloured(text: str, kind: str, system: ColorSystem) -> str:
    """Return a text in the colour of a kind, as the codes of a terminal."""
    return Style.parse(TERMINAL_COLOURS[kind]).render(text, color_system=system)
