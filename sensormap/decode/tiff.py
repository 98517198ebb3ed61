"""The directories of a TIFF file, read without trusting any: offsets lead nowhere, counts promise too much."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from sensormap.errors import DecodeError
from sensormap.photos.files import TIFF_ORDERS

EXIF_DIRECTORY = 0x8769
CFA_MOSAIC = 32803
"""Photometric interpretation of a mosaic behind colour filters, in TIFF/EP and DNG."""
BYTES_OF_TYPE = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
"""Bytes of a value of each type that TIFF knows."""
BYTE, TEXT, SHORT, LONG = 1, 2, 3, 4
"""Types: numbers of 8 bits, text, numbers of 16 and of 32 bits."""

_ENTRY_BYTES = 12
_FORM_OF_TYPE = {3: "H", 4: "I", 13: "I"}  # of the whole numbers that are asked for here, as in `struct`


@dataclass(frozen=True)
class TiffField:
    """One entry of a directory: its type, its number of values, and where in the file these lie."""

    type: int
    count: int
    place: int


@dataclass(frozen=True)
class Tiff:
    """A TIFF inside a file: its offsets count from `base`, positions here from the start of the file."""

    data: bytes
    name: str
    base: int
    order: str

    def directory(self, offset: int) -> dict[int, TiffField]:
        """Return a directory's fields by tag; none where it does not lie inside the file."""
        start = self.base + offset
        if start + 2 > len(self.data):
            return {}
        (count,) = struct.unpack_from(f"{self.order}H", self.data, start)
        entries = self.data[start + 2 : start + 2 + _ENTRY_BYTES * count]
        if len(entries) < _ENTRY_BYTES * count:
            return {}
        fields = {}
        for i, (tag, kind, values, where) in enumerate(struct.iter_unpack(f"{self.order}HHII", entries)):
            inline = values * BYTES_OF_TYPE.get(kind, 1) <= 4
            fields[tag] = TiffField(kind, values, start + 10 + _ENTRY_BYTES * i if inline else self.base + where)
        return fields

    def content(self, field: TiffField) -> bytes:
        """Return the bytes of a field's values."""
        size = field.count * BYTES_OF_TYPE.get(field.type, 1)
        if field.place + size > len(self.data):
            msg = f"{self.name}: {size} bytes at {field.place}, expected inside the file's {len(self.data)} bytes"
            raise DecodeError(msg)
        return self.data[field.place : field.place + size]

    def numbers(self, fields: dict[int, TiffField], tag: int, *, most: int = 1) -> tuple[int, ...]:
        """Return a field's whole numbers; none where it is missing, of another type, or has too many."""
        field = fields.get(tag)
        if field is None or field.type not in _FORM_OF_TYPE or field.count > most:
            return ()
        return struct.unpack(f"{self.order}{field.count}{_FORM_OF_TYPE[field.type]}", self.content(field))


def open_tiff(data: bytes, name: str, base: int) -> Tiff | None:
    """Return the TIFF that starts at a position, if one does."""
    order = TIFF_ORDERS.get(data[base : base + 4])
    return Tiff(data, name, base, order) if order and base + 8 <= len(data) else None
