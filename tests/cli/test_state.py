"""The command `state`: folders that `map --state` made, and hostile ones."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
from types import SimpleNamespace

import pytest

from sensormap import check_state, describe_state, forget_photos, merge_states
from sensormap.errors import StateError
from sensormap.shards.file_format import archive
from sensormap.shards.state import State
from sensormap.shards.state_folder import CATALOGUE
from sensormap.shards.state_tools import Forgotten
from tests.support.photos import nef, run, survey_of, write_photos, write_profile

FOREIGN = ("notes.txt", "shards/notes.npz", "shards/notes.txt")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return two state folders: of three photos, and of three others of which one cannot be used."""
    home = tmp_path_factory.mktemp("states")
    profile = write_profile(home)
    first = write_photos(home / "first")
    second = write_photos(home / "second", 4, first=10)
    second[-1].write_bytes(nef(13)[:-20_000])
    for photos, state in [(first, "a"), (second, "b")]:
        survey_of(*photos, profile=profile, state=str(home / state), follow=0)
    return SimpleNamespace(home=home, profile=profile, first=first, second=second)


@pytest.fixture
def states(made, tmp_path):
    """Return copies of them, which a test may change, with foreign files."""
    for name in "ab":
        shutil.copytree(made.home / name, tmp_path / name)
        for foreign in FOREIGN:
            (tmp_path / name / foreign).write_text("mine")
    yield SimpleNamespace(**vars(made) | {"a": tmp_path / "a", "b": tmp_path / "b", "c": tmp_path / "c"})
    for name in "ab":
        assert all((tmp_path / name / foreign).read_text() == "mine" for foreign in FOREIGN)


def shards_of(state):
    return sorted(path for path in (state / "shards").glob("*.npz") if len(path.stem) == 64)


def contents(state):
    """Return all files of a folder but those that locking it makes."""
    files = (path for path in state.rglob("*") if path.is_file() and path.name != "lock.sqlite")
    return {str(path.relative_to(state)): path.read_bytes() for path in files}


