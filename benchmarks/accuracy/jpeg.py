"""`sensormap map` on full-size JPEGs beside the running-variance script and a bare decode: time, memory, what is found.

Run ``python -m benchmarks.accuracy.jpeg --scenes FOLDER``; one set of photos is generated for every seed, and kept if
asked. ``--no-time`` runs map and script once on every set and only compares what they list with what was planted.
``--small`` maps many small sets instead, without the script: what is found, and how many false entries there are beside
those that the maps expect.
"""

from __future__ import annotations

import argparse
import csv
import functools
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, product
from pathlib import Path

import yaml

from benchmarks.accuracy.raw import print_totals
from benchmarks.commands import bare_decode, mapping, running_variance
from benchmarks.costs import Cost, cost_line, ratio_line, run
from benchmarks.generate import generate
from benchmarks.programs.running_variance import LOWEST
from fixtures.camera.defects import KINDS
from fixtures.camera.develop import DEVELOPMENTS
from fixtures.series import Recipe
from fixtures.truth.coverage import merged
from fixtures.truth.nearby import visible_defects
from fixtures.truth.report import comparison_lines
from fixtures.truth.truth import Comparison, Count, Truth, compare_map, read_truth

MAP, SCRIPT, SINGLE, DECODE = "map", "running variance", "running variance, one process", "bare decode"

# Small sets hold more defects than their size deserves: of 27 no share could be told.
SMALL, SMALL_FRAMES = ("--size", "1280x864", "--defects", "50"), 50

Place = tuple[int, int]


@dataclass(frozen=True)
class Steady:
    """What the script's pixels of the lowest variance are.

    Attributes
    ----------
    by_kind
        Planted strong defects that the pictures show, by kind; found are those with a listed pixel within one pixel.
    columns
        Planted columns, likewise.
    pixels, false_pixels
        Listed pixels, and those with nothing planted within one pixel.
    blobs, false_blobs
        The same pixels, counting those that touch as one; false where none of them is near anything planted.
    """

    by_kind: dict[str, Count]
    columns: Count
    pixels: int
    false_pixels: int
    blobs: int
    false_blobs: int


@dataclass(frozen=True)
class Outcome:
    """What map and script found in one set, and what each command cost, run by run."""

    costs: dict[str, list[Cost]]
    comparison: Comparison
    steady: Steady


def around(places: set[Place]) -> set[Place]:
    """Return the places and all that touch them."""
    return {(x + i, y + j) for (x, y), i, j in product(places, (-1, 0, 1), (-1, 0, 1))}


def blobs_of(places: set[Place]) -> Iterator[set[Place]]:
    """Yield the groups of places that touch."""
    rest = set(places)
    while rest:
        edge = {rest.pop()}
        blob = set(edge)
        while edge:
            edge = around(edge) & rest
            rest -= edge
            blob |= edge
        yield blob


def judge(truth: Truth, crop: Sequence[int], pixels: set[Place]) -> Steady:
    """Compare the script's pixels, placed in the pictures, with what is planted inside their crop."""
    places = {(x + crop[0], y + crop[1]) for x, y in pixels}
    visible = visible_defects(truth.defects, crop)
    lines = [{(line.x, y) for y in range(line.y0, line.y1 + 1)} for line in truth.columns]
    hit = around(places)
    near = around({(one.x, one.y) for one in visible}.union(*lines))
    blobs = list(blobs_of(places))
    strong = {kind: [(one.x, one.y) for one in visible if one.strong and one.kind == kind] for kind in KINDS}
    return Steady(
        by_kind={kind: Count(len(planted), len(hit.intersection(planted))) for kind, planted in strong.items()},
        columns=Count(len(lines), sum(not hit.isdisjoint(line) for line in lines)),
        pixels=len(places),
        false_pixels=len(places - near),
        blobs=len(blobs),
        false_blobs=sum(blob.isdisjoint(near) for blob in blobs),
    )


