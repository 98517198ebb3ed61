"""X-Trans beside Bayer: recall, false entries and time a photosite on the same planted defects, scenes and exposures.

Run ``python -m benchmarks.accuracy.xtrans --scenes FOLDER``: for every seed one set is made with a Bayer pattern and
one with X-Trans, both as uncompressed DNGs that LibRaw decodes, alike in everything but the filters. Each is mapped
once uncounted, and then in turn. No camera wrote these files.
"""

from __future__ import annotations

import argparse
import functools
import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.commands import mapping
from benchmarks.costs import Cost, cost_line, interleaved
from benchmarks.generate import generate
from fixtures.truth.coverage import merged
from fixtures.truth.report import comparison_lines
from fixtures.truth.truth import Comparison, Count, compare_map

PATTERNS = ("bayer", "xtrans")
MOST_POINTS = 2.0
MOST_TIMES = 1.5


def measure(folder: Path, arguments: argparse.Namespace, seed: int) -> tuple[list[Comparison], dict[str, list[Cost]]]:
    """Return what the maps of one seed found, by pattern, and what making them cost."""
    commands, truths = {}, []
    for pattern in PATTERNS:
        own = folder / f"{pattern}{seed}"
        options = ["--dng", "--pattern", pattern, "--size", arguments.size]
        generate(own, arguments, seed, options=options)
        commands[pattern] = mapping(own / "photos", own / "map.yaml", arguments.jobs)
        truths.append((own / "truth.yaml", own / "map.yaml"))
    costs = interleaved(commands, rounds=arguments.repeats)
    return [compare_map(*files) for files in truths], costs


def points(count: Count) -> float:
    """Return how many per cent were found."""
    return 100 * count.found / max(count.planted, 1)


def summary_lines(bayer: Comparison, xtrans: Comparison) -> list[str]:
    """Return both side by side, and whether the targets are met."""
    lines = []
    for words, one, other in (("strong", bayer.strong, xtrans.strong), ("some", bayer.some, xtrans.some)):
        apart = points(other) - points(one)
        shares = ", ".join(f"{own.found} of {own.planted} ({points(own):.1f} %)" for own in (one, other))
        lines.append(f"  {words:<8} {shares}: {apart:+.1f} points, {_met(apart >= -MOST_POINTS)}")
    false = [len(one.false_entries) for one in (bayer, xtrans)]
    allowed = MOST_POINTS / 100 * bayer.strong.planted
    lines.append(f"  {'false':<8} {false[0]}, {false[1]}: {_met(false[1] - false[0] <= allowed)}")
    return lines


def _met(is_met: bool) -> str:
    return "met" if is_met else "missed"


def main() -> None:
    """Measure every seed, and print all of them together."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=Path, help="folder of photographs; without it procedural scenes")
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--size", default="3888x2592")
    parser.add_argument("--seeds", type=int, nargs="+", default=[101, 102, 103])
    parser.add_argument("--repeats", type=int, default=1, help="maps of each set that count, after one that does not")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="folder to keep the generated sets in")
    arguments = parser.parse_args()
    found: list[list[Comparison]] = []
    times: list[float] = []
    with tempfile.TemporaryDirectory() as scratch:
        for seed in arguments.seeds:
            comparisons, costs = measure(arguments.keep or Path(scratch), arguments, seed)
            found.append(comparisons)
            print(f"seed {seed}: {arguments.frames} frames of {arguments.size}, Bayer and X-Trans")
            print("\n".join(summary_lines(*comparisons)))
            for pattern in PATTERNS:
                print(cost_line(pattern, costs[pattern]))
            pairs = zip(costs["xtrans"], costs["bayer"], strict=True)
            times += [one.processor_seconds / other.processor_seconds for one, other in pairs]
            sys.stdout.flush()
    bayer, xtrans = (functools.reduce(merged, own) for own in zip(*found, strict=True))
    print(f"\nall {len(arguments.seeds)} seeds")
    print("\n".join(summary_lines(bayer, xtrans)))
    ratio = statistics.median(times)
    print(f"  {'time':<8} {ratio:.2f} times the processor time a photosite: {_met(ratio <= MOST_TIMES)}")
    for words, one in (("Bayer", bayer), ("X-Trans", xtrans)):
        print("\n".join([words, *(f"  {line}" for line in comparison_lines(one))]))


if __name__ == "__main__":
    main()
