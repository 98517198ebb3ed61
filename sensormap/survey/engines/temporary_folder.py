"""Folders that last as long as a run, even one that was killed: the next one removes what it left."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory, gettempdir


@contextmanager
def temporary_folder(what: str) -> Iterator[Path]:
    """Make a folder, and remove it after the block; before, remove those of processes that are no more.

    Parameters
    ----------
    what
        What it is for, one word, which is part of its name.
    """
    opening = f"sensormap-{what}-"
    for left in Path(gettempdir()).glob(f"{opening}*"):
        owner = left.name.removeprefix(opening).partition("-")[0]
        with suppress(OSError):
            if owner.isdecimal() and left.is_dir() and not left.is_symlink() and not _is_there(int(owner)):
                rmtree(left, ignore_errors=True)
    with TemporaryDirectory(prefix=f"{opening}{os.getpid()}-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def _is_there(process: int) -> bool:
    """Tell whether there is a process of some number, of anybody."""
    from psutil import pid_exists  # noqa: PLC0415 - comes with Dask

    try:
        return bool(pid_exists(process))
    except OverflowError:
        return True
