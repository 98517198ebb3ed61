"""SER videos: a header of 178 bytes, frames of one size, and their times; each frame is a photo [1]_.

A frame as a photo is a video of that frame alone: the header with a count of one, the frame, and its time. So it has
bytes of its own, and a digest, whichever video they were taken from.

References
----------
.. [1] H. Bleser, "SER format description, version 3", 2014, free-astro.org/images/5/51/SER_Doc_V3b.pdf
"""

from __future__ import annotations

import stat
import struct
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from sensormap.camera.profile import MAX_NAME_LENGTH, Body, shared_body
from sensormap.errors import DecodeError
from sensormap.frame import YEARS, Exposure, Photo, RemoteFile, VideoFrame

OPENING = b"LUCAM-RECORDER"
HEADER_BYTES, STAMP_BYTES = 178, 8
_LAYOUT = struct.Struct("<14s7i40s40s40sqq")
_COLOURS = {
    0: "mono",
    8: "RGGB",
    9: "GRBG",
    10: "GBRG",
    11: "BGGR",
    16: "CYYM",
    17: "YCMY",
    18: "YMCY",
    19: "MYYC",
    100: "RGB",
    101: "BGR",
}
FILTERS = ("mono", "RGGB", "GRBG", "GBRG", "BGGR")
"""Colours of a SER video that are filters of a mosaic, or none."""

_PLANES = {"RGB": 3, "BGR": 3}
_MOST_FRAMES = 1_000_000
_MOST_PHOTOSITES = 100_000_000  # videos are of a few million
_YEAR_ONE = datetime(1, 1, 1)
_TICKS = 10  # of 100 ns in a microsecond


