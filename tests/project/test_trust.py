"""What a map, a list or a state folder from someone else can do: nothing but be read. See SECURITY.md."""

from __future__ import annotations

import ast
import os
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensormap import Options, map_defects
from sensormap.camera.profile import Body
from sensormap.formats.registry import FORMATS
from sensormap.maps.map_names import map_names
from sensormap.maps.mapfile.writing import map_text, write_map
from sensormap.shards.catalogue_file import schema
from tests.support.folders import PROJECT
from tests.support.maps import toy_map
from tests.support.photos import run, write_photos, write_profile

# code

RUNS_CODE = {"eval", "exec", "compile", "__import__", "system", "popen"}
MODULES = {
    # Kernels that numba compiled on this machine, in the user's own cache, each checked by its sum.
    "pickle": {"kernel_cache.py", "shards/add_up.py", "survey/engines/culprits.py", "survey/engines/try_photos.py"},
    # A process of our own for photos that a library dies of.
    "subprocess": {"survey/engines/culprits.py"},
    "marshal": set(),
    "shelve": set(),
    "runpy": set(),
}
"""Modules that make code of data, and where they may be imported: never for what comes from outside."""


def sources():
    return sorted((PROJECT / "sensormap").rglob("*.py"))


def test_nothing_that_is_read_is_run_as_code():
    for path in sources():
        where = path.relative_to(PROJECT / "sensormap").as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = {alias.name for alias in node.names} | {getattr(node, "module", None)}
                assert not {name for name in names if where not in MODULES.get(name, {where})}, where
            elif isinstance(node, ast.Call):
                called = node.func
                name = called.id if isinstance(called, ast.Name) else getattr(called, "attr", "")
                of_regex = isinstance(called, ast.Attribute) and getattr(called.value, "id", "") == "re"
                assert name not in RUNS_CODE or of_regex, f"{where}:{node.lineno}"
                options = {option.arg: option.value for option in node.keywords}
                if "allow_pickle" in options:
                    assert ast.literal_eval(options["allow_pickle"]) is False, f"{where}:{node.lineno}"


def test_numpy_files_are_read_without_objects():
    loads = [path for path in sources() if "np.load(" in path.read_text(encoding="utf-8")]
    assert [path.name for path in loads] == ["numpy_list.py"]


@pytest.mark.parametrize("tag", ["!!python/object/apply:os.system ['touch ran']", "!!python/name:os.system", "!x y"])
def test_a_map_runs_no_code(tmp_path, monkeypatch, tag):
    monkeypatch.chdir(tmp_path)
    text = map_text(toy_map()).replace(f'profile: "{toy_map().profile}"', f"profile: {tag}")
    assert tag in text
    Path("evil.yaml").write_text(text, encoding="utf-8")
    found = run("show", "evil.yaml")
    assert found.exit_code == 1
    assert "is not part of the format" in found.stderr
    assert os.listdir() == ["evil.yaml"]  # noqa: PTH208


# paths

HOSTILE = ["../../up", "/tmp/abs", "a/b", "..", ".", "C:\\x", "a\\..\\b", "con", "x" * 60, "\u202etxt", "~root", "-o"]


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize(
    "form", [form for form in FORMATS.values() if form.file_name is not None], ids=lambda one: one.name
)
def test_an_exported_list_stays_in_its_folder_whatever_the_map_calls_the_camera(tmp_path, form, name):
    out = tmp_path / "one" / "two" / "out"
    out.mkdir(parents=True)
    body = Body(name, name, name)
    path = tmp_path / "one" / "two" / "map.yaml"
    write_map(replace(toy_map(), body=body, profile=name), path)
    before = set(tmp_path.rglob("*"))
    found = run("export", path, "--format", form.name, "-o", out)
    new = set(tmp_path.rglob("*")) - before
    assert all(one.parent == out for one in new)
    assert (found.exit_code == 0) == bool(new)


