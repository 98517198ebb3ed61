"""Maps of photos that a state folder knows, all of them: made once, they need not be made again."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

from sensormap.assemble.details.kept import details_content, parse_details
from sensormap.assemble.details.values import RunDetails
from sensormap.camera.profile import Body, Profile
from sensormap.decode import libraw
from sensormap.frame import Photo
from sensormap.maps.mapfile.reading import parse_map
from sensormap.maps.mapfile.writing import map_text
from sensormap.maps.sensor_map import SensorMap
from sensormap.shards.shard_folder import ALGORITHM
from sensormap.survey.context import RunContext
from sensormap.version import __version__


@dataclass(frozen=True)
class PhotoGroup:
    """Photos that are mapped together.

    Parameters
    ----------
    photos
        Photos of one body in order of capture, all raw or all JPEGs.
    body, known
        The camera that took them, and its profile; None leaves the geometry to LibRaw or to the JPEGs themselves.
    clock_jumps
        Number of times that the camera's clock contradicts its count of shots.
    """

    photos: tuple[Photo, ...]
    body: Body
    known: Profile | None
    clock_jumps: int = 0


@dataclass(frozen=True)
class Mapped:
    """The map of a group of photos, and what its run had to say.

    Parameters
    ----------
    sensor_map
        The map, without the photos that were skipped.
    warnings
        Lines that say what makes it less certain than it looks.
    refused
        Places in the group of the photos that could not be used, each with the reason.
    details
        What the run knows beside the map; None where nobody asked for it.
    """

    sensor_map: SensorMap
    warnings: tuple[str, ...]
    refused: tuple[tuple[int, str], ...]
    details: RunDetails | None = None


def kept_map(group: PhotoGroup, context: RunContext, *, detailed: bool = False) -> Mapped | None:
    """Return what an earlier run made of the same photos with the same settings; None if none did.

    Parameters
    ----------
    group
        The photos.
    context
        The run, which has a state folder.
    detailed
        Whether a map without details is none.
    """
    key = _key(group, context)
    content = context.state.kept_map(key) if context.state and key else None
    if content is None:
        return None
    try:
        text, warnings, refused = (content[name] for name in ("map", "warnings", "refused"))
        details = parse_details(content["details"]) if detailed else None
        found = Mapped(
            parse_map(str(text)),
            tuple(str(line) for line in warnings),
            tuple((int(number), str(reason)) for number, reason in refused),
            details,
        )
    except (KeyError, TypeError, ValueError):  # damaged: it is made again
        return None
    return found if all(0 <= number < len(group.photos) for number, _ in found.refused) else None


def keep_map(group: PhotoGroup, context: RunContext, mapped: Mapped) -> None:
    """Keep the map of a group, unless one of its photos could not be read: parameters as for `kept_map`."""
    key = _key(group, context)
    if context.state and key and context.state.has_kept(group.photos):
        details = mapped.details and details_content(mapped.details)
        content = {
            "map": map_text(mapped.sensor_map),
            "warnings": mapped.warnings,
            "refused": mapped.refused,
            "details": details,
        }
        context.state.keep_map(key, content)


def _key(group: PhotoGroup, context: RunContext) -> str | None:
    """Return a name for everything that a map depends on; None where a photo is not known."""
    digests = context.state.digests(group.photos) if context.state else None
    if digests is None:
        return None
    options = context.options
    settings = [options.follow, options.decoder, asdict(options.thresholds), asdict(options.least_strengths)]
    camera = [asdict(group.body), group.known and asdict(group.known), group.clock_jumps]
    text = json.dumps([ALGORITHM, __version__, libraw.versions(), settings, camera, digests], default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
