"""Part `peers`: maps beside other programs for the same: rawpy's own function, and the running-variance script."""

from __future__ import annotations

from benchmarks.commands import bad_pixels, mapping, running_variance
from benchmarks.costs import interleaved
from benchmarks.judging import of_map, of_pixels, of_points
from benchmarks.performance.decoding import BY_LIBRAW, LIBRAW, MAP
from benchmarks.performance.sets import Plan, photos_of
from benchmarks.performance.targets import Outcome, Run, times_faster

FUNCTION, MAP_JPEGS = "rawpy.enhance.find_bad_pixels", "map of the JPEGs"
SCRIPT, SINGLE = "running variance of the JPEGs", "running variance of the JPEGs, one process"
LEAST_FUNCTION, LEAST_BY_LIBRAW, LEAST_SCRIPT = 7.0, 3.0, 5.5


def measure(plan: Plan) -> Outcome:
    """Run maps, function and script in turn; the function uses one thread but for its medians."""
    folder, truth = plan.main_set, plan.main_set / "truth.yaml"
    photos, pictures = folder / "photos", folder / "jpegs"
    map_file, other_map, jpeg_map = (plan.map_file(name) for name in ("beside-function", "by-libraw", "jpegs"))
    points, lowest = map_file.with_name("function.csv"), map_file.with_name("script.csv")
    for path in (points, lowest):
        path.unlink(missing_ok=True)
    commands = {
        Run(MAP, plan.size, plan.frames, plan.jobs): mapping(photos, map_file, plan.jobs, *plan.profile),
        Run(LIBRAW, plan.size, plan.frames, plan.jobs): mapping(
            photos, other_map, plan.jobs, *plan.profile, *BY_LIBRAW
        ),
        Run(FUNCTION, plan.size, plan.frames, 1): bad_pixels(photos, points),
        Run(MAP_JPEGS, plan.size, plan.frames, plan.jobs): mapping(pictures, jpeg_map, plan.jobs, *plan.profile),
        Run(SCRIPT, plan.size, plan.frames, plan.jobs): running_variance(pictures, lowest, plan.jobs),
        Run(SINGLE, plan.size, plan.frames, 1): running_variance(pictures, lowest, 1),
    }
    costs = interleaved(commands, rounds=plan.rounds)
    raw, by_libraw, function, jpeg, script, single = costs.values()
    targets = [
        times_faster(f"{MAP}, faster than {FUNCTION}", raw, function, LEAST_FUNCTION),
        times_faster(f"{LIBRAW}, faster than {FUNCTION}", by_libraw, function, LEAST_BY_LIBRAW),
        times_faster(f"{MAP_JPEGS}, faster than {SCRIPT}, {plan.jobs} processes", jpeg, script, LEAST_SCRIPT),
        times_faster(f"{MAP_JPEGS}, faster than {SINGLE}", jpeg, single, LEAST_SCRIPT),
    ]
    findings = []
    if points.exists():
        findings.append(of_points(FUNCTION, truth, points, photos_of(photos)[0]))
    if jpeg_map.exists():
        findings.append(of_map(MAP_JPEGS, truth, jpeg_map))
    if jpeg_map.exists() and lowest.exists():
        findings.append(of_pixels(SCRIPT, truth, jpeg_map, lowest))
    return Outcome(targets, costs, findings)
