"""Any text survives YAML, with either parser."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from sensormap import yamltext
from sensormap.yamltext import load_yaml, quoted


@pytest.mark.parametrize("loader", [yamltext.LOADER, yaml.SafeLoader])
@given(text=st.text(st.characters()))
@example("\udcff.nef")
@example("\x00\x85\u2028\ufeff\ufffe\U0010ffff")
@example("0012345")
@example("a: #b\\n\n\t'\"")
def test_quoted(loader, text):
    before = yamltext.LOADER
    yamltext.LOADER = loader
    try:
        line = quoted(text)
        assert load_yaml(line) == text
        assert load_yaml(f"{{{line if len(line) < 500 else 1}: [{line}]}}").popitem()[1] == [text]
    finally:
        yamltext.LOADER = before
    assert len(line.splitlines()) == 1
    assert line.isprintable()


def test_other_readers_understand_it():
    assert yaml.safe_load(quoted("a\u2028b\U0001f4f7")) == "a\u2028b\U0001f4f7"
    assert yaml.safe_load(quoted("DSC\udcff")) == "DSC\udcff".encode("utf-8", "surrogatepass")


def test_plain_values():
    document = "{a: 1, b: 1.5, c: true, d: null, e: text, f: '1', g: 1.0e-3, h: 1e3}"
    assert list(load_yaml(document).values()) == [1, 1.5, True, None, "text", "1", 0.001, "1e3"]
    assert load_yaml("") is None
    assert load_yaml("[[[[[[[[1]]]]]]]]") == [[[[[[[[1]]]]]]]]
    with pytest.raises(ValueError, match="line 1: nested more than 8 levels"):
        load_yaml("[[[[[[[[[1]]]]]]]]]")
