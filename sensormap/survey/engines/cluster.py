"""The workers: processes started here, or those of a Dask scheduler that runs somewhere.

Dask is in the extra ``dask``, and imported when needed.
"""

from __future__ import annotations

import logging
import os
import signal
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any

from sensormap.errors import EngineError, MissingExtraError
from sensormap.survey.engines.temporary_folder import temporary_folder

if TYPE_CHECKING:
    from distributed import Client, LocalCluster

log = logging.getLogger(__name__)

_SECONDS = 8  # for a scheduler to answer, or for its first worker to come
# A photo that kills its worker kills one more than so many before it is looked for.
_ALLOWED_FAILURES = 1
# What talking to something that is no scheduler, or to none, ends with: no connection, a name that is no address, and
# the lengths and texts that the answer of another program is taken for.
_NO_SCHEDULER = (OSError, ValueError, TypeError, KeyError, AttributeError, AssertionError, MemoryError, RuntimeError)
_LOGGERS = (
    *("distributed", "distributed.client", "distributed.gc", "distributed.comm", "distributed.scheduler"),
    *("distributed.nanny", "distributed.worker", "distributed.core", "tornado", "tornado.application", "asyncio"),
)


def require_dask() -> None:
    """Make sure that Dask is there.

    Raises
    ------
    MissingExtraError
        If it is not installed, which is in the extra ``dask``.
    """
    try:
        import distributed  # noqa: F401, PLC0415
    except ImportError as error:
        msg = "engine: needs dask, which is not installed: pip install 'sensormap[dask]'"
        raise MissingExtraError(msg) from error


@contextmanager
def started_workers(count: int) -> Iterator[Client]:
    """Start worker processes of one thread each on this machine, and end them after the block, whatever they do.

    Raises
    ------
    EngineError
        If they do not start.
    """
    import dask  # noqa: PLC0415
    from distributed import LocalCluster  # noqa: PLC0415

    begun = time.monotonic()
    with ExitStack() as stack:
        stack.enter_context(_quiet())
        folder = stack.enter_context(temporary_folder("workers"))
        # One heap for all threads of a worker, also of those that are there before it surveys: `memory.keep_frames`.
        environment = {"distributed.nanny.pre-spawn-environ.MALLOC_ARENA_MAX": 1}
        stack.enter_context(dask.config.set({"temporary-directory": str(folder), **environment}))
        try:
            # New interpreters, not forks (Dask's default). Without a limit of memory: what a worker holds is bounded by
            # the size of a photo, and one near its limit would be stopped and started again and again.
            cluster = LocalCluster(
                n_workers=count,
                threads_per_worker=1,
                processes=True,
                host="127.0.0.1",
                dashboard_address=None,
                silence_logs=logging.CRITICAL,
                memory_limit=0,
                # Even without a dashboard it serves its state: by a port that is free.
                scheduler_kwargs={"allowed_failures": _ALLOWED_FAILURES, "dashboard_address": "127.0.0.1:0"},
            )
        except (OSError, RuntimeError) as error:
            msg = f"{count} workers do not start: {first_line(error)}"
            raise EngineError(msg) from error
        stack.callback(_end, cluster)
        client = stack.enter_context(_connected(cluster))
        log.info("%d workers started in %.1f s", count, time.monotonic() - begun)
        yield client


@contextmanager
def connected_to(address: str) -> Iterator[Client]:
    """Connect to a running scheduler that has workers.

    Raises
    ------
    EngineError
        If there is none, or it has no workers.
    """
    import asyncio  # noqa: PLC0415 - no run without a cluster pays for it

    with _quiet():
        # Asked first by itself: a client waits for ever for what takes the connection and then says nothing.
        with ThreadPoolExecutor(1) as pool:  # there may be an event loop in this thread
            try:
                found = pool.submit(asyncio.run, _kind_of(address)).result()
            except _NO_SCHEDULER as error:
                msg = f"{address}: no Dask scheduler answers there: {_why(error)}"
                raise EngineError(msg) from error
        if found != "Scheduler":
            msg = f"{address}: a {found!s:.40} answers there, expected a Dask scheduler"
            raise EngineError(msg)
        with _connected(address) as client:
            try:
                client.wait_for_workers(1, timeout=_SECONDS)
            except TimeoutError as error:
                msg = f"{address}: the scheduler has no workers; start some: dask worker {address} --nthreads 1"
                raise EngineError(msg) from error
            log.info("%s: %d workers", address, len(client.nthreads()))
            yield client


def ask_workers(client: Client, question: Callable[..., str], *arguments: object) -> None:
    """Ask every worker something.

    Parameters
    ----------
    client
        The workers.
    question
        Returns what is wrong there; "" if nothing is.
    arguments
        Its arguments.

    Raises
    ------
    EngineError
        If anything is wrong with one of them, which is named.
    """
    answers: dict[str, Any] = client.run(question, *arguments, on_error="return")
    for worker, answer in sorted(answers.items()):
        if isinstance(answer, ImportError):
            msg = f"worker {worker}: sensormap cannot be imported there: {first_line(answer)}"
            raise EngineError(msg) from answer
        if answer:
            msg = f"worker {worker}: {first_line(answer)}"
            raise EngineError(msg)


async def _kind_of(address: str) -> str:
    """Return what kind of Dask server has an address; raises one of `_NO_SCHEDULER` if none answers."""
    import asyncio  # noqa: PLC0415

    from distributed import rpc  # noqa: PLC0415

    async def ask() -> str:
        async with rpc(address, timeout=_SECONDS) as server:
            return str((await server.identity()).get("type"))

    return await asyncio.wait_for(ask(), _SECONDS)


@contextmanager
def _connected(to: LocalCluster | str) -> Iterator[Client]:
    """Connect a client."""
    from distributed import Client  # noqa: PLC0415

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of other releases of what they use; ours are compared later
            client = Client(to, timeout=_SECONDS, set_as_default=False)
    except _NO_SCHEDULER as error:
        msg = f"{to if isinstance(to, str) else 'the scheduler'}: cannot be used: {_why(error)}"
        raise EngineError(msg) from error
    try:
        yield client
    finally:
        with suppress(OSError, RuntimeError):
            client.close(timeout=1)


def _end(cluster: LocalCluster) -> None:
    """End a cluster at once: its workers may be at work, and what they have not finished is of no use."""
    for worker in list(cluster.workers.values()):
        worker.auto_restart = False
        if worker.pid:
            with suppress(OSError):
                os.kill(worker.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
    with suppress(OSError, RuntimeError):  # of which are time-outs
        cluster.close(timeout=2)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what Dask has to say from the screen, unless everything is wanted there."""
    if log.isEnabledFor(logging.DEBUG):
        yield
        return
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _why(error: BaseException) -> str:
    """Return why a connection failed, in a few words."""
    cause = error.__cause__ or error
    if isinstance(cause, TimeoutError):
        return f"nothing for {_SECONDS} seconds"
    if isinstance(cause, OSError):  # what its text says besides is of the library's inside
        return cause.strerror or "no connection"
    if isinstance(cause, MemoryError | AssertionError | AttributeError | KeyError):
        return "something else than a scheduler of this version"
    return first_line(cause)


def first_line(error: object) -> str:
    """Return the first line of what an error says; its type where it says nothing."""
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
