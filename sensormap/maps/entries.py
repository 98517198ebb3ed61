"""The entries of a map as values: defects, columns and rows, their kinds, strengths and onsets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sensormap.camera.cfa import Cfa

Setting = bool | int | float | str | None


class DefectKind(StrEnum):
    """How a photosite misbehaves; ``x = clip(G * (m * light + D * T + b))`` names the parameters."""

    HOT = "hot"
    """Dark current D > 0: brighter than its surroundings in proportion to exposure time T and gain G."""
    OFFSET = "offset"
    """b > 0: brighter by a constant (times gain) in every frame."""
    STUCK = "stuck"
    """One level whatever the light."""
    DEAD = "dead"
    """Black whatever the light."""
    WEAK = "weak"
    """Low response m < 1: darker in proportion to the light."""
    NOISY = "noisy"
    """Jumps between levels from frame to frame: excess variance."""


class Source(StrEnum):
    """What photos a map was made from."""

    RAW = "raw"
    """Raw photos."""
    JPEG = "jpeg"
    """The camera's own JPEGs: places are good to a few pixels, and values are no DN."""
    BOTH = "raw+jpeg"
    """Raw photos, and JPEGs of other shots."""


@dataclass(frozen=True)
class Between:
    """A change between two frames: capture times of the last before and of the first after, by the camera's clock.

    None as `after` is before the first frame; with both None the change lies before the first frame altogether.
    """

    after: datetime | None
    by: datetime | None


STRENGTHS = ("dark_dn_per_s", "offset_dn", "response")
"""Attributes of a defect that hold an estimate with its interval; the names that `unresolved` may list."""

Interval = tuple[float, float, float]
"""An estimate and the ends of its 95 % interval."""


@dataclass(frozen=True)
class Defect:
    """One defective photosite.

    Parameters
    ----------
    x, y
        Raw-grid position, 0-based.
    plane
        Its colour plane.
    kind
        How it misbehaves.
    confidence
        0 to 1: how likely it is a defect at all.
    score
        Strength of the evidence, in standard deviations.
    mean, variance
        Of its raw values over the followed frames: DN and DN squared, black subtracted. None without a second pass, and
        with a `radius`.
    jpeg
        Pixel (x, y) in the camera's full-size JPEG; None outside its crop or where the crop is unknown.
    dark_dn_per_s, offset_dn, response
        D, b and m of the law in `DefectKind`, at base ISO; None where the photos do not tell, or the kind has none, and
        with a `radius`.
    unresolved
        Names of those of the three that the kind has but the photos do not tell.
    onset
        When it was born; None where the photos have no times.
    until
        When it was gone again; None if it was still there in the last frame.
    seen
        Frames in which it showed, and those in which it should have.
    cluster
        Number shared by defects that touch, on the raw grid or within their plane; None for a single one.
    radius
        Pixels, 0 to 16, that the true photosite may lie away in x or y, where only JPEGs show the defect; None where
        raw photos do. What is measured in DN no JPEG tells.
    """

    x: int
    y: int
    plane: str
    kind: DefectKind
    confidence: float
    score: float
    mean: float | None
    variance: float | None
    jpeg: tuple[int, int] | None
    dark_dn_per_s: Interval | None = None
    offset_dn: Interval | None = None
    response: Interval | None = None
    unresolved: tuple[str, ...] = ()
    onset: Between | None = None
    until: Between | None = None
    seen: tuple[int, int] | None = None
    cluster: int | None = None
    radius: int | None = None


@dataclass(frozen=True)
class Column:
    """A run of defects along one raw column, rows `y0` to `y1` both inclusive.

    `plane` names the planes it covers, joined by ``+`` where a raw column crosses two (``Gb+R``).
    `score` is the median of its photosites', or that of the whole line where few are significant; `defects` counts
    those that are significant alone; `onset` is that of most; `radius` is as in `Defect`.
    """

    x: int
    y0: int
    y1: int
    plane: str
    kind: DefectKind
    confidence: float
    score: float
    defects: int
    onset: Between | None = None
    radius: int | None = None

    def photosites(self, cfa: Cfa) -> Iterator[tuple[int, int]]:
        """Yield (x, y) of the rows `y0` to `y1` that belong to the planes covered, from the top.

        Examples
        --------
        >>> list(Column(4, 10, 13, "Gb", DefectKind.WEAK, 0.99, -12.0, 2).photosites(Cfa("GBRG")))
        [(4, 10), (4, 12)]
        """
        planes = self.plane.split("+")
        return ((self.x, y) for y in range(self.y0, self.y1 + 1) if cfa.plane_name(x=self.x, y=y) in planes)


@dataclass(frozen=True)
class Row:
    """A run of defects along one raw row, columns `x0` to `x1` both inclusive; otherwise as `Column`."""

    y: int
    x0: int
    x1: int
    plane: str
    kind: DefectKind
    confidence: float
    score: float
    defects: int
    onset: Between | None = None
    radius: int | None = None

    def photosites(self, cfa: Cfa) -> Iterator[tuple[int, int]]:
        """Yield (x, y) of the columns `x0` to `x1` that belong to the planes covered, from the left.

        Examples
        --------
        >>> list(Row(4, 10, 13, "B", DefectKind.WEAK, 0.99, 12.0, 2).photosites(Cfa("GBRG")))
        [(11, 4), (13, 4)]
        """
        planes = self.plane.split("+")
        return ((x, self.y) for x in range(self.x0, self.x1 + 1) if cfa.plane_name(x=x, y=self.y) in planes)


@dataclass(frozen=True)
class FrameSummary:
    """The set of frames behind a map.

    `first` and `last` are capture times; `shutter_s` and `iso` are (lowest, highest); each is None where no
    frame tells. `digest` is the SHA-256 of the used files' own digests, sorted. Of the used ones, `repeated` show the
    scene of an earlier one and do not count again, `filtered` had hot photosites lowered in camera, and `followed` were
    read a second time and count. `clock_jumps` counts where the camera's clock contradicts its count of shots.
    `jpegs` of the used ones are JPEGs.
    """

    used: int
    skipped: int
    first: datetime | None
    last: datetime | None
    shutter_s: tuple[float, float] | None
    iso: tuple[int, int] | None
    digest: str
    repeated: int = 0
    filtered: int = 0
    followed: int = 0
    clock_jumps: int = 0
    jpegs: int = 0


def rounded(value: float, *, digits: int = 5) -> float:
    """Return `value` with so many significant digits: what is measured to a per cent needs no sixteen.

    Map files hold numbers exactly as they are in memory, so that reading gives back what was written; whoever makes
    a defect rounds its numbers with this.

    Examples
    --------
    >>> rounded(1234.5678), rounded(0.000123456789), rounded(-0.0)
    (1234.6, 0.00012346, 0.0)
    """
    return float(f"{value:.{digits}g}") + 0.0  # adding 0.0 makes -0.0 a plain zero
