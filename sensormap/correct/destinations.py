"""Where copies go: which files and folders, and which photos would be written to the same file."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from sensormap.errors import DecodeError, OutputError
from sensormap.output import Objection
from sensormap.photos.files import is_fits_name, is_image_name, is_jpeg_name, is_photo_name
from sensormap.photos.finding import find_local_photos
from sensormap.photos.mark import is_marked
from sensormap.urls import is_url, shown_url

log = logging.getLogger(__name__)

_CHUNK = 1 << 20  # bytes that are compared at once: files of one size mostly differ in the first


def check_folder(folder: Path) -> None:
    """Refuse a folder for the copies that is no folder, or is named like a photo.

    Raises
    ------
    OutputError
        If it is one of these; the message says which.
    """
    if is_url(folder):
        msg = f"{shown_url(str(folder))}: is a URL, expected a folder on this machine for the corrected photos"
        raise OutputError(msg)
    try:
        status = folder.stat().st_mode
    except FileNotFoundError:
        found = "a name for a photo" if is_photo_name(folder, images=True) or folder == Path("-") else ""
    except (OSError, ValueError) as error:
        found = getattr(error, "strerror", None) or str(error)
    else:
        found = "" if stat.S_ISDIR(status) else "not a folder"
    if found:
        msg = f"{folder}: {found}, expected a folder for the corrected photos"
        raise OutputError(msg)


def make_folder(folder: Path) -> None:
    """Make a folder for copies unless it is there.

    Raises
    ------
    OutputError
        If it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"{folder}: cannot be made: {error.strerror}"
        raise OutputError(msg) from error


def without_results(paths: Sequence[Path], folder: Path) -> tuple[Path, ...]:
    """Leave out files in the folder for the copies, which may be inside that of the photos; keep them where all are."""
    results = os.path.realpath(folder)
    found = tuple(path for path in paths if not Path(os.path.realpath(path)).is_relative_to(results))
    return found or tuple(paths)


def output_paths(paths: Sequence[Path], folder: Path) -> dict[Path, Path]:
    """Return where each photo goes: below `folder` as it lies below the folder that all photos have in common."""
    parents = [os.path.abspath(path.parent) for path in paths]  # noqa: PTH100 - Path.resolve raises where this does not
    common = os.path.commonpath(parents) if len({Path(parent).drive for parent in parents}) == 1 else ""
    return {
        path: folder / (os.path.relpath(parent, common) if common else "") / path.name
        for path, parent in zip(paths, parents, strict=True)
    }


def identity(path: Path) -> object:
    """Return what is the same for all names of one file, and for no other file."""
    try:
        return _identity(path.stat())
    except OSError:
        return os.path.abspath(path)  # noqa: PTH100 - Path.resolve raises where this does not


def unless_corrected(data: bytes, kept: Mapping[object, str]) -> Objection:
    """Object to files that are neither copies which sensormap corrected, nor the same as a photo, nor empty.

    Parameters
    ----------
    data
        The photo. A copy in which nothing was to be repaired is the same, and has no mark.
    kept
        The identities of files that are never replaced, each with what it is.
    """

    def objection(file: BinaryIO) -> str:
        if found := kept.get(_identity(os.fstat(file.fileno()))):
            return f"is {found}"
        if is_marked(file) or _is_empty_or(data, file):
            return ""
        return "is no copy that sensormap corrected, so it is never replaced; move it away or name another folder"

    return objection


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _is_empty_or(data: bytes, file: BinaryIO) -> bool:
    """Tell whether a file holds nothing or the same as `data`; one of another size is not read."""
    size = os.fstat(file.fileno()).st_size
    return not size or (
        size == len(data)
        and all(file.read(_CHUNK) == data[start : start + _CHUNK] for start in range(0, size, _CHUNK))
        and not file.read(1)
    )


def clashes(outputs: Mapping[Path, Path]) -> dict[Path, Path]:
    """Return the photos that would be written to the same file as an earlier one, and that one.

    Two raw photos whose names differ in the ending only may both become DNGs.
    """
    first: dict[tuple[Path, str, bool], Path] = {}
    found: dict[Path, Path] = {}
    for path, output in outputs.items():
        of_raw = not (is_jpeg_name(path) or is_image_name(path) or is_fits_name(path))
        # Some file systems know no capitals.
        key = output.parent, (output.stem if of_raw else output.name).lower(), of_raw
        if key in first:
            found[path] = first[key]
        else:
            first[key] = path
    return found


def places_of(
    photos: Iterable[str | Path], folder: Path
) -> tuple[tuple[Path, ...], Callable[[Path], Path], dict[object, str]]:
    """Find photos, and where their copies go.

    Parameters
    ----------
    photos, folder
        As for `run.correct_photos`.

    Returns
    -------
    photos, outputs, kept
        The photos; what returns where each one's copy goes, or raises `OutputError` where another's goes there too; and
        the identities of files that are never replaced, as for `unless_corrected`.
    """
    check_folder(folder)
    found = find_local_photos(photos, images=False)
    if not found:
        msg = "no photos found: no file there has the name of a raw photo or a JPEG"
        raise DecodeError(msg)
    paths = without_results(found, folder)
    if len(paths) < len(found):
        log.warning("%d files in %s left out: taken for results of earlier runs", len(found) - len(paths), folder)
    outputs = output_paths(paths, folder)
    taken = clashes(outputs)

    def output_of(path: Path) -> Path:
        if path in taken:
            msg = f"{path.name}: {path} would be written to the same file as {taken[path]}"
            raise OutputError(msg)
        return outputs[path]

    return paths, output_of, {identity(path): "one of the photos, which are never written over" for path in paths}
