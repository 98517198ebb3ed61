"""The pages of the documentation: their text, and the code that they show."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.folders import PROJECT

PAGES = sorted([*(PROJECT / "docs").rglob("*.md"), *PROJECT.glob("*.md")])
"""README, CONTRIBUTING, CHANGELOG, and all pages of docs."""

_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


def source_of(page: Path) -> str:
    """Return a page as it stands."""
    return page.read_text(encoding="utf-8")


def text_of(page: Path) -> str:
    """Return a page without its blocks of code."""
    return _FENCE.sub("", source_of(page))


def code_of(page: Path, language: str) -> list[str]:
    """Return a page's blocks of code of a language, such as ``sh``."""
    return [code for _, found, code in _FENCE.findall(source_of(page)) if found == language]
