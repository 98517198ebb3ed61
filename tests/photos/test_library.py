"""The bodies that took some photos: all of them, in any order of files, and what is left out with its reason."""

from __future__ import annotations

import logging
import os
import random
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fixtures.files.jpeg import jpeg_bytes
from fixtures.files.nef import NefMeta
from sensormap.camera.profile import Body
from sensormap.errors import DecodeError
from sensormap.photos import library
from sensormap.photos.exif import read_photo
from sensormap.photos.library import FoundBody, LeftOut, Library, Remainder, scan, select_bodies
from sensormap.photos.mark import marked
from sensormap.photos.select import NAMELESS
from sensormap.settings import Options
from sensormap.survey.passes import FEWEST_FRAMES
from tests.support.frames import TOY_PROFILE
from tests.support.photos import NOON, SERIAL, nef, write_photos

D80 = Body("NIKON CORPORATION", "NIKON D80", SERIAL)


def counts(found: Library) -> dict[Body, tuple[int, int]]:
    return {one.body: (one.raw_photos, one.jpegs) for one in found.bodies}


def reasons(found: Library) -> dict[str, int]:
    return {one.reason: one.count for one in found.left_out}


@cache
def jpeg(number: int, *, size: tuple[int, int] = (96, 64), software: str = "Ver.1.01 ", **meta: object) -> bytes:
    """Return a JPEG of a camera without a profile."""
    facts = {"model": "NIKON D8X", "serial": SERIAL, "captured": NOON + timedelta(days=1, minutes=number)}
    picture = np.full((size[1], size[0], 3), 40 + number, np.uint8)
    return jpeg_bytes(picture, NefMeta(**(facts | meta))).replace(b"Ver.1.01 ", software.ljust(9).encode())


def write(folder: Path, **contents: bytes) -> None:
    """Write files by their names, in which a double underscore stands for the dot."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name.replace("__", ".")).write_bytes(content)


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Return a folder of photos of four bodies, and of much else."""
    write_photos(tmp_path / "one", 12)
    write_photos(tmp_path / "two", 3, serial="../../x")
    write_photos(tmp_path / "without", 2, serial=None)
    write_photos(tmp_path / "d50", 1, model="NIKON D50", serial=None)
    small = jpeg(9, size=(48, 32))
    write(tmp_path / "jpegs", **{f"{number}__jpg": jpeg(number) for number in range(4)}, small__jpg=small)
    write(tmp_path / "jpegs", edited__jpg=jpeg(5, software="GIMP 2.10"), copy__jpg=jpeg(1), text__jpg=b"text" * 99)
    write(tmp_path / "jpegs", corrected__nef=marked(nef(3)), empty__nef=b"", half__nef=nef(4)[:8])
    write(tmp_path / "one", DSC_0001__xmp=b"x", DSC_0001__NEF__pp3=b"x", notes__txt=b"x")
    write(tmp_path / ".thumbnails", x__jpg=jpeg(2))
    return tmp_path


EXPECTED = {
    library.COPY: 1,
    library.ODD_SIZE: 1,
    library.EDITED: 2,
    library.UNREADABLE: 2,
    NAMELESS: 1,
    library.LOST_SERIAL: 2,
    "files beside photos, such as .xmp, .pp3 and .thm": 2,
    "hidden photos and folders, and caches of thumbnails: not read": 1,
}


def test_all_bodies_are_found_and_what_is_left_out_is_counted_by_its_reason(mixed: Path) -> None:
    found = scan([mixed])
    assert counts(found) == {
        D80: (12, 0),
        replace(D80, serial="../../x"): (3, 0),
        replace(D80, model="NIKON D50", serial=""): (1, 0),
        replace(D80, model="NIKON D8X"): (0, 4),
    }
    assert reasons(found) == EXPECTED
    assert list(found.bodies) == sorted(found.bodies, key=lambda one: one.body)
    assert [one.count for one in found.left_out] == sorted(EXPECTED.values(), reverse=True)
    assert LeftOut(library.EDITED, 2, "corrected.nef") in found.left_out


