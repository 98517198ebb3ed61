"""Small files that users name."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from sensormap.bounded_reading import did_you_mean, read_at_most


def test_reads_what_is_small_enough(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"12345")
    assert read_at_most(path, 5, "a list") == b"12345"
    with pytest.raises(ValueError, match=r"^larger than 4 bytes, expected a list$"):
        read_at_most(path, 4, "a list")
    path.write_bytes(b"")
    assert read_at_most(path, 0, "a list") == b""


def test_refuses_what_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    for path, message in {
        tmp_path: "is a folder, expected a list",
        tmp_path / "pipe": "is a pipe or device, expected a list",
        Path("/dev/zero"): "is a pipe or device, expected a list",
        tmp_path / "none": f"cannot be read: {os.strerror(errno.ENOENT)}",
        tmp_path / "loop": f"cannot be read: {os.strerror(errno.ELOOP)}",
        tmp_path / ("x" * 300): f"cannot be read: {os.strerror(errno.ENAMETOOLONG)}",
        tmp_path / "a\0b": "cannot be read: .*null",
    }.items():
        with pytest.raises(ValueError, match=f"^{message}"):
            read_at_most(path, 9, "a list")


def test_says_why_reading_failed(tmp_path, monkeypatch):
    def fail(*_):
        raise PermissionError(errno.EACCES, "not for you", "a")

    (tmp_path / "a").touch()
    monkeypatch.setattr(Path, "open", fail)
    with pytest.raises(ValueError, match=r"^cannot be read: not for you$"):
        read_at_most(tmp_path / "a", 9, "a list")


def test_names_what_was_meant(tmp_path):
    (tmp_path / "d80.yaml").touch()
    with pytest.raises(ValueError, match=r"; did you mean .*/d80\.yaml\?$"):
        read_at_most(tmp_path / "d80.yml", 9, "a map")
    assert did_you_mean(tmp_path / "qqq.yaml") == ""
    assert did_you_mean(tmp_path / "none" / "d80.yaml") == ""
    assert did_you_mean(Path("a\0b")) == ""
