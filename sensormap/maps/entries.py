"""The entries of a map as values: defects, columns and rows, their kinds, strengths and onsets."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Self, TypeVar

from sensormap.camera.cfa import Cfa

Along = TypeVar("Along")
Setting = bool | int | float | str | None


class DefectKind(StrEnum):
    """How a photosite misbehaves; `meaning` says it in one line, for people.

    The members' texts name the parameters of one law, by which a photosite's value x follows from the light that falls
    on it, the exposure time T and the gain G (ISO over base ISO): ``x = clip(G * (m * light + D * T + b))``.
    """

    meaning: str

    def __new__(cls, value: str, meaning: str = "") -> Self:
        """Make a member that is equal to `value`."""
        member = str.__new__(cls, value)
        member._value_, member.meaning = value, meaning
        return member

    HOT = "hot", "brighter the longer the exposure"
    """Dark current: D > 0."""
    OFFSET = "offset", "brighter by a constant in every photo"
    """Offset: b > 0."""
    STUCK = "stuck", "one level whatever the light"
    """x is the same in every frame, above black."""
    DEAD = "dead", "black whatever the light"
    """m = 0."""
    WEAK = "weak", "darker in proportion to the light"
    """Low response: m < 1."""
    NOISY = "noisy", "jumps from photo to photo"
    """x varies by more than its noise."""
    COLD = "cold", "darker by a constant, or the longer the exposure"
    """Less than black: b < 0 or D < 0."""
    OVERRESPONSIVE = "overresponsive", "brighter in proportion to the light"
    """High response: m > 1."""


DARK_KINDS = frozenset({DefectKind.DEAD, DefectKind.WEAK, DefectKind.COLD})
"""Kinds that are darker than they should be; programs that know two kinds only call these cold and the others hot."""


LATER_KINDS = (DefectKind.COLD, DefectKind.OVERRESPONSIVE)
"""Kinds that older versions do not know; hardly any where the camera itself subtracts and divides by nothing."""


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


Interval = tuple[float, float, float]
"""An estimate and the ends of its 95 % interval."""

HALF_INTERVAL = 1.96
"""Half the width of a 95 % interval, in standard deviations of a normal distribution."""

STRENGTHS = ("dark_dn_per_s", "offset_dn", "response")
"""Attributes of a defect that hold an estimate with its interval; the names that `unresolved` may list."""


@dataclass(frozen=True)
class Defect:
    """One defective photosite.

    Parameters
    ----------
    x, y
        Raw-grid position, 0-based.
    plane
        Name of its colour plane.
    kind
        Its misbehaviour.
    confidence
        Probability, 0 to 1, that it is a defect at all.
    score
        Strength of the evidence, in standard deviations.
    mean, variance
        Mean and variance of its raw values over the frames of the second pass, DN and DN squared, black subtracted.
        None without the second pass, and with a `radius`.
    jpeg
        Pixel (x, y) in the camera's full-size JPEG; None outside its crop or where the crop is unknown.
    dark_dn_per_s, offset_dn, response
        D, b and m of the law in `DefectKind`, at base ISO; None where the photos do not tell, or the kind has none, and
        with a `radius`.
    unresolved
        Names of those of the three that the kind has but the photos do not tell.
    or_kinds
        Other kinds that the exposures cannot tell from `kind`, each once. Each strength is then what it is if the kind
        that it makes is the right one: they do not add up.
    onset
        Time of its onset; None where the photos have no times.
    until
        Time when it was gone again; None if it was still there in the last frame.
    seen
        Number of frames in which it showed, and of those in which it should have.
    last_seen
        Capture time of the last photo that shows it; only in merged maps that drop what is no longer seen.
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
    or_kinds: tuple[DefectKind, ...] = ()
    onset: Between | None = None
    until: Between | None = None
    seen: tuple[int, int] | None = None
    cluster: int | None = None
    radius: int | None = None
    last_seen: datetime | None = None


