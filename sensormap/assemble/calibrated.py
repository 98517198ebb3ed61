"""Photos that the camera calibrated itself: what it subtracted or divided by leaves defects to the other side."""

from __future__ import annotations

from sensormap.maps.entries import DefectKind
from sensormap.maps.sensor_map import SensorMap

# A camera that does nothing of the kind has hardly any such defects: none of 1 000 planted ones was called so.
_FEWEST, _SHARE = 5, 0.2


def subtracted_in_camera(sensor_map: SensorMap) -> str:
    """Say if a map looks as if the camera subtracted a dark frame, or divided by a flat; "" if it does not.

    Parameters
    ----------
    sensor_map
        A map of raw photos.

    Notes
    -----
    A dark frame takes from a hot photosite what it had when the dark was taken: too much where it is less hot now, so
    that it turns out cold. A flat divides a weak photosite by its response when the flat was taken.
    """
    kinds = [defect.kind for defect in sensor_map.defects]
    found = []
    for kind, cause in (
        (DefectKind.COLD, "subtracted a dark frame of its own"),
        (DefectKind.OVERRESPONSIVE, "divided by a flat field of its own"),
    ):
        count = kinds.count(kind)
        if count >= _FEWEST and count >= _SHARE * len(kinds):
            found.append(f"{count} of {len(kinds)} defects are {kind}: the camera seems to have {cause}")
    return "; ".join(found)
