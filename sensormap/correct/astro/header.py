"""The header of a corrected FITS file: a line that says so, and checksums that hold again [1]_.

References
----------
.. [1] FITS Working Group, "Definition of the Flexible Image Transport System (FITS), version 4.0", 2018, appendix J:
   CHECKSUM and DATASUM. https://fits.gsfc.nasa.gov/fits_standard.html
"""

from __future__ import annotations

import numpy as np

from sensormap.photos.astro.fits_header import BLOCK, CARD, CORRECTED, FitsImage

_CHECKSUM, _DATASUM = b"CHECKSUM", b"DATASUM "
_NO_SUM = b"0" * 16
_PUNCTUATION = frozenset(b":;<=>?@[\\]^_`")  # between digits and letters
_WORD = 1 << 32


def cards_of(header: bytes) -> list[bytes]:
    """Return the lines of a header before END, and what follows it in its block."""
    cards = [header[at : at + CARD] for at in range(0, len(header), CARD)]
    return cards[: next(number for number, card in enumerate(cards) if card.rstrip() == b"END")]


def with_history(data: bytes, image: FitsImage) -> bytes:
    """Return a file whose image's header says in a line of HISTORY that sensormap corrected it.

    Other programs keep such lines when they save the image again. The header grows by a block where it is full.
    """
    cards = cards_of(data[image.header_start : image.data_start])
    header = b"".join([*cards, f"HISTORY {CORRECTED}".encode().ljust(CARD), b"END".ljust(CARD)])
    header += b" " * (-len(header) % BLOCK)
    return data[: image.header_start] + header + data[image.data_start :]


def with_checksums(data: bytes, image: FitsImage) -> bytes:
    """Return a file whose image has its DATASUM and CHECKSUM right, if it has them at all."""
    cards = cards_of(data[image.header_start : image.data_start])
    header, values = bytearray(data[image.header_start : image.data_start]), data[image.data_start : image.end]
    total = _sum(values)
    for number, card in enumerate(cards):
        if card.startswith(_DATASUM + b"="):
            header[number * CARD : (number + 1) * CARD] = _card(_DATASUM, str(total).encode(), card)
    for number, card in enumerate(cards):
        if card.startswith(_CHECKSUM + b"="):
            place = slice(number * CARD, (number + 1) * CARD)
            header[place] = _card(_CHECKSUM, _NO_SUM, card)
            header[place] = _card(_CHECKSUM, _encoded(_WORD - 1 - _sum(header, total)), card)
    return data[: image.header_start] + bytes(header) + data[image.data_start :]


def is_same_but_for_sums(header: bytes, other: bytes) -> bool:
    """Tell whether the first header is the other one with the line of HISTORY, and perhaps other checksums."""
    cards, others = cards_of(header), cards_of(other)
    return len(cards) == len(others) + 1 and all(
        one == two or one[:8] == two[:8] in (_CHECKSUM, _DATASUM) for one, two in zip(cards, others, strict=False)
    )


def _sum(data: bytes | bytearray, start: int = 0) -> int:
    """Return the sum of words of 32 bits, in ones' complement: what is carried is added again."""
    words = np.frombuffer(bytes(data) + bytes(-len(data) % BLOCK), ">u4")
    total = start + int(words.sum(dtype=np.uint64))
    while total >= _WORD:
        total = total % _WORD + total // _WORD
    return total


def _encoded(total: int) -> bytes:
    """Return a sum as 16 letters and digits whose own sum, as words that begin a byte later, it is."""
    letters = bytearray(16)
    for place, byte in enumerate(total.to_bytes(4, "big")):
        four = [byte // 4 + byte % 4, byte // 4, byte // 4, byte // 4]
        four = [one + ord("0") for one in four]
        while any(one in _PUNCTUATION for one in four):
            for one in (0, 2):  # two move apart, and their sum stays
                if four[one] in _PUNCTUATION or four[one + 1] in _PUNCTUATION:
                    four[one], four[one + 1] = four[one] + 1, four[one + 1] - 1
        letters[place::4] = bytes(four)
    return bytes(letters[-1:] + letters[:-1])


def _card(keyword: bytes, value: bytes, before: bytes) -> bytes:
    """Return a line with another value, and the comment that it had."""
    _, slash, comment = before.rpartition(b"' /")
    return (keyword + b"= '" + value.ljust(8) + b"'" + (b" /" + comment.rstrip() if slash else b"")).ljust(CARD)[:CARD]
