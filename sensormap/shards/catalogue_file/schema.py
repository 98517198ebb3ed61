"""The tables of a catalogue, and the refusal of any others: a view or trigger of somebody else's would be run."""

from __future__ import annotations

import sqlite3
from functools import cache

from sensormap.threads import interrupted

VERSION = 3
APPLICATION_ID = int.from_bytes(b"snsm")
"""What our SQLite files have in their header, so that nobody takes another program's for them, or them for those."""

ABOUT = "CREATE TABLE about (version INTEGER NOT NULL)"
_TABLES = f"""
{ABOUT};
CREATE TABLE files (path BLOB PRIMARY KEY, size INTEGER NOT NULL, stamp INTEGER NOT NULL, digest TEXT NOT NULL);
CREATE TABLE headers (path BLOB PRIMARY KEY, size INTEGER NOT NULL, stamp INTEGER NOT NULL, content TEXT NOT NULL);
CREATE TABLE maps (key TEXT PRIMARY KEY, content TEXT NOT NULL);
CREATE TABLE shards (sizes TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (sizes, name));
"""

MAX_VALUE_BYTES = 1 << 26
"""Of a kept map, the longest value; it takes some times as much memory to read."""

_MAX_ROWS = {"files": 2_000_000, "headers": 2_000_000, "maps": 200_000, "shards": 200_000}
_MAX_PATHS_BYTES = 1 << 29  # of a table: paths and names are read at once
_CONTENT = f"typeof(content) = 'text' AND length(content) <= {MAX_VALUE_BYTES}"
_FILE = "typeof(path) = 'blob' AND typeof(size) = 'integer' AND typeof(stamp) = 'integer'"
_ROWS = {
    "files": ("path", f"{_FILE} AND typeof(digest) = 'text' AND length(digest) <= 64"),
    "headers": ("path", f"{_FILE} AND {_CONTENT}"),
    "maps": ("key", f"typeof(key) = 'text' AND {_CONTENT}"),
    "shards": ("name", "typeof(name) = 'text' AND typeof(sizes) = 'text' AND length(sizes) <= 64"),
}
"""Of each table what names a row, and what holds of one."""

_STEPS = 100_000  # of SQLite's machine: a millisecond or two
_SCHEMA = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name LIMIT 100"


class UnusableError(Exception):
    """A file that is no catalogue, a damaged one, or one of another version."""


def connect(path: str) -> sqlite3.Connection:
    """Open a file, or ":memory:", so that no value takes much memory, and signals end what takes long."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)
    connection.set_progress_handler(lambda: int(interrupted.is_set()), _STEPS)  # a handler of Python lets signals in
    return connection


def make_tables(connection: sqlite3.Connection) -> None:
    """Make the tables of an empty file."""
    made = f"PRAGMA application_id={APPLICATION_ID};{_TABLES}INSERT INTO about VALUES ({VERSION});"
    connection.executescript(f"BEGIN;{made}COMMIT;")


def check(connection: sqlite3.Connection) -> None:
    """Refuse tables of another program or version, and damage.

    Raises
    ------
    UnusableError
        If it is one of these.
    sqlite3.Error
        If it cannot be read.
    """
    schema = connection.execute(_SCHEMA).fetchall()
    if ("table", "about", "about", ABOUT) in schema:
        versions = connection.execute("SELECT version FROM about LIMIT 2").fetchall()
        if len(versions) != 1:
            msg = f"{'no version' if not versions else 'more than one version'}, expected {VERSION}"
            raise UnusableError(msg)
        if versions != [(VERSION,)]:
            msg = f"version {versions[0][0]!s:.20}, expected {VERSION}"
            raise UnusableError(msg)
    if schema != _schema():
        msg = "made by another program or version"
        raise UnusableError(msg)
    if connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
        msg = "damaged"
        raise UnusableError(msg)
    for table, (name, is_right) in _ROWS.items():
        counts = f"count(*), count(CASE WHEN {is_right} THEN 1 END), total(length({name}))"
        rows, right, size = connection.execute(f"SELECT {counts} FROM {table}").fetchone()
        if rows != right:
            msg = f"damaged: {table} as no run writes them"
            raise UnusableError(msg)
        if rows > _MAX_ROWS[table] or size > _MAX_PATHS_BYTES:
            msg = f"more than {_MAX_ROWS[table]} {table}, or very long names, expected fewer"
            raise UnusableError(msg)


@cache
def _schema() -> list[tuple[str, ...]]:
    """Return what SQLite says of our tables, and of the indexes that it makes for them."""
    connection = connect(":memory:")
    try:
        make_tables(connection)
        return connection.execute(_SCHEMA).fetchall()
    finally:
        connection.close()
