"""Part `start`: how long commands take to begin, and how long the first map after an installation."""

from __future__ import annotations

import statistics
import sys
import tempfile

from benchmarks.commands import mapping, sensormap
from benchmarks.costs import interleaved
from benchmarks.performance.decoding import MAP
from benchmarks.performance.sets import Plan, first, photos_of
from benchmarks.performance.targets import Outcome, Run, at_most, seconds_of

HELP, SHOW, IMPORT = Run("sensormap --help"), Run("sensormap show MAP"), Run("import sensormap")
MOST_COMMAND_S, MOST_IMPORT_S, MOST_COMPILING_S = 0.3, 0.15, 5.0
PHOTOS = 12  # fewer make no lines, whose kernels are compiled then too
_TIMES = 5  # as many runs a round: they are short


def measure(plan: Plan) -> Outcome:
    """Start what is started often many times, then the first map of an installation and the next one in turn."""
    photos = first(photos_of(plan.main_set / "photos"), PHOTOS, plan.folder / "start")
    map_file = plan.map_file("start")
    command = mapping(photos, map_file, plan.jobs, *plan.profile)
    size = (plan.size, PHOTOS, plan.jobs)
    cold, warm = Run(f"{MAP}, first of an installation", *size), Run(f"{MAP}, second of an installation", *size)
    outcome = Outcome(costs={cold: [], warm: []})
    for _ in range(plan.rounds):
        with tempfile.TemporaryDirectory() as empty:
            cached = ["env", f"NUMBA_CACHE_DIR={empty}", *command]
            outcome.add(Outcome(costs=interleaved({cold: cached, warm: cached}, rounds=1, warm_up=False)))
    commands = {
        HELP: sensormap("--help"),
        SHOW: sensormap("show", map_file),
        IMPORT: [sys.executable, "-c", "import sensormap"],
    }
    outcome.add(Outcome(costs=interleaved(commands, rounds=_TIMES * plan.rounds)))
    for run, limit in ((HELP, MOST_COMMAND_S), (SHOW, MOST_COMMAND_S), (IMPORT, MOST_IMPORT_S)):
        outcome.targets.append(at_most(str(run), seconds_of(outcome.costs[run]), limit, "s"))
    longer = [one.seconds - two.seconds for one, two in zip(outcome.costs[cold], outcome.costs[warm], strict=False)]
    words = f"{cold.command}, longer than the next"
    outcome.targets.append(at_most(words, statistics.median(longer) if longer else None, MOST_COMPILING_S, "s"))
    return outcome
