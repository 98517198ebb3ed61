"""`sensormap export` and `import`: what goes out, what is lost, what comes back, and what is refused."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from sensormap.camera.cfa import Cfa
from sensormap.camera.profile import Profile
from sensormap.cli.main import main
from sensormap.errors import ListFormatError
from sensormap.formats import programs
from sensormap.formats.from_map import export_map, listing_of
from sensormap.formats.listing import Listing, Photosite, Run, one_by_one
from sensormap.formats.registry import FORMATS, PROGRAMS, get_format
from sensormap.formats.to_map import map_of_listing, sensor_of, untold
from sensormap.maps.coordinates import coordinates
from sensormap.maps.entries import Between, Column, DefectKind, Row
from sensormap.maps.mapfile.reading import read_map
from sensormap.maps.mapfile.writing import map_text, write_map
from tests.support.maps import FIRST, TOY_SENSOR, full_map, jpeg_map, phone_map, toy_defect, toy_map

PROFILE_TEXT = """
make: NIKON CORPORATION
model: NIKON D80
raw_size: [24, 16]
active_area: [2, 1, 20, 14]
jpeg_crop: [3, 2, 18, 12]
cfa: GBRG
black_level: 0
saturation: 4095
bits: 12
suppression_from_s: null
"""


def profile_of(sensor):
    size, area, cfa, crop = sensor.raw_size, sensor.active_area, sensor.cfa, sensor.jpeg_crop
    return Profile("toy", "NIKON CORPORATION", "NIKON D80", size, area, crop, cfa, None, 4095, 12, None)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Return what runs the command with a map, a profile and the folder as working directory."""
    monkeypatch.chdir(tmp_path)
    write_map(full_map(), "map.yaml")
    (tmp_path / "toy.yaml").write_text(PROFILE_TEXT)

    def call(*arguments):
        return CliRunner().invoke(main, arguments)

    return call


_NO_ASTROPY = pytest.mark.skipif(find_spec("astropy") is None, reason="astropy is not installed")
EVERY = [pytest.param(name, marks=_NO_ASTROPY if name == "fits" else ()) for name in FORMATS if FORMATS[name].write]


def test_every_module_of_a_program_is_a_format():
    folder = Path(programs.__path__[0])
    assert sorted(PROGRAMS) == sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")


@pytest.mark.parametrize("name", EVERY)
def test_every_format_gives_back_the_places_that_it_has_room_for(name):
    form = FORMATS[name]
    assert form.name == name
    assert form.keeps <= {"kind", "two kinds", "since", "runs"}
    # No defect in the margins or at the edge of the active area: room for it has every format.
    toy = full_map(defects=tuple(defect for defect in full_map().defects if 2 < defect.x < 21 and 1 < defect.y < 14))
    back = form.read(export_map(toy, form).content, name, toy.sensor)
    assert [(found.x, found.y) for found in one_by_one(back)] == coordinates(toy, "raw")
    assert export_map(toy, form) == export_map(toy, form)


@pytest.mark.parametrize("name", EVERY)
def test_an_empty_map_is_an_empty_list(name):
    empty = toy_map(columns=(), defects=())
    export = export_map(empty, FORMATS[name])
    assert export.losses == ()
    assert FORMATS[name].read(export.content, name, empty.sensor) == Listing(())


@pytest.mark.parametrize("name", EVERY)
def test_a_map_of_a_picture_goes_only_where_pictures_do(name):
    if name in {"fits", "png", "bmp", "numpy", "csv"}:
        back = FORMATS[name].read(export_map(phone_map(), FORMATS[name]).content, name, phone_map().sensor)
        assert [(found.x, found.y) for found in one_by_one(back)] == coordinates(phone_map(), "jpeg")
    else:
        with pytest.raises(ListFormatError, match=f"{name}: is for raw photos, but the map is of JPEGs"):
            export_map(phone_map(), FORMATS[name])


