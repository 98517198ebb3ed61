"""The command line: what goes to stdout and stderr, exit codes, and terminals that file names must not steer."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from sensormap.camera.profile_files import list_profiles
from sensormap.cli.main import main
from sensormap.maps.mapfile.reading import read_map
from sensormap.maps.mapfile.writing import write_map
from tests.support.maps import toy_map
from tests.support.photos import nef, refused, run, run_script, write_photos, write_profile
from tests.support.terminal import on_terminal

CAMERAS = [profile.name for profile in list_profiles()]
TRACE = re.compile(r"Traceback|File \"|\.py")
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture
def place(tmp_path):
    """Return a folder of photos, one of them empty, and a profile."""
    write_photos(tmp_path / "photos", 12)
    (tmp_path / "photos" / "empty.nef").touch()
    return tmp_path / "photos", write_profile(tmp_path)


@pytest.fixture
def map_file(tmp_path):
    path = tmp_path / "toy.yaml"
    write_map(toy_map(), path)
    return path


def finished(*arguments, **options):
    """Run the command line as a process; return its exit code, stdout and stderr."""
    with run_script(*arguments, **options) as process:
        stdout, stderr = process.communicate(timeout=60)
    return process.returncode, (stdout or b"").decode(), (stderr or b"").decode()


# help and usage


@pytest.mark.parametrize(
    "command",
    [*("", *main.table), "cameras list", "cameras show", "cameras align", "cameras check"],
)
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help(command, option):
    result = run(*command.split(), option)
    assert (result.exit_code, result.stderr) == (0, "")
    assert f"sensormap {command}".strip() in result.stdout.splitlines()[0]


@pytest.mark.parametrize("group", [(), ("cameras",), ("state",), ("integrations",)])
def test_no_line_of_a_group_s_help_is_cut(group):
    assert "..." not in run(*group, "--help").stdout.partition("Commands:")[2].partition("Example")[0]


@pytest.mark.parametrize("name", main.table)
def test_help_lists_what_each_command_says_of_itself(name):
    command = main.get_command(click.Context(main), name)
    assert (command.name, command.help.split("\n\n")[0].replace("\n", " ")) == (name, main.table[name])


@pytest.mark.parametrize("width", [30, 50, 80, 200])
def test_help_lists_commands_as_click_does(width):
    ours, clicks = click.HelpFormatter(width=width), click.HelpFormatter(width=width)
    main.format_commands(click.Context(main), ours)
    click.Group.format_commands(main, click.Context(main), clicks)
    assert ours.getvalue() == clicks.getvalue()


def test_version():
    result = run("--version")
    assert result.exit_code == 0
    assert re.fullmatch(r"sensormap, version \d+\.\d+\.\d+\n", result.stdout)


@pytest.mark.parametrize(
    ("arguments", "kind", "parameter"),
    [
        ((), click.UsageError, ""),
        (("nap",), click.UsageError, ""),
        (("map",), click.MissingParameter, "photos"),
        (("show",), click.MissingParameter, "map_file"),
        (("coords",), click.MissingParameter, "map_file"),
        (("cameras", "show"), click.MissingParameter, "profile"),
        (("map", ".", "--jobs", "0"), click.BadParameter, "jobs"),
        (("map", ".", "--jobs", "many"), click.BadParameter, "jobs"),
        (("map", ".", "--nonsense"), click.NoSuchOption, "--nonsense"),
        (("map", ".", "--follow", "1"), click.BadParameter, "follow"),
        (("map", ".", "--follow", "0"), click.BadParameter, "follow"),
        (("map", ".", "--follow", "4097"), click.BadParameter, "follow"),
        (("map", ".", "--follow", "all"), click.BadParameter, "follow"),
        (("coords", "map.yaml", "--space", "moon"), click.BadParameter, "space"),
        (("show", "one.yaml", "two.yaml"), click.UsageError, ""),
    ],
)
def test_wrong_usage_exits_2(arguments, kind, parameter):
    assert refused(kind, *arguments) == parameter


def test_without_a_command_all_are_shown():
    assert re.findall(r"^  ([a-z]+)  ", run().stderr, re.MULTILINE) == list(main.table)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("map", ""), "an empty name: no such file, folder or pattern"),
        (("map", ".", "--profile", ""), "'' is not a camera profile: `sensormap cameras list` shows all"),
        (("map", "nowhere"), "nowhere: no such file, folder or pattern"),
        (("map", "*.nef"), "*.nef: no such file, folder or pattern"),
        (("map", "."), "no photos found: no file there has the name of a raw photo"),
        (("map", ".", "--profile", "nikon-d8O"), "did you mean nikon-d80"),
        (("map", ".", "--profile", "d80"), "did you mean nikon-d80"),
        (("map", ".", "--profile", "qqq"), "`sensormap cameras list` shows all"),
        (("map", ".", "--profile", "mine.yaml"), f"mine.yaml: cannot be read: {os.strerror(errno.ENOENT)}"),
        (("cameras", "show", "nikon-d81"), "did you mean nikon-d"),
        (("show", "nowhere.yaml"), f"nowhere.yaml: cannot be read: {os.strerror(errno.ENOENT)}"),
        (("coords", "."), ".: is a folder, expected a map"),
    ],
)
def test_errors_are_one_line_and_exit_1(tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    assert words in result.stderr


# what goes where


def test_without_output_stdout_is_the_map_and_nothing_else(place, tmp_path):
    result = run("map", place[0], "--profile", place[1])
    assert result.exit_code == 0
    (tmp_path / "copy.yaml").write_text(result.stdout, "utf-8")
    assert read_map(tmp_path / "copy.yaml").frames.used == 12
    assert result.stderr == "skipped empty.nef: is empty (0 bytes), expected a photo\n"


def test_with_output_stdout_is_the_table(place, tmp_path):
    output = tmp_path / "map.yaml"
    result = run("map", place[0], "--profile", place[1], "-o", output)
    assert result.exit_code == 0
    assert result.stdout.startswith("Camera ")
    assert result.stdout.endswith(f"\nwritten to {output}\n")
    assert run("show", output).stdout in result.stdout
    assert run("map", place[0], "--profile", place[1], "-o", output).exit_code == 1
    assert run("map", place[0], "--profile", place[1], "-o", output, "--overwrite").exit_code == 0


@pytest.mark.parametrize(
    ("options", "followed"),
    [((), 12), (("--follow", 8), 8), (("--follow", 2), 2), (("--no-follow",), 0), (("--follow", 8, "--no-follow"), 0)],
    ids=str,
)
def test_a_second_pass_follows_some_frames_all_or_none(place, tmp_path, options, followed):
    result = run("map", place[0], "--profile", place[1], "-o", tmp_path / "map.yaml", *options)
    assert result.exit_code == 0
    capped = "confidences are capped; a map to rely on takes 10 or more"
    few = f"only {followed} frames: {capped}\n" if 0 < followed < 10 else ""
    assert result.stderr == "skipped empty.nef: is empty (0 bytes), expected a photo\n" + few
    found = read_map(tmp_path / "map.yaml")
    assert (found.frames.used, found.frames.followed) == (12, followed)
    assert (found.false_positives is None) == (followed < 3)


def test_what_makes_a_map_less_certain_is_told_on_stderr(place, tmp_path):
    photos = sorted(place[0].glob("DSC*"))[:9]
    for options in ((), ("--no-follow",)):
        result = run("map", *photos, "--profile", place[1], *options)
        assert result.exit_code == 0
        assert result.stderr == "only 9 frames: confidences are capped; a map to rely on takes 10 or more\n"
    result = run("map", *photos, "--profile", place[1], "-qq")
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("options", "told", "untold", "table"),
    [
        (["-qq"], [], ["skipped", "photos", "frame 0"], False),
        (["-q"], ["skipped empty.nef"], ["files found", "frame 0"], False),
        ([], ["skipped empty.nef"], ["files found", "frame 0"], True),
        (["-q", "-v"], ["skipped empty.nef"], ["files found"], True),
        (
            ["-v"],
            ["skipped empty.nef", "13 files found", "12 photos, profile small", "decoys, 12 frames"],
            ["frame 0"],
            True,
        ),
        (["-vv"], ["13 files found", "frame 0", "DSC_0000.NEF"], [], True),
        (["-vvvv", "-q"], ["frame 0"], [], True),
    ],
    ids=["-qq", "-q", "nothing", "-q -v", "-v", "-vv", "-vvvv -q"],
)
def test_verbosity(place, tmp_path, options, told, untold, table):
    result = run("map", place[0], "--profile", place[1], "-o", tmp_path / "map.yaml", *options)
    assert result.exit_code == 0
    assert [words for words in told if words not in result.stderr] == []
    assert [words for words in untold if words in result.stderr] == []
    assert bool(result.stdout) == table


def test_everything_told_of_an_error_includes_where_it_arose(tmp_path):
    result = run("map", tmp_path, "-vv")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].startswith("Error: no photos found")


def test_a_pipe_gets_no_progress_no_colours_and_nothing_that_libraw_prints(place, tmp_path):
    (place[0] / "cut.nef").write_bytes(nef(20)[:-9000])
    code, stdout, stderr = finished("map", place[0], "--profile", place[1], "-o", tmp_path / "map.yaml")
    assert code == 0
    assert "\x1b" not in stdout + stderr
    assert [line.split(":")[0] for line in stderr.splitlines()] == ["skipped empty.nef", "skipped cut.nef"]


def test_show_and_coords_read_what_map_wrote(map_file):
    assert "NIKON D80" in run("show", map_file).stdout
    shown = {space: run("coords", map_file, "--space", space).stdout.split() for space in ("raw", "active", "jpeg")}
    assert "17,4" in shown["raw"]
    assert "15,3" in shown["active"]
    assert "14,2" in shown["jpeg"]
    assert run("coords", map_file).stdout.split() == shown["raw"]


def test_cameras():
    listed = run("cameras", "list").stdout.splitlines()
    assert [line.split()[0] for line in listed[1:]] == CAMERAS
    for name in CAMERAS[::50]:
        shown = run("cameras", "show", name)
        assert shown.exit_code == 0
        assert name in shown.stdout


@pytest.mark.parametrize("width", [60, 80, 120])
def test_cameras_have_a_line_each_on_any_terminal(width, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(width))
    lines = run("cameras", "list").stdout.splitlines()
    assert len(lines) == len(CAMERAS) + 1
    assert max(map(len, lines)) <= width
    assert lines == [line.rstrip() for line in lines]
    assert ("EXIF model" in lines[0]) == (width >= 120)


def test_cameras_are_searched():
    listed = run("cameras", "list", "nikon", "d8").stdout.splitlines()
    assert [line.split()[0] for line in listed[1:]] == [name for name in CAMERAS if name.startswith("nikon-d8")]
    told = {line.split()[0]: "unverified" in line for line in listed[1:]}
    assert (told["nikon-d80"], told["nikon-d850"]) == (False, True)
    none = run("cameras", "list", "no such camera")
    assert none.exit_code == 1
    assert "no profile of 'no such camera'" in none.stderr


def test_a_profile_file_of_the_user_s_own_is_shown(tmp_path):
    result = run("cameras", "show", write_profile(tmp_path))
    assert result.exit_code == 0
    assert "192 x 128" in result.stdout


# names of files


NAMES = {
    "space": "a b.nef",
    "unicode": "ünï 日本.nef",
    "newline": "a\nskipped b.nef",
    "colour": "a\x1b[31mb.nef",
    "title": "a\x1b]0;owned\x07b.nef",
    "backwards": "a\u202egnp.nef",
    "markup": "[red]a[bold].nef",
    "not text": os.fsdecode(b"a\xff\xfe.nef"),
    "dash": "-v.nef",
    "percent": "%s%d.nef",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_file_names_do_not_steer_the_terminal(place, tmp_path, name):
    photos, profile = place
    (photos / "empty.nef").unlink()
    (photos / name).touch()
    output = tmp_path / "map.yaml"
    texts = [run("map", photos, "--profile", profile, "-o", output), run("show", output)]
    assert [result.exit_code for result in texts] == [0, 0]
    assert len(texts[0].stderr.splitlines()) == 1
    texts += [
        run("map", photos, "--profile", profile, "--strict"),
        run("map", "--", tmp_path / f"{name}.not"),
        run("show", photos / name),
        run("map", photos, "--profile", profile, "-o", photos / name),
        run("map", photos, "--profile", photos / f"{name}.yaml"),
    ]
    assert [result.exit_code for result in texts[2:]] == [1] * 5
    assert [len(result.stderr.splitlines()) for result in texts[2:]] == [1] * 5
    for result in texts:
        assert all(letter == "\n" or letter.isprintable() for letter in result.output), result.output
    assert read_map(output).skipped[0].name == name


def test_a_map_is_written_under_a_name_that_needs_care(place, tmp_path):
    for name in NAMES.values():
        result = run("map", place[0], "--profile", place[1], "-o", tmp_path / f"{name}.yaml")
        assert result.exit_code == 0
        assert read_map(tmp_path / f"{name}.yaml").frames.used == 12
        assert all(letter == "\n" or letter.isprintable() for letter in result.stdout), result.stdout


# ends of pipes and disks


@pytest.mark.parametrize(
    "command", [("show", "--all"), ("coords",), ("show",), ("diff", "other.yaml")], ids=" ".join
)
def test_a_reader_that_stops_early_ends_the_command_quietly(map_file, command):
    write_map(toy_map(columns=()), map_file.with_name("other.yaml"))
    command = [map_file.with_name(word) if word == "other.yaml" else word for word in command]
    read, write = os.pipe()
    os.close(read)
    code, _, stderr = finished(*command, map_file, stdout=write)
    os.close(write)
    assert code in (0, 1)
    assert stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("command", ["show", "coords"])
def test_a_full_disk_is_one_line(map_file, command):
    with Path("/dev/full").open("wb") as full:
        code, _, stderr = finished(command, map_file, stdout=full)
    assert (code, stderr) == (1, f"Error: standard output cannot be written: {os.strerror(errno.ENOSPC)}\n")


def test_no_standard_error_at_all(place):
    command = [sys.executable, "-m", "sensormap", "map", place[0], "--profile", place[1]]
    done = subprocess.run(["sh", "-c", 'exec "$@" 2>&-', "sh", *command], stdout=subprocess.PIPE, check=True)
    assert done.stdout.startswith(b"format: sensormap/1\n")


# on a terminal


SLOW = """
from sensormap.decode.reading import read_frame
from sensormap.survey.run import map_defects
def slow(*arguments):
    time.sleep(0.05)
    return read_frame(*arguments)