@given(st.lists(st.builds(Body, *[st.text(max_size=64) | st.sampled_from(HOSTILE)] * 3), min_size=1, max_size=4))
def test_a_map_for_a_camera_stays_in_its_folder_whatever_its_photos_call_it(bodies):
    names = list(map_names(dict.fromkeys(bodies)).values())
    assert all(Path(name).name == name and name.endswith(".yaml") and not name.startswith(".") for name in names)
    assert len(set(names)) == len(names)


SUPER_JOURNAL = bytes.fromhex("d9d505f920a163d7")
STATE_MEMBERS = [
    "shards",
    f"shards/{'0a' * 32}.npz",
    "in-use.txt",
    *(name + beside for name in ("lock.sqlite", "catalogue.sqlite") for beside in ("", "-wal", "-shm", "-journal")),
]

LINKS = [
    *((name, "new.txt") for name in STATE_MEMBERS),
    ("in-use.txt", "empty.txt"),
    ("in-use.txt", "process.txt"),
    ("lock.sqlite", "other.sqlite"),
    ("catalogue.sqlite", "other.sqlite"),
    ("shards", "folder"),
]


@pytest.fixture(scope="module")
def a_state(tmp_path_factory):
    """Return a folder with photos, a profile and the state folder of a map of them."""
    place = tmp_path_factory.mktemp("trust")
    write_photos(place / "in", 2)
    options = Options(profile=str(write_profile(place)), follow=0, state=place / "state")
    write_map(map_defects([place / "in"], options), place / "map.yaml")
    return place


COMMANDS = {
    "map": lambda place, state: ["map", place / "in", "--profile", place / "small.yaml", "-q", "--state", state],
    "map --fresh": lambda place, state: [*COMMANDS["map"](place, state), "--fresh"],
    "show": lambda place, state: ["state", "show", state],
    "check": lambda place, state: ["state", "check", "--remove", state],
    "forget": lambda place, state: ["state", "forget", state, place / "in" / "DSC_0000.NEF"],
    "merge from": lambda place, state: ["state", "merge", state, "-o", state.with_name("merged")],
    "merge into": lambda place, state: ["state", "merge", place / "state", "-o", state],
}


@pytest.mark.parametrize(("name", "target"), LINKS)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_state_folder_that_leads_elsewhere_changes_nothing_there(tmp_path, a_state, command, name, target):
    elsewhere, state = tmp_path / "elsewhere", tmp_path / "state"
    (elsewhere / "folder").mkdir(parents=True)
    (elsewhere / "folder" / "notes.txt").write_text("mine")
    (elsewhere / "empty.txt").touch()
    (elsewhere / "process.txt").write_text("process of mine")
    with sqlite3.connect(elsewhere / "other.sqlite") as connection:
        connection.execute("CREATE TABLE mine (x)")
    connection.close()
    before = {path: path.read_bytes() if path.is_file() else b"" for path in elsewhere.rglob("*")}
    shutil.copytree(a_state / "state", state)
    member = state / name
    if member.is_dir():
        shutil.rmtree(member)
    member.unlink(missing_ok=True)
    member.symlink_to(elsewhere / target)
    found = run(*COMMANDS[command](a_state, state))
    assert (found.exit_code, found.stderr.count("\n")) == (1, 1)
    assert f"{member}: is a link, expected a fi" in found.stderr or name == "shards"
    assert {path: path.read_bytes() if path.is_file() else b"" for path in elsewhere.rglob("*")} == before


