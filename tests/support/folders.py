"""Where the project lies, and the real files beside it, which not every machine has."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).parents[2]
SHARED = PROJECT.parent / "shared" / "data"
"""Tests that need files from here skip, with a reason, where it is absent."""


@contextmanager
def folders_within(folder: Path, levels: int) -> Iterator[None]:
    """Make folders within each other, deeper than Python removes them, and be in the last; remove them afterwards."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        for _ in range(levels):
            os.mkdir("d")  # noqa: PTH102
            os.chdir("d")
        yield
    finally:
        for _ in range(levels):
            for path in Path().iterdir():
                path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
            os.chdir("..")
        Path("d").rmdir()
        os.chdir(before)
