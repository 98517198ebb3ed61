"""A NumPy array of places, as ``rawpy.enhance.repair_bad_pixels(raw, numpy.load(file))`` takes it.

Coordinates are (row, col), counted from the corner of the visible area; the array is of int64, shape ``(N, 2)``.
"""

from __future__ import annotations

import re
from io import BytesIO

from sensormap.camera.geometry import Sensor
from sensormap.camera.profile import Body
from sensormap.errors import ListFormatError
from sensormap.formats.listing import MAX_LISTED, Format, Listing, Run, make_listing, one_by_one, within

MAX_HEADER = 1024  # bytes; that of two columns takes 118
_SIGNATURE = b"\x93NUMPY"
_HEADER = re.compile(
    rb"\{'descr': '[<>|=]?[iu]([1248])', 'fortran_order': (?:True|False), 'shape': \(([0-9]{1,9}), 2\), \}\s*"
)


def write(listing: Listing, sensor: Sensor, _: Body) -> bytes:
    """Write every photosite of the visible area, those of runs too."""
    import numpy as np  # noqa: PLC0415

    places = [(found.y, found.x) for found in one_by_one(within(listing, sensor.active_area))]
    file = BytesIO()
    np.save(file, np.array(places, np.int64).reshape(-1, 2), allow_pickle=False)
    return file.getvalue()


def read(data: bytes, name: str, sensor: Sensor) -> Listing:
    """Read an array of integers of shape (N, 2).

    Raises
    ------
    ListFormatError
        If the file is anything else, its size contradicts its header, or a place lies outside the visible area.
    """
    import numpy as np  # noqa: PLC0415

    _check_header(data, name)
    try:
        places = np.load(BytesIO(data), allow_pickle=False, max_header_size=MAX_HEADER)
    except (ValueError, TypeError, EOFError, OSError) as error:
        msg = f"{name}: truncated or damaged ({' '.join(str(error).split())[:100]})"
        raise ListFormatError(msg) from error
    return make_listing((Run(y, x, 1, 1) for y, x in places.tolist()), sensor.active_area, name)


def _check_header(data: bytes, name: str) -> None:
    """Refuse, before NumPy takes memory for it, what is no such array or not all there."""
    widths = {b"\x01\x00": 2, b"\x02\x00": 4}  # of the header's length, by version
    start = len(_SIGNATURE) + 2 + widths.get(data[len(_SIGNATURE) : len(_SIGNATURE) + 2], 0)
    length = int.from_bytes(data[len(_SIGNATURE) + 2 : start], "little")
    header = _HEADER.fullmatch(data[start : start + min(length, MAX_HEADER)])
    if not data.startswith(_SIGNATURE) or header is None:
        msg = f"{name}: no NumPy file of one array of integers, shape (N, 2)"
        raise ListFormatError(msg)
    width, count = int(header[1]), int(header[2])
    if count > MAX_LISTED or start + length + count * 2 * width != len(data):
        msg = f"{name}: {len(data)} bytes contradict its header's {count} rows, or more than {MAX_LISTED}"
        raise ListFormatError(msg)


FORMAT = Format(
    name="numpy",
    title="NumPy array of (row, col), for rawpy.enhance.repair_bad_pixels",
    space="visible area",
    keeps=frozenset(),
    write=write,
    read=read,
    for_jpegs=True,
)
