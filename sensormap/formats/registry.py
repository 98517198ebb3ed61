"""The formats by name."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from sensormap.bounded_reading import read_at_most
from sensormap.camera.geometry import Sensor
from sensormap.errors import ListFormatError
from sensormap.formats.listing import Format, Listing
from sensormap.formats.plugins import plugin_formats

PROGRAMS = (
    # Raw developers,
    *("dcraw", "rawtherapee", "dng_opcodes", "siril", "pixinsight", "mlvapp", "chdk", "phase_one"),
    # astronomy, machine vision,
    *("phd2", "kstars", "dalsa", "bmp", "ecsv", "fits"),
    # and what suits scripts.
    *("png", "numpy_list", "csv_list"),
)
"""Modules of `formats.programs` in the order in which people see them; each has a `FORMAT`."""


def _format_of(module: str) -> Format:
    form: Format = import_module(f"sensormap.formats.programs.{module}").FORMAT
    return form


FORMATS = {form.name: form for form in map(_format_of, PROGRAMS)}
"""The formats by name, those of other packages apart."""


def known_formats() -> dict[str, Format]:
    """Return all formats by name, those of other packages last."""
    return FORMATS | plugin_formats(frozenset(FORMATS))


def get_format(name: str) -> Format:
    """Return a format by its name.

    Raises
    ------
    ListFormatError
        If there is none of that name.

    Examples
    --------
    >>> get_format("dcraw").space
    'visible area'
    """
    if name in FORMATS:  # without looking for other packages, which takes its time
        return FORMATS[name]
    if name not in known_formats():
        known = (f"{one.name} (only read)" if one.write is None else one.name for one in known_formats().values())
        msg = f"{name[:40]!r} is not a format: known are {', '.join(known)}"
        raise ListFormatError(msg)
    return known_formats()[name]


def read_list(path: Path, form: Format, sensor: Sensor) -> Listing:
    """Read another program's list.

    Parameters
    ----------
    path
        The file, of at most ``form.max_bytes``.
    form
        Format of the file.
    sensor
        Geometry of the sensor whose photosites it lists.

    Raises
    ------
    ListFormatError
        If it cannot be read, is no such list, or reaches out of the sensor; with the number of the line where it has.
    """
    if form.read is None:
        msg = f"{path.name}: format {form.name} is written only, not read"
        raise ListFormatError(msg)
    try:
        data = read_at_most(path, form.max_bytes, "a defect list")
    except ValueError as error:
        msg = f"{path}: {error}"
        raise ListFormatError(msg) from error
    return form.read(data, path.name, sensor)
