"""What a report costs in a browser: size, seconds until it is ready, memory; with Chromium, by its driver.

``python -m benchmarks.report_page --defects 100 5000 100000`` makes maps of so many defects, with series of 256 photos
of the strongest, and opens the page of each in new browsers in turn.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fixtures.made_maps import made_map, with_details
from sensormap.report.page.writing import write_report

CHROMIUM, DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
_WAIT_S = 120


@dataclass(frozen=True)
class Opened:
    """What one opening of a page takes: seconds until it is ready, and MB of the browser, all processes together."""

    ready_s: float
    sorted_s: float
    megabytes: float


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report_page", description=__doc__)
    parser.add_argument("--defects", type=int, nargs="+", default=[100, 5000, 100_000])
    parser.add_argument("--photos", type=int, default=512, help="of which every second one is followed")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    if not (shutil.which(CHROMIUM) and shutil.which(DRIVER)):
        sys.exit(f"needs {CHROMIUM} and {DRIVER}")
    print("defects   size MB  written s  ready s  sorted s  browser MB  of an empty page")
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder) / "empty.html"
        empty.write_text("<!DOCTYPE html><html data-ready=0><title>empty</title>", encoding="utf-8")
        for count in arguments.defects:
            page = Path(folder) / f"{count}.html"
            found = with_details(made_map(count), photos=arguments.photos)
            start = time.process_time()
            write_report(found, page, name="map.yaml")
            written = time.process_time() - start
            rounds = [(opened(page, sort=True), opened(empty, sort=False)) for _ in range(arguments.rounds)]
            ready = statistics.median(one.ready_s for one, _ in rounds)
            took = statistics.median(one.sorted_s for one, _ in rounds)
            full = statistics.median(one.megabytes for one, _ in rounds)
            bare = statistics.median(other.megabytes for _, other in rounds)
            print(
                f"{count:7}  {page.stat().st_size / 1e6:8.2f}  {written:9.1f}  {ready:7.2f}  {took:8.2f}  "
                f"{full:10.0f}  {bare:16.0f}"
            )


def opened(page: Path, *, sort: bool) -> Opened:
    """Open a page in a new browser, wait until it is ready, sort its table, and return what that took."""
    with browser() as driver:
        driver.get(page.as_uri())
        end = time.monotonic() + _WAIT_S
        ready: str | None = None
        while ready is None:
            if time.monotonic() > end:
                sys.exit(f"{page}: not ready within {_WAIT_S} s")
            time.sleep(0.02)
            ready = driver.execute_script("return document.documentElement.dataset.ready || null")
        start = time.monotonic()
        if sort:
            driver.execute_script("document.querySelector('#entries thead button').click()")
        took = time.monotonic() - start
        return Opened(int(ready) / 1000, took, _memory_mb(driver.service.process.pid))


@contextmanager
def browser() -> Iterator[Any]:
    """Return a new browser by its driver, ended when the block ends."""
    from selenium import webdriver  # noqa: PLC0415 - in the bench extra
    from selenium.webdriver.chrome.service import Service  # noqa: PLC0415

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        driver = webdriver.Chrome(options=options, service=Service(DRIVER))
        try:
            yield driver
        finally:
            driver.quit()


def _memory_mb(pid: int) -> float:
    """Return the memory of a process and its descendants, shared pages in parts: MB."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").iterdir():
        if path.name.isdecimal():
            try:
                parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(path.name))
    total, waiting = 0, [*children.get(pid, [])]
    while waiting:
        one = waiting.pop()
        waiting += children.get(one, [])
        try:
            lines = Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total * 1024 / 1e6


if __name__ == "__main__":
    main()
