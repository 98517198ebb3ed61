"""Pictures: figures to look into, and small grey images that are compared coarsely with what they should be.

No two releases of matplotlib and FreeType draw the same pixels, so that of a picture only two things are compared: what
is drawn (data, texts), exactly; and how dark each part of it is, to a tolerance.
"""

from __future__ import annotations

import io
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest

mpl = pytest.importorskip("matplotlib", reason="the extra plot is not installed")

from matplotlib.figure import Figure  # noqa: E402

from sensormap.plots.style import STYLE  # noqa: E402

GOLDEN = Path(__file__).parents[1] / "plots" / "golden"
SHAPE = (24, 32)
"""Rows and columns of what pictures are compared as."""
MOST_MEAN, MOST_OFF = 6.0, 80.0
"""Mean difference that is allowed, and the largest one, of 255 levels of grey.

matplotlib 3.9 and 3.11 differ by up to 4.3 and 58; two different pictures by 6.3 and more on average, so that a picture
also has to be nearest to its own.
"""


def drawn(draw):
    """Return a figure that `draw` has drawn into, as `plots.style.picture` calls it."""
    with mpl.rc_context({**mpl.rcParamsDefault, **STYLE, "backend": "agg"}):
        figure = Figure()
        draw(figure)
        figure.draw_without_rendering()
    return figure


def texts(figure):
    """Return all texts of a figure that say something: titles, labels, legends; not the ticks."""
    found = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    found += [figure.get_suptitle()]
    for axes in figure.axes:
        found += [axes.get_title(loc) for loc in ("left", "center")] + [axes.get_xlabel(), axes.get_ylabel()]
        found += [text.get_text() for text in axes.texts]
    return [text for text in found if text]


def points(axes):
    """Return the marks of a panel by their label, as a list of (x, y) each."""
    return {
        one.get_label(): [tuple(float(v) for v in place) for place in one.get_offsets()]
        for one in axes.collections
        if len(one.get_offsets()) and hasattr(one, "get_sizes") and len(one.get_sizes())
    }


def coarse(figure):
    """Return how light each part of a figure is, 0 to 255, float64 of `SHAPE`."""
    file = io.BytesIO()
    with mpl.rc_context({**mpl.rcParamsDefault, **STYLE, "backend": "agg"}):
        figure.savefig(file, format="png", dpi=50)
    grey = iio.imread(file.getvalue())[..., :3].mean(axis=2)
    rows = np.array_split(grey, SHAPE[0], axis=0)
    return np.array([[part.mean() for part in np.array_split(row, SHAPE[1], axis=1)] for row in rows])


def assert_looks_like(figure, name):
    """Compare a figure with ``golden/NAME.png``; where there is none, it is written, and the test fails once."""
    found, path = coarse(figure), GOLDEN / f"{name}.png"
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        iio.imwrite(path, np.rint(found).astype(np.uint8))
        pytest.fail(f"{path.name} was not there and has been written: look at it")
    expected = iio.imread(path).astype(np.float64)
    difference = np.abs(found - expected)
    assert expected.shape == SHAPE
    assert difference.mean() <= MOST_MEAN, f"{name}: {difference.mean():.1f} levels off on average"
    assert difference.max() <= MOST_OFF, f"{name}: {difference.max():.0f} levels off in one part"
    others = {one.stem: np.abs(found - iio.imread(one)).mean() for one in GOLDEN.glob("*.png")}
    assert min(others, key=lambda one: others[one]) == name
