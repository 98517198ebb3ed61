"""Every link in the documentation leads somewhere, and every page is reached by one."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from tests.support.documentation import PAGES, text_of
from tests.support.folders import PROJECT

LINK = re.compile(r"\[(?:[^\[\]]|\[[^\]]*\])*\]\(\s*<?([^()\s>]+)>?\s*\)")
HEADING = re.compile(r"^#{1,6} +(.+?)#*$", re.MULTILINE)
ELSEWHERE = ("http://", "https://", "mailto:")


def links_of(page: Path) -> list[str]:
    """Return the targets of a page's links and images within the project; code has none."""
    found = LINK.findall(re.sub(r"`[^`\n]*`", "", text_of(page)))
    return [target for target in found if not target.startswith(ELSEWHERE)]


@cache
def anchors_of(page: Path) -> set[str]:
    """Return the anchors of a page's headings, made as GitHub does: of equal ones the later are numbered."""
    found: dict[str, int] = {}
    anchors = set()
    for heading in HEADING.findall(text_of(page)):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").strip().lower()
        anchor = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        anchors.add(f"{anchor}-{found[anchor]}" if anchor in found else anchor)
        found[anchor] = found.get(anchor, 0) + 1
    return anchors


def target_of(page: Path, link: str) -> Path:
    """Return the file that a link leads to."""
    path = link.partition("#")[0]
    return (page.parent / path).resolve() if path else page


def problem_of(page: Path, link: str) -> str:
    """Say why a link leads nowhere; "" if it leads somewhere."""
    target, anchor = target_of(page, link), link.partition("#")[2]
    if not target.exists():
        return f"{link}: no such file"
    if not target.is_relative_to(PROJECT):
        return f"{link}: outside the project"
    if anchor and anchor not in anchors_of(target):
        return f"{link}: no such heading"
    return ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(PROJECT).as_posix())
def test_every_link_leads_somewhere(page: Path) -> None:
    assert not [problem for link in links_of(page) if (problem := problem_of(page, link))]


def test_every_page_is_reached_from_the_readme() -> None:
    reached, new = set(), {PROJECT / "README.md"}
    while new:
        page = new.pop()
        reached.add(page)
        new |= {target_of(page, link) for link in links_of(page)} & set(PAGES) - reached
    assert set(PAGES) - reached == set()


def test_pages_that_code_names_exist() -> None:
    folders = ("sensormap", "fixtures", "benchmarks")
    for path in (path for folder in folders for path in (PROJECT / folder).rglob("*.py")):
        named = re.findall(r"docs/[\w/-]+\.\w+", path.read_text(encoding="utf-8"))
        assert not [page for page in named if not (PROJECT / page).is_file()], path.name


def test_pictures_say_in_words_what_they_show_and_are_small() -> None:
    for page in PAGES:
        for words, link in re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", text_of(page)):
            assert len(words) > 40, f"{page.name}: {link}"
            assert target_of(page, link).stat().st_size < 200_000, link


def test_a_missing_file_heading_and_place_are_told(tmp_path: Path) -> None:
    readme = PROJECT / "README.md"
    assert problem_of(readme, "docs/none.md") == "docs/none.md: no such file"
    assert problem_of(readme, "docs/README.md#none") == "docs/README.md#none: no such heading"
    assert problem_of(readme, str(tmp_path)) == f"{tmp_path}: outside the project"
    assert problem_of(readme, "docs/guide/README.md#user-guide") == ""
