"""The report in a real browser: what it does is what it says, it asks nobody for anything, and everybody can use it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from sensormap.assemble.details.values import DetailedMap, ranked_defects
from sensormap.camera.profile import Body
from sensormap.frame import Skipped
from sensormap.maps.entries import DefectKind
from sensormap.maps.mapfile.writing import map_text
from sensormap.maps.visible import visible_defects
from sensormap.report.page.writing import write_report
from tests.browser.conftest import DESKTOP, PHONE, Browser
from tests.support.details import HOSTILE, detailed, made_details, made_map
from tests.support.maps import both_map, full_map, jpeg_map, phone_map

SENSOR_MAP = made_map(300)
RANKED = ranked_defects(SENSOR_MAP)
EMPTY = {"columns": (), "rows": (), "defects": ()}
FOUND = {
    "run": lambda: detailed(SENSOR_MAP),
    "map alone": lambda: DetailedMap(SENSOR_MAP),
    "small": lambda: detailed(full_map()),
    "JPEGs": lambda: detailed(jpeg_map(), noun="JPEG"),
    "phone": lambda: DetailedMap(phone_map()),
    "raw and JPEGs": lambda: DetailedMap(both_map(), (made_details(both_map()), made_details(both_map(), noun="JPEG"))),
    "lines alone": lambda: detailed(full_map(defects=())),
    "nothing": lambda: detailed(full_map(**EMPTY)),
}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return a page for each map."""
    folder = tmp_path_factory.mktemp("pages")
    places = {name: folder / f"{number}.html" for number, name in enumerate(FOUND)}
    for name, path in places.items():
        write_report(FOUND[name](), path, command="sensormap map photos", name="d80.yaml")
    return places


@pytest.fixture
def page(browser: Browser, pages: dict[str, Path]) -> Browser:
    """Return the browser with the page of a run open."""
    browser.open(pages["run"])
    return browser


def test_every_page_works_without_a_word_on_the_console_and_asks_for_nothing(
    browser: Browser, pages: dict[str, Path]
) -> None:
    for path in pages.values():
        browser.open(path)
        said, sent = browser.log()
        assert said == []
        assert sent == [path.as_uri()]


@pytest.mark.parametrize(
    ("name", "size", "dark"),
    [
        ("run", DESKTOP, False),
        ("run", PHONE, True),
        ("map alone", DESKTOP, True),
        ("raw and JPEGs", PHONE, False),
        ("nothing", DESKTOP, False),
    ],
)
def test_axe_finds_nothing(
    browser: Browser, pages: dict[str, Path], check_axe: Callable[[], list[str]], name, size, dark
) -> None:
    browser.open(pages[name], size=size, dark=dark)
    assert check_axe() == []


def test_axe_finds_nothing_once_entries_are_dimmed_and_details_open(
    page: Browser, check_axe: Callable[[], list[str]]
) -> None:
    page.find("[name=dim]").click()
    page.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    page.all("#entries tbody tr")[-1].click()
    assert check_axe() == []


@pytest.mark.parametrize("name", FOUND)
def test_a_phone_scrolls_down_only(browser: Browser, pages: dict[str, Path], name) -> None:
    browser.open(pages[name], size=PHONE)
    assert browser.run("return document.documentElement.scrollWidth") <= PHONE[0]


@pytest.mark.parametrize("width", [390, 768, 1280])
def test_no_line_breaks_within_a_number_a_date_or_behind_a_mark(
    browser: Browser, pages: dict[str, Path], width
) -> None:
    browser.open(pages["run"], size=(width, 844))
    broken = browser.run(
        "document.querySelectorAll('details').forEach((one) => { one.open = true; });"
        "return [...document.querySelectorAll('.whole')].filter((one) => one.getClientRects().length > 1)"
        ".map((one) => one.textContent)"
    )
    assert broken == []
    text = browser.run("return document.querySelector('main').innerText + document.querySelector('header').innerText")
    whole = browser.run("return [...document.querySelectorAll('.whole')].map((one) => one.textContent)")
    assert {one.kind for one in RANKED} <= {*whole}
    assert f"one in {whole[-1]}" in text or any(f"one in {one}" in text for one in whole)


