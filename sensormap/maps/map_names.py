"""File names of maps by body: safe whatever EXIF says, different for different bodies, the same in every run."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping

from sensormap.camera.profile import Body

UNKNOWN = "unknown"

_SUFFIX = ".yaml"
_LONGEST = 48  # characters of a model or a serial number; file systems take names of 255 bytes
_HASH_LENGTH = 8
_LIKE_DIGITS = re.compile(rf"-[0-9a-f]{{{_HASH_LENGTH}}}$")
_UNSAFE = re.compile(r"[^A-Za-z0-9]+")


def map_names(bodies: Mapping[Body, str | None]) -> dict[Body, str]:
    """Return the file names of bodies' maps.

    Parameters
    ----------
    bodies
        Each body, and the name of its profile; None where there is none.

    Returns
    -------
    dict
        ``<profile or model>_<serial number>.yaml``, of letters, digits, hyphens and one underscore. Where something was
        left out of a serial number or model for that, or two of the names are equal but for capitals, a few digits that
        depend on the body alone follow.

    Examples
    --------
    >>> list(map_names({Body("NIKON CORPORATION", "NIKON D80", "3012345"): "nikon-d80"}).values())
    ['nikon-d80_3012345.yaml']
    >>> list(map_names({Body("Canon", "EOS 40D", ""): None, Body("", "", "../../x"): None}).values())
    ['canon-eos-40d_unknown.yaml', 'unknown_x-8713a7fd.yaml']
    """
    plain = {body: _name(body, profile) for body, profile in bodies.items()}
    taken = Counter(name.lower() for name in plain.values())
    names = {body: f"{name}-{_digits(body)}" if taken[name.lower()] > 1 else name for body, name in plain.items()}
    return {body: f"{name}{_SUFFIX}" for body, name in names.items()}


def _name(body: Body, profile: str | None) -> str:
    """Return the name of a body's map without its ending, which another body's may have too."""
    first = body.make.split(" ")[0]
    model = profile or (body.model if body.model.lower().startswith(first.lower()) else f"{first} {body.model}")
    model, serial = model.strip().lower(), body.serial
    safe_model, safe_serial = (_safe(text) for text in (model, serial))
    name = f"{safe_model or UNKNOWN}_{safe_serial or UNKNOWN}"
    lossy = _lost(model, safe_model) or _lost(serial, safe_serial) or _LIKE_DIGITS.search(name)
    return f"{name}-{_digits(body)}" if lossy else name


def _safe(text: str) -> str:
    """Return what of a text can stand in a file name."""
    return _UNSAFE.sub("-", text).strip("-")[:_LONGEST].strip("-")


def _lost(text: str, safe: str) -> bool:
    """Tell whether something else than blanks between words was replaced."""
    return re.sub(r" +", "-", text) != safe


def _digits(body: Body) -> str:
    """Return some hexadecimal digits that other bodies hardly share."""
    told = "\0".join((body.make, body.model, body.serial)).encode("utf-8", "surrogatepass")
    return hashlib.sha256(told).hexdigest()[:_HASH_LENGTH]
