"""What a map says as short texts: counts, exposures, certainties, strengths and dates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sensormap.camera.cfa import Cfa
from sensormap.maps.entries import Between, Defect, DefectKind, Entry

if TYPE_CHECKING:
    from sensormap.maps.sensor_map import SensorMap

UNKNOWN = "?"

_LEVELS = (DefectKind.STUCK, DefectKind.DEAD)  # kinds of which the mean value is the strength

STRENGTH_NAMES = {"dark_dn_per_s": "dark current", "offset_dn": "offset", "response": "response"}
"""What people call the strengths of a defect."""


def counted(number: int, noun: str, nouns: str = "") -> str:
    """Return a number of things, `nouns` where it is not one; without it `noun` with an s.

    Examples
    --------
    >>> counted(1, "defect"), counted(0, "row")
    ('1 defect', '0 rows')
    """
    return f"{number} {noun if number == 1 else nouns or noun + 's'}"


def entries_text(sensor_map: SensorMap) -> str:
    """Say how many defects, columns and rows a map lists; columns and rows if it has some."""
    lines = {"column": len(sensor_map.columns), "row": len(sensor_map.rows)}
    told = [counted(number, noun) for noun, number in lines.items() if number]
    return ", ".join((counted(len(sensor_map.defects), "defect"), *told))


def plain(text: str) -> str:
    r"""Return `text` with what does not print as escapes: a file name must not steer the terminal.

    Examples
    --------
    >>> print(plain("DSC\x1b[31m.NEF"))
    DSC\x1b[31m.NEF
    """
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def cfa_text(cfa: Cfa) -> str:
    """Return the name of a filter pattern in a line of text; the six rows of X-Trans would fill it.

    Examples
    --------
    >>> from sensormap.camera.cfa import XTRANS_NAMES
    >>> cfa_text(Cfa("GBRG")), cfa_text(Cfa(XTRANS_NAMES[0]))
    ('GBRG', 'X-Trans')
    """
    return "X-Trans" if cfa.is_xtrans else cfa.name


def span_text(low: str, high: str) -> str:
    """Return two values as a span, or the one that they are.

    Examples
    --------
    >>> span_text("1/60 s", "2 s"), span_text("200", "200")
    ('1/60 s to 2 s', '200')
    """
    return low if low == high else f"{low} to {high}"


def shutter_text(seconds: float) -> str:
    """Return a shutter time as cameras write it.

    Examples
    --------
    >>> shutter_text(0.0005), shutter_text(0.3), shutter_text(16.0)
    ('1/2000 s', '0.3 s', '16 s')
    """
    return f"1/{round(1 / seconds)} s" if 1e-6 < seconds < 0.26 else f"{seconds:.3g} s"


def certainty(confidence: float) -> str:
    """Return a confidence in per cent, rounded down: nothing measured is certain.

    Examples
    --------
    >>> certainty(0.5), certainty(0.9989), certainty(1.0)
    ('50 %', '99.8 %', '> 99.9 %')
    """
    if confidence >= 0.999:
        return "> 99.9 %"
    tenths = int(confidence * 1000 + 1e-9) / 10
    return f"{tenths:.1f} %" if tenths >= 99 else f"{int(tenths)} %"


def strength_text(defect: Entry) -> str:
    """Return what a defect does to a photo at base ISO, as one number.

    Parameters
    ----------
    defect
        The defect, or a line.

    Returns
    -------
    str
        DN that a hot photosite gains per second, or an offset or cold one always; the share of the light that a weak
        one loses, or an overresponsive one gains; the level of a stuck or dead one, DN. Of an entry that names several
        kinds it is that of the first. Where raw photos do not tell it is the mean value, ``at 120 DN``, and ``?`` where
        JPEGs do not.

    Examples
    --------
    >>> hot = Defect(5, 4, "Gr", DefectKind.HOT, 0.9, 8.0, 120.0, 60.0, None, dark_dn_per_s=(210.4, 198.0, 222.0))
    >>> strength_text(hot)
    '210 DN/s'
    >>> strength_text(Defect(5, 4, "Gr", DefectKind.WEAK, 0.9, 8.0, 120.0, 60.0, None, response=(0.7, 0.6, 0.8)))
    '-30 %'
    """
    dark, offset, response = defect.dark_dn_per_s, defect.offset_dn, defect.response
    if defect.kind == DefectKind.COLD and not (offset and offset[0] < 0) and dark and dark[0] < 0:
        return f"{_number(dark[0])} DN/s"
    mean = defect.mean if isinstance(defect, Defect) else None
    text = UNKNOWN if mean is None else f"{'' if defect.kind in _LEVELS else 'at '}{_number(mean)} DN"
    if defect.kind == DefectKind.HOT and dark:
        text = f"{_number(dark[0])} DN/s"
    elif defect.kind in (DefectKind.OFFSET, DefectKind.COLD) and offset:
        text = f"{_number(offset[0], sign='+')} DN"
    elif defect.kind in (DefectKind.WEAK, DefectKind.OVERRESPONSIVE) and response:
        text = f"{_number(100 * (response[0] - 1), sign='+')} %"
    elif defect.kind == DefectKind.NOISY:
        text = "varies"
    return text


def one_strength(defect: Defect, name: str) -> str:
    """Return one strength of a defect, one of `STRENGTH_NAMES`, whatever its kind; ``?`` where the map tells none.

    Examples
    --------
    >>> hot = Defect(5, 4, "Gr", DefectKind.HOT, 0.9, 8.0, 120.0, 60.0, None, dark_dn_per_s=(210.4, 198.0, 222.0))
    >>> one_strength(hot, "dark_dn_per_s"), one_strength(hot, "response")
    ('210 DN/s', '?')
    """
    strength = getattr(defect, name)
    if strength is None:
        return UNKNOWN
    if name == "response":
        return f"{_number(100 * (strength[0] - 1), sign='+')} %"
    return f"{_number(strength[0])} {'DN/s' if name == 'dark_dn_per_s' else 'DN'}"


def kind_text(entry: Entry) -> str:
    """Return the kind of an entry, and the others that the exposures cannot tell from it.

    Examples
    --------
    >>> either = Defect(5, 4, "Gr", DefectKind.HOT, 0.9, 8.0, 120.0, 60.0, None, or_kinds=(DefectKind.OFFSET,))
    >>> kind_text(either)
    'hot or offset'
    """
    return " or ".join([entry.kind, *entry.or_kinds])


def since_text(onset: Between | None) -> str:
    """Return since when, for all that the photos tell, a defect has been there.

    Examples
    --------
    >>> from datetime import datetime
    >>> since_text(Between(None, None)), since_text(Between(None, datetime(2010, 5, 9, 11, 2))), since_text(None)
    ('start', '<=2010-05-09', '?')
    """
    if onset is None:
        return UNKNOWN
    if onset.by is None:  # after a day, but before which is not known, only in imported lists
        return "start" if onset.after is None else f"> {onset.after.date().isoformat()}"
    # From the start perhaps, and not later than that day.
    return f"{'<=' if onset.after is None else ''}{onset.by.date().isoformat()}"


def _number(value: float, *, sign: str = "") -> str:
    """Write a number as exactly as a strength is known: two digits below 100, none after the point above."""
    digits = ".0f" if 99.5 <= abs(value) < 1e6 else ".2g"
    return f"{value + 0.0:{sign}{digits}}"