def test_a_table_that_goes_on_shows_it(browser: Browser, pages: dict[str, Path], tmp_path: Path) -> None:
    import imageio.v3 as iio
    import numpy as np

    shades = []
    for end in (0, 10_000):
        browser.open(pages["run"], size=PHONE)
        box = browser.run(
            "const f = document.getElementById('entries').parentElement; f.scrollIntoView();"
            "f.scrollLeft = arguments[0]; const b = f.getBoundingClientRect();"
            "return [b.left, b.right, b.top, b.bottom]",
            end,
        )
        browser.picture(tmp_path / "page.png")
        left, right, top, bottom = (round(one) for one in box)
        grey = iio.imread(tmp_path / "page.png")[..., :3].mean(axis=2)[max(top, 0) : min(bottom, 844)]
        shades.append((np.median(grey[:, left + 2]), np.median(grey[:, right - 3])))  # of what is mostly no text
    (left, right), (left_at_end, right_at_end) = shades
    assert right < right_at_end - 20
    assert left_at_end < left - 20


# the sensor


def place_of(page: Browser, index: int) -> tuple[float, float]:
    """Return where a photosite lies from the middle of the canvas, when all of the sensor is shown."""
    width, height = page.run("const c = document.getElementById('sensor'); return [c.clientWidth, c.clientHeight]")
    across, down = SENSOR_MAP.sensor.raw_size
    scale = min(width / across, height / down) * 0.98
    defect = RANKED[index]
    return (defect.x + 0.5 - across / 2) * scale, (defect.y + 0.5 - down / 2) * scale


def point(page: Browser, right: float, down: float, *, click: bool = False) -> None:
    """Move the mouse to a place from the middle of the canvas."""
    from selenium.webdriver import ActionChains

    canvas = page.find("#sensor")
    page.run("arguments[0].scrollIntoView({block: 'center'})", canvas)
    moves = ActionChains(page.driver, duration=20).move_to_element_with_offset(canvas, round(right), round(down))
    (moves.click() if click else moves).perform()


def title_of(index: int) -> str:
    return f"{RANKED[index].kind} at x {RANKED[index].x}, y {RANKED[index].y}"


def test_pointing_at_a_mark_tells_what_it_is(page: Browser) -> None:
    assert not page.find("#tip").is_displayed()
    point(page, *place_of(page, 7))
    assert page.text("#tip").startswith(title_of(7))
    assert f"score {RANKED[7].score:.1f}" in page.text("#tip")


def test_a_click_selects_in_table_and_pictures(page: Browser) -> None:
    point(page, *place_of(page, 130), click=True)
    assert page.text("#chosen h3") == title_of(130)
    assert page.text("tr[aria-selected] td") == str(RANKED[130].x)
    assert page.text("#page") == f"101 to 150 of {len(RANKED)}"
    point(page, *place_of(page, 3), click=True)
    assert [card.get_attribute("id") for card in page.all(".card") if card.is_displayed()] == ["entry-3"]
    assert page.find("#entry-3 .tile").is_displayed()
    assert page.text("#entry-3 h3") == title_of(3)


def test_the_table_selects_in_the_picture(page: Browser) -> None:
    page.all("#entries tbody .pick")[4].click()
    assert page.find("#entry-4").is_displayed()
    assert page.all("#entries tbody tr")[4].get_attribute("aria-selected") == "true"


def test_a_column_can_be_pointed_at_and_selected(page: Browser) -> None:
    column = SENSOR_MAP.columns[0]
    width = page.run("return document.getElementById('sensor').clientWidth")
    scale = width / SENSOR_MAP.sensor.raw_size[0] * 0.98
    across, down = SENSOR_MAP.sensor.raw_size
    for y in range(column.y0, column.y1, 20):  # where no single defect is near
        if all(abs(one.x - column.x) > 80 or abs(one.y - y) > 80 for one in RANKED):
            break
    point(page, (column.x - across / 2) * scale, (y - down / 2) * scale, click=True)
    assert page.text("#tip").startswith("weak column 1367, 501 to 1155")
    assert page.text("#chosen h3") == "weak column 1367, 501 to 1155"


