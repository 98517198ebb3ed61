"""Compiling is told once, when nothing of it lies on disk yet."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sensormap.compiled import compiling_told
from tests.support.folders import PROJECT

SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
from kernels import outer
from sensormap.compiled import compiling_told
told = []
with compiling_told(told.append):
    assert outer(3) == 7
    assert outer(4) == 9
after = len(told)
assert outer(2.5) == 6.0
print(told, len(told) == after)
"""
KERNELS = """
from sensormap.compiled import compiled

@compiled
def inner(x):
    return 2 * x

@compiled
def outer(x):
    return inner(x) + 1
"""


def test_it_is_told_where_nothing_is_kept(tmp_path):
    (tmp_path / "kernels.py").write_text(KERNELS)
    command = [sys.executable, "-c", SCRIPT, str(tmp_path)]
    runs = [
        subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False, env=None) for _ in range(2)
    ]
    assert [run.stderr for run in runs] == ["", ""]
    assert runs[0].stdout == "[True, False] True\n", "what is compiled on the way is not told again"
    assert runs[1].stdout == "[] True\n", "kept from the first run"


def test_whoever_is_told_is_forgotten_after_an_error():
    told = []
    with pytest.raises(ValueError, match="stop"), compiling_told(told.append):
        raise ValueError(*["stop"])
    from sensormap.compiled import _told

    assert told.append not in _told
