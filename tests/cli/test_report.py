"""`report` and `map --report`: a page for a map, for a run, and for each camera of many."""

from __future__ import annotations

import gzip
import re
from base64 import b64decode

import click
import pytest

from sensormap.camera import profile_files
from sensormap.maps.mapfile.writing import map_text, write_map
from tests.support.maps import full_map
from tests.support.photos import refused, run, write_photos, write_profile


@pytest.fixture
def place(tmp_path):
    """Return a folder of photos, and a profile."""
    write_photos(tmp_path / "photos", 4)
    return tmp_path / "photos", write_profile(tmp_path)


@pytest.fixture
def cameras(tmp_path, monkeypatch):
    """Know the small camera only."""
    folder = tmp_path / "cameras"
    folder.mkdir()
    write_profile(folder).rename(folder / "nikon-d80.yaml")
    monkeypatch.setattr(profile_files, "_folder", lambda: folder)
    profile_files.list_profiles.cache_clear()
    yield
    profile_files.list_profiles.cache_clear()


def map_in(page):
    found = re.search(r'id="map-data">([^<]*)<', page.read_text(encoding="utf-8"))
    return gzip.decompress(b64decode(found[1])).decode()


def command_in(page):
    return re.search(r"<code>(sensormap [^<]*)</code>\s*</p>\s*<p>sensormap", page.read_text(encoding="utf-8"))[1]


def test_a_map_becomes_a_page(tmp_path) -> None:
    write_map(full_map(), tmp_path / "d80.yaml")
    result = run("report", tmp_path / "d80.yaml", "-o", tmp_path / "d80.html")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("written to ")
    assert map_in(tmp_path / "d80.html") == map_text(full_map())
    assert command_in(tmp_path / "d80.html") == "sensormap report d80.yaml --output d80.html"


def test_a_page_on_standard_output(tmp_path) -> None:
    (tmp_path / "toy.yaml").write_text(map_text(full_map()), encoding="utf-8")
    found = run("report", tmp_path / "toy.yaml", "-o", "-")
    assert (found.exit_code, found.stderr) == (0, "")
    assert found.stdout.startswith("<!DOCTYPE html>")
    assert found.stdout.rstrip().endswith("</html>")


def test_a_page_is_replaced_only_if_asked(tmp_path) -> None:
    write_map(full_map(), tmp_path / "d80.yaml")
    arguments = ("report", tmp_path / "d80.yaml", "-o", tmp_path / "d80.html")
    assert run(*arguments).exit_code == 0
    result = run(*arguments)
    assert result.exit_code == 1
    assert "d80.html: exists already; --overwrite replaces it" in result.stderr
    assert run(*arguments, "--overwrite").exit_code == 0
    result = run("report", tmp_path / "d80.yaml", "-o", tmp_path / "d80.yaml", "--overwrite")
    assert "is no report of sensormap" in result.stderr


def test_no_map_and_no_output_are_told(tmp_path) -> None:
    assert run("report", tmp_path / "none.yaml", "-o", tmp_path / "d80.html").exit_code == 1
    assert not (tmp_path / "d80.html").exists()
    assert refused(click.MissingParameter, "report", "none.yaml") == "output"


def test_map_writes_the_page_of_its_run_and_the_same_map(place, tmp_path) -> None:
    photos, profile = place
    for name, options in (("a.yaml", ()), ("b.yaml", ("--report", tmp_path / "b.html"))):
        result = run("map", photos, "--profile", profile, "-o", tmp_path / name, *options)
        assert result.exit_code == 0, result.output
    assert (tmp_path / "a.yaml").read_bytes() == (tmp_path / "b.yaml").read_bytes()
    assert "report written to " in result.stdout
    page = tmp_path / "b.html"
    assert map_in(page) == (tmp_path / "b.yaml").read_text()
    assert command_in(page) == "sensormap map photos --output b.yaml --profile small.yaml --report b.html"
    assert "4 raw photos used, by name" in page.read_text(encoding="utf-8")
    assert str(tmp_path) not in page.read_text(encoding="utf-8")


def test_the_same_run_gives_the_same_page(place, tmp_path) -> None:
    photos, profile = place
    pages = []
    for jobs in (1, 2):
        run("map", photos, "--profile", profile, "--report", tmp_path / "a.html", "--overwrite", "--jobs", jobs)
        pages.append((tmp_path / "a.html").read_text(encoding="utf-8").replace(f"--jobs {jobs}", ""))
    assert pages[0] == pages[1]


def test_each_camera_has_a_page_of_its_own(cameras, tmp_path) -> None:
    photos = tmp_path / "photos"
    write_photos(photos, 3)
    write_photos(photos, 3, first=10, serial="77")
    result = run("map", photos, "-o", f"{tmp_path}/maps/", "--report", f"{tmp_path}/pages/")
    assert result.exit_code == 0, result.output
    maps = {path.stem: path.read_text() for path in (tmp_path / "maps").iterdir()}
    pages = {path.stem: map_in(path) for path in (tmp_path / "pages").iterdir()}
    assert len(pages) == 2
    assert pages == maps


def test_a_page_that_cannot_be_written_is_the_problem_of_its_camera(cameras, tmp_path) -> None:
    photos = tmp_path / "photos"
    write_photos(photos, 3)
    write_photos(photos, 3, first=10, serial="77")
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "nikon-d80_77.html").write_text("mine")
    result = run("map", photos, "-o", f"{tmp_path}/maps/", "--report", tmp_path / "pages", "--overwrite")
    assert result.exit_code == 1
    assert "is no report of sensormap" in result.stderr
    assert (tmp_path / "pages" / "nikon-d80_77.html").read_text() == "mine"
    assert len(list((tmp_path / "maps").iterdir())) == 2


def test_the_page_is_refused_before_photos_are_read(place, tmp_path) -> None:
    photos, profile = place
    (tmp_path / "a.html").write_text("mine")
    result = run("map", photos, "--profile", profile, "--report", tmp_path / "a.html", "-o", tmp_path / "a.yaml")
    assert result.exit_code == 1
    assert not (tmp_path / "a.yaml").exists()
    for options in (("--report", f"{tmp_path}/pages/"), ("--dry-run", "--report", tmp_path / "b.html")):
        assert refused(click.UsageError, "map", photos, *options) == ""


def test_names_of_folders_and_secrets_of_urls_are_not_told(tmp_path) -> None:
    from sensormap.cli.commands.map import map_command
    from sensormap.cli.options import command_text

    arguments = [
        "/home/me/my photos", "s3://key:secret@bucket/d80?token=1", "a", "b", "-vv", "--state", "/home/me/kept",
        "--scheduler", "tcp://host:1", "--jobs", "2",
    ]  # fmt: skip
    with map_command.make_context("map", arguments) as context:
        assert command_text(context) == (
            "map 'my photos' d80 a ... (1 more) --jobs 2 --state kept --scheduler ... --verbose"
        )
