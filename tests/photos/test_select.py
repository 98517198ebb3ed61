"""Which photos a run uses: found once each, of one body, each content once, in an order of their own."""

from __future__ import annotations

import errno
import os
import random
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensormap.camera.profile import Body
from sensormap.errors import DecodeError, FrameMismatchError
from sensormap.frame import Exposure, Photo, Skipped, VideoFrame
from sensormap.photos.finding import find_photos
from sensormap.photos.refusals import skipped
from sensormap.photos.select import Selection, in_order, read_photos, select_photos
from tests.support.frames import TOY_PROFILE

ONE = Body("ACME", "ACME One", "1")
TWO = Body("ACME", "ACME One", "2")
ZERO = Body("ACME", "ACME Zero", "1")
NO_SERIAL = Body("ACME", "ACME One", "")
NO_EXIF = Body("", "", "")
NOON = datetime(2010, 5, 2, 12)


def files(folder: Path, *names: str) -> list[Path]:
    """Make files that each hold their own name."""
    paths = [folder / name for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(path.relative_to(folder)))
    return paths


def test_reasons_do_not_repeat_the_name() -> None:
    assert skipped("a.nef", DecodeError("a.nef: is empty")) == Skipped("a.nef", "is empty")
    assert skipped("a.nef", "b.nef: is empty") == Skipped("a.nef", "b.nef: is empty")


@pytest.mark.parametrize("jobs", [1, 3])
def test_files_that_are_no_photos_are_skipped_in_order(tmp_path: Path, jobs: int) -> None:
    paths = files(tmp_path, *(f"{number}.nef" for number in range(6)))
    for path in paths[::2]:
        path.write_bytes(b"")
    photos, unread = read_photos(paths, jobs=jobs)
    assert [photo.path for photo in photos] == paths[1::2]
    assert unread == tuple(Skipped(path.name, "is empty (0 bytes), expected a photo") for path in paths[::2])


# selecting


def photo(name: str, body: Body = ONE, *, size: int = 0, folder: str = "nowhere", **exposure: Any) -> Photo:
    """Return a photo whose size tells it apart from those of other names, so that no content need be read."""
    return Photo(Path(folder, name), size or 1000 + sum(name.encode()), body, Exposure(**exposure))


def select(*photos: Photo, **options: Any) -> Selection:
    return select_photos(photos, **({"profile": None, "serial": None} | options))


def kept(selection: Selection) -> list[str]:
    return [photo.path.name for photo in selection.photos]


def test_photos_are_in_order_of_capture() -> None:
    photos = [
        photo("z.nef", time=NOON.replace(microsecond=250_000)),
        photo("y.nef", time=NOON.replace(year=2009)),
        photo("x.nef", time=NOON),
        photo("w.nef"),
        photo("c.nef", time=NOON.replace(year=2011), shutter_count=8),
        photo("b.nef", time=NOON.replace(year=2011), shutter_count=9),
        photo("d.nef", time=NOON.replace(year=2011)),
        photo("e.nef", time=NOON.replace(year=2011)),
    ]
    expected = ["y.nef", "x.nef", "z.nef", "d.nef", "e.nef", "c.nef", "b.nef", "w.nef"]
    for seed in range(6):
        random.Random(seed).shuffle(photos)
        selection = select(*photos)
        assert kept(selection) == expected
        assert selection.body == ONE
        assert selection.skipped == ()


def test_photos_without_time_and_count_are_in_the_order_of_the_numbers_in_their_names() -> None:
    names = ["IMG_2.nef", "IMG_9.nef", "IMG_10.nef", "IMG_100.nef", "a1b20.nef", "a1b100.nef", "a20b3.nef", "b.nef"]
    photos = [photo(name, size=1000 + number) for number, name in enumerate(names)]
    for seed in range(6):
        random.Random(seed).shuffle(photos)
        assert kept(select(*photos)) == names


