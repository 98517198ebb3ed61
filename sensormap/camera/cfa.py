"""Colour filter arrays: which plane each photosite of the raw grid belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

BAYER_NAMES = ("RGGB", "BGGR", "GRBG", "GBRG")
MONO = "mono"
PICTURE = "picture"
"""Not filters but the pixels of a JPEG whose camera is unknown, in the place of a raw grid."""
LUMA_PLANE = "luma"
"""Name of all four planes of `PICTURE`."""


@dataclass(frozen=True)
class Plane:
    """The photosites of one colour: ``raw[row::step, col::step]``.

    Parameters
    ----------
    name
        ``R``, ``Gr``, ``Gb``, ``B``; ``mono``; or ``luma``, which four planes share.
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
        One of ``RGGB``, ``BGGR``, ``GRBG``, ``GBRG``; ``mono`` for a sensor without filters; or ``picture`` for the
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
    """

    name: str

    def __post_init__(self) -> None:
        if self.name not in (*BAYER_NAMES, MONO, PICTURE):
            msg = f"{self.name!r} is not one of {', '.join(BAYER_NAMES)}, {MONO}, {PICTURE}"
            raise ValueError(msg)

    @property
    def step(self) -> int:
        """Distance between same-plane neighbours on the raw grid: 2 for Bayer, 1 for mono.

        It is 2 for the pixels of a JPEG too: those beside a defect show it smeared by demosaicing.
        """
        return 1 if self.name == MONO else 2

    @cached_property
    def planes(self) -> tuple[Plane, ...]:
        """The planes, ordered by the raw-grid position of their first photosite."""
        if self.name == MONO:
            return (Plane(MONO, 0, 0, 1),)
        return tuple(Plane(self._letters(row, col), row, col, 2) for row in (0, 1) for col in (0, 1))

    def _letters(self, row: int, col: int) -> str:
        """Name the plane at (row, col) of the 2 x 2 pattern; a green is named after its row."""
        if self.name == PICTURE:
            return LUMA_PLANE
        line = self.name[2 * row : 2 * row + 2]
        return line[col] if line[col] != "G" else "G" + line.replace("G", "").lower()

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
        grid = [self.name[:2], self.name[2:]]
        return Cfa("".join(grid[(y + i) % 2][(x + j) % 2] for i in (0, 1) for j in (0, 1)))
