"""Maps of photos by URL: the same bytes as of local ones, with a state too, and no server ends a run for long."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sensormap.errors import DecodeError, FrameMismatchError, OutputError, StateError
from sensormap.maps.mapfile.writing import map_text
from sensormap.photos import network
from sensormap.photos.library import scan
from sensormap.settings import Options
from sensormap.shards import state_tools
from sensormap.survey import run as module
from sensormap.survey.bodies import map_bodies
from tests.support.photos import nef, run, run_script, survey_of, write_photos, write_profile
from tests.support.servers import Handler, Site, s3, web

PHOTOS = 12


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return a folder of photos, and their profile."""
    folder = tmp_path_factory.mktemp("remote")
    write_photos(folder / "d80", PHOTOS)
    (folder / "d80" / "DSC_0003.NEF").write_bytes(nef(3)[:30000])
    (folder / "d80" / "DSC_0005.NEF").write_bytes(b"")
    return folder / "d80", write_profile(folder)


@pytest.fixture(scope="module")
def expected(place: tuple[Path, Path]) -> str:
    return map_text(survey_of(place[0], profile=place[1]))


@pytest.fixture
def site(place: tuple[Path, Path]) -> Iterator[Site]:
    with web({f"/d80/{path.name}": path.read_bytes() for path in place[0].iterdir()}) as found:
        yield found


