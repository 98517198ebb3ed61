"""Recall, false positives, time and memory of `sensormap map` on full-size frames, beside a bare decode of the same.

Run ``python -m benchmarks.accuracy.raw --scenes FOLDER``; one set of frames is generated for every seed, and kept if
asked. ``--no-time`` maps every set once and only compares the maps with what was planted.
"""

from __future__ import annotations

import argparse
import functools
import sys
import tempfile
from pathlib import Path

from benchmarks.commands import bare_decode, mapping
from benchmarks.costs import Cost, cost_line, ratio_line, run
from benchmarks.generate import generate
from fixtures.truth.coverage import merged
from fixtures.truth.report import comparison_lines
from fixtures.truth.truth import Comparison, compare_map


def measure(photos: Path, map_file: Path, *, jobs: int, repeats: int, follow: bool) -> tuple[list[Cost], list[Cost]]:
    """Return the costs of mapping and of a bare decode, run in turn, after one uncounted run of each."""
    mapped, decoded = [], []
    for i in range(repeats + 1):
        decode_cost, map_cost = run(bare_decode(photos, jobs)), run(mapping(photos, map_file, jobs, follow=follow))
        if i:
            decoded.append(decode_cost)
            mapped.append(map_cost)
    return mapped, decoded


def report(folder: Path, arguments: argparse.Namespace, seed: int) -> Comparison:
    """Map one set, print its results and return them."""
    photos, map_file, follow = folder / "photos", folder / "map.yaml", not arguments.no_follow
    if arguments.no_time:
        run(mapping(photos, map_file, arguments.jobs, follow=follow))
        print(f"\nseed {seed}: {arguments.frames} frames")
    else:
        mapped, decoded = measure(
            photos, map_file, jobs=arguments.jobs, repeats=arguments.repeats, follow=follow
        )
        print(f"\nseed {seed}: {arguments.frames} frames, {arguments.jobs} threads, median of {arguments.repeats} runs")
        print(cost_line("map", mapped))
        print(cost_line("bare decode", decoded))
        print(ratio_line("map to bare decode", mapped, decoded))
    comparison = compare_map(folder / "truth.yaml", map_file)
    for line in comparison_lines(comparison):
        print(f"  {line}")
    sys.stdout.flush()
    return comparison


def print_totals(comparisons: list[Comparison]) -> None:
    """Print all sets' results added up, and the false entries of each."""
    print(f"\nall {len(comparisons)} seeds")
    print(f"  false entries per set: {', '.join(str(len(one.false_entries)) for one in comparisons)}")
    for line in comparison_lines(functools.reduce(merged, comparisons)):
        print(f"  {line}")


def main() -> None:
    """Measure every seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=Path, help="folder of photographs; without it procedural scenes")
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--seeds", type=int, nargs="+", default=[101, 102, 103])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--filtered-from", type=float, help="seconds from which the camera hides bright photosites")
    parser.add_argument("--night", action="store_true", help="long exposures of dark scenes only")
    parser.add_argument("--keep", type=Path, help="folder to keep the generated sets in")
    parser.add_argument("--no-follow", action="store_true", help="leave the second pass out")
    parser.add_argument("--no-time", action="store_true", help="map every set once, and time nothing")
    arguments = parser.parse_args()
    options = ["--filtered-from", str(arguments.filtered_from)] if arguments.filtered_from else []
    options += ["--night"] if arguments.night else []
    comparisons = []
    with tempfile.TemporaryDirectory() as scratch:
        for seed in arguments.seeds:
            folder = (arguments.keep or Path(scratch)) / f"seed{seed}"
            generate(folder, arguments, seed, options=options)
            comparisons.append(report(folder, arguments, seed))
    if len(comparisons) > 1:
        print_totals(comparisons)


if __name__ == "__main__":
    main()