@dataclass(frozen=True)
class SerHeader:
    """What the header of a video says.

    Parameters
    ----------
    width, height, bits
        Size of a frame, and bits of a value: up to 8 are stored in one byte, more in two.
    filters
        Name of the filter pattern, ``mono``, or of another sort of colour that is no mosaic.
    frames
        Number of frames by the header.
    instrument
        Name of the camera.
    """

    width: int
    height: int
    bits: int
    filters: str
    frames: int
    instrument: str

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame."""
        return self.width * self.height * (1 if self.bits <= 8 else 2) * _PLANES.get(self.filters, 1)


def read_header(data: bytes, name: str) -> SerHeader:
    """Return what the first bytes of a video say.

    Parameters
    ----------
    data
        At least the first 178 bytes.
    name
        The file's name, for messages.

    Raises
    ------
    DecodeError
        If it is no SER video, or a size or a number of it makes no sense.
    """
    if not data.startswith(OPENING) or len(data) < HEADER_BYTES:
        msg = f"{name}: does not open with the {HEADER_BYTES} bytes of a SER video"
        raise DecodeError(msg)
    _, _, colour, _, width, height, bits, frames, _, instrument, *_ = _LAYOUT.unpack_from(data)
    if min(width, height) < 1 or width * height > _MOST_PHOTOSITES:
        msg = f"{name}: frames of {width} x {height} photosites, expected 1 to {_MOST_PHOTOSITES} of them"
        raise DecodeError(msg)
    for what, value, least, most in (("bits of a value", bits, 1, 16), ("frames", frames, 1, _MOST_FRAMES)):
        if not least <= value <= most:
            msg = f"{name}: {value} {what}, expected {least} to {most}"
            raise DecodeError(msg)
    text = "".join(filter(str.isprintable, instrument.split(b"\0")[0].decode("latin-1")))
    filters = _COLOURS.get(colour, f"colour {colour}")
    # The flag of the order of bytes tells nothing: see `decode.astro.ser_frame`.
    return SerHeader(width, height, bits, filters, frames, text.strip()[:MAX_NAME_LENGTH].strip())


def frames_of(video: Path) -> tuple[VideoFrame | Path, ...]:
    """Return the frames of a video; and the video itself where something is wrong with it, which reading it says.

    Parameters
    ----------
    video
        The file, of which the header is read.

    Notes
    -----
    Of a video that is shorter than its header says, the frames that are whole count.
    """
    try:
        header, whole = _opened(video)
    except DecodeError:
        return (video,)
    frames = tuple(VideoFrame(video, number) for number in range(min(header.frames, whole)))
    return frames if whole >= header.frames else (*frames, video)


def problem_of(video: Path | RemoteFile) -> str:
    """Say why a video as a whole is no photo.

    Raises
    ------
    DecodeError
        If it cannot be read, or its header makes no sense.
    """
    if isinstance(video, RemoteFile):
        return "a video, whose frames are read on this machine only; copy it here first"
    header, whole = _opened(video)
    if whole < header.frames:
        return f"its header says {header.frames} frames, the file has {whole}: the rest is missing"
    return f"a video of {header.frames} frames, expected a photo: only map, scan and evaluate take its frames"


def read_ser_photo(frame: VideoFrame) -> Photo:
    """Return the camera of a frame and its time, from the header and the time behind the frames.

    Raises
    ------
    DecodeError
        If the video cannot be read, or has no such frame.
    """
    header, _ = _opened(frame.video)
    start = _frame_start(header, frame.number)
    with _reading(frame.video) as file:
        size = file.seek(0, 2)
        if frame.number >= header.frames or size < start + header.frame_bytes:
            msg = f"{frame.name}: no such frame in the video"
            raise DecodeError(msg)
        stamp = _stamp(file, header, frame.number, size)
    time = _time(stamp)
    length = HEADER_BYTES + header.frame_bytes + len(stamp)
    return Photo(frame, length, body_of(header), Exposure(time=time))


def size_of(frame: VideoFrame) -> int:
    """Return the number of bytes that `frame_bytes` returns.

    Raises
    ------
    DecodeError
        If the video cannot be read.
    """
    header, _ = _opened(frame.video)
    with _reading(frame.video) as file:
        stamp = _stamp(file, header, frame.number, file.seek(0, 2))
    return HEADER_BYTES + header.frame_bytes + len(stamp)


def frame_bytes(frame: VideoFrame) -> bytes:
    """Return a frame as a video of its own: header, values, and its time if it has one.

    Raises
    ------
    DecodeError
        If the video cannot be read, or has no such frame.
    """
    with _reading(frame.video) as file:
        size = file.seek(0, 2)
        file.seek(0)
        head = file.read(HEADER_BYTES)
        header = read_header(head, frame.video.name)
        file.seek(_frame_start(header, frame.number))
        values = file.read(header.frame_bytes) if frame.number < header.frames else b""
        if len(values) < header.frame_bytes:
            msg = f"{frame.name}: no such frame in the video"
            raise DecodeError(msg)
        stamp = _stamp(file, header, frame.number, size)
    fields = list(_LAYOUT.unpack(head))
    fields[7] = 1  # frames
    fields[11:] = 0, 0  # when the video began: the frame's own time follows it
    return _LAYOUT.pack(*fields) + values + stamp


def body_of(header: SerHeader) -> Body:
    """Return the camera that a video names; "" where it does not."""
    return shared_body("", header.instrument, "")


def _opened(video: Path) -> tuple[SerHeader, int]:
    """Return the header of a video, and how many whole frames there are in the file."""
    with _reading(video) as file:
        size = file.seek(0, 2)
        file.seek(0)
        header = read_header(file.read(HEADER_BYTES), video.name)
    return header, max(size - HEADER_BYTES, 0) // header.frame_bytes


def _reading(video: Path) -> BinaryIO:
    """Open a video.

    Raises
    ------
    DecodeError
        If it cannot be opened, or is no regular file.
    """
    try:
        is_file = stat.S_ISREG(video.stat().st_mode)  # a pipe would keep us waiting
        if is_file:
            return video.open("rb")
    except OSError as error:
        msg = f"{video.name}: cannot be read: {error.strerror}"
        raise DecodeError(msg) from error
    msg = f"{video.name}: is no regular file, expected a SER video"
    raise DecodeError(msg)


def _frame_start(header: SerHeader, number: int) -> int:
    return HEADER_BYTES + number * header.frame_bytes


def _stamp(file: BinaryIO, header: SerHeader, number: int, size: int) -> bytes:
    """Return the bytes of a frame's time, which stand behind all frames; none where they are missing."""
    stamps = _frame_start(header, header.frames)
    if size < stamps + header.frames * STAMP_BYTES:
        return b""
    file.seek(stamps + number * STAMP_BYTES)
    return file.read(STAMP_BYTES)


def _time(stamp: bytes) -> datetime | None:
    """Return the time of a frame in UTC, counted in 100 ns from the year 1; None where it is implausible."""
    if len(stamp) < STAMP_BYTES:
        return None
    (ticks,) = struct.unpack("<q", stamp)
    try:
        time = _YEAR_ONE + timedelta(microseconds=ticks // _TICKS)
    except OverflowError:
        return None
    return time if time.year in YEARS else None
