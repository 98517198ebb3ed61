"""What the headers of photos said when they were read: of files that have not changed, they are not opened again."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any

from sensormap.camera.profile import shared_body
from sensormap.errors import EditedError
from sensormap.frame import CALIBRATIONS, Exposure, Photo, PhotoPath
from sensormap.photos.exif import read_photo
from sensormap.shards.catalogue import Catalogue, FileDigest, FileHeader, file_as_it_is
from sensormap.version import __version__

HEADERS = 2
"""Counted up by every change of what is read from headers: then what was kept before is not used any more."""

_AT_ONCE = 2000  # headers that are written together


class KnownHeaders:
    """The headers that a catalogue knows, and new ones until they are written there; threads share it.

    Parameters
    ----------
    catalogue
        The catalogue.
    keep
        Writes new headers to it.
    """

    def __init__(self, catalogue: Catalogue, keep: Callable[[Sequence[FileHeader]], None]) -> None:
        self._catalogue, self._keep = catalogue, keep
        self._new: list[FileHeader] = []
        self._lock = Lock()

    def read(self, path: PhotoPath) -> Photo:
        """Return a photo as `photos.exif.read_photo` does, from the catalogue where its file has not changed.

        Raises
        ------
        DecodeError
            As by `read_photo`.
        """
        file = file_as_it_is(path, "")
        if file is None:  # reading it says why
            return read_photo(path)
        text = self._catalogue.header(file)
        known = None if text is None else _photo_of(text, path, file.size)
        if isinstance(known, EditedError):
            raise known
        if known is not None:
            return known
        try:
            photo = read_photo(path)
        except EditedError as error:
            self._add(FileHeader(file.path, file.size, file.stamp, _text(str(error))))
            raise
        if photo.size_bytes == file.size:
            self._add(FileHeader(file.path, file.size, file.stamp, _text_of(photo)))
        return photo

    def write(self) -> None:
        """Write what is new."""
        with self._lock:
            self._write()

    def _add(self, header: FileHeader) -> None:
        with self._lock:
            self._new.append(header)
            if len(self._new) >= _AT_ONCE:
                self._write()

    def _write(self) -> None:
        new, self._new = self._new, []
        if new:
            self._keep(new)


def kept_photo(text: str, file: FileDigest) -> Photo | None:
    """Return a photo from what a catalogue keeps of its header, whether its file is still there or not.

    Parameters
    ----------
    text
        What is kept; None is returned for what is damaged, of another version, or no photo.
    file
        Its file, as the catalogue has it. The path of the result only names it.
    """
    name = file.path.decode("utf-8", "surrogateescape")
    found = _photo_of(text, Path(name), file.size)
    return found if isinstance(found, Photo) else None


def _text(content: Any) -> str:
    return json.dumps([HEADERS, __version__, content])


def _text_of(photo: Photo) -> str:
    """Return a photo as the text that a catalogue keeps."""
    body, one = photo.body, photo.exposure
    time = None if one.time is None else one.time.isoformat()
    exposure = [one.iso, one.shutter_s, time, one.orientation, one.shutter_count, one.long_exposure_nr]
    sort = [one.temperature_c, one.calibration]
    return _text([[body.make, body.model, body.serial], exposure, sort, photo.jpeg_size])


def _photo_of(text: str, path: PhotoPath, size: int) -> Photo | EditedError | None:
    """Return what was kept, a photo or why it was refused; None where that is damaged, or of another version."""
    try:
        version, program, content = json.loads(text)
        if (version, program) != (HEADERS, __version__):
            return None
        if isinstance(content, str):
            return EditedError(content)
        (make, model, serial), (iso, shutter_s, time, orientation, count, reduction), sort, jpeg_size = content
        temperature_c, calibration = sort
        if calibration not in (None, *CALIBRATIONS):
            return None
        exposure = Exposure(
            iso=_of(int, iso),
            shutter_s=_of(float, shutter_s),
            time=None if time is None else datetime.fromisoformat(time),
            orientation=_of(int, orientation),
            shutter_count=_of(int, count),
            long_exposure_nr=_of(bool, reduction),
            temperature_c=_of(float, temperature_c),
            calibration=calibration,
        )
        if jpeg_size is not None:
            width, height = jpeg_size
            jpeg_size = int(width), int(height)
        return Photo(path, size, shared_body(str(make), str(model), str(serial)), exposure, jpeg_size)
    except (ValueError, TypeError, RecursionError):
        return None


def _of(type_: type, value: Any) -> Any:
    """Return a value of a type, or None.

    Raises
    ------
    TypeError
        If it is of another.
    """
    if value is not None and type(value) is not type_:
        msg = f"{value!r:.40}, expected {type_.__name__}"
        raise TypeError(msg)
    return value
