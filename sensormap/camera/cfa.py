"""Colour filter arrays: which plane each photosite of the raw grid belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from numpy.typing import NDArray

BAYER_NAMES = ("RGGB", "BGGR", "GRBG", "GBRG")
MONO = "mono"
PICTURE = "picture"
"""Not filters but the pixels of a JPEG whose camera is unknown, in the place of a raw grid."""
LUMA_PLANE = "luma"
"""Name of all four planes of `PICTURE`."""

_XTRANS_STEP = 6
_XTRANS_ROWS = ("GBGGRG", "RGRBGB", "GBGGRG", "GRGGBG", "BGBRGR", "GRGGBG")


def _xtrans_name(y: int, x: int) -> str:
    """Return the X-Trans pattern as read from some row and column of it."""
    side = range(_XTRANS_STEP)
    return "/".join("".join(_XTRANS_ROWS[(y + i) % _XTRANS_STEP][(x + j) % _XTRANS_STEP] for j in side) for i in side)


XTRANS_NAMES = tuple(dict.fromkeys(_xtrans_name(y, x) for y, x in product(range(_XTRANS_STEP), repeat=2)))
"""The X-Trans pattern of Fujifilm by its phase: what can be read from raw-grid (0, 0), six rows of six filters.

They are 18: moved by three rows and three columns it is the same, moved by three of either red and blue change places.
"""

CFA_NAMES = (*BAYER_NAMES, *XTRANS_NAMES, MONO)
"""All patterns of sensors."""

SOLITARY, PAIRED = "Gs", "Gp"
"""Planes of an X-Trans sensor's greens: those with red and blue on all four sides, and those in squares of four."""
PLANE_NAMES = ("R", "Gr", "Gb", "B", SOLITARY, PAIRED, MONO, LUMA_PLANE)
"""All names of planes, of whatever pattern."""

# Rows and columns, from a photosite, of the eight of its colour that it is compared with: for a red or blue one whose
# nearest lies at the right, and for a green at the upper left of its square. All others look like this, turned or
# mirrored. As many lie on one side as on the other, so that the median of the eight is hardly moved by a gradient of
# the scene. Red and blue have the nearest one twice: of eight different ones more lie on one side.
_AROUND_RED = ((0, 2), (0, 2), (-2, 1), (2, 1), (-1, -2), (1, -2), (-3, -1), (3, -1))
_AROUND_SOLITARY = ((-1, -1), (-1, 1), (1, -1), (1, 1), (-3, 0), (3, 0), (0, -3), (0, 3))
_AROUND_PAIRED = ((0, 1), (1, 0), (1, 1), (-1, -1), (0, -2), (-2, 0), (-2, 1), (1, -2))

Offsets = tuple[tuple[int, int], ...]
"""Rows and columns from a photosite to others."""


@dataclass(frozen=True)
class Plane:
    """The photosites of one place of the pattern, all of one colour: ``raw[row::step, col::step]``.

    Parameters
    ----------
    name
        ``R``, ``Gr``, ``Gb``, ``B``; ``mono``; of X-Trans ``R``, ``B``, ``Gs``, ``Gp``, each shared by the planes of
        like neighbourhoods; or ``luma``, which four planes share.
    row, col
        Raw-grid position of its first photosite, each below `step`.
    step
        Distance to the next photosite of the plane: as `Cfa.step`.
    """

    name: str
    row: int
    col: int
    step: int

    def view(self, raw: NDArray[Any]) -> NDArray[Any]:
        """Return the plane's photosites as a view.

        Parameters
        ----------
        raw
            Values on the raw grid, ``(H, W)``, of any type; or on a part of it that begins with the same phase.
        """
        return raw[self.row :: self.step, self.col :: self.step]


