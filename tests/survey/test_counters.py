"""What a run costs, in counts that do not depend on the machine: frames decoded, passes over a frame, bytes held."""

from __future__ import annotations

import gc
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from threading import Lock, get_ident
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import sensormap.decode.libraw
import sensormap.detect.tally
import sensormap.score.paired_outliers
import sensormap.score.scores
import sensormap.survey.first_pass
import sensormap.survey.scenes_seen
from sensormap.assemble.pass_rules import RAW
from sensormap.camera.geometry import Rect
from sensormap.camera.profile import Profile
from sensormap.decode.reading import open_geometry, read_frame
from sensormap.frame import Frame, Photo
from sensormap.maps.sensor_map import SensorMap
from sensormap.photos.exif import read_photo
from sensormap.settings import Options
from sensormap.shards.summary import ShardSummary
from sensormap.survey.first_pass import run_first_pass
from sensormap.survey.run import map_defects
from sensormap.survey.saved_windows import split_frames
from tests.support.frames import SATURATION, TOY_PROFILE
from tests.support.photos import SIZE, write_photos, write_profile
from tests.support.toy_run import context, photos

COUNT = 24
LEADING = {number for batch in split_frames(COUNT, saving=True) for number in batch.leading}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return a folder of photos, and a profile."""
    folder = tmp_path_factory.mktemp("counters")
    write_photos(folder / "photos", COUNT)
    return folder / "photos", write_profile(folder)


def counted(place: tuple[Path, Path], **options: Any) -> tuple[SensorMap, Counter[int]]:
    """Return the map, and how often each photo was read."""
    calls: Counter[int] = Counter()
    lock = Lock()

    def read(photo: Photo, profile: Profile) -> Frame:
        with lock:
            calls[int(photo.path.stem[-4:])] += 1
        return read_frame(photo, profile)

    found = map_defects([place[0]], Options(profile=str(place[1]), **options), read=read)
    assert found.frames.used == COUNT
    return found, calls


# frames decoded


def test_there_are_others_which_the_second_pass_may_spare() -> None:
    assert 0.5 * COUNT < len(LEADING) < 0.7 * COUNT


@pytest.mark.parametrize("jobs", [1, 3])
def test_the_second_pass_reads_the_leading_frames_again_and_nothing_else(place: tuple[Path, Path], jobs: int) -> None:
    found, calls = counted(place, jobs=jobs)
    assert calls == {number: 1 + (number in LEADING) for number in range(COUNT)}
    assert found.frames.followed == COUNT


def test_without_a_second_pass_every_photo_is_read_once(place: tuple[Path, Path]) -> None:
    assert counted(place, follow=0)[1] == dict.fromkeys(range(COUNT), 1)


def test_what_is_not_followed_is_not_read_again(place: tuple[Path, Path]) -> None:
    found, calls = counted(place, follow=6)
    assert found.frames.followed == 6
    assert set(calls.values()) == {1, 2}
    again = {number for number, count in calls.items() if count == 2}
    assert again < LEADING
    assert len(again) < 6


@pytest.mark.parametrize("follow", [0, 256])
def test_libraw_opens_three_files_more_than_are_read_for_the_geometry(
    place: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, follow: int
) -> None:
    opened, decoded = [], []
    imread, values = sensormap.decode.libraw.rawpy.imread, sensormap.decode.libraw.raw_values
    monkeypatch.setattr(sensormap.decode.libraw.rawpy, "imread", lambda file: opened.append(1) or imread(file))
    monkeypatch.setattr(sensormap.decode.libraw, "raw_values", lambda raw: decoded.append(1) or values(raw))
    map_defects([place[0]], Options(profile=str(place[1]), follow=follow, decoder="rawpy"))
    assert len(decoded) == COUNT + (len(LEADING) if follow else 0)
    assert len(opened) == len(decoded) + 3


def test_the_geometry_of_a_known_camera_is_told_without_decoding(
    place: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = min(place[0].iterdir())
    profile = open_geometry(path, None)
    monkeypatch.setattr(sensormap.decode.libraw, "read_levels", lambda *_: pytest.fail("a photo was decoded"))
    assert open_geometry(path, profile).raw_size == SIZE


# passes over a frame


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> dict[str, Counter[tuple[int, int]]]:
    """Return how often each kernel was given each (frame, row); frames are numbered as they are tallied."""
    counts: dict[str, Counter[tuple[int, int]]] = {"tally_band": Counter(), "score_band": Counter()}
    sampled: dict[int, list[int]] = {}
    lock = Lock()
    add, band = sensormap.detect.tally.Tally.add, sensormap.detect.tally.tally_band
    score = sensormap.score.paired_outliers.score_band
    current: dict[int, int] = {}

    def spy_add(tally: Any, padded: Any, noise: Any, *, frame: int, **options: Any) -> Any:
        with lock:
            current[get_ident()] = frame
            if padded.shape[1] > 40:  # not the tiny one that has the kernels compiled
                counts["score_band"].update((frame, row) for row in sampled.pop(get_ident(), []))
        return add(tally, padded, noise, frame=frame, **options)

    def spy_band(padded: Any, first: int, last: int, *rest: Any) -> Any:
        if padded.shape[1] > 40:
            with lock:
                counts["tally_band"].update((current[get_ident()], row) for row in range(first, last))
        return band(padded, first, last, *rest)

    def spy_score(padded: Any, first: int, last: int, *rest: Any) -> Any:
        with lock:
            sampled.setdefault(get_ident(), []).extend(range(first, last))
        return score(padded, first, last, *rest)

    monkeypatch.setattr(sensormap.detect.tally.Tally, "add", spy_add)
    monkeypatch.setattr(sensormap.detect.tally, "tally_band", spy_band)
    monkeypatch.setattr(sensormap.score.paired_outliers, "score_band", spy_score)
    monkeypatch.setattr(sensormap.score.scores, "score_band", lambda *_: pytest.fail("a whole frame was scored"))
    return counts


@pytest.mark.parametrize("jobs", [1, 3])
def test_every_row_of_every_frame_is_tallied_once_and_only_a_sample_scored_besides(
    place: tuple[Path, Path], rows: dict[str, Counter[tuple[int, int]]], monkeypatch: pytest.MonkeyPatch, jobs: int
) -> None:
    """Followed or not: the second pass reads a few thousand photosites."""
    height, width = SIZE[1] - 5, SIZE[0] - 4
    monkeypatch.setattr(sensormap.score.paired_outliers, "_SAMPLED", height * width // 3)
    found = map_defects([place[0]], Options(profile=str(place[1]), jobs=jobs))
    assert found.frames.repeated == 0
    assert rows["tally_band"] == {(frame, row): 1 for frame in range(COUNT) for row in range(height)}
    assert set(rows["score_band"].values()) == {1}
    sampled = Counter(frame for frame, _ in rows["score_band"])
    assert set(sampled) == set(range(COUNT))
    assert max(sampled.values()) <= height / 3
    assert min(sampled.values()) >= height / 4


# bytes allocated: tracemalloc sees what NumPy takes

LARGE = (448, 448)
FRAME_BYTES = 2 * LARGE[0] * LARGE[1]
AREA = Rect(0, 0, *LARGE)
PROFILE = Profile(**{**vars(TOY_PROFILE), "raw_size": LARGE, "active_area": AREA, "jpeg_crop": None})
MOST_FRAMES = 48


@pytest.fixture(scope="module")
def scenes() -> NDArray[np.int16]:
    """Return frames of noise, each of other brightness: what any scene costs in memory, made fast."""
    rng = np.random.default_rng(1)
    base = rng.normal(0, 1, LARGE)
    light = 300 + 40 * np.arange(MOST_FRAMES) % 1500
    frames = np.empty((MOST_FRAMES, *LARGE), np.int16)
    for number in range(MOST_FRAMES):
        shifted = np.roll(base, rng.integers(0, 448, 2), axis=(0, 1))
        frames[number] = np.clip(light[number] + 30 * shifted, 0, SATURATION)
    return frames


@pytest.fixture(autouse=True)
def _stop() -> Iterator[None]:
    yield
    tracemalloc.stop()


def peak(scenes: NDArray[np.int16], count: int, *, follow: bool, threads: int = 1) -> tuple[int, ShardSummary]:
    """Return the most bytes that a first pass over some frames holds at once, those of the frames included."""

    def read(photo: Photo, _: Profile) -> Frame:
        return Frame(photo, scenes[int(photo.path.stem)].copy(), 0, SATURATION, photo.path.stem)

    gc.collect()
    tracemalloc.start()
    shared = context(read, threads=threads)
    found = run_first_pass(photos(count), PROFILE, RAW, shared, follow=range(count) if follow else ())
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(found.records) == count
    assert not any(one.repeat for one in found.records.values())
    return most, found


def bytes_of(value: Any) -> int:
    """Return the bytes of all arrays in a value."""
    if isinstance(value, np.ndarray):
        return value.nbytes
    if is_dataclass(value):
        return sum(bytes_of(getattr(value, field.name)) for field in fields(value))
    return sum(map(bytes_of, value)) if isinstance(value, list | tuple) else 0


@pytest.fixture(scope="module")
def peaks(scenes: NDArray[np.int16]) -> dict[int, tuple[int, ShardSummary]]:
    """Return the peak of a pass over few frames and of one over many."""
    with pytest.MonkeyPatch.context() as patch:
        # What does not grow with the sensor shall take no larger share here than of one of ten megapixels.
        patch.setattr(sensormap.score.paired_outliers, "_SAMPLED", LARGE[0] * LARGE[1] // 10)
        patch.setattr(sensormap.survey.scenes_seen, "_REMEMBERED", 4)
        peak(scenes, 2, follow=False)  # what is allocated once and for all
        return {count: peak(scenes, count, follow=False) for count in (12, MOST_FRAMES)}


def test_four_times_the_frames_take_less_than_one_frame_more(peaks: dict[int, tuple[int, ShardSummary]]) -> None:
    assert peaks[MOST_FRAMES][0] - peaks[12][0] < FRAME_BYTES


def test_no_memory_grows_as_frames_times_photosites(peaks: dict[int, tuple[int, ShardSummary]]) -> None:
    """One thread holds the sums, frames read ahead, one as padded, and what the checks take in between."""
    most, found = peaks[MOST_FRAMES]
    sums = sum(one.nbytes for one in (*found.tally.sums, found.tally.sum_outlying, found.shifted_sums))
    assert sums < 15 * FRAME_BYTES / 2
    assert sums < most < sums + (6 + sensormap.survey.first_pass._AHEAD) * FRAME_BYTES


def test_a_pass_that_saves_keeps_a_few_numbers_a_photosite_of_each_frame(scenes: NDArray[np.int16]) -> None:
    windows = peak(scenes, MOST_FRAMES, follow=True)[1].saved_windows
    assert set(windows) == {number for batch in split_frames(MOST_FRAMES, saving=True) for number in batch.later}
    assert all(one.values.nbytes == 6 * len(one.follow_list) for one in windows.values())
    assert len({id(one.follow_list) for one in windows.values()}) == len(split_frames(MOST_FRAMES, saving=True))


@pytest.mark.parametrize("follow", [False, True])
def test_after_the_votes_less_than_a_kilobyte_is_kept_of_a_frame_and_no_outlier(
    scenes: NDArray[np.int16], follow: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared: list[Any] = []
    for name in ("SavedWindows", "_FirstPass"):
        kind = getattr(sensormap.survey.first_pass, name)
        remember = lambda *values, kind=kind, **named: shared.append(kind(*values, **named)) or shared[-1]  # noqa: E731
        monkeypatch.setattr(sensormap.survey.first_pass, name, remember)
    _, found = peak(scenes, 24, follow=follow)
    saved, run = shared
    assert not any(saved._outliers)
    assert not run._outliers
    assert max(map(bytes_of, found.records.values())) < 1024
    assert sum(map(bytes_of, found.records.values())) > 0


def test_a_frame_as_decoded_is_no_larger_than_two_bytes_a_photosite(place: tuple[Path, Path]) -> None:
    path = min(place[0].iterdir())
    profile = open_geometry(path, None)
    photo = read_photo(path)
    read_frame(photo, profile)
    tracemalloc.start()
    frame = read_frame(photo, profile)
    held, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert frame.mosaic.dtype == np.int16
    size = 2 * SIZE[0] * SIZE[1]
    # The file's bytes, and a copy where the mosaic is not used as it was decoded.
    assert held < 1.1 * size
    assert most < 2.5 * size + photo.size_bytes
