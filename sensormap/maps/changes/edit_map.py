"""Edits by hand applied to a map: places that are always listed, and places that never are.

An edit is kept in the map, so that it holds for whatever photos tell later: a map that is merged with others, or takes
the place of an older file, has the edits applied once more.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TypeVar

from sensormap.camera.geometry import rect_text
from sensormap.errors import FrameMismatchError, PlaceError
from sensormap.maps.changes.edits import Edit, EditAction, LinePlaces, edit_problem
from sensormap.maps.clusters import with_clusters
from sensormap.maps.entries import Column, Defect, DefectKind, LineEntry, Source
from sensormap.maps.matching import mismatch
from sensormap.maps.sensor_map import SensorMap

CONFIDENCE, SCORE = 1.0, 0.0
"""Of an entry made by hand, as of one of another program's list: whoever made it was sure, and no photo tells more."""

AnyLine = TypeVar("AnyLine", bound=LineEntry)
Place = tuple[int, int]
Added = Place | tuple[int, int, DefectKind | str | None]


def edit_map(
    sensor_map: SensorMap,
    *,
    add: Iterable[Added] = (),
    remove: Iterable[Place] = (),
    undo: Iterable[Place] = (),
    note: str = "",
) -> SensorMap:
    """Return a map edited by hand.

    Parameters
    ----------
    sensor_map
        The map.
    add
        Photosites to list always, (x, y) or (x, y, kind) on the raw grid. Without a kind that of the photos stays, and
        one that they do not show becomes `hot`. With another kind than that of the photos, the strengths go.
    remove
        Photosites never to list, (x, y). Of a column or row the rest stays.
    undo
        Photosites whose earlier edit is forgotten, (x, y). An entry that was made by hand goes; one that was removed
        comes back when photos are mapped anew.
    note
        Why, in a line: it is kept with each of these edits.

    Returns
    -------
    SensorMap
        With the edits in its `edits`, which hold from then on; one at a place replaces an earlier one there.

    Raises
    ------
    PlaceError
        If a photosite is named twice, lies off the sensor, is to be added where no light falls on it, has no edit to
        undo, is no pixel of the JPEG where the map is of JPEGs, or the note is no short line.
    ValueError
        If there is no such kind.

    Examples
    --------
    >>> from sensormap import read_map, write_map
    >>> edited = edit_map(read_map("d80.yaml"), remove=[(1204, 377)], note="a star")  # doctest: +SKIP
    >>> write_map(edited, "d80.yaml", overwrite=True)  # doctest: +SKIP
    """
    made = [Edit(x, y, EditAction.ADD, DefectKind(kind[0]) if kind and kind[0] else None, note) for x, y, *kind in add]
    made += [Edit(x, y, EditAction.REMOVE, note=note) for x, y in remove]
    forgotten = list(undo)
    named = [(edit.x, edit.y) for edit in made] + forgotten
    if repeated := next((place for place, count in Counter(named).items() if count > 1), None):
        msg = f"{repeated[0]},{repeated[1]}: is named twice, expected each photosite once"
        raise PlaceError(msg)
    for edit in made:
        if problem := edit_problem(edit, sensor_map.sensor) or _dark_problem(edit, sensor_map):
            msg = f"{edit.x},{edit.y}: {problem}"
            raise PlaceError(msg)
    return with_edits(_without_edits(sensor_map, forgotten), made)


def _dark_problem(edit: Edit, sensor_map: SensorMap) -> str:
    """Say if an edit adds a photosite that no photo shows, and that cannot be repaired; "" if not."""
    area = sensor_map.sensor.active_area
    if edit.edit == EditAction.REMOVE or sensor_map.source == Source.JPEG or area.contains(edit.x, edit.y):
        return ""
    return f"is outside the light-sensitive area {rect_text(area)} (x, y, width, height)"


def with_edits(sensor_map: SensorMap, edits: Iterable[Edit]) -> SensorMap:
    """Return a map with its own edits and others applied.

    Parameters
    ----------
    sensor_map
        The map.
    edits
        The other edits: at the same place they replace the map's own.

    Raises
    ------
    PlaceError
        If the map is of JPEGs, and a photosite to add is no pixel of theirs.
    """
    decided = {(edit.x, edit.y): edit for edit in (*sensor_map.edits, *edits)}
    if not decided:
        return sensor_map
    removed = {place for place, edit in decided.items() if edit.edit == EditAction.REMOVE}
    columns = _cut_lines(sensor_map.columns, removed, sensor_map)
    rows = _cut_lines(sensor_map.rows, removed, sensor_map)
    covered = LinePlaces((*columns, *rows))
    found = {(defect.x, defect.y): defect for defect in sensor_map.defects if (defect.x, defect.y) not in removed}
    for place, edit in decided.items():
        if edit.edit == EditAction.ADD:
            if place in found:
                found[place] = _of_kind(found[place], edit.kind)
            elif not covered.cover(*place, sensor_map.sensor.cfa.plane_name(x=edit.x, y=edit.y)):
                found[place] = _made_by_hand(edit, sensor_map)
    defects = sorted(found.values(), key=lambda defect: (defect.y, defect.x))
    return replace(
        sensor_map,
        columns=columns,
        rows=rows,
        defects=with_clusters(defects, sensor_map.sensor.cfa),
        edits=tuple(sorted(decided.values(), key=lambda edit: (edit.y, edit.x))),
    )


