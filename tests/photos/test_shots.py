"""Which files show one shot: raw before JPEG, whole before cut, once each."""

from __future__ import annotations

import errno
import hashlib
import os
import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensormap.camera.profile import Body, Profile
from sensormap.camera.profile_files import get_profile
from sensormap.frame import Exposure, Photo, Skipped
from sensormap.photos.shots import find_twins, of_full_size, without_copies

BODY = Body("ACME", "ACME One", "1")
NOON = datetime(2010, 5, 2, 12, 0, 0, 250_000)
LATER = NOON + timedelta(days=400)
FULL, SMALL = (3872, 2592), (1936, 1296)
D80 = get_profile("nikon-d80")


def photo(
    name: str, time: datetime | None = None, count: int | None = None, *, size: int = 0, folder: str = "", **values: Any
) -> Photo:
    """Return a photo whose size tells it apart from those of other names, so that no content need be read."""
    exposure = Exposure(time=time, shutter_count=count)
    return Photo(Path(folder, name), size or 1000 + sum(name.encode()), BODY, exposure, **values)


def jpeg(name: str, time: datetime | None = None, count: int | None = None, **values: Any) -> Photo:
    return photo(name, time, count, **({"jpeg_size": FULL} | values))


def names(photos: Iterable[Photo]) -> list[str]:
    return [one.path.name for one in photos]


def twins(jpegs: Sequence[Photo], raws: Sequence[Photo]) -> tuple[list[str], list[tuple[str, str]]]:
    alone, paired = find_twins(jpegs, raws)
    return names(alone), [(picture.path.name, raw.path.name) for picture, raw in paired]


# JPEGs beside raw photos


def test_one_capture_time_and_shutter_count_are_one_shot_whatever_the_names() -> None:
    raws = [photo("DSC_0001.NEF", NOON, 7), photo("DSC_0002.NEF", NOON, 8)]
    for raw in raws:
        picture = jpeg("holiday.jpg", NOON, raw.exposure.shutter_count)
        assert twins([picture], raws) == ([], [("holiday.jpg", raw.path.name)])


@pytest.mark.parametrize("name", ["DSC_0001.JPG", "holiday.jpg"])
@pytest.mark.parametrize(("microseconds", "same"), [((0, 250_000), True), ((250_000, 990_000), True), ((0, -1), False)])
@pytest.mark.parametrize("swap", [False, True])
def test_times_are_compared_to_the_second(name: str, microseconds: tuple[int, int], same: bool, swap: bool) -> None:
    """Cameras and converters may drop the hundredths from one of the two files."""
    raw, picture = (NOON.replace(microsecond=0) + timedelta(microseconds=one) for one in microseconds)
    raw, picture = (picture, raw) if swap else (raw, picture)
    found = twins([jpeg(name, picture, 7)], [photo("DSC_0001.NEF", raw, 7)])
    assert found == (([], [(name, "DSC_0001.NEF")]) if same else ([name], []))


@pytest.mark.parametrize(("time", "count"), [(NOON, 9), (LATER, 7), (None, 7), (NOON, None), (None, None)], ids=str)
def test_of_another_name_anything_less_is_another_shot(time: datetime | None, count: int | None) -> None:
    """Bursts share a time, and a count may be missing from both."""
    assert twins([jpeg("holiday.jpg", time, count)], [photo("DSC_0001.NEF", NOON, 7)]) == (["holiday.jpg"], [])
    assert twins([jpeg("holiday.jpg", time, count)], [photo("DSC_0001.NEF", time, None)]) == (["holiday.jpg"], [])


@pytest.mark.parametrize("name", ["DSC_0001.JPG", "dsc_0001.jpg", "DSC_0001.jpeg"])
@pytest.mark.parametrize(
    ("raw", "picture"),
    [
        ((NOON, 7), (NOON, 7)),
        ((NOON, None), (NOON, None)),
        ((NOON, 7), (NOON, None)),
        ((NOON, 7), (None, 7)),
        ((NOON, 7), (None, None)),
        ((None, None), (NOON, 7)),
        ((None, None), (None, None)),
    ],
)
def test_one_name_but_for_its_ending_is_one_shot_unless_something_contradicts_it(
    name: str, raw: tuple[Any, Any], picture: tuple[Any, Any]
) -> None:
    """In another folder too."""
    raws = [photo("DSC_0001.NEF", *raw, folder="raws")]
    assert twins([jpeg(name, *picture, folder="jpegs")], raws) == ([], [(name, "DSC_0001.NEF")])


