"""Photos by URL: what a URL names, how little of a file is read for its header, and servers that are no good."""

from __future__ import annotations

import pickle
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from threading import Event

import pytest

from sensormap.errors import DecodeError, EditedError, MissingExtraError
from sensormap.frame import RemoteFile, Skipped
from sensormap.photos import files, network, remote
from sensormap.photos.exif import read_photo
from sensormap.photos.files import read_bytes
from sensormap.photos.finding import Kind, find_each, find_local_photos, find_photos
from sensormap.photos.mark import MARK
from sensormap.photos.select import read_photos
from sensormap.threads import Pool
from tests.support.photos import nef, run, write_profile
from tests.support.servers import Handler, Site, web

PHOTO = nef(0)
BLOCK = remote.HEADER_BYTES


@pytest.fixture
def memory() -> Iterator[dict[str, bytes]]:
    """Return the files of the file system in memory, by path."""
    from fsspec.implementations.memory import MemoryFileSystem

    class Files(dict[str, bytes]):
        def __setitem__(self, path: str, data: bytes) -> None:
            system.pipe_file(path, data)

    system = MemoryFileSystem()
    yield Files()
    system.store.clear()
    system.pseudo_dirs[:] = [""]


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "WAITS_S", (0.01, 0.02))


def one(url: str) -> RemoteFile:
    (found,) = find_photos([url], images=False)
    assert isinstance(found, RemoteFile)
    return found


def names(*urls: str | Path) -> list[str]:
    return [path.name for path in find_photos(urls, images=False)]


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("memory://d/a.NEF", ["a.NEF"]),
        ("memory://d/notes.txt", ["notes.txt"]),  # named itself
        ("memory://d", ["a.NEF", "b.JPG", "c.NEF", "d.nef"]),
        ("memory://d/", ["a.NEF", "b.JPG", "c.NEF", "d.nef"]),
        ("memory://d/*.NEF", ["a.NEF"]),
        ("memory://d/**/*.[Nn]?F", ["a.NEF", "c.NEF", "d.nef"][:2]),
        ("memory://d/**/*.[Nn][Ee]?", ["a.NEF", "c.NEF", "d.nef"]),
        ("memory://d/20*", ["c.NEF", "d.nef"]),  # folders that match are searched
        ("memory://*/a.NEF", ["a.NEF"]),
        ("memory://**/d.nef", ["d.nef"]),
    ],
)
def test_what_a_url_names(memory: dict[str, bytes], url: str, found: list[str]) -> None:
    for path in ("a.NEF", "b.JPG", "notes.txt", "2009/c.NEF", "2010/may/d.nef", ".hidden/x.NEF", "@eaDir/y.NEF"):
        memory[f"/d/{path}"] = b"x"
    memory["/d/.x.NEF"] = b"x"
    assert names(url) == found
    assert {one.path.name for one in find_each([url], images=False) if one.kind is Kind.PHOTO} == {*found}
    assert names(url, url, "memory://d/a.NEF").count("a.NEF") == 1


@pytest.mark.parametrize("url", ["memory://nothing", "memory://nothing/a.NEF", "memory://d/*.NEF", "memory://d/x/"])
def test_urls_of_nothing(memory: dict[str, bytes], url: str) -> None:
    memory["/d/a.jpg"] = b"x"
    with pytest.raises(DecodeError, match="no such file, folder or pattern"):
        find_photos([url], images=False)


def test_urls_of_local_files_are_local(tmp_path: Path) -> None:
    path = tmp_path / "my photo.NEF"
    path.write_bytes(PHOTO)
    url = f"file://{tmp_path}/my%20photo.NEF"
    assert find_local_photos([url], images=False) == (path,)
    assert find_photos([url, path, f"file://localhost{tmp_path}"], images=False) == (path,)


def test_remote_photos_are_described_as_local_ones_are(memory: dict[str, bytes], tmp_path: Path) -> None:
    memory["/d/a.NEF"] = PHOTO
    (tmp_path / "a.NEF").write_bytes(PHOTO)
    here, there = read_photo(tmp_path / "a.NEF"), read_photo(one("memory://d/a.NEF"))
    assert (here.body, here.exposure, here.size_bytes) == (there.body, there.exposure, there.size_bytes)
    assert read_bytes(there.path) == PHOTO


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("nonsense://a/b.NEF", "no kind of URL"),
        ("zip://a.NEF::http://127.0.0.1/a.zip", "expected one URL"),
        ("s3://key:secret@bucket/a.NEF", "expected a bucket"),
        ("memory://d/**.NEF", "is no pattern"),
    ],
)
def test_urls_that_are_refused(url: str, words: str) -> None:
    with pytest.raises(DecodeError, match=words) as caught:
        find_photos([url], images=False)
    assert "secret" not in str(caught.value)


