"""Maps by the workers of a real cluster: the same bytes as by threads, whatever happens to the workers."""

from __future__ import annotations

import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from sensormap.errors import DecodeError, EngineError, MissingExtraError
from sensormap.maps.mapfile.writing import map_text
from sensormap.maps.sensor_map import SensorMap
from sensormap.settings import Options
from sensormap.shards import cut
from sensormap.survey.bodies import map_bodies
from sensormap.survey.engines import cluster as cluster_module
from sensormap.survey.engines import dask_engine
from sensormap.survey.engines.shard_task import look_around, versions
from sensormap.survey.run import map_defects
from tests.support.folders import PROJECT
from tests.support.photos import run, run_script, write_photos, write_profile
from tests.survey.test_state import SMALL

distributed = pytest.importorskip("distributed", reason="dask is an extra")
psutil = pytest.importorskip("psutil", reason="comes with dask")

PHOTOS = 32
DEADLY = b"this photo kills whoever decodes it"
# What Python runs before anything else, in the workers and in the process that tries photos one by one. Decoding takes
# a moment, so that something can happen meanwhile.
SITE = f"""
import os, signal, sys, time
import rawpy
decode = rawpy.imread
def imread(file):
    time.sleep(0.02)
    data = file.getvalue()
    if data.endswith({DEADLY!r}):
        os.kill(os.getpid(), signal.SIGSEGV)
    return decode(file)
rawpy.imread = imread
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder to put into PYTHONPATH."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "sitecustomize.py").write_text(SITE)
    return folder


@pytest.fixture(scope="module", autouse=True)
def _path_of_processes(site: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(site), str(PROJECT), os.environ.get("PYTHONPATH", "")]))
        yield


@pytest.fixture(scope="module")
def address(_path_of_processes: None) -> Iterator[str]:
    """Return the address of a scheduler with three workers."""
    with cluster_module.started_workers(3) as client:
        yield client.scheduler.address


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return a folder of photos, and their profile."""
    folder = tmp_path_factory.mktemp("engines")
    write_photos(folder / "photos", PHOTOS)
    damaged = folder / "photos" / "DSC_0020.NEF"
    damaged.write_bytes(damaged.read_bytes()[:-9000])
    return folder / "photos", write_profile(folder)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cut, "FEWEST", 6)
    monkeypatch.setattr(cut, "MOST", 12)