map_defects.__kwdefaults__["read"] = slow
# Draw the bar at every update: on a busy machine ten times a second may be never.
from rich.progress import Progress
update = Progress.update
Progress.update = lambda *arguments, **values: update(*arguments, **values, refresh=True)
"""


@pytest.mark.parametrize("follow", [12, 5, 0])
def test_a_terminal_shows_both_passes_one_after_the_other(place, tmp_path, follow):
    options = ("--follow", follow) if follow else ("--no-follow",)
    output = tmp_path / "map.yaml"
    code, text = on_terminal("map", place[0], "--profile", place[1], "-o", output, *options, patch=SLOW)
    assert code == 0
    counts = re.findall(r"(\d+)/(\d+) (?:decoding|\d)", ESCAPE.sub("", text))
    changes = [one for one, before in zip(counts, [None, *counts], strict=False) if one != before]
    starts = [i for i, (done, _) in enumerate(changes) if done == "0"]
    passes = [changes[a:b] for a, b in zip(starts, [*starts[1:], len(changes)], strict=True)]
    # Of the photos that are followed, those that were looked at in the first pass are not read again.
    again = {12: 9, 5: 4}.get(follow)
    assert [{int(total) for _, total in shown} for shown in passes] == ([{12}, {again}] if follow else [{12}])
    for shown in passes:
        assert len(shown) > (2 if shown[-1][1] == "12" else 1)
        assert shown == sorted(shown, key=lambda count: int(count[0]))
    assert changes[-1] == (str(again or 12),) * 2


@pytest.mark.parametrize("columns", [100, 60])
def test_a_terminal_shows_the_pace_and_the_time_left_until_the_end(place, tmp_path, columns):
    output = tmp_path / "map.yaml"
    command = ("map", place[0], "--profile", place[1], "-o", output, "--jobs", 1)
    code, text = on_terminal(*command, columns=columns, patch=SLOW)
    assert code == 0
    lines = [line.strip() for line in re.split(r"[\r\n]+", ESCAPE.sub("", text))]
    bars = [line for line in lines if line.startswith("mapping")]
    assert any(re.search(r"9/9 \d+\.\d frames/s, 0:00 left$", bar) for bar in bars), bars
    assert max(map(len, bars)) <= columns
    assert "skipped empty.nef: is empty (0 bytes), expected a photo" in lines
    assert lines[-2] == f"written to {output}"
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") == 1, "the cursor comes back"


@pytest.mark.parametrize("option", ["-q", "-qq"])
def test_a_quiet_run_shows_no_progress_on_a_terminal(place, tmp_path, option):
    code, text = on_terminal("map", place[0], "--profile", place[1], "-o", tmp_path / "map.yaml", option)
    assert code == 0
    assert "mapping" not in text
    assert ("skipped empty.nef" in text) == (option == "-q")


DECODERS = {"numba", "rawpy", "imageio", "tifffile", "exifread", "simplejpeg", "scipy"}
HELP = DECODERS | {"numpy", "yaml", "rich"}


@pytest.mark.parametrize(
    ("command", "lazy"),
    [
        ("--help", HELP | {"matplotlib", "difflib", "sensormap.maps.entries"}),
        ("map --help", HELP),
        ("evaluate --help", HELP),
        ("correct --help", HELP),
        ("show --help", DECODERS | {"rich"}),
        ("plot --help", HELP | {"matplotlib"}),
        ("completion bash", HELP | {"matplotlib"}),
        ("show MAP", DECODERS | {"numpy", "matplotlib", "statsmodels"}),
        ("show MAP --kind hot --sort score --picture", DECODERS | {"numpy"}),
        ("show MAP --json", DECODERS | {"numpy", "rich"}),
        ("show MAP --csv", DECODERS | {"numpy", "rich"}),
        ("show MAP --visible 1/60", DECODERS),
        ("coords MAP", DECODERS | {"rich", "numpy"}),
        ("cameras list", DECODERS | {"numpy"}),
        ("cameras show nikon-d80", DECODERS | {"numpy"}),
        ("cameras align --help", DECODERS | {"numpy", "rich"}),
    ],
)
def test_what_a_command_does_not_need_it_does_not_import(map_file, command, lazy):
    """These libraries take from a tenth of a second to several to import."""
    patch = f"import atexit\natexit.register(lambda: os.write(2, repr(sorted({lazy} & set(sys.modules))).encode()))"
    words = (map_file if word == "MAP" else word for word in command.split())
    code, stdout, stderr = finished(*words, patch=patch)
    assert (code, stderr) == (0, "[]")
    assert stdout


# examples


def every_command(group=main, words=()):
    """Yield the words of every command, of groups too."""
    context = click.Context(group, info_name="sensormap")
    yield words
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from every_command(command, (*words, name))
        else:
            yield (*words, name)


@pytest.mark.parametrize("words", list(every_command()), ids=" ".join)
def test_every_help_has_an_example_of_that_command(words):
    text = run(*words, "--help").stdout
    assert re.search(r"^  Examples?:$", text, re.MULTILINE)
    examples = [line.split() for line in text.split("Example")[-1].splitlines() if line.startswith("    sensormap ")]
    assert examples
    assert all(line[: len(words) + 1] == ["sensormap", *words] for line in examples)
    assert not [line for line in examples if problem_of(line)]


def problem_of(words):
    """Say which command or option of a line does not exist; "" if all do."""
    group, rest = main, words[1:]
    while isinstance(group, click.Group) and rest and not rest[0].startswith("-"):
        group, rest = group.get_command(click.Context(group), rest[0]), rest[1:]
        if group is None:
            return "no such command"
    known = {name for option in group.params for name in option.opts} | {"--help"}
    return ", ".join(word for word in rest if re.match("--?[a-z]", word) and word not in known)


@pytest.mark.parametrize(
    ("word", "meant"), [("shwo", "Did you mean 'show'?"), ("mpa", "Did you mean 'map'?"), ("qqqq", "No such command")]
)
def test_a_command_that_was_meant_is_named(word, meant):
    result = run(word)
    assert result.exit_code == 2
    assert meant in result.stderr
    assert result.stderr.count("Did you mean") <= 1


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (("show", "toy.yml"), "toy.yaml"),
        (("map", "photo"), "photos"),
        (("correct", "toy.yaml", "photo", "-o", "fixed"), "photos"),
    ],
)
def test_a_file_that_was_meant_is_named(place, map_file, monkeypatch, arguments, meant):
    monkeypatch.chdir(map_file.parent)
    result = run(*arguments)
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert result.stderr.endswith(f"; did you mean {meant}?\n")
