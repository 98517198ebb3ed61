"""A browser for tests of pages: Chromium or Chrome, driven by Selenium; where neither is installed they skip."""

from __future__ import annotations

import base64
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
_DRIVERS = os.environ.get("CHROMEWEBDRIVER", os.devnull)
DRIVER = shutil.which("chromedriver") or shutil.which("chromedriver", path=_DRIVERS)
"""Debian's, or those of GitHub's machines, which name the driver's folder."""
AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
"""What `npm ci` in this folder installs."""

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars"),
)
DESKTOP, PHONE = (1280, 900), (390, 844)


@dataclass
class Browser:
    """A browser with one page at a time."""

    driver: Any
    downloads: Path

    def open(
        self, page: Path, *, size: tuple[int, int] = DESKTOP, dark: bool = False, script: bool = True, media: str = ""
    ) -> None:
        """Load a page from disk, at a size, and wait until it is ready."""
        self.log()
        phone = size == PHONE
        self.cdp("Emulation.setScriptExecutionDisabled", value=not script)
        self.cdp("Emulation.setDeviceMetricsOverride", width=size[0], height=size[1], deviceScaleFactor=1, mobile=phone)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.cdp("Emulation.setEmulatedMedia", media=media, features=[scheme])
        self.driver.get(page.as_uri())
        if script:
            self.wait("return document.documentElement.dataset.ready !== undefined")

    def cdp(self, command: str, **arguments: Any) -> Any:
        """Call the browser's own protocol."""
        return self.driver.execute_cdp_cmd(command, arguments)

    def run(self, script: str, *arguments: Any) -> Any:
        """Run a script in the page and return what it returns."""
        return self.driver.execute_script(script, *arguments)

    def wait(self, condition: str, *, seconds: float = 20) -> None:
        """Wait until a script returns true."""
        end = time.monotonic() + seconds
        while not self.run(condition):
            assert time.monotonic() < end, f"not within {seconds} s: {condition}"
            time.sleep(0.02)

    def find(self, selector: str) -> Any:
        """Return the first element that a CSS selector finds."""
        return self.driver.find_element("css selector", selector)

    def all(self, selector: str) -> list[Any]:
        """Return all of them."""
        return self.driver.find_elements("css selector", selector)

    def text(self, selector: str) -> str:
        """Return the text of an element as it is shown."""
        return str(self.find(selector).text)

    def log(self) -> tuple[list[str], list[str]]:
        """Return what the console said, and the addresses that were asked for, since the last call."""
        said = [entry["message"] for entry in self.driver.get_log("browser")]
        events = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        sent = [one["params"]["request"]["url"] for one in events if one["method"] == "Network.requestWillBeSent"]
        return said, [url for url in sent if not url.startswith("data:")]  # which the page carries itself

    def picture(self, path: Path) -> None:
        """Write a picture of what is shown."""
        path.write_bytes(base64.b64decode(self.cdp("Page.captureScreenshot", format="png")["data"]))


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Return the browser, with a new profile."""
    selenium = pytest.importorskip("selenium.webdriver", reason="Selenium is in the dev extra")
    if not (CHROMIUM and DRIVER):
        pytest.skip("needs Chromium and its driver: apt-get install chromium chromium-driver")
    from selenium.webdriver.chrome.service import Service

    options = selenium.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    downloads = tmp_path_factory.mktemp("downloads")
    # A proxy for the web is none for the driver on this machine.
    for name in ("NO_PROXY", "no_proxy"):
        os.environ.setdefault(name, "localhost,127.0.0.1")
    driver = selenium.Chrome(options=options, service=Service(DRIVER))
    try:
        driver.execute_cdp_cmd(
            "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(downloads), "eventsEnabled": True}
        )
        yield Browser(driver, downloads)
    finally:
        driver.quit()


@pytest.fixture
def check_axe(browser: Browser) -> Callable[[], list[str]]:
    """Return a function that tells what axe-core finds wrong with the page that is open."""
    if not AXE.is_file():
        pytest.skip("needs axe-core: npm ci in tests/browser")
    source = AXE.read_text(encoding="utf-8")

    def violations() -> list[str]:
        browser.run(source)
        found = browser.driver.execute_async_script("axe.run().then(arguments[arguments.length - 1])")
        return [
            f"{one['id']} ({one['impact']}): {node['target']} {node['html'][:120]} {node['failureSummary'][:300]}"
            for one in found["violations"]
            for node in one["nodes"]
        ]

    return violations
