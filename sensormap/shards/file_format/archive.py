"""Zip archives whose bytes depend on their members only, and which are read strictly: exactly as they are written.

Every other program can read them, and `numpy.load` does. Here nothing is read but what `pack` writes: members one after
the other, all headers as it makes them, and as the archive's comment the SHA-256 of everything before it. So damage of
any kind is found before anything is believed, and what somebody forged with a right sum can do no more than state sizes
that `content` is told not to expect.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

OVERHEAD = 1 << 16
"""Bytes that headers and sum take at most."""

_MOST_MEMBERS = 64
_COMMENT = 64  # hexadecimal digits of SHA-256

# Fixed header fields (PKWARE's APPNOTE 6.3, sections 4.3.7, 4.3.12 and 4.3.16): version 2.0, no flags, the first moment
# that zip can tell, 1 January 1980; as on Unix, a file that its owner reads and writes.
_VERSION, _FLAGS, _TIME, _DATE = 20, 0, 0, 1 << 5 | 1
_UNIX, _MODE = 3 << 8, 0o100600 << 16
_OPENING, _LISTED, _END = b"PK\3\4", b"PK\1\2", b"PK\5\6"
_LOCAL, _CENTRAL, _LAST = struct.Struct("<4s5H3I2H"), struct.Struct("<4s6H3I5H2I"), struct.Struct("<4s4H2IH")
_STORED, _DEFLATED = 0, 8

# Huffman codes alone suit noise, run lengths what is mostly one value, and strings what repeats row by row. A sample
# tells which; compression that saves less than so much costs more time than it is worth.
_STRATEGIES = (zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE, zlib.Z_DEFAULT_STRATEGY)
_FASTEST, _RAW_DEFLATE, _MEMORY = 1, -15, 9  # the fastest level is hardly worse than the best: most of it is noise
_PIECES, _PIECE, _WORTH_IT = 4, 1 << 14, 0.97


@dataclass(frozen=True)
class Entry:
    """One member of an archive.

    Parameters
    ----------
    name
        Name, of ASCII characters.
    method
        0 if it lies there as it is, 8 if deflated.
    checksum
        CRC-32 of its content.
    stored, size
        Bytes that it takes in the archive, and as it is.
    start
        Place of its header in the archive.
    """

    name: str
    method: int
    checksum: int
    stored: int
    size: int
    start: int

    @property
    def header(self) -> bytes:
        """What stands before its content."""
        name = self.name.encode("ascii")
        return _LOCAL.pack(_OPENING, *self._fields, len(name), 0) + name

    @property
    def listed(self) -> bytes:
        """How the archive's directory lists it."""
        name = self.name.encode("ascii")
        fields = (_VERSION | _UNIX, *self._fields, len(name), 0, 0, 0, 0, _MODE, self.start)
        return _CENTRAL.pack(_LISTED, *fields) + name

    @property
    def end(self) -> int:
        """Place of what follows its content."""
        return self.start + len(self.header) + self.stored

    @property
    def _fields(self) -> tuple[int, ...]:
        return _VERSION, _FLAGS, self.method, _TIME, _DATE, self.checksum, self.stored, self.size


def pack(members: Iterable[tuple[str, bytes]], *, deflate: bool = True) -> bytes:
    """Return the bytes of an archive; with one release of zlib they are always the same.

    Parameters
    ----------
    members
        Name and content of each, in order.
    deflate
        Whether what compresses well is compressed.

    Raises
    ------
    ValueError
        If there are too many, or if they are larger than a zip archive holds.
    """
    entries: list[Entry] = []
    parts: list[bytes] = []
    place = 0
    for name, content in members:
        stored = _deflated(content) if deflate else content
        method = _STORED if stored is content else _DEFLATED
        entry = Entry(name, method, zlib.crc32(content), len(stored), len(content), place)
        place = entry.end
        if len(entries) >= _MOST_MEMBERS or max(place, entry.size) >> 32:
            msg = f"more than {_MOST_MEMBERS} members, or 4 GB"
            raise ValueError(msg)
        entries.append(entry)
        parts += [entry.header, stored]
    summed = b"".join([*parts, _directory(entries)])
    return summed + _digest(summed)


