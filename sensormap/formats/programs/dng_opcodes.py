"""DNG opcode lists: the content of the tag OpcodeList1, which raw developers apply to the mosaic as it is stored.

Coordinates count from the top left of the full, uncropped image, which is the raw grid. The list is big-endian
whatever the byte order of its DNG.

The bad photosites are in the opcode FixBadPixelsList, whose Bayer phase says which filter is at the image's first
photosite. Adobe's printed specification and its SDK number the phases differently; readers are built on the SDK, so
its numbers are written. As foreign files may follow either, the phase of one that is read is not held against the CFA.

A list is read from a file of its own, or from a DNG that holds one.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from sensormap.camera.geometry import Sensor
from sensormap.camera.profile import Body
from sensormap.decode.tiff import Tiff, TiffField, open_tiff
from sensormap.errors import DecodeError, ListFormatError
from sensormap.formats.listing import MAX_LISTED, Format, Listing, Run, make_listing, raw_grid, within
from sensormap.photos.files import MAX_PHOTO_BYTES

PHASES = {"GRBG": 0, "RGGB": 1, "BGGR": 2, "GBRG": 3}
"""Phase number of each filter pattern, named from the image's first photosite, as Adobe's SDK has them."""
FIX_CONSTANT, FIX_LIST = 4, 5
DNG_VERSION = 0x01030000  # 1.3.0.0, the first that knows opcodes
MAX_OPCODES = 1000  # in one list; a list of camera corrections has a handful
OPCODE_LIST_1, LINEARIZATION, SUB_IFDS = 51008, 50712, 330
"""Tags of a DNG: opcodes for the image as stored, the table that makes stored values linear, and its other images."""
_MOST_IMAGES = 64  # below the first; a DNG has three or four
_CONSTANT = struct.Struct(">II")  # value, phase
_HEAD = struct.Struct(">IIII")  # id, version, flags, length of what follows
_COUNTS = struct.Struct(">III")  # phase, points, rectangles
_POINT = struct.Struct(">ii")  # row, col
_RECT = struct.Struct(">iiii")  # top, left, bottom, right; the last two are outside


def opcode_list(listing: Listing, sensor: Sensor) -> bytes:
    """Return the content of OpcodeList1 that has a raw developer repair the photosites and runs of a list.

    Parameters
    ----------
    listing
        Photosites and runs on the raw grid, which the DNG must hold whole.
    sensor
        Geometry of the sensor; its filters give the phase.

    Raises
    ------
    ListFormatError
        If the sensor has no Bayer filters: the opcode is defined for them only.

    Examples
    --------
    >>> from sensormap.camera.profile import Rect
    >>> from sensormap.camera.cfa import Cfa
    >>> from sensormap.formats.listing import Photosite
    >>> toy = Sensor((24, 16), Rect(0, 0, 24, 16), Cfa("RGGB"), None)
    >>> opcode_list(Listing((Photosite(3, 20),)), toy).hex(" ", 4)
    '00000001 00000005 01030000 00000000 00000014 00000001 00000001 00000000 00000003 00000014'
    """
    if sensor.cfa.name not in PHASES:
        why = "knows no X-Trans phase" if sensor.cfa.is_xtrans else "is for Bayer filters"
        msg = f"dng: the opcode FixBadPixelsList {why}, and this map has {sensor.cfa.name}"
        raise ListFormatError(msg)
    placed = within(listing, raw_grid(sensor))
    content = [_COUNTS.pack(PHASES[sensor.cfa.name], len(placed.photosites), len(placed.runs))]
    content += [_POINT.pack(found.y, found.x) for found in placed.photosites]
    content += [_RECT.pack(run.y, run.x, run.y + run.height, run.x + run.width) for run in placed.runs]
    opcode = b"".join(content)
    return struct.pack(">I", 1) + _HEAD.pack(FIX_LIST, DNG_VERSION, 0, len(opcode)) + opcode


def write(listing: Listing, sensor: Sensor, _: Body) -> bytes:
    """Return `opcode_list`; the body has no place in it."""
    return opcode_list(listing, sensor)


def read(data: bytes, name: str, sensor: Sensor) -> Listing:
    """Read the photosites that the content of OpcodeList1, or that list in a DNG, says are bad.

    Of a list alone, every FixBadPixelsList counts. In a DNG, FixBadPixelsConstant does too: it names the value that
    marks defects in the stored image. Opcodes of other kinds are no defects, and passed over.

    Raises
    ------
    ListFormatError
        If the list is damaged or missing, says nothing of bad photosites, or names one outside the raw grid; or if the
        DNG marks defects by a value and cannot be decoded to look for it.
    """
    dng = open_tiff(data, name, 0)
    opcodes = _opcodes(data if dng is None else _list_of(dng), name)
    entries = [entry for kind, content in opcodes if kind == FIX_LIST for entry in _entries(content, name)]
    constants = [content for kind, content in opcodes if kind == FIX_CONSTANT]
    if constants and dng is not None:
        entries += [entry for content in constants for entry in _marked(dng, content, sensor)]
    elif not any(kind == FIX_LIST for kind, _ in opcodes):
        found_kinds = ", ".join(str(kind) for kind in sorted({kind for kind, _ in opcodes})) or "none"
        msg = f"{name}: no opcode FixBadPixelsList (id {FIX_LIST}) among its opcodes ({found_kinds}), so no photosites"
        raise ListFormatError(msg)
    return make_listing(entries, raw_grid(sensor), name)


def _list_of(dng: Tiff) -> bytes:
    """Return the content of OpcodeList1, of the first image that has it."""
    field = next((fields[OPCODE_LIST_1] for fields in _images(dng) if OPCODE_LIST_1 in fields), None)
    if field is None:
        msg = f"{dng.name}: has no list of opcodes (tag {OPCODE_LIST_1}, OpcodeList1), so no photosites"
        raise ListFormatError(msg)
    try:
        return dng.content(field)
    except DecodeError as error:
        raise ListFormatError(str(error)) from error


def _images(dng: Tiff) -> list[dict[int, TiffField]]:
    """Return the tags of each image: the first, and those below it."""
    main = dng.directory(struct.unpack_from(f"{dng.order}I", dng.data, 4)[0])
    try:
        below = dng.numbers(main, SUB_IFDS, most=_MOST_IMAGES)
    except DecodeError:  # the list of the others lies outside the file
        below = ()
    return [main, *map(dng.directory, below)]


def _marked(dng: Tiff, content: bytes, sensor: Sensor) -> list[Run]:
    """Return the photosites of a DNG that have the value which a FixBadPixelsConstant names."""
    import numpy as np  # noqa: PLC0415

    from sensormap.decode.original import read_original  # noqa: PLC0415 - LibRaw, which no other list needs

    name = dng.name
    if len(content) != _CONSTANT.size:
        msg = f"{name}: FixBadPixelsConstant of {len(content)} bytes, expected {_CONSTANT.size}"
        raise ListFormatError(msg)
    if any(LINEARIZATION in fields for fields in _images(dng)):
        msg = f"{name}: marks defects by a value of the stored image, which its table of linearisation hides"
        raise ListFormatError(msg)
    constant, _ = _CONSTANT.unpack(content)
    try:
        original = read_original(dng.data, name)
    except DecodeError as error:
        msg = f"{name}: marks defects by a value in its image, which cannot be decoded: {error}"
        raise ListFormatError(msg) from error
    if original.mosaic.shape != sensor.raw_size[::-1]:
        width, height = sensor.raw_size
        found = "{1} x {0}".format(*original.mosaic.shape)
        msg = f"{name}: an image of {found} photosites, expected the raw grid, {width} x {height}"
        raise ListFormatError(msg)
    area = original.visible  # beyond it the decoder leaves nothing to compare
    rows, cols = np.nonzero(original.mosaic[area.slices] == constant)
    if len(rows) > MAX_LISTED:
        msg = f"{name}: {len(rows)} photosites have the value {constant}, which marks defects; expected at most "
        msg += str(MAX_LISTED)
        raise ListFormatError(msg)
    return [Run(y + area.y, x + area.x, 1, 1) for y, x in zip(rows.tolist(), cols.tolist(), strict=True)]


def _opcodes(data: bytes, name: str) -> list[tuple[int, bytes]]:
    """Return id and content of each opcode."""
    count = int.from_bytes(data[:4], "big")
    if len(data) < 4 or count > MAX_OPCODES:
        msg = f"{name}: does not open with a count of opcodes, at most {MAX_OPCODES}; no DNG opcode list"
        raise ListFormatError(msg)
    found: list[tuple[int, bytes]] = []
    start = 4
    for number in range(1, count + 1):
        head = data[start : start + _HEAD.size]
        length = int.from_bytes(head[-4:], "big")
        content = data[start + _HEAD.size : start + _HEAD.size + length]
        if len(head) < _HEAD.size or len(content) < length:
            msg = f"{name}: opcode {number} of {count} reaches beyond the end of the file"
            raise ListFormatError(msg)
        found.append((int.from_bytes(head[:4], "big"), content))
        start += _HEAD.size + length
    if start != len(data):
        msg = f"{name}: {len(data) - start} bytes after the last of {count} opcodes, expected none"
        raise ListFormatError(msg)
    return found


def _entries(content: bytes, name: str) -> Iterator[Run]:
    """Yield the points and rectangles of one FixBadPixelsList."""
    counts = _COUNTS.unpack(content[: _COUNTS.size]) if len(content) >= _COUNTS.size else (0, 0, 0)
    phase, points, rects = counts
    expected = _COUNTS.size + points * _POINT.size + rects * _RECT.size
    if len(content) != expected or phase not in PHASES.values():
        found = f"FixBadPixelsList of {len(content)} bytes, phase {phase}, {points} points, {rects} rectangles"
        msg = f"{name}: {found}; expected {expected} bytes and a phase of 0 to 3"
        raise ListFormatError(msg)
    middle = _COUNTS.size + points * _POINT.size
    for row, col in _POINT.iter_unpack(content[_COUNTS.size : middle]):
        yield Run(row, col, 1, 1)
    for top, left, bottom, right in _RECT.iter_unpack(content[middle:]):
        yield Run(top, left, right - left, bottom - top)


FORMAT = Format(
    name="dng-opcodes",
    title="Adobe DNG: OpcodeList1, alone or read from a DNG",
    space="raw grid",
    keeps=frozenset({"runs"}),
    write=write,
    read=read,
    max_bytes=MAX_PHOTO_BYTES,
)
