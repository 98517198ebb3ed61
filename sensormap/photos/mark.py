"""The mark of photos that sensormap has corrected: they do not show the sensor's defects any more."""

from __future__ import annotations

from typing import BinaryIO

from sensormap.errors import EditedError
from sensormap.photos.astro.fits_header import is_corrected

MARK = b"\nsensormap: corrected\n"
"""What stands behind the end of a photo that sensormap has corrected, where no reader of photos minds it."""


def check_unmarked(file: BinaryIO, name: str) -> None:
    """Refuse a corrected photo: it does not show the sensor's defects any more.

    Raises
    ------
    EditedError
        If it ends in `MARK`, or is a FITS file that another program saved again, and whose header still says so.
    """
    if is_marked(file) or is_corrected(file):
        msg = f"{name}: a copy that sensormap has corrected, expected the photo itself"
        raise EditedError(msg)


def is_marked(file: BinaryIO) -> bool:
    """Tell whether an open file ends in `MARK`; afterwards it is at its beginning."""
    file.seek(0, 2)
    file.seek(-min(file.tell(), len(MARK)), 2)
    found = file.read() == MARK
    file.seek(0)
    return found


def marked(data: bytes) -> bytes:
    """Return a corrected photo with `MARK` at its end; one that has it stays as it is.

    Examples
    --------
    >>> marked(marked(b"...")) == b"..." + MARK
    True
    """
    return data if data.endswith(MARK) else data + MARK