def judge_files(truth_file: Path, map_file: Path, points_file: Path) -> Steady:
    """Compare the script's list with what is planted; the map of the same pictures says where their crop lies."""
    crop = yaml.safe_load(map_file.read_text("utf-8"))["sensor"]["jpeg_crop"]
    with points_file.open(encoding="utf-8", newline="") as file:
        pixels = {(int(row["x"]), int(row["y"])) for row in csv.DictReader(file)}
    return judge(read_truth(truth_file), crop, pixels)


def commands_for(folder: Path, arguments: argparse.Namespace) -> dict[str, list[str]]:
    """Return the commands to be compared on one set."""
    pictures, jobs = folder / "jpegs", arguments.jobs
    points, lowest = folder / "lowest.csv", ("--lowest", arguments.lowest)
    return {
        DECODE: bare_decode(pictures, jobs),
        MAP: mapping(pictures, folder / "jpegs.yaml", jobs),
        SCRIPT: running_variance(pictures, points, jobs, *lowest),
        SINGLE: running_variance(pictures, points, 1, *lowest),
    }


def measure(commands: Mapping[str, list[str]], *, repeats: int, single: bool) -> dict[str, list[Cost]]:
    """Return what each command costs, run in turn, after one uncounted run of all but the script."""
    for name in (DECODE, MAP):
        run(commands[name])
    costs: dict[str, list[Cost]] = {DECODE: [], MAP: [], SCRIPT: []}
    for _ in range(repeats):
        for name, runs in costs.items():
            runs.append(run(commands[name]))
    if single:
        costs[SINGLE] = [run(commands[SINGLE])]
    return costs


def look(folder: Path, arguments: argparse.Namespace) -> Outcome:
    """Run everything on one set and compare what was found with what was planted."""
    commands, costs = commands_for(folder, arguments), {}
    if arguments.no_time:
        for name in (MAP, SCRIPT):
            run(commands[name])
    else:
        costs = measure(commands, repeats=arguments.repeats, single=arguments.single)
    truth_file, map_file = folder / "truth.yaml", folder / "jpegs.yaml"
    steady = judge_files(truth_file, map_file, folder / "lowest.csv")
    return Outcome(costs, compare_map(truth_file, map_file), steady)


def print_costs(costs: Mapping[str, list[Cost]]) -> None:
    """Print what each command costs, and how the map's time compares with the others."""
    for name, runs in costs.items():
        print(cost_line(name, runs))
    for one, other in ((MAP, SCRIPT), (MAP, DECODE), (SCRIPT, DECODE)):
        print(ratio_line(f"{one} to {other}", costs[one], costs[other]))


def print_side_by_side(comparison: Comparison, steady: Steady) -> None:
    """Print what map and script found of the planted defects that stand out, and what else they list."""
    def found(words: str, one: Count, other: Count) -> None:
        shares = (f"{count.found:6} of {count.planted:4}" for count in (one, other))
        print(f"  {words:<40}{''.join(f'{share:>20}' for share in shares)}")

    print(f"  {'':<40}{'map':>20}{SCRIPT:>20}")
    strong = functools.reduce(merged, steady.by_kind.values())
    found("beyond 3 sigma in half of their frames", comparison.strong, strong)
    for kind in KINDS:
        found(f"  {kind}", comparison.by_kind[kind], steady.by_kind[kind])
    found("partial columns", comparison.columns, steady.columns)
    print(f"  {'false entries, false pixels':<40}{len(comparison.false_entries):>20}", end="")
    print(f"{f'{steady.false_pixels:6} of {steady.pixels:4}':>20}")
    print(f"  {'false pixels, those that touch as one':<60}{f'{steady.false_blobs:6} of {steady.blobs:4}':>20}")


def report(folder: Path, arguments: argparse.Namespace, heading: str) -> Outcome:
    """Measure one set, print its results and return them."""
    if not (folder / "jpegs").is_dir():
        sys.exit(f"{folder}: a set without JPEGs; remove it, or keep the sets elsewhere")
    outcome = look(folder, arguments)
    print(f"\n{heading}: {len(list((folder / 'jpegs').iterdir()))} JPEGs", end="")
    if outcome.costs:
        print(f", {arguments.jobs} threads or processes, median of {arguments.repeats} runs")
        print_costs(outcome.costs)
    print()
    print_side_by_side(outcome.comparison, outcome.steady)
    for line in comparison_lines(outcome.comparison):
        print(f"  {line}")
    sys.stdout.flush()
    return outcome


