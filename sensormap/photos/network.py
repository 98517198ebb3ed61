"""Asking file servers for something, through fsspec: for so long, again where that may help, and errors in our words.

Only this module knows fsspec, and only where a URL is given is it imported.
"""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import time
from collections.abc import Coroutine
from concurrent.futures import Future, wait
from contextlib import AsyncExitStack
from functools import cache
from io import BytesIO
from threading import Lock
from typing import Any

from sensormap.errors import DecodeError, MissingExtraError
from sensormap.threads import run_ended
from sensormap.urls import scheme_of, shown_url

log = logging.getLogger(__name__)

# Seconds. A server may be slow to begin; one that sends less than 100 kB a second is of no use for photos.
CONNECT_S, SILENCE_S, ANSWER_S, LISTING_S = 10, 30, 60, 300
SLOWEST_BYTES_PER_S = 100_000
WAITS_S = (0.5, 2.0)
"""Seconds before something is tried again that failed; after the last one no more."""

MOST_FAILURES, REST_S = 48, 60
"""Failures in a row after which a server is asked nothing for so many seconds: a long run would wait for days."""

MAX_PAGE_BYTES = 1 << 26  # of an index page: half a million links
_LARGE_BYTES = 1 << 26  # of an answer; what is beyond comes for one thread at a time: all at once would fill the memory
_POLL_S = 0.2  # how soon a wait ends that nobody needs

