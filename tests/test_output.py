"""Files appear whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from pathlib import Path

import pytest

from sensormap.errors import OutputError, SensorMapError
from sensormap.output import check_replaces, check_writable, write_atomically


def test_writes_and_replaces(tmp_path):
    path = tmp_path / "a.yaml"
    write_atomically(b"one", path)
    write_atomically(b"two", path, overwrite=True)
    assert path.read_bytes() == b"two"
    assert list(tmp_path.iterdir()) == [path]


def test_permissions(tmp_path):
    ordinary, path = tmp_path / "ordinary", tmp_path / "a.yaml"
    ordinary.touch()
    write_atomically(b"one", path)
    assert path.stat().st_mode == ordinary.stat().st_mode
    path.chmod(0o640)
    write_atomically(b"two", path, overwrite=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()])
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failure_leaves_the_old_file(tmp_path, monkeypatch, error, step):
    def fail(*_):
        raise error

    path = tmp_path / "a.yaml"
    path.write_bytes(b"old")
    monkeypatch.setattr(*((os, "fsync") if step == "fsync" else (Path, "replace")), fail)
    with pytest.raises((OutputError, KeyboardInterrupt), match=r"cannot be written: full$|^$"):
        write_atomically(b"new", path, overwrite=True)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_refusals(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    (tmp_path / "dangling").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe")
    for path, message in [
        (tmp_path, "is a directory, expected a file name"),
        (file, "exists already; --overwrite replaces it"),
        (tmp_path / "dangling", "exists already"),
        (tmp_path / "none" / "a.yaml", r"the folder .*none does not exist"),
        (file / "a.yaml", r"file is not a folder"),
        (tmp_path / ("a" * 300), f"cannot be written: {os.strerror(errno.ENAMETOOLONG)}"),
        (tmp_path / "a\0b", "cannot be written: ."),
    ]:
        with pytest.raises(SensorMapError, match=message):
            check_writable(path)
    for path, message in [(tmp_path, "is a directory"), (tmp_path / "pipe", "is not a regular file")]:
        with pytest.raises(OutputError, match=message):
            check_writable(path, overwrite=True)


def test_checking_leaves_nothing(tmp_path, monkeypatch):
    path = tmp_path / "a.yaml"
    check_writable(path)
    check_writable(path, overwrite=True)
    assert not list(tmp_path.iterdir())
    monkeypatch.chdir(tmp_path)
    check_writable(Path("a.yaml"))


def test_folder_that_takes_no_file(tmp_path, monkeypatch):
    def fail(**_):
        raise PermissionError(errno.EACCES, "not for you")

    monkeypatch.setattr(tempfile, "TemporaryFile", fail)
    with pytest.raises(OutputError, match=r"a\.yaml: cannot be written: not for you"):
        check_writable(tmp_path / "a.yaml")


# what may be replaced

OPENING = b"format: thing/"


@pytest.mark.parametrize("content", [None, b"", OPENING, OPENING + b"1\nrest\n", OPENING + b"99"])
def test_nothing_empty_files_and_files_of_the_kind_may_be_replaced(tmp_path, content):
    path = tmp_path / "a.yaml"
    if content is not None:
        path.write_bytes(content)
    check_replaces(path, OPENING, "thing")
    assert not path.exists() if content is None else path.read_bytes() == content


@pytest.mark.parametrize(
    "content", [b"f", OPENING[:-1], b" " + OPENING, OPENING.upper(), b"\n", b"\0" * 99, b"II*\0", b"format: other/1\n"]
)
def test_other_files_may_not_be_replaced(tmp_path, content):
    path = tmp_path / "a.yaml"
    path.write_bytes(content)
    with pytest.raises(OutputError, match=r"a\.yaml: is no thing; --overwrite replaces only those$"):
        check_replaces(path, OPENING, "thing")
    assert path.read_bytes() == content


def test_links_are_judged_by_what_they_lead_to(tmp_path):
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "photo.nef").write_bytes(b"II*\0")
    (tmp_path / "link").symlink_to("photo.nef")
    (tmp_path / "loop").symlink_to("loop")
    check_replaces(tmp_path / "dangling", OPENING, "thing")
    with pytest.raises(OutputError, match="link: is no thing"):
        check_replaces(tmp_path / "link", OPENING, "thing")
    with pytest.raises(OutputError, match=f"loop: cannot be read: {os.strerror(errno.ELOOP)}"):
        check_replaces(tmp_path / "loop", OPENING, "thing")


@pytest.mark.parametrize("error", [PermissionError(errno.EACCES, "not for you"), OSError(errno.EIO, "worn out")])
def test_what_cannot_be_read_is_not_replaced(tmp_path, monkeypatch, error):
    def fail(*_):
        raise error

    monkeypatch.setattr(Path, "open", fail)
    (tmp_path / "a.yaml").touch()
    with pytest.raises(OutputError, match=rf"a\.yaml: cannot be read: {error.strerror}"):
        check_replaces(tmp_path / "a.yaml", OPENING, "thing")


def test_a_folder_is_not_replaced(tmp_path):
    with pytest.raises(OutputError, match=f"cannot be read: {os.strerror(errno.EISDIR)}"):
        check_replaces(tmp_path, OPENING, "thing")