@dataclass(frozen=True)
class Cfa:
    """A filter pattern, named from raw-grid (0, 0) and read row by row.

    Parameters
    ----------
    name
        One of ``RGGB``, ``BGGR``, ``GRBG``, ``GBRG``; one of `XTRANS_NAMES`, such as
        ``GBGGRG/RGRBGB/GBGGRG/GRGGBG/BGBRGR/GRGGBG``; ``mono`` for a sensor without filters; or ``picture`` for the
        pixels of a JPEG whose camera is unknown.

    Raises
    ------
    ValueError
        If `name` is none of these.

    Examples
    --------
    >>> [plane.name for plane in Cfa("GBRG").planes]
    ['Gb', 'B', 'R', 'Gr']
    >>> Cfa("GBRG").plane_name(x=14, y=9)
    'R'
    >>> [plane.name for plane in Cfa("GBGGRG/RGRBGB/GBGGRG/GRGGBG/BGBRGR/GRGGBG").planes[:6]]
    ['Gp', 'B', 'Gp', 'Gp', 'R', 'Gp']
    """

    name: str

    def __post_init__(self) -> None:
        if self.name not in (*CFA_NAMES, PICTURE):
            raise ValueError(f"{self.name!r} is not one of {cfa_names(PICTURE)}")  # noqa: EM102

    @property
    def is_xtrans(self) -> bool:
        """Whether it is Fujifilm's X-Trans pattern."""
        return "/" in self.name

    @property
    def step(self) -> int:
        """Distance between same-plane neighbours on the raw grid: 2 for Bayer, 6 for X-Trans, 1 for mono.

        It is 2 for the pixels of a JPEG too: those beside a defect show it smeared by demosaicing.
        """
        return _XTRANS_STEP if self.is_xtrans else 1 if self.name == MONO else 2

    @cached_property
    def beside(self) -> frozenset[int]:
        """How many rows or columns away, on either side, lie the photosites that one is compared with, besides 0."""
        return frozenset(abs(side) for around in self.neighbours for offset in around for side in offset) - {0}

    @property
    def near(self) -> int:
        """How many rows and columns away, at most, lie the photosites that one is compared with."""
        return max(self.beside)

    @cached_property
    def planes(self) -> tuple[Plane, ...]:
        """The planes, ordered by the raw-grid position of their first photosite."""
        places = product(range(self.step), repeat=2)
        return tuple(Plane(self._plane_name(row, col), row, col, self.step) for row, col in places)

    @cached_property
    def classes(self) -> tuple[tuple[Plane, ...], ...]:
        """The planes whose photosites are alike, neighbourhoods included: each alone, but those of X-Trans by name."""
        if not self.is_xtrans:
            return tuple((plane,) for plane in self.planes)
        names = dict.fromkeys(plane.name for plane in self.planes)
        return tuple(tuple(plane for plane in self.planes if plane.name == name) for name in names)

    @cached_property
    def neighbours(self) -> tuple[Offsets, ...]:
        """Of each plane, where the eight photosites lie that one of it is compared with: rows and columns from there.

        Of a plane with a pattern of its own, the eight nearest of it.
        """
        if not self.is_xtrans:
            across = (-self.step, 0, self.step)
            return (tuple((i, j) for i, j in product(across, repeat=2) if i or j),) * len(self.planes)
        return tuple(self._around(plane) for plane in self.planes)

    def _plane_name(self, row: int, col: int) -> str:
        """Name the plane at (row, col) of the pattern; a green of Bayer is named after its row."""
        if self.name in (MONO, PICTURE):
            return MONO if self.name == MONO else LUMA_PLANE
        letter = self.letter(row, col)
        if letter != "G":
            return letter
        if self.is_xtrans:
            beside = {self.letter(row + i, col + j) for i, j in ((0, 1), (0, -1), (1, 0), (-1, 0))}
            return PAIRED if "G" in beside else SOLITARY
        return "G" + self.name[2 * row : 2 * row + 2].replace("G", "").lower()

    def _around(self, plane: Plane) -> Offsets:
        """Return where the photosites lie that those of a plane of X-Trans are compared with."""
        around = {SOLITARY: _AROUND_SOLITARY, PAIRED: _AROUND_PAIRED}.get(plane.name, _AROUND_RED)
        own = self.letter(plane.row, plane.col)
        for turned, down, right in product((False, True), (1, -1), (1, -1)):
            offsets = tuple((down * i, right * j) for i, j in (offset[::-1] if turned else offset for offset in around))
            if all(self.letter(plane.row + i, plane.col + j) == own for i, j in offsets):
                return offsets
        raise AssertionError(plane)  # not with X-Trans

    def letter(self, row: int, col: int) -> str:
        """Return the colour of the filter, ``R``, ``G`` or ``B``, at a place of the raw grid; of a sensor with filters.

        Examples
        --------
        >>> Cfa("GBRG").letter(9, 14)
        'R'
        """
        side = self.step
        return self.name.replace("/", "")[row % side * side + col % side]

    def plane_name(self, *, x: int, y: int) -> str:
        """Return the name of the plane that a photosite belongs to.

        Parameters
        ----------
        x, y
            Its column and row on the raw grid.
        """
        return self.planes[(y % self.step) * self.step + x % self.step].name

    def shifted(self, *, x: int, y: int) -> Cfa:
        """Return the pattern as read from raw-grid position (x, y): an odd offset flips the phase.

        Parameters
        ----------
        x, y
            Column and row on the raw grid.

        Examples
        --------
        >>> Cfa("GBRG").shifted(x=14, y=9).name
        'RGGB'
        """
        if self.name in (MONO, PICTURE):
            return self
        side = range(self.step)
        rows = ("".join(self.letter(y + i, x + j) for j in side) for i in side)
        return Cfa(("/" if self.is_xtrans else "").join(rows))


Lattice: TypeAlias = "int | Cfa"
"""How same-colour photosites lie: the distance between those of a plane, where each is compared with its own; otherwise
the pattern as read from the corner of the frame.
"""


def step_of(lattice: Lattice) -> int:
    """Return after how many rows and columns a pattern repeats: 1 for mono, 2 for Bayer, 6 for X-Trans."""
    return lattice if isinstance(lattice, int) else lattice.step


def cfa_names(*others: str) -> str:
    """Return what a pattern can be called, for messages, and `others` after that.

    Examples
    --------
    >>> cfa_names()
    'RGGB, BGGR, GRBG, GBRG, mono; or six rows of X-Trans such as GBGGRG/RGRBGB/GBGGRG/GRGGBG/BGBRGR/GRGGBG'
    """
    return f"{', '.join((*BAYER_NAMES, MONO, *others))}; or six rows of X-Trans such as {XTRANS_NAMES[0]}"
