"""Where the project lies, and the real files beside it, which not every machine has."""

from __future__ import annotations

from pathlib import Path

PROJECT = Path(__file__).parents[2]
SHARED = PROJECT.parent / "shared" / "data"
"""Tests that need files from here skip, with a reason, where it is absent."""
