from __future__ import annotations

import os
from pathlib import Path

import pytest

from sensormap.survey.engines import temporary_folder as module
from sensormap.survey.engines.temporary_folder import temporary_folder

pytest.importorskip("psutil", reason="comes with dask")


def test_what_killed_runs_left_is_removed_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(module, "_is_there", lambda process: process == os.getpid())
    left, other = tmp_path / "sensormap-state-999999-x1", tmp_path / "kept"
    names = (f"sensormap-state-{os.getpid()}-x", "sensormap-state-abc", "sensormap-workers-9-x")
    stay = [tmp_path / name for name in names]
    for folder in (left, other, *stay):
        folder.mkdir()
    (left / "shard.npz").write_bytes(b"x")
    link = tmp_path / "sensormap-state-999999-link"
    link.symlink_to(other)
    with temporary_folder("state") as folder:
        assert folder.is_dir()
        assert folder.name.startswith(f"sensormap-state-{os.getpid()}-")
        assert not left.exists()
    assert not folder.exists()
    assert all(path.exists() for path in (*stay, link, other))


def test_processes_are_known(tmp_path: Path) -> None:
    assert module._is_there(os.getpid())
    assert module._is_there(10**30)  # no number of a process: left alone
