"""Which files are photos: in folders of any shape, each once, and whatever cannot be searched is told once."""

from __future__ import annotations

import errno
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import permutations
from pathlib import Path

import pytest

from sensormap.errors import DecodeError
from sensormap.frame import Skipped
from sensormap.photos.finding import Found, Kind, find_each, find_photos, located_photo
from sensormap.photos.select import read_photos
from tests.support.folders import folders_within


def files(folder: Path, *names: str) -> list[Path]:
    """Make files that each hold their own name."""
    paths = [folder / name for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(path.relative_to(folder)))
    return paths


def names(found: Iterable[Path]) -> list[str]:
    return [path.name for path in found]


def test_folders_are_searched_below_for_names_of_photos(tmp_path: Path) -> None:
    files(tmp_path, "b.nef", "2009/deep/c.NEF", "2010/a.dng", "a.jpg", "a.nef.xmp", "nef", "scan.tif", "scan.PNG")
    assert names(find_photos([tmp_path], images=False)) == ["a.dng", "a.jpg", "b.nef", "c.NEF"]
    assert names(find_photos([tmp_path], images=True)) == ["a.dng", "a.jpg", "b.nef", "c.NEF", "scan.PNG", "scan.tif"]


def test_a_file_named_itself_is_taken_whatever_its_name(tmp_path: Path) -> None:
    (path,) = files(tmp_path, "holiday.jpg")
    assert find_photos([path, str(path)], images=False) == (path,)


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.nef", ["a.nef", "b.nef"]),
        ("?.n[e]f", ["a.nef", "b.nef"]),
        ("20*", ["c.nef", "d.nef"]),  # folders that match are searched
        ("**/d.nef", ["d.nef"]),
        ("*.jpg", ["x.jpg"]),
        ("*", ["a.nef", "b.nef", "c.nef", "d.nef", "x.jpg"]),
    ],
)
def test_patterns(tmp_path: Path, pattern: str, found: list[str]) -> None:
    files(tmp_path, "a.nef", "b.nef", "2009/c.nef", "2010/may/d.nef", "x.jpg")
    assert names(find_photos([f"{tmp_path}/{pattern}"], images=False)) == found


def test_a_name_that_looks_like_a_pattern_is_a_name_where_it_exists(tmp_path: Path) -> None:
    path, _ = files(tmp_path, "a[1].nef", "a1.nef")
    assert find_photos([path], images=False) == (path,)
    (folder,) = {path.parent for path in files(tmp_path, "[2010]/b.nef")}
    assert names(find_photos([folder], images=False)) == ["b.nef"]


def test_a_file_that_several_arguments_name_is_found_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files(tmp_path, "d80/a.nef", "d80/b.nef")
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "d80"
    arguments = [folder, "d80", "./d80/", f"{folder}/*.nef", "d80/a.nef", folder / "a.nef", "d80/../d80/b.nef"]
    for rotation in range(len(arguments)):
        found = find_photos(arguments[rotation:] + arguments[:rotation], images=False)
        # "d80/../d80" could lead elsewhere if d80 were a link: the copy is left out by its content later.
        assert names(path for path in found if ".." not in path.parts) == ["a.nef", "b.nef"]
        assert found == find_photos(arguments, images=False)


def test_photos_of_one_name_in_two_folders_are_two(tmp_path: Path) -> None:
    paths = files(tmp_path, "2010/a.nef", "2009/a.nef")
    assert find_photos([tmp_path], images=False) == (paths[1], paths[0])


def test_folders_named_like_photos_are_found_and_not_searched(tmp_path: Path) -> None:
    files(tmp_path, "x.nef/inside.nef", "deep/y.NEF/inside.nef", "a.nef")
    for argument in (tmp_path, f"{tmp_path}/*"):
        assert names(find_photos([argument], images=False)) == ["a.nef", "x.nef", "y.NEF"]
    _, unread = read_photos(find_photos([tmp_path / "deep"], images=False), jobs=1)
    assert unread == (Skipped("y.NEF", "is a folder, expected a photo"),)


def test_links_are_found_but_folders_are_not_followed(tmp_path: Path) -> None:
    (path,) = files(tmp_path, "photos/a.nef")
    (tmp_path / "photos" / "b.nef").symlink_to(path)
    (tmp_path / "photos" / "again").symlink_to(tmp_path / "photos")  # a loop, if followed
    assert names(find_photos([tmp_path / "photos"], images=False)) == ["a.nef", "b.nef"]
    (tmp_path / "link").symlink_to(tmp_path / "photos")
    assert names(find_photos([tmp_path / "link"], images=False)) == ["a.nef", "b.nef"]