def test_a_url_is_refused_where_files_are_written_beside_photos() -> None:
    with pytest.raises(DecodeError, match="is a URL"):
        find_local_photos(["https://me:secret@example.com/a.NEF"], images=False)


@pytest.mark.parametrize("missing", ["fsspec", "aiohttp"])
def test_without_the_extra_a_url_says_which_it_takes(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "_systems", {})
    network._options.cache_clear()
    for module in (missing, "fsspec.implementations.http"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=r"sensormap\[remote\]"):
        find_photos(["http://127.0.0.1/a.NEF"], images=False)
    network._options.cache_clear()


def test_a_web_server_s_index_pages_are_folders() -> None:
    there = {"/d/a%b.NEF": PHOTO, "/d/2010/my photo.NEF": PHOTO, "/d/notes.txt": b"x", "/e.NEF": PHOTO}
    with web(there) as site:
        assert names(f"{site.url}/d/") == ["a%b.NEF", "my photo.NEF"]
        assert names(f"{site.url}/d/*/my*.NEF?page=2") == ["my photo.NEF"]
        assert names(f"{site.url}/d/?sort=date") == ["a%b.NEF", "my photo.NEF"]
        site.files["/2011/you@me.NEF"] = PHOTO
        assert names(f"{site.url.replace('//', '//me:a*b@')}/*/you@*.NEF") == ["you@me.NEF"]
        del site.files["/2011/you@me.NEF"]
        assert names(f"{site.url}/e.NEF?size=1.jpg#x.tif") == ["e.NEF"]
        assert len(read_photos(find_photos([f"{site.url}/"], images=False), jobs=2)[0]) == 3


def test_links_that_lead_elsewhere_are_not_followed() -> None:
    links = ["..", "../", "../../d/", "x/../../d/", "/d/", "./", "http://127.0.0.1:9/z.NEF", "a.NEF", "%2E%2E/", ""]

    def index(handler: Handler) -> None:
        handler.send_page(200, "".join(f'<a href="{link}">x</a>' for link in links))

    with web({"/d/": index, "/d/%2E%2E/": index, "/d/a.NEF": PHOTO}) as site:
        assert names(f"{site.url}/d/") == ["a.NEF"]
        assert len(site.asked) < 10


def test_a_tree_without_end_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    def index(handler: Handler) -> None:
        handler.send_page(200, "".join(f'<a href="{number}/">x</a>' for number in range(20)))

    class Endless(dict[str, object]):
        def get(self, path: str, default: object = None) -> object:
            return index if path.endswith("/") else None

    monkeypatch.setattr(remote, "MAX_ENTRIES", 500)
    with web(Endless()) as site, pytest.raises(DecodeError, match="more than 500 files"):  # type: ignore[arg-type]
        find_photos([f"{site.url}/"], images=False)


def test_of_a_large_file_the_beginning_is_read_and_the_end() -> None:
    large = PHOTO + bytes(9 * BLOCK)
    with web({"/a.NEF": large}) as site:
        photo = read_photo(one(f"{site.url}/a.NEF"))
        assert photo.body.model == "NIKON D80"
        assert site.gets() == [f"bytes={len(large) - 1024}-{len(large) - 1}", f"bytes=0-{BLOCK - 1}"]
        assert site.sent_bytes == BLOCK + 1024


def test_an_offset_may_lead_further(tmp_path: Path) -> None:
    """A TIFF whose directories are at its end."""
    moved = bytearray(PHOTO)
    start = int.from_bytes(moved[4:8], "big" if moved[:2] == b"MM" else "little")
    large = moved + bytes(3 * BLOCK)
    order = "big" if moved[:2] == b"MM" else "little"
    count = int.from_bytes(moved[start : start + 2], order)
    directory = moved[start : start + 2 + 12 * count + 4]
    large[4:8] = len(large).to_bytes(4, order)
    large += directory + bytes(5000)
    (tmp_path / "a.NEF").write_bytes(large)
    with web({"/a.NEF": bytes(large)}) as site:
        photo = read_photo(one(f"{site.url}/a.NEF"))
        assert photo.body == read_photo(tmp_path / "a.NEF").body
        assert photo.body.model
        assert len(site.gets()) == 3 + (len(moved) % BLOCK > BLOCK)


def test_a_corrected_copy_is_known_by_its_end() -> None:
    with web({"/a.NEF": PHOTO + bytes(2 * BLOCK) + MARK}) as site, pytest.raises(EditedError):
        read_photo(one(f"{site.url}/a.NEF"))


