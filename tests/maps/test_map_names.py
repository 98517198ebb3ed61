"""File names of maps: safe and different whatever EXIF says, and the same in every run."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensormap.camera.profile import Body
from sensormap.maps.map_names import map_names

SAFE = re.compile(r"[a-z0-9-]+_[A-Za-z0-9-]+\.yaml")
NIKON = "NIKON CORPORATION"


def name_of(body: Body, profile: str | None = None) -> str:
    return map_names({body: profile})[body]


@pytest.mark.parametrize(
    ("body", "profile", "name"),
    [
        (Body(NIKON, "NIKON D80", "3012345"), "nikon-d80", "nikon-d80_3012345.yaml"),
        (Body(NIKON, "NIKON D80", "3012345"), None, "nikon-d80_3012345.yaml"),
        (Body(NIKON, "NIKON D1", ""), "nikon-d1", "nikon-d1_unknown.yaml"),
        (Body("SONY", "ILCE-7M3", "42"), None, "sony-ilce-7m3_42.yaml"),
        (Body("Canon", "Canon EOS 5D Mark II", "AB 12"), None, "canon-eos-5d-mark-ii_AB-12.yaml"),
        (Body("", "", ""), None, "unknown_unknown.yaml"),
    ],
)
def test_a_map_is_called_after_its_body(body: Body, profile: str | None, name: str) -> None:
    assert name_of(body, profile) == name


@pytest.mark.parametrize(
    "serial", ["../../x", "/etc/passwd", "a\\b", "1" * 300, "\x1b[31m", "..", "-rf", "con:", "ü", "a\0b", "\ud800"]
)
def test_a_hostile_serial_number_makes_a_safe_name_of_its_own(serial: str) -> None:
    name = name_of(Body(NIKON, "NIKON D80", serial), "nikon-d80")
    assert SAFE.fullmatch(name)
    assert len(name) < 120
    plain = re.sub("[^A-Za-z0-9]+", "-", serial).strip("-")
    others = [Body(NIKON, "NIKON D80", other) for other in (serial + "!", plain, plain[:48])]
    assert name not in {name_of(other, "nikon-d80") for other in others if other.serial != serial}


def test_names_that_are_equal_but_for_capitals_are_told_apart() -> None:
    bodies = [Body("A", "B", serial) for serial in ("ab", "AB", "aB", "other")]
    names = map_names(dict.fromkeys(bodies))
    assert len({name.lower() for name in names.values()}) == 4
    assert names[bodies[3]] == "a-b_other.yaml"
    crafted = Body("A", "B", names[bodies[0]].removeprefix("a-b_").removesuffix(".yaml"))
    assert len(set(map_names(dict.fromkeys([*bodies, crafted])).values())) == 5


TEXT = st.text(max_size=8)
SERIAL = st.text("aA/-.1 ", max_size=5) | st.text(max_size=70)


@given(st.lists(st.builds(Body, TEXT, TEXT, SERIAL), unique=True, max_size=8))
def test_every_body_has_a_safe_name_of_its_own_whatever_the_order(bodies: list[Body]) -> None:
    names = map_names(dict.fromkeys(bodies))
    assert all(SAFE.fullmatch(name) for name in names.values())
    assert len({name.lower() for name in names.values()}) == len(bodies)
    assert map_names(dict.fromkeys(reversed(bodies))) == names