@pytest.fixture(scope="module")
def bucket() -> Iterator[Any]:
    with s3() as found:
        yield found


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "WAITS_S", (0.01, 0.02))


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list to which the names of photos are added that are decoded."""
    names: list[str] = []
    decode = module.read_frame

    def read(photo, *arguments, **options):
        names.append(photo.path.name)
        return decode(photo, *arguments, **options)

    monkeypatch.setattr(module, "read_frame", read)
    return names


def test_photos_on_a_web_server_give_the_map_of_local_ones(place: tuple[Path, Path], expected: str, site: Site) -> None:
    each = [f"{site.url}/d80/{path.name}?key=a.b" for path in place[0].iterdir()]
    for urls in ([f"{site.url}/d80/"], [f"{site.url}/**/*.NEF"], each):
        assert map_text(survey_of(*urls, profile=place[1])) == expected


def test_photos_in_memory_give_the_map_of_local_ones(place: tuple[Path, Path], expected: str) -> None:
    from fsspec.implementations.memory import MemoryFileSystem

    system = MemoryFileSystem()
    try:
        for path in place[0].iterdir():
            system.pipe_file(f"/d80/{path.name}", path.read_bytes())
        assert map_text(survey_of("memory://d80", profile=place[1])) == expected
        halves = [*sorted(place[0].iterdir())[: PHOTOS // 2], "memory://d80/*.NEF"]
        assert "same capture time" not in expected
        both = survey_of(*halves, profile=place[1])  # of each photo one, wherever it lies
        assert both.defects == survey_of(place[0], profile=place[1]).defects
    finally:
        system.store.clear()


def test_photos_in_s3_give_the_map_of_local_ones_and_are_known_to_a_state(
    place: tuple[Path, Path], expected: str, bucket: Any, decoded: list[str], tmp_path: Path
) -> None:
    for path in place[0].iterdir():
        bucket.put(f"d80/2010/{path.name}", path.read_bytes())
    url, options = f"{bucket.url}/d80/**/*.NEF", {"profile": place[1], "state": tmp_path / "state"}
    assert [one.raw_photos for one in scan([f"{bucket.url}/d80"]).bodies] == [PHOTOS - 1]
    assert map_text(survey_of(url, **options)) == expected
    assert decoded
    decoded.clear()
    assert map_text(survey_of(url, **options)) == expected
    assert decoded == []
    bucket.put("d80/2010/DSC_0005.NEF", nef(5))
    changed = survey_of(url, **options)
    assert "DSC_0005.NEF" in decoded
    assert changed.frames.used == PHOTOS - 1


@pytest.mark.parametrize(
    "url", ["s3://nobody/d80/*.NEF", "s3://nobody", "s3://archive/nothing/", "s3://archive/nothing.NEF"]
)
def test_what_is_not_in_s3_is_one_clear_line(bucket: Any, url: str) -> None:
    result = run("map", url)
    assert result.exit_code == 1
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.endswith("no such file, folder or pattern")


def test_refused_credentials_are_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing(dict[str, Any]):
        def get(self, path: str, default: Any = None) -> Any:
            return lambda handler: handler.send_page(403, "<Error><Code>InvalidAccessKeyId</Code></Error>")

    monkeypatch.setattr(network, "_systems", {})
    with web(Refusing()) as site:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", site.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "topsecret")
        for url in ("s3://archive/d80/", "s3://archive/*.NEF", "s3://archive/a.NEF", f"{site.url}/a.NEF"):
            result = run("scan", url)
            assert (result.exit_code, result.stdout) == (1, "")
            (line,) = result.stderr.splitlines()
            assert "access refused" in line


def test_a_state_knows_files_of_a_web_server_by_their_etags(
    place: tuple[Path, Path], expected: str, site: Site, decoded: list[str], tmp_path: Path
) -> None:
    secret = f"{site.url}/d80/".replace("//", "//me:topsecret@", 1)
    for url in (secret, f"{site.url}/d80/*.NEF"):
        decoded.clear()
        assert map_text(survey_of(url, profile=place[1], state=tmp_path)) == expected
    assert decoded == []
    planned = module.plan_map([f"{site.url}/**/*.NEF"], Options(profile=str(place[1]), state=tmp_path))
    assert all(shard.known for shard in planned)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"topsecret" in path.read_bytes()]
    forgotten = state_tools.forget_photos(tmp_path, [f"{secret}DSC_0007.NEF"])
    assert (forgotten.shards, forgotten.files) == (1, 1)


def test_files_without_etag_or_time_are_read_again_and_their_shards_found(
    place: tuple[Path, Path], expected: str, site: Site, decoded: list[str], tmp_path: Path
) -> None:
    site.etags = False
    assert map_text(survey_of(f"{site.url}/d80/", profile=place[1], state=tmp_path)) == expected
    decoded.clear()
    site.files["/d80/DSC_0007.NEF"] = nef(7, level=900.0)
    changed = survey_of(f"{site.url}/d80/", profile=place[1], state=tmp_path)
    assert map_text(changed) == map_text(survey_of(f"{site.url}/d80/", profile=place[1]))


def test_photos_that_vanish_or_go_bad_while_they_are_mapped_are_skipped(place: tuple[Path, Path], site: Site) -> None:
    asked: dict[str, int] = {}
    lock = threading.Lock()

    def twice(path: str, then: Any) -> Any:
        """Answer the first two requests as always, which are of the header."""
        data = site.files[path]

        def answer(handler: Handler) -> None:
            with lock:
                asked[path] = asked.get(path, 0) + 1
            if asked[path] <= 2:
                handler.send_file(data)
            else:
                then(handler)

        return answer

    lost, refused, shorter = (f"/d80/DSC_{number:04}.NEF" for number in (2, 4, 9))
    changes = {
        lost: lambda handler: handler.send_page(404, ""),
        refused: lambda handler: handler.send_page(500, "<html>"),
        shorter: lambda handler: handler.send_file(nef(9)[:20000]),
    }
    site.files |= {path: twice(path, then) for path, then in changes.items()}
    found = survey_of(f"{site.url}/d80/", profile=place[1])
    reasons = {photo.name: photo.reason for photo in found.skipped}
    assert reasons["DSC_0002.NEF"] == "cannot be read: not there any more"
    assert "status 500" in reasons["DSC_0004.NEF"]
    assert "changed from" in reasons["DSC_0009.NEF"]
    assert found.frames.used == PHOTOS - 5
    with pytest.raises(DecodeError, match=r"DSC_0002.NEF: cannot be read: not there any more"):
        survey_of(f"{site.url}/d80/", profile=place[1], strict=True)


def test_a_server_that_goes_away_leaves_no_usable_photo(place: tuple[Path, Path], site: Site) -> None:
    for path in site.files:
        site.files[path] = lambda handler: handler.send_page(503, "")
    with pytest.raises((FrameMismatchError, DecodeError)):
        survey_of(f"{site.url}/d80/", profile=place[1])


def test_one_map_for_each_body_of_a_server(place: tuple[Path, Path], site: Site, tmp_path: Path) -> None:
    site.files |= {f"/d80/other/{number}.NEF": nef(number, serial="4009999") for number in range(3)}
    profile = str(place[1])
    maps = map_bodies([f"{site.url}/d80/"], tmp_path / "remote", Options(profile=profile))
    assert [one.photos for one in maps.bodies] == [PHOTOS - 2, 3]


def test_a_folder_that_cannot_be_searched_is_said_and_skipped(place: tuple[Path, Path], site: Site) -> None:
    url = f"{site.url}/d80/"
    site.files |= {"/d80/sub/DSC_0099.NEF": nef(99), "/d80/sub/": lambda handler: handler.send_page(403, "")}
    found = survey_of(url, profile=place[1])
    assert found.frames.used == PHOTOS - 2
    assert "access refused" in {photo.name: photo.reason for photo in found.skipped}["sub"]
    assert [one.example for one in scan([url]).left_out if "cannot be searched" in one.reason] == ["sub"]


def test_urls_where_folders_and_files_of_this_machine_are_expected(
    place: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    photos, profile = place
    with pytest.raises(StateError, match=r"b/state: is a URL"):
        survey_of(photos, profile=profile, state="s3://key:topsecret@b/state")
    with pytest.raises(OutputError, match="is a URL"):
        map_bodies([photos], "s3://b/maps/", Options(profile=str(profile)))
    (tmp_path / "map.yaml").write_text(map_text(survey_of(photos, profile=profile)))
    for arguments in (
        ("map", photos, "-o", "s3://b/map.yaml"),
        ("map", photos, "-o", "s3://b/maps/"),
        ("show", "s3://b/map.yaml"),
        ("correct", "map.yaml", "s3://b/a.NEF", "-o", "out"),
        ("correct", "map.yaml", "s3://b/a.NEF", "--check"),
        ("correct", "map.yaml", photos, "-o", "s3://b/out"),
        ("cameras", "align", "s3://b/a.NEF", "s3://b/a.JPG"),
        ("state", "show", "s3://b/state"),
        ("state", "merge", "s3://b/state", "-o", "s3://b/other"),
    ):
        result = run(*arguments)
        assert result.exit_code == 1, arguments
        assert len(result.stderr.splitlines()) == 1, result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["map.yaml"]


def test_no_secret_and_no_other_library_is_heard_of(place: tuple[Path, Path], site: Site, tmp_path: Path) -> None:
    url = site.url.replace("//", "//me:topsecret@")
    site.files["/d80/DSC_0002.NEF"] = lambda handler: handler.send_page(500, "")
    arguments = [f"{url}/d80/", f"{url}/d80/DSC_0001.NEF?token=topsecret"]
    patch = "from sensormap.photos import network; network.WAITS_S = (0.01,)"
    process = run_script("map", *arguments, "-o", tmp_path / "a.yaml", "--profile", place[1], "-vv", patch=patch)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stderr
    assert b"topsecret" not in stdout + stderr + (tmp_path / "a.yaml").read_bytes()
    assert b"Traceback" not in stderr
    assert b"Unclosed" not in stderr
    process = run_script("map", f"{url}/d80/nothing.NEF?token=topsecret", "-vv", patch=patch)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 1
    assert b"topsecret" not in stdout + stderr


@pytest.mark.parametrize("command", ["map", "scan", "map each"])
def test_ctrl_c_ends_waiting_for_a_server(
    place: tuple[Path, Path], site: Site, command: str, tmp_path: Path
) -> None:
    waiting = threading.Event()

    sound = dict(site.files)

    def stall(handler: Handler) -> None:
        first = command == "map each" and len(site.gets(handler.path)) <= 1  # of the header
        if handler.command == "HEAD" or first:
            handler.send_file(sound[handler.path])
            return
        waiting.set()
        time.sleep(20)

    for path in site.files:
        site.files[path] = stall
    options = ["-o", f"{tmp_path / 'maps'}/", "--profile", place[1]] if command == "map each" else []
    process = run_script(command.split(maxsplit=1)[0], f"{site.url}/d80/", *options)
    assert waiting.wait(20), process.communicate(timeout=5)
    time.sleep(0.2)
    start = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=20)
    assert time.monotonic() - start < 2
    assert process.returncode == 130
    assert b"Traceback" not in stderr


def test_local_runs_import_no_library_of_networks(place: tuple[Path, Path]) -> None:
    patch = (
        "import atexit\n"
        "atexit.register(lambda: print({'fsspec', 'aiohttp', 'asyncio', 'botocore'} & {*sys.modules}, file=sys.stderr))"
    )
    process = run_script("scan", place[0], patch=patch)
    assert process.communicate(timeout=60)[1].splitlines()[-1] == b"set()"
