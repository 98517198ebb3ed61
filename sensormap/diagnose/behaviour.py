"""Behaviours: the ways in which a defect's values follow the light and the exposure time, or do neither.

Everything that is said of a series is said of one of these: its odds against health, its law, and in the end its kind.
"""

from __future__ import annotations

from enum import IntEnum

from sensormap.maps.entries import DefectKind

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
