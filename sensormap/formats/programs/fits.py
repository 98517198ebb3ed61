"""FITS masks: an image of the raw grid, 0 where a photosite is good, else bits that say how it is bad.

The first row stored is raw row 0, as arrays have it; viewers that draw FITS from the bottom upward show it upside down.

Bits are those of JWST's data quality arrays. Every bad photosite has DO_NOT_USE, and one bit for its kind: `hot` HOT;
`offset` WARM, a moderate brightness in every frame; `dead` DEAD; `weak` LOW_QE; `noisy` TELEGRAPH; `cold`
UNRELIABLE_BIAS; `overresponsive` UNRELIABLE_FLAT; `stuck`, for which JWST has no word, OTHER_BAD_PIXEL. Reading maps
them back, and UNRELIABLE_SLOPE to `noisy`.
Where several are set, the one named first in `BITS` tells the kind; with none of them it is not told.

This needs astropy: ``pip install 'sensormap[astro]'``.
"""

from __future__ import annotations

import re
import struct
import warnings
from io import BytesIO
from typing import TYPE_CHECKING, Any

from sensormap.camera.geometry import Sensor
from sensormap.camera.profile import Body
from sensormap.errors import ListFormatError
from sensormap.formats.listing import MAX_LISTED, Format, Listing, Run, make_listing, one_by_one, raw_grid, within
from sensormap.maps.entries import DefectKind

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DO_NOT_USE = 1 << 0
BITS = (
    ("DEAD", 1 << 10, DefectKind.DEAD),
    ("LOW_QE", 1 << 13, DefectKind.WEAK),
    ("HOT", 1 << 11, DefectKind.HOT),
    ("WARM", 1 << 12, DefectKind.OFFSET),
    ("TELEGRAPH", 1 << 15, DefectKind.NOISY),
    ("UNRELIABLE_SLOPE", 1 << 24, DefectKind.NOISY),
    ("UNRELIABLE_BIAS", 1 << 22, DefectKind.COLD),
    ("UNRELIABLE_FLAT", 1 << 25, DefectKind.OVERRESPONSIVE),
    ("OTHER_BAD_PIXEL", 1 << 30, DefectKind.STUCK),
)
"""Name, value and kind of each bit; of two bits of one kind the first is written."""
MAX_SIZE = 200_000_000  # photosites; no camera has more, and a hostile map may claim any size
_BIT_OF = {kind: bit for _, bit, kind in reversed(BITS)}
_OPENING = b"SIMPLE  ="
_CARD, _BLOCK = 80, 2880  # bytes of a line of a header, and of what a header is a multiple of
_AXES, _END = re.compile(rb"NAXIS   = *([0-9]{1,20}) *(?:/|$| )"), b"END     "
_MOST_CARDS, _MOST_AXES = 100_000, 9


def write(listing: Listing, sensor: Sensor, _: Body) -> bytes:
    """Write the mask, 32 bits a photosite.

    Raises
    ------
    ListFormatError
        If astropy is not installed, or the sensor has more than 200 million photosites.
    """
    import numpy as np  # noqa: PLC0415

    from sensormap.decode.astro.fits_image import astropy_fits  # noqa: PLC0415

    astropy = astropy_fits()
    width, height = sensor.raw_size
    if width * height > MAX_SIZE:
        msg = f"fits: a raw grid of {width} x {height} photosites, expected at most {MAX_SIZE}"
        raise ListFormatError(msg)
    mask = np.zeros((height, width), np.int32)
    for found in one_by_one(within(listing, raw_grid(sensor))):
        mask[found.y, found.x] = DO_NOT_USE | (_BIT_OF[found.kind] if found.kind else 0)
    image = astropy.PrimaryHDU(mask)
    for name, bit, kind in (("DO_NOT_USE", DO_NOT_USE, "every bad photosite"), *BITS):
        image.header.add_comment(f"{bit} {name}: {kind}")
    file = BytesIO()
    image.writeto(file)
    return file.getvalue()