@pytest.mark.parametrize(("time", "count"), [(LATER, None), (LATER, 7), (NOON, 8), (None, 8), (LATER, 8)])
def test_one_name_at_two_times_or_counts_is_two_shots(time: datetime | None, count: int | None) -> None:
    """Cameras number their files again from 1 after 9999."""
    assert twins([jpeg("DSC_0001.JPG", time, count)], [photo("DSC_0001.NEF", NOON, 7)]) == (["DSC_0001.JPG"], [])


def test_of_raws_of_one_name_that_of_the_same_time_is_the_twin() -> None:
    raws = [photo("DSC_0001.NEF", time, folder=str(time.year)) for time in (NOON, LATER)]
    jpegs = [jpeg("DSC_0001.JPG", LATER), jpeg("DSC_0001.JPG", NOON)]
    for order in (raws, raws[::-1]):
        assert find_twins(jpegs, order) == ([], list(zip(jpegs, raws[::-1], strict=True)))
    third = jpeg("DSC_0001.JPG", LATER + timedelta(days=400))
    assert find_twins([third], raws) == ([third], [])


def test_another_name_is_another_shot() -> None:
    assert twins([jpeg("DSC_0001_edit.JPG", NOON)], [photo("DSC_0001.NEF", NOON)])[0] == ["DSC_0001_edit.JPG"]


def test_a_raw_photo_has_several_jpegs() -> None:
    jpegs = [jpeg("DSC_0001.JPG", NOON, 7), jpeg("copy of DSC_0001.JPG", NOON, 7), jpeg("DSC_0002.JPG", LATER, 8)]
    alone, paired = twins(jpegs, [photo("DSC_0001.NEF", NOON, 7)])
    assert alone == ["DSC_0002.JPG"]
    assert paired == [("DSC_0001.JPG", "DSC_0001.NEF"), ("copy of DSC_0001.JPG", "DSC_0001.NEF")]


def test_without_raw_photos_every_jpeg_stays_in_order() -> None:
    jpegs = [jpeg(f"{name}.jpg") for name in "cab"]
    assert find_twins(jpegs, []) == (jpegs, [])
    assert find_twins([], [photo("a.nef")]) == ([], [])


# full size


def test_of_a_known_camera_the_size_is_its_profile_s() -> None:
    """Though most have another."""
    jpegs = [jpeg("a.jpg"), jpeg("b.jpg", jpeg_size=SMALL), jpeg("c.jpg", jpeg_size=SMALL)]
    kept, small = of_full_size(jpegs, D80)
    assert names(kept) == ["a.jpg"]
    reason = "picture of 1936 x 1296 pixels, expected the full size 3872 x 2592: a smaller size, 50 % of the width"
    assert small == [Skipped("b.jpg", reason), Skipped("c.jpg", reason)]


def test_of_an_unknown_camera_the_size_is_the_largest_that_is_not_rare() -> None:
    """Though most have another."""
    jpegs = [jpeg("a.jpg", jpeg_size=SMALL), jpeg("b.jpg"), jpeg("c.jpg"), jpeg("d.jpg", jpeg_size=SMALL)]
    jpegs.append(jpeg("e.jpg", jpeg_size=SMALL))
    kept, small = of_full_size(jpegs, None)
    assert names(kept) == ["b.jpg", "c.jpg"]
    told = "picture of 1936 x 1296 pixels, expected the full size 3872 x 2592, the largest of many: a smaller size, "
    assert small == [Skipped(f"{name}.jpg", f"{told}50 % of the width") for name in "ade"]


