"""The numbered lines of a text file that nobody vouches for, and the whole numbers in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import NoReturn

from sensormap.camera.geometry import Sensor
from sensormap.errors import ListFormatError
from sensormap.formats.listing import Run

LONGEST = 1000  # characters; no format has lines of that length, and messages and expressions stay quick
MOST_LINES = 2_000_000  # four times as many as a list may have photosites; empty ones cost time too
_INTEGER = re.compile(r"[+-]?[0-9]{1,12}")
_UTF8_BOM, _UTF16_BOMS = b"\xef\xbb\xbf", (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class TextLine:
    """A line with something in it: its `file` and `number`, for messages, and its `text` without comment and ends."""

    file: str
    number: int
    text: str

    def refuse(self, problem: str) -> NoReturn:
        """Raise a `ListFormatError` that names the place.

        Examples
        --------
        >>> TextLine(".badpixels", 7, "1 2").refuse("2 columns, expected 3")
        Traceback (most recent call last):
        sensormap.errors.ListFormatError: .badpixels: line 7: 2 columns, expected 3
        """
        msg = f"{self.file}: line {self.number}: {problem}"
        raise ListFormatError(msg)

    def integer(self, word: str, what: str, low: int, high: int) -> int:
        """Return the whole number that a word of the line is.

        Parameters
        ----------
        word, what
            The word, and a name for what it stands for.
        low, high
            The smallest and largest that it may be.

        Raises
        ------
        ListFormatError
            If it is none, or another one.
        """
        if not _INTEGER.fullmatch(word):
            self.refuse(f"{what} {shortened(word)} is not a whole number")
        value = int(word)
        if not low <= value <= high:
            self.refuse(f"{what} {value} is not in {low} to {high}")
        return value

    def place(
        self, x: str, y: str, sensor: Sensor, *, corner: tuple[int, int] = (0, 0), offset: int = 0
    ) -> tuple[int, int]:
        """Return the raw-grid position (x, y) that two words tell.

        Parameters
        ----------
        x, y
            The words.
        sensor
            Geometry of the raw grid that the position has to lie in.
        corner
            Place (x, y) on the raw grid that the list counts from.
        offset
            Number that the list wants added to both.

        Raises
        ------
        ListFormatError
            If one is no whole number, lies left of or above where the list counts from, or outside the raw grid.
        """
        (width, height), (left, top) = sensor.raw_size, corner
        return (
            self.integer(x, "x", -offset, width - 1 - left - offset) + left + offset,
            self.integer(y, "y", -offset, height - 1 - top - offset) + top + offset,
        )


def read_lines(data: bytes, file: str, *, comment: str | None = "#", longest: int = LONGEST) -> Iterator[TextLine]:
    r"""Yield the lines of a text file that hold something; a BOM and Windows line ends are accepted.

    Parameters
    ----------
    data, file
        Bytes of the file, and its name for messages.
    comment
        Mark that makes the rest of a line a comment; None where there is none.
    longest
        Most characters that a line may have.

    Raises
    ------
    ListFormatError
        If a line is longer, there are more than `MOST_LINES`, or the text is UTF-16. Bytes that are no UTF-8 come out
        as ``\xff``, so that whoever expects numbers names the line.

    Examples
    --------
    >>> [(line.number, line.text) for line in read_lines(b"\xef\xbb\xbf# hot\r\n\r\n1 2 # new\r\n", "toy")]
    [(3, '1 2')]
    """
    if data.startswith(_UTF16_BOMS):
        msg = f"{file}: is UTF-16 text, expected plain ASCII or UTF-8"
        raise ListFormatError(msg)
    for number, content in enumerate(BytesIO(data.removeprefix(_UTF8_BOM)), 1):
        whole = TextLine(file, number, content[: longest + 2].decode("utf-8", "backslashreplace").rstrip("\r\n"))
        if len(content.rstrip(b"\r\n")) > longest:
            whole.refuse(f"has more than {longest} characters: {shortened(whole.text)}")
        if number > MOST_LINES:
            whole.refuse(f"expected at most {MOST_LINES} lines")
        text = (whole.text if comment is None else whole.text.split(comment, 1)[0]).strip()
        if text:
            yield TextLine(file, number, text)


def shortened(text: str) -> str:
    """Return a text in quotes, of at most 40 characters, fit for a message of one line.

    Examples
    --------
    >>> shortened("1;" * 30)
    "'1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;...'"
    """
    return ascii(text if len(text) <= 40 else f"{text[:38]}...")


def xy_entries(lines: Iterable[TextLine], sensor: Sensor) -> Iterator[Run]:
    """Yield the photosites of lines that each hold x and y on the raw grid, each a run of one.

    Raises
    ------
    ListFormatError
        Naming the line that holds something else, or whose position is outside the raw grid.
    """
    for line in lines:
        words = line.text.split()
        if len(words) != 2:
            line.refuse(f"{len(words)} columns, expected 2: x y")
        x, y = line.place(words[0], words[1], sensor)
        yield Run(y, x, 1, 1)
