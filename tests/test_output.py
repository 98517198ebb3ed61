"""Files appear whole or not at all."""

from __future__ import annotations

import errno
import os
import socket
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from sensormap import output
from sensormap.errors import OutputError, SensorMapError
from sensormap.output import check_writable, unless_opening, write_atomically
from tests.support.folders import PROJECT


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
    for path, message in [(tmp_path, "is a directory"), (tmp_path / "pipe", "is a pipe, expected a file")]:
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
UNLESS_THING = unless_opening(OPENING, "thing")


@pytest.mark.parametrize("content", [None, b"", OPENING, OPENING + b"1\nrest\n", OPENING + b"99"])
def test_nothing_empty_files_and_files_of_the_kind_may_be_replaced(tmp_path, content):
    path = tmp_path / "a.yaml"
    if content is not None:
        path.write_bytes(content)
    check_writable(path, overwrite=True, objection=UNLESS_THING)
    assert not path.exists() if content is None else path.read_bytes() == content


@pytest.mark.parametrize(
    "content", [b"f", OPENING[:-1], b" " + OPENING, OPENING.upper(), b"\n", b"\0" * 99, b"II*\0", b"format: other/1\n"]
)
def test_other_files_may_not_be_replaced(tmp_path, content):
    path = tmp_path / "a.yaml"
    path.write_bytes(content)
    with pytest.raises(OutputError, match=r"a\.yaml: is no thing; --overwrite replaces only those$"):
        check_writable(path, overwrite=True, objection=UNLESS_THING)
    assert path.read_bytes() == content


def test_links_are_judged_by_what_they_lead_to(tmp_path):
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "photo.nef").write_bytes(b"II*\0")
    (tmp_path / "link").symlink_to("photo.nef")
    (tmp_path / "loop").symlink_to("loop")
    check_writable(tmp_path / "dangling", overwrite=True, objection=UNLESS_THING)
    with pytest.raises(OutputError, match="link: is no thing"):
        check_writable(tmp_path / "link", overwrite=True, objection=UNLESS_THING)
    with pytest.raises(OutputError, match=f"loop: cannot be written: {os.strerror(errno.ELOOP)}"):
        check_writable(tmp_path / "loop", overwrite=True, objection=UNLESS_THING)


@pytest.mark.parametrize("error", [PermissionError(errno.EACCES, "not for you"), OSError(errno.EIO, "worn out")])
def test_what_cannot_be_read_is_not_replaced(tmp_path, monkeypatch, error):
    def fail(*_):
        raise error

    monkeypatch.setattr(Path, "open", fail)
    (tmp_path / "a.yaml").touch()
    with pytest.raises(OutputError, match=rf"a\.yaml: cannot be read: {error.strerror}"):
        check_writable(tmp_path / "a.yaml", overwrite=True, objection=UNLESS_THING)


def test_a_folder_is_not_replaced(tmp_path):
    with pytest.raises(OutputError, match="is a directory, expected a file name"):
        check_writable(tmp_path, overwrite=True, objection=UNLESS_THING)


# links


def test_a_link_is_written_through_and_stays(tmp_path):
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    target, link = tmp_path / "there" / "a.yaml", tmp_path / "here" / "link"
    target.write_bytes(b"old")
    target.chmod(0o640)
    link.symlink_to("../there/second")
    (tmp_path / "there" / "second").symlink_to("a.yaml")
    with pytest.raises(OutputError, match=r"link: exists already, a link to .*a\.yaml; --overwrite writes that$"):
        write_atomically(b"new", link)
    assert target.read_bytes() == b"old"
    write_atomically(b"new", link, overwrite=True)
    assert not target.is_symlink()
    assert (target.read_bytes(), stat.S_IMODE(target.stat().st_mode)) == (b"new", 0o640)
    assert link.readlink() == Path("../there/second")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.yaml", "here", "link", "second", "there"]


def test_a_link_into_a_linked_folder_is_followed_as_the_system_does(tmp_path):
    (tmp_path / "far" / "deep").mkdir(parents=True)
    (tmp_path / "near").symlink_to("far/deep")
    (tmp_path / "link").symlink_to("near/../a.yaml")  # far/a.yaml, not a.yaml
    (tmp_path / "far" / "a.yaml").write_bytes(b"old")
    write_atomically(b"new", tmp_path / "link", overwrite=True)
    assert (tmp_path / "far" / "a.yaml").read_bytes() == b"new"
    assert not (tmp_path / "a.yaml").exists()


