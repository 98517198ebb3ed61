"""The commands that are measured."""

from __future__ import annotations

import sys
from pathlib import Path


def module(name: str, *arguments: object) -> list[str]:
    """Return the command that runs a module of this installation."""
    return [sys.executable, "-m", name, *map(str, arguments)]


def sensormap(*arguments: object) -> list[str]:
    """Return a command of sensormap, by its own script where that is installed."""
    script = Path(sys.executable).with_name("sensormap")
    return [str(script), *map(str, arguments)] if script.exists() else module("sensormap", *arguments)


def mapping(photos: Path, map_file: Path, jobs: int, *options: object, follow: bool = True) -> list[str]:
    """Return the command that maps a folder."""
    command = module("sensormap", "map", photos, "-o", map_file, "--overwrite", "-q", "--jobs", jobs)
    return [*command, *([] if follow else ["--no-follow"]), *map(str, options)]


def bare_decode(photos: Path, jobs: int) -> list[str]:
    """Return the command that decodes a folder's NEFs, or its JPEGs, and does nothing else."""
    return module("benchmarks.programs.bare_decode", photos, jobs)


def bad_pixels(photos: Path, points: Path) -> list[str]:
    """Return the command that lists what `rawpy.enhance.find_bad_pixels` finds."""
    return module("benchmarks.programs.bad_pixels", photos, "-o", points)


def running_variance(pictures: Path, points: Path, processes: int, *options: object) -> list[str]:
    """Return the command of the running-variance script."""
    return module("benchmarks.programs.running_variance", pictures, "-o", points, "--processes", processes, *options)


def measuring_variance(pictures: Path, jobs: int, *options: object) -> list[str]:
    """Return the command that measures mean and variance of a folder."""
    return module("sensormap", "variance", pictures, "-q", "--jobs", jobs, *options)
