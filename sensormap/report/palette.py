"""What each kind of entry looks like, on paper, in pages and on terminals: one look, whatever shows it."""

from __future__ import annotations

from sensormap.history.records import KINDS

COLOURS = dict(
    zip(
        KINDS,
        ("#d55e00", "#e69f00", "#f0e442", "#000000", "#0072b2", "#009e73", "#332288", "#999933", "#cc79a7", "#56b4e9"),
        strict=True,
    )
)
"""Colours on white, as ``#rrggbb``; people who see no red and green tell them apart too (Okabe and Ito 2008)."""

TERMINAL_COLOURS = dict(
    zip(
        KINDS,
        ("red", "yellow", "magenta", "bold", "cyan", "green", "blue", "bright_cyan", "bright_magenta", "bright_blue"),
        strict=True,
    )
)
"""Styles on a terminal, by the names of rich: of the 16 that every user sets to what is legible there."""

LETTERS = dict(zip(KINDS, "hosdwncr|-", strict=True))
"""Signs where there are neither colours nor marks."""
