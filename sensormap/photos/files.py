"""Which files are photos, and reading one without trusting it."""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, NamedTuple

from sensormap.errors import DecodeError
from sensormap.frame import PhotoPath, RemoteFile, VideoFrame
from sensormap.photos.astro import ser

MAX_PHOTO_BYTES = 1_000_000_000  # the largest raw files (150 megapixels, uncompressed) have 0.3 GB
MAX_PHOTOSITES = 400_000_000  # twice the largest sensor on sale; a damaged header can ask for ten times that
_LONGEST_REASON = 100  # characters of a library's own words

PARSER_ERRORS = (
    ValueError,  # includes UnicodeDecodeError
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    EOFError,
    NotImplementedError,
    struct.error,
)
"""What parsers written in Python raise on damaged files, found by feeding them some: it has no common base."""

RAW_SUFFIXES = frozenset({
    ".3fr", ".arw", ".bay", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".gpr", ".iiq", ".k25", ".kdc",
    ".mdc", ".mef", ".mos", ".mrw", ".nef", ".nrw", ".orf", ".ori", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2",
    ".srf", ".srw", ".x3f",
})
"""Endings of the raw formats that LibRaw reads."""

IMAGE_SUFFIXES = frozenset({".png", ".tif", ".tiff"})
"""Endings of plain images, mosaics only where a profile says their filters."""

FITS_SUFFIXES = frozenset({".fit", ".fits", ".fts", ".fz"})
"""Endings of FITS files; the last of those that fpack compressed, such as ``.fits.fz``."""

SER_SUFFIXES = frozenset({".ser"})
"""Ending of SER videos, each of whose frames is a photo."""

JPEG_SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe"})
"""Endings of the JPEGs that cameras develop themselves."""

SIDECAR_SUFFIXES = frozenset({
    ".aae", ".acr", ".arp", ".cos", ".dop", ".nksc", ".on1", ".pp3", ".spd", ".thm", ".vrd", ".xmp",
})
"""Endings of files that cameras and raw developers put beside photos: settings, and pictures of a thumb's size."""

_PHOTO_SUFFIXES = RAW_SUFFIXES | FITS_SUFFIXES | SER_SUFFIXES | JPEG_SUFFIXES

JPEG_START = b"\xff\xd8"
PNG_START = b"\x89PNG\r\n\x1a\n"
TIFF_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
"""How TIFF files start, and the byte order that each start stands for, as in `struct`."""


def is_photo_name(path: PhotoPath, *, images: bool = False) -> bool:
    """Tell by its name whether a file found in a folder is a photo to read.

    Parameters
    ----------
    path
        Any path; nothing is opened.
    images
        Whether PNG and TIFF files count: they do when a profile is given that says their filters.

    Examples
    --------
    >>> is_photo_name(Path("DSC_0001.NEF")), is_photo_name(Path("DSC_0001.JPG")), is_photo_name(Path("scan.tif"))
    (True, True, False)
    """
    suffix = path.suffix.lower()
    return suffix in _PHOTO_SUFFIXES or (images and suffix in IMAGE_SUFFIXES)


def is_fits_name(path: PhotoPath) -> bool:
    """Tell by its name whether a file is a FITS file; results have such names too."""
    return path.suffix.lower() in FITS_SUFFIXES


def is_ser_name(path: PhotoPath) -> bool:
    """Tell by its name whether a file is a SER video, or whether it is a frame of one."""
    return path.suffix.lower() in SER_SUFFIXES


def is_image_name(path: PhotoPath) -> bool:
    """Tell by its name whether a file is a PNG or TIFF rather than a raw file."""
    return path.suffix.lower() in IMAGE_SUFFIXES


def is_jpeg_name(path: PhotoPath) -> bool:
    """Tell by its name whether a file is a JPEG."""
    return path.suffix.lower() in JPEG_SUFFIXES


def file_size(path: Path) -> int:
    """Return the size in bytes of a file that can be a photo.

    Raises
    ------
    DecodeError
        If it is missing, no regular file (a folder, a pipe), empty, or larger than `MAX_PHOTO_BYTES`.
    """
    try:
        status = path.stat()
    except OSError as error:
        msg = f"{path.name}: cannot be read: {error.strerror}"
        raise DecodeError(msg) from error
    if stat.S_ISDIR(status.st_mode) and (problem := _search_problem(path)):
        msg = f"{path.name}: a folder that cannot be searched: {problem}"
        raise DecodeError(msg)
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "a pipe or device"
        msg = f"{path.name}: is {kind}, expected a photo"
        raise DecodeError(msg)
    check_size(status.st_size, path.name)
    return status.st_size


