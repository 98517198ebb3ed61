"""Which of a map's defects would stand out in a photo of given settings.

A map holds no noise of the camera, so that of an ordinary one is assumed, in the DN of a 12-bit file at base ISO 100:
read noise of 1 DN, and photon noise of one DN for every 8 electrons. Bright defects are looked for in a shadow of
100 DN, some five stops below white, dark ones in a grey of 700 DN, 18 % of white. A real camera may have half that
noise or twice; in a 14-bit file everything is four times as many DN, so that more is called visible than is.
"""

from __future__ import annotations

import math

from sensormap.errors import StrengthError
from sensormap.maps.entries import DARK_KINDS, Defect, DefectKind, Source
from sensormap.maps.sensor_map import SensorMap

BASE_ISO = 100
READ_DN = 1.0  # at base ISO; grows with the gain
DN_PER_ELECTRON = 1 / 8  # at base ISO: a full well of 31 000 electrons fills 12 bits
SHADOW_DN, GREY_DN = 100.0, 700.0  # in the file, whatever the ISO: more gain is used where there is less light
SIGMAS = 3.0


def noise_dn(level_dn: float, *, gain: float) -> float:
    """Return the standard deviation of a healthy photosite, in DN, by this module's assumptions.

    Parameters
    ----------
    level_dn
        Level of the photosite in the file, DN above black.
    gain
        ISO over base ISO.

    Returns
    -------
    float
        The standard deviation, DN.

    Examples
    --------
    >>> noise_dn(120.0, gain=1.0), noise_dn(96.0, gain=4.0)
    (4.0, 8.0)
    """
    return math.sqrt((READ_DN * gain) ** 2 + level_dn * gain * DN_PER_ELECTRON)


def visible_defects(
    sensor_map: SensorMap, *, shutter_s: float, iso: int = 100, levels: tuple[float, float] = (SHADOW_DN, GREY_DN)
) -> tuple[Defect, ...]:
    """Return the defects that stand out by more than 3 sigma of the noise at an exposure, in the order of the map.

    Parameters
    ----------
    sensor_map
        The map. Its columns and rows have no strengths and are left out.
    shutter_s, iso
        Shutter time in seconds and ISO of the photo.
    levels
        Levels in the file, DN above black, at which bright defects and dark ones are looked for.

    Returns
    -------
    tuple of Defect
        Those that stand out.

    Raises
    ------
    StrengthError
        If the map is of JPEGs.

    Notes
    -----
    A hot or offset photosite adds ``gain * (D * T + b)``, compared with the noise of a shadow; a weak one loses the
    share ``1 - m`` of a grey, a dead one all of it, compared with the noise of that grey. Stuck and noisy ones always
    count, and so do those whose strength the map does not tell, such as those that only JPEGs show: nothing excludes
    them. When a defect appeared or healed does not matter.
    """
    if sensor_map.source == Source.JPEG:
        msg = "a map made from JPEGs holds no strengths, so what shows at an exposure is unknown"
        raise StrengthError(msg)
    gain = iso / BASE_ISO
    return tuple(defect for defect in sensor_map.defects if _is_visible(defect, shutter_s, gain, levels))


def _is_visible(defect: Defect, shutter_s: float, gain: float, levels: tuple[float, float]) -> bool:
    """Tell whether a defect stands out; one of unknown strength does."""
    shadow_dn, grey_dn = levels
    if defect.kind in (DefectKind.HOT, DefectKind.OFFSET):
        excess = _excess_dn(defect, shutter_s, gain)
        return excess is None or excess > SIGMAS * noise_dn(shadow_dn, gain=gain)
    if defect.kind in DARK_KINDS:
        response = 0.0 if defect.kind == DefectKind.DEAD else defect.response and defect.response[0]
        return response is None or (1 - response) * grey_dn > SIGMAS * noise_dn(grey_dn, gain=gain)
    return True


def _excess_dn(defect: Defect, shutter_s: float, gain: float) -> float | None:
    """Return what a hot or offset photosite adds, in DN; None where the map does not tell."""
    dark, offset = defect.dark_dn_per_s, defect.offset_dn
    main = dark if defect.kind == DefectKind.HOT else offset
    if main is None or not {"dark_dn_per_s", "offset_dn"}.isdisjoint(defect.unresolved):
        return None
    # Of an offset photosite a dark current counts if its 95 % interval leaves out zero.
    counts = dark is not None and (defect.kind == DefectKind.HOT or dark[1] > 0)
    return gain * ((dark[0] if dark and counts else 0.0) * shutter_s + (offset[0] if offset else 0.0))
