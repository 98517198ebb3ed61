"""A table of plain text, and its lines; how they look on a terminal is the command line's business."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import zip_longest
from textwrap import wrap

_FOLDED = 20  # characters into which text is folded at least


@dataclass(frozen=True)
class Table:
    """Rows of text under a header; the columns of `right` are aligned to the right.

    `note` is a line below: what the table leaves out, or what it says without rows. `spare` names columns to go
    without where lines would be too long, the first of them first.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: frozenset[int] = frozenset()
    note: str = ""
    spare: tuple[str, ...] = ()


def table_lines(table: Table, *, width: int = 80) -> list[str]:
    r"""Return a table's header and rows as aligned lines, without its title and note.

    Parameters
    ----------
    table
        The table; if it has no rows there are no lines either.
    width
        Characters a line may have. To fit, a last column of long text is folded; where the last one is short, all
        columns move nearer, one blank apart instead of two. If that does not help, the spare ones are left out, and
        then other text is folded too, between its words.

    Returns
    -------
    list of str
        The header first, unless it is empty.

    Examples
    --------
    >>> print(*table_lines(Table("", ("x", "kind"), (("12", "hot"), ("7", "weak")), right=frozenset({0}))), sep="\n")
     x  kind
    12  hot
     7  weak
    """
    head, body = head_and_body(table, width=width)
    return [*head, *body]


def head_and_body(table: Table, *, width: int) -> tuple[list[str], list[str]]:
    """Return the lines of a table's header, none where it is empty, and those of its rows: as `table_lines` does."""
    if not table.rows:
        return [], []
    rows = (table.header, *table.rows) if any(table.header) else table.rows
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    gaps = len(widths) - 1
    folds = gaps not in table.right and widths[-1] > _FOLDED
    least = sum(widths[:-1]) + (2 * gaps + _FOLDED if folds else widths[-1] + gaps)
    spare = next((name for name in table.spare if name in table.header), "")
    if spare and least > width:
        return head_and_body(_without(table, table.header.index(spare)), width=width)
    gap = " " if least > width or (not folds and sum(widths) + 2 * gaps > width) else "  "
    room = width - gaps * len(gap)
    if folds:
        widths[-1] = max(min(widths[-1], room - sum(widths[:-1])), _FOLDED)
    if sum(widths) > room:
        widths = _narrowed(table, widths, room)
    form = gap.join(f"{{:{'>' if i in table.right else '<'}{w}}}" for i, w in enumerate(widths))
    parts = [_lines_of(form, row, widths) for row in rows]
    count = len(rows) - len(table.rows)
    return [line for part in parts[:count] for line in part], [line for part in parts[count:] for line in part]


def _narrowed(table: Table, widths: list[int], room: int) -> list[int]:
    """Return widths of columns that fit into so many characters, where folds between words of text and heads do it."""
    least = []
    for i, (name, *cells) in enumerate(zip(table.header, *table.rows, strict=True)):
        whole = cells if i in table.right else [word for cell in cells for word in cell.split()]
        least.append(max(map(len, (*name.split(), *whole)), default=0))
    if sum(map(min, widths, least)) > room:
        return widths
    narrowed = list(widths)
    while sum(narrowed) > room:
        can = [i for i, width in enumerate(narrowed) if width > least[i]]
        narrowed[max(can, key=lambda i: narrowed[i])] -= 1
    return narrowed


def _lines_of(form: str, row: tuple[str, ...], widths: list[int]) -> list[str]:
    """Return the lines of a row: one, unless a cell is folded."""
    if all(len(cell) <= width for cell, width in zip(row, widths, strict=True)):
        return [form.format(*row).rstrip()]
    folds = [wrap(cell, max(width, 1), break_on_hyphens=False) for cell, width in zip(row, widths, strict=True)]
    return [form.format(*parts).rstrip() for parts in zip_longest(*folds, fillvalue="")]


def _without(table: Table, place: int) -> Table:
    """Return a table without one of its columns."""
    return replace(
        table,
        header=table.header[:place] + table.header[place + 1 :],
        rows=tuple(row[:place] + row[place + 1 :] for row in table.rows),
        right=frozenset(i - (i > place) for i in table.right if i != place),
    )