def test_nothing_to_select_from() -> None:
    assert select() == Selection(NO_EXIF, (), ())
    assert select(profile=TOY_PROFILE) == Selection(NO_EXIF, (), ())


@pytest.mark.parametrize("other", [TWO, ZERO, Body("OTHER", "ACME One", "1")])
def test_several_bodies_are_an_error_that_lists_them(other: Body) -> None:
    with pytest.raises(FrameMismatchError, match="photos of several cameras") as caught:
        select(photo("a.nef"), photo("b.nef", other), photo("c.nef"), photo("d.nef", other))
    assert f"{ONE} (2 photos)" in str(caught.value)
    assert f"{other} (2 photos)" in str(caught.value)
    for choice in ("--serial", "--profile", "its photos only"):
        assert choice in str(caught.value)


def taken(*counts: int) -> list[Photo]:
    """Return so many photos of each of some bodies, whose serial numbers are 1, 2, 3 ..., in an order of their own."""
    bodies = [serial for serial, count in enumerate(counts, start=1) for _ in range(count)]
    random.Random(1).shuffle(bodies)
    return [photo(f"{n:03}.nef", replace(ONE, serial=str(serial)), size=1000 + n) for n, serial in enumerate(bodies)]


@pytest.mark.parametrize(
    "counts",
    [(2, 1), (1, 2), (3, 1), (3, 1, 1), (1, 1, 3), (5, 1, 1, 1, 1), (10, 2), (60, 3), (60, 12), (10, 2, 2, 2, 2, 1)],
)
def test_strays_of_other_bodies_are_skipped(counts: tuple[int, ...]) -> None:
    photos, most = taken(*counts), str(counts.index(max(counts)) + 1)
    strays = [one for one in photos if one.body.serial != most]
    selection = select(*photos)
    assert selection.body.serial == most
    assert {one.body.serial for one in selection.photos} == {most}
    assert len(selection.photos) == max(counts)
    assert selection.skipped == tuple(
        Skipped(one.path.name, f"taken by {one.body}, expected ACME One, serial {most}") for one in strays
    )
    assert select(*reversed(photos)).photos == selection.photos


@pytest.mark.parametrize(
    "counts",
    [(1, 1), (2, 2), (2, 1, 1), (5, 1, 1, 1, 1, 1), (3, 2), (9, 2), (30, 30), (40, 20), (60, 13), (10, 2, 2, 2, 2, 2)],
)
def test_a_mixture_of_bodies_is_an_error_that_lists_them(counts: tuple[int, ...]) -> None:
    photos = taken(*counts)
    for found in (photos, photos[::-1]):
        with pytest.raises(FrameMismatchError, match="photos of several cameras: ") as caught:
            select(*found)
        for serial, count in enumerate(counts, start=1):
            assert f"ACME One, serial {serial} ({count} photo" in str(caught.value)
    assert len(select(*photos, serial="2").photos) == counts[1]


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (Body("ACME", "ACME One", "0"), "taken by ACME One, serial 0, expected ACME One, serial 1"),
        (Body("ACME", "ACME One", ""), "its EXIF has no serial number, so it may be of another body than ACME One, s"),
        (Body("ACME", "ACME On", "1"), "taken by ACME On, serial 1, expected ACME One, serial 1"),
        (Body("ACME", "", "1"), "no EXIF that names the camera"),
        (
            Body("", "ACME One", "1"),
            "taken by ACME One, serial 1 (make '', model 'ACME One'), "
            "expected ACME One, serial 1 (make 'ACME', model 'ACME One')",
        ),
        (Body("ICME", "ACME One", "1"), "taken by ICME ACME One, serial 1, expected ACME One, serial 1"),
    ],
)
@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize("options", [{}, {"profile": TOY_PROFILE}, {"serial": "1"}])
def test_a_photo_with_damaged_exif_may_be_of_another_body(
    found: Body, reason: str, place: int, options: dict[str, Any]
) -> None:
    photos = [photo("a.nef"), photo("c.nef")]
    photos.insert(place, photo("b.nef", found))
    selection = select(*photos, **options)
    assert (kept(selection), selection.body) == (["a.nef", "c.nef"], ONE)
    (entry,) = selection.skipped
    assert entry.name == "b.nef"
    assert entry.reason.startswith(reason)