_S3 = frozenset({"s3", "s3a"})
_OF_EXTRA = frozenset({"http", "https"}) | _S3
_NO_ACCESS = frozenset({"NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "ProfileNotFound"})
_INVALID = frozenset({"ParamValidationError", "InvalidURL", "InvalidUrlClientError", "NonHttpUrlClientError"})
_OTHER_KIND = frozenset({"NonHttpUrlRedirectClientError", "InvalidUrlRedirectClientError"})
_PASSING = (408, 425, 429)  # status codes that ask to try again
NOT_FOUND, _REFUSED = "not found", "access refused; are the credentials right?"


class RequestError(Exception):
    """A request that failed, in our words."""


def system_of(url: str) -> Any:
    """Return the file system of a URL."""
    shown, scheme = shown_url(url), scheme_of(url)
    authority = url.partition("://")[2].partition("/")[0]
    if "::" in url:
        msg = f"{shown}: chained by ::, expected one URL"
        raise DecodeError(msg)
    if scheme in _S3 and "@" in authority:
        msg = f"{shown}: the URL has a user in it, expected a bucket; keys go into AWS_ACCESS_KEY_ID and the like"
        raise DecodeError(msg)
    try:
        import fsspec  # noqa: F401, PLC0415 - takes a tenth of a second: local runs do not

        error, system = _opened(scheme, authority)
    except ImportError as missing:
        error, system = missing, None
    if isinstance(error, ImportError):
        package = "'sensormap[remote]'" if scheme in _OF_EXTRA or error.name == "fsspec" else _package_of(scheme, error)
        msg = f"{shown}: reading {scheme}:// takes a package that is not installed; pip install {package}"
        raise MissingExtraError(msg) from error
    if error is not None:  # not as the cause: it may hold secrets, and would be printed with it
        unknown = f"{scheme}:// is no kind of URL that can be read; expected one such as https:// or s3://"
        msg = f"{shown}: {unknown if isinstance(error, ValueError) else _judged(error, ANSWER_S)[0]}"
        raise DecodeError(msg)
    return system


def path_of(url: str) -> str:
    """Return what the file system of a URL calls what the URL names."""
    return str(system_of(url)._strip_protocol(url))  # as fsspec itself asks


def pattern_of(text: str) -> re.Pattern[str]:
    """Return the regular expression of a pattern as shells have it.

    Raises
    ------
    ValueError
        If it is none.
    """
    from fsspec.utils import glob_translate  # noqa: PLC0415

    try:
        return re.compile(glob_translate(text))
    except re.error as error:
        raise ValueError(str(error)) from error


_failures: dict[int, tuple[int, float]] = {}
"""How often each file system failed since it last answered, and when it did so last."""


def ask(system: Any, name: str, path: str, *, seconds: float, **options: Any) -> Any:
    """Call a method of a file system, again where that may help."""
    for pause in (*WAITS_S, None):
        failures, last = _failures.get(id(system), (0, 0.0))
        if failures >= MOST_FAILURES and time.monotonic() - last < REST_S:
            msg = f"the server failed {failures} times in a row"
            raise RequestError(msg)
        error, result = finish(begin(system, name, path, seconds=seconds, **options))
        if error is None:
            _failures.pop(id(system), None)
            return result
        reason, final = _judged(error, seconds)
        if not final or type(error) is TimeoutError:
            _failures[id(system)] = failures + 1, time.monotonic()
        if final or pause is None:
            raise RequestError(reason)  # without a cause, as above
        end = time.monotonic() + pause
        while time.monotonic() < end and not run_ended():
            time.sleep(min(_POLL_S, pause))
    return None


def begin(system: Any, name: str, path: str, *, seconds: float, **options: Any) -> Future[Any]:
    """Call a method of a file system, and do not wait for it; it ends after so many seconds at the latest."""
    return _begun(_coroutine(system, name, path, **options), seconds)


def _begun(coroutine: Coroutine[Any, Any, Any], seconds: float) -> Future[Any]:
    from fsspec.asyn import get_loop  # noqa: PLC0415

    return asyncio.run_coroutine_threadsafe(asyncio.wait_for(coroutine, seconds), get_loop())


def finish(future: Future[Any]) -> tuple[BaseException | None, Any]:
    """Wait for a result, or for what went wrong: each file system has errors of its own, with no common base.

    Raises
    ------
    RequestError
        If the run of the calling thread ends before.
    """
    try:
        while not future.done():
            if run_ended():
                msg = "the run ended before it was read"
                raise RequestError(msg)
            wait([future], timeout=_POLL_S)  # the time-out lets Ctrl-C through
    finally:
        future.cancel()
    error = ConnectionError() if future.cancelled() else future.exception()
    return error, None if error else future.result()


_one_large_answer = asyncio.Lock()
_one_at_a_time = Lock()  # file systems that are not asynchronous, such as FTP, have one connection


def _coroutine(system: Any, name: str, path: str, **options: Any) -> Coroutine[Any, Any, Any]:
    """Return a call that waits in the thread of fsspec, so that many are under way at once and any can be ended."""
    if system.async_impl:
        found: Coroutine[Any, Any, Any] = getattr(system, f"_{name}")(path, **options)
        return found

    def call() -> Any:
        with _one_at_a_time:
            return getattr(system, name)(path, **options)

    return asyncio.to_thread(call)


def _judged(error: BaseException, seconds: float) -> tuple[str, bool]:
    """Return what went wrong in our words, and whether it would again; a library's words may hold secrets."""
    errors = [error]  # also those that it came from
    while len(errors) < 10 and (cause := errors[-1].__cause__ or errors[-1].__context__) is not None:
        errors.append(cause)
    status = next((found for one in errors if isinstance(found := getattr(one, "status", None), int)), 0)
    names = {type(one).__name__ for one in errors}
    modules = {type(one).__module__ for one in errors}
    from_web = any(module.startswith("aiohttp") for module in modules)
    no_answer = status == 400 and "aiohttp.http_exceptions" in modules  # the parser's status: no server sent it

    def any_is(kind: type[BaseException]) -> bool:
        return any(isinstance(one, kind) for one in errors)

    # The first line that holds.
    table = (
        (status in (401, 403) or bool(names & _NO_ACCESS) or any_is(PermissionError), _REFUSED, True),
        (status in (404, 410), NOT_FOUND, True),
        (no_answer, "its answer cannot be understood", True),
        (bool(names & _OTHER_KIND), "it redirects to an address that is none of the web, which is not followed", True),
        (status >= 400, f"the server answers with status {status}", status < 500 and status not in _PASSING),
        (bool(names & _INVALID), "is no URL of its kind", True),
        (any_is(socket.gaierror), "no such host", False),
        (type(error) is TimeoutError, f"too slow: not done after {seconds:.0f} s", True),
        (any_is(TimeoutError), f"no answer for {SILENCE_S} s", False),
        (any_is(ConnectionRefusedError), "the server takes no connection", False),
        (isinstance(error, FileNotFoundError) and not from_web, NOT_FOUND, True),
        (True, f"the connection failed ({type(error).__name__})", False),
    )
    return next((reason, final) for holds, reason, final in table if holds)


_systems: dict[tuple[str, str], Any] = {}
_systems_lock = Lock()


def _opened(scheme: str, authority: str) -> tuple[BaseException | None, Any]:
    """Return what went wrong, or the file system of all URLs that begin in one way; some connect for it."""
    from fsspec.core import url_to_fs  # noqa: PLC0415

    with _systems_lock:
        key = scheme, authority
        if key not in _systems:
            # Listings are of now, and systems are cached here, for all threads.
            options = {"use_listings_cache": False, "skip_instance_cache": True, **_options(scheme)}
            call = asyncio.to_thread(url_to_fs, f"{scheme}://{authority}/", **options)
            error, found = finish(_begun(call, ANSWER_S))
            if error is not None:
                return error, None
            _systems[key] = found[0]
            if scheme in _S3:
                _systems[key].retries = 1  # it is tried again here
        return None, _systems[key]


def _package_of(scheme: str, error: ImportError) -> str:
    """Return the package that reads URLs of a scheme."""
    from fsspec.registry import known_implementations  # noqa: PLC0415

    package = known_implementations[scheme]["class"].partition(".")[0]
    missing = getattr(error.__cause__, "name", None) or error.name
    return missing or package if package == "fsspec" else package


@cache
def _options(scheme: str) -> dict[str, Any]:
    """Return what bounds the waiting for a server, for the file systems that take it."""
    if scheme in _S3:
        config = {"connect_timeout": CONNECT_S, "read_timeout": SILENCE_S, "retries": {"max_attempts": 0}}
        return {"config_kwargs": config}
    if scheme not in ("http", "https"):
        return {}
    from aiohttp import ClientResponse, ClientTimeout  # noqa: PLC0415

    class BoundedResponse(ClientResponse):
        """An answer that ends where the question did, whatever the server sends."""

        async def read(self) -> bytes:
            """Return the bytes that were asked for: servers may send all, and without an end."""
            asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.request_info.headers.get("Range", ""))
            start, end = (int(asked[1]), int(asked[2]) + 1) if asked else (0, MAX_PAGE_BYTES)
            if self.status == 206:
                start, end = 0, end - start
            data, at = BytesIO(), 0  # which gives its bytes away without a copy
            async with AsyncExitStack() as stack:
                async for part in self.content.iter_any():
                    data.write(memoryview(part)[max(start - at, 0) : max(end - at, 0)])
                    at += len(part)
                    if at >= end:
                        self.close()
                        break
                    if at - len(part) <= _LARGE_BYTES < at:
                        await stack.enter_async_context(_one_large_answer)
            return data.getvalue()

        async def text(self, encoding: str | None = None, errors: str = "replace") -> str:
            """Return the text of a page, the beginning of a very long one."""
            data = await self.read()
            if len(data) >= MAX_PAGE_BYTES:
                log.warning("%s: listing cut after %d MB", shown_url(str(self.url)), MAX_PAGE_BYTES / 1e6)
            return data.decode(encoding or "utf-8", errors)

    waits = ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=SILENCE_S)
    headers = {"Accept-Encoding": "identity"}  # places in a file are those in what is sent
    kept = {"timeout": waits, "response_class": BoundedResponse, "trust_env": True, "headers": headers}
    return {"client_kwargs": kept}
