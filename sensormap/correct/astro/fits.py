"""A FITS photo corrected in place: repaired values are put where they lie, and everything else is kept.

A line of HISTORY says that the copy is corrected, which other programs keep, and checksums are brought up to date. The
mark by which `correct` knows files that it may replace goes into the padding behind the image, which readers skip;
where that is too short, into the padding of an extension of one value that is appended, so that the file stays a FITS
file.
"""

from __future__ import annotations

from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from sensormap.camera.profile import Profile
from sensormap.correct.astro.header import is_same_but_for_sums, with_checksums, with_history
from sensormap.correct.methods.targets import Levels
from sensormap.correct.raw import CorrectedCopy
from sensormap.correct.repairs import CorrectionTask, RepairedPhotosites, find_repairs, with_repairs
from sensormap.decode.astro.fits_frame import bits_of
from sensormap.decode.astro.fits_image import scaling_of, share_of, stored_values, values_of
from sensormap.decode.astro.levels import clipping_of
from sensormap.errors import DecodeError, FrameMismatchError, OutputError
from sensormap.maps.sensor_map import SensorMap
from sensormap.photos.astro.fits_facts import black_of, cfa_of, saturation_of
from sensormap.photos.astro.fits_header import BLOCK, FitsImage, find_image
from sensormap.photos.mark import MARK

_EXTENSION = (
    "XTENSION= 'IMAGE   '",
    "BITPIX  =                    8",
    "NAXIS   =                    1",
    "NAXIS1  =                    1",
    "PCOUNT  =                    0",
    "GCOUNT  =                    1",
    "EXTNAME = 'SENSORMAP'",
    "END",
)


def correct_fits(data: bytes, task: CorrectionTask) -> CorrectedCopy:
    """Return a FITS file with some photosites repaired and everything else kept, decoded again and compared with that.

    Parameters
    ----------
    data
        The whole file.
    task
        Defects to correct in it, and the method.

    Raises
    ------
    DecodeError
        If the file is damaged, or compressed by fpack.
    FrameMismatchError
        If it has another size or other filters than the map.
    OutputError
        If the new file does not decode to what it should.
    """
    image, mosaic, levels = read_fits_mosaic(data, task.name, task.sensor_map, task.profile)
    repairs = find_repairs(mosaic, task.sensor_map.sensor.active_area, levels, task)
    if not repairs.rows.size:
        return CorrectedCopy(data, "", 0, repairs.left)
    rewritten = with_history(_with_values(data, image, repairs, task.name), image)
    moved = find_image(BytesIO(rewritten), task.name)
    rewritten = with_checksums(_marked(rewritten, moved), moved)
    _check_rewritten(rewritten, data, with_repairs(mosaic, repairs), image, task.name)
    return CorrectedCopy(rewritten, "", repairs.rows.size, repairs.left, lone=repairs.lone)


def read_fits_mosaic(
    data: bytes, name: str, sensor_map: SensorMap, profile: Profile | None
) -> tuple[FitsImage, NDArray[np.uint16] | NDArray[np.int32], Levels]:
    """Return the image of a FITS file that a map fits, its values in DN, black included, and its levels.

    Parameters
    ----------
    data
        The whole file.
    name
        The file's name, for messages.
    sensor_map
        The map.
    profile
        Profile of the camera; None where there is none.

    Raises
    ------
    DecodeError, FrameMismatchError
        As by `correct_fits`.
    """
    sensor = sensor_map.sensor
    image = find_image(BytesIO(data), name)
    if image.compression:
        msg = f"{name}: compressed by fpack, expected a FITS file as it is: uncompress it first, by funpack"
        raise DecodeError(msg)
    cfa = cfa_of(image.keywords, image.height, name)
    if (image.width, image.height) != sensor.raw_size or cfa not in (None, sensor.cfa):
        expected = f"{sensor.raw_size[0]} x {sensor.raw_size[1]} {sensor.cfa.name}"
        found = f"{image.width} x {image.height}{f' {cfa.name}' if cfa else ''}"
        msg = f"{name}: raw grid of {found}, but the map is of {expected}"
        raise FrameMismatchError(msg)
    values = values_of(data, image, name)
    full_scale = 2 ** bits_of(image) - 1
    black = (black_of(image.keywords, full_scale),) * len(sensor.cfa.planes)
    saturation = saturation_of(image.keywords, full_scale) or clipping_of(values, full_scale)
    return image, values, Levels(sensor.cfa, black, saturation).of(profile)


def _with_values(data: bytes, image: FitsImage, repairs: RepairedPhotosites, name: str) -> bytes:
    """Return the file with repaired values in place of what is stored."""
    stored = stored_values(data, image)
    zero, scale = scaling_of(image, name)
    numbers = (repairs.values / share_of(stored, image, zero, scale, name) - zero) / scale
    if stored.dtype.kind in "iu":
        limits = np.iinfo(stored.dtype)
        numbers = np.clip(np.rint(numbers), limits.min, limits.max)
    changed = stored.copy()
    changed[repairs.rows, repairs.cols] = numbers.astype(stored.dtype)
    end = image.data_start + changed.nbytes
    return data[: image.data_start] + changed.tobytes() + data[end:]


def _marked(data: bytes, image: FitsImage) -> bytes:
    """Return the file with the mark of a corrected copy at its end."""
    padding = len(data) - image.data_start - image.data_bytes
    if len(data) == image.end and padding >= len(MARK):
        return data[: -len(MARK)] + MARK
    head = "".join(f"{card:80}" for card in _EXTENSION).encode("ascii").ljust(BLOCK)
    whole = data + bytes(-len(data) % BLOCK)
    return whole + head + bytes(BLOCK - len(MARK)) + MARK


def _check_rewritten(
    rewritten: bytes, data: bytes, expected: NDArray[np.uint16] | NDArray[np.int32], image: FitsImage, name: str
) -> None:
    """Refuse a copy that does not decode to the repaired values, or whose header is another one."""
    again = find_image(BytesIO(rewritten), name)
    differ = values_of(rewritten, again, name).astype(np.int64) - expected
    coarse = abs(scaling_of(image, name)[1]) if image.bitpix > 0 else 0.0  # of integers in steps of several DN
    headers = rewritten[again.header_start : again.data_start], data[image.header_start : image.data_start]
    kept = rewritten[: image.header_start] == data[: image.header_start] and is_same_but_for_sums(*headers)
    if not kept or int(np.abs(differ).max()) > (coarse > 1) * coarse:
        msg = f"{name}: written again, it does not decode to the corrected mosaic"
        raise OutputError(msg)