@pytest.mark.parametrize("how", ["buttons", "keys", "wheel"])
def test_zooming_in_and_out_again(page: Browser, how) -> None:
    from selenium.webdriver import ActionChains

    index = next(
        i for i, one in enumerate(RANKED) if 1500 < one.x < 2400 and 1000 < one.y < 1600 and not one.cluster and i < 50
    )
    canvas = page.find("#sensor")
    page.run("arguments[0].scrollIntoView({block: 'center'})", canvas)

    def zoom(times: int, *, closer: bool) -> None:
        for _ in range(times):
            if how == "buttons":
                page.find("#zoom-in" if closer else "#zoom-out").click()
            elif how == "keys":
                canvas.send_keys("+" if closer else "-")
            else:
                page.run(
                    "const c = arguments[0], b = c.getBoundingClientRect(); c.dispatchEvent(new WheelEvent('wheel', "
                    "{deltaY: arguments[1], clientX: b.left + b.width / 2, clientY: b.top + b.height / 2, "
                    "cancelable: true}))",
                    canvas,
                    -190 if closer else 190,
                )

    zoom(8, closer=True)
    page.all("#entries tbody tr")[index].click()  # which is then in the middle
    ActionChains(page.driver, duration=20).move_to_element(canvas).perform()
    assert page.text("#tip").startswith(title_of(index))
    zoom(9, closer=False)
    point(page, *place_of(page, 7))
    assert page.text("#tip").startswith(title_of(7))


def test_dragging_moves_what_was_enlarged(page: Browser) -> None:
    from selenium.webdriver import ActionChains

    canvas = page.find("#sensor")
    page.run("arguments[0].scrollIntoView({block: 'center'})", canvas)
    index = next(i for i, one in enumerate(RANKED[:50]) if 1500 < one.x < 2400 and 1000 < one.y < 1600)
    for _ in range(8):
        page.find("#zoom-in").click()
    page.all("#entries tbody tr")[index].click()
    page.run("arguments[0].scrollIntoView({block: 'center'})", canvas)
    moves = ActionChains(page.driver, duration=20).move_to_element_with_offset(canvas, -30, -20).click_and_hold()
    moves.move_by_offset(80, 60).release().perform()
    point(page, 80, 60)
    assert page.text("#tip").startswith(title_of(index))


def test_the_keyboard_alone_is_enough(page: Browser) -> None:
    canvas = page.find("#sensor")
    canvas.send_keys("n")
    assert page.text("tr[aria-selected] td") == str(RANKED[1].x)
    canvas.send_keys("p")
    canvas.send_keys("p")
    assert page.text("tr[aria-selected] td") == str(RANKED[-1].x)
    button = page.all("#entries tbody .pick")[0]
    button.send_keys("\ue007")  # Enter
    assert page.run("return document.querySelector('tr[aria-selected]').dataset.entry") is not None


# the table


def shown(page: Browser) -> list[tuple[int, int]]:
    """Return the places in the table, on all its pages."""
    found = []
    while True:
        rows = page.run(
            "return [...document.querySelectorAll('#entries tbody tr')].map((row) => "
            "[...row.cells].slice(0, 2).map((cell) => +cell.textContent))"
        )
        found += [tuple(row) for row in rows]
        if not page.find("#next").is_enabled():
            return found
        page.find("#next").click()


def places(defects) -> list[tuple[int, int]]:
    return [(one.x, one.y) for one in defects]


def test_all_entries_are_listed_the_strongest_first(page: Browser) -> None:
    assert shown(page) == places(RANKED)
    page.find("#previous").click()
    assert page.text("#page") == f"201 to 250 of {len(RANKED)}"


@pytest.mark.parametrize(
    ("column", "key", "down"),
    [
        ("x", lambda one: one.x, False),
        ("score", lambda one: abs(one.score), True),
        ("certainty", lambda one: one.confidence, True),
        ("kind", lambda one: one.kind, False),
        ("since", lambda one: "" if one.onset.by is None else one.onset.by.date().isoformat(), False),
    ],
)
def test_a_click_on_a_header_sorts_and_another_one_turns_round(page: Browser, column, key, down) -> None:
    (header,) = (one for one in page.all("#entries thead button") if one.text == column)
    header.click()
    (cell,) = page.all("#entries th[aria-sort]")
    assert cell.get_attribute("aria-sort") == ("descending" if down else "ascending")
    by_place = {(one.x, one.y): one for one in RANKED}
    keys = [key(by_place[place]) for place in shown(page)]
    assert keys == sorted(keys, reverse=down)
    header.click()
    keys = [key(by_place[place]) for place in shown(page)]
    assert keys == sorted(keys, reverse=not down)