def take_edits(sensor_map: SensorMap, other: SensorMap, *, names: tuple[str, str] = ("map", "other")) -> SensorMap:
    """Return a map with the edits of another one of its camera; where both have one, the other's counts.

    Parameters
    ----------
    sensor_map, other
        The maps.
    names
        Names of the two for errors.

    Raises
    ------
    FrameMismatchError
        If they are of different bodies, geometries or grids.
    """
    if found := mismatch(other, sensor_map):
        msg = f"{names[1]}: is {found[0]}, expected one {found[1]} as {names[0]}"
        raise FrameMismatchError(msg)
    return with_edits(sensor_map, other.edits)


def joint_edits(maps: Iterable[tuple[str, SensorMap]]) -> list[Edit]:
    """Return the edits of several maps, each with its name.

    Of two that differ in kind or note only, the one that says more counts, whatever the order of the maps.

    Raises
    ------
    FrameMismatchError
        If one map adds a photosite that another one removes.
    """
    found: dict[Place, tuple[str, Edit]] = {}
    for name, sensor_map in maps:
        for edit in sensor_map.edits:
            other_name, other = found.get((edit.x, edit.y), (name, edit))
            if other.edit != edit.edit:
                names = {edit.edit: name, other.edit: other_name}
                msg = f"{names[EditAction.REMOVE]}: removes {edit.x},{edit.y} by hand, which {names[EditAction.ADD]}"
                msg += " adds by hand; undo one of the two edits first"
                raise FrameMismatchError(msg)
            found[edit.x, edit.y] = max((other_name, other), (name, edit), key=lambda pair: _says_more(pair[1]))
    return [edit for _, edit in found.values()]


def _says_more(edit: Edit) -> tuple[bool, str, int, str]:
    """Return what sorts edits of one photosite: the last one counts."""
    return edit.kind is not None, str(edit.kind), len(edit.note), edit.note


def _without_edits(sensor_map: SensorMap, places: Iterable[Place]) -> SensorMap:
    """Return a map that has forgotten the edits at some places, and entries that only an edit made."""
    decided = {(edit.x, edit.y): edit for edit in sensor_map.edits}
    gone = set()
    for x, y in places:
        edit = decided.pop((x, y), None)
        if edit is None:
            msg = f"{x},{y}: has no edit to undo"
            raise PlaceError(msg)
        gone.add((x, y))
    kept = [one for one in sensor_map.defects if (one.x, one.y) not in gone or one.score or one.seen is not None]
    defects = with_clusters(kept, sensor_map.sensor.cfa)
    return replace(sensor_map, defects=defects, edits=tuple(decided.values())) if gone else sensor_map


def _cut_lines(lines: Iterable[AnyLine], removed: set[Place], sensor_map: SensorMap) -> tuple[AnyLine, ...]:
    """Return columns, or rows, without the photosites removed: what lies on either side of one becomes two."""
    on_line: dict[int, list[int]] = defaultdict(list)
    lines = tuple(lines)
    for x, y in removed if lines else ():
        place, along = (x, y) if isinstance(lines[0], Column) else (y, x)
        on_line[place].append(along)
    if not on_line:
        return lines
    return tuple(piece for line in lines for piece in _pieces(line, sorted(on_line.get(line.place, [])), sensor_map))


def _pieces(line: AnyLine, removed: list[int], sensor_map: SensorMap) -> Iterator[AnyLine]:
    """Yield what is left of a line."""
    covered = line.covered(sensor_map.sensor.cfa)
    cuts = [along for along in removed if along in covered]
    if not cuts:
        yield line
        return
    for before, after in zip([line.first - 1, *cuts], [*cuts, line.last + 1], strict=True):
        left = [along for along in (before + 1, after - 1) if before < along < after]
        if left:
            piece = line.resized(left[0], left[-1])
            if count := len(piece.covered(sensor_map.sensor.cfa)):
                yield replace(piece, defects=min(piece.defects, count))


def _of_kind(defect: Defect, kind: DefectKind | None) -> Defect:
    """Return a defect of another kind than its photos tell: what they measured was that kind's."""
    if kind in (None, defect.kind):
        return defect
    return replace(
        defect, kind=kind, or_kinds=(), dark_dn_per_s=None, offset_dn=None, response=None, unresolved=()
    )


def _made_by_hand(edit: Edit, sensor_map: SensorMap) -> Defect:
    """Return the entry of a photosite that no photo showed."""
    sensor, of_jpegs = sensor_map.sensor, sensor_map.source == Source.JPEG
    plane, jpeg = sensor.cfa.plane_name(x=edit.x, y=edit.y), sensor.jpeg_pixel(edit.x, edit.y)
    if of_jpegs and jpeg is None:
        msg = f"{edit.x},{edit.y}: is no pixel of the JPEGs, {sensor.jpeg_crop}, that the map is of"
        raise PlaceError(msg)
    kind, radius = edit.kind or DefectKind.HOT, 0 if of_jpegs else None
    return Defect(edit.x, edit.y, plane, kind, CONFIDENCE, SCORE, None, None, jpeg, radius=radius)