@pytest.mark.parametrize("ranges", [True, False])
def test_photos_of_servers_without_ranges_and_without_sizes(ranges: bool) -> None:
    large = PHOTO + bytes(2 * BLOCK)

    def chunked(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        if handler.command == "GET":
            handler.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(large), large))

    with web({"/a.NEF": large, "/b.NEF": chunked}, ranges=ranges) as site:
        for name in ("a", "b"):
            photo = read_photo(one(f"{site.url}/{name}.NEF"))
            assert photo.size_bytes == len(large)
            assert read_bytes(photo.path) == large


def test_an_object_that_lies_about_its_size_is_read_to_one_byte_more() -> None:
    def lying(handler: Handler) -> None:
        if handler.command == "HEAD":
            handler.send_file(PHOTO)
        else:
            handler.send_response(200)
            handler.end_headers()
            handler.close_connection = True
            while True:
                handler.wfile.write(bytes(1 << 16))
                handler.site.sent_bytes += 1 << 16

    with web({"/a.NEF": lying}) as site:
        assert len(read_bytes(one(f"{site.url}/a.NEF"))) == len(PHOTO) + 1
        assert site.sent_bytes < 20_000_000


def test_an_object_without_an_end_is_left_at_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(handler: Handler) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.close_connection = True
        while handler.command == "GET":
            handler.wfile.write(bytes(1 << 16))
            handler.site.sent_bytes += 1 << 16

    monkeypatch.setattr(files, "MAX_PHOTO_BYTES", 1_000_000)
    monkeypatch.setattr(network, "MAX_PAGE_BYTES", 1_000_000)
    with web({"/a.NEF": endless, "/d/": endless}) as site:
        found = reasons(site, "/a.NEF")
        assert found == ["has 1000001 bytes, expected at most 1000000"]
        with pytest.raises(DecodeError, match="no such file"):
            names(f"{site.url}/d/")
        assert site.sent_bytes < 40_000_000


def test_an_endless_object_without_a_size_and_an_endless_page_are_cut_and_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    page = b'<a href="a.NEF">a</a>' * 5000

    def endless(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/html")
        handler.end_headers()
        handler.close_connection = True
        while handler.command == "GET":
            handler.wfile.write(page)

    monkeypatch.setattr(remote, "_MAX_UNTOLD_BYTES", 1_000_000)
    monkeypatch.setattr(network, "MAX_PAGE_BYTES", 1_000_000)
    with web({"/d/": endless, "/d/a.NEF": endless}) as site:
        (reason,) = reasons(site, "/d/a.NEF")
        assert reason == "has more than 1000000 bytes, expected no more of a server that tells no size"
        assert names(f"{site.url}/d/") == ["a.NEF"]
    assert caplog.messages == [f"{site.url}/d/: listing cut after 1 MB"]


def test_of_large_answers_one_is_read_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "_LARGE_BYTES", 100_000)
    is_begun, goes_on = Event(), Event()

    def slow(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "300000")
        handler.end_headers()
        if handler.command == "GET":
            handler.wfile.write(bytes(200_000))
            is_begun.set()
            goes_on.wait(20)
            handler.wfile.write(bytes(100_000))

    with web({"/a.NEF": slow, "/b.NEF": bytes(300_000), "/c.NEF": PHOTO}) as site, ThreadPoolExecutor(3) as pool:
        first, second, small = (one(f"{site.url}/{name}.NEF") for name in "abc")
        waiting = [pool.submit(read_bytes, first)]
        assert is_begun.wait(20)
        time.sleep(0.1)
        waiting.append(pool.submit(read_bytes, second))
        assert read_bytes(small) == PHOTO
        assert not wait(waiting, timeout=0.3).done
        goes_on.set()
        assert [future.result(20) for future in waiting] == [bytes(300_000)] * 2


@pytest.mark.parametrize(
    ("header", "value"),
    [("Content-Length", "9" * 20), ("Content-Length", "-5"), ("X", "A" * 100_000), ("Location", "file:///etc/hostname")],
    ids=["long number", "negative number", "long line", "file"],
)
def test_nobody_is_blamed_for_answers_that_no_server_of_the_web_gives(header: str, value: str) -> None:
    def odd(handler: Handler) -> None:
        handler.send_response(302 if header == "Location" else 200)
        handler.send_header(header, value)
        handler.end_headers()
        handler.close_connection = True

    reason = "its answer cannot be understood"
    if header == "Location":
        reason = "it redirects to an address that is none of the web, which is not followed"
    with web({"/d/a.NEF": PHOTO}) as site:
        (path,) = find_photos([f"{site.url}/d/"], images=False)
        site.files["/d/a.NEF"] = odd
        with pytest.raises(DecodeError, match=f"^a.NEF: cannot be read: {reason}$"):
            read_bytes(path)


