"""What a survey is asked to do, and whom it tells what it cannot use."""

from __future__ import annotations