def size_and_version(path: PhotoPath) -> tuple[int, str] | None:
    """Return the size in bytes of a photo, and a text that changes with its file; None where that is not known."""
    if isinstance(path, RemoteFile):
        return None if path.size is None or path.version is None else (path.size, path.version)
    try:
        found = (path.video if isinstance(path, VideoFrame) else path).stat()
        size = ser.size_of(path) if isinstance(path, VideoFrame) else found.st_size
    except (OSError, ValueError):
        return None
    # A copy may have the time of another file, and the clock be set back; not both with these.
    return size, f"{found.st_mtime_ns} {found.st_ctime_ns} {found.st_ino}"


def _search_problem(folder: Path) -> str:
    """Return why a folder cannot be searched; "" if it can."""
    try:
        os.scandir(folder).close()
    except OSError as error:
        return error.strerror or str(error)
    return ""


def check_size(size: int, name: str) -> None:
    """Refuse a file that is empty or larger than photos are.

    Raises
    ------
    DecodeError
        If it is.
    """
    if not size:
        msg = f"{name}: is empty (0 bytes), expected a photo"
        raise DecodeError(msg)
    if size > MAX_PHOTO_BYTES:
        msg = f"{name}: has {size} bytes, expected at most {MAX_PHOTO_BYTES}"
        raise DecodeError(msg)


class OpenPhoto(NamedTuple):
    """An open photo: where it lies, of a remote one with its version; its size in bytes; and the file."""

    path: PhotoPath
    size: int
    file: BinaryIO


@contextmanager
def opened(path: PhotoPath) -> Iterator[OpenPhoto]:
    """Open a file that can be a photo, for reading its header: of a remote one only what is read is fetched.

    Raises
    ------
    DecodeError
        As by `file_size`, and if reading fails.
    """
    if isinstance(path, RemoteFile):
        from sensormap.photos import remote  # noqa: PLC0415 - local runs do without

        path = remote.describe(path)
        if path.size is None:  # a server that does not tell it
            data = read_bytes(path)
            yield OpenPhoto(path, len(data), BytesIO(data))
            return
        check_size(path.size, path.name)
    if isinstance(path, VideoFrame):
        data = ser.frame_bytes(path)
        yield OpenPhoto(path, len(data), BytesIO(data))
        return
    size = file_size(path) if isinstance(path, Path) else path.size or 0
    try:
        with path.open("rb") if isinstance(path, Path) else remote.open_header(path) as file:
            yield OpenPhoto(path, size, file)
    except DecodeError:
        raise
    except OSError as error:
        msg = f"{path.name}: cannot be read: {error.strerror}"
        raise DecodeError(msg) from error


def read_bytes(path: PhotoPath) -> bytes:
    """Return the bytes of a file that can be a photo; of a frame of a video those of a video of that frame alone.

    Raises
    ------
    DecodeError
        As by `file_size`, and if reading fails.
    MemoryError
        If too little memory is free; its text names the file.
    """
    if isinstance(path, VideoFrame):
        return ser.frame_bytes(path)
    if isinstance(path, RemoteFile):
        from sensormap.photos import remote  # noqa: PLC0415 - local runs do without

        data = remote.read(path, MAX_PHOTO_BYTES)
        check_size(len(data), path.name)
        return data
    size = file_size(path)
    try:
        return path.read_bytes()
    except OSError as error:
        msg = f"{path.name}: cannot be read: {error.strerror}"
        raise DecodeError(msg) from error
    except MemoryError as error:
        msg = f"{path.name}, {size / 1e6:.0f} MB"
        raise MemoryError(msg) from error


def read_ahead(paths: Sequence[PhotoPath]) -> None:
    """Begin to fetch the first of some remote files, which `read_bytes` is asked for soon; `forget_ahead` ends that."""
    files = [path for path in paths if isinstance(path, RemoteFile)]
    if files:
        from sensormap.photos import remote  # noqa: PLC0415 - local runs do without

        remote.read_ahead(files, MAX_PHOTO_BYTES)


def forget_ahead(paths: Iterable[PhotoPath]) -> None:
    """Drop what was fetched of files, and never asked for."""
    files = [path for path in paths if isinstance(path, RemoteFile)]
    if files:
        from sensormap.photos import remote  # noqa: PLC0415 - local runs do without

        remote.forget_ahead(files)


def check_photosites(width: int, height: int, name: str) -> tuple[int, int]:
    """Return width and height of a raw grid as a header gives them, once they are plausible enough to allocate.

    Raises
    ------
    DecodeError
        If the grid is empty or has more than `MAX_PHOTOSITES`.
    """
    if not 0 < width * height <= MAX_PHOTOSITES:
        msg = f"{name}: raw grid of {width} x {height} photosites, expected 1 to {MAX_PHOTOSITES} of them"
        raise DecodeError(msg)
    return width, height


def damage_text(error: Exception) -> str:
    """Return what a library found wrong with a file, as one line of a few words.

    Examples
    --------
    >>> damage_text(ValueError("bad   marker"))
    'truncated or damaged (bad marker)'
    """
    return f"truncated or damaged ({' '.join(str(error).split())[:_LONGEST_REASON]})"