def test_a_dangling_link_has_its_target_written(tmp_path):
    link = tmp_path / "link"
    link.symlink_to("nowhere")
    with pytest.raises(OutputError, match=r"link: exists already, a link to .*nowhere; --overwrite writes that$"):
        write_atomically(b"new", link)
    assert not link.exists()
    write_atomically(b"new", link, overwrite=True)
    assert link.is_symlink()
    assert (tmp_path / "nowhere").read_bytes() == b"new"


@pytest.mark.parametrize("write", [check_writable, lambda path, **how: write_atomically(b"new", path, **how)])
@pytest.mark.parametrize(
    ("leads_to", "message"),
    [
        ("none/a.yaml", r"is a link to .*none/a\.yaml: the folder .*none does not exist; make it first$"),
        ("file/a.yaml", r"cannot be written: Not a directory$"),
        ("link", "cannot be written: Too many levels"),
        ("second", "cannot be written: Too many levels"),
        (".", "is a directory, expected a file name$"),
    ],
)
def test_links_that_lead_nowhere(tmp_path, write, leads_to, message):
    (tmp_path / "file").write_text("mine")
    link = tmp_path / "link"
    link.symlink_to(leads_to)
    (tmp_path / "second").symlink_to("link")
    before = sorted(tmp_path.iterdir())
    for overwrite in (False, True):
        with pytest.raises(OutputError, match=message) as caught:
            write(link, overwrite=overwrite)
        assert "\n" not in str(caught.value)
    assert (sorted(tmp_path.iterdir()), link.readlink()) == (before, Path(leads_to))


# what is no file


def made(kind, path):
    if kind == "a pipe":
        os.mkfifo(path)
    elif kind == "a socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))
    else:
        return Path("/dev/null")
    return path


@pytest.mark.parametrize("kind", ["a pipe", "a socket", "a device"])
def test_what_is_no_file_is_neither_opened_nor_replaced(tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)  # a socket's name is short
    thing, link = made(kind, Path("thing")), Path("link")
    link.symlink_to(thing)
    monkeypatch.setattr(Path, "open", pytest.fail)
    for overwrite in (False, True):
        for path, what in ((thing, kind), (link, f"a link to {kind}")):
            with pytest.raises(OutputError, match=rf"{path}: is {what}, expected a file; -o - writes to stdout$"):
                check_writable(path, overwrite=overwrite, objection=UNLESS_THING)
            with pytest.raises(OutputError, match=rf"{path}: is {what}, expected a file; move it away or name another"):
                write_atomically(b"new", path, overwrite=overwrite)
    assert link.readlink() == thing
    assert not stat.S_ISREG(thing.stat().st_mode)


@pytest.mark.parametrize("path", ["/dev/stdout", "/dev/stderr", "/dev/fd/1", "/proc/self/fd/1"])
def test_standard_output_is_refused_whatever_it_is(path):
    for overwrite in (False, True):
        with pytest.raises(OutputError, match=rf"^{path}: is a link to .*, expected a file; -o - writes to stdout$"):
            check_writable(Path(path), overwrite=overwrite)


@pytest.mark.parametrize("folder", ["/dev/fd", "/proc/self/fd"])
def test_a_file_that_is_open_is_not_replaced_by_its_descriptor(tmp_path, folder):
    """What its program writes on would go to a file without a name."""
    file, link = tmp_path / "a.yaml", tmp_path / "link"
    with file.open("wb") as opened:
        link.symlink_to(f"{folder}/{opened.fileno()}")
        for path in (link.readlink(), link):
            with pytest.raises(OutputError, match="is a link to what a program has open, expected a file"):
                write_atomically(b"new", path, overwrite=True)
    assert file.read_bytes() == b""
    with pytest.raises(OutputError, match="is a link to what a program has open, expected a file"):
        check_writable(link, overwrite=True)  # which is closed by now


# what changes while the content goes to the disk


def at_fsync(monkeypatch, change):
    monkeypatch.setattr(os, "fsync", lambda _: change())


def without_links(monkeypatch):
    def fail(*_):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", fail)


@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize("dangling", [True, False])
def test_a_file_that_came_meanwhile_is_not_replaced_unasked(tmp_path, monkeypatch, links, dangling):
    path = tmp_path / "a.yaml"
    if not links:
        without_links(monkeypatch)
    at_fsync(monkeypatch, lambda: path.symlink_to("nowhere") if dangling else path.write_bytes(b"theirs"))
    with pytest.raises(OutputError, match=r"a\.yaml: exists already"):
        write_atomically(b"mine", path)
    assert not path.exists() if dangling else path.read_bytes() == b"theirs"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_comes_and_goes_and_may_come_back_is_not_replaced_unasked(tmp_path, monkeypatch):
    def taken(*_):
        raise FileExistsError

    monkeypatch.setattr(Path, "hardlink_to", taken)
    at_fsync(monkeypatch, (tmp_path / "a.yaml").touch)
    monkeypatch.setattr(os.path, "lexists", lambda _: False)
    with pytest.raises(OutputError, match=r"a\.yaml: exists already; --overwrite replaces it"):
        write_atomically(b"mine", tmp_path / "a.yaml")
    assert (tmp_path / "a.yaml").read_bytes() == b""


