"""The page as a whole: its sections in order, its script and style, and a policy that forbids everything else."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from xml.etree.ElementTree import Element

from sensormap.assemble.details.values import DetailedMap, RunDetails, ranked_defects, strongest_defects
from sensormap.maps.entries import Defect, DefectKind
from sensormap.maps.sensor_map import SensorMap
from sensormap.report.entries import column_table, row_table
from sensormap.report.page.charts import MOST_POINTS
from sensormap.report.page.listing import (
    MOST_LISTED,
    MOST_STATIC,
    data_element,
    download_name,
    entries_content,
    map_content,
    packed_json,
    static_table,
)
from sensormap.report.page.markup import Child, append, element, html_text, prose, scrolled, table_element
from sensormap.report.page.sensor_picture import MOST_DRAWN, MOST_LINES, kind_class, kind_mark
from sensormap.report.page.sensor_section import sensor_section, tiles_of
from sensormap.report.page.statistics import MOST_NAMES, numbers_section, photos_section
from sensormap.report.page.tiles import sheet_element
from sensormap.report.page.verdict import Answer, amount, answers, headline, share_text
from sensormap.report.summary import facts_table, kind_table
from sensormap.report.table import Table
from sensormap.report.words import counted
from sensormap.version import __version__

OPENING = "<!DOCTYPE html>\n<!-- made by sensormap report -->\n"
"""First lines of each page, by which it is known again."""

_MOST_LINE_ROWS = 200  # columns and rows of the sensor in a table
_MOST_SETTINGS = 100
_TIP = "Pictures of the defects, their values over time and the scores of all photosites come from the photos:"


@dataclass(frozen=True)
class _Contents:
    """What the sections are made of."""

    found: DetailedMap
    ranked: list[Defect]
    command: str
    name: str
    packed: tuple[str, int] | None

    @property
    def sensor_map(self) -> SensorMap:
        return self.found.sensor_map

    @property
    def details(self) -> tuple[RunDetails, ...]:
        return self.found.details


def report_page(found: DetailedMap, *, command: str = "", name: str = "") -> str:
    """Return a page that shows a map, and what its run knows beside it, in any browser, without a network.

    Parameters
    ----------
    found
        The map; with details if it comes from a run, and without if all that is known is the map.
    command
        The command that made it, which the page shows; "" for none.
    name
        File name of the map, by which it can be taken from the page again.

    Returns
    -------
    str
        HTML. Equal arguments give equal text. Its policy forbids every request, and every script but its own.
    """
    sensor_map = found.sensor_map
    ranked = ranked_defects(sensor_map)
    packed = map_content(sensor_map)
    contents = _Contents(found, ranked, command, download_name(name), packed)
    script, style = _resource("page.js"), _resource("page.css")
    title = f"{sensor_map.body}: defects of the sensor"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        _policy(script, style),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="generator", content=f"sensormap {__version__}"),
        element("link", rel="icon", href="data:,"),
        element("title", title),
    )
    _raw(head, "style", style)
    main = element(
        "main",
        _answers(contents),
        sensor_section(found, ranked),
        _entries(contents),
        _lines(contents),
        numbers_section(found),
        photos_section(found),
        _provenance(contents),
        id="main",
    )
    body = element(
        "body",
        element("a", "Skip to the answers", href="#main", class_="skip"),
        sheet_element([one for _, one in tiles_of(found, ranked)], sensor_map.sensor.cfa),
        _header(contents),
        main,
        element(
            "footer", element("p", f"Made by sensormap {__version__}. This page needs no network and sends nothing.")
        ),
        data_element(packed_json(entries_content(sensor_map, ranked)), "entries-data"),
    )
    if packed is not None:
        append(body, data_element(packed[0], "map-data"))
    _raw(body, "script", script)
    return OPENING + html_text(element("html", head, body, lang="en")) + "\n"


@cache
def _resource(name: str) -> str:
    """Return the text of a file beside this module."""
    return files("sensormap.report.page").joinpath(name).read_text(encoding="utf-8")


def _raw(parent: Element, tag: str, content: str) -> None:
    """Add our own script or style, to the letter: its digest is in the policy."""
    made = element(tag)
    made.text = content
    append(parent, made)


def _policy(script: str, style: str) -> Element:
    """Return the policy of the page: nothing is loaded from anywhere, and no other script or style counts."""
    digests = [b64encode(sha256(part.encode()).digest()).decode("ascii") for part in (script, style)]
    policy = (
        f"default-src 'none'; script-src 'sha256-{digests[0]}'; style-src 'sha256-{digests[1]}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    return element("meta", http_equiv="Content-Security-Policy", content=policy)


def _header(contents: _Contents) -> Element:
    """Return the camera, what was found, and the facts of the run."""
    sensor_map = contents.sensor_map
    facts = element("dl", class_="facts")
    for label, text in (*facts_table(sensor_map).rows[1:], ("Profile", sensor_map.profile)):
        append(facts, element("div", element("dt", label), element("dd", *prose(text))))
    return element(
        "header",
        element("p", "Sensor report", class_="eyebrow"),
        element("h1", str(sensor_map.body)),
        element("p", element("strong", headline(sensor_map)), *prose(f" {share_text(sensor_map)}."), class_="headline"),
        facts,
    )


def _answers(contents: _Contents) -> Element:
    section = element("section", element("h2", "In short"), class_="answers", aria_label="In short")
    grid = element("div", _kinds(contents.sensor_map), class_="grid")
    for answer in answers(contents.sensor_map, contents.details):
        append(grid, _answer(answer))
    append(section, grid)
    return section


def _answer(answer: Answer) -> Element:
    made = element(
        "div", element("h3", answer.question), element("p", *prose(answer.short), class_=f"short {answer.tone}".strip())
    )
    if answer.table is not None:
        append(made, table_element(answer.table, class_="small", caption=answer.question))
    append(made, *(element("p", *prose(sentence)) for sentence in answer.sentences))
    made.set("class", "answer")
    return made


def _kinds(sensor_map: SensorMap) -> Element:
    """Return how many defects there are of each kind, with the marks of the picture."""
    table = kind_table(sensor_map)
    short, tone = amount(sensor_map)
    heading, said = element("h3", "What is wrong?"), element("p", short, class_=f"short {tone}")
    made = element("div", heading, said, class_="answer kinds")
    if not table.rows:
        append(made, element("p", table.note))
        return made
    body = element("tbody")
    names = [str(kind) for kind in DefectKind]
    for kind, count, meaning in table.rows:
        first, space, others = kind.partition(" ")
        mark = kind_mark(DefectKind(first)) if first in names else None
        named = element("span", mark, first, class_="whole")
        cell = element("th", named, space + others, scope="row", class_=kind_class(first))
        append(body, element("tr", cell, element("td", count, class_="right"), element("td", meaning)))
    caption = element("caption", "Defects by kind", class_="unseen")
    append(made, element("table", caption, body, class_="small kinds"))
    command = element("code", "sensormap correct MAP PHOTOS -o FOLDER")
    append(made, element("p", "To repair photos: ", command, "."))
    return made


def _entries(contents: _Contents) -> Element | None:
    if not contents.ranked:
        return None
    count = len(contents.ranked)
    title = f"The {MOST_STATIC} strongest of {counted(count, 'defect')}" if count > MOST_STATIC else "Defects"
    pager = element(
        "p",
        element("button", "Previous", type="button", id="previous"),
        element("span", id="page", aria_live="polite"),
        element("button", "Next", type="button", id="next"),
        class_="pager script",
        hidden=True,
    )
    return element(
        "section",
        element("h2", title, id="entries-title"),
        element(
            "div",
            static_table(contents.sensor_map, contents.ranked),
            class_="scroll",
            tabindex="0",
            role="region",
            aria_labelledby="entries-title",
        ),
        pager,
    )


def _lines(contents: _Contents) -> Element | None:
    sensor_map = contents.sensor_map
    tables = [table for table in (column_table(sensor_map), row_table(sensor_map)) if table.rows]
    if not tables:
        return None
    section = element("section", element("h2", "Columns and rows"))
    for table in tables:
        shown = Table(table.title, table.header, table.rows[:_MOST_LINE_ROWS], table.right)
        append(section, element("h3", table.title), scrolled(table_element(shown, caption=table.title), table.title))
    return section


def _provenance(contents: _Contents) -> Element:
    """Return how the map was made, the map to take along, and what the page leaves out."""
    sensor_map = contents.sensor_map
    settings = sorted(sensor_map.settings.items())[:_MOST_SETTINGS]
    rows = tuple((key, str(value)) for key, value in settings)
    made: list[Child] = [element("h2", "How it was made")]
    if contents.command:
        made.append(element("p", "Command: ", element("code", contents.command)))
    made.append(
        element("p", f"sensormap {__version__}; SHA-256 of the photos: ", element("code", sensor_map.frames.digest))
    )
    section = element("section", *made)
    if rows:
        table = Table("Settings", ("setting", "value"), rows, frozenset({1}))
        append(
            section,
            element(
                "details",
                element("summary", "Settings"),
                scrolled(table_element(table, caption="Settings"), "Settings"),
            ),
        )
    if contents.packed is not None:
        text = f"Download the map ({_size_text(contents.packed[1])})"
        button = element("button", text, type="button", id="download", data_name=contents.name)
        append(section, element("p", button, class_="script", hidden=True))
    out = _left_out(contents)
    append(section, element("h3", "Left out of this page"))
    append(section, element("ul", *(element("li", line) for line in out)) if out else element("p", "Nothing."))
    return section


def _left_out(contents: _Contents) -> list[str]:
    """Say what the page does not show, and why."""
    sensor_map, details = contents.sensor_map, contents.details
    count, lines = len(sensor_map.defects), len(sensor_map.lines)
    out = []
    if not details:
        out.append(f"{_TIP} sensormap map PHOTOS -o MAP --report PAGE keeps them.")
    pictured = [contents.ranked[rank] for rank in strongest_defects(contents.ranked)]
    if details and len(pictured) < count:
        out.append(
            f"Pictures and values over time of {count - len(pictured)} weaker defects, for the size of the page."
        )
    series = {(one.x, one.y) for part in details for one in part.series}
    lacking = sum((defect.x, defect.y) not in series for defect in pictured)
    if details and lacking:
        out.append(f"Values over time of {lacking} of these: the second pass did not follow them.")
    if any(part.followed.size > MOST_POINTS for part in details):
        out.append(f"In charts of a defect, all but {MOST_POINTS} photos, evenly chosen.")
    if count > MOST_LISTED:
        out.append(f"{count - MOST_LISTED} weaker defects: the table lists {MOST_LISTED}.")
    if count > MOST_DRAWN:
        out.append(f"On paper and without script, {count - MOST_DRAWN} weaker marks of the picture.")
    if lines > min(MOST_LINES, _MOST_LINE_ROWS):
        out.append(
            f"Columns and rows beyond the first {MOST_LINES} in the picture, and {_MOST_LINE_ROWS} in each table."
        )
    if any(len(part.photos) > MOST_NAMES for part in details):
        out.append(f"Names of used photos beyond the first {MOST_NAMES}.")
    if contents.packed is None:
        out.append("The map to download, for its size.")
    return out


def _size_text(count: int) -> str:
    return (
        f"{count / 1e6:.1f} MB"
        if count >= 1e6
        else f"{max(count / 1e3, 0.1):.0f} kB"
        if count >= 1e3
        else f"{count} bytes"
    )
