"""How kernels are compiled: without the interpreter's lock, kept on disk where there is a place for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """Compile a function of arrays and numbers at its first call.

    `error_model="numpy"` leaves out the check for division by zero, which would prevent SIMD code. Where neither the
    package's folder nor the user's cache can be written, each process compiles anew.
    """
    try:
        return cast("F", njit(nogil=True, cache=True, error_model="numpy")(function))
    except RuntimeError:
        return cast("F", njit(nogil=True, error_model="numpy")(function))