def test_the_order_of_files_and_arguments_does_not_matter(mixed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = scan([mixed])
    assert scan([mixed], jobs=1) == expected
    assert scan([*sorted(mixed.iterdir(), reverse=True)[:-1], mixed]) == expected
    real = os.scandir

    class Shuffled(list):
        def __enter__(self) -> Shuffled:
            return self

        def __exit__(self, *_: object) -> None:
            pass

    draw = random.Random(1)

    def scandir(path: str) -> Shuffled:
        found = list(real(path))
        return Shuffled(draw.sample(found, len(found)))

    monkeypatch.setattr(os, "scandir", scandir)
    for _ in range(4):
        assert scan([mixed]) == expected


def test_what_is_told_of_a_body(tmp_path: Path) -> None:
    write_photos(tmp_path, 12)
    assert scan([tmp_path]).bodies == (
        FoundBody(D80, "nikon-d80", 12, 0, NOON, NOON + timedelta(minutes=11), usable=True, note=""),
    )


@pytest.mark.parametrize(
    ("count", "serial", "usable", "note"),
    [
        (1, "1", False, "one photo; a map takes at least 2, better dozens"),
        (2, "1", True, "few photos; a map to rely on takes 10 or more"),
        (10, "1", True, ""),
        (10, None, True, "serial number unknown, told by its model only"),
    ],
)
def test_it_is_said_whether_a_body_can_be_mapped(
    tmp_path: Path, count: int, serial: str | None, usable: bool, note: str
) -> None:
    write_photos(tmp_path, count, serial=serial)
    (found,) = scan([tmp_path]).bodies
    assert (found.usable, found.note) == (usable, note)
    assert library.FEWEST_PHOTOS == FEWEST_FRAMES


def test_one_raw_photo_and_one_jpeg_are_not_enough(tmp_path: Path) -> None:
    write_photos(tmp_path, 1, model="NIKON D8X")
    write(tmp_path, a__jpg=jpeg(1))
    (found,) = scan([tmp_path]).bodies
    assert (found.raw_photos, found.jpegs, found.usable) == (1, 1, False)
    write(tmp_path, b__jpg=jpeg(2))
    assert scan([tmp_path]).bodies[0].usable


def test_a_body_all_of_whose_photos_are_left_out_is_told(tmp_path: Path) -> None:
    write(tmp_path, **{f"{number}__jpg": jpeg(number, model="NIKON D80") for number in range(3)})
    found = scan([tmp_path])
    (body,) = found.bodies
    assert (body.raw_photos, body.jpegs, body.usable, body.first) == (0, 0, False, None)
    assert body.note.startswith("all photos left out; ")
    assert reasons(found) == {library.ODD_SIZE: 3}


def test_photos_without_a_serial_number_are_a_body_where_no_other_of_their_model_is(tmp_path: Path) -> None:
    write_photos(tmp_path / "a", 3, serial=None)
    without = replace(D80, serial="")
    assert counts(scan([tmp_path])) == {without: (3, 0)}
    write_photos(tmp_path / "b", 1, first=20)  # one photo alone may have damaged EXIF
    assert counts(scan([tmp_path])) == {without: (3, 0), D80: (1, 0)}
    write_photos(tmp_path / "b", 2, first=20)
    found = scan([tmp_path])
    assert counts(found) == {D80: (2, 0)}
    assert reasons(found) == {library.LOST_SERIAL: 3}


@pytest.mark.parametrize("size", [1, 3, 512])
def test_portions_do_not_matter(mixed: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    expected = scan([mixed])
    monkeypatch.setattr(library, "_AT_ONCE", size)
    assert scan([mixed]) == expected


def test_never_more_headers_wait_than_a_portion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a tree of any size."""
    monkeypatch.setattr(library, "_AT_ONCE", 4)
    write_photos(tmp_path, 12)
    taken = []
    real = library.find_each

    def find(*arguments: object, **options: object) -> object:
        for one in real(*arguments, **options):
            taken.append(one)
            yield one

    monkeypatch.setattr(library, "find_each", find)
    waiting = []

    def read(path: Path) -> object:
        waiting.append(len(taken))
        return read_photo(path)

    scan([tmp_path], read_header=read)
    assert waiting[:4] == [4] * 4
    assert max(waiting[:8]) == 8


def test_how_many_are_read_is_told_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_photos(tmp_path, 12)
    monkeypatch.setattr(library, "_PORTION", 5)
    told: list[int] = []
    scan([tmp_path], on_read=told.append)
    assert told == [5, 10]


# bad input

ASCII = st.text(st.characters(min_codepoint=1, max_codepoint=126), max_size=12)


def test_no_photos_are_no_bodies(tmp_path: Path) -> None:
    assert scan([tmp_path]) == Library((), ())
    assert scan([]) == Library((), ())
    with pytest.raises(DecodeError, match="no such file"):
        scan([tmp_path / "missing"])


def make_gone(path: Path) -> None:
    path.symlink_to("nowhere")


def make_loop(path: Path) -> None:
    path.symlink_to(path.name)


BAD = {
    "empty": lambda path: path.write_bytes(b""),
    "folder": Path.mkdir,
    "pipe": os.mkfifo,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "gone": make_gone,
    "loop": make_loop,
}


@pytest.mark.parametrize("make", BAD.values(), ids=BAD)
def test_what_cannot_be_read_is_counted_and_ends_nothing(tmp_path: Path, make: object) -> None:
    write_photos(tmp_path, 2)
    make(tmp_path / "bad.nef")
    found = scan([tmp_path])
    assert counts(found) == {D80: (2, 0)}
    assert found.left_out == (LeftOut(library.UNREADABLE, 1, "bad.nef"),)


def test_a_photo_that_goes_before_it_is_compared_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_photos(tmp_path, 3)
    (tmp_path / "x.nef").write_bytes(nef(1))
    real = library._by_body

    def then_gone(*arguments: object, **options: object) -> object:
        groups = real(*arguments, **options)
        (tmp_path / "x.nef").unlink()
        return groups

    monkeypatch.setattr(library, "_by_body", then_gone)
    found = scan([tmp_path])
    assert counts(found) == {D80: (3, 0)}
    assert reasons(found) == {library.UNREADABLE: 1}


def test_a_folder_that_cannot_be_searched_is_said_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write_photos(tmp_path / "good", 2)
    write_photos(tmp_path / "locked", 2)
    real = os.scandir

    def scandir(path: str) -> object:
        if path.endswith("locked"):
            raise PermissionError(13, "not for you", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    found = scan([tmp_path])
    assert counts(found) == {D80: (2, 0)}
    assert found.left_out == (LeftOut("folders that cannot be searched", 1, "locked"),)
    assert [record.getMessage() for record in caplog.records] == [
        f"{tmp_path / 'locked'}: cannot be searched: not for you"
    ]


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.tuples(ASCII, ASCII, ASCII), min_size=1, max_size=4))
def test_hostile_exif_makes_bodies_that_can_be_printed(tmp_path: Path, texts: list[tuple[str, str, str]]) -> None:
    for path in tmp_path.glob("*.nef"):
        path.unlink()
    for number, (make, model, serial) in enumerate(texts):
        (tmp_path / f"{number}.nef").write_bytes(nef(number, make=make, model=model, serial=serial))
    found = scan([tmp_path])
    assert all(f"{one.body}".isprintable() for one in found.bodies)
    assert sum(one.raw_photos for one in found.bodies) + sum(reasons(found).values()) == len(texts)


# what is asked for


def test_each_file_that_is_left_out_is_logged_with_its_own_reason(
    mixed: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    scan([mixed])
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == sum(EXPECTED.values())
    assert f"left out {mixed / 'jpegs' / 'empty.nef'}: is empty (0 bytes), expected a photo" in said


def test_strictly_the_first_that_cannot_be_read_is_an_error(mixed: Path) -> None:
    with pytest.raises(DecodeError, match=r"^(corrected|empty)\.nef: |^(edited|text)\.jpg: "):
        select_bodies([mixed], Remainder(strict=True))


def test_a_serial_number_leaves_other_bodies_out(mixed: Path) -> None:
    remainder = Remainder()
    (selection,) = select_bodies([mixed], remainder, Options(serial="../../x"))
    assert (selection.body.serial, len(selection.photos)) == ("../../x", 3)
    assert {one.reason: one.count for one in remainder.listed()}[library.OTHER_CAMERA] == 12 + 2 + 1 + 6


def test_without_jpegs_none_is_read(mixed: Path) -> None:
    selections = select_bodies([mixed], Remainder(), Options(jpegs=False))
    assert "NIKON D8X" not in {one.body.model for one in selections}


def test_a_profile_leaves_other_models_out(mixed: Path) -> None:
    profile = replace(TOY_PROFILE, make=D80.make, model="NIKON D50")
    assert [one.body.model for one in select_bodies([mixed], Remainder(), profile=profile)] == ["NIKON D50"]


def test_photos_without_exif_are_those_of_the_profile_s_camera_if_most_have_none(tmp_path: Path) -> None:
    write(tmp_path, **{f"{number}__nef": nef(number, make=None, model=None) for number in range(3)})
    write_photos(tmp_path, 2)
    profile = replace(TOY_PROFILE, model="OTHER")
    remainder = Remainder()
    (selection,) = select_bodies([tmp_path], remainder, profile=profile)
    assert (selection.body.model, len(selection.photos)) == ("", 3)
    assert [(one.reason, one.count) for one in remainder.listed()] == [(library.OTHER_CAMERA, 2)]
    assert {one.body for one in select_bodies([tmp_path], Remainder())} == {D80}
