"""A mosaic as a DNG: for raw photos of formats that nothing else than the camera writes."""

from __future__ import annotations

import struct
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from sensormap.correct.dng_exif import exif_directory
from sensormap.correct.dng_tags import _LONG, dng_tags
from sensormap.decode.libraw import open_raw, raw_values, read_sizes
from sensormap.decode.original import Original
from sensormap.errors import DecodeError, OutputError

_CFA, _LINEAR_RAW = 32803, 34892  # photometric interpretations
_PHOTOMETRIC, _EXIF = 262, 34665
_PLACEHOLDER = _EXIF - 1  # a number that nobody uses, and whose entry stands where EXIF's must: entries are ordered


def dng_bytes(mosaic: NDArray[np.uint16], original: Original, *, opcodes: bytes | None = None) -> bytes:
    """Return a DNG file that holds a mosaic and says of it what the original photo says.

    Parameters
    ----------
    mosaic
        Photosites on the raw grid, shape ``(H, W)``, in DN, black included: those of `original`, corrected or not.
    original
        The photo that they come from.
    opcodes
        Content of the tag OpcodeList1: what a raw developer shall do with the mosaic, such as interpolate photosites.

    Returns
    -------
    bytes
        Uncompressed, 16 bits a photosite, little-endian; the same for the same arguments.

    Raises
    ------
    ValueError
        If the mosaic is not of the original's size and type.

    Notes
    -----
    DNG 1.3 [1]_ with one image in the main directory. Previews, MakerNote and whatever else the original says are not
    carried over.

    References
    ----------
    .. [1] Adobe, Digital Negative (DNG) Specification, version 1.3.0.0, 2009.
    """
    import tifffile  # noqa: PLC0415 - only writers of DNGs need it

    if mosaic.shape != original.mosaic.shape or mosaic.dtype != np.uint16:
        msg = f"mosaic of {mosaic.dtype} {mosaic.shape}, expected uint16 {original.mosaic.shape}"
        raise ValueError(msg)
    buffer = BytesIO()
    with tifffile.TiffWriter(buffer, byteorder="<") as writer:
        place = writer.write(
            shape=mosaic.shape,
            dtype=mosaic.dtype,
            photometric=_CFA,
            subfiletype=0,
            software=False,
            metadata=None,
            extratags=[*dng_tags(original, opcodes=opcodes), (_PLACEHOLDER, _LONG, 1, 0, True)],
            returnoffset=True,
        )
    # Written by tifffile, the mosaic would take a copy of its own besides the file.
    np.frombuffer(buffer.getbuffer(), "<u2", mosaic.size, place[0])[...] = mosaic.ravel()
    _complete(buffer, original)
    return buffer.getvalue()


def check_dng(data: bytes, mosaic: NDArray[np.uint16], name: str) -> None:
    """Decode a DNG again and compare it with what was to be written.

    Parameters
    ----------
    data
        The whole file.
    mosaic
        What must be in it, shape ``(H, W)``; only what LibRaw takes for image is compared.
    name
        The file's name, for messages.

    Raises
    ------
    OutputError
        If LibRaw refuses the file, or decodes anything else.
    """
    try:
        with open_raw(data, name) as raw:
            visible = read_sizes(raw, name).visible
            values = raw_values(raw)
            same_shape = values.shape == mosaic.shape
            wrong = np.count_nonzero(values[visible.slices] != mosaic[visible.slices]) if same_shape else -1
    except DecodeError as error:
        msg = f"{error}, expected the corrected mosaic when it is decoded again"
        raise OutputError(msg) from error
    if wrong:
        found = f"{wrong} photosites differ" if same_shape else f"a mosaic of shape {values.shape}"
        msg = f"{name}: decoded again, {found} from what was to be written"
        raise OutputError(msg)


def _complete(buffer: BytesIO, original: Original) -> None:
    """Write what tifffile refuses to: the EXIF directory, where it is, and a single plane that has no filters."""
    import tifffile  # noqa: PLC0415

    end = buffer.seek(0, 2)
    buffer.write(exif_directory(original, end))
    buffer.seek(0)
    with tifffile.TiffFile(buffer) as written:
        tags = written.pages.first.tags
        if original.cfa.step == 1:
            tags[_PHOTOMETRIC].overwrite(_LINEAR_RAW)
        entry = tags[_PLACEHOLDER].offset
    buffer.seek(entry)
    buffer.write(struct.pack("<HHII", _EXIF, _LONG, 1, end))