def small_sets(folder: Path, arguments: argparse.Namespace) -> None:
    """Map small sets of JPEGs, and print of each, of each development and of all what was found and what is false."""
    arguments.frames = SMALL_FRAMES
    found: dict[str, list[Comparison]] = {}
    for seed, demosaic in zip(arguments.seeds, cycle(arguments.demosaic), strict=False):
        made, made_map = folder / f"small{seed}-{demosaic}", folder / f"small{seed}-{demosaic}.yaml"
        generate(made, arguments, seed, options=["--jpeg", "--demosaic", demosaic, *SMALL])
        run(mapping(made / "jpegs", made_map, arguments.jobs, "--profile", made / "profile.yaml"))
        comparison = compare_map(made / "truth.yaml", made_map)
        found.setdefault(demosaic, []).append(comparison)
        print_false(f"{seed}, {demosaic}", [comparison])
    for demosaic, comparisons in found.items():
        print_false(f"all {len(comparisons)} of {demosaic}", comparisons)
    every = [comparison for comparisons in found.values() for comparison in comparisons]
    print_false(f"all {len(every)}", every)
    print_totals(every)


def print_false(words: str, comparisons: Sequence[Comparison]) -> None:
    """Print on a line what some maps found of the strong defects, and how many false entries they have and expect."""
    total = functools.reduce(merged, comparisons)
    strong, false = total.strong, len(total.false_entries)
    share = strong.found / strong.planted if strong.planted else float("nan")
    line = f"{words:<24}{strong.found:4} of {strong.planted:4} strong, {share:6.1%}; kinds {total.kinds_right:6.1%}; "
    print(f"{line}false {false:3}, expected {sum(total.estimates):5.2f}", flush=True)


def parse() -> argparse.Namespace:
    """Return the arguments."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help=f"map sets of {SMALL_FRAMES} photos of {SMALL[1]} pixels")
    parser.add_argument("--scenes", type=Path, help="folder of photographs; without it procedural scenes")
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--seeds", type=int, nargs="+", default=[411, 412])
    parser.add_argument(
        "--demosaic", nargs="+", choices=DEVELOPMENTS, default=[*DEVELOPMENTS], help="of the sets, in turn"
    )
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2, help="threads, and processes of the script")
    parser.add_argument("--lowest", type=int, default=LOWEST, help="pixels that the script lists")
    parser.add_argument("--single", action="store_true", help="run the script in one process too, once a set")
    parser.add_argument("--keep", type=Path, help="folder to keep the sets in; those there are used as they are")
    parser.add_argument("--no-time", action="store_true", help="run map and script once on every set, and time nothing")
    return parser.parse_args()


def main() -> None:
    """Measure every seed."""
    arguments = parse()
    outcomes = []
    with tempfile.TemporaryDirectory() as scratch:
        if arguments.small:
            small_sets(arguments.keep or Path(scratch), arguments)
            return
        for seed, demosaic in zip(arguments.seeds, cycle(arguments.demosaic), strict=False):
            name = f"seed{seed}" if demosaic == Recipe.demosaic else f"seed{seed}-{demosaic}"
            folder = (arguments.keep or Path(scratch)) / name
            generate(folder, arguments, seed, options=["--jpeg", "--demosaic", demosaic])
            outcomes.append(report(folder, arguments, f"seed {seed}, {demosaic}"))
    if len(outcomes) > 1:
        print_totals([outcome.comparison for outcome in outcomes])
        total = functools.reduce(merged, outcomes)
        print_side_by_side(total.comparison, total.steady)
        if total.costs:
            print_costs(total.costs)


if __name__ == "__main__":
    main()
