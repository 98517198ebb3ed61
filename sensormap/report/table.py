"""A table of plain text, and its lines; how they look on a terminal is the command line's business."""

from __future__ import annotations

from dataclasses import dataclass, replace
from textwrap import TextWrapper

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
        Characters a line may have. To fit, a last column of text is folded; where the last is of numbers, all columns
        move nearer, one blank apart instead of two, and if that does not help the spare ones are left out.

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
    if not table.rows:
        return []
    rows = (table.header, *table.rows) if any(table.header) else table.rows
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    gaps = len(widths) - 1
    folds = gaps not in table.right
    least = sum(widths[:-1]) + 2 * gaps + min(widths[-1], _FOLDED) if folds else sum(widths) + gaps
    gap = " " if not folds and sum(widths) + 2 * gaps > width else "  "
    spare = next((name for name in table.spare if name in table.header), "")
    if spare and least > width:
        return table_lines(_without(table, table.header.index(spare)), width=width)
    if folds:
        widths[-1] = 0  # nothing stands to the right of it
    form = gap.join(f"{{:{'>' if i in table.right else '<'}{w}}}" for i, w in enumerate(widths))
    lines = [form.format(*row) for row in rows]
    indent = sum(widths[:-1]) + 2 * gaps
    if not folds or max(map(len, lines)) <= width or indent > width - _FOLDED:
        return lines
    fold = TextWrapper(width=width - indent).wrap
    return [line for row in rows for line in _folded(form, row[:-1], fold(row[-1]))]


def _without(table: Table, place: int) -> Table:
    """Return a table without one of its columns."""
    return replace(
        table,
        header=table.header[:place] + table.header[place + 1 :],
        rows=tuple(row[:place] + row[place + 1 :] for row in table.rows),
        right=frozenset(i - (i > place) for i in table.right if i != place),
    )


def _folded(form: str, cells: tuple[str, ...], folds: list[str]) -> list[str]:
    """Return the lines of a row whose last cell takes several."""
    blank = ("",) * len(cells)
    return [form.format(*(blank if i else cells), part) for i, part in enumerate(folds or [""])]
