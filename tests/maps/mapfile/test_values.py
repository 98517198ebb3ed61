"""Values of a map file: what is written is recognised, and a later field is one more line."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensormap.maps.mapfile import values
from sensormap.maps.mapfile import values as fields
from sensormap.maps.mapfile.layout import COLUMN, DEFECT, FRAMES, JPEG_DEFECT, ROW
from sensormap.strict_yaml import load_yaml

LATER = {
    "x": values.INTEGER,
    "cluster": fields.optional(values.INTEGER),
    "dark_dn_per_s": fields.optional(fields.items(values.NUMBER, 3)),
}


@pytest.mark.parametrize(
    ("found", "line"),
    [
        ((1, None, None), "- {x: 1}"),
        ((1, 7, None), "- {x: 1, cluster: 7}"),
        ((1, None, (1.5, 1.0, 2.0)), "- {x: 1, dark_dn_per_s: [1.5, 1.0, 2.0]}"),
        ((1, 0, (1e-7, -1.0, 2e30)), "- {x: 1, cluster: 0, dark_dn_per_s: [1.0e-07, -1.0, 2.0e+30]}"),
    ],
)
def test_optional_fields(found, line):
    entry = SimpleNamespace(**dict(zip(LATER, found, strict=True)))
    assert f"- {{{', '.join(fields.mapping_text(entry, LATER))}}}" == line
    assert tuple(fields.read_mapping(load_yaml(line)[0], LATER, "defects[0]").values()) == found
    groups = re.fullmatch(fields.line_pattern(LATER), line).groups()
    assert tuple(g and LATER[key].parse(g) for key, g in zip(LATER, groups, strict=True)) == found


FIELDS = {**FRAMES, **COLUMN, **ROW, **JPEG_DEFECT, **DEFECT}


@pytest.mark.parametrize("key", FIELDS)
@given(text=st.text("0123456789+-.eE_:[]/, nulGrBbxmohtkd", max_size=12))
def test_what_the_pattern_takes_reads_as_yaml_does(key, text):
    field = FIELDS[key]
    if re.fullmatch(field.pattern, text):
        assert field.parse(text) == field.read(load_yaml(f"[{text}]")[0])


@pytest.mark.parametrize("key", ["first", "onset", "seen", "unresolved", "cluster", "jpeg", "radius", "plane", "kind"])
@given(data=st.data())
def test_all_that_the_pattern_takes_reads_as_yaml_does(key, data):
    field = FIELDS[key]
    text = data.draw(st.from_regex(re.compile(field.pattern, re.ASCII), fullmatch=True))
    try:
        value = field.parse(text)
    except ValueError:  # a day that its month has not, or an onset without times
        with pytest.raises(ValueError, match=r"cannot be read|is not"):
            field.read(load_yaml(f"[{text}]")[0])
    else:
        assert value == field.read(load_yaml(f"[{text}]")[0])


@given(value=st.floats(allow_nan=False, allow_infinity=False))
def test_numbers(value):
    text = values.NUMBER.text(value)
    assert load_yaml(text) == value
    assert re.fullmatch(values.NUMBER.pattern, text)
    assert values.NUMBER.parse(text) == value


@given(value=st.integers())
def test_integers(value):
    text = values.INTEGER.text(value)
    assert load_yaml(text) == value
    assert abs(value) >= 10**18 or re.fullmatch(values.INTEGER.pattern, text)


def test_numpy_scalars_are_written_as_numbers():
    import numpy as np

    assert values.INTEGER.text(np.int64(5)) == "5"
    assert values.NUMBER.text(np.float32(0.5)) == "0.5"
    assert values.NUMBER.text(-0.0) == "0.0"
    assert values.SETTING.text(np.int16(5)) == "5"
    assert values.SETTING.text(np.float64(0.5)) == "0.5"
    with pytest.raises(TypeError):
        values.INTEGER.text(5.0)
