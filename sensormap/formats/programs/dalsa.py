"""Teledyne DALSA's defective pixel map, XML, which is uploaded into machine-vision cameras.

Coordinates count from the top left of the frame that the camera delivers, which is the raw grid of a map made from
such frames. The cameras take 512 entries (Nano) or 2048 (Falcon4), sorted by row, then column: of a longer list the
first 2048 in that order are written, those of runs included.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree

from sensormap.camera.geometry import Sensor
from sensormap.camera.profile import Body
from sensormap.errors import ListFormatError
from sensormap.formats.listing import Format, Listing, Run, make_listing, one_by_one, raw_grid, within

MOST = 2048
MAX_XML = 512 * 1024  # bytes; four times what 2048 entries take


def write(listing: Listing, sensor: Sensor, _: Body) -> bytes:
    """Write the first 2048 photosites, by row, then column."""
    photosites = one_by_one(within(listing, raw_grid(sensor)))[:MOST]
    entries = [f'  <DefectivePixel OffsetX="{found.x}" OffsetY="{found.y}"/>' for found in photosites]
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', "<Coordinates>", *entries, "</Coordinates>", ""]
    return "\n".join(lines).encode("ascii")


def read(data: bytes, name: str, sensor: Sensor) -> Listing:
    """Read every ``DefectivePixel`` below ``Coordinates``.

    Raises
    ------
    ListFormatError
        If the file is not such XML in UTF-8, declares a document type (by which small files grow in memory), is larger
        than 512 KiB, or an entry lies outside the raw grid.
    """
    if len(data) > MAX_XML:
        msg = f"{name}: {len(data)} bytes, expected at most {MAX_XML}"
        raise ListFormatError(msg)
    try:
        text = data.decode("utf-8-sig")  # decoded here, so that no other encoding hides a document type
        if "<!DOCTYPE" in text:
            msg = f"{name}: declares a document type, expected plain XML"
            raise ListFormatError(msg)
        root = ElementTree.fromstring(text)
    except (UnicodeDecodeError, ElementTree.ParseError) as error:
        msg = f"{name}: no XML in UTF-8 ({str(error)[:100]})"
        raise ListFormatError(msg) from error
    if root.tag != "Coordinates":
        msg = f"{name}: opens with <{root.tag[:50]}>, expected <Coordinates>"
        raise ListFormatError(msg)
    return make_listing(_entries(root, name), raw_grid(sensor), name)


def _entries(root: ElementTree.Element, name: str) -> Iterator[Run]:
    """Yield the entries in the order of the file."""
    for number, element in enumerate(root, 1):
        x, y = element.get("OffsetX", ""), element.get("OffsetY", "")
        if element.tag != "DefectivePixel" or not (_is_number(x) and _is_number(y)):
            msg = f'{name}: entry {number} is not <DefectivePixel OffsetX="..." OffsetY="..."/> with whole numbers'
            raise ListFormatError(msg)
        yield Run(int(y), int(x), 1, 1)


def _is_number(text: str) -> bool:
    """Tell whether a text is a whole number that can be a coordinate."""
    return text.isascii() and text.isdigit() and len(text) < 10


FORMAT = Format(
    name="dalsa",
    title="Teledyne DALSA cameras, defective pixel map",
    space="raw grid",
    keeps=frozenset(),
    write=write,
    read=read,
    at_most=MOST,
    max_bytes=MAX_XML,
)
