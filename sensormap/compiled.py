"""How kernels are compiled: at their first call, without the interpreter's lock, kept on disk where there is a place.

The compiler itself takes most of a second to import, so it is not imported before the first call either: a command that
needs no kernel never waits for it, and a survey decodes its first photos meanwhile.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, update_wrapper
from hashlib import sha256
from pathlib import Path
from threading import Lock
from types import CodeType
from typing import Any, TypeVar, cast

from sensormap.errors import EngineError

log = logging.getLogger(__name__)

F = TypeVar("F", bound=Callable[..., object])

_importing = Lock()


class _Kernel:
    """A function of arrays and numbers, compiled when it is first called from Python or by another kernel."""

    def __init__(self, function: Callable[..., object]) -> None:
        update_wrapper(self, function)
        self._function = function
        self._dispatcher: Any = None

    def __call__(self, *arguments: object) -> object:
        return (self._dispatcher or self.dispatcher)(*arguments)

    @property
    def dispatcher(self) -> Any:
        """The compiled function.

        `error_model="numpy"` leaves out the check for division by zero, which would prevent SIMD code. Where neither
        the package's folder nor the user's cache can be written, each process compiles anew.
        """
        with _importing:
            if self._dispatcher is None:
                njit = _compiler()
                from sensormap.kernel_cache import KernelCache  # noqa: PLC0415 - imports the compiler

                dispatcher = njit(nogil=True, error_model="numpy")(self._function)
                try:
                    dispatcher._cache = KernelCache(self._function, meaning_of(self._function))
                except (RuntimeError, OSError) as error:
                    log.info("kernels are not kept: %s", error)
                self._dispatcher = dispatcher
        return self._dispatcher


def meaning_of(function: Callable[..., object]) -> str:
    """Return a digest that differs where compiling a kernel would give other code.

    Parameters
    ----------
    function
        The kernel as Python has it.

    Returns
    -------
    str
        SHA-256 of its source file, of those of all kernels that it calls, and of the constants that they name: the
        compiler takes both in.
    """
    digest = sha256()
    waiting, seen = [function], {function}
    while waiting:
        one = waiting.pop()
        digest.update(_source_digest(one.__code__.co_filename))
        for name in sorted(_names(one.__code__)):
            value: Any = one.__globals__.get(name)
            if isinstance(value, _Kernel):
                if value._function not in seen:
                    seen.add(value._function)
                    waiting.append(value._function)
            elif isinstance(value, int | float | str | tuple):
                digest.update(f"{name}={value!r};".encode())
            elif hasattr(value, "tobytes") and hasattr(value, "dtype"):  # an array
                digest.update(f"{name}={value.dtype} {value.shape};".encode() + value.tobytes())
    return digest.hexdigest()


def _names(code: CodeType) -> set[str]:
    """Return the names that code uses, also in functions inside it."""
    inner = (_names(constant) for constant in code.co_consts if isinstance(constant, CodeType))
    return set(code.co_names).union(*inner)


@cache
def _source_digest(path: str) -> bytes:
    return sha256(Path(path).read_bytes()).digest()


def compiled(function: F) -> F:
    """Have a function compiled at its first call; what it calls are arrays' methods, numbers and other kernels."""
    return cast("F", _Kernel(function))


@contextmanager
def compiling_told(tell: Callable[[bool], None]) -> Iterator[None]:
    """Have it told, while the block runs, when something is compiled that no earlier run has left on disk.

    Parameters
    ----------
    tell
        Called with True when that begins, and with False when it ends, in the thread that compiles; what is compiled on
        the way to something else is not told again.
    """
    _told.append(tell)
    try:
        yield
    finally:
        _told.remove(tell)


_told: list[Callable[[bool], None]] = []


@cache
def _listen() -> None:
    """Listen to what the compiler does."""
    from numba.core.event import Event, Listener, register  # noqa: PLC0415

    under_way, counting = [0], Lock()

    class Told(Listener):  # type: ignore[misc] # of a library without types
        def on_start(self, event: Event) -> None:
            self._count(1)

        def on_end(self, event: Event) -> None:
            self._count(-1)

        def _count(self, change: int) -> None:
            with counting:
                before, under_way[0] = under_way[0], under_way[0] + change
                if not (before and under_way[0]):
                    for tell in tuple(_told):
                        tell(change > 0)

    register("numba:compile", Told())


def _compiler() -> Any:
    """Import the compiler and teach it what to make of one kernel that another calls."""
    try:
        from numba import njit  # noqa: PLC0415
        from numba.core import types  # noqa: PLC0415
        from numba.extending import typeof_impl  # noqa: PLC0415
    except ValueError as error:  # of a variable of the environment
        settings = ", ".join(sorted(name for name in os.environ if name.startswith("NUMBA_"))) or "NUMBA_..."
        msg = f"the compiler numba does not start: {error} It is set up by {settings} in the environment"
        raise EngineError(msg) from error
    except (OSError, ImportError) as error:
        # With a number it is of the system, such as that the current folder is gone.
        if isinstance(error, OSError) and error.errno is not None:
            raise
        msg = f"the compiler numba does not start: too little memory is free, or it is damaged: {str(error)[:200]}"
        raise EngineError(msg) from error

    _listen()
    typeof_impl.register(_Kernel, lambda kernel, _: types.Dispatcher(kernel.dispatcher))
    return njit