def choose(page: Browser, name: str, value: str) -> None:
    """Set a field as a hand would."""
    page.run(
        "const f = document.getElementById('controls')[arguments[0]]; f.value = arguments[1]; "
        "f.dispatchEvent(new Event('input', {bubbles: true}))",
        name,
        value,
    )


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("plane", "Gr", lambda one: one.plane == "Gr"),
        ("certainty", "0.99", lambda one: one.confidence >= 0.99),
        ("since", "2010-10-01", lambda one: one.onset.by and one.onset.by.date().isoformat() >= "2010-10-01"),
    ],
)
def test_fields_filter_table_and_picture(page: Browser, name, value, kept) -> None:
    choose(page, name, value)
    expected = [one for one in RANKED if kept(one)]
    assert 0 < len(expected) < len(RANKED)
    assert page.text("#count") == f"{len(expected)} of {len(RANKED)} defects"
    assert shown(page) == places(expected)
    hidden = next(i for i, one in enumerate(RANKED) if not kept(one) and alone(i))
    point(page, *place_of(page, hidden))
    assert not page.text("#tip").startswith(title_of(hidden))
    page.find("button[type=reset]").click()
    page.wait(f"return document.getElementById('count').textContent === '{len(RANKED)} defects'")


def alone(index: int) -> bool:
    """Tell whether no other mark is near."""
    x, y = RANKED[index].x, RANKED[index].y
    return all(i == index or abs(one.x - x) > 150 or abs(one.y - y) > 150 for i, one in enumerate(RANKED))


def test_kinds_and_clusters_are_boxes_to_tick(page: Browser) -> None:
    for box in page.all("input[name=kind]"):
        if box.get_attribute("value") != "0":
            box.click()
    assert shown(page) == places(one for one in RANKED if one.kind == DefectKind.HOT)
    page.find("button[type=reset]").click()
    page.find("[name=cluster]").click()
    assert shown(page) == places(one for one in RANKED if one.cluster)


@pytest.mark.parametrize(("shutter", "iso"), [(0, 1), (5, 1), (18, 5), (23, 11)])
def test_sliders_dim_what_would_not_show(page: Browser, shutter, iso) -> None:
    from sensormap.report.page.listing import ISOS, SHUTTERS_S

    choose(page, "shutter", str(shutter))
    choose(page, "iso", str(iso))
    expected = visible_defects(SENSOR_MAP, shutter_s=SHUTTERS_S[shutter], iso=ISOS[iso])
    assert f"; {len(expected)} show at " in page.text("#count")
    dimmed = page.run("return [...document.querySelectorAll('tr.dim')].map((row) => +row.dataset.entry)")
    unseen = [i for i, one in enumerate(RANKED[:50]) if one not in expected]
    assert dimmed == unseen
    page.find("[name=dim]").click()
    assert not page.all("tr.dim")


# the map to take along, and what a page may not do


def test_the_map_is_downloaded_to_the_letter(page: Browser) -> None:
    assert page.text("#download").startswith("Download the map (")
    page.run("document.getElementById('download').scrollIntoView()")
    page.find("#download").click()
    target, end = page.downloads / "d80.yaml", time.monotonic() + 10
    while not target.exists() and time.monotonic() < end:
        time.sleep(0.02)
    assert target.read_text(encoding="utf-8") == map_text(SENSOR_MAP)
    said, _ = page.log()
    assert said == []


