"""The page: what it says, that no text of a file becomes markup, and that the same map gives the same bytes."""

from __future__ import annotations

import gzip
import json
import re
from base64 import b64decode, b64encode
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings

from sensormap.assemble.details.values import DetailedMap
from sensormap.camera.profile import Body
from sensormap.frame import Skipped
from sensormap.maps.entries import Between
from sensormap.maps.mapfile.writing import map_text
from sensormap.report.page.document import OPENING, report_page
from sensormap.report.page.listing import MOST_LISTED, MOST_STATIC
from tests.support.details import HOSTILE, detailed, made_details, made_map
from tests.support.maps import both_map, full_map, jpeg_map, phone_map, sensor_maps, toy_map

MAPS = {"toy": toy_map, "full": full_map, "JPEG": jpeg_map, "picture": phone_map, "both": both_map}
EMPTY = {"columns": (), "rows": (), "defects": ()}
LINKS = ("href", "src", "srcset", "action", "data", "poster", "xlink:href")


class Parsed(HTMLParser):
    """A page as a browser would take it apart: its elements, attributes, and text outside scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.raw: dict[str, list[str]] = {"script": [], "style": []}
        self.text: list[str] = []
        self.inside = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        self.inside = tag
        if tag in self.raw:
            self.raw[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside in self.raw:
            self.raw[self.inside][-1] += data
        else:
            self.text.append(data)


def data_of(page: str, name: str) -> bytes:
    """Return what a page carries under a name, unpacked."""
    found = re.search(rf'<script type="application/gzip" id="{name}">([A-Za-z0-9+/=]*)</script>', page)
    assert found
    return gzip.decompress(b64decode(found[1]))


@pytest.fixture(params=MAPS)
def sensor_map(request):
    return MAPS[request.param]()


def test_the_same_map_and_data_give_the_same_bytes(sensor_map) -> None:
    first = report_page(detailed(sensor_map), command="sensormap map photos", name="a.yaml")
    assert report_page(detailed(sensor_map), command="sensormap map photos", name="a.yaml") == first
    assert first.startswith(OPENING)


def test_the_policy_names_the_one_script_and_style_and_forbids_the_rest(sensor_map) -> None:
    parsed = Parsed(report_page(detailed(sensor_map)))
    (policy,) = (value for _, name, value in parsed.attributes if name == "content" and value and "src" in value)
    scripts = [script for script in parsed.raw["script"] if not re.fullmatch(r"[A-Za-z0-9+/=]+", script)]
    for kind, contents in (("script", scripts), ("style", parsed.raw["style"])):
        (content,) = contents
        digest = b64encode(sha256(content.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert "style" not in {name for _, name, _ in parsed.attributes}  # the policy would drop it
    assert not [name for _, name, _ in parsed.attributes if name.startswith("on")]


def test_nothing_is_asked_of_a_network(sensor_map) -> None:
    parsed = Parsed(report_page(detailed(sensor_map)))
    links = [value or "" for _, name, value in parsed.attributes if name in LINKS]
    assert links
    assert all(link.startswith(("#", "data:")) for link in links)


def hostile_map():
    whole = full_map()
    return replace(
        whole,
        body=Body(HOSTILE, HOSTILE, HOSTILE),
        profile=HOSTILE,
        skipped=(Skipped(HOSTILE, HOSTILE), Skipped("</script>", "--></style>")),
        settings={"two_sensors": HOSTILE, "other": HOSTILE},
        frames=replace(whole.frames, digest=HOSTILE),
    )


def test_text_from_files_is_shown_and_never_markup() -> None:
    """The page of a hostile map has the same elements and attributes as that of a tame one, in other words."""
    hostile, tame = hostile_map(), replace(hostile_map(), body=Body("a", "a", "a"), profile="a")
    tame = replace(
        tame,
        skipped=(Skipped("a", "a"), Skipped("b", "b")),
        settings={"two_sensors": "a", "other": "a"},
        frames=replace(tame.frames, digest="a"),
    )
    details = made_details(hostile, name=HOSTILE)
    details = replace(details, warnings=(HOSTILE,))
    pages = [
        Parsed(report_page(DetailedMap(hostile, (details,)), command=HOSTILE, name=HOSTILE)),
        Parsed(report_page(DetailedMap(tame, (made_details(tame),)), command="a", name="a")),
    ]
    assert pages[0].tags == pages[1].tags
    assert [part[:2] for part in pages[0].attributes] == [part[:2] for part in pages[1].attributes]
    shown = "".join(pages[0].text)
    assert "<script>document.title='run'</script>" in shown
    assert "\u202e" not in shown
    assert "\x1b" not in shown


@settings(max_examples=30)
@given(sensor_maps())
def test_every_map_has_a_page(sensor_map) -> None:
    parsed = Parsed(report_page(DetailedMap(sensor_map)))
    assert parsed.tags.count("script") == 3
    values = " ".join(value or "" for _, name, value in parsed.attributes if name in ("d", "x", "y", "viewbox"))
    assert "nan" not in values
    assert "inf" not in values


@settings(max_examples=20)
@given(sensor_maps())
def test_every_map_with_details_has_a_page(sensor_map) -> None:
    parsed = Parsed(report_page(detailed(sensor_map)))
    values = " ".join(value or "" for _, name, value in parsed.attributes if name in ("d", "x", "y", "viewbox"))
    assert "nan" not in values
    assert "inf" not in values


def test_the_map_can_be_taken_from_the_page(sensor_map) -> None:
    page = report_page(DetailedMap(sensor_map), name="../my map.yaml")
    assert data_of(page, "map-data").decode() == map_text(sensor_map)
    assert 'data-name="my map.yaml"' in page


def test_the_header_says_what_made_the_map() -> None:
    text = "".join(Parsed(report_page(detailed(full_map()), command="sensormap map photos --report a.html")).text)
    for words in ("NIKON D80", "0012345", "2010-05-02 17:31 to 2011-01-09 11:02", "1/2000 s to 16 s", "100 to 1600"):
        assert words in text
    assert "sensormap map photos --report a.html" in text
    assert re.search(r"sensormap \d+\.\d+\.\d+; SHA-256 of the photos: 12e4", text)


def test_the_strongest_stand_in_a_plain_table_and_all_in_the_data() -> None:
    sensor_map = made_map(130)
    page = report_page(DetailedMap(sensor_map))
    table = page[page.index('id="entries"') :]
    rows = table[: table.index("</table>")].count("<tr>")
    assert rows == MOST_STATIC + 1
    data = json.loads(data_of(page, "entries-data"))
    assert sorted(zip(data["y"], data["x"], strict=True)) == [(one.y, one.x) for one in sensor_map.defects]


def test_a_map_alone_says_what_it_lacks_and_shows_the_rest() -> None:
    alone, whole = report_page(DetailedMap(full_map())), report_page(detailed(full_map()))
    assert "come from the photos" in alone
    assert "come from the photos" not in whole
    assert 'class="tile"' not in alone
    assert whole.count('class="tile"') == len(full_map().defects)
    assert "mean score, sigma" in whole


@pytest.mark.parametrize("parts", [{}, {"columns": full_map().columns}])
def test_a_map_without_defects_has_a_page(parts) -> None:
    sensor_map = replace(full_map(), **(EMPTY | parts))
    page = report_page(detailed(sensor_map))
    assert ("No defects found" in page) == (not parts)
    assert 'id="entries"' not in page


def test_skipped_photos_are_told_with_reasons() -> None:
    text = " ".join(Parsed(report_page(detailed(full_map()))).text)
    assert "2 photos skipped" in text
    assert "zero bytes" in text


def test_too_large_a_map_is_cut_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from sensormap.report.page import document, listing

    for module in (document, listing):
        monkeypatch.setattr(module, "MOST_LISTED", 100)
    monkeypatch.setattr(listing, "MOST_MAP_BYTES", 1000)
    page = report_page(DetailedMap(made_map(130)))
    data = json.loads(data_of(page, "entries-data"))
    assert len(data["x"]) == 100
    assert "30 weaker defects: the table lists 100." in page
    assert "The map to download, for its size." in page
    assert 'id="map-data"' not in page
    assert 'id="download"' not in page
    assert MOST_LISTED == 100_000


def test_dates_at_the_ends_of_the_calendar_are_drawn() -> None:
    first, last = datetime(1, 1, 1), datetime(9999, 12, 31, 23)
    whole = full_map()
    defects = tuple(replace(one, onset=Between(first, last), until=None) for one in whole.defects)
    frames = replace(whole.frames, first=first, last=last)
    assert "appeared in" in report_page(detailed(replace(whole, frames=frames, defects=defects)))


def test_a_page_of_five_thousand_defects_is_small() -> None:
    page = report_page(detailed(made_map(5000), photos=512))
    assert len(page.encode()) < 3_000_000