def read(data: bytes, name: str, sensor: Sensor) -> Listing:
    """Read a mask from the first image of a file, or from the first extension where that is empty.

    Raises
    ------
    ListFormatError
        If astropy is not installed, the file is damaged, or holds no plain image of integers as large as the raw grid.
    """
    import numpy as np  # noqa: PLC0415

    mask = _mask(data, name, sensor)
    rows, cols = np.nonzero(mask)
    if len(rows) > MAX_LISTED:
        msg = f"{name}: {len(rows)} photosites are masked, expected at most {MAX_LISTED}"
        raise ListFormatError(msg)
    values = mask[rows, cols].tolist()
    entries = (Run(y, x, 1, 1, _kind(value)) for y, x, value in zip(rows.tolist(), cols.tolist(), values, strict=True))
    return make_listing(entries, raw_grid(sensor), name)


def _mask(data: bytes, name: str, sensor: Sensor) -> NDArray[np.integer[Any]]:
    """Decode the image, after its header has said that it is as large as the raw grid."""
    from sensormap.decode.astro.fits_image import astropy_fits  # noqa: PLC0415

    astropy = astropy_fits()
    if not data.startswith(_OPENING):  # a compressed file would open too, and could grow to any size
        msg = f"{name}: does not open with {_OPENING.decode()}, so it is no FITS file, or a compressed one"
        raise ListFormatError(msg)
    _check_axes(data, name, sensor)
    damage = (OSError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, struct.error)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what astropy mends by itself
            with astropy.open(BytesIO(data), memmap=False, disable_image_compression=True) as images:
                image = images[0] if images[0].header["NAXIS"] else images[1]
                header = dict(image.header)
                _check(header, name, sensor)
                mask = image.data
    except ListFormatError:
        raise
    except (*damage, astropy.VerifyError) as error:
        msg = f"{name}: truncated or damaged ({' '.join(str(error).split())[:100]})"
        raise ListFormatError(msg) from error
    if mask is None or mask.shape != sensor.raw_size[::-1] or mask.dtype.kind not in "iu":
        msg = f"{name}: holds no image of integers as large as the raw grid"
        raise ListFormatError(msg)
    return mask  # type: ignore[no-any-return]


def _check_axes(data: bytes, name: str, sensor: Sensor) -> None:
    """Refuse headers that say more axes than an image has: astropy would ask for each of a billion.

    Looks at the first header, and where that has no image at the second.
    """
    start = 0
    for _ in range(2):
        axes, end = None, None
        for card in range(start, min(len(data), start + _MOST_CARDS * _CARD), _CARD):
            found = _AXES.match(data, card)
            axes = int(found[1]) if found else axes
            if data.startswith(_END, card):
                end = card + _CARD
                break
        if axes is None or end is None or axes > _MOST_AXES:
            found_axes = "no NAXIS" if axes is None else f"NAXIS {axes}" if end else "no END"
            width, height = sensor.raw_size
            msg = f"{name}: a header with {found_axes}; expected {width} x {height} integers"
            raise ListFormatError(msg)
        if axes:
            return
        start = -(-end // _BLOCK) * _BLOCK


def _check(header: dict[str, Any], name: str, sensor: Sensor) -> None:
    """Refuse, before any memory is taken, an image that is not as large as the raw grid."""
    width, height = sensor.raw_size
    sides = [header.get(f"NAXIS{axis}") for axis in range(1, min(int(header.get("NAXIS", 0)), 9) + 1)]
    is_image = header.get("SIMPLE") is True or header.get("XTENSION") == "IMAGE"
    if not is_image or sides != [width, height] or header.get("BITPIX") not in (8, 16, 32, 64):
        found = " x ".join(str(side) for side in sides) or "no"
        msg = f"{name}: {found} values, BITPIX {header.get('BITPIX')}; expected {width} x {height} integers"
        raise ListFormatError(msg)


def _kind(value: int) -> DefectKind | None:
    """Return what the bits of a photosite tell."""
    return next((kind for _, bit, kind in BITS if value & bit), None)


FORMAT = Format(
    name="fits",
    title="FITS mask with the quality bits of JWST",
    space="raw grid",
    keeps=frozenset({"kind"}),
    write=write,
    read=read,
    max_bytes=9 * MAX_SIZE,  # 64 bits a photosite, and headers
    for_jpegs=True,
)
