"""Which files are maps: those that are named, and what lies in folders."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from sensormap.errors import MapFormatError
from sensormap.maps.mapfile.reading import read_map
from sensormap.maps.sensor_map import SensorMap

_SUFFIXES = frozenset({".yaml", ".yml"})
# Bytes of a file in which a map says that it is one. Parsing a large file of other YAML takes minutes.
_OPENING = 1 << 16


def read_maps(
    arguments: Iterable[str | Path], *, on_skipped: Callable[[MapFormatError], None]
) -> Iterator[tuple[str, SensorMap]]:
    """Read the maps that arguments name, one at a time, in the order of their names, each file once.

    Parameters
    ----------
    arguments
        Map files, and folders, which are searched recursively for YAML files; links to folders are followed.
    on_skipped
        Called with the reason of each file that is no map, or cannot be read.

    Yields
    ------
    str, SensorMap
        Path of the file, and its map.

    Raises
    ------
    MapFormatError
        If an argument names nothing, a folder cannot be searched, or no file is a map.
    """
    arguments = list(arguments)
    found = False
    for path in _find(arguments):
        try:
            _check_opening(path)
            sensor_map = read_map(path)
        except MapFormatError as error:
            on_skipped(error)
            continue
        found = True
        yield str(path), sensor_map
    if not found:
        msg = f"{', '.join(map(str, arguments))[:200]}: no map file there, expected some"
        raise MapFormatError(msg)


def _find(arguments: Iterable[str | Path]) -> list[Path]:
    """Return the files to read."""
    found: set[Path] = set()
    for argument in arguments:
        path = Path(argument)
        if not str(argument) or not os.path.lexists(path):
            msg = f"{argument}: no such file or folder" if str(argument) else "an empty name: no such file or folder"
            raise MapFormatError(msg)
        found.update(_files_below(path) if path.is_dir() else [path])
    spelled = {path.absolute(): path for path in sorted(found, reverse=True)}  # one of several spellings
    return sorted(spelled.values())


def _files_below(folder: Path) -> Iterator[Path]:
    """Yield the YAML files below a folder, and folders that cannot be searched: reading these fails, and says so."""
    # A link to a folder that this one lies in, such as /, would have far more searched than was named.
    left_out = {_identity(parent) for parent in folder.resolve().parents}
    waiting = [folder]
    while waiting:
        parent = waiting.pop()
        try:
            identity = _identity(parent)
            if identity in left_out:
                continue
            left_out.add(identity)
            with os.scandir(parent) as entries:
                for entry in sorted(entries, key=lambda entry: entry.name, reverse=True):
                    path = Path(entry.path)
                    if path.is_dir():
                        waiting.append(path)
                    elif path.suffix.lower() in _SUFFIXES:
                        yield path
        except OSError as error:
            if parent == folder:
                msg = f"{folder}: cannot be searched: {error.strerror}"
                raise MapFormatError(msg) from error
            yield parent


def _identity(folder: Path) -> tuple[int, int]:
    """Return the device and the number of a folder."""
    status = folder.stat()
    return status.st_dev, status.st_ino


def _check_opening(path: Path) -> None:
    """Refuse a large file that does not say early on that it is a map; `read_map` judges all others."""
    try:
        if not path.is_file() or path.stat().st_size <= _OPENING:
            return
        with path.open("rb") as file:
            opening = file.read(_OPENING)
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror}"
        raise MapFormatError(msg) from error
    if b"sensormap/" not in opening:
        msg = f"{path}: does not begin like a map, expected format: 'sensormap/1'"
        raise MapFormatError(msg)