def test_lines_of_both_planes_are_runs_and_others_photosites():
    column = Column(10, 5, 12, "R+Gb", DefectKind.WEAK, 0.99, -9.0, 3, onset=Between(FIRST, None))
    half = Column(12, 5, 8, "R", DefectKind.WEAK, 0.99, -9.0, 3)
    short = Column(14, 5, 5, "R", DefectKind.WEAK, 0.99, -9.0, 1)
    row = Row(9, 3, 12, "R+Gr", DefectKind.HOT, 0.9, 8.0, 4)
    listing = listing_of(toy_map(columns=(column, half, short), rows=(row,), defects=()))
    assert listing.runs == (Run(5, 10, 1, 8, DefectKind.WEAK, FIRST), Run(9, 3, 10, 1, DefectKind.HOT))
    assert [(found.x, found.y) for found in listing.photosites] == [(12, 5), (14, 5), (12, 7)]


LOSSES = {
    "csv": ["1 defect gone by the last photo"],
    "dcraw": ["17 photosites without the kind", "1 column or row listed", "1 defect gone"],
    "siril": [
        "6 photosites with hot or cold for a kind",
        "5 photosites without the date of appearing",
        "1 column or row listed",
        "1 defect gone",
    ],
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses_are_counted(name):
    losses = export_map(full_map(), FORMATS[name]).losses
    for loss, expected in zip(losses, LOSSES[name], strict=True):
        assert loss.startswith(f"{name}: {expected}")


def test_what_lies_outside_the_programs_area_is_counted_and_left_out():
    toy = toy_map(columns=(), defects=(toy_defect(0, 0), toy_defect(5, 5), toy_defect(22, 14)))
    export = export_map(toy, FORMATS["rawtherapee"])
    assert export.content == b"3 4\n"
    assert export.losses[0] == "rawtherapee: 2 photosites left out: outside its area (visible area)"


def test_the_strongest_go_where_not_all_find_room():
    form = replace(FORMATS["phd2"], at_most=3)
    toy = full_map(rows=())
    export = export_map(toy, form)
    listed = {(found.x, found.y) for found in form.read(export.content, "toy", toy.sensor).photosites}
    assert listed == {(2, 1), (5, 11), (17, 4)}
    assert export.losses[0] == "phd2: 5 photosites left out: the weakest, since it takes 3 at most"


def test_places_that_only_jpegs_tell_are_counted():
    losses = export_map(jpeg_map(), FORMATS["csv"]).losses
    assert "csv: 4 entries known from JPEGs only, whose place is good to 2 pixels" in losses


def test_unknown_formats_are_refused_by_name():
    with pytest.raises(ListFormatError, match="'gimp' is not a format: known are dcraw, "):
        get_format("gimp")


@st.composite
def listings(draw):
    """What a list may hold, overlapping runs too."""
    kinds, dates = st.none() | st.sampled_from(DefectKind), st.none() | st.datetimes()
    entries = [
        Run(draw(st.integers(0, 3)), draw(st.integers(0, 3)), width, height, draw(kinds), draw(dates))
        for width, height in draw(st.lists(st.sampled_from([(1, 2), (1, 5), (4, 1), (3, 1)]), max_size=6))
    ]
    inside = {(found.y, found.x) for found in one_by_one(Listing((), tuple(entries)))}
    free = draw(st.sets(st.tuples(st.integers(0, 15), st.integers(0, 23)), max_size=5)) - inside
    return Listing(tuple(Photosite(*place, draw(kinds), draw(dates)) for place in sorted(free)), tuple(entries))


@settings(max_examples=50)
@given(listings(), st.sampled_from(["RGGB", "BGGR", "GRBG", "GBRG", "mono"]), st.sampled_from(DefectKind))
def test_what_is_imported_is_a_map_of_the_same_photosites(listing, cfa, kind):
    profile = profile_of(replace(TOY_SENSOR, cfa=Cfa(cfa)))
    imported = map_of_listing(listing, profile, serial="7", kind=kind, origin=("csv", "toy.csv"))
    assert coordinates(imported) == [(found.x, found.y) for found in one_by_one(listing)]
    assert imported.sensor == sensor_of(profile)
    assert "imported_file" in map_text(imported)
    exported = listing_of(imported)
    expected = {(found.y, found.x): (found.kind or kind, found.since) for found in listing.photosites}
    assert {(found.y, found.x): (found.kind, found.since) for found in exported.photosites} == expected
    assert untold(exported) == 0


def test_what_touches_in_a_list_is_a_cluster_of_its_map():
    listing = Listing((Photosite(4, 5), Photosite(5, 5), Photosite(9, 12)))
    profile = profile_of(TOY_SENSOR)
    imported = map_of_listing(listing, profile, serial="", kind=DefectKind.HOT, origin=("csv", "toy.csv"))
    assert [one.cluster for one in imported.defects] == [1, 1, None]


def test_an_imported_map_can_be_written_shown_and_exported(run):
    exported = run("export", "map.yaml", "--format", "csv")
    assert exported.exit_code == 0
    Path("list.csv").write_text(exported.stdout)
    camera = ("--profile", "toy.yaml", "--serial", "0012345")
    done = run("import", "list.csv", "--format", "csv", *camera, "-o", "new.yaml")
    assert (done.exit_code, done.output) == (0, "7 defects, 1 row written to new.yaml\n")
    new = read_map("new.yaml")
    assert new.body == full_map().body
    assert new.frames.used == 0
    assert listing_of(new) == listing_of(full_map())
    assert new.settings == {"imported_from": "csv", "imported_file": "list.csv"}
    assert "7 defects" in run("show", "new.yaml").output
    assert run("export", "new.yaml", "--format", "csv").stdout == exported.stdout


def test_export_writes_a_file_the_programs_own_name_in_a_folder_or_stdout(run, tmp_path):
    to_stdout = run("export", "map.yaml", "--format", "rawtherapee")
    assert to_stdout.stdout.startswith("0 0\n")
    assert "rawtherapee: 5 photosites without the date of appearing" in to_stdout.stderr
    (tmp_path / "dark").mkdir()
    done = run("export", "map.yaml", "--format", "rawtherapee", "-o", "dark")
    assert (done.exit_code, done.stdout) == (0, "written to dark/Nikon D80 0012345.badpixels\n")
    assert (tmp_path / "dark" / "Nikon D80 0012345.badpixels").read_text() == to_stdout.stdout
    assert run("export", "map.yaml", "--format", "dcraw", "-o", "dark").exit_code == 0
    assert (tmp_path / "dark" / ".badpixels").is_file()
    assert run("export", "map.yaml", "--format", "chdk", "-o", "-").stdout_bytes


def test_the_table_of_formats(run):
    lines = run("export", "--list").output.splitlines()
    assert [line.split()[0] for line in lines[1:] if not line.startswith(" ")] == list(FORMATS)
    assert any(line.startswith("csv") and "kind, runs, since" in line for line in lines)
    assert max(map(len, lines)) <= 80


REFUSED = [
    (("export", "nothing.yaml", "--format", "csv"), "nothing.yaml: cannot be read"),
    (("export", "map.yaml", "--format", "csv", "-o", "map.yaml"), "map.yaml: is the map itself"),
    (("export", "map.yaml", "--format", "csv", "-o", "map.yaml", "--overwrite"), "map.yaml: is the map itself"),
    (("export", "map.yaml", "--format", "csv", "-o", "toy.yaml"), "toy.yaml: exists already; --overwrite replaces it"),
    (("export", "map.yaml", "--format", "csv", "-o", "."), ".: is a folder, and csv has no file name of its own"),
    (("export", "map.yaml", "--format", "csv", "-o", "DSC_1.NEF", "--overwrite"), "DSC_1.NEF: is named like a photo"),
    (("export", "map.yaml", "--format", "csv", "-o", "x" * 300), os.strerror(errno.ENAMETOOLONG)),
    (("export", "map.yaml", "--format", "csv", "-o", "no/where"), "no/where: the folder no does not exist"),
    (("export", "slash.yaml", "--format", "rawtherapee", "-o", "."), "the camera's name makes no file name"),
    (("import", "nothing", "--format", "dcraw", "--profile", "toy.yaml"), "nothing: cannot be read: "),
    (("import", ".", "--format", "dcraw", "--profile", "toy.yaml"), ".: is a folder, expected a defect list"),
    (("import", "bad", "--format", "dcraw", "--profile", "toy.yaml"), "bad: line 2: y -2 is not in 0 to 14"),
    (("import", "bad", "--format", "dcraw", "--profile", "toy"), "'toy' is not a camera profile"),
    (("import", "bad", "--format", "dcraw", "--profile", "toy.yaml", "-o", "map.yaml"), "map.yaml: exists already"),
    (("import", "bad", "--format", "dcraw", "--profile", "toy.yaml", "-o", "bad", "--overwrite"), "is no defect map"),
    (("export", "map.yaml", "--format", "csv", "-o", "null", "--overwrite"), "null: is a link to a device, expected a"),
    (("export", "map.yaml", "--format", "csv", "-o", "shot", "--overwrite"), "shot: leads to DSC_1.NEF, which is"),
    (("import", "bad", "--format", "dcraw", "--profile", "toy.yaml", "-o", "null", "--overwrite"), "; -o - writes to"),
]


@pytest.mark.parametrize(
    "opening",
    [b"II*\0", b"MM\0*", b"\xff\xd8\xff\xe1", b"\0\0\0\x18ftypheic", b"FUJIFILM", b"II\x1a\0\0\0HEAPCCDR", b"8BPS"],
)
def test_a_photo_of_any_name_is_never_replaced(run, opening):
    Path("list.txt").write_bytes(opening + bytes(100))
    done = run("export", "map.yaml", "--format", "dcraw", "-o", "list.txt", "--overwrite")
    assert (done.exit_code, done.stderr) == (1, "Error: list.txt: holds a photo, which is never replaced\n")
    assert Path("list.txt").read_bytes() == opening + bytes(100)


def test_what_is_only_read_is_not_written(run):
    done = run("export", "map.yaml", "--format", "phase-one")
    assert (done.exit_code, done.stderr) == (1, "Error: format phase-one is only read, not written\n")


def test_where_the_map_s_profile_is_a_file_the_option_is_named(run):
    write_map(replace(jpeg_map(), profile="mine"), "mine.yaml")
    done = run("export", "mine.yaml", "--format", "dcraw")
    expected = "the map's profile 'mine' does not come with sensormap: name its file by --profile"
    assert (done.exit_code, done.stderr) == (1, f"Error: {expected}\n")


def test_an_unknown_format_is_wrong_usage(run):
    done = run("export", "map.yaml", "--format", "gimp")
    assert done.exit_code == 2
    assert "'gimp' is not a format: known are dcraw, " in done.output
    assert ", phase-one (only read), " in done.output
    assert "`sensormap export --list` names the formats" in run("export", "map.yaml").output


@pytest.mark.parametrize(("arguments", "message"), REFUSED)
def test_refusals_are_one_line_and_write_nothing(arguments, message, run, tmp_path):
    write_map(toy_map(body=replace(toy_map().body, model="../D80")), tmp_path / "slash.yaml")
    (tmp_path / "bad").write_bytes(b"1 2 0\r\n1 -2 0\r\n")
    (tmp_path / "DSC_1.NEF").write_bytes(b"II*\0")
    links = {"null": "/dev/null", "shot": "DSC_1.NEF"}
    for name, target in links.items():
        (tmp_path / name).symlink_to(target)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    done = run(*arguments)
    assert done.exit_code == 1
    assert done.output.startswith("Error: ")
    assert done.output.count("\n") == 1
    assert message in done.output
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert {name: str((tmp_path / name).readlink()) for name in links} == links


def test_import_says_how_many_entries_had_no_kind(run, tmp_path):
    (tmp_path / "list").write_bytes(b"3 4 0\n3 4 0\n5 6 0\n")
    done = run("import", "list", "--format", "dcraw", "--profile", "toy.yaml", "--kind", "stuck", "-v")
    assert done.exit_code == 0
    assert "kind: stuck" in done.stdout
    assert "list: 1 photosites are listed again, and count once" in done.stderr
    assert "list: 2 entries without a kind, taken for stuck" in done.stderr


def test_files_larger_than_any_list_are_refused(run, tmp_path, monkeypatch):
    monkeypatch.setitem(FORMATS, "dcraw", replace(FORMATS["dcraw"], max_bytes=10))
    (tmp_path / "list").write_bytes(b"3 4 0\n3 4 0\n5 6 0\n")
    done = run("import", "list", "--format", "dcraw", "--profile", "toy.yaml")
    assert (done.exit_code, "larger than" in done.output) == (1, True)
