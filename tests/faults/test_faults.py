"""Bad surroundings: whatever happens, there is the old result or the new one, one line, and nothing half.

`make faults` tries signals at hundreds of random moments; a run of the tests tries a few.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sensormap.maps.mapfile.reading import read_map
from tests.support.folders import PROJECT
from tests.support.photos import write_photos, write_profile

MOMENTS = int(os.environ.get("SENSORMAP_FAULTS", "1"))
"""How many signals each command gets."""
SOME = ["map", "correct", *(["state", "bodies"] if MOMENTS > 1 else [])]
OLD = b"format: sensormap/0 an older map"
SIGNALS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129, signal.SIGKILL: -9}
SET_UP = "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return a folder of photos, their profile and their map."""
    folder = tmp_path_factory.mktemp("faults")
    write_photos(folder / "in", 6)
    profile = write_profile(folder)
    code, err = finished(start("map", folder / "in", "--profile", profile, "-o", folder / "map.yaml", "-qq"))
    assert code == 0, err
    return folder / "in", profile, folder / "map.yaml"


def start(*arguments, shell="", **environment):
    """Start the command as a process of its own, such that Ctrl-C ends it also where tests run in the background."""
    command = [sys.executable, "-c", f"{SET_UP}from sensormap.__main__ import run\nrun()", *map(str, arguments)]
    if shell:
        command = ["sh", "-c", f'{shell}; exec "$@"', "sh", *command]
    return subprocess.Popen(
        command, cwd=PROJECT, env=os.environ | environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )


def finished(process):
    """Wait for a command; return its exit code and what it said."""
    with process:
        _, err = process.communicate(timeout=300)
    return process.returncode, err.decode()


def parts(folder):
    return [path for path in folder.rglob("*") if path.name.endswith((".part", ".tmp"))]


# signals


def commands(place, out):
    folder, profile, map_file = place
    return {
        "map": ("map", folder, "--profile", profile, "-o", out / "map.yaml", "--overwrite", "-qq"),
        "state": (
            "map",
            folder,
            "--profile",
            profile,
            "-o",
            out / "map.yaml",
            "--overwrite",
            "-qq",
            "--state",
            out / "s",
        ),
        "correct": ("correct", map_file, folder, "-o", out / "copies", "--all", "-qq"),
        "bodies": ("map", folder, "--profile", profile, "-o", f"{out}/maps/", "-qq"),
    }


@pytest.mark.parametrize("name", SOME)
def test_a_signal_at_any_moment_leaves_the_old_result_or_the_new_one(place, tmp_path, name):
    rng = random.Random(os.environ.get("SENSORMAP_FAULTS_SEED", "1") + name)
    command = commands(place, tmp_path)[name]
    begun = time.monotonic()
    assert finished(start(*command))[0] == 0
    longest = time.monotonic() - begun
    whole = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*.*") if results(path)}
    for number in range(MOMENTS):
        asked = list(SIGNALS)[number % len(SIGNALS)]
        make_way(name, tmp_path)
        process = start(*command)
        time.sleep(rng.uniform(0.06, longest))
        process.send_signal(asked)
        code, err = finished(process)
        told = [line for line in err.splitlines() if not line.startswith("skipped")]
        outside = code == -asked  # while Python itself starts or ends, before or after the first or last line of ours
        assert outside or code in (0, SIGNALS[asked]), (asked, code, err)
        assert len(told) <= 1 or "sensormap" not in err, err
        for path in tmp_path.rglob("*.*"):
            if results(path):
                assert path.read_bytes() == whole[path.relative_to(tmp_path)], path
        if asked != signal.SIGKILL:
            assert not parts(tmp_path)
    make_way(name, tmp_path)
    code, err = finished(start(*command))
    assert code == 0, err
    assert not [path for path in parts(tmp_path) if path.parent.name != "shards"]
    found = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*.*") if results(path)}
    assert found == whole


def make_way(name, folder):
    """Remove what commands without --overwrite would meet."""
    for path in [*folder.rglob("*.NEF"), *folder.rglob("*.yaml")] if name in ("correct", "bodies") else ():
        path.unlink()


def results(path):
    """Tell whether a file is one that the user asked for."""
    return path.suffix in (".yaml", ".NEF") and "s" not in path.parts[-3:-1]


