"""Maps in files and folders: found once each, what is none left out with its reason."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sensormap.errors import MapFormatError
from sensormap.maps.mapfile import finding
from sensormap.maps.mapfile.finding import read_maps
from sensormap.maps.mapfile.writing import write_map
from tests.support.maps import toy_map


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Return a folder with two maps, one of them in a folder below, and other files; the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "maps" / "more").mkdir(parents=True)
    write_map(toy_map(), "maps/a.yaml")
    write_map(toy_map(), "maps/more/b.yml")
    Path("maps/notes.txt").write_text("no map")
    return tmp_path


def found(*arguments):
    """Return the names of the maps, and the reasons of those that are none."""
    reasons = []
    names = [name for name, _ in read_maps(arguments, on_skipped=lambda error: reasons.append(str(error)))]
    return names, reasons


def test_files_and_folders_each_file_once(place):
    everything = ["maps/a.yaml", "maps/more/b.yml"]
    assert found("maps") == (everything, [])
    assert len(found("maps/more/b.yml", "maps", place / "maps", "maps/a.yaml")[0]) == 2
    assert found("maps/more") == (everything[1:], [])


def test_a_file_that_is_named_may_end_in_anything(place):
    Path("maps/a.yaml").rename("d80")
    assert found("d80")[0] == ["d80"]


def test_links_that_go_in_circles_end(place):
    (place / "maps" / "more" / "up").symlink_to(place / "maps")
    (place / "maps" / "self.yaml").symlink_to("self.yaml")
    names, reasons = found("maps")
    assert names == ["maps/a.yaml", "maps/more/b.yml"]
    assert [reason.partition(":")[0] for reason in reasons] == ["maps/self.yaml"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "format: missing, so no map file"),
        (b"format: sensormap/9\n", "'sensormap/9' is not 'sensormap/1'"),
        (b"\xff\xfe\x00", "is not UTF-8 text"),
        (b"a: [", "is not YAML"),
        (b"format: sensormap/1\n" + b"x" * 70_000, ""),
        (b"- 1\n" * 70_000, "does not begin like a map"),
    ],
)
def test_what_is_no_map_is_left_out_with_its_reason(place, content, reason):
    Path("maps/none.yaml").write_bytes(content)
    names, reasons = found("maps")
    assert len(names) == 2
    assert len(reasons) == 1
    assert reasons[0].startswith("maps/none.yaml: ")
    assert reason in reasons[0]
    assert "\n" not in reasons[0]


def test_large_files_that_are_no_maps_are_not_parsed(place, monkeypatch):
    Path("maps/none.yaml").write_bytes(b"- 1\n" * 70_000)
    Path("maps/a.yaml").unlink()
    Path("maps/more/b.yml").unlink()
    monkeypatch.setattr(finding, "read_map", lambda _: pytest.fail("read"))
    with pytest.raises(MapFormatError, match=r"^maps: no map file there"):
        found("maps")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_no_map(place):
    os.mkfifo("maps/pipe.yaml")
    assert found("maps")[1] == ["maps/pipe.yaml: is a pipe or device, expected a map"]


@pytest.mark.parametrize("argument", ["none", "", "no\0name", "maps/*.yaml"])
def test_an_argument_that_names_nothing_is_an_error(place, argument):
    with pytest.raises(MapFormatError, match="no such file or folder"):
        found("maps", argument)


def test_no_map_at_all_is_an_error(place):
    (place / "empty").mkdir()
    with pytest.raises(MapFormatError, match=r"^empty, maps/notes\.txt: no map file there, expected some$"):
        found("empty", "maps/notes.txt")
