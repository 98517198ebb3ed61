"""The table of repair methods: every row leads to a function, and whoever lists methods lists these."""

from __future__ import annotations

import numpy as np
import pytest

from sensormap.camera.cfa import Cfa
from sensormap.cli.commands.correct import correct_command
from sensormap.correct.jpeg import jpeg
from sensormap.correct.methods.new_values import new_values
from sensormap.correct.methods.registry import DIRECTIONAL, INTERPOLATIONS, JPEG_METHODS, METHODS, SUBTRACT
from sensormap.correct.methods.targets import Targets
from sensormap.correct.run import CorrectOptions
from tests.support.photos import run

MOSAIC = np.full((12, 12), 700, np.uint16)
TARGETS = Targets(MOSAIC, np.zeros(MOSAIC.shape, bool), np.array([[4, 5], [7, 2]]), Cfa("RGGB"))


@pytest.mark.parametrize("name", METHODS)
def test_each_method_gives_a_value_for_each_photosite(name: str) -> None:
    values = METHODS[name].load()(TARGETS)
    assert (values.dtype, values.shape) == (np.float64, (2,))
    assert new_values(TARGETS, name).values.tolist() == [700, 700]
    CorrectOptions(method=name)


def test_the_command_line_lists_all_and_says_what_each_does() -> None:
    (option,) = [one for one in correct_command.params if one.name == "method"]
    assert list(option.type.choices) == list(METHODS)
    assert option.default == DIRECTIONAL == next(iter(METHODS)) == CorrectOptions().method
    help_text = run("correct", "--help").stdout
    assert [name for name, method in METHODS.items() if f"{name}  " not in help_text] == []
    assert [method.description for method in METHODS.values() if method.description not in help_text] == []
    assert max(map(len, help_text.splitlines())) <= 80


def test_jpegs_have_methods_of_the_same_names() -> None:
    assert set(JPEG_METHODS) == set(jpeg.METHODS)


def test_what_needs_a_map_is_not_tried_on_healthy_photosites() -> None:
    assert set(METHODS) - set(INTERPOLATIONS) == {SUBTRACT}


def test_an_unknown_method_is_refused_and_the_known_ones_are_named() -> None:
    with pytest.raises(ValueError, match="'bicubic' is not one of directional, subtract"):
        new_values(TARGETS, "bicubic")
    with pytest.raises(ValueError, match="'bicubic' is not one of directional, subtract"):
        CorrectOptions(method="bicubic")