@pytest.mark.parametrize("target", ["loop.nef", "missing.nef"])
def test_a_link_to_nowhere_is_found_and_skipped(tmp_path: Path, target: str) -> None:
    link = tmp_path / "loop.nef"
    link.symlink_to(tmp_path / target)
    for argument in (tmp_path, link, f"{tmp_path}/*.nef"):
        assert find_photos([argument], images=False) == (link,)
    photos, unread = read_photos([link], jobs=2)
    assert photos == ()
    assert [entry.name for entry in unread] == ["loop.nef"]
    assert unread[0].reason.startswith("cannot be read: ")


@pytest.mark.parametrize(
    "argument", ["missing.nef", "missing", "*.nef", "**/*", "~", "a" * 300, "~nobody_of_this_name/a.nef", "a.nef/b.nef"]
)
def test_an_argument_that_names_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argument: str) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "gone"))
    with pytest.raises(DecodeError, match="no such file, folder or pattern"):
        find_photos([argument], images=False)


def test_a_tilde_is_the_home_folder_or_a_part_of_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (path,) = files(tmp_path, "~a.nef")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert find_photos(["~"], images=False) == (path,)
    assert names(find_photos(["~a.nef"], images=False)) == ["~a.nef"]


def test_no_arguments_no_photos() -> None:
    assert find_photos([], images=False) == ()


def test_a_folder_that_cannot_be_listed_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> None:
        raise PermissionError(errno.EACCES, "not for you", path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(DecodeError, match=r"cannot be searched: not for you"):
        find_photos([tmp_path], images=False)


# one after the other


def each(*arguments: Path | str, images: bool = False) -> Counter[tuple[str, Kind]]:
    """Return what is found, by name and kind."""
    return Counter((Path(one.path).name, one.kind) for one in find_each(arguments, images=images))


def test_both_ways_find_the_same_photos(tmp_path: Path) -> None:
    files(tmp_path, "b.nef", "2009/deep/c.NEF", "2010/a.dng", "a.jpg", "a.nef.xmp", "nef", "scan.tif")
    (tmp_path / "2010" / "up").symlink_to(tmp_path)
    for images in (False, True):
        found = sorted(one.path for one in find_each([tmp_path], images=images) if one.kind is Kind.PHOTO)
        assert found == sorted(map(str, find_photos([tmp_path], images=images)))


def test_each_file_is_found_once_whatever_names_it_and_in_whatever_order(tmp_path: Path) -> None:
    files(tmp_path, "d80/a.nef", "d80/deep/b.nef")
    folder = tmp_path / "d80"
    expected = {("a.nef", Kind.PHOTO): 1, ("b.nef", Kind.PHOTO): 1}
    for arguments in permutations([folder, f"{folder}/deep/", folder / "a.nef", f"{tmp_path}/*/*.nef"]):
        assert each(*arguments) == expected


def test_links_to_folders_are_followed_into_each_folder_once(tmp_path: Path) -> None:
    files(tmp_path, "one/a.nef", "two/b.nef")
    (tmp_path / "one" / "other").symlink_to(tmp_path / "two")
    (tmp_path / "two" / "other").symlink_to(tmp_path / "one")
    (tmp_path / "one" / "itself").symlink_to("itself")
    (tmp_path / "one" / "nowhere").symlink_to("missing")
    for start in ("one", "two", "."):
        assert each(tmp_path / start) == {("a.nef", Kind.PHOTO): 1, ("b.nef", Kind.PHOTO): 1}


def test_hidden_ones_and_caches_are_left_out_and_counted(tmp_path: Path) -> None:
    files(
        tmp_path,
        *("a.nef", "._a.nef", ".trashed-1.jpg", ".thumbnails/x.jpg", "@eaDir/a.nef/thumb.jpg", ".DS_Store"),
        *("Lightroom Previews.lrdata/1/x.jpg", "$RECYCLE.BIN/b.nef", "deep/.git/c.jpg"),
    )
    hidden = {"._a.nef", ".trashed-1.jpg", ".thumbnails", "@eaDir", "Lightroom Previews.lrdata", "$RECYCLE.BIN", ".git"}
    assert each(tmp_path) == {("a.nef", Kind.PHOTO): 1} | dict.fromkeys(((name, Kind.HIDDEN) for name in hidden), 1)
    assert names(find_photos([tmp_path], images=False)) == ["a.nef"]


def test_what_is_hidden_is_found_where_it_is_named(tmp_path: Path) -> None:
    hidden, folder = files(tmp_path, ".a.nef", ".photos/b.nef")
    assert names(find_photos([hidden, folder.parent], images=False)) == [".a.nef", "b.nef"]
    assert each(hidden, folder.parent) == {(".a.nef", Kind.PHOTO): 1, ("b.nef", Kind.PHOTO): 1}


def test_files_beside_photos_are_counted_and_others_are_not_mentioned(tmp_path: Path) -> None:
    files(tmp_path, "a.nef", "a.xmp", "a.NEF.pp3", "A.THM", "a.txt", "a.mov", "a", "a.heic")
    sidecars = {(name, Kind.SIDECAR): 1 for name in ("a.xmp", "a.NEF.pp3", "A.THM")}
    assert each(tmp_path) == {("a.nef", Kind.PHOTO): 1} | sidecars


def test_nothing_but_folders_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files(tmp_path, "a.nef")
    os.mkfifo(tmp_path / "pipe.nef")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "device.nef").symlink_to("/dev/zero")

    def refuse(*_: object, **__: object) -> None:
        pytest.fail("a file was opened")

    monkeypatch.setattr("io.open", refuse)
    monkeypatch.setattr(os, "open", refuse)
    found = each(tmp_path)
    assert found == {(name, Kind.PHOTO): 1 for name in ("a.nef", "pipe.nef", "device.nef")}


