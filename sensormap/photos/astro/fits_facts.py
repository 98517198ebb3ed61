"""What the keywords of a FITS file say: camera, exposure, temperature, filters, black and saturation.

They are those of N.I.N.A., KStars and INDI, SharpCap, ASIAIR and Seestar, Siril, MaxIm DL and Sequence Generator Pro.
What is implausible counts as not told.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sensormap.camera.cfa import BAYER_NAMES, MONO, Cfa
from sensormap.camera.profile import MAX_NAME_LENGTH, Body, shared_body
from sensormap.errors import DecodeError
from sensormap.frame import (
    BIAS,
    COLDEST_C,
    DARK,
    FLAT,
    HOTTEST_C,
    MAX_ISO,
    MAX_SHUTTER_S,
    YEARS,
    Exposure,
)
from sensormap.photos.astro.fits_header import Keywords, number_of, text_of

_TEMPERATURES = ("CCD-TEMP", "CCDTEMP", "DET-TEMP", "TEMPERAT")  # never SET-TEMP, which is what was wished for
_SERIALS = ("SERIALNO", "CAMSERNO", "CAMSN")  # hardly any program writes one
_ISOS = ("ISOSPEED", "ISO")
_TENTHS_OF_DB = ("zwo", "asi", "seestar", "player one", "poseidon")
"""Beginnings, in lower case, of the names of cameras whose GAIN is in tenths of a decibel."""
_MOST_GAIN = 1000.0  # of those
_WITHOUT_FILTERS = ("", "NONE", "MONO", "MONOCHROME", "GRAY", "GREY", "FALSE")
_FURTHEST = 65_536  # photosites by which a pattern is moved at most


def body_of(keywords: Keywords) -> Body:
    """Return the camera that the keywords name; "" for what they do not tell.

    The make is part of the model: INSTRUME is one text, such as ``ZWO ASI2600MC Pro``.
    """
    model, serial = (text_of(keywords, *names)[:MAX_NAME_LENGTH].strip() for names in (("INSTRUME",), _SERIALS))
    return shared_body("", model, serial)


def exposure_of(keywords: Keywords) -> Exposure:
    """Return how a photo was taken; each is None unless it is told, and plausible.

    Notes
    -----
    The gain is relative, as everywhere: ISO 100 stands for one electron a DN, which EGAIN tells. Where only GAIN is
    told, it counts as tenths of a decibel for the makers whose it is, and else as unknown. Times are in UTC.
    """
    temperature = number_of(keywords, *_TEMPERATURES)
    shutter = number_of(keywords, "EXPTIME", "EXPOSURE")
    return Exposure(
        iso=_iso(keywords),
        shutter_s=shutter if shutter is not None and 0 < shutter < MAX_SHUTTER_S else None,
        time=_time(keywords),
        temperature_c=temperature if temperature is not None and COLDEST_C < temperature < HOTTEST_C else None,
        calibration=_calibration(text_of(keywords, "IMAGETYP", "FRAME", "FRAMETYP").lower()),
    )


def cfa_of(keywords: Keywords, height: int, name: str) -> Cfa | None:
    """Return the filter pattern as read from the first photosite of the file; None where none is told.

    Parameters
    ----------
    keywords
        Of an image.
    height
        Its rows.
    name
        The file's name, for messages.

    Raises
    ------
    DecodeError
        If the filters are no 2 x 2 pattern of red, green and blue.

    Notes
    -----
    BAYERPAT is read from the top left corner of the picture, which ROWORDER says is stored last in a file that is
    ``BOTTOM-UP``; without it the first row is the top one, as capturing programs write it. XBAYROFF and YBAYROFF say
    where in the pattern that corner lies.
    """
    pattern = text_of(keywords, "BAYERPAT", "BAYERPATT", "COLORTYP").upper()
    if pattern in _WITHOUT_FILTERS:
        return None
    if pattern not in BAYER_NAMES:
        kind = "an X-Trans pattern" if len(pattern) == 36 else f"filters {pattern[:20]}"
        msg = f"{name}: {kind}, expected BAYERPAT to be one of {', '.join(BAYER_NAMES)}, or none"
        raise DecodeError(msg)
    cfa = Cfa(pattern)
    if text_of(keywords, "ROWORDER").upper() == "BOTTOM-UP":
        upper, lower = pattern[:2], pattern[2:]
        cfa = Cfa(lower + upper if height % 2 == 0 else pattern)
    x, y = (_offset(keywords, *names) for names in (("XBAYROFF", "BAYOFFX"), ("YBAYROFF", "BAYOFFY")))
    return cfa.shifted(x=x, y=y)


def mono() -> Cfa:
    """Return the pattern of a sensor without filters."""
    return Cfa(MONO)


def black_of(keywords: Keywords, full_scale: int) -> int:
    """Return the DN of no light that PEDESTAL names, whichever sign a program gives it; 0 where it is not told."""
    pedestal = number_of(keywords, "PEDESTAL")
    return round(abs(pedestal)) if pedestal is not None and abs(pedestal) < full_scale / 2 else 0


def saturation_of(keywords: Keywords, full_scale: int) -> int | None:
    """Return the DN at which photosites clip, None where it is not told."""
    told = number_of(keywords, "SATURATE", "SATLEVEL")
    return round(told) if told is not None and full_scale / 64 < told <= full_scale else None


def _iso(keywords: Keywords) -> int | None:
    """Return the gain as an ISO number."""
    gain: float | None = None
    told, electrons = number_of(keywords, *_ISOS), number_of(keywords, "EGAIN")
    tenths = number_of(keywords, "GAIN")
    if told:
        gain = told
    elif electrons and electrons > 0:
        gain = 100 / electrons
    elif tenths is not None and 0 <= tenths <= _MOST_GAIN and _in_decibels(keywords):
        gain = 100 * 10 ** (tenths / 200)
    return round(gain) if gain is not None and 1 <= gain <= MAX_ISO else None


def _in_decibels(keywords: Keywords) -> bool:
    return text_of(keywords, "INSTRUME").lower().startswith(_TENTHS_OF_DB)


def _time(keywords: Keywords) -> datetime | None:
    """Return the time at which the exposure began."""
    for name in ("DATE-OBS", "DATE-BEG", "DATE-LOC"):
        text = text_of(keywords, name)
        if "T" not in text and (clock := text_of(keywords, "TIME-OBS", "UT")):
            text = f"{text}T{clock}"
        try:
            time = datetime.fromisoformat(text)
        except ValueError:
            continue
        if "T" in text and time.year in YEARS:
            return time if time.tzinfo is None else time.astimezone(UTC).replace(tzinfo=None)
    return None


def _calibration(kind: str) -> str | None:
    """Return which photo of no scene IMAGETYP names, None for a photo of one."""
    if "flat" in kind and "dark" in kind:  # a dark of a flat's exposure time
        return DARK
    return next((one for one in (DARK, FLAT, BIAS) if one in kind), BIAS if "offset" in kind else None)


def _offset(keywords: Keywords, *names: str) -> int:
    """Return by how many photosites a pattern is moved, which may be a whole number that is written as a fraction."""
    told = number_of(keywords, *names)
    return round(told) % 2 if told is not None and abs(told) <= _FURTHEST else 0