@pytest.mark.parametrize("name", ["lock.sqlite", "catalogue.sqlite"])
def test_a_journal_that_names_another_file_deletes_nothing(tmp_path, a_state, name):
    shutil.copytree(a_state / "state", tmp_path / "state")
    other = tmp_path / "mine.txt"
    other.write_text("mine\n" * 100)
    file, path = tmp_path / "state" / name, os.fsencode(other)
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA journal_mode=DELETE")
    connection.close()
    data = file.read_bytes() or bytes(4096)
    head = bytes.fromhex("d9d505f920a163d7") + bytes(8) + (len(data) // 4096).to_bytes(4) + (512).to_bytes(4)
    head += (4096).to_bytes(4)
    end = (1 << 18 | 1).to_bytes(4) + path + len(path).to_bytes(4) + sum(path).to_bytes(4) + SUPER_JOURNAL
    file.with_name(f"{name}-journal").write_bytes(head.ljust(512, b"\0") + end)
    found = run(*COMMANDS["show"](a_state, tmp_path / "state"))
    assert other.exists()
    assert found.stderr == f"Error: {file}-journal: leads to another file, expected a journal of one file\n"


ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)"
FOREIGN_SQL = {
    "a view": f"DROP TABLE files; CREATE VIEW files AS {ENDLESS} SELECT x path, 1 size, 1 stamp, 'x' digest FROM c",
    "a view of versions": f"DROP TABLE about; CREATE VIEW about AS {ENDLESS} SELECT max(x) AS version FROM c",
    "a trigger": f"CREATE TRIGGER t BEFORE INSERT ON files BEGIN SELECT count(*) FROM ({ENDLESS} SELECT x FROM c); END",
    "a check": "DROP TABLE maps; CREATE TABLE maps (key TEXT PRIMARY KEY, content TEXT NOT NULL CHECK (abs(content)))",
    "an index": "CREATE INDEX i ON shards (hex(name))",
    "a table": "CREATE TABLE mine (x)",
    "a long map": "INSERT INTO maps VALUES ('k', CAST(zeroblob(90000000) AS TEXT))",
    "a long blob": "INSERT INTO maps VALUES ('k', zeroblob(90000000))",
    "a number for a path": "INSERT INTO headers VALUES (3000000000, 1, 1, 'x')",
    "a text for a size": "INSERT INTO files VALUES (x'00', 'x', 1, 'x')",
    "no path": "INSERT INTO files VALUES (NULL, 1, 1, 'x')",
    "a long digest": "UPDATE files SET digest = digest || digest",
    "a blob for a name": "INSERT INTO shards VALUES ('x', x'fe')",
    "many rows": f"INSERT INTO shards SELECT 'x', x FROM ({ENDLESS} SELECT x FROM c LIMIT 40)",
    "long names": "INSERT INTO shards VALUES ('x', hex(zeroblob(6000)))",
    "two versions": "INSERT INTO about VALUES (3)",
}


@pytest.mark.parametrize("sql", FOREIGN_SQL.values(), ids=FOREIGN_SQL)
def test_a_catalogue_that_no_run_has_written_is_refused_and_none_of_its_sql_is_run(tmp_path, a_state, monkeypatch, sql):
    monkeypatch.setitem(schema._MAX_ROWS, "shards", 30)
    monkeypatch.setattr(schema, "_MAX_PATHS_BYTES", 10_000)
    state = tmp_path / "state"
    shutil.copytree(a_state / "state", state)
    with sqlite3.connect(state / "catalogue.sqlite") as connection:
        connection.executescript(sql)
    connection.close()
    for command in ("show", "forget"):
        found = run(*COMMANDS[command](a_state, state))
        assert (found.exit_code, found.stderr.count("\n")) == (1, 1)
        assert found.stderr.startswith(f"Error: {state / 'catalogue.sqlite'}: ")
    assert f"{state / 'catalogue.sqlite'}: " in run(*COMMANDS["merge from"](a_state, state)).stderr
    mapped = run(*COMMANDS["map"](a_state, state), "--no-follow", "-o", tmp_path / "map.yaml")
    assert "put aside as catalogue.sqlite.unusable-1" in mapped.stderr
    assert (tmp_path / "map.yaml").read_bytes() == (a_state / "map.yaml").read_bytes()


def test_signals_end_what_takes_sqlite_long(monkeypatch):
    monkeypatch.setattr(schema, "interrupted", Event())
    connection = schema.connect(":memory:")
    schema.interrupted.set()
    with pytest.raises(sqlite3.OperationalError, match="interrupted"):
        connection.execute(f"{ENDLESS} SELECT max(x) FROM c")
    connection.close()
