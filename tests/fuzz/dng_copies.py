"""Damaged DNGs corrected: a copy holds what its DNG does, but at the mapped places, or there is none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from sensormap.camera.cfa import Cfa
from sensormap.camera.geometry import Rect, Sensor
from sensormap.camera.profile import Body
from sensormap.correct.run import CorrectOptions, correct_photos
from sensormap.decode.dng.tiles import Mosaic, find_mosaic
from sensormap.decode.original import read_original
from tests.support.lossless_jpeg import DamagedError, OtherKindError, mosaic_values
from tests.support.maps import toy_defect, toy_map

SIZE = (64, 48)
_PLACES = [(1, 1), (40, 20), (63, 47)]


def correct_tiles(name: str, content: bytes, folder: Path) -> None:
    """Correct a damaged DNG of 64 x 48 photosites: what comes of it is right, or nothing does."""
    path = folder / "in" / name
    path.parent.mkdir()
    path.write_bytes(content)
    mosaic = find_mosaic(content, name)
    if mosaic is not None:
        assert mosaic.width * mosaic.height >= len(mosaic.offsets)
    sensor = Sensor(SIZE, Rect(0, 0, *SIZE), Cfa("GBRG"), None)
    defects = tuple(toy_defect(x, y, sensor=sensor) for x, y in _PLACES)
    of_photo = replace(
        toy_map(), body=Body("ACME", "One", "7"), sensor=sensor, defects=defects, columns=(), rows=()
    )
    skipped: list[object] = []
    options = CorrectOptions(force=True, all_defects=True, jobs=1)
    done = correct_photos([path], of_photo, folder / "out", options, on_skipped=skipped.append)
    assert path.read_bytes() == content
    for one in done:
        copy = one.output.read_bytes()
        if copy != content and mosaic is not None:
            check_copy(content, copy, mosaic, name)


def check_copy(content: bytes, copy: bytes, mosaic: Mosaic, name: str) -> None:
    """Insist that the copy of a DNG holds what the DNG does, but at the mapped places, by a decoder of their own."""
    try:
        before = mosaic_values(content, mosaic)
    except OtherKindError:
        return
    except DamagedError:
        msg = "a damaged tile was taken for a whole one"
        raise AssertionError(msg) from None
    found = find_mosaic(copy, name)
    assert found is not None
    visible = read_original(content, name).visible
    differ = before != mosaic_values(copy, found)
    changed = {(int(x), int(y)) for y, x in np.argwhere(differ) if visible.contains(int(x), int(y))}
    assert changed <= {*_PLACES}, changed
