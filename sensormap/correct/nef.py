"""A compressed NEF written again with some photosites changed and every other byte kept."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sensormap.correct.nef_packing import nearest_indices, pack, writable_indices
from sensormap.decode.libraw import open_raw, raw_values, read_sizes
from sensormap.decode.nef.file import RawStrip, find_strip, strip_coding, with_strip
from sensormap.decode.nef.strip import StripCoding, read_values, unpack
from sensormap.errors import DecodeError, OutputError

_MOST_FILLING = 64  # bytes behind the last code; where more than zeros follow, they are something else, as a preview


@dataclass(frozen=True)
class Nef:
    """A NEF whose mosaic can be written again.

    Parameters
    ----------
    name
        The file's name, for messages.
    data
        The whole file.
    values
        Photosites on the raw grid, ``(H, W)``, in DN: every row, also those that LibRaw does not decode.
    indices
        The same as indices into `levels`.
    coding
        Coding of the strip.
    raw
        Place and size of the strip in the file.
    """

    name: str
    data: bytes
    values: NDArray[np.uint16]
    indices: NDArray[np.uint16]
    coding: StripCoding
    raw: RawStrip

    @property
    def levels(self) -> NDArray[np.uint16]:
        """The values that a photosite can have in this file, ascending, in DN."""
        return self.coding.levels


def can_rewrite(data: bytes, name: str) -> bool:
    """Tell, without decoding it, whether a file is a NEF that `read_nef` decodes, unless it is damaged."""
    raw = find_strip(data, name)
    return raw is not None and strip_coding(raw, name) is not None


def read_nef(data: bytes, name: str) -> Nef | None:
    """Decode a NEF so that it can be written again.

    Parameters
    ----------
    data
        The whole file.
    name
        The file's name, for messages.

    Returns
    -------
    Nef or None
        None where the file is no compressed NEF of a sort that `strip_coding` knows: any other has to be written in
        another format.

    Raises
    ------
    DecodeError
        If it is one, but damaged; or if its indices, packed again, are not the strip that they came from, which proves
        for each photo that it is understood.
    """
    raw = find_strip(data, name)
    coding = strip_coding(raw, name) if raw else None
    if raw is None or coding is None:
        return None
    strip = memoryview(data)[raw.offset : raw.offset + raw.length]
    unpacked = unpack(strip, (raw.height, raw.width), coding, name)
    again, bits = pack(unpacked.indices, coding)
    if bits != unpacked.bits or not _same_bits(again, strip, bits):
        msg = f"{name}: its {raw.width} x {raw.height} photosites, packed again, are not the strip that it holds"
        raise DecodeError(msg)
    if len(strip) > len(again) + _MOST_FILLING and any(bytes(strip[len(again) :])):
        raw = replace(raw, length=len(again))
    return Nef(name, data, unpacked.values, unpacked.indices, coding, raw)


def with_values(
    nef: Nef, rows: NDArray[np.integer], cols: NDArray[np.integer], values: NDArray[np.generic]
) -> bytes | None:
    """Return the file with new values at some photosites.

    Parameters
    ----------
    nef
        The file.
    rows, cols
        Rows and columns of photosites on the raw grid, ``(N,)``; each photosite once.
    values
        New values in DN, ``(N,)``, finite; each becomes the nearest of the file's levels, of two equally near ones the
        lower; in rows after a split the nearest that can be written.

    Returns
    -------
    bytes or None
        The file itself where no photosite changes. None where there is no value that can be written, which may happen
        in the first two columns after a split. Else every byte outside the strip is the same, but for the strip's
        length and place where these change: a shorter strip is filled up with zeros; a longer one grows at the end of
        the file, or moves there if something else lies behind it, which then stays where it is.

    Raises
    ------
    ValueError
        If a photosite lies outside the raw grid, or a value is not finite.
    """
    new = _new_indices(nef, rows, cols, values)
    if new is None:
        return None
    if np.array_equal(new, nef.indices[rows, cols]):
        return nef.data
    indices = nef.indices.copy()
    indices[rows, cols] = new
    strip, _ = pack(indices, nef.coding)
    return with_strip(nef.data, nef.raw, strip)


def stored_values(
    nef: Nef, rows: NDArray[np.integer], cols: NDArray[np.integer], values: NDArray[np.generic]
) -> NDArray[np.uint16] | None:
    """Return what becomes of new values, ``(N,)``, DN; None where `with_values` returns None.

    Parameters
    ----------
    nef, rows, cols, values
        As for `with_values`.
    """
    new = _new_indices(nef, rows, cols, values)
    return None if new is None else nef.levels[new]


def check_rewritten(
    data: bytes,
    nef: Nef,
    rows: NDArray[np.integer],
    cols: NDArray[np.integer],
    values: NDArray[np.generic],
    *,
    by_libraw: bool = True,
) -> None:
    """Decode a rewritten file and compare all that is decoded with what it is to be.

    Parameters
    ----------
    data
        The file, as `with_values` returned it.
    nef, rows, cols, values
        Arguments of that call.
    by_libraw
        Whether LibRaw decodes it, or the own decoder, which takes an eighth of the time.

    Raises
    ------
    OutputError
        If it is not decoded, or has other values than the nearest levels at the given photosites and the
        input's everywhere else.

    Notes
    -----
    Of some cameras LibRaw leaves the last rows out. They are packed by the same loop as those that are compared, and
    `read_nef` has shown that packing them gives the camera's own bytes.
    """
    new = stored_values(nef, rows, cols, values)
    if new is None:
        msg = f"{nef.name}: rewritten, though some values cannot be"
        raise OutputError(msg)
    decoder = "LibRaw" if by_libraw else "the own decoder"
    try:
        found, height = (_by_libraw if by_libraw else _by_own_decoder)(data, nef.name)
    except DecodeError as error:
        msg = f"{nef.name}: rewritten, {decoder} does not decode it: {error}"
        raise OutputError(msg) from error
    if found.shape != nef.values.shape:
        msg = f"{nef.name}: rewritten, {decoder} finds {found.shape} photosites, expected {nef.values.shape}"
        raise OutputError(msg)
    wrong = found != nef.values
    wrong[rows, cols] = found[rows, cols] != new
    wrong[height:] = False
    if wrong.any():
        row, col = np.argwhere(wrong)[0]
        msg = (
            f"{nef.name}: rewritten, photosites that differ from what was meant: {np.count_nonzero(wrong)}, the first "
            f"x {col}, y {row} with {found[row, col]} DN"
        )
        raise OutputError(msg)


def _by_libraw(data: bytes, name: str) -> tuple[NDArray[np.uint16], int]:
    """Return all values of a file, and the number of rows that LibRaw decodes, counted from the first."""
    with open_raw(data, name) as raw:
        return raw_values(raw), read_sizes(raw, name).visible.height


def _by_own_decoder(data: bytes, name: str) -> tuple[NDArray[np.uint16], int]:
    """Return all values of a file, and the number of rows."""
    raw = find_strip(data, name)
    coding = strip_coding(raw, name) if raw else None
    if raw is None or coding is None:
        msg = f"{name}: not a compressed NEF any more"
        raise DecodeError(msg)
    strip = memoryview(data)[raw.offset : raw.offset + raw.length]
    values, _ = read_values(strip, (raw.height, raw.width), coding, name)
    return values, raw.height


def _same_bits(again: bytes, strip: memoryview, bits: int) -> bool:
    """Tell whether two strips begin with the same bits."""
    whole, rest = divmod(bits, 8)
    same = np.array_equal(np.frombuffer(again, np.uint8, whole), np.frombuffer(strip, np.uint8, whole))
    return same and (not rest or (again[whole] ^ strip[whole]) >> (8 - rest) == 0)


def _new_indices(
    nef: Nef, rows: NDArray[np.integer], cols: NDArray[np.integer], values: NDArray[np.generic]
) -> NDArray[np.uint16] | None:
    """Return the indices of the levels next to new values; the old one where that level is the same.

    None where a strip with a split has none that can be written.
    """
    height, width = nef.values.shape
    if ((rows < 0) | (rows >= height) | (cols < 0) | (cols >= width)).any():
        msg = f"{nef.name}: photosites to change that lie outside the raw grid of {width} x {height}"
        raise ValueError(msg)
    if not np.isfinite(values).all():
        msg = f"{nef.name}: new values that are not finite"
        raise ValueError(msg)
    new = nearest_indices(values, nef.levels)
    margin = nef.coding.margin  # whose levels repeat the lowest and the highest
    new = np.clip(new, margin, len(nef.levels) - 1 - margin)
    new = np.where(nef.levels[new] == nef.values[rows, cols], nef.indices[rows, cols], new)
    return writable_indices(nef.indices, rows, cols, new, nef.coding)
