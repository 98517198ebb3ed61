"""Any text survives YAML, with either parser."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from sensormap import strict_yaml as yamltext
from sensormap.strict_yaml import load_yaml, quoted


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


@pytest.mark.parametrize("loader", [yamltext.LOADER, yaml.SafeLoader])
@pytest.mark.parametrize("opening", ["[", "{a: ", "[{a: ", "- ", "? ", "[\n", " [ ", "'a': [", "a: ["])
@pytest.mark.parametrize("depth", [9, 100, 2000, 30_000])
def test_nesting_is_refused_before_a_parser_refuses_it(loader, opening, depth, monkeypatch):
    """A parser may have a limit of its own, and its scanner reads a thousand brackets before the first is reported."""
    monkeypatch.setattr(yamltext, "LOADER", loader)
    with pytest.raises(ValueError, match=r"^line \d: nested more than 8 levels deep$"):
        load_yaml(opening * depth)


@pytest.mark.parametrize("loader", [yamltext.LOADER, yaml.SafeLoader])
def test_what_is_not_nested_is_not_called_so(loader, monkeypatch):
    monkeypatch.setattr(yamltext, "LOADER", loader)
    assert load_yaml("[[[[[[[[1]]]]]]]]") == [[[[[[[[1]]]]]]]]
    brackets = "[" * 2000
    assert load_yaml(f"a: '{brackets}' # {brackets}") == {"a": brackets}
    assert load_yaml(f"a: b {brackets}") == {"a": f"b {brackets}"}
    nested = "[" * 20
    for line in (f"a: '{nested}': b", f'a: "{nested}": b', f"a: b {nested} c: d", "[[[[[[[[1", "a: b: c"):
        with pytest.raises(ValueError, match=r"^line \d: is not YAML \("):
            load_yaml(f"# {nested}\n{line}")
