"""Fewer threads, and fewer bodies at once, where memory is short."""

from __future__ import annotations

import pytest

from sensormap.settings import Options
from sensormap.survey.memory import bodies_at_once, bytes_left, bytes_needed, fitted
from tests.support.photos import run, write_photos, write_profile

PHOTOSITES = 10_000_000


def test_without_a_limit_nothing_changes() -> None:
    assert fitted(PHOTOSITES, Options(jobs=64)) == Options(jobs=64)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_as_many_threads_as_fit(threads: int) -> None:
    memory = bytes_needed(PHOTOSITES, threads)
    assert fitted(PHOTOSITES, Options(jobs=8, memory=memory)).threads == threads
    assert fitted(PHOTOSITES, Options(jobs=1, memory=memory)).threads == 1


def test_one_thread_runs_in_any_case_and_is_told(caplog: pytest.LogCaptureFixture) -> None:
    assert fitted(PHOTOSITES, Options(jobs=8, memory=1)).threads == 1
    assert "MB needed" in caplog.text


@pytest.mark.parametrize(("more", "left"), [(None, 300), (-5, 0), (0, 0), (14, 7), (1000, 300)])
def test_what_is_left_beside_what_two_bodies_need(more: int | None, left: int) -> None:
    memory = None if more is None else bytes_needed(PHOTOSITES, 2, 2) + more
    assert bytes_left(PHOTOSITES, Options(jobs=2, memory=memory), 300) == left


def test_bodies_are_mapped_one_by_one_where_two_do_not_fit() -> None:
    options = Options(jobs=2, memory=bytes_needed(PHOTOSITES, 2, 2))
    assert bodies_at_once(PHOTOSITES, options) == 2
    assert bodies_at_once(PHOTOSITES + 1, options) == 1
    assert bodies_at_once(PHOTOSITES, Options(jobs=2)) == 2


@pytest.mark.parametrize(("size", "code"), [("800MB", 0), ("1.5 GB", 0), ("2g", 0), ("0GB", 2), ("2", 2), ("-1GB", 2)])
def test_sizes_as_people_write_them(size: str, code: int, tmp_path) -> None:
    write_photos(tmp_path, 2)
    result = run("map", tmp_path, "--profile", write_profile(tmp_path), "--memory", size, "--no-follow")
    assert result.exit_code == code
    if code:
        assert "is not a size such as 800MB or 2GB" in result.stderr


def test_too_little_memory_names_the_photo(tmp_path, monkeypatch):
    def full(*_):
        raise MemoryError

    monkeypatch.setattr("sensormap.survey.frame_reader.pad", full)
    photos, profile = write_photos(tmp_path / "photos", 2), write_profile(tmp_path)
    result = run("map", *photos, "--profile", profile, "--jobs", "1", "-o", tmp_path / "map.yaml")
    line = f"Error: too little memory is free for {photos[0].name}, 192 x 128 photosites; with several --jobs, fewer"
    assert result.stderr.splitlines()[-1] == f"{line} need less"
