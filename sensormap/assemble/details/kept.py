"""Details of a run as JSON, for the state folder, and back; whoever reads damaged ones makes them again."""

from __future__ import annotations

import zlib
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensormap.assemble.details.values import (
    BIN_LIMIT,
    BINS_PER_SIGMA,
    TILE,
    EntrySeries,
    PhotoFacts,
    PlaneScores,
    RunDetails,
    Surroundings,
)

_VERSION = 1
_MOST_BYTES = 1 << 26  # of all arrays of one sort: fifty series of the most frames are a hundredth of that


def details_content(details: RunDetails) -> dict[str, Any]:
    """Return details as what JSON holds: numbers, texts, lists and mappings.

    Parameters
    ----------
    details
        The details.

    Returns
    -------
    dict
        From which `parse_details` makes equal ones.
    """
    series, around = details.series, details.surroundings
    return {
        "version": _VERSION,
        "noun": details.noun,
        "photos": [
            [photo.name, photo.time and photo.time.isoformat(), photo.shutter_s, photo.iso] for photo in details.photos
        ],
        "followed": _packed(details.followed.astype("<i4")),
        "gain": _packed(details.gain.astype("<f8")),
        "saturation": _packed(details.saturation.astype("<f8")),
        "series": {
            "places": [[one.x, one.y] for one in series],
            **{name: _packed(*(getattr(one, name).astype("<f4") for one in series)) for name in _VALUES},
            "known": _packed(*(one.known.astype("u1") for one in series)),
        },
        "surroundings": {"places": [[one.x, one.y] for one in around], "scores": _packed(*(a.scores for a in around))},
        "planes": [{**asdict(plane), "counts": plane.counts.tolist()} for plane in details.planes],
        "warnings": list(details.warnings),
    }


def parse_details(content: Mapping[str, Any]) -> RunDetails:
    """Return the details that `details_content` made into JSON.

    Parameters
    ----------
    content
        What was read.

    Raises
    ------
    ValueError
        If it is damaged, or of another version.
    """
    try:
        if content["version"] != _VERSION:
            msg = f"details of version {content['version']!r}, expected {_VERSION}"
            raise ValueError(msg)
        return _parsed(content)
    except (KeyError, TypeError, AttributeError, OverflowError, zlib.error) as error:
        msg = f"damaged details: {error!r}"
        raise ValueError(msg) from error


_VALUES = ("value", "level", "sigma")


def _parsed(content: Mapping[str, Any]) -> RunDetails:
    photos = tuple(
        PhotoFacts(str(name), None if time is None else datetime.fromisoformat(time), _number(shutter), _whole(iso))
        for name, time, shutter, iso in content["photos"]
    )
    followed = _unpacked(content["followed"], "<i4").astype(np.intp)
    if followed.size and not 0 <= followed.min() <= followed.max() < len(photos):
        msg = "damaged details: a photo that there is not"
        raise ValueError(msg)
    n = followed.size
    saved, around = content["series"], content["surroundings"]
    places, middles = ([(int(x), int(y)) for x, y in part["places"]] for part in (saved, around))
    values = {name: _unpacked(saved[name], "<f4").reshape(len(places), n) for name in _VALUES}
    known = _unpacked(saved["known"], "u1").reshape(len(places), n).astype(np.bool_)
    scores = _unpacked(around["scores"], "i1").reshape(len(middles), TILE, TILE)
    return RunDetails(
        noun=str(content["noun"]),
        photos=photos,
        followed=followed,
        gain=_unpacked(content["gain"], "<f8").reshape(n),
        saturation=_unpacked(content["saturation"], "<f8").reshape(n),
        series=tuple(
            EntrySeries(x, y, **{name: values[name][i] for name in _VALUES}, known=known[i])
            for i, (x, y) in enumerate(places)
        ),
        surroundings=tuple(Surroundings(x, y, scores[i]) for i, (x, y) in enumerate(middles)),
        planes=tuple(_plane(plane) for plane in content["planes"]),
        warnings=tuple(map(str, content["warnings"])),
    )


def _plane(saved: Mapping[str, Any]) -> PlaneScores:
    counts = np.array(saved["counts"], np.int64).reshape(2 * BIN_LIMIT * BINS_PER_SIGMA + 1)
    return PlaneScores(str(saved["plane"]), counts, *(float(saved[name]) for name in ("centre", "scale", "bar")))


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)


def _packed(*arrays: NDArray[Any]) -> str:
    """Return arrays of one type as text, one after another."""
    return b64encode(zlib.compress(b"".join(array.tobytes() for array in arrays))).decode("ascii")


def _unpacked(text: str, kind: str) -> NDArray[Any]:
    """Return what `_packed` made of arrays of a type, as one of one dimension."""
    unpacking = zlib.decompressobj()
    content = unpacking.decompress(b64decode(text, validate=True), _MOST_BYTES)
    if not unpacking.eof:
        msg = "damaged details: an array that does not end"
        raise ValueError(msg)
    native = np.dtype(kind).newbyteorder("=")
    return np.frombuffer(content, kind).astype(native)
