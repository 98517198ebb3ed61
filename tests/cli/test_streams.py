"""Closed, full and narrow-minded terminals and files: no result is lost in silence, and no message costs a run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from sensormap.maps.mapfile.reading import read_map
from sensormap.maps.mapfile.writing import map_text, write_map
from tests.support.folders import PROJECT
from tests.support.maps import toy_map
from tests.support.photos import write_photos, write_profile

ASCII = {"PYTHONIOENCODING": "ascii:strict", "LC_ALL": "C"}
FULL = "Error: standard output cannot be written: No space left on device\n"
CLOSED = "Error: standard output cannot be written: Bad file descriptor\n"

pytestmark = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs the devices of Linux")  # noqa: PTH110


@pytest.fixture
def map_file(tmp_path):
    path = tmp_path / "toy.yaml"
    write_map(toy_map(), path)
    return path


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Return a folder with photos and a file that is none, named beyond ASCII, and a profile."""
    folder = tmp_path_factory.mktemp("photos")
    write_photos(folder / "in", 2)
    (folder / "in" / "плохо.NEF").write_bytes(b"no photo")
    return folder / "in", write_profile(folder)


def start(*arguments, shell="", **environment):
    """Start the command, its standard output and error where the shell puts them, or caught."""
    command = [sys.executable, "-m", "sensormap", *map(str, arguments)]
    if shell:
        command = ["sh", "-c", f'exec "$@" {shell}', "sh", *command]
    kept = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "PYTHONUNBUFFERED")}
    return subprocess.Popen(
        command, cwd=PROJECT, env=kept | environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


def ended(command, **options):
    """Run a command; return its exit code, standard output and standard error."""
    done = subprocess.run(list(map(str, command)), check=False, capture_output=True, **({"cwd": PROJECT} | options))
    return done.returncode, done.stdout, done.stderr.decode()


def finished(*arguments, shell="", **environment):
    """Run the command; return its exit code, standard output and standard error."""
    with start(*arguments, shell=shell, **environment) as process:
        out, err = process.communicate(timeout=300)
    return process.returncode, out, err.decode()


# standard output


@pytest.mark.parametrize("unbuffered", [{}, {"PYTHONUNBUFFERED": "1"}], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize("command", [["show"], ["coords"], ["merge"], ["--help"], ["map", "--help"], ["--version"]])
def test_a_full_or_closed_standard_output_is_one_line_and_exit_1(map_file, command, unbuffered):
    maps = {"show": [map_file], "coords": [map_file], "merge": [map_file, map_file]}.get(command[0], [])
    assert finished(*command, *maps, shell=">/dev/full", **unbuffered) == (1, b"", FULL)
    assert finished(*command, *maps, shell=">&-", **unbuffered) == (1, b"", CLOSED)


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_disk_that_fills_up_half_way_is_told(tmp_path, map_file, unbuffered):
    # The first 4096 bytes fit; where output is not buffered, Python would drop the rest and say nothing.
    shell = f"ulimit -f 8; trap '' XFSZ; exec \"$@\" >'{tmp_path}/out'"
    command = [sys.executable, "-m", "sensormap", "schema"]
    environment = os.environ | {"PYTHONUNBUFFERED": unbuffered}
    code, _, err = ended(["sh", "-c", shell, "sh", *command], env=environment)
    assert (code, err) == (1, "Error: standard output cannot be written: File too large\n")


def test_a_map_for_a_closed_standard_output_is_refused_before_a_photo_is_read(photos):
    folder, profile = photos
    code, _, err = finished("map", folder, "--profile", profile, shell=">&-")
    assert (code, err) == (1, CLOSED)


def test_a_map_in_a_file_needs_no_standard_output(photos, tmp_path):
    folder, profile = photos
    path = tmp_path / "map.yaml"
    assert finished("map", folder, "--profile", profile, "-o", path, "-qq", shell=">&-")[::2] == (0, "")
    assert read_map(path).frames.used == 2


@pytest.mark.parametrize("locale", [ASCII, {"PYTHONIOENCODING": "latin-1"}, {}], ids=["ASCII", "Latin-1", "own"])
def test_a_map_on_standard_output_is_utf_8_whatever_the_locale(photos, locale):
    folder, profile = photos
    code, out, _ = finished("map", folder, "--profile", profile, **locale)
    assert code == 0
    assert 'name: "плохо.NEF"' in out.decode("utf-8")


def test_what_a_terminal_cannot_show_is_escaped(map_file):
    text = map_text(toy_map())
    named = text.replace(f'model: "{toy_map().body.model}"', 'model: "НИКОН"')
    assert named != text
    map_file.write_text(named, encoding="utf-8")
    for command in ("show", "history"):
        code, out, err = finished(command, map_file, **ASCII)
        assert (code, err) == (0, "")
        assert rb"\u041d\u0418" in out


def test_other_errors_are_not_put_down_to_standard_output(photos, tmp_path):
    folder, profile = photos
    # A folder that is gone while the command is in it: nothing relative can be found, not even what is absolute.
    shell = f'mkdir "{tmp_path}/gone"; cd "{tmp_path}/gone"; rmdir "{tmp_path}/gone"; exec "$@"'
    command = [sys.executable, "-m", "sensormap", "map", folder, "--profile", profile, "-qq"]
    environment = os.environ | {"PYTHONPATH": str(PROJECT)}
    code, _, err = ended(["sh", "-c", shell, "sh", *command], env=environment, cwd=None)
    assert code == 1
    assert err.splitlines()[-1] == "Error: the current folder does not exist any more: change to another one"


@pytest.mark.parametrize("columns", ["0", "00", "-3", "x"])
def test_a_terminal_that_does_not_know_its_width_shows_all(map_file, columns):
    code, out, err = finished("show", map_file, COLUMNS=columns)
    assert (code, err) == (0, "")
    assert out == finished("show", map_file)[1]


# standard error


@pytest.mark.parametrize("shell", ["2>/dev/full", "2>&-", "2>&1 | head -c 1"])
def test_a_message_that_cannot_be_written_never_costs_the_map(photos, tmp_path, shell):
    folder, profile = photos
    path = tmp_path / "map.yaml"
    finished("map", folder, "--profile", profile, "-o", path, "-q", "-v", "-v", "-v", shell=shell)
    assert read_map(path).frames.used == 2


def test_a_message_that_cannot_be_written_never_ends_correct(photos, tmp_path):
    folder, profile = photos
    finished("map", folder, "--profile", profile, "-o", tmp_path / "map.yaml", "-q")
    code, _, _ = finished(
        "correct", tmp_path / "map.yaml", folder, "--dng", "--all", "-o", tmp_path / "out", "-v", shell="2>/dev/full"
    )
    assert (code, len(list((tmp_path / "out").iterdir()))) == (1, 2)


# signals


ASKED = (
    "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"  # also where tests run in background
)
SIGNALS = {
    "SIGINT": (130, "Interrupted!"),
    "SIGTERM": (143, "Ended by a signal!"),
    "SIGHUP": (129, "Ended by a signal!"),
}


@pytest.mark.parametrize("name", SIGNALS)
def test_a_signal_is_one_line_and_leaves_nothing_behind(map_file, tmp_path, name):
    script = (
        f"{ASKED}import os, sys, time\n"
        "def wait(descriptor):\n"
        "    print('begun', flush=True)\n"
        "    time.sleep(60)\n"
        "os.fsync = wait\n"  # while a file is half written
        "from sensormap.__main__ import run\n"
        "run()"
    )
    out = tmp_path / "out"
    out.mkdir()
    command = [sys.executable, "-c", script, "merge", map_file, map_file, "-o", out / "map.yaml"]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"begun\n"
        assert [path.suffix for path in out.iterdir()] == [".part"]
        process.send_signal(getattr(signal, name))
        _, err = process.communicate(timeout=300)
    code, line = SIGNALS[name]
    assert (process.returncode, err.decode()) == (code, f"{line}\n")
    assert not list(out.iterdir())


def test_a_signal_that_an_import_swallows_ends_the_command_all_the_same(map_file):
    patch = (
        f"{ASKED}import os\n"
        "import sensormap.maps.mapfile.reading as reading\n"
        "def swallow(path, read=reading.read_map):\n"
        "    try:\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "        for _ in range(1000): pass\n"
        "    except BaseException:\n"
        "        pass\n"
        "    return read(path)\n"
        "import sensormap.cli.commands.show as show\n"
        "show.read_map = swallow\n"
    )
    script = f"{patch}\nfrom sensormap.cli.main import main\nmain(prog_name='sensormap')"
    code, _, err = ended([sys.executable, "-c", script, "show", map_file])
    assert (code, err) == (130, "Interrupted!\n")


@pytest.mark.parametrize("name", SIGNALS)
def test_a_signal_while_modules_are_imported_is_one_line(map_file, name):
    script = (
        f"{ASKED}import os, sys, builtins\n"
        "real = builtins.__import__\n"
        "def hooked(name, *rest):\n"
        "    if name == 'click':\n"
        f"        os.kill(os.getpid(), signal.{name})\n"
        "    return real(name, *rest)\n"
        "from sensormap.__main__ import run\n"
        "builtins.__import__ = hooked\n"
        "run()"
    )
    code, line = SIGNALS[name]
    assert ended([sys.executable, "-c", script, "show", map_file]) == (code, b"", f"{line}\n")


# too little of something


NO_THREADS = """
import _thread, threading
def refuse(*_):
    raise RuntimeError("can't start new thread")
threading._start_new_thread = refuse
"""


@pytest.mark.parametrize("command", ["map", "correct"])
def test_without_threads_there_is_one_line_with_a_remedy(photos, map_file, tmp_path, command):
    folder, profile = photos
    arguments = {"map": [folder, "--profile", profile], "correct": [map_file, folder, "-o", tmp_path / "out"]}[command]
    script = f"{NO_THREADS}\nfrom sensormap.__main__ import run\nrun()"
    code, _, err = ended([sys.executable, "-c", script, command, *arguments])
    assert (code, err) == (1, "Error: no more threads can be started: fewer --jobs need less\n")


@pytest.mark.parametrize("threads", ["0", "-1"])
def test_a_setting_that_the_compiler_refuses_is_one_line_that_names_it(photos, threads):
    folder, profile = photos
    code, _, err = finished("map", folder, "--profile", profile, "-qq", NUMBA_NUM_THREADS=threads)
    assert code == 1
    (line,) = err.splitlines()
    assert line.startswith("Error: the compiler numba does not start: Number of threads")
    assert "NUMBA_NUM_THREADS" in line


def test_a_library_that_cannot_be_loaded_is_one_line(map_file):
    script = (
        "import sensormap.cli.commands.show as show\n"
        "def refuse(_):\n"
        "    raise ImportError('cmath.so: failed to map segment from shared object')\n"
        "show.read_map = refuse\n"
        "from sensormap.__main__ import run\n"
        "run()"
    )
    code, _, err = ended([sys.executable, "-c", script, "show", map_file])
    expected = "too little memory is free, or the installation is damaged: cmath.so: failed to map segment from shared"
    assert (code, err) == (1, f"Error: {expected} object\n")