def test_the_policy_lets_nothing_out(page: Browser) -> None:
    """Even a script in the page reaches no server: neither a picture, nor data, nor another script."""
    asked: list[str] = []

    class Server(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Server)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        address = f"http://127.0.0.1:{server.server_port}/"
        refused = page.driver.execute_async_script(
            """
            const [address, done] = [arguments[0], arguments[arguments.length - 1]], found = [];
            document.addEventListener("securitypolicyviolation", (event) => {
              found.push(event.effectiveDirective);
              if (found.length === 4) done(found.sort());
            });
            new Image().src = address + "image";
            fetch(address + "fetch").catch(() => {});
            const script = document.createElement("script");
            script.src = address + "script";
            document.body.append(script);
            const inline = document.createElement("script");
            inline.textContent = "document.title = 'run'";
            document.body.append(inline);
            """,
            address,
        )
        assert refused == ["connect-src", "img-src", "script-src-elem", "script-src-elem"]
        assert page.driver.title != "run"
        assert asked == []
    finally:
        server.shutdown()
        server.server_close()
        page.log()


HOSTILE_PARTS = {
    "body": lambda text: {"body": Body(text, text, text)},
    "profile": lambda text: {"profile": text},
    "skipped": lambda text: {"skipped": (Skipped(text, text), Skipped("a", "b"))},
    "settings": lambda text: {"settings": {"two_sensors": text, "a": text}},
    "digest": lambda text: {"frames": replace(full_map().frames, digest=text)},
}


@pytest.mark.parametrize("part", HOSTILE_PARTS)
def test_scripts_in_maps_and_names_are_shown_and_not_run(browser: Browser, tmp_path: Path, part) -> None:
    sensor_map = full_map(**HOSTILE_PARTS[part](HOSTILE))
    details = replace(made_details(sensor_map, name=HOSTILE), warnings=(HOSTILE,))
    path = tmp_path / "page.html"
    write_report(DetailedMap(sensor_map, (details,)), path, command=HOSTILE, name=HOSTILE)
    browser.open(path)
    browser.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert browser.driver.title != "run"
    assert "<script>document.title='run'</script>" in browser.text("main")
    assert not browser.all("img")
    assert browser.log() == ([], [path.as_uri()])


# sizes, and browsers that do less


def test_five_thousand_defects_are_ready_in_two_seconds(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    write_report(detailed(made_map(5000), photos=512), path)
    assert path.stat().st_size < 3_000_000
    browser.open(path)
    assert int(browser.run("return document.documentElement.dataset.ready")) < 2000


def test_more_defects_than_are_listed_are_shown_and_sorted(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit itself, 100 000, is measured by benchmarks/report_page.py."""
    from sensormap.report.page import document, listing

    for module in (document, listing):
        monkeypatch.setattr(module, "MOST_LISTED", 12_000)
    path = tmp_path / "page.html"
    sensor_map = made_map(12_500)
    write_report(DetailedMap(sensor_map), path)
    browser.open(path)
    assert "weaker defects: the table lists 12000." in browser.text("main")
    assert browser.text("#page") == "1 to 50 of 12000"
    browser.all("#entries thead button")[0].click()
    least = min(one.x for one in ranked_defects(sensor_map)[:12_000])
    assert browser.text("#entries tbody td") == str(least)
    assert browser.log()[0] == []


def test_without_script_the_page_is_complete(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["run"], script=False)
    assert browser.find("svg.sensor").is_displayed()
    assert len(browser.all("#entries tbody tr")) == 50
    assert all(card.is_displayed() for card in browser.all(".cards .card"))
    assert not [one for one in browser.all(".script") if one.is_displayed()]


def test_on_paper_there_is_the_picture_and_no_control(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["run"], media="print")
    assert browser.find("svg.sensor").is_displayed()
    for selector in ("canvas", ".controls", ".pager"):
        assert not browser.find(selector).is_displayed()
    assert all(card.is_displayed() for card in browser.all(".cards .card"))
    browser.cdp("Emulation.setEmulatedMedia", media="", features=[])


def test_dark_and_light_are_drawn_in_other_colours(browser: Browser, pages: dict[str, Path], tmp_path: Path) -> None:
    import imageio.v3 as iio

    levels = []
    for dark in (False, True):
        browser.open(pages["run"], dark=dark)
        browser.picture(tmp_path / "page.png")
        levels.append(float(iio.imread(tmp_path / "page.png")[..., :3].mean()))
    assert levels[0] > 180
    assert levels[1] < 70
