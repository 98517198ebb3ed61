"""The surroundings of the strongest defects as one small picture, each photosite in the colour of its filter."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from xml.etree.ElementTree import Element

import imageio.v3 as iio
import numpy as np
from numpy.typing import NDArray

from sensormap.assemble.details.values import OUTSIDE, TILE, TILE_UNIT, Surroundings
from sensormap.camera.cfa import Cfa
from sensormap.report.page.markup import element

_ACROSS = 10  # tiles in a row of the sheet
_SHEET = "tiles"

# A healthy photosite has this share of its filter's brightness, so that darker and brighter ones both show.
_HEALTHY = 0.42

_LEAST_RANGE = 2.0  # sigma: what hardly deviates shall not look as if it shone

_COLOURS = {"R": (255, 84, 72), **dict.fromkeys(("Gr", "Gb", "Gs", "Gp"), (96, 224, 104)), "B": (88, 136, 255)}
_GREY = (235, 235, 235)  # of a sensor without filters, and of a JPEG's luma
_BEYOND = (128, 128, 128)


def sheet_element(surroundings: Sequence[Surroundings], cfa: Cfa) -> Element | None:
    """Return a hidden drawing that holds all tiles, ten side by side; None without any.

    Parameters
    ----------
    surroundings
        Of the defects, in the order of the page.
    cfa
        Filters of the raw grid.
    """
    if not surroundings:
        return None
    sheet = np.zeros((-(-len(surroundings) // _ACROSS) * TILE, _ACROSS * TILE, 3), np.uint8)
    for number, one in enumerate(surroundings):
        row, col = divmod(number, _ACROSS)
        sheet[row * TILE : (row + 1) * TILE, col * TILE : (col + 1) * TILE] = tile_colours(one, cfa)
    png = iio.imwrite("<bytes>", sheet, extension=".png")
    image = element(
        "image",
        id=_SHEET,
        href=f"data:image/png;base64,{b64encode(png).decode('ascii')}",
        width=sheet.shape[1],
        height=sheet.shape[0],
    )
    return element("svg", element("defs", image), width=0, height=0, aria_hidden="true", class_="sheet")


def tile_colours(one: Surroundings, cfa: Cfa) -> NDArray[np.uint8]:
    """Return what is drawn of surroundings: uint8, ``(TILE, TILE, 3)``.

    A photosite that does as its plane does is dimly lit in its filter's colour; one that is brighter in the mean of all
    photos shines, and one that is darker is dark, as much as the one in the middle if they deviate as much.
    """
    reach = TILE // 2
    scores = one.scores.astype(np.float64) / TILE_UNIT
    full = max(abs(scores[reach, reach]), _LEAST_RANGE)
    share = np.clip(scores / full, -1, 1)
    lit = np.where(share > 0, _HEALTHY + (1 - _HEALTHY) * share, _HEALTHY * (1 + share))
    names = [[cfa.plane_name(x=one.x - reach + j, y=one.y - reach + i) for j in range(TILE)] for i in range(TILE)]
    filters = np.array([[_COLOURS.get(name, _GREY) for name in row] for row in names], np.float64)
    colours = np.rint(lit[..., None] * filters)
    colours[one.scores == OUTSIDE] = _BEYOND
    return np.asarray(colours, np.uint8)


def tile_element(number: int, label: str) -> Element:
    """Return a drawing of one tile of the sheet, by its number, with a text for those who do not see it."""
    row, col = divmod(number, _ACROSS)
    reach = TILE // 2
    return element(
        "svg",
        element("use", href=f"#{_SHEET}", x=-col * TILE, y=-row * TILE),
        element("rect", x=reach - 0.1, y=reach - 0.1, width=1.2, height=1.2, class_="aim"),
        viewBox=f"0 0 {TILE} {TILE}",
        class_="tile",
        role="img",
        aria_label=label,
    )