# disks


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits of the shell")
@pytest.mark.parametrize("blocks", [0, 4])
def test_a_disk_that_is_full_leaves_the_old_map(place, tmp_path, blocks):
    folder, profile, map_file = place
    (tmp_path / "map.yaml").write_bytes(map_file.read_bytes()[:-1])
    before = (tmp_path / "map.yaml").read_bytes()
    arguments = ("map", folder, "--profile", profile, "-o", tmp_path / "map.yaml", "--overwrite", "-qq")
    code, err = finished(start(*arguments, shell=f"ulimit -f {blocks}; trap '' XFSZ"))
    size = map_file.stat().st_size
    if 512 * blocks < size:
        assert (code, err.splitlines()[-1]) == (1, f"Error: {tmp_path}/map.yaml: cannot be written: File too large")
        assert (tmp_path / "map.yaml").read_bytes() == before
    else:
        assert code == 0, err
    assert not parts(tmp_path)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs permission bits")
def test_a_folder_that_takes_no_file_is_told_before_a_photo_is_read(place, tmp_path):
    folder, profile, _ = place
    closed = Path("/sys") if os.geteuid() == 0 else tmp_path / "closed"  # the superuser may write anywhere else
    closed.mkdir(exist_ok=True, mode=0o500)
    code, err = finished(start("map", folder, "--profile", profile, "-o", closed / "map.yaml", "-qq"))
    assert code == 1
    assert len(err.splitlines()) == 1
    assert "map.yaml: cannot be written: " in err


# files


def test_photos_that_vanish_while_they_are_mapped_cost_themselves(place, tmp_path):
    _, profile, _ = place
    for number in range(MOMENTS):
        photos = tmp_path / f"in{number}"
        paths = write_photos(photos, 12)
        process = start("map", photos, "--profile", profile, "-o", tmp_path / f"map{number}.yaml", "-qq", "--jobs", "1")
        time.sleep(0.8 + 0.1 * (number % 20))
        for path in paths[::3]:
            path.unlink()
        code, err = finished(process)
        if code == 1:  # before they were found
            assert len(err.splitlines()) == 1, err
            continue
        found = read_map(tmp_path / f"map{number}.yaml")
        assert found.frames.used + found.frames.skipped in (8, 12)


def test_two_writers_of_one_map_leave_one_of_the_two(place, tmp_path):
    folder, profile, map_file = place
    arguments = ("map", folder, "--profile", profile, "-o", tmp_path / "map.yaml", "-qq")
    both = [start(*arguments, *overwrite) for overwrite in ((), (), ("--overwrite",))]
    ended = [finished(process) for process in both]
    assert 0 in [code for code, _ in ended]
    for code, err in ended:
        assert code == 0 or "exists already" in err
    assert (tmp_path / "map.yaml").read_bytes() == map_file.read_bytes()
    assert not parts(tmp_path)


def test_two_runs_with_one_state_folder_give_the_same_map_or_one_is_refused(place, tmp_path):
    folder, profile, map_file = place
    both = [
        start(
            "map", folder, "--profile", profile, "-o", tmp_path / f"{number}.yaml", "-qq", "--state", tmp_path / "state"
        )
        for number in range(2)
    ]
    ended = [finished(process) for process in both]
    assert 0 in [code for code, _ in ended]
    for number, (code, err) in enumerate(ended):
        if code == 0:
            assert (tmp_path / f"{number}.yaml").read_bytes() == map_file.read_bytes()
        else:
            assert err.count("\n") == 1, err


# clocks


def test_a_clock_that_jumps_changes_nothing(place, tmp_path, monkeypatch):
    """Neither the times of files nor the computer's clock are asked for what a map says."""
    folder, profile, map_file = place
    jumping = (
        f"{SET_UP}import random, time\n"
        "time.time = lambda: random.uniform(-1e9, 4e9)\n"
        "time.time_ns = lambda: int(random.uniform(-1e18, 4e18))\n"
        "from sensormap.__main__ import run\nrun()"
    )
    copies = tmp_path / "in"
    copies.mkdir()
    for number, path in enumerate(sorted(folder.iterdir())):
        (copies / path.name).write_bytes(path.read_bytes())
        os.utime(copies / path.name, (number * 1e8, 4e9 - number * 1e8))
    for state in ((), ("--state", tmp_path / "state"), ("--state", tmp_path / "state")):
        command = ["map", copies, "--profile", profile, "-o", tmp_path / "map.yaml", "--overwrite", "-qq", *state]
        process = subprocess.Popen(
            [sys.executable, "-c", jumping, *map(str, command)], cwd=PROJECT, stderr=subprocess.PIPE
        )
        code, err = finished(process)
        assert code == 0, err
        assert (tmp_path / "map.yaml").read_bytes() == map_file.read_bytes()
