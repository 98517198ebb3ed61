"""Count, mean and variance as files: FITS for astronomers, npz for Python, TIFF for programs that show pictures.

The same photos make the same bytes: no file has a date.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from sensormap.decode.astro.fits_image import astropy_fits
from sensormap.errors import OutputError
from sensormap.maps.entries import Source
from sensormap.output import check_writable, write_atomically
from sensormap.variance.measure import PhotoVariance

MARK = b"sensormap variance"
"""Bytes by which such a file is known: they stand near its start."""

_HEAD_BYTES = 8192


def check_variance_output(path: Path, *, overwrite: bool = False) -> None:
    """Refuse a file that could not be written; meant to be asked before the photos are read.

    Parameters
    ----------
    path
        Place of the file, whose ending names its format.
    overwrite
        Whether a file that lies there may be replaced, if it is of such numbers, or empty.

    Raises
    ------
    OutputError
        If no format has that ending, or as by `output.check_writable`.
    MissingExtraError
        If astropy is needed, and not installed.
    """
    if _writer_of(path) is _fits_bytes:
        astropy_fits()
    check_writable(path, overwrite=overwrite, objection=_is_other)


def write_variance(variance: PhotoVariance, path: str | Path, *, overwrite: bool = False) -> None:
    """Write count, mean and variance of every photosite.

    Parameters
    ----------
    variance
        The numbers.
    path
        Place of the file; ``.fits``, ``.npz`` or ``.tif`` names the format.
    overwrite
        Whether a file that lies there may be replaced, if it is of such numbers, or empty.

    Raises
    ------
    OutputError, MissingExtraError
        As by `check_variance_output`.
    """
    path = Path(path)
    check_variance_output(path, overwrite=overwrite)
    write_atomically(_writer_of(path)(variance), path, overwrite=overwrite, objection=_is_other)


def _facts(variance: PhotoVariance) -> dict[str, tuple[str | int, str]]:
    """Return what the numbers are of, by FITS keyword, each with a comment."""
    body, sensor = variance.body, variance.sensor
    facts: dict[str, tuple[str | int, str]] = {
        "ORIGIN": (MARK.decode(), "count, mean and variance over frames"),
        "MAKE": (body.make, "maker of the camera"),
        "MODEL": (body.model, "model"),
        "SERIAL": (body.serial, "serial number, if known"),
        "PROFILE": (variance.profile, "camera profile"),
        "SOURCE": (str(variance.source), "sort of photos"),
        "NFRAMES": (variance.frames, "photos that count"),
        "NSKIPPED": (len(variance.skipped), "photos that could not be used"),
    }
    if sensor is not None:
        area = sensor.active_area if variance.source is Source.RAW else sensor.jpeg_crop or sensor.active_area
        facts |= {
            "CFA": (sensor.cfa.name, "filters from raw-grid (0, 0)"),
            "AREAX": (area.x, "raw-grid x of what the photos show"),
            "AREAY": (area.y, "raw-grid y"),
            "AREAW": (area.width, "its width"),
            "AREAH": (area.height, "its height"),
        }
    return facts


def _fits_bytes(variance: PhotoVariance) -> bytes:
    fits = astropy_fits()
    primary = fits.PrimaryHDU()
    for name, (value, comment) in _facts(variance).items():
        primary.header[name] = (value.encode("ascii", "replace").decode() if isinstance(value, str) else value, comment)
    images = [primary]
    for name, unit, values in (
        ("MEAN", "adu", variance.mean),
        ("VARIANCE", "adu2", variance.variance),
        ("COUNT", "", variance.count),
    ):
        planes = np.moveaxis(values, 2, 0) if values.ndim == 3 else values  # FITS has one colour after the other
        image = fits.ImageHDU(planes, name=name)
        if unit:
            image.header["BUNIT"] = unit
        images.append(image)
    file = BytesIO()
    fits.HDUList(images).writeto(file)
    return file.getvalue()


def _npz_bytes(variance: PhotoVariance) -> bytes:
    facts = _facts(variance)
    arrays: dict[str, NDArray[np.generic]] = {
        "format": np.array(MARK),
        **{name.lower(): np.array(value) for name, (value, _) in facts.items()},
        "count": variance.count,
        "mean": variance.mean,
        "variance": variance.variance,
    }
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, values in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy")  # of 1980, whatever the time
            with archive.open(entry, "w", force_zip64=True) as member:
                np.lib.format.write_array(member, values, allow_pickle=False)
    return file.getvalue()


def _tiff_bytes(variance: PhotoVariance) -> bytes:
    import tifffile  # noqa: PLC0415 - takes a tenth of a second

    said = "; ".join(f"{name.lower()} {value}" for name, (value, _) in _facts(variance).items())
    description = said.encode("ascii", "replace").decode()
    file = BytesIO()
    with tifffile.TiffWriter(file) as writer:
        for name, values in (("mean", variance.mean), ("variance", variance.variance), ("count", variance.count)):
            writer.write(
                values,
                photometric="rgb" if values.ndim == 3 else "minisblack",
                description=f"{name}; {description}",
                metadata=None,
                software=False,
            )
    return file.getvalue()


_WRITERS: dict[str, Callable[[PhotoVariance], bytes]] = {
    ".fits": _fits_bytes,
    ".fit": _fits_bytes,
    ".npz": _npz_bytes,
    ".tif": _tiff_bytes,
    ".tiff": _tiff_bytes,
}


def _writer_of(path: Path) -> Callable[[PhotoVariance], bytes]:
    writer = _WRITERS.get(path.suffix.lower())
    if writer is None:
        msg = f"{path}: its ending names no format, expected one of {', '.join(_WRITERS)}"
        raise OutputError(msg)
    return writer


def _is_other(file: BinaryIO) -> str:
    """Object to files of other content: `output.Objection`."""
    head = file.read(_HEAD_BYTES)
    return "" if not head or MARK in head else "holds no variance; --overwrite replaces only those"