def map_with(states, photos, state):
    """Map photos once more, and return how many shards were surveyed."""
    before = {path: path.stat().st_mtime_ns for path in shards_of(state)} if state.exists() else {}
    survey_of(*photos, profile=states.profile, state=str(state), follow=0)
    return sum(before.get(path) != path.stat().st_mtime_ns for path in shards_of(state))


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def damage(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def cut_off(path):
    path.write_bytes(path.read_bytes()[:-100])


def empty(path):
    path.write_bytes(b"")


def of_another_shard(path):
    """Give the file the name of another shard."""
    path.rename(path.with_name(f"{'0' * 64}.npz"))


def forge(path, change):
    """Change what a file says, with a right digest."""
    data = path.read_bytes()
    entries = archive.read_entries(data)
    members = [(entry.name, archive.content(data, entry, entry.size)) for entry in entries]
    path.write_bytes(archive.pack(change(members)))


def of_another_version(path):
    forge(path, lambda members: [(members[0][0], members[0][1].replace(b'"version":1', b'"version":2')), *members[1:]])


def with_a_huge_shape(path):
    big = b'"shape":[90000000,90000000]'
    forge(path, lambda members: [(members[0][0], members[0][1].replace(b'"shape":[123,188]', big)), *members[1:]])


def without_a_member(path):
    forge(path, lambda members: members[:-1])


def with_another_size(path):
    forge(path, lambda members: [*members[:-1], (members[-1][0], members[-1][1] + b"0")])


def a_folder(path):
    path.unlink()
    path.mkdir()


def a_pipe(path):
    path.unlink()
    os.mkfifo(path)


DAMAGE = {
    damage: "SHA-256",
    cut_off: "SHA-256",
    empty: "expected a zip archive",
    of_another_shard: "fingerprint",
    of_another_version: "version",
    with_a_huge_shape: "shape",
    without_a_member: "members of other names",
    with_another_size: "bytes, expected",
    a_folder: "is a folder",
    a_pipe: "is a pipe",
}


def test_show_counts(states):
    done = run("state", "show", states.b)
    assert done.exit_code == 0, done.stderr
    size = shards_of(states.b)[0].stat().st_size
    rows = {line[:26].strip(): line[26:].strip() for line in done.stdout.splitlines() if line.strip()}
    assert list(rows) == ["photos known", "shards", "maps kept", "version of the state", "version of the algorithm"]
    assert (rows["photos known"], rows["shards"], rows["maps kept"]) == ("4", f"1, {size / 1e6:.1f} MB", "1")
    assert describe_state(str(states.b)).shard_bytes == size


def test_looking_changes_nothing(states):
    before = contents(states.a)
    assert run("state", "show", states.a).exit_code == 0
    assert run("state", "check", states.a).stdout == "1 shard read\n"
    assert contents(states.a) == before


@pytest.mark.parametrize("spoil", DAMAGE)
def test_check_finds_damage_and_removes_it(states, spoil):
    spoil(shards_of(states.a)[0])
    path = shards_of(states.a)[0]
    done = run("state", "check", states.a)
    assert done.exit_code == 1
    assert DAMAGE[spoil] in done.stdout
    assert done.stdout.startswith(f"{path}: ")
    assert done.stderr == "Error: 1 damaged file; --remove takes them away\n"
    assert shards_of(states.a) == [path]
    if spoil is a_folder:
        assert "cannot be deleted" in run("state", "check", states.a, "--remove").stderr
        return
    done = run("state", "check", states.a, "--remove")
    assert (done.exit_code, done.stderr) == (1, "Error: 1 damaged file; removed\n")
    assert run("state", "check", states.a).stdout == "0 shards read\n"


def test_what_was_removed_is_surveyed_again(states):
    cut_off(shards_of(states.a)[0])
    with sqlite3.connect(states.a / CATALOGUE) as connection:
        connection.execute("DELETE FROM maps")
    connection.close()
    check_state(states.a, remove=True)
    assert map_with(states, states.first, states.a) == 1
    assert check_state(states.a).damaged == ()


def test_a_damaged_catalogue_is_told_and_put_aside(states):
    (states.a / CATALOGUE).write_bytes(b"no catalogue" * 1000)
    for command in (["show", states.a], ["forget", states.a, "0" * 64]):
        done = run("state", *command)
        assert (done.exit_code, done.stdout) == (1, "")
        assert done.stderr.startswith(f"Error: {states.a / CATALOGUE}: ")
    found = check_state(states.a)
    assert [one.path for one in found.damaged] == [states.a / CATALOGUE]
    assert not found.removed
    assert run("state", "check", states.a, "--remove").exit_code == 1
    assert (states.a / f"{CATALOGUE}.unusable-1").exists()
    assert check_state(states.a).damaged == ()
    assert describe_state(states.a).photos == 0


def test_a_folder_without_a_catalogue_is_one(states):
    (states.a / CATALOGUE).unlink()
    found = describe_state(states.a)
    assert (found.photos, found.shards, found.maps) == (0, 1, 0)
    assert not (states.a / CATALOGUE).exists()
    assert forget_photos(states.a, [digest(states.first[0])]).shards == 1


def test_merge_joins_and_leaves_the_others_alone(states):
    before = contents(states.a), contents(states.b)
    done = run("state", "merge", states.a, states.b, "-o", states.c)
    assert (done.exit_code, done.stdout, done.stderr) == (0, "2 shards copied, 0 there already\n", "")
    assert (contents(states.a), contents(states.b)) == before
    for path in (*shards_of(states.a), *shards_of(states.b)):
        assert (states.c / "shards" / path.name).read_bytes() == path.read_bytes()
    assert describe_state(states.c).photos == 7
    assert map_with(states, states.first, states.c) == 0
    assert map_with(states, states.second, states.c) == 0
    with State(states.c) as state:
        assert not state._unlisted
    assert run("state", "merge", states.a, "-o", states.c).stdout == "0 shards copied, 1 there already\n"


def test_merge_into_one_that_exists_keeps_what_it_knows(states):
    shutil.copytree(states.b, states.c)
    merged = merge_states([states.a, states.b, states.a], states.c)
    assert (merged.copied, merged.present, merged.damaged) == (1, 2, ())
    assert describe_state(states.c).maps == 1


def test_merge_leaves_out_and_names_what_is_damaged(states):
    damage(shards_of(states.a)[0])
    (states.b / CATALOGUE).write_bytes(b"no catalogue" * 1000)
    before = contents(states.a), contents(states.b)
    done = run("state", "merge", states.a, states.b, "-o", states.c)
    assert (done.exit_code, done.stdout) == (0, "1 shard copied, 0 there already, 2 damaged files left out\n")
    assert [line.split(": ")[0] for line in done.stderr.splitlines()] == [
        str(shards_of(states.a)[0]),
        str(states.b / CATALOGUE),
    ]
    assert (contents(states.a), contents(states.b)) == before
    assert [path.name for path in shards_of(states.c)] == [path.name for path in shards_of(states.b)]


def test_merge_reads_what_a_killed_run_left_beside_the_catalogue(states):
    holder = sqlite3.connect(states.a / CATALOGUE, isolation_level=None)
    holder.execute("INSERT INTO files VALUES (?, 1, 1, ?)", (b"/more.NEF", "1" * 64))
    before = contents(states.a)
    assert f"{CATALOGUE}-wal" in before
    merge_states([states.a], states.c)
    assert contents(states.a) == before
    holder.close()
    assert describe_state(states.c).photos == 4


@pytest.mark.parametrize("place", ["{a}", "{a}/.", "{a}/shards/more", "{home}/link"])
def test_merge_into_one_of_them_is_refused(states, tmp_path, place):
    (tmp_path / "link").symlink_to(states.a)
    before = contents(states.a)
    done = run("state", "merge", states.b, states.a, "-o", place.format(a=states.a, home=tmp_path))
    assert done.exit_code == 1
    assert "is one of the folders to merge" in done.stderr
    assert contents(states.a) == before


@pytest.mark.parametrize("by", ["path", "digest", "old path", "copy"])
def test_forget_drops_all_that_a_photo_was_in(states, tmp_path, by):
    shutil.copytree(states.a, states.c)
    merge_states([states.b], states.c)
    shutil.copytree(states.home / "first", tmp_path / "copies")
    photo = states.first[1]
    copy = tmp_path / "copies" / "other"
    name = {"path": photo, "digest": digest(photo).upper(), "old path": photo, "copy": copy}[by]
    copy.with_name(photo.name).rename(copy)
    if by == "old path":
        content = photo.read_bytes()
        photo.unlink()
    done = run("state", "forget", states.c, name)
    if by == "old path":
        photo.write_bytes(content)
    assert (done.exit_code, done.stdout) == (0, "1 shard, 1 known file and 1 map dropped\n")
    assert [path.name for path in shards_of(states.c)] == [path.name for path in shards_of(states.b)]
    found = describe_state(states.c)
    assert (found.photos, found.maps) == (6, 0)
    for path in states.c.rglob("*.npz"):
        assert digest(photo).encode() not in path.read_bytes()


def test_forget_drops_shards_with_a_skipped_photo_of_that_name(states):
    assert forget_photos(states.b, [digest(states.second[-1])]).shards == 1
    assert shards_of(states.b) == []


def test_forget_drops_damaged_shards_too(states):
    damage(shards_of(states.b)[0])
    assert forget_photos(states.b, ["0" * 64]).shards == 1


def test_forgetting_what_is_not_known_drops_no_shard(states):
    unknown = "f" * 64, str(states.second[0])
    done = run("state", "forget", states.a, *unknown)
    assert (done.exit_code, done.stdout) == (1, "0 shards, 0 known files and 0 maps dropped\n")
    assert done.stderr == f"Error: {states.a}: knows nothing of {', '.join(unknown)}\n"
    assert (len(shards_of(states.a)), describe_state(states.a).maps) == (1, 1)
    assert forget_photos(states.a, [*unknown, states.first[0]]) == Forgotten(1, 1, 1, unknown)


@pytest.mark.parametrize("deleted", [False, True])
def test_forget_drops_headers_too(states, tmp_path, deleted):
    photos = write_photos(tmp_path / "photos")
    assert run("scan", tmp_path / "photos", "--state", states.c).exit_code == 0
    if deleted:
        photos[1].unlink()
    done = run("state", "forget", states.c, photos[1])
    assert (done.exit_code, done.stdout) == (0, "0 shards, 1 known file and 0 maps dropped\n")
    connection = sqlite3.connect(states.c / CATALOGUE)
    assert connection.execute("SELECT path FROM headers").fetchall() == [
        (os.fsencode(photos[0]),),
        (os.fsencode(photos[2]),),
    ]
    connection.close()


@pytest.mark.parametrize("missing", ["nowhere.NEF", "nowhere/nowhere.NEF", ".", "nul\0.NEF"])
def test_forgetting_what_cannot_be_told_drops_nothing(states, tmp_path, missing):
    before = contents(states.a)
    with pytest.raises(StateError, match="expected a photo, one that is known"):
        forget_photos(states.a, [states.first[0], tmp_path / missing])
    assert contents(states.a) == before


def nothing(path):
    pass


def an_empty_folder(path):
    path.mkdir()


def a_folder_of_photos(path):
    write_photos(path, 1)
    (path / "shards").mkdir()
    (path / "shards" / "mine.npz").write_bytes(b"mine")


def a_file(path):
    path.write_bytes(b"mine")


def a_link_to_itself(path):
    path.symlink_to(path)


BAD = {
    nothing: "does not exist",
    an_empty_folder: "is no state folder",
    a_folder_of_photos: "is no state folder",
    a_file: "is no folder",
    a_link_to_itself: "",
}
CALLS = {
    "show": lambda bad, _: ("show", bad),
    "check": lambda bad, _: ("check", bad, "--remove"),
    "merge": lambda bad, states: ("merge", states.a, bad, "-o", states.c),
    "forget": lambda bad, _: ("forget", bad, "0" * 64),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("make", BAD)
def test_what_is_no_state_folder_is_refused_and_left_alone(states, tmp_path, make, call):
    bad = tmp_path / "bad"
    make(bad)
    before = sorted(tmp_path.rglob("*"))
    done = run("state", *CALLS[call](bad, states))
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"Error: {bad}")
    assert BAD[make] in done.stderr
    assert [path for path in sorted(tmp_path.rglob("*")) if path.name != "lock.sqlite"] == [
        path for path in before if path.name != "lock.sqlite"
    ]


@pytest.mark.parametrize("call", [*CALLS, "into"])
def test_a_folder_in_use_is_refused(states, call):
    calls = CALLS | {"into": lambda bad, states: ("merge", states.a, "-o", bad)}
    with State(states.b):
        before = contents(states.b)
        done = run("state", *calls[call](states.b, states))
        assert contents(states.b) == before
    assert (done.exit_code, done.stdout) == (1, "")
    assert f"{states.b}: in use by process {os.getpid()}" in done.stderr


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser writes everywhere")
@pytest.mark.parametrize("call", [*CALLS, "into"])
def test_a_read_only_folder_is_refused(states, call):
    calls = CALLS | {"into": lambda bad, states: ("merge", states.a, "-o", bad)}
    for path in (states.b, *states.b.rglob("*")):
        path.chmod(0o500 if path.is_dir() else 0o400)
    try:
        done = run("state", *calls[call](states.b, states))
    finally:
        for path in (states.b, *states.b.rglob("*")):
            path.chmod(0o700 if path.is_dir() else 0o600)
    assert (done.exit_code, done.stdout) == (1, "")
    assert f"{states.b}: cannot be written" in done.stderr


def test_a_plan_tells_what_would_be_read_and_reads_nothing(states, monkeypatch):
    options = ("--profile", states.profile, "--no-follow", "--dry-run")
    before = contents(states.b)
    monkeypatch.setattr("sensormap.survey.first_pass.run_first_pass", None)
    for more, last in [
        ((), "4 photos to read, 0 known"),
        (("--state", states.a), "4 photos to read, 0 known"),
        (("--state", states.b), "0 photos to read, 4 known"),
        (("--state", states.b, "--fresh"), "4 photos to read, 0 known"),
        (("--state", states.b, "--retry-skipped"), "4 photos to read, 0 known"),
        (("--state", states.c), "4 photos to read, 0 known"),
    ]:
        done = run("map", *states.second, *options, *more)
        assert done.exit_code == 0, done.stderr
        assert done.stdout.splitlines()[-1] == last, more
        assert "DSC_0010.NEF" in done.stdout
    assert contents(states.b) == before
    assert not states.c.exists()
    with State(states.b):
        assert "in use" in run("map", *states.second, *options, "--state", states.b).stderr


def test_a_plan_is_for_one_camera(states, tmp_path):
    done = run("map", *states.second, "--dry-run", "-o", tmp_path)
    assert done.exit_code == 2
    assert "--dry-run is for one camera" in done.stderr