def reasons(site: Site, *paths: str) -> list[str]:
    """Return why photos cannot be used."""
    files = find_photos([f"{site.url}{path}" for path in paths], images=False)
    return [photo.reason for photo in read_photos(files, jobs=2)[1]]


def test_a_photo_that_vanishes_is_skipped() -> None:
    with web({"/d/a.NEF": PHOTO, "/d/b.NEF": PHOTO}) as site:
        listed = find_photos([f"{site.url}/d/"], images=False)
        del site.files["/d/a.NEF"]
        photos, unread = read_photos(listed, jobs=2)
        assert unread == (Skipped("a.NEF", "cannot be read: not there any more"),)
        del site.files["/d/b.NEF"]
        with pytest.raises(DecodeError, match="not there any more"):
            read_bytes(photos[0].path)


def test_an_error_page_in_place_of_a_photo_is_no_photo() -> None:
    def page(handler: Handler) -> None:
        handler.send_page(200, "<html>sorry</html>")

    with web({"/d/a.NEF": page}) as site:
        photos, _ = read_photos(find_photos([f"{site.url}/d/a.NEF"], images=False), jobs=1)
        assert [photo.body.model for photo in photos] == [""]


@pytest.mark.parametrize(
    ("status", "reason", "times"),
    [(403, "access refused", 1), (503, "status 503", 3), (429, "status 429", 3), (418, "status 418", 1)],
)
def test_refusals_of_a_server(status: int, reason: str, times: int) -> None:
    def refuse(handler: Handler) -> None:
        handler.send_page(status, "<html>no</html>")

    with web({"/d/a.NEF": PHOTO}) as site:
        (path,) = find_photos([f"{site.url}/d/"], images=False)
        site.files["/d/a.NEF"] = refuse
        site.asked.clear()
        with pytest.raises(DecodeError, match=reason):
            read_bytes(path)
        assert len(site.asked) == times
        with pytest.raises(DecodeError, match=reason):
            find_photos([f"{site.url}/d/a.NEF"], images=False)


def test_a_server_that_never_answers_is_left_alone_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "MOST_FAILURES", 6)
    paths = [f"/{number}.NEF" for number in range(30)]
    with web(dict.fromkeys(paths, PHOTO)) as site:
        found = find_photos([f"{site.url}{path}" for path in paths], images=False)
        site.files |= dict.fromkeys(paths, lambda handler: handler.send_page(503, ""))
        site.asked.clear()
        for path in found:
            with pytest.raises(DecodeError, match=r"status 503|failed 6 times in a row"):
                read_bytes(path)
        assert len(site.asked) == 6
        site.files |= dict.fromkeys(paths, PHOTO)
        monkeypatch.setattr(network, "REST_S", 0)
        assert read_bytes(found[0]) == PHOTO
        assert not network._failures.get(id(network.system_of(site.url)))


def test_a_server_that_recovers_is_asked_again() -> None:
    failures = iter([503, 500])

    def ailing(handler: Handler) -> None:
        status = next(failures, None)
        handler.send_page(status, "") if status else handler.send_file(PHOTO)

    with web({"/a.NEF": PHOTO}) as site:
        path = one(f"{site.url}/a.NEF")
        site.files["/a.NEF"] = ailing
        assert read_bytes(path) == PHOTO


def test_redirects_are_followed_and_circles_are_left() -> None:
    def redirect(to: str):
        def answer(handler: Handler) -> None:
            handler.send_response(302)
            handler.send_header("Location", to)
            handler.send_header("Content-Length", "0")
            handler.end_headers()

        return answer

    with web({"/a.NEF": redirect("/b.NEF"), "/b.NEF": PHOTO, "/c.NEF": redirect("/c.NEF")}) as site:
        path = one(f"{site.url}/a.NEF")
        assert (path.name, read_bytes(path)) == ("a.NEF", PHOTO)
        with pytest.raises(DecodeError, match="connection failed"):
            one(f"{site.url}/c.NEF")