def read_entries(data: bytes) -> list[Entry]:
    """Return the members of an archive, in order.

    Parameters
    ----------
    data
        Bytes of the archive.

    Raises
    ------
    ValueError
        If it is damaged, or not as `pack` writes it.
    """
    if not data.startswith(_OPENING):
        msg = f"opens with {data[:4]!r}, expected a zip archive"
        raise ValueError(msg)
    if _digest(memoryview(data)[:-_COMMENT]) != data[-_COMMENT:]:
        msg = "damaged or cut off: the SHA-256 of its bytes is not the one at its end"
        raise ValueError(msg)
    entries: list[Entry] = []
    place = 0
    while data.startswith(_OPENING, place) and len(entries) < _MOST_MEMBERS:
        entries.append(_entry_at(data, place))
        place = entries[-1].end
    if data[place:-_COMMENT] != _directory(entries):
        msg = f"another directory than that of the {len(entries)} members before it"
        raise ValueError(msg)
    return entries


def first_entry(head: bytes) -> Entry:
    """Return the first member of an archive, whose opening must have all of it; nothing else is looked at.

    Raises
    ------
    ValueError
        If there is none there as `pack` writes it.
    """
    return _entry_at(head, 0)


def content(data: bytes, entry: Entry, size: int) -> bytes:
    """Return the content of a member.

    Parameters
    ----------
    data
        Bytes of the archive.
    entry
        The member.
    size
        Bytes that it must have; no more are taken from memory.

    Raises
    ------
    ValueError
        If it has others, or is damaged.
    """
    if entry.size != size:
        msg = f"{entry.name}: {entry.size} bytes, expected {size}"
        raise ValueError(msg)
    stored = memoryview(data)[entry.end - entry.stored : entry.end]
    found = bytes(stored) if entry.method == _STORED else _inflated(stored, size)
    if found is None or len(found) != size or zlib.crc32(found) != entry.checksum:
        msg = f"{entry.name}: damaged, expected {size} bytes with the CRC-32 {entry.checksum:08x}"
        raise ValueError(msg)
    return found


def _entry_at(data: bytes, place: int) -> Entry:
    """Return the member whose header begins at a place."""
    header = data[place : place + _LOCAL.size]
    problem = f"no header of a member as expected at byte {place}"
    if len(header) < _LOCAL.size:
        raise ValueError(problem)
    _, _, _, method, _, _, checksum, stored, size, name_size, _ = _LOCAL.unpack(header)
    name = data[place + _LOCAL.size : place + _LOCAL.size + name_size]
    if not name.isascii() or method not in (_STORED, _DEFLATED):
        raise ValueError(problem)
    entry = Entry(name.decode("ascii"), method, checksum, stored, size, place)
    if entry.header != header + name or entry.end > len(data):
        raise ValueError(problem)
    return entry


def _directory(entries: Sequence[Entry]) -> bytes:
    """Return what stands after the members and before the comment."""
    listed = b"".join(entry.listed for entry in entries)
    count, place = len(entries), entries[-1].end if entries else 0
    return listed + _LAST.pack(_END, 0, 0, count, count, len(listed), place, _COMMENT)


def _digest(data: bytes | memoryview) -> bytes:
    return hashlib.sha256(data).hexdigest().encode("ascii")


def _deflated(content: bytes) -> bytes:
    """Return bytes deflated by the strategy that a sample of them tells; as they are where that saves little."""
    step = max(len(content) // _PIECES, _PIECE)
    sample = b"".join(content[place : place + _PIECE] for place in range(0, len(content), step))
    best = min(_STRATEGIES, key=lambda strategy: len(_deflate(sample, strategy)))
    if len(_deflate(sample, best)) > _WORTH_IT * len(sample):
        return content
    return _deflate(content, best)


def _deflate(content: bytes, strategy: int) -> bytes:
    compressor = zlib.compressobj(_FASTEST, zlib.DEFLATED, _RAW_DEFLATE, _MEMORY, strategy)
    return compressor.compress(content) + compressor.flush()


def _inflated(stored: memoryview, size: int) -> bytes | None:
    """Return a member's content, of up to one byte more than its size; None if it is not one whole deflated piece."""
    inflate = zlib.decompressobj(_RAW_DEFLATE)
    try:
        found = inflate.decompress(stored, size + 1)
    except zlib.error:
        return None
    return found if inflate.eof and not inflate.unused_data else None
