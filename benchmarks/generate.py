"""Sets of generated photos, made once and used again."""

from __future__ import annotations

import argparse
import subprocess
from collections.abc import Sequence
from pathlib import Path

from benchmarks.commands import module


def generate(folder: Path, arguments: argparse.Namespace, seed: int, *, options: Sequence[str] = ()) -> None:
    """Write one set of frames and its truth, unless it is there; `options` are further ones of the generator."""
    if (folder / "truth.yaml").exists():
        return
    command = module("fixtures", folder, "--frames", arguments.frames, "--seed", seed)
    if arguments.scenes:
        command += ["--scenes", str(arguments.scenes)]
    subprocess.run([*command, *options], check=True, stdout=subprocess.DEVNULL)
