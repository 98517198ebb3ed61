"""Which of a map's defects would stand out in a photo of given settings.

A map holds no noise of the camera, so that of an ordinary one is assumed, in the DN of a 12-bit file at base ISO 100:
read noise of 1 DN, and photon noise of one DN for every 8 electrons. Bright defects are looked for in a shadow of
100 DN, some five stops below white, dark ones in a grey of 700 DN, 18 % of white. A real camera may have half that
noise or twice; in a 14-bit file everything is four times as many DN, so that more is called visible than is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from sensormap.errors import StrengthError
from sensormap.maps.entries import Defect, DefectKind, Source
from sensormap.maps.sensor_map import SensorMap

BASE_ISO = 100
READ_DN = 1.0  # at base ISO; grows with the gain
DN_PER_ELECTRON = 1 / 8  # at base ISO: a full well of 31 000 electrons fills 12 bits
SHADOW_DN, GREY_DN = 100.0, 700.0  # in the file, whatever the ISO: more gain is used where there is less light
SIGMAS = 3.0

_ADDING = frozenset({DefectKind.HOT, DefectKind.OFFSET, DefectKind.COLD})
_SCALING = frozenset({DefectKind.WEAK, DefectKind.DEAD, DefectKind.OVERRESPONSIVE})


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
    A hot, offset or cold photosite adds ``gain * (D * T + b)``, compared with the noise of a shadow; a weak one loses
    the share ``1 - m`` of a grey, a dead one all of it, and an overresponsive one gains ``m - 1``, compared with the
    noise of that grey. One of which the map names several kinds counts if any of them shows. Stuck and noisy ones
    always
    count, and so do those whose strength the map does not tell, such as those that only JPEGs show: nothing excludes
    them. When a defect appeared or healed does not matter.
    """
    if sensor_map.source == Source.JPEG:
        msg = "a map made from JPEGs holds no strengths, so what shows at an exposure is unknown"
        raise StrengthError(msg)
    gain = iso / BASE_ISO
    return tuple(defect for defect in sensor_map.defects if _is_visible(defect, shutter_s, gain, levels))


@dataclass(frozen=True)
class Excess:
    """What a defect adds to a photo, or lacks in it; it stands out if one of the two does.

    Parameters
    ----------
    dn_per_s, dn
        DN a second, and DN in every photo, at base ISO: compared with the noise of a shadow.
    share
        Share of the light: compared with the noise of a grey.
    """

    dn_per_s: float = 0.0
    dn: float = 0.0
    share: float = 0.0

    def shows(self, shutter_s: float, gain: float, levels: tuple[float, float]) -> bool:
        """Tell whether it exceeds 3 sigma of the noise at an exposure; `levels` as for `visible_defects`."""
        shadow_dn, grey_dn = levels
        added = gain * (self.dn_per_s * shutter_s + self.dn)
        return added > SIGMAS * noise_dn(shadow_dn, gain=gain) or (
            self.share * grey_dn > SIGMAS * noise_dn(grey_dn, gain=gain)
        )


def excesses(defect: Defect) -> tuple[Excess, ...] | None:
    """Return what a defect adds by each of the kinds that the map names, the first one first.

    Parameters
    ----------
    defect
        The defect; of a map of raw photos.

    Returns
    -------
    tuple of Excess or None
        None if it shows in every photo for all that is known: it is stuck or noisy, or its strength is unknown.

    Examples
    --------
    >>> excesses(Defect(5, 4, "Gr", DefectKind.DEAD, 0.9, 8.0, 0.0, 0.0, None))
    (Excess(dn_per_s=0.0, dn=0.0, share=1.0),)
    """
    found = [_excess(defect, kind) for kind in (defect.kind, *defect.or_kinds)]
    known = tuple(one for one in found if one is not None)
    return known if len(known) == len(found) else None


def _is_visible(defect: Defect, shutter_s: float, gain: float, levels: tuple[float, float]) -> bool:
    """Tell whether a defect stands out; one of unknown strength does."""
    found = excesses(defect)
    return found is None or any(one.shows(shutter_s, gain, levels) for one in found)


def _excess(defect: Defect, kind: DefectKind) -> Excess | None:
    """Return what a defect adds if it is of one of the kinds that the map names; None where that is unknown."""
    if kind in _ADDING:
        return _excess_dn(defect, kind)
    if kind not in _SCALING:
        return None
    response = 0.0 if kind == DefectKind.DEAD else defect.response and defect.response[0]
    if response is None:
        return None
    return Excess(share=response - 1 if kind == DefectKind.OVERRESPONSIVE else 1 - response)


def _excess_dn(defect: Defect, kind: DefectKind) -> Excess | None:
    """Return what a hot, offset or cold photosite adds, or a cold one lacks; None where the map does not tell."""
    dark, offset = defect.dark_dn_per_s, defect.offset_dn
    main = dark if kind == DefectKind.HOT else offset
    if main is None or not {"dark_dn_per_s", "offset_dn"}.isdisjoint(defect.unresolved):
        return None
    sign = -1 if kind == DefectKind.COLD else 1
    if defect.or_kinds:  # the strength of this kind alone
        return Excess(dn_per_s=main[0]) if kind == DefectKind.HOT else Excess(dn=sign * main[0])
    # Of an offset photosite a dark current counts if its 95 % interval leaves out zero.
    counts = dark is not None and (kind == DefectKind.HOT or dark[1] > 0 or (kind == DefectKind.COLD and dark[2] < 0))
    return Excess(dn_per_s=sign * dark[0] if dark and counts else 0.0, dn=sign * offset[0] if offset else 0.0)
