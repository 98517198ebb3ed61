"""Hypothesis draws the same examples in every run."""

from __future__ import annotations

from hypothesis import settings

# The first call of a compiled loop takes a second, and two cores are shared: no deadline.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")