def test_two_photos_that_differ_in_their_make_alone_are_listed_by_it() -> None:
    message = r"serial 1 \(make '', model 'ACME One'\) \(1 photo\); ACME One, serial 1 \(make 'ACME'"
    with pytest.raises(FrameMismatchError, match=message):
        select(photo("a.nef"), photo("b.nef", replace(ONE, make="")))


def test_one_photo_that_gained_a_serial_number_is_the_stray() -> None:
    photos = [photo(f"{n}.nef", NO_SERIAL if n else ONE, size=1000 + n) for n in range(7)]
    selection = select(*photos)
    assert selection.body == NO_SERIAL
    assert selection.skipped == (Skipped("0.nef", f"taken by {ONE}, expected {NO_SERIAL}"),)
    assert select(*photos[:3], photo("x.nef", size=2000)).body == ONE  # two with one, two without


def test_a_serial_number_chooses_the_body() -> None:
    selection = select(photo("a.nef"), photo("b.nef", TWO), photo("c.nef", NO_SERIAL), serial="2")
    assert kept(selection) == ["b.nef"]
    assert selection.body == TWO
    assert selection.skipped == (
        Skipped("a.nef", "taken by ACME One, serial 1, expected ACME One, serial 2"),
        Skipped("c.nef", "its EXIF has no serial number, so it may be of another body than ACME One, serial 2"),
    )


def test_a_serial_number_that_no_body_has() -> None:
    with pytest.raises(FrameMismatchError, match=r"--serial '9': no photo of that body; found ACME One, serial 1 \(1"):
        select(photo("a.nef"), serial="9")
    with pytest.raises(FrameMismatchError, match="--serial '9': no photo of that body; found none"):
        select(serial="9")


def test_one_serial_number_of_two_models_needs_the_profile_too() -> None:
    photos = photo("a.nef"), photo("b.nef", ZERO)
    with pytest.raises(FrameMismatchError, match="several cameras"):
        select(*photos, serial="1")
    assert kept(select(*photos, serial="1", profile=TOY_PROFILE)) == ["a.nef"]


def test_a_profile_leaves_other_models_out() -> None:
    selection = select(photo("a.nef"), photo("b.nef", ZERO), profile=TOY_PROFILE)
    assert kept(selection) == ["a.nef"]
    assert selection.skipped == (Skipped("b.nef", "taken by ACME Zero, serial 1, expected ACME One, serial 1"),)


def test_a_profile_of_another_model_is_left_to_the_geometry_to_judge() -> None:
    assert kept(select(photo("a.nef", ZERO), profile=TOY_PROFILE)) == ["a.nef"]


def test_a_photo_without_serial_may_be_another_body_s() -> None:
    selection = select(photo("a.nef"), photo("b.nef", NO_SERIAL), photo("c.nef"))
    assert kept(selection) == ["a.nef", "c.nef"]
    reason = "its EXIF has no serial number, so it may be of another body than ACME One, serial 1"
    assert selection.skipped == (Skipped("b.nef", reason),)


def test_a_camera_that_writes_no_serial_is_one_body() -> None:
    assert kept(select(photo("a.nef", NO_SERIAL), photo("b.nef", NO_SERIAL))) == ["a.nef", "b.nef"]


