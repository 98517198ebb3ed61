"""Part `decode`: maps of raw photos beside a bare decode of the same files, with either decoder."""

from __future__ import annotations

from pathlib import Path

from benchmarks.commands import bare_decode, mapping
from benchmarks.costs import interleaved
from benchmarks.judging import of_map
from benchmarks.performance.sets import Plan
from benchmarks.performance.targets import NOT_MEASURED, Outcome, Run, Target, share_of

DECODE, MAP, NO_FOLLOW = "bare decode by rawpy", "map", "map --no-follow"
LIBRAW, LIBRAW_NO_FOLLOW = "map --decoder rawpy", "map --no-follow --decoder rawpy"
BY_LIBRAW = ("--decoder", "rawpy")
TWINS = ((MAP, LIBRAW), (NO_FOLLOW, LIBRAW_NO_FOLLOW))

# The whole `map`, in multiples of the bare decode; with `--decoder rawpy` as of any camera that LibRaw decodes.
MOST = {NO_FOLLOW: 0.60, MAP: 0.95, LIBRAW_NO_FOLLOW: 1.25, LIBRAW: 2.2}


def measure(plan: Plan) -> Outcome:
    """Run all maps and the bare decode in turn."""
    photos, truth = plan.main_set / "photos", plan.main_set / "truth.yaml"
    maps = {name: plan.map_file(name.replace(" ", "")) for name in (NO_FOLLOW, MAP, LIBRAW_NO_FOLLOW, LIBRAW)}
    commands = {DECODE: bare_decode(photos, plan.jobs)}
    for name, map_file in maps.items():
        options = (*plan.profile, *(BY_LIBRAW if "rawpy" in name else ()))
        commands[name] = mapping(photos, map_file, plan.jobs, *options, follow="--no-follow" not in name)
    runs = {name: Run(name, plan.size, plan.frames, plan.jobs) for name in commands}
    costs = interleaved({runs[name]: command for name, command in commands.items()}, rounds=plan.rounds)
    bare = costs[runs[DECODE]]
    targets = [
        share_of(f"{name}, of the bare decode", costs[runs[name]], bare, limit)
        for name, limit in MOST.items()
    ]
    targets += [_same_bytes(f"{other} writes the bytes of {one}", maps[one], maps[other]) for one, other in TWINS]
    findings = [of_map(name, truth, map_file) for name, map_file in maps.items() if map_file.exists()]
    return Outcome(targets, costs, findings)


def _same_bytes(words: str, one: Path, other: Path) -> Target:
    """Return a target for two maps."""
    if not (one.exists() and other.exists()):
        return Target(words, "yes", NOT_MEASURED, met=False)
    same = one.read_bytes() == other.read_bytes()
    return Target(words, "yes", "yes" if same else "no", same)
