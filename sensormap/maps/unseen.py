"""Why the photos of one map need not show what another map lists: absence is no evidence where nobody could see."""

from __future__ import annotations

from sensormap.maps.changes.edits import EditAction, edit_at
from sensormap.maps.entries import DARK_KINDS, Defect, DefectKind, Entry, Source
from sensormap.maps.sensor_map import SensorMap
from sensormap.settings import FEW_FRAMES, LISTED_CONFIDENCE

# Of photos that show a defect. Measured on two halves of 60 simulated photos: what fewer than 8 photos of one half
# showed the other may miss (it missed one that 5 showed); it missed none that 8 or more did.
_FEW_SHOWING = 8

# DN that a hot photosite adds to the shortest exposure. By the noise that `visible` assumes, 11 DN are 3 sigma in the
# shadows of a 12-bit file; a 14-bit file has four times the DN, and which of the two it is the map does not tell.
_PLAIN_DN = 44.0

APPEARED_LATER = "appeared later"
"""The reason that is none: there was nothing to show yet."""
BY_HAND = "added by hand"
"""The reason why no photos had to show it."""


def unseen(entry: Entry, *, listed: SensorMap, looked: SensorMap) -> str:
    """Say why the photos of `looked` may not have shown an entry of `listed`; "" if they would have.

    Parameters
    ----------
    entry
        One that only `listed` has.
    listed, looked
        Maps of one body.

    Notes
    -----
    A map tells only the extremes of its exposures and how many of its photos showed a defect, so this is a rule of
    thumb that errs towards "not seen". The reasons, in the order in which they are asked: removed by hand, or
    added by hand and never measured; an onset after the last of the photos; too few photos of different scenes (10), or
    too few that the camera did not filter, for bright defects; JPEGs, where raw photos found it; a place outside the
    photos; an entry that was never measured, or is not sure itself (0.8); for a hot one, exposures that are shorter
    than those that found it, unless it adds 44 DN to the shortest; and a share of photos that showed it so small that
    fewer than 8 of these would.
    """
    if isinstance(entry, Defect) and edit_at(looked.edits, entry.x, entry.y) == EditAction.REMOVE:
        return "removed by hand"
    if isinstance(entry, Defect) and not entry.score and edit_at(listed.edits, entry.x, entry.y) == EditAction.ADD:
        return BY_HAND
    last, after = looked.frames.last, entry.onset.after if entry.onset else None
    if last is not None and after is not None and after >= last:
        return APPEARED_LATER
    return _poor_photos(entry, looked) or _faint(entry, listed, looked)


def _poor_photos(entry: Entry, looked: SensorMap) -> str:
    """Say why photos would not show an entry however strong it is; "" if they would."""
    frames, counted = looked.frames, _counted(looked, entry.kind)
    if frames.used - frames.repeated < FEW_FRAMES:
        return f"too few photos ({frames.used - frames.repeated})" if frames.used else "no photos"
    if counted < FEW_FRAMES:
        return "filtered in camera"
    if looked.source == Source.JPEG and entry.radius is None:
        return "JPEGs show less"
    return "" if _in_view(entry, looked) else "outside the photos"


def _faint(entry: Entry, listed: SensorMap, looked: SensorMap) -> str:
    """Say why an entry is too doubtful or too weak to show in photos; "" if it is not."""
    if not entry.score:
        return "never measured"
    if entry.confidence < LISTED_CONFIDENCE:
        return "was not sure"
    if entry.kind == DefectKind.HOT and _shorter(entry, listed, looked):
        return "shorter exposures"
    if entry.seen is not None:
        counted_photos = max(listed.frames.followed or listed.frames.used, entry.seen[1], 1)
        if entry.seen[0] * _counted(looked, entry.kind) < _FEW_SHOWING * counted_photos:
            return "seldom shows"
    return ""


def _counted(looked: SensorMap, kind: DefectKind) -> int:
    """Return how many photos tell of a defect of this kind."""
    frames = looked.frames
    return max(frames.used - frames.repeated - (0 if kind in DARK_KINDS else frames.filtered), 0)


def _in_view(entry: Entry, looked: SensorMap) -> bool:
    """Tell whether an entry, or part of a line, lies in what the photos show."""
    area = looked.sensor.active_area
    left, top, right, bottom = area.x, area.y, area.x + area.width, area.y + area.height
    if isinstance(entry, Defect):
        return area.contains(entry.x, entry.y)
    x0, y0 = entry.photosite(entry.place, entry.first)
    x1, y1 = entry.photosite(entry.place, entry.last)
    return x0 < right and x1 >= left and y0 < bottom and y1 >= top


def _shorter(entry: Entry, listed: SensorMap, looked: SensorMap) -> bool:
    """Tell whether the exposures may have been too short for a hot entry."""
    then, now = listed.frames.shutter_s, looked.frames.shutter_s
    if now is None:
        return True
    dark = entry.dark_dn_per_s
    if dark is not None and dark[1] * now[0] >= _PLAIN_DN:
        return False
    return then is None or now[1] < then[1]