@dataclass(frozen=True)
class LineEntry:
    """What a column and a row have in common: a run of defects along one line of the raw grid.

    Parameters
    ----------
    plane
        The planes that the run covers, joined by ``+`` where its line crosses two (``Gb+R``).
    kind
        The misbehaviour of most of its photosites.
    confidence
        Probability, 0 to 1, that it is a defect at all.
    score
        Median of its photosites' scores, or the score of the whole line where few are significant, in standard
        deviations.
    defects
        Number of its photosites that are significant alone.
    onset
        Its onset, or that of most of them; None where the photos have no times.
    radius
        Pixels that it may lie away, as of a `Defect`.
    dark_dn_per_s, offset_dn, response, unresolved, or_kinds, until, seen, last_seen
        As of a `Defect`, of the mean along the line; left out where its series was not followed.
    """

    plane: str
    kind: DefectKind
    confidence: float
    score: float
    defects: int
    onset: Between | None = None
    radius: int | None = None
    dark_dn_per_s: Interval | None = None
    offset_dn: Interval | None = None
    response: Interval | None = None
    unresolved: tuple[str, ...] = ()
    or_kinds: tuple[DefectKind, ...] = ()
    until: Between | None = None
    seen: tuple[int, int] | None = None
    last_seen: datetime | None = None

    noun: ClassVar[str]
    """What to call such an entry."""
    keys: ClassVar[tuple[str, str, str]]
    """Names of the attributes that hold its `place`, `first` and `last`."""

    @staticmethod
    def photosite(place: int, along: Along) -> tuple[int | Along, int | Along]:
        """Return (x, y) of the photosite that lies `along` the line at `place`, or of many, as a slice or an array."""
        raise NotImplementedError

    @classmethod
    def crossed(cls, place: int, cfa: Cfa) -> tuple[str, ...]:
        """Return the names of the planes that the line at `place` crosses, from its start.

        Examples
        --------
        >>> Column.crossed(4, Cfa("GBRG")), Row.crossed(4, Cfa("GBRG")), Row.crossed(4, Cfa("mono"))
        (('Gb', 'R'), ('Gb', 'B'), ('mono',))
        """
        names = (cfa.plane_name(x=x, y=y) for x, y in (cls.photosite(place, along) for along in range(cfa.step)))
        return tuple(dict.fromkeys(names))

    @property
    def place(self) -> int:
        """Which line it is: x of a column, y of a row."""
        return self._value(0)

    @property
    def first(self) -> int:
        """Where along its line it starts."""
        return self._value(1)

    @property
    def last(self) -> int:
        """Where it ends, inclusive."""
        return self._value(2)

    def _value(self, key: int) -> int:
        value: int = getattr(self, self.keys[key])
        return value

    def resized(self, first: int, last: int) -> Self:
        """Return the entry with other ends."""
        ends: dict[str, Any] = {self.keys[1]: first, self.keys[2]: last}
        return replace(self, **ends)

    def covered(self, cfa: Cfa) -> range:
        """Return where along its line the photosites of the planes covered lie, from `first` to `last`.

        Examples
        --------
        >>> Column(4, 10, 13, "Gb", DefectKind.WEAK, 0.99, -12.0, 2).covered(Cfa("GBRG"))
        range(10, 14, 2)
        """
        if cfa.is_xtrans:  # all planes that it crosses, in no order
            return range(self.first, self.last + 1)
        planes = self.plane.split("+")
        starts = range(self.first, self.first + cfa.step)
        photosites = [(along, self.photosite(self.place, along)) for along in starts]
        found = [along for along, (x, y) in photosites if cfa.plane_name(x=x, y=y) in planes]
        # Of two planes that alternate it covers one, or both.
        return range(found[0], self.last + 1, cfa.step // len(found)) if found else range(0)

    def photosites(self, cfa: Cfa) -> Iterator[tuple[int, int]]:
        """Yield (x, y) of the photosites of the planes covered, from the start.

        Examples
        --------
        >>> list(Column(4, 10, 13, "Gb", DefectKind.WEAK, 0.99, -12.0, 2).photosites(Cfa("GBRG")))
        [(4, 10), (4, 12)]
        >>> list(Row(4, 10, 13, "B", DefectKind.WEAK, 0.99, 12.0, 2).photosites(Cfa("GBRG")))
        [(11, 4), (13, 4)]
        """
        return (self.photosite(self.place, along) for along in self.covered(cfa))


@dataclass(frozen=True)
class _ColumnPlace:
    x: int
    y0: int
    y1: int


@dataclass(frozen=True)
class _RowPlace:
    y: int
    x0: int
    x1: int


# The fields of the base named last come first: Column(x, y0, y1, plane, ...).
@dataclass(frozen=True)
class Column(LineEntry, _ColumnPlace):
    """A run of defects along raw column `x`, rows `y0` to `y1` both inclusive; the rest is as in `LineEntry`."""

    noun, keys = "column", ("x", "y0", "y1")

    @staticmethod
    def photosite(place: int, along: Along) -> tuple[int | Along, int | Along]:
        """Return (x, y) of the photosite in column `place`, row `along`."""
        return place, along


@dataclass(frozen=True)
class Row(LineEntry, _RowPlace):
    """A run of defects along raw row `y`, columns `x0` to `x1` both inclusive; the rest is as in `LineEntry`."""

    noun, keys = "row", ("y", "x0", "x1")

    @staticmethod
    def photosite(place: int, along: Along) -> tuple[int | Along, int | Along]:
        """Return (x, y) of the photosite in row `place`, column `along`."""
        return along, place


Entry = Defect | LineEntry
"""Any entry of a map."""


@dataclass(frozen=True)
class FrameSummary:
    """The set of frames behind a map.

    `first` and `last` are capture times; `shutter_s` and `iso` are (lowest, highest); each is None where no
    frame tells. `digest` is the SHA-256 of the used files' own digests, sorted. Of the used ones, `repeated` show the
    scene of an earlier one and do not count again, `filtered` had bright photosites lowered in camera, and `followed`
    were used in the second pass. `clock_jumps` counts where the camera's clock contradicts its count of shots.
    `jpegs` of the used ones are JPEGs. `temperature_c` is that of the sensor in degrees Celsius, (lowest, highest).
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
    temperature_c: tuple[float, float] | None = None


@dataclass(frozen=True)
class DarkLaw:
    """How the dark currents of a sensor follow its temperature: ``D = D0 2^((T - T0) / K)``.

    Parameters
    ----------
    reference_c
        T0, at which a map's dark currents hold, degrees Celsius.
    doubling_c
        K, by how many degrees it takes for them to double: estimate, and the ends of its 95 % interval.

    Raises
    ------
    ValueError
        If a number is not finite, or K or an end of its interval is not above 0.

    Examples
    --------
    >>> DarkLaw(20.0, (6.0, 5.8, 6.2)).factor(32.0)
    4.0
    """

    reference_c: float
    doubling_c: Interval

    def __post_init__(self) -> None:
        if not (-274 < self.reference_c < 1000):
            msg = f"reference_c: {self.reference_c} is no temperature in degrees Celsius"
            raise ValueError(msg)
        value, low, high = self.doubling_c
        if not 0.1 <= low <= value <= high <= 1000:
            msg = f"doubling_c: {list(self.doubling_c)} is no number of degrees within an interval from 0.1 to 1000"
            raise ValueError(msg)

    def factor(self, temperature_c: float) -> float:
        """Return how many times as large a dark current is at another temperature."""
        return float(2 ** min(max((temperature_c - self.reference_c) / self.doubling_c[0], -100.0), 100.0))

    def factor_spread(self, temperature_c: float) -> float:
        """Return the standard deviation of `factor` by the interval of K, as a share of it."""
        value, low, high = self.doubling_c
        degrees = abs(temperature_c - self.reference_c)
        return math.log(2) * degrees / value**2 * (high - low) / 2 / HALF_INTERVAL


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