def test_photos_without_exif_need_a_profile() -> None:
    selection = select(photo("a.nef", NO_EXIF), photo("b.nef"))
    assert kept(selection) == ["b.nef"]
    assert selection.skipped == (Skipped("a.nef", "no EXIF that names the camera"),)
    for other in (ONE, ZERO):
        selection = select(photo("a.nef", NO_EXIF), photo("b.nef", other), profile=TOY_PROFILE)
        assert kept(selection) == ["b.nef"]
        assert selection.skipped == (Skipped("a.nef", "no EXIF that names the camera"),)
    (entry,) = select(photo("a.nef", NO_EXIF)).skipped
    assert entry.reason == "no EXIF that names the camera; name a profile (--profile) to use such photos"
    few = [photo("a.fits", NO_EXIF), *(replace(photo("a", NO_EXIF), path=VideoFrame(Path("v.ser"), n)) for n in (0, 1))]
    reasons = [(one.name, one.reason.split("; ")[0]) for one in select(*few).skipped]
    assert reasons == [
        ("a.fits", "no INSTRUME, which names the camera"),
        ("v.ser", "its header names no camera"),
    ]
    alone = select(photo("a.nef", NO_EXIF), photo("b.nef", NO_EXIF), profile=TOY_PROFILE)
    assert kept(alone) == ["a.nef", "b.nef"]
    assert alone.body == NO_EXIF


def test_a_stray_with_exif_beside_photos_without_is_skipped() -> None:
    photos = [photo("a.nef", ZERO), photo("b.png", NO_EXIF), photo("c.png", NO_EXIF)]
    selection = select(*photos, profile=TOY_PROFILE)
    assert (kept(selection), selection.body) == (["b.png", "c.png"], NO_EXIF)
    assert selection.skipped == (Skipped("a.nef", f"taken by {ZERO}, expected unknown camera, serial unknown"),)
    assert kept(select(photo("a.nef"), *photos[1:], profile=TOY_PROFILE)) == ["a.nef"]  # of the profile's model


# clocks


def shots(*pairs: tuple[int | None, int | None]) -> list[Photo]:
    """Return photos a.nef, b.nef ... by minute past noon and shutter count."""
    return [
        photo(
            f"{'abcdefgh'[i]}.nef",
            size=1000 + i,
            time=None if minute is None else NOON.replace(minute=minute),
            shutter_count=count,
        )
        for i, (minute, count) in enumerate(pairs)
    ]


@pytest.mark.parametrize(
    ("pairs", "order", "jumps"),
    [
        ([(1, 10), (2, 20), (3, 30)], "abc", 0),
        ([(3, 30), (1, 10), (2, 20)], "bca", 0),
        ([(1, 20), (1, 10), (2, 30)], "bac", 0),  # one minute: the count decides, and nothing is wrong
        ([(1, 10), (5, 20), (2, 30), (3, 40)], "abcd", 1),  # set back once
        ([(4, 10), (5, 20), (1, 30), (2, 40)], "abcd", 1),
        ([(5, 10), (4, 20), (3, 30)], "abc", 2),
        ([(1, 10), (5, 20), (2, 30), (3, None)], "acdb", 0),  # without every count nothing is told
        ([(1, 7), (2, 7), (3, 7)], "abc", 0),  # a count that stands still
        ([(None, 30), (None, 10), (None, 20)], "bca", 0),
        ([(1, 10), (None, 20), (3, 30)], "acb", 0),  # a time that is missing is none that is too late
    ],
)
def test_times_that_contradict_the_shutter_counts_are_counted_and_the_counts_believed(
    pairs: list[tuple[int | None, int | None]], order: str, jumps: int
) -> None:
    photos = shots(*pairs)
    for seed in range(4):
        random.Random(seed).shuffle(photos)
        selection = select(*photos)
        assert "".join(name[0] for name in kept(selection)) == order
        assert selection.clock_jumps == jumps


@given(seed=st.integers(0, 99))
def test_jpegs_are_put_in_order_as_raw_photos_are(seed: int) -> None:
    photos = shots((4, 10), (5, 20), (1, 30), (2, 40))
    random.Random(seed).shuffle(photos)
    ordered, jumps = in_order(photos)
    assert ([one.path.name[0] for one in ordered], jumps) == (list("abcd"), 1)
    assert in_order([]) == ((), 0)


