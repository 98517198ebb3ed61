"""Pictures of a map, by their names."""

from __future__ import annotations

from sensormap.history.growth import growth_of
from sensormap.history.records import record_of
from sensormap.maps.sensor_map import SensorMap
from sensormap.plots.dark import draw_dark
from sensormap.plots.growth import draw_bodies
from sensormap.plots.scores import draw_scores
from sensormap.plots.sensor import draw_sensor
from sensormap.plots.style import picture
from sensormap.plots.timeline import draw_timeline

_DRAW = {"sensor": draw_sensor, "scores": draw_scores, "timeline": draw_timeline, "dark": draw_dark}
GROWTH = "growth"
MAP_PLOTS = ("sensor", "scores", "timeline", GROWTH, "dark")
"""Names of the pictures that a map alone is enough for."""


def draw_map(sensor_map: SensorMap, kind: str = "sensor", form: str = "png") -> bytes:
    """Return a picture of a map.

    Parameters
    ----------
    sensor_map
        The map.
    kind
        What it shows, one of `MAP_PLOTS`: where the defects lie; how strong the evidence is; when they appeared, one by
        one, or how many there were by when; their dark currents.
    form
        Format: ``png``, ``svg`` or ``pdf``.

    Returns
    -------
    bytes
        The file; the same map gives the same bytes, with the same releases of matplotlib and its libraries.

    Raises
    ------
    ValueError
        If there is no such picture or format.
    MissingExtraError
        If matplotlib is not installed, which is in the extra ``plot``. Where statsmodels is not, which is in the extra
        ``history``, a picture of the growth has no fitted curve.
    """
    if kind not in MAP_PLOTS:
        msg = f"{kind!r} is not one of {', '.join(MAP_PLOTS)}"
        raise ValueError(msg)
    if kind == GROWTH:
        growth = growth_of([record_of(sensor_map, "the map")])
        return picture(lambda figure: draw_bodies(figure, growth), form)
    return picture(lambda figure: _DRAW[kind](figure, sensor_map), form)
