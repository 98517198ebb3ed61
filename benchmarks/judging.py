"""What maps and other programs' lists found of the planted defects, in the same terms."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from functools import reduce
from itertools import chain
from pathlib import Path

import rawpy
import yaml

from benchmarks.accuracy.jpeg import judge_files
from fixtures.truth.coverage import merged
from fixtures.truth.nearby import visible_defects
from fixtures.truth.truth import Count, Truth, compare, compare_map, read_truth

STRONG = "planted defects beyond 3 sigma in half of their frames"


@dataclass(frozen=True)
class Finding:
    """What one command found.

    Attributes
    ----------
    words
        Which command, on which photos.
    strong
        Planted defects that stand out (`STRONG`), and how many of those it lists.
    columns
        Planted partial columns, and those that it lists, or lists a photosite of.
    listed, false
        Its entries, and those where nothing is planted; a map's column is one.
    """

    words: str
    strong: Count
    columns: Count
    listed: int
    false: int


def of_map(words: str, truth_file: Path, map_file: Path) -> Finding:
    """Judge a map."""
    comparison = compare_map(truth_file, map_file)
    document = yaml.load(map_file.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    listed = sum(len(document.get(section) or ()) for section in ("defects", "columns", "rows"))
    return Finding(words, comparison.strong, comparison.columns, listed, len(comparison.false_entries))


def of_points(words: str, truth_file: Path, points_file: Path, photo: Path) -> Finding:
    """Judge a list of photosites on the raw grid; counted is what is planted in the visible area of such a photo."""
    with rawpy.imread(str(photo)) as raw:
        sizes = raw.sizes
    truth = read_truth(truth_file)
    visible = visible_defects(truth.defects, (sizes.left_margin, sizes.top_margin, sizes.width, sizes.height))
    return judge_points(words, replace(truth, defects=visible), read_points(points_file))


def judge_points(words: str, truth: Truth, points: set[tuple[int, int]]) -> Finding:
    """Compare a list of photosites with what is planted; one of a planted column is never false."""
    comparison = compare(truth, dict.fromkeys(points, ""), ())
    columns = [{(line.x, y) for y in range(line.y0, line.y1 + 1)} for line in truth.columns]
    hit = sum(not points.isdisjoint(column) for column in columns)
    return Finding(words, comparison.strong, Count(len(columns), hit), len(points), len(comparison.false_entries))


def of_pixels(words: str, truth_file: Path, map_file: Path, points_file: Path) -> Finding:
    """Judge a list of a JPEG's pixels, right within one; the map of the same JPEGs says where their crop lies."""
    steady = judge_files(truth_file, map_file, points_file)
    strong = reduce(merged, steady.by_kind.values())
    return Finding(words, strong, steady.columns, steady.pixels, steady.false_pixels)


def read_points(points_file: Path) -> set[tuple[int, int]]:
    """Read x and y of a CSV file."""
    with points_file.open(encoding="utf-8", newline="") as file:
        return {(int(row["x"]), int(row["y"])) for row in csv.DictReader(file)}


def finding_lines(findings: list[Finding]) -> list[str]:
    """Return findings side by side, as lines of text."""
    if not findings:
        return []
    width = max(len(finding.words) for finding in findings)
    head = f"  {'':<{width}}{'strong found':>16}{'columns':>10}{'false':>9}{'listed':>9}"
    rows = (
        f"  {finding.words:<{width}}{_share(finding.strong):>16}{_share(finding.columns):>10}"
        f"{finding.false:>9}{finding.listed:>9}"
        for finding in findings
    )
    return list(chain((f"strong: {STRONG}", head), rows))


def _share(count: Count) -> str:
    return f"{count.found} of {count.planted}"
