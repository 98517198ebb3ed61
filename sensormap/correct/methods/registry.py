"""The repair methods by name: how a defective photosite can get its new value.

The command line lists them, so that this module imports neither NumPy nor the methods themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from sensormap.correct.methods.targets import Targets

    Estimate = Callable[[Targets], NDArray[np.float64]]


LEAST_LONE_SIGMA = 8.0
"""The lowest threshold of lone photosites: below, noise and texture of every photo would be repaired."""


@dataclass(frozen=True)
class Method:
    """One repair method; a new one is a module of this package, with such a function, and a row of `METHODS`.

    Parameters
    ----------
    function
        ``"module.function"`` in this package: from `Targets` to the values that they should have, in DN like the
        mosaic, float64 of shape ``(N,)``, not rounded; NaN where nothing is known.
    description
        Value that a photosite gets, in a few words for people.
    uses_strengths
        Whether it needs the strengths that the map holds of a defect. Healthy photosites have none, so that it cannot
        be tried on them.
    jpegs
        Whether JPEGs are repaired by a method of this name too.
    """

    function: str
    description: str
    uses_strengths: bool = False
    jpegs: bool = False

    def load(self) -> Estimate:
        """Import and return the function."""
        module, name = self.function.split(".")
        function: Estimate = getattr(import_module(f"{__package__}.{module}"), name)
        return function


DIRECTIONAL, SUBTRACT = "directional", "subtract"

METHODS = {
    DIRECTIONAL: Method("directional.directional", "predicted from all colours around it, along edges", jpegs=True),
    SUBTRACT: Method(
        "subtract.subtracted", "less what the map says a hot one adds; others directional", uses_strengths=True
    ),
    "mean": Method("interpolate.mean", "mean of the nearest of the same colour plane"),
    "median": Method("interpolate.median", "median of the nearest of the same colour plane"),
    "dcraw": Method("interpolate.dcraw", "mean of the nearest of the same colour, as dcraw does"),
    "weighted8": Method("interpolate.weighted8", "mean of the nearest, nearer ones weighing more", jpegs=True),
}
"""How photosites of a raw photo can get their values; the first is the default."""

INTERPOLATIONS = tuple(name for name, method in METHODS.items() if not method.uses_strengths)
"""Names of those that need nothing but the photo, and can be tried on healthy photosites."""

JPEG_METHODS = tuple(name for name, method in METHODS.items() if method.jpegs)
"""Names of those that JPEGs can be repaired by."""
