"""How kernels are compiled: at their first call, without the interpreter's lock, kept on disk where there is a place.

The compiler itself takes most of a second to import, so it is not imported before the first call either: a command that
needs no kernel never waits for it, and a survey decodes its first photos meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, update_wrapper
from threading import Lock
from typing import Any, TypeVar, cast

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
                try:
                    self._dispatcher = njit(nogil=True, cache=True, error_model="numpy")(self._function)
                except RuntimeError:
                    self._dispatcher = njit(nogil=True, error_model="numpy")(self._function)
        return self._dispatcher


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
    from numba import njit  # noqa: PLC0415
    from numba.core import types  # noqa: PLC0415
    from numba.extending import typeof_impl  # noqa: PLC0415

    _listen()
    typeof_impl.register(_Kernel, lambda kernel, _: types.Dispatcher(kernel.dispatcher))
    return njit
