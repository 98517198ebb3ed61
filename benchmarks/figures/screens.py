"""Pictures of what shows a map on a screen: a terminal, and the report in Chromium."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

from benchmarks.report_page import browser
from sensormap import read_map
from sensormap.cli.render import show_map

_TERMINAL = 80  # characters across
_PHONE, _DESKTOP = 390, 1225  # pixels across
_HIGH = 1400  # and down, in which one defect with its charts has room
# A line as high as the font's blocks, so that those of two lines touch.
_PAGE = """<!DOCTYPE html>
<meta charset="utf-8">
<style>
{stylesheet}
body {{ margin: 0; background: {background}; color: {foreground}; }}
pre {{ width: max-content; margin: 0; padding: 1em; font: 16px "DejaVu Sans Mono", monospace; line-height: 1.164; }}
</style>
<pre>{code}</pre>
"""


def draw_terminal(map_file: Path, picture: Path) -> None:
    """Draw what `sensormap show` prints on a terminal with colours."""
    file = io.StringIO()
    terminal = Console(
        file=file, width=_TERMINAL, force_terminal=True, color_system="standard", legacy_windows=False, _environ={}
    )
    show_map(read_map(map_file), terminal, picture=True)
    recorder = Console(file=io.StringIO(), width=_TERMINAL, record=True, _environ={})
    recorder.print(Text.from_ansi(file.getvalue()), soft_wrap=True)
    page = picture.with_suffix(".html")
    page.write_text(recorder.export_html(theme=DIMMED_MONOKAI, code_format=_PAGE), encoding="utf-8")
    with browser() as driver:
        _open(driver, page, width=_DESKTOP)
        picture.write_bytes(_shot(driver, "pre"))
    page.unlink()


def draw_report(page: Path, picture: Path) -> None:
    """Draw the page on a desktop, from its top to the end of the sensor, with a hot photosite chosen."""
    with browser() as driver:
        _open(driver, page, width=_DESKTOP)
        _choose(driver, "hot")
        picture.write_bytes(_shot(driver, ".stage", whole=True))


def draw_phone(page: Path, picture: Path) -> None:
    """Draw the sensor and a noisy photosite on a phone, dark."""
    with browser() as driver:
        _open(driver, page, width=_PHONE, dark=True)
        _choose(driver, "noisy")
        picture.write_bytes(_shot(driver, ".stage"))


def _open(driver: Any, page: Path, *, width: int, dark: bool = False) -> None:
    phone, scheme = width == _PHONE, "dark" if dark else "light"
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": _HIGH, "deviceScaleFactor": 1, "mobile": phone}
    )
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": features})
    driver.get(page.as_uri())


def _choose(driver: Any, kind: str) -> None:
    """Choose the strongest defect of a kind by its row of the table."""
    row = f"return [...document.querySelectorAll('#entries tbody tr')].find((r) => r.querySelector('.k-{kind}'))"
    while (found := driver.execute_script(row)) is None:
        driver.find_element("css selector", "#next").click()
    driver.execute_script("arguments[0].click(); window.scrollTo(0, 0); document.activeElement.blur()", found)


def _shot(driver: Any, selector: str, *, whole: bool = False) -> bytes:
    """Return a picture of an element with its margins, or of the whole page down to its end."""
    left, top, right, bottom = driver.execute_async_script(
        "const done = arguments[1], b = document.querySelector(arguments[0]).getBoundingClientRect();"
        "requestAnimationFrame(() => setTimeout(() => done([b.left, b.top, b.right, b.bottom]), 300))",
        selector,
    )
    spare = min(left, 12)
    clip = {"x": left - spare, "y": max(top - spare, 0), "width": right - left + 2 * spare, "scale": 1}
    clip["height"] = bottom - top + 2 * min(top, spare)
    if whole:
        clip |= {"x": 0, "y": 0, "width": _DESKTOP, "height": bottom + 2 * spare}
    shot = driver.execute_cdp_cmd(
        "Page.captureScreenshot", {"format": "png", "captureBeyondViewport": True, "clip": clip}
    )
    return base64.b64decode(shot["data"])