@pytest.mark.parametrize(
    ("small", "large", "full"),
    [(20, 1, SMALL), (20, 3, SMALL), (20, 4, FULL), (3, 1, SMALL), (1, 1, FULL), (0, 1, FULL), (1, 2, FULL)],
)
def test_panoramas_are_larger_but_rare(small: int, large: int, full: tuple[int, int]) -> None:
    """Fewer than a fifth of the usual ones, or a single one of several."""
    sizes = [SMALL] * small + [FULL] * large
    kept, _ = of_full_size([jpeg(f"{number}.jpg", jpeg_size=size) for number, size in enumerate(sizes)], None)
    assert {one.jpeg_size for one in kept} == {full}


@given(
    sizes=st.lists(st.sampled_from([FULL, SMALL, FULL[::-1], (4000, 100)]), min_size=1, max_size=9),
    seed=st.integers(0, 99),
)
def test_the_order_of_files_does_not_choose_the_size_and_no_larger_one_has_as_many(
    sizes: list[tuple[int, int]], seed: int
) -> None:
    jpegs = [jpeg(f"{number}.jpg", jpeg_size=size) for number, size in enumerate(sizes)]
    kept, left_out = of_full_size(jpegs, None)
    (size,) = {one.jpeg_size or (0, 0) for one in kept}
    assert all(other[0] * other[1] <= size[0] * size[1] for other in sizes if sizes.count(other) >= len(kept))
    assert len(kept) + len(left_out) == len(sizes)
    random.Random(seed).shuffle(jpegs)
    shuffled, others = of_full_size(jpegs, None)
    assert (set(names(shuffled)), set(others)) == (set(names(kept)), set(left_out))


@pytest.mark.parametrize("profile", [D80, None])
def test_a_picture_of_the_full_size_on_its_side_was_turned(profile: Profile | None) -> None:
    jpegs = [jpeg("a.jpg"), jpeg("b.jpg"), jpeg("turned.jpg", jpeg_size=FULL[::-1]), jpeg("x.jpg", jpeg_size=SMALL)]
    kept, left_out = of_full_size(jpegs, profile)
    assert names(kept) == ["a.jpg", "b.jpg"]
    turned, small = left_out
    assert turned.reason.startswith("picture of 2592 x 3872 pixels, expected ")
    assert turned.reason.endswith(": turned after it was taken")
    assert "turned" not in small.reason


@pytest.mark.parametrize(
    ("size", "told"),
    [
        ((4288, 2848), "the full size of the NIKON D2X and of "),
        ((4100, 2745), "larger than the camera makes them, so enlarged or of another camera"),
        ((3872, 2178), "cropped"),
        ((2896, 1944), "a smaller size, 74.8 % of the width"),
        ((3008, 2000), "a smaller size, 77.7 % of the width, or the full size of the NIKON D100 and of "),
    ],
)
def test_a_size_that_is_not_the_camera_s_is_told(size: tuple[int, int], told: str) -> None:
    """Larger ones and those of other cameras too."""
    _, (left_out,) = of_full_size([jpeg("a.jpg"), jpeg("b.jpg"), jpeg("odd.jpg", jpeg_size=size)], D80)
    assert left_out.reason.startswith(f"picture of {size[0]} x {size[1]} pixels, expected the full size 3872 x 2592: ")
    assert told in left_out.reason


@pytest.mark.parametrize(
    ("sizes", "kept"),
    [
        ([FULL, SMALL, SMALL], [0]),
        ([SMALL, SMALL], [0, 1]),
        ([FULL[::-1], FULL[::-1]], [0, 1]),
        ([(3872, 2595), (3872, 2595), SMALL], [0, 1]),
        ([(3800, 2544), (3800, 2544)], [0, 1]),
        ([(2896, 1944), (2896, 1944), SMALL], [0, 1]),
    ],
)
def test_a_size_of_a_table_gives_way_where_no_jpeg_has_it(sizes: list[tuple[int, int]], kept: list[int]) -> None:
    jpegs = [jpeg(f"{number}.jpg", jpeg_size=size) for number, size in enumerate(sizes)]
    found, _ = of_full_size(jpegs, replace(D80, verified=False))
    assert names(found) == [f"{number}.jpg" for number in kept]


