"""The sets of photos that performance is measured on: generated once, and longer ones made by repeating them."""

from __future__ import annotations

import argparse
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from benchmarks.generate import generate
from sensormap.photos.exif import read_photo

D80 = "3904x2616"

# Directories and EXIF of a generated NEF end before this.
_HEAD_BYTES = 16_384
_TIME = re.compile(rb"\d{4}:\d\d:\d\d \d\d:\d\d:\d\d(?=\0)")
_TIME_TEXT = "%Y:%m:%d %H:%M:%S"

# The maker note's entry of the shutter count, but for its value: tag, type, number of values.
_COUNT = b"\x00\xa7\x00\x04\x00\x00\x00\x01"

# A camera that LibRaw and sensormap know nothing of: geometry and levels are then LibRaw's guess by the file alone.
_D80_NAME, _UNKNOWN_NAME = b"NIKON D80\0", b"NIKON D8X\0"
_SPARE = 1.2


@dataclass(frozen=True)
class Plan:
    """What is measured.

    Attributes
    ----------
    folder
        For sets of photos, which are used as they are if they are there, and for maps.
    scenes
        Folder of photographs; None for painted scenes.
    seed
        Of the generator.
    size, frames
        Of the main set: those of the targets are a D80's, which has a profile, and 60.
    jobs, rounds
        Threads, and counted runs of each command.
    counts
        Numbers of frames of the main size, for the cost of a further one.
    small_size, small_counts
        The same with frames of an unknown camera.
    large_size, large_frames
        A set of few frames of an unknown camera, for memory.
    engine_frames, kills
        Frames that are mapped by threads and by workers, and how many runs over them are killed.
    """

    folder: Path
    scenes: Path | None
    seed: int
    size: str
    frames: int
    jobs: int
    rounds: int
    counts: tuple[int, ...]
    small_size: str
    small_counts: tuple[int, ...]
    large_size: str
    large_frames: int
    engine_frames: int
    kills: int

    @property
    def main_set(self) -> Path:
        """Folder of the main set: photos/, jpegs/, truth.yaml, and profile.yaml where the size is no D80's."""
        return self.generated(self.size, self.frames, jpeg=True)

    @property
    def profile(self) -> tuple[str, ...]:
        """Options of `map` for the main set, and what is made of it."""
        file = self.main_set / "profile.yaml"
        return ("--profile", str(file)) if file.exists() else ()

    def generated(self, size: str, frames: int, *, jpeg: bool = False) -> Path:
        """Return the folder of a generated set."""
        folder = self.folder / f"{size}-{frames}-seed{self.seed}{'-jpeg' if jpeg else ''}"
        options = ["--size", size, *(["--jpeg"] if jpeg else [])]
        generate(folder, argparse.Namespace(frames=frames, scenes=self.scenes), self.seed, options=options)
        return folder

    def map_file(self, name: str) -> Path:
        """Return where a map is written; an earlier one of the name is removed."""
        path = self.folder / "maps" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        return path


def photos_of(folder: Path) -> list[Path]:
    """Return a folder's NEFs in order of capture."""
    return sorted(folder.glob("*.NEF"))


def first(photos: Sequence[Path], count: int, folder: Path) -> Path:
    """Return a folder of links to the first of some photos."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for photo in photos[:count]:
        (folder / photo.name).symlink_to(photo.resolve())
    return folder


def that_fit(photos: Sequence[Path], counts: Sequence[int], folder: Path) -> list[int]:
    """Return those numbers of photos that the disk has room for copies of, with some to spare."""
    folder.mkdir(parents=True, exist_ok=True)
    there = sum(path.stat().st_size for path in photos_of(folder))
    each = sum(path.stat().st_size for path in photos) / len(photos)
    room = shutil.disk_usage(folder).free + there
    return [count for count in counts if count <= len(photos) or count * each * _SPARE <= room]


def repeated(
    photos: Sequence[Path], folder: Path, count: int, *, unknown: bool = False, heads: bool = False
) -> list[Path]:
    """Write photos again and again, each repeat later than the one before, and return them in order of capture.

    Parameters
    ----------
    photos
        Generated NEFs in order of capture.
    folder
        For the copies; those that it has already are not written again.
    count
        How many.
    unknown
        Whether they are to be of a camera that nothing is known of.
    heads
        Whether only their headers are written, which is all that some commands read.

    Notes
    -----
    Capture time and shutter count differ from repeat to repeat, or the copies would be taken for copies. A scene comes
    again after `len(photos)` frames only: of repeats within 32 frames only the first counts.
    """
    folder.mkdir(parents=True, exist_ok=True)
    by, releases = _repeat(photos)
    if heads:
        by = timedelta(minutes=1)  # hundreds of repeats of years each would leave the years that EXIF may tell
    made = []
    for i in range(count):
        repeat, place = divmod(i, len(photos))
        path = folder / f"DSC_{i + 1:05}.NEF"
        if not path.exists():
            with photos[place].open("rb") as file:
                content = file.read(_HEAD_BYTES if heads else -1)
            data = later(content, by=repeat * by, releases=repeat * releases)
            path.write_bytes(data.replace(_D80_NAME, _UNKNOWN_NAME, 1) if unknown else data)
        made.append(path)
    return made


def later(data: bytes, *, by: timedelta, releases: int) -> bytes:
    """Return a generated NEF as if it had been taken later, after so many releases more."""

    def moved(match: re.Match[bytes]) -> bytes:
        return (datetime.strptime(match[0].decode(), _TIME_TEXT) + by).strftime(_TIME_TEXT).encode()

    head = _TIME.sub(moved, data[:_HEAD_BYTES])
    at = head.index(_COUNT) + len(_COUNT)
    count = int.from_bytes(head[at : at + 4], "big") + releases
    return head[:at] + count.to_bytes(4, "big") + head[at + 4 :] + data[_HEAD_BYTES:]


def read_all(photos: Sequence[Path]) -> None:
    """Read files, so that they are in the page cache."""
    for photo in photos:
        photo.read_bytes()


def _repeat(photos: Sequence[Path]) -> tuple[timedelta, int]:
    """Return the whole days and the releases from one repeat to the next."""
    start, end = (read_photo(photo).exposure for photo in (photos[0], photos[-1]))
    if start.time is None or end.time is None or start.shutter_count is None or end.shutter_count is None:
        msg = f"{photos[0]}: a photo without capture time or shutter count"
        raise ValueError(msg)
    return timedelta(days=(end.time - start.time).days + 2), end.shutter_count - start.shutter_count + 1
