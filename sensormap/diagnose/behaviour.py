"""Behaviours: the ways in which a defect's values follow the light and the exposure time, or do neither; and strengths.

Everything that is said of a series is said of one of these: its odds against health, its law, and in the end its kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from sensormap.maps.entries import STRENGTHS, DefectKind

BLACK_SHARE = 0.002
"""Share of saturation up to which a value counts as black: a photosite stuck there is dead."""


class Term(IntEnum):
    """What a strength is multiplied by in the law of `DefectKind`: the columns of the regression, in their order."""

    RESPONSE = 0
    """The light around, in DN: its strength is m - 1."""
    DARK = 1
    """Gain times shutter time: its strength is D, in DN per second."""
    OFFSET = 2
    """Gain: its strength is b, in DN."""


class Behaviour(IntEnum):
    """How a defect's value comes about."""

    HOT = 0
    """It adds a dark current, or lacks one."""
    OFFSET = 1
    """It adds a constant, times gain, or lacks one."""
    WEAK = 2
    """It loses a share of the light, or gains one."""
    STUCK = 3
    """It shows one level whatever the light."""
    TELEGRAPH = 4
    """It adds a constant in some frames, or lacks one, and nothing in the others."""
    FLICKER = 5
    """It scatters about the healthy value, both ways."""
    HOT_WITH_OFFSET = 6
    """It adds a dark current and a constant."""

    @property
    def terms(self) -> tuple[Term, ...]:
        """The terms of its regression; none where its value is no sum of such."""
        return _TERMS.get(self, ())

    def kind(self, *, darker: bool) -> DefectKind:
        """Return what a map calls it, unless its strengths or its level tell more.

        Parameters
        ----------
        darker
            Whether it shows less than a healthy photosite.
        """
        return (_DARKER if darker else _BRIGHTER).get(self, DefectKind.NOISY)

    @property
    def numbers(self) -> int:
        """How many numbers describe it; of a telegraph signal, its size and how often it is there."""
        return len(self.terms) or (2 if self == Behaviour.TELEGRAPH else 1)


_TERMS = {
    Behaviour.HOT: (Term.DARK,),
    Behaviour.OFFSET: (Term.OFFSET,),
    Behaviour.WEAK: (Term.RESPONSE,),
    Behaviour.HOT_WITH_OFFSET: (Term.DARK, Term.OFFSET),
}
# The others are noisy, to whichever side.
_BRIGHTER = {
    Behaviour.HOT: DefectKind.HOT,
    Behaviour.OFFSET: DefectKind.OFFSET,
    Behaviour.WEAK: DefectKind.OVERRESPONSIVE,
    Behaviour.STUCK: DefectKind.STUCK,
    Behaviour.HOT_WITH_OFFSET: DefectKind.HOT,
}
_DARKER = {
    Behaviour.HOT: DefectKind.COLD,
    Behaviour.OFFSET: DefectKind.COLD,
    Behaviour.WEAK: DefectKind.WEAK,
    Behaviour.STUCK: DefectKind.STUCK,
    Behaviour.HOT_WITH_OFFSET: DefectKind.COLD,
}

SINGLE: tuple[Behaviour, ...] = tuple(Behaviour)[:6]
"""Those of one strength: where arrays are by behaviour, their positions in it."""

LINEAR: tuple[Behaviour, ...] = tuple(_TERMS)
"""Those that a regression describes."""

NAMES: dict[Term, str] = dict(zip((Term.DARK, Term.OFFSET, Term.RESPONSE), STRENGTHS, strict=True))
"""Names of the strengths in the map, in their order there."""

# A strength is not resolved where its interval reaches beyond itself and beyond so many times the least that counts.
_UNRESOLVED = 10

# Nor where its interval holds 0 and, in a typical frame, is so many times as wide as all that the defect does there.
_MOST_EFFECTS = 2.0


@dataclass(frozen=True)
class Strengths:
    """All three strengths of one series, and what they are judged by; arrays are by `Term`, ``(3,)``.

    Parameters
    ----------
    value, half_width
        Strengths, and half-widths of their 95 % intervals.
    alone
        What each is under a law that has no other.
    least
        Strengths from which a defect counts.
    healthy
        Strengths up to which healthy photosites of the sensor are expected to be measured: fitted together, and each
        alone, ``(2, 3)``.
    exposed
        What a strength is multiplied by in a typical frame, 0 of a response.
    effect
        What the defect shows in a typical frame, DN.
    """

    value: NDArray[np.float64]
    half_width: NDArray[np.float64]
    alone: NDArray[np.float64]
    least: NDArray[np.float64]
    healthy: NDArray[np.float64]
    exposed: NDArray[np.float64]
    effect: float

    def known(self, term: Term) -> bool:
        """Tell whether an interval is narrow enough to be told: one that says less than what is seen tells nothing."""
        allowed = max(_UNRESOLVED * self.least[term], abs(self.value[term]))
        holds_zero = self.half_width[term] > abs(self.value[term])
        exposed = self.exposed[term]
        empty = holds_zero and exposed > 0 and self.half_width[term] * exposed > _MOST_EFFECTS * self.effect
        return bool(self.half_width[term] <= allowed and not empty)

    def counts(self, term: Term) -> bool:
        """Tell whether a whole interval lies beyond the least strength that counts."""
        size = -self.value[term] if term == Term.RESPONSE else self.value[term]
        return bool(size - self.half_width[term] > self.least[term])

    def are_faint(self, *laws: Behaviour) -> bool:
        """Tell whether it adds nothing that counts, and the strengths of the laws are healthy ones below the least."""
        added = self.counts(Term.DARK) or self.counts(Term.OFFSET)
        return all(law.terms and self._is_faint(law) for law in laws) and not added

    def _is_faint(self, law: Behaviour) -> bool:
        together, alone = self.healthy
        value = self.value
        healthy = np.abs(value) < np.where(together > 0, together + self.half_width, 0)  # known less well than alone
        if len(law.terms) == 1:
            value, healthy = self.alone, (np.abs(self.value) < together) | (np.abs(self.alone) < alone)
        least = self.least.copy()
        if value[Term.RESPONSE] > 0:  # nothing makes a photosite respond more: it is what others have, or added
            least[Term.RESPONSE] = np.inf
        return bool((healthy & (np.abs(value) < least))[[*law.terms]].all())

    @property
    def highest_response(self) -> float:
        """Upper end of its interval, 1 of a healthy photosite."""
        return float(1 + self.value[Term.RESPONSE] + self.half_width[Term.RESPONSE])

    @property
    def resolved(self) -> dict[str, tuple[float, float, float]]:
        """Those that are known, by their names in the map: value, lower and upper end of the interval."""
        found = {}
        for term, name in NAMES.items():
            if self.known(term):
                value = float(self.value[term] + (term == Term.RESPONSE))
                half_width = float(self.half_width[term])
                found[name] = (value, value - half_width, value + half_width)
        return found

    @property
    def unresolved(self) -> tuple[str, ...]:
        """Names of the others."""
        return tuple(name for term, name in NAMES.items() if not self.known(term))