def test_hundredths_of_a_second_are_no_contradiction() -> None:
    """Some files have lost them."""
    photos = [photo(f"{n}.nef", time=NOON.replace(microsecond=10_000 * (90 - n)), shutter_count=n) for n in range(3)]
    assert in_order(photos)[1] == 0


# JPEGs


def test_jpegs_are_apart_by_whether_a_raw_photo_shows_their_shot() -> None:
    full = {"jpeg_size": (35, 29)}
    raw, other = photo("a.nef", time=NOON, shutter_count=1), photo("b.nef", time=NOON, shutter_count=2)
    twin, alone = photo("a.jpg", time=NOON.replace(microsecond=90_000), shutter_count=1), photo("c.jpg")
    twin, alone, small = replace(twin, **full), replace(alone, **full), replace(photo("d.jpg"), jpeg_size=(8, 6))
    turned = replace(photo("e.jpg"), jpeg_size=(29, 35))
    selection = select(other, small, alone, raw, twin, turned, profile=TOY_PROFILE)
    assert (selection.photos, selection.jpegs, selection.twins) == ((raw, other), (alone,), ((twin, raw),))
    assert [entry.name for entry in selection.skipped] == ["d.jpg", "e.jpg"]


def test_a_stray_jpeg_beside_raw_photos_and_a_stray_raw_photo_beside_jpegs_are_skipped() -> None:
    phone = Body("Apple", "iPhone", "")
    jpegs = [replace(photo(f"{n}.jpg", phone, size=1000 + n), jpeg_size=(35, 29)) for n in range(5)]
    selection = select(photo("a.nef"), photo("b.nef"), *jpegs)
    assert (kept(selection), selection.jpegs) == (["a.nef", "b.nef"], ())
    assert selection.skipped[0] == Skipped("0.jpg", f"taken by {phone}, expected {ONE}")
    for strays in ([photo("a.nef")], [photo("a.nef"), photo("b.nef", ZERO)]):
        selection = select(*strays, *jpegs)
        assert (selection.photos, selection.jpegs) == ((), tuple(jpegs))
        assert selection.skipped == tuple(
            Skipped(one.path.name, f"taken by {one.body}, expected {phone}") for one in strays
        )


def test_the_jumps_of_a_clock_are_those_of_raw_photos() -> None:
    raws = shots((1, 10), (2, 20))
    jpegs = [replace(one, path=Path(f"x{i}.jpg"), jpeg_size=(35, 29)) for i, one in enumerate(shots((9, 3), (8, 4)))]
    assert select(*raws, *jpegs).clock_jumps == 0
    assert select(*jpegs).clock_jumps == 0
    assert in_order(jpegs)[1] == 1


# copies


def stored(path: Path, text: str, **exposure: Any) -> Photo:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return Photo(path, len(text), ONE, Exposure(**exposure))


def test_copies_are_left_out_by_content(tmp_path: Path) -> None:
    photos = [
        stored(tmp_path / "a.nef", "same", time=NOON),
        stored(tmp_path / "copy.nef", "same", time=NOON),
        stored(tmp_path / "old" / "a.nef", "same", time=NOON),
        stored(tmp_path / "b.nef", "else", time=NOON),  # looks alike
        stored(tmp_path / "c.nef", "longer", time=NOON),
    ]
    for seed in range(6):
        random.Random(seed).shuffle(photos)
        selection = select(*photos)
        assert kept(selection) == ["a.nef", "b.nef", "c.nef"]
        assert sorted(selection.skipped) == [
            Skipped("a.nef", "same content as a.nef"),
            Skipped("copy.nef", "same content as a.nef"),
        ]


def test_a_link_to_a_photo_is_its_copy(tmp_path: Path) -> None:
    first = stored(tmp_path / "a.nef", "same")
    (tmp_path / "b.nef").symlink_to(first.path)
    selection = select(first, Photo(tmp_path / "b.nef", 4, ONE, first.exposure))
    assert kept(selection) == ["a.nef"]
    assert selection.skipped == (Skipped("b.nef", "same content as a.nef"),)


