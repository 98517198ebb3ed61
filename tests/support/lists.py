"""Photos that hold a list of defects, made byte by byte."""

from __future__ import annotations

import struct


def iiq(entries, *, order="<", start=8, calibration=True, defects=True):
    """Return the head of a Phase One photo whose calibration data hold (column, row, type)."""
    mark = b"IIII" if order == "<" else b"MMMM"
    content = b"".join(struct.pack(f"{order}4H", *entry, 0) for entry in entries)
    tags = [(0x401, 4, 0)] + ([(0x400, len(content), 8 + 4 + 8 + 24)] if defects else [])
    block = mark[:2] + bytes(6) + struct.pack(f"{order}I", 12)
    block += struct.pack(f"{order}II", len(tags), 0) + b"".join(struct.pack(f"{order}3I", *tag) for tag in tags)
    block = block.ljust(8 + 4 + 8 + 24, b"\0") + content
    directory = [(0x100, 4, 4, 0)] + ([(0x110, 1, len(block), 12 + 8 + 32)] if calibration else [])
    head = mark + struct.pack(f"{order}II", 0x526177 << 8 | 1, 12)
    head += struct.pack(f"{order}II", len(directory), 0)
    head += b"".join(struct.pack(f"{order}4I", *entry) for entry in directory)
    return (b"II*\0" + bytes(40))[:start] + head.ljust(12 + 8 + 32, b"\0") + block


def tiff_with_tag(tag, content, *, order="<", deep=False):
    """Return a TIFF file of nothing but a tag of bytes; `deep`: in the image of a SubIFD."""
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8)
    below = 8 + 2 + 12 + 4
    one = struct.pack(f"{order}HHHII", 1, tag, 7, len(content), (below if not deep else below + 18))
    if len(content) <= 4:
        one = struct.pack(f"{order}HHHI", 1, tag, 7, len(content)) + content.ljust(4, b"\0")
    one += bytes(4)
    if deep:
        return head + struct.pack(f"{order}HHHIII", 1, 330, 4, 1, below, 0) + one + content
    return head + one + content
