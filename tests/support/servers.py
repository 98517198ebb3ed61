"""Servers on loopback for photos by URL: one of files that can be made slow, lying or lost, and one that is S3."""

from __future__ import annotations

import html
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import pytest

Answer = Callable[["Handler"], None]


@dataclass
class Site:
    """What a server has, by path, and what it was asked for.

    Parameters
    ----------
    files
        Contents by path, or a function that answers itself.
    etags
        Whether ETags are sent, which change with the content.
    ranges
        Whether parts of a file can be had.
    delay_s
        Seconds before each answer.
    """

    files: dict[str, bytes | Answer]
    etags: bool = True
    ranges: bool = True
    delay_s: float = 0
    url: str = ""
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    sent_bytes: int = 0
    most_at_once: int = 0
    _at_once: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def gets(self, path: str = "") -> list[str]:
        """Return the ranges of the GETs of a path, or of all."""
        return [part for method, asked, part in self.asked if method == "GET" and path in ("", asked)]

    @contextmanager
    def counted(self, handler: Handler) -> Iterator[None]:
        with self._lock:
            self.asked.append((handler.command, handler.path, handler.headers.get("Range", "")))
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            time.sleep(self.delay_s)
            yield
        finally:
            with self._lock:
                self._at_once -= 1


class Handler(BaseHTTPRequestHandler):
    """Answers for a `Site`."""

    site: Site
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        with self.site.counted(self):
            path = unquote(urlsplit(self.path).path)
            found = self.site.files.get(path)
            try:
                if callable(found):
                    found(self)
                elif found is not None:
                    self.send_file(found)
                elif path.endswith("/"):
                    self.send_index(path)
                else:
                    self.send_page(404, "<html>no such file</html>")
            except ConnectionError:  # the client has heard enough
                self.close_connection = True

    def send_file(self, data: bytes, **headers: str) -> None:
        part = self.headers.get("Range")
        status, found = 200, data
        if part and self.site.ranges:
            first, last = (int(number) for number in part.removeprefix("bytes=").split("-"))
            status, found = 206, data[first : last + 1]
        self.send_response(status)
        self.send_header("Content-Length", str(len(found)))
        self.send_header("Content-Type", "application/octet-stream")
        if status == 206:
            self.send_header("Content-Range", f"bytes {first}-{first + len(found) - 1}/{len(data)}")
        if self.site.etags:
            self.send_header("ETag", f'"{hash(data):x}"')
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.send_body(found)

    def send_page(self, status: int, text: str) -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.send_body(data)

    def send_index(self, folder: str) -> None:
        inside = {
            path[len(folder) :].split("/")[0] + "/" * ("/" in path[len(folder) :])
            for path in self.site.files
            if path.startswith(folder)
        }
        if not inside:
            self.send_page(404, "<html>no such folder</html>")
            return
        links = ["../", "?C=N;O=D", *sorted(map(quote, inside))]
        self.send_page(200, "".join(f'<a href="{html.escape(link)}">{html.escape(link)}</a>\n' for link in links))

    def send_body(self, data: bytes) -> None:
        if self.command != "HEAD":
            self.site.sent_bytes += len(data)  # before: whoever has read it may ask at once
            self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def handle_error(self, *_: Any) -> None:
        """Say nothing: clients go as they please."""


@contextmanager
def web(files: dict[str, bytes | Answer], **options: Any) -> Iterator[Site]:
    """Serve files by HTTP for a while."""
    site = Site(files, **options)
    server = _Server(("127.0.0.1", 0), type("_Handler", (Handler,), {"site": site}))
    site.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Bucket:
    """A bucket of a server that speaks S3."""

    url: str
    client: Any

    def put(self, key: str, data: bytes) -> None:
        """Put an object there."""
        self.client.put_object(Bucket="archive", Key=key, Body=data)


@contextmanager
def s3() -> Iterator[Bucket]:
    """Serve S3 for a while, and have the environment say where."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL_S3", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        client = boto3.client("s3")
        client.create_bucket(Bucket="archive")
        try:
            yield Bucket("s3://archive", client)
        finally:
            client.close()
            server.stop()