def test_only_photos_that_look_alike_are_read() -> None:
    assert kept(select(photo("a.nef", size=5, iso=100), photo("b.nef", size=5, iso=200))) == ["a.nef", "b.nef"]
    selection = select(photo("a.nef", size=5), photo("b.nef", size=5), photo("c.nef", size=6))
    assert kept(selection) == ["c.nef"]
    assert [entry.reason for entry in selection.skipped] == [f"cannot be read: {os.strerror(errno.ENOENT)}"] * 2


def test_a_copy_of_another_body_s_photo_is_that_body_s(tmp_path: Path) -> None:
    first = stored(tmp_path / "a.nef", "same")
    other = Photo(stored(tmp_path / "b.nef", "same").path, 4, TWO, first.exposure)
    selection = select(other, first, serial="1")
    assert kept(selection) == ["a.nef"]
    assert [entry.name for entry in selection.skipped] == ["b.nef"]
    assert "taken by" in selection.skipped[0].reason


@given(
    keys=st.lists(
        st.tuples(
            st.sampled_from("abcdefgh"), st.none() | st.integers(0, 3), st.none() | st.integers(0, 2), st.integers(1, 9)
        ),
        unique_by=lambda key: (key[0], key[3]),
        max_size=8,
    ),
    seed=st.integers(0, 99),
)
def test_neither_the_order_nor_the_folder_changes_the_selection(
    keys: list[tuple[str, int | None, int | None, int]], seed: int
) -> None:
    def run(folder: str, shuffle: bool) -> tuple[list[str], list[Skipped], Body]:
        photos = [
            photo(
                f"{name}.nef",
                size=10 * index + size + 1000,
                folder=folder,
                time=None if minute is None else NOON.replace(minute=minute),
                shutter_count=count,
            )
            for index, (name, minute, count, size) in enumerate(keys)
        ]
        if shuffle:
            random.Random(seed).shuffle(photos)
        selection = select(*photos)
        return kept(selection), sorted(selection.skipped), selection.body

    assert run("nowhere", shuffle=True) == run("some/other/place", shuffle=False)


def test_the_same_photos_found_elsewhere_in_another_order_are_the_same_selection(tmp_path: Path) -> None:
    def run(folder: str, arguments: list[str]) -> tuple[list[str], list[Skipped]]:
        places = {"x/a.nef": "1", "y/b.nef": "22", "y/a.nef": "1", "y/c.nef": "333"}
        for place, text in places.items():
            stored(tmp_path / folder / place, text)
        paths = find_photos([tmp_path / folder / argument for argument in arguments], images=False)
        photos = [Photo(path, path.stat().st_size, ONE, Exposure()) for path in paths]
        selection = select(*photos)
        return kept(selection), list(selection.skipped)

    expected = ["a.nef", "b.nef", "c.nef"], [Skipped("a.nef", "same content as a.nef")]
    assert run("one", ["x", "y"]) == run("two", ["y/*.nef", "x", "x/a.nef"]) == run("three", ["."]) == expected


def test_of_one_shot_the_largest_file_is_kept_whatever_the_names(tmp_path):
    time = datetime(2010, 5, 2, 17, 31, 8, 250_000)
    shots = [("a.nef", b"cut", 7), ("b.nef", b"whole", 7), ("c.nef", b"other", 8)]
    photos = []
    for name, content, count in [*shots, ("d.nef", b"x", None), ("e.nef", b"y", None)]:
        path = tmp_path / name
        path.write_bytes(content)
        body, exposure = Body("NIKON CORPORATION", "NIKON D80", "1"), Exposure(time=time, shutter_count=count)
        photos.append(Photo(path, len(content), body, exposure))
    selection = select_photos(photos, profile=None, serial=None)
    assert {photo.path.name for photo in selection.photos} == {"b.nef", "c.nef", "d.nef", "e.nef"}
    assert selection.skipped == (Skipped("a.nef", "same capture time and shutter count as b.nef"),)
