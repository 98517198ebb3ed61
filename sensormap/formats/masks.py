"""Masks: grey images of the raw grid, 0 where a photosite is good; what the formats that are such images share."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from sensormap.camera.geometry import Sensor
from sensormap.errors import ListFormatError
from sensormap.formats.listing import MAX_LISTED, Listing, Run, make_listing, one_by_one, raw_grid, within

if TYPE_CHECKING:  # --help needs no NumPy
    import numpy as np
    from numpy.typing import NDArray

BAD = 255
MAX_SIZE = 170_000_000  # photosites; above, Pillow takes an image for an attack

_DAMAGE = (
    *(OSError, SyntaxError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, EOFError),
    *(struct.error, zlib.error),
)


def image_of_listing(listing: Listing, sensor: Sensor, ending: str) -> bytes:
    """Return the mask of a list as an image file, 8 bits of grey a photosite.

    Parameters
    ----------
    listing, sensor
        The list, and its raw grid.
    ending
        Ending of such files, such as ``.png``.

    Raises
    ------
    ListFormatError
        If the sensor has more than 170 million photosites.
    """
    import imageio.v3 as iio  # noqa: PLC0415
    import numpy as np  # noqa: PLC0415

    check_size(sensor, ending[1:])
    mask = np.zeros(sensor.raw_size[::-1], np.uint8)
    for found in one_by_one(within(listing, raw_grid(sensor))):
        mask[found.y, found.x] = BAD
    data: bytes = iio.imwrite("<bytes>", mask, plugin="pillow", extension=ending)
    return data


def listing_of_image(data: bytes, name: str, sensor: Sensor, ending: str) -> Listing:
    """Return the photosites of a mask whose value is not 0.

    Parameters
    ----------
    data, name, sensor
        As for the `read` of a `Format`. The header of the image has to be checked before: its size is believed.
    ending
        Ending of such files, such as ``.png``.

    Raises
    ------
    ListFormatError
        If the file is damaged, not as large as the raw grid, or marks more than `MAX_LISTED` photosites.
    """
    import imageio.v3 as iio  # noqa: PLC0415
    import numpy as np  # noqa: PLC0415

    try:
        mask: NDArray[np.uint8] = np.asarray(iio.imread(data, plugin="pillow", extension=ending, index=0))
    except _DAMAGE as error:
        msg = f"{name}: truncated or damaged ({' '.join(str(error).split())[:100]})"
        raise ListFormatError(msg) from error
    if mask.ndim == 3:  # of a palette that is not grey
        mask = mask.max(axis=2)
    if mask.shape != sensor.raw_size[::-1]:
        msg = f"{name}: decodes to the shape {mask.shape}, expected {sensor.raw_size[::-1]}"
        raise ListFormatError(msg)
    rows, cols = np.nonzero(mask)
    if len(rows) > MAX_LISTED:
        msg = f"{name}: {len(rows)} photosites are not 0, expected at most {MAX_LISTED}"
        raise ListFormatError(msg)
    entries = (Run(y, x, 1, 1) for y, x in zip(rows.tolist(), cols.tolist(), strict=True))
    return make_listing(entries, raw_grid(sensor), name)


def check_size(sensor: Sensor, name: str) -> None:
    """Refuse a raw grid that no camera has."""
    width, height = sensor.raw_size
    if width * height > MAX_SIZE:
        msg = f"{name}: a raw grid of {width} x {height} photosites, expected at most {MAX_SIZE}"
        raise ListFormatError(msg)
