"""Maps of cameras that subtract or divide by frames of their own are recognised."""

from __future__ import annotations

import pytest

from sensormap.assemble.calibrated import subtracted_in_camera
from sensormap.maps.entries import DefectKind
from tests.support.maps import toy_defect, toy_map


def map_of(**counts: int) -> object:
    kinds = [kind for name, count in counts.items() for kind in [DefectKind(name)] * count]
    defects = tuple(toy_defect(3 + i, 4, kind=kind) for i, kind in enumerate(kinds))
    return toy_map(columns=(), defects=defects)


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({"cold": 8, "hot": 4}, "8 of 12 defects are cold: the camera seems to have subtracted a dark frame"),
        ({"overresponsive": 5}, "5 of 5 defects are overresponsive: the camera seems to have divided by a flat field"),
        ({"cold": 4}, ""),
        ({"hot": 9, "weak": 6}, ""),
        ({}, ""),
    ],
)
def test_what_the_camera_did_is_said(counts, words):
    found = subtracted_in_camera(map_of(**counts))
    assert found.startswith(words) if words else not found