def slowly(handler: Handler) -> None:
    """Send a byte every tenth of a second."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(PHOTO)))
    handler.end_headers()
    for byte in PHOTO if handler.command == "GET" else b"":
        handler.wfile.write(bytes([byte]))
        time.sleep(0.1)


def silently(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(PHOTO)))
    handler.end_headers()
    time.sleep(5 if handler.command == "GET" else 0)


def test_a_server_that_drips_is_left_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "ANSWER_S", 0.5)
    monkeypatch.setattr(remote, "SLOWEST_BYTES_PER_S", 1e9)
    with web({"/a.NEF": slowly}) as site:
        start = time.monotonic()
        assert reasons(site, "/a.NEF") == ["cannot be read: too slow: not done after 0 s"]
        assert len(site.gets()) == 1
        with pytest.raises(DecodeError, match="too slow"):
            read_bytes(one(f"{site.url}/a.NEF"))
        assert time.monotonic() - start < 3


def test_a_silent_server_is_asked_again_and_then_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "_systems", {})
    monkeypatch.setattr(network, "SILENCE_S", 0.3)
    network._options.cache_clear()
    with web({"/a.NEF": silently}) as site:
        assert reasons(site, "/a.NEF") == ["cannot be read: no answer for 0.3 s"]
        assert len(site.gets()) == 3
    network._options.cache_clear()


def test_no_thread_waits_for_a_server_when_its_run_has_ended() -> None:
    with web({"/a.NEF": silently}) as site:
        path = one(f"{site.url}/a.NEF")
        pool, start = Pool(2), time.monotonic()
        futures = [pool.submit(read_bytes, path) for _ in range(3)]
        while not site.gets():
            time.sleep(0.01)
        pool.shutdown(cancel_futures=True)
        assert time.monotonic() - start < 2
        assert isinstance(futures[0].exception(), DecodeError)
        assert futures[2].cancelled()


def test_files_read_ahead_are_read_once_and_at_once() -> None:
    paths = [f"/d/{number}.NEF" for number in range(20)]
    with web(dict.fromkeys(paths, PHOTO), delay_s=0.1) as site:
        found = [photo.path for photo in read_photos(find_photos([f"{site.url}/d/"], images=False), jobs=2)[0]]
        site.asked.clear()
        start = time.monotonic()
        files.read_ahead(found)
        assert [read_bytes(path) for path in found[:8]] == [PHOTO] * 8
        assert time.monotonic() - start < 0.6
        assert len(site.gets()) == 8
        files.read_ahead(found)
        files.forget_ahead(found)
        assert not remote._ahead


def test_many_threads_read_at_once() -> None:
    with web(dict.fromkeys((f"/{number}.NEF" for number in range(12)), PHOTO), delay_s=0.1) as site:
        found = find_photos([f"{site.url}/{number}.NEF" for number in range(12)], images=False)
        assert len(read_photos(found, jobs=2)[0]) == 12
        assert site.most_at_once >= 8


def test_no_secret_of_a_url_is_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    with web({"/d/a.NEF": PHOTO}) as site:
        url = site.url.replace("//", "//me:secret@")
        for argument in (f"{url}/d/a.NEF?token=hidden", f"{url}/d/", f"{url}/d/*.NEF"):
            path = one(argument)
            assert str(path) == f"{site.url}/d/a.NEF"
            assert "secret" not in repr(read_photo(path))
            assert "hidden" not in repr(path)
        with pytest.raises(DecodeError) as caught:
            one(f"{url}/x.NEF?token=hidden")
        causes = [caught.value, caught.value.__cause__, caught.value.__context__]
        assert not [cause for cause in causes if "secret" in str(cause) or "hidden" in str(cause)]
        assert causes[1] is None or causes[1].__cause__ is causes[1].__context__ is None  # -vv prints them all
        ours = "".join(record.getMessage() for record in caplog.records if record.name.startswith("sensormap"))
        assert "secret" not in ours


def test_other_processes_open_a_file_again() -> None:
    with web({"/d/a.NEF": PHOTO}) as site:
        path = read_photo(one(f"{site.url}/d/")).path
        again = pickle.loads(pickle.dumps(path))
        assert (again, again.size, again.version) == (path, path.size, path.version)
        assert read_bytes(again) == PHOTO


def test_names_that_steer_terminals_are_names(memory: dict[str, bytes], tmp_path: Path) -> None:
    odd = ["a\x1b[31m.NEF", "b\n.NEF", "c..NEF", "d\\..\\e.NEF", "f.NEF"]
    for number, name in enumerate(odd):
        memory[f"/d/{name}"] = nef(number)
    assert sorted(names("memory://d/")) == sorted(odd)
    memory["/d/g\x1b.NEF"] = b""
    result = run("map", "memory://d/", "-vv", "--profile", write_profile(tmp_path), "-o", tmp_path / "map.yaml")
    assert result.exit_code == 0
    assert "\x1b" not in result.output + (tmp_path / "map.yaml").read_text()