def test_no_pictures_no_size() -> None:
    assert of_full_size([], D80) == ([], [])
    assert of_full_size([], None) == ([], [])


# copies


def test_of_files_that_look_alike_and_hold_the_same_the_first_is_kept(tmp_path: Path) -> None:
    jpegs = []
    for name, content in (("a.jpg", b"same"), ("b.jpg", b"same"), ("c.jpg", b"else"), ("d.jpg", b"longer")):
        (tmp_path / name).write_bytes(content)
        jpegs.append(jpeg(name, NOON, size=len(content), folder=str(tmp_path)))
    for seed in range(4):
        random.Random(seed).shuffle(jpegs)
        kept, copies = without_copies(jpegs)
        assert names(kept) == ["a.jpg", "c.jpg", "d.jpg"]
        assert copies == [Skipped("b.jpg", "same content as a.jpg")]


def test_of_one_shot_the_largest_file_is_kept() -> None:
    """The others were stored again, or cut."""
    jpegs = [jpeg("a.jpg", NOON, 7, size=500), jpeg("b.jpg", NOON, 7, size=900), jpeg("c.jpg", NOON, 8, size=400)]
    for seed in range(4):
        random.Random(seed).shuffle(jpegs)
        kept, copies = without_copies(jpegs)
        assert names(kept) == ["b.jpg", "c.jpg"]
        assert copies == [Skipped("a.jpg", "same capture time and shutter count as b.jpg")]


@pytest.mark.parametrize(("microseconds", "same"), [(0, True), (749_000, True), (750_000, False)])
def test_copies_are_told_by_the_second(microseconds: int, same: bool) -> None:
    """A file that was stored again may have lost the hundredths."""
    later = NOON + timedelta(microseconds=microseconds)
    kept, _ = without_copies([jpeg("a.jpg", later, 7, size=500), jpeg("b.jpg", NOON, 7, size=900)])
    assert names(kept) == ["a.jpg", "b.jpg"][same:]


@pytest.mark.parametrize(("time", "count"), [(NOON, None), (None, 7), (None, None)])
def test_a_time_or_a_count_alone_does_not_make_a_copy(time: datetime | None, count: int | None) -> None:
    jpegs = [jpeg("a.jpg", time, count), jpeg("b.jpg", time, count)]
    assert without_copies(jpegs) == (jpegs, [])


def test_a_file_that_is_gone_is_told() -> None:
    kept, copies = without_copies([jpeg("a.jpg", size=5), jpeg("b.jpg", size=5), jpeg("c.jpg", size=6)])
    assert names(kept) == ["c.jpg"]
    assert {entry.reason for entry in copies} == {f"cannot be read: {os.strerror(errno.ENOENT)}"}


def test_a_file_of_several_names_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in backups that link what did not change."""
    (tmp_path / "a.nef").write_bytes(b"same")
    (tmp_path / "b.nef").hardlink_to(tmp_path / "a.nef")
    (tmp_path / "c.nef").symlink_to("a.nef")
    (tmp_path / "d.nef").write_bytes(b"else")
    read = []
    real = hashlib.file_digest

    def digest(file: Any, kind: str) -> Any:
        read.append(file.name)
        return real(file, kind)

    monkeypatch.setattr(hashlib, "file_digest", digest)
    kept, copies = without_copies([photo(f"{name}.nef", NOON, size=4, folder=str(tmp_path)) for name in "dcba"])
    assert (names(kept), [one.name for one in copies]) == (["a.nef", "d.nef"], ["b.nef", "c.nef"])
    assert len(read) == 2


def test_copies_of_a_shot_that_its_count_tells_are_not_read() -> None:
    kept, copies = without_copies([photo("a.nef", NOON, 7, size=500), photo("b.nef", NOON, 7, size=500)])
    assert names(kept) == ["a.nef"]
    assert copies == [Skipped("b.nef", "same capture time and shutter count as a.nef")]
