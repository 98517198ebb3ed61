"""Compiled kernels on disk: a file each, whole and of this very source or not used at all.

Numba keeps kernels too, but trusts what it finds: a file that a full disk cut, or a power cut emptied, ends every
later run. It asks only whether the source of the kernel itself has changed: after an update, which leaves such files
behind, a kernel would go on with the old code of others that it calls. And two processes that compile for different
arguments at once may write into one file, each for its own. So the files are ours; numba says only where they belong
and what is in them.
"""

from __future__ import annotations

import hashlib
import logging
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import FunctionCache
from numba.core.serialize import dumps

log = logging.getLogger(__name__)

_DIGEST_BYTES = 32  # of SHA-256, at the start of a file


class KernelCache(FunctionCache):  # type: ignore[misc]  # numba has no types
    """What numba asks for a compiled function, and gives one to keep.

    Parameters
    ----------
    function
        The kernel.
    meaning
        Text that differs where the compiled code has to differ: see `compiled.meaning_of`.

    Raises
    ------
    RuntimeError
        If there is no folder where it could be kept.
    """

    def __init__(self, function: Callable[..., object], meaning: str) -> None:
        super().__init__(function)
        self._meaning = f"numba {numba.__version__}, {meaning}"

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the kernel compiled for some types of arguments; None where there is none of use."""
        target_context.refresh()
        kind, path = self._place(sig, target_context.codegen())
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            log.info("%s: cannot be read: %s; the kernel is compiled anew", path, error.strerror)
            return None
        digest, rest = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
        if hashlib.sha256(rest).digest() != digest:
            log.info("%s: is damaged; the kernel is compiled anew", path)
            return None
        meaning, found, compiled = pickle.loads(rest)
        return self._impl.rebuild(target_context, compiled) if (meaning, found) == (self._meaning, kind) else None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep a kernel that was compiled; where it cannot be kept, the next run compiles it anew."""
        if not self._impl.check_cachable(data):
            return
        kind, path = self._place(sig, data.codegen)
        rest = dumps((self._meaning, kind, self._impl.reduce(data)))
        half = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        try:
            self._impl.locator.ensure_cache_path()
            half.write_bytes(hashlib.sha256(rest).digest() + rest)
            half.replace(path)
        except OSError as error:
            log.info("%s: cannot be written: %s; the next run compiles the kernel anew", path, error.strerror)
            half.unlink(missing_ok=True)

    def _place(self, sig: Any, codegen: Any) -> tuple[str, Path]:
        """Return what the arguments and the processor are, in words, and the file for such."""
        kind = repr((sig, codegen.magic_tuple()))
        name = f"{self._impl.filename_base}-{hashlib.sha256(kind.encode()).hexdigest()[:16]}.kernel"
        return kind, Path(self._cache_path, name)
