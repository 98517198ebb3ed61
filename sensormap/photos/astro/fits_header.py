"""The header of a FITS file: where its image lies and what its keywords say [1]_.

Headers have no length of their own and name the size of what follows, so that everything is bounded here: the bytes of
a header, the number of headers looked through, and the photosites of an image.

References
----------
.. [1] W. D. Pence et al., "Definition of the Flexible Image Transport System (FITS), version 3.0", A&A 524 (2010) A42,
   doi:10.1051/0004-6361/201015362.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple, TypeAlias

from sensormap.errors import DecodeError
from sensormap.photos.files import check_photosites

BLOCK = 2880
"""Bytes of which every header and all data are a multiple."""

MAX_HEADER_BYTES = 400 * BLOCK
"""Length of a header at most, 1.2 MB: real ones have 3 to 30 kB, with a long history some 500 kB."""

CARD = 80
"""Bytes of a line of a header."""

CORRECTED = "sensormap: corrected"
"""What a line of HISTORY says in a copy that sensormap has corrected."""

_OPENING = b"SIMPLE  ="
_MOST_HEADERS = 16  # looked through for an image
_MOST_AXES = 9
_LONGEST_NUMBER = 40  # characters
_BITPIX = (8, 16, 32, 64, -32, -64)
_TYPES = ", ".join(map(str, _BITPIX))
_NOT_KEPT = frozenset({"", "COMMENT", "CONTINUE", "HIERARCH", "HISTORY"})

_LOGICAL = {"T": True, "F": False}

Keyword: TypeAlias = "bool | int | float | str"
Keywords: TypeAlias = "Mapping[str, Keyword]"
"""Values by keyword; numbers are finite. Of HISTORY there is `CORRECTED` only."""


@dataclass(frozen=True)
class FitsImage:
    """The image of a FITS file: one value a photosite.

    Parameters
    ----------
    width, height
        Its size, photosites.
    bitpix
        Type of the values, as the standard numbers it: 8, 16, 32, 64 bits of integers; -32, -64 of floats.
    keywords
        What the header says, of the image first, then of the file.
    header_start
        Where its header begins in the file.
    data_start, data_bytes
        Where the values lie in the file, and their bytes; of a compressed image the table.
    end
        Where what belongs to the image ends, with its padding.
    number
        Number of its header in the file, from 0.
    compression
        How fpack compressed it, such as ``RICE_1``; "" where it did not.
    """

    width: int
    height: int
    bitpix: int
    keywords: Keywords
    header_start: int
    data_start: int
    data_bytes: int
    end: int
    number: int
    compression: str


class _Header(NamedTuple):
    """A header: its keywords, where it and its data begin, and how many bytes these have."""

    keywords: dict[str, Keyword]
    start: int
    data_start: int
    data_bytes: int


def find_image(file: BinaryIO, name: str) -> FitsImage:
    """Return the first image of a FITS file, from its headers alone.

    Parameters
    ----------
    file
        An open file, of which only headers are read.
    name
        The file's name, for messages.

    Raises
    ------
    DecodeError
        If it is no FITS file, a header makes no sense or has no end, or there is no image of one value a photosite; and
        if the image has more bytes than the file.
    OSError
        If the file cannot be read.
    """
    size = file.seek(0, 2)
    start = 0
    keywords: dict[str, Keyword] = {}
    for number in range(_MOST_HEADERS):
        if number and start >= size:
            break
        header = _read_header(file, start, name, first=number == 0)
        keywords = {**keywords, **header.keywords}
        end = header.data_start + _padded(header.data_bytes)
        found = _image_of(header, keywords, number, end, name)
        if found is not None:
            if header.data_start + header.data_bytes > size:
                msg = (
                    f"{name}: truncated: its header says {header.data_bytes} bytes of image, "
                    f"the file has {max(size - header.data_start, 0)}"
                )
                raise DecodeError(msg)
            return found
        start = end
    msg = f"{name}: no image in this FITS file, expected one with a value for each photosite"
    raise DecodeError(msg)


def names_camera(file: BinaryIO) -> bool:
    """Tell whether an open file is a FITS image that names a camera, and so a photo; afterwards it is at its beginning.

    Lists and statistics that sensormap writes name none in that way.
    """
    try:
        return bool(text_of(find_image(file, "").keywords, "INSTRUME"))
    except (DecodeError, OSError):
        return False
    finally:
        file.seek(0)


def is_corrected(file: BinaryIO) -> bool:
    """Tell whether an open file is a FITS image whose header says that sensormap corrected it."""
    file.seek(0)
    if file.read(len(_OPENING)) != _OPENING:
        return False
    try:
        return "HISTORY" in find_image(file, "").keywords
    except DecodeError:
        return False


def number_of(keywords: Keywords, *names: str) -> float | None:
    """Return the first of some keywords that holds a number, also one that is written as text; None where none does.

    Parameters
    ----------
    keywords
        Of an image.
    names
        Keywords.
    """
    for name in names:
        value = keywords.get(name)
        if isinstance(value, str):
            value = _number(value)
        if value is not None and not isinstance(value, bool):
            return float(value)
    return None


def finite_number_of(keywords: Keywords, keyword: str, otherwise: float, name: str) -> float:
    """Return the number that a keyword holds, another one where it is missing.

    Raises
    ------
    DecodeError
        If the keyword is there, and holds no finite number.
    """
    value = number_of(keywords, keyword)
    if value is None and keyword in keywords:
        raise _nonsense(keyword, keywords[keyword], "a finite number", name)
    return otherwise if value is None else value


def text_of(keywords: Keywords, *names: str) -> str:
    """Return the first of some keywords that holds text, printable characters only; "" where none does."""
    for name in names:
        value = keywords.get(name)
        if isinstance(value, str) and (text := "".join(filter(str.isprintable, value)).strip()):
            return text
    return ""


def _image_of(header: _Header, keywords: Keywords, number: int, end: int, name: str) -> FitsImage | None:
    """Return the image that follows a header, None where there is none."""
    own = header.keywords
    compressed = own.get("ZIMAGE") is True
    if number and not compressed and own.get("XTENSION") != "IMAGE":
        return None
    sides = _sides(own, "ZNAXIS" if compressed else "NAXIS", name)
    if not sides or 0 in sides:
        return None
    if len(sides) < 2 or any(side != 1 for side in sides[2:]):
        what = " x ".join(map(str, sides))
        hint = ": developed in colour, or a stack of images" if len(sides) > 2 else ""
        msg = f"{name}: values of {what}, expected one value for each photosite{hint}"
        raise DecodeError(msg)
    width, height = check_photosites(sides[0], sides[1], name)
    bitpix = own.get("ZBITPIX" if compressed else "BITPIX")
    if not isinstance(bitpix, int) or bitpix not in _BITPIX:
        raise _nonsense("ZBITPIX" if compressed else "BITPIX", bitpix, _TYPES, name)
    if own.get(key := "GCOUNT", 1) != 1:
        raise _nonsense(key, own[key], "1 of an image", name)
    compression = text_of(own, "ZCMPTYPE") or "unknown" if compressed else ""
    places = header.start, header.data_start, header.data_bytes, end
    return FitsImage(width, height, bitpix, keywords, *places, number, compression)


def _read_header(file: BinaryIO, start: int, name: str, *, first: bool) -> _Header:
    """Read one header, block by block, up to its END."""
    opening = _OPENING if first else b"XTENSION="
    keywords: dict[str, Keyword] = {}
    file.seek(start)
    for read in range(BLOCK, MAX_HEADER_BYTES + 1, BLOCK):
        block = file.read(BLOCK)
        if read == BLOCK and not block.startswith(opening):
            if first:
                msg = f"{name}: does not open with {opening.decode()}, so it is no FITS file"
                raise DecodeError(msg)
            return _Header({}, start, start, 0)  # what follows the last header is no matter of ours
        if len(block) < BLOCK:
            msg = f"{name}: truncated: its header ends after {read - BLOCK + len(block)} bytes, without END"
            raise DecodeError(msg)
        for at in range(0, BLOCK, CARD):
            card = block[at : at + CARD].decode("latin-1")
            keyword = card[:8].rstrip()
            if keyword == "END" and not card[8:].strip():
                return _Header(keywords, start, start + read, _data_bytes(keywords, name))
            if keyword == "HISTORY" and card[8:].strip() == CORRECTED:
                keywords[keyword] = CORRECTED
            if card[8:10] == "= " and keyword not in _NOT_KEPT and keyword not in keywords:
                value = _value(card[10:])
                if value is not None:
                    keywords[keyword] = value
    msg = f"{name}: a header of more than {MAX_HEADER_BYTES} bytes without END, expected a photo's"
    raise DecodeError(msg)


def _value(text: str) -> Keyword | None:
    """Return the value of a card, from what stands behind the equals sign; None where there is none.

    What is neither a number nor anything else that the standard knows is text as it stands.
    """
    text = text.strip()
    if text.startswith("'"):
        parts = text[1:].replace("''", "\0").split("'", 1)
        return parts[0].replace("\0", "'").rstrip()
    text = text.split("/", 1)[0].strip()
    if text in _LOGICAL:
        return _LOGICAL[text]
    number = _number(text)
    return text or None if number is None else number


def _number(text: str) -> int | float | None:
    """Return a finite number, None where a text is none."""
    text = text.strip()[:_LONGEST_NUMBER]
    try:
        return int(text)
    except ValueError:
        pass
    try:
        number = float(text.upper().replace("D", "E"))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _sides(keywords: Keywords, name_of_axes: str, name: str) -> list[int]:
    """Return the lengths of the axes."""
    axes = keywords.get(name_of_axes)
    if not isinstance(axes, int) or isinstance(axes, bool) or not 0 <= axes <= _MOST_AXES:
        raise _nonsense(name_of_axes, axes, f"0 to {_MOST_AXES}", name)
    sides = []
    for axis in range(1, axes + 1):
        side = keywords.get(f"{name_of_axes}{axis}")
        if not isinstance(side, int) or isinstance(side, bool) or side < 0:
            raise _nonsense(name_of_axes + str(axis), side, "a number of photosites", name)
        sides.append(side)
    return sides


def _data_bytes(keywords: Keywords, name: str) -> int:
    """Return how many bytes follow a header, without padding."""
    sides = _sides(keywords, "NAXIS", name)
    key = "BITPIX"
    bitpix = keywords.get(key)
    if not isinstance(bitpix, int) or bitpix not in _BITPIX:
        raise _nonsense(key, bitpix, _TYPES, name)
    if not sides:
        return 0
    groups, heap = keywords.get("GCOUNT", 1), keywords.get("PCOUNT", 0)
    for key, value in (("GCOUNT", groups), ("PCOUNT", heap)):
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise _nonsense(key, value, "a number of values", name)
    return abs(bitpix) // 8 * int(groups) * (int(heap) + math.prod(sides))


def _padded(count: int) -> int:
    """Return a number of bytes, filled up to a whole block."""
    return -(-count // BLOCK) * BLOCK


def _nonsense(keyword: str, value: object, expected: str, name: str) -> DecodeError:
    """Return the error for a keyword that makes no sense."""
    found = "is missing" if value is None else f"is {value!r:.40}"
    return DecodeError(f"{name}: {keyword} {found}, expected {expected}")
