"""Details as JSON and back; damaged ones are refused, so that they are made again."""

from __future__ import annotations

import json

import pytest

from sensormap.assemble.details.kept import details_content, parse_details
from tests.support.details import HOSTILE, made_details, made_map
from tests.support.maps import full_map


def through_json(details):
    return parse_details(json.loads(json.dumps(details_content(details))))


@pytest.mark.parametrize("sensor_map", [full_map(), full_map(defects=()), made_map(120)])
def test_what_is_kept_comes_back(sensor_map) -> None:
    details = made_details(sensor_map, name=HOSTILE)
    found = through_json(details)
    assert details_content(found) == details_content(details)
    assert found.photos == details.photos
    assert (found.noun, found.warnings) == (details.noun, details.warnings)
    for one, other in zip(found.series, details.series, strict=True):
        assert (one.x, one.y, one.value.tolist(), one.known.tolist()) == (
            other.x, other.y, other.value.tolist(), other.known.tolist(),
        )  # fmt: skip


def damaged(part, value):
    content = details_content(made_details(full_map()))
    *way, last = part
    inside = content
    for name in way:
        inside = inside[name]
    inside[last] = value
    return content


@pytest.mark.parametrize(
    ("part", "value"),
    [
        (("version",), 2),
        (("photos",), [["a", "yesterday", 1, 100]]),
        (("photos",), []),
        (("followed",), "AAAA"),
        (("gain",), "not base64!"),
        (("series", "value"), ""),
        (("series", "places"), [[1, 2]]),
        (("surroundings", "scores"), None),
        (("planes", 0, "counts"), [1, 2, 3]),
        (("warnings",), None),
    ],
)
def test_damage_is_a_value_error(part, value) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_details(damaged(part, value))


def test_nothing_is_no_details() -> None:
    with pytest.raises(ValueError, match="damaged"):
        parse_details({})