@pytest.fixture(scope="module")
def expected(place: tuple[Path, Path]) -> str:
    """Return the map that threads make."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cut, "FEWEST", 6)
        patch.setattr(cut, "MOST", 12)
        return map_text(map_defects([place[0]], Options(profile=str(place[1]))))


def by_workers(
    photos: Path,
    profile: Path,
    state: Path | None,
    scheduler: str | None,
    *,
    progress: object = None,
    **options: object,
) -> SensorMap:
    found = Options(profile=str(profile), state=state, scheduler=scheduler, engine="dask", **options)  # type: ignore[arg-type]
    return map_defects([photos], found, progress=progress or (lambda *_: None))  # type: ignore[arg-type]


def test_workers_make_the_same_map_and_get_no_shard_that_is_known(
    place: tuple[Path, Path], expected: str, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[int, int]] = []
    assert map_text(by_workers(*place, tmp_path, address, progress=lambda *counts: told.append(counts))) == expected
    first_pass = told[: told.index((PHOTOS, PHOTOS)) + 1]
    assert (first_pass[0], sorted(first_pass)) == ((0, PHOTOS), first_pass)
    assert len(list((tmp_path / "shards").iterdir())) == len({done for done, _ in first_pass}) - 1
    with closing(sqlite3.connect(tmp_path / "catalogue.sqlite")) as catalogue, catalogue:
        assert catalogue.execute("SELECT count(*) FROM files").fetchone() == (PHOTOS,)
        catalogue.execute("DELETE FROM maps")

    def refuse(*_: object) -> None:
        msg = "no shard is to be sent out"
        raise AssertionError(msg)

    monkeypatch.setattr(dask_engine, "started_workers", refuse)
    assert map_text(by_workers(*place, tmp_path, None)) == expected


def test_a_killed_worker_changes_nothing(place: tuple[Path, Path], expected: str, address: str, tmp_path: Path) -> None:
    killed = []
    with distributed.Client(address, set_as_default=False) as client:

        def kill(done: int, _: int) -> None:
            if done and not killed:
                busy = next(worker for worker, tasks in client.processing().items() if tasks)
                killed.append(client.run(os.getpid, workers=[busy])[busy])
                os.kill(killed[0], signal.SIGKILL)

        assert map_text(by_workers(*place, tmp_path, address, progress=kill)) == expected
    assert killed
    assert {path.suffix for path in (tmp_path / "shards").iterdir()} == {".npz"}


@pytest.fixture
def deadly(place: tuple[Path, Path], tmp_path: Path) -> Path:
    """Return a folder of photos, of which two kill the process that decodes them."""
    folder = tmp_path / "photos"
    write_photos(folder, 20)
    for number in (3, 5):
        path = folder / f"DSC_{number:04}.NEF"
        path.write_bytes(path.read_bytes() + DEADLY)
    return folder


def test_photos_that_kill_workers_are_found_and_skipped(
    place: tuple[Path, Path], deadly: Path, address: str, tmp_path: Path
) -> None:
    found = by_workers(deadly, place[1], tmp_path / "state", address)
    reason = "it crashes the decoder"
    assert [(photo.name, photo.reason) for photo in found.skipped] == [
        ("DSC_0003.NEF", reason),
        ("DSC_0005.NEF", reason),
    ]
    assert found.frames.used == 18
    # What is known needs no worker: the photos are left alone.
    again = map_defects([deadly], Options(profile=str(place[1]), state=tmp_path / "state"))
    assert map_text(again) == map_text(found)


def test_what_the_run_surveys_itself_leaves_out_what_killed_workers(
    place: tuple[Path, Path], deadly: Path, address: str, tmp_path: Path
) -> None:
    def remove(*_: object) -> None:
        (deadly / "DSC_0004.NEF").unlink(missing_ok=True)  # a shard with a photo that cannot be read is not kept

    found = by_workers(deadly, place[1], tmp_path / "state", address, progress=remove)
    reasons = {photo.name: photo.reason for photo in found.skipped}
    assert sorted(reasons) == ["DSC_0003.NEF", "DSC_0004.NEF", "DSC_0005.NEF"]
    assert reasons["DSC_0003.NEF"] == reasons["DSC_0005.NEF"] == "it crashes the decoder"


def test_files_of_a_run_that_keeps_none_are_not_compressed(
    place: tuple[Path, Path], expected: str, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []
    task_of = dask_engine.ShardTask
    monkeypatch.setattr(dask_engine, "ShardTask", lambda *a, **k: asked.append(k["deflate"]) or task_of(*a, **k))
    assert map_text(by_workers(*place, None, None)) == expected
    monkeypatch.setattr(dask_engine, "_MOST_PASSING", 1)
    assert map_text(by_workers(*place, None, None)) == expected
    assert asked == [False] * (len(asked) // 2) + [True] * (len(asked) // 2)


def test_workers_that_die_of_no_photo_end_the_run(
    place: tuple[Path, Path], deadly: Path, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_engine, "find_culprits", lambda _: {})
    monkeypatch.setattr(dask_engine, "_MOST_TRIES", 2)
    with pytest.raises(EngineError, match=r"^DSC_0000\.NEF to DSC_00\d\d\.NEF: every worker that surveys them ends"):
        by_workers(deadly, place[1], tmp_path / "state", address)


def test_strict_ends_at_the_first_photo_that_cannot_be_used(
    place: tuple[Path, Path], address: str, tmp_path: Path
) -> None:
    with pytest.raises(DecodeError, match=r"^DSC_0020\.NEF: "):
        by_workers(*place, tmp_path, address, strict=True)


def test_skipped_photos_are_tried_again_by_workers_once(
    place: tuple[Path, Path], expected: str, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_workers(*place, tmp_path, address)

    def refuse(*_: object, **__: object) -> None:
        msg = "surveyed by the run itself"
        raise AssertionError(msg)

    monkeypatch.setattr("sensormap.survey.survey_shards.survey_shard", refuse)
    assert map_text(by_workers(*place, tmp_path, address, retry_skipped=True)) == expected


def test_one_cluster_serves_all_bodies(
    place: tuple[Path, Path], address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = tmp_path / "photos"
    write_photos(photos, 4)
    write_photos(photos, 4, first=10, serial="77")
    connected = []
    connect = dask_engine.connected_to
    monkeypatch.setattr(dask_engine, "connected_to", lambda to: connected.append(to) or connect(to))
    options = Options(profile=str(place[1]), follow=0)
    workers = Options(
        profile=str(place[1]), follow=0, engine="dask", scheduler=address, state=tmp_path / "state"
    )  # fmt: skip
    for folder, one in (("threads", options), ("workers", workers)):
        assert len(map_bodies([photos], tmp_path / folder, one).bodies) == 2
    assert connected == [address]
    for path in (tmp_path / "threads").iterdir():
        assert path.read_bytes() == (tmp_path / "workers" / path.name).read_bytes()


# schedulers and workers that cannot be used


WEB = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n\r\nno such thing here\r\n"


@pytest.fixture
def listening() -> Iterator[Callable[[bytes | None], str]]:
    """Return what starts a server that is no scheduler, and returns its address; it says the same to everybody."""
    servers = []

    def serve(server: socket.socket, answer: bytes) -> None:
        kept = []
        with suppress(OSError):  # closed at the end
            while True:
                kept.append(server.accept()[0])
                kept[-1].sendall(answer)
        for connection in kept:
            connection.close()

    def start(answer: bytes | None) -> str:
        if answer is None:
            return "tcp://127.0.0.1:9"
        server = socket.create_server(("127.0.0.1", 0))
        servers.append((server, threading.Thread(target=serve, args=(server, answer))))
        servers[-1][1].start()
        return f"tcp://127.0.0.1:{server.getsockname()[1]}"

    yield start
    for server, thread in servers:
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
        server.close()


@pytest.mark.parametrize("answer", [None, b"", WEB], ids=["nobody", "silent", "web"])
def test_no_scheduler(
    place: tuple[Path, Path],
    answer: bytes | None,
    listening: Callable[[bytes | None], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cluster_module, "_SECONDS", 1)
    address, begun = listening(answer), time.monotonic()
    result = run("map", place[0], "--engine", "dask", "--scheduler", address, "--state", tmp_path / "state", "-q")
    assert time.monotonic() - begun < 10
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: {address}: no Dask scheduler answers there: ")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("address", ["nonsense", "foo://a:1", "tcp://127.0.0.1", "tls://127.0.0.1:9", ""])
def test_what_is_no_address(
    place: tuple[Path, Path], address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_module, "_SECONDS", 1)
    with pytest.raises(EngineError, match=f"^{re.escape(address)}: no Dask scheduler answers there: "):
        by_workers(*place, tmp_path, address)


def test_a_worker_is_no_scheduler(place: tuple[Path, Path], address: str, tmp_path: Path) -> None:
    with distributed.Client(address, set_as_default=False) as client:
        worker = next(iter(client.nthreads()))
    with pytest.raises(EngineError, match=f"^{worker}: a Worker answers there, expected a Dask scheduler"):
        by_workers(*place, tmp_path, worker)


def test_a_scheduler_without_workers(place: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with cluster_module.started_workers(0) as client:
        monkeypatch.setattr(cluster_module, "_SECONDS", 1)
        with pytest.raises(EngineError, match="the scheduler has no workers; start some: dask worker tcp://"):
            by_workers(*place, tmp_path, client.scheduler.address)


def test_workers_of_another_version(
    place: tuple[Path, Path], address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = versions()
    monkeypatch.setattr(dask_engine, "versions", lambda: ("sensormap 99", *ours[1:]))
    with pytest.raises(EngineError, match=rf"^worker tcp://.*: {re.escape(ours[0])}, .* there, expected sensormap 99"):
        by_workers(*place, tmp_path, address)


@pytest.mark.parametrize("what", ["photos", "folder"])
def test_workers_that_do_not_see_what_they_need(
    place: tuple[Path, Path], address: str, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def elsewhere(found: object) -> object:
        if isinstance(found, Path):
            return Path("/mnt/elsewhere")
        return type(found)(Path("/mnt/elsewhere/a.nef"), *(getattr(found, name) for name in found.__slots__[1:]))

    monkeypatch.setattr(dask_engine, "_for_workers" if what == "photos" else "_for_workers_folder", elsewhere)
    with pytest.raises(EngineError, match=r"^worker tcp://.*: /mnt/elsewhere.*: not seen there, expected "):
        by_workers(*place, tmp_path, address)
    assert not list((tmp_path / "shards").iterdir())


def test_a_worker_says_what_it_misses(place: tuple[Path, Path], tmp_path: Path) -> None:
    photo = place[0] / "DSC_0001.NEF"
    assert "not seen there" in look_around(tmp_path, "token", photo, versions())
    (tmp_path / "shards").mkdir()
    (tmp_path / "shards" / "token").touch()
    assert look_around(tmp_path, "token", photo, versions()) == ""
    assert "not seen there" in look_around(tmp_path, "token", photo.with_name("none.NEF"), versions())


# what is refused at once


def test_a_decoder_of_the_callers_own_cannot_be_sent(place: tuple[Path, Path]) -> None:
    with pytest.raises(ValueError, match="cannot be sent to workers"):
        map_defects([place[0]], Options(engine="dask"), read=lambda photo, profile: None)  # type: ignore[arg-type, return-value]


def test_without_dask_the_extra_is_named(place: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'sensormap\[dask\]'"):
        by_workers(*place, None, None)


@pytest.mark.parametrize(
    "options",
    [{"engine": "fibres"}, {"scheduler": "tcp://a:1"}, {"engine": "dask", "scheduler": "tcp://a:1"}],
)
def test_options_that_make_no_sense(options: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"^(engine|scheduler): "):
        Options(**options)  # type: ignore[arg-type]


def test_a_scheduler_needs_the_engine_and_a_state_folder(place: tuple[Path, Path]) -> None:
    for arguments, needed in (((), "--engine dask"), (("--engine", "dask"), "--state")):
        result = run("map", place[0], "--scheduler", "tcp://a:1", *arguments)
        assert result.exit_code == 2
        assert f"--scheduler needs {needed}" in result.stderr


# workers of the run's own


def test_ctrl_c_ends_the_run_and_its_workers(
    place: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["map", place[0], "--profile", place[1], "--engine", "dask", "--jobs", "2", "-v"]
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    process = run_script(*arguments, patch=SMALL, stderr=subprocess.STDOUT, start_new_session=True)
    lines = []
    for line in process.stdout:
        lines.append(line)
        if b"workers started" in line:
            break
    time.sleep(0.3)
    children = psutil.Process(process.pid).children(recursive=True)
    begun = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=30)
    assert time.monotonic() - begun < 4  # it is asked for 2, on a machine that does nothing else
    assert process.returncode not in (0, None)
    assert len(children) >= 2
    assert not psutil.wait_procs(children, timeout=3)[1]
    assert len(output.splitlines()) <= 2, output
    assert not list(tmp_path.iterdir())


def test_workers_are_started_and_ended(
    place: tuple[Path, Path], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "map.yaml"
    folder = tmp_path / "scratch"
    folder.mkdir()
    arguments = ["map", place[0], "--profile", place[1], "--engine", "dask", "--jobs", "2", "-o", output, "-q"]
    monkeypatch.setenv("TMPDIR", str(folder))
    process = run_script(*arguments, patch=SMALL)
    printed, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert (printed, said.count(b"\n")) == (b"", 1)  # the photo that is none
    assert output.read_text(encoding="utf-8") == expected
    assert not list(folder.iterdir())