@pytest.fixture
def locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with one inside that cannot be searched, and that two links lead to."""
    files(tmp_path, "a.nef", "locked/b.nef", "z/c.nef")
    for name in ("one", "two"):
        (tmp_path / name).symlink_to("locked")
    real = os.scandir

    def scandir(path: str) -> Iterator[os.DirEntry[str]]:
        if Path(path).resolve().name == "locked":
            raise PermissionError(errno.EACCES, "not for you", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    return tmp_path


def test_a_folder_that_cannot_be_searched_is_told_once_and_ends_nothing(locked: Path) -> None:
    found = list(find_each([locked], images=False))
    assert sorted(Path(one.path).name for one in found if one.kind is Kind.PHOTO) == ["a.nef", "c.nef"]
    (told,) = (one for one in found if one.kind is Kind.UNSEARCHABLE)
    assert told.reason == "not for you"
    (alone,) = find_each([locked / "locked"], images=False)
    assert alone == Found(str(locked / "locked"), Kind.UNSEARCHABLE, "not for you")


def test_a_folder_that_goes_meanwhile_ends_nothing(tmp_path: Path) -> None:
    paths = files(tmp_path, "one/a.nef", "two/b.nef", "c.nef")
    found = find_each([tmp_path], images=False)
    first = next(found)
    for path in paths:
        path.unlink()
        if path.parent != tmp_path:
            path.parent.rmdir()
    assert first.kind is Kind.PHOTO
    assert {one.kind for one in found} <= {Kind.UNSEARCHABLE, Kind.PHOTO}


def test_an_argument_that_names_nothing_is_told_before_anything_is_found(tmp_path: Path) -> None:
    files(tmp_path, "a.nef")
    with pytest.raises(DecodeError, match="missing: no such file, folder or pattern"):
        next(find_each([tmp_path, tmp_path / "missing"], images=False))
    with pytest.raises(DecodeError, match="an empty name"):
        next(find_each([""], images=False))


def test_folders_are_found_one_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No list of a large tree is held."""
    files(tmp_path, *(f"{number}/a.nef" for number in range(20)))
    opened = []
    real = os.scandir

    def scandir(path: str) -> Iterator[os.DirEntry[str]]:
        opened.append(path)
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    found = find_each([tmp_path], images=False)
    next(found)
    assert len(opened) == 2
    assert len(list(found)) == 19


@pytest.mark.parametrize("leads_to", ["/", ".."])
def test_a_link_to_where_the_folder_itself_lies_is_not_followed(tmp_path: Path, leads_to: str) -> None:
    files(tmp_path, "stranger.nef", "named/a.nef")
    (tmp_path / "named" / "link").symlink_to(leads_to)
    assert names(find_photos([tmp_path / "named"], images=False)) == ["a.nef"]
    assert [Path(str(one.path)).name for one in find_each([tmp_path / "named"], images=False)] == ["a.nef"]


def test_folders_within_each_other_are_searched_to_any_depth(tmp_path: Path) -> None:
    with folders_within(tmp_path, 1100):
        Path("a.nef").touch()
        assert names(find_photos([tmp_path], images=False)) == ["a.nef"]
        with pytest.raises(DecodeError, match="too many folders within each other; name the folder, without a pattern"):
            find_photos([f"{tmp_path}/**/*.nef"], images=False)


def test_a_user_that_does_not_exist_has_no_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DecodeError, match=r"^~nosuchuser/a\.nef: no such file, folder or pattern$"):
        find_photos(["~nosuchuser/a.nef"], images=False)
    assert located_photo("~nosuchuser/a.nef") == Path("~nosuchuser/a.nef")


def test_a_folder_that_cannot_be_searched_is_told_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files(tmp_path, "a.nef", "sub/b.nef")
    real = os.scandir

    def refuse(path: str | Path) -> object:
        if Path(path).name == "sub":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = find_photos([tmp_path], images=False)
    (entry,) = [one for one in read_photos(found, jobs=1)[1] if one.name == "sub"]
    assert entry == Skipped("sub", "a folder that cannot be searched: Permission denied")