@pytest.mark.parametrize("before", [None, b"", OPENING])
def test_a_file_of_another_kind_that_came_meanwhile_is_not_replaced(tmp_path, monkeypatch, before):
    path = tmp_path / "a.yaml"
    if before is not None:
        path.write_bytes(before)
    at_fsync(monkeypatch, lambda: path.write_bytes(b"theirs"))
    with pytest.raises(OutputError, match=r"a\.yaml: is no thing; --overwrite replaces only those"):
        write_atomically(OPENING, path, overwrite=True, objection=UNLESS_THING)
    assert path.read_bytes() == b"theirs"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_became_something_else_meanwhile_is_left_alone(tmp_path, monkeypatch):
    path, other = tmp_path / "a.yaml", tmp_path / "other"

    def becomes(target):
        path.unlink()
        path.symlink_to(target)

    other.write_bytes(b"theirs")
    for target, message in (("/dev/null", "is a link to a device"), ("other", "leads to another file than before")):
        path.unlink(missing_ok=True)
        path.write_bytes(b"old")
        at_fsync(monkeypatch, lambda target=target: becomes(target))
        with pytest.raises(OutputError, match=rf"a\.yaml: {message}"):
            write_atomically(b"new", path, overwrite=True)
        assert path.readlink() == Path(target)
    assert other.read_bytes() == b"theirs"
    assert sorted(tmp_path.iterdir()) == [path, other]


def test_a_file_system_without_links(tmp_path, monkeypatch):
    without_links(monkeypatch)
    path = tmp_path / "a.yaml"
    write_atomically(b"one", path)
    assert path.read_bytes() == b"one"
    write_atomically(b"two", path, overwrite=True)
    assert path.read_bytes() == b"two"
    path.unlink()

    def fail(*_):
        raise OSError(errno.EIO, "I/O error")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OutputError, match=r"a\.yaml: cannot be written: I/O error"):
        write_atomically(b"three", path)
    assert list(tmp_path.iterdir()) == []


# what killed runs leave behind

WRITER = """
import os, sys
from pathlib import Path
from sensormap.output import write_atomically
def wait(_):
    print("begun", flush=True)
    sys.stdin.readline()
os.fsync = wait
write_atomically(b"slow", Path(sys.argv[1]))
"""


def writing(path):
    """Start a process that stands still while it writes a file."""
    command = [sys.executable, "-c", WRITER, str(path)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=PROJECT)
    assert process.stdout.readline() == b"begun\n"
    return process


def test_what_a_killed_run_left_is_removed_by_the_next(tmp_path):
    with writing(tmp_path / "killed.yaml") as process:
        process.kill()
    assert len(list(tmp_path.iterdir())) == 1
    output._swept.clear()
    write_atomically(b"new", tmp_path / "new.yaml")
    assert [path.name for path in tmp_path.iterdir()] == ["new.yaml"]


def test_what_another_run_is_writing_is_left_alone(tmp_path):
    with writing(tmp_path / "slow.yaml") as process:
        output._swept.clear()
        write_atomically(b"new", tmp_path / "new.yaml")
        process.communicate(b"\n", timeout=20)
    assert process.returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new.yaml", "slow.yaml"]


def test_files_of_other_names_are_never_removed(tmp_path):
    names = [".sensormap-holiday.part", ".sensormap-0123456789abcdef.parts", "x.sensormap-0123456789abcdef.part"]
    for name in names:
        (tmp_path / name).touch()
    output._swept.clear()
    write_atomically(b"new", tmp_path / "new.yaml")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*names, "new.yaml"])


def test_a_part_that_was_taken_for_a_leftover_is_made_again(tmp_path, monkeypatch):
    locked, lost = output._locked, []

    def lock(file, *, wait):
        if wait and not lost:
            lost.append(file.name)
            os.unlink(file.name)  # noqa: PTH108 - as another run does just before the lock
        return locked(file, wait=wait)

    monkeypatch.setattr(output, "_locked", lock)
    write_atomically(b"new", tmp_path / "new.yaml")
    assert lost
    assert (tmp_path / "new.yaml").read_bytes() == b"new"
