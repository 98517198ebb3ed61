"""A shard's result comes back from its file to the bit; no other file does any harm."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensormap.detect.tally import Tally
from sensormap.errors import StateError
from sensormap.shards.add_up import add_up, place_in_run
from sensormap.shards.file_format.archive import content, pack, read_entries
from sensormap.shards.file_format.reading_writing import (
    ShardPhotos,
    read_any_summary,
    read_shard_photos,
    read_summary,
    summary_bytes,
)
from sensormap.shards.summary import ShardSummary
from tests.support.shards import assert_same, drawn, sharing, surveyed

PRINT = "0a" * 32
SOME = frozenset({2, 7})
SHAPE, STEP, PHOTOS = (9, 13), 2, 6
"""Of a small file."""

Members = dict[str, bytes]


def read_back(data: bytes, path: Path, *, shape: Any = SHAPE, step: int = STEP, photos: int = PHOTOS) -> ShardSummary:
    path.write_bytes(data)
    return read_summary(path, PRINT, shape, step, photos)


def came_back(summary: ShardSummary, path: Path, *, step: int = 2) -> ShardSummary:
    data = summary_bytes(summary, PRINT)
    found = read_back(data, path, shape=summary.tally.shape, step=step, photos=summary.tally.max_frames)
    assert_same(found, summary)
    assert sharing(found) == sharing(summary)
    assert summary_bytes(found, PRINT) == data
    path.write_bytes(summary_bytes(summary, PRINT, deflate=False))
    as_it_is = read_summary(path, PRINT, summary.tally.shape, step, summary.tally.max_frames)
    assert summary_bytes(as_it_is, PRINT) == data
    return found


# round trip


@pytest.mark.parametrize(
    "shard",
    [
        {},
        {"jpeg": True},
        {"mono": True},
        {"refused": SOME, "contradicted": frozenset({4}), "by_fallback": frozenset({5, 6})},
        {"repeated": SOME},
        {"repeated": frozenset(range(14))},
        {"refused": frozenset(range(14))},
        {"photos": 1},
        {"photos": 120},
    ],
    ids=lambda shard: " ".join(shard) or "plain",
)
def test_a_survey_comes_back(shard: dict[str, Any], tmp_path: Path) -> None:
    summary = surveyed(**shard)
    came_back(summary, tmp_path / "shard.npz", step=1 if shard.get("mono") else 2)


def test_the_surveys_above_have_what_they_are_meant_to_have() -> None:
    odd = surveyed(refused=SOME, contradicted=frozenset({4}), by_fallback=frozenset({5, 6}))
    assert sorted(odd.skipped) == [2, 4, 7]
    assert sorted(odd.contradictions) == [4]
    assert {n for n, record in odd.records.items() if record.by_fallback} == {5, 6}
    assert len(surveyed(repeated=SOME).counted) == 12
    assert surveyed(repeated=frozenset(range(14))).tally.frames == 0
    long = surveyed(photos=120)
    assert len({id(windows.follow_list) for windows in long.saved_windows.values()}) == 2
    assert all(one.outliers.index.size for one in long.block_votes[::3])
    assert all(one.paired_outliers is None for one in surveyed(jpeg=True).fingerprints.values())
    assert {one.paired_outliers is None for one in long.fingerprints.values()} == {False}


@given(seed=st.integers(0, 10**6), step=st.sampled_from([1, 2]), photos=st.integers(1, 136), high=st.integers(6, 20))
def test_what_is_drawn_at_random_comes_back(
    tmp_path_factory: pytest.TempPathFactory, seed: int, step: int, photos: int, high: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "drawn.npz"
    came_back(
        drawn(seed, shape=(high, 6 + seed % 11), step=step, photos=min(photos, 9) if seed % 4 else photos),
        path,
        step=step,
    )


def test_what_was_read_adds_up_like_what_was_surveyed(tmp_path: Path) -> None:
    firsts, frames = [0, 12], 24
    parts = [surveyed(photos=12, first=first, refused=frozenset({15})) for first in firsts]
    read = [came_back(part, tmp_path / "shard.npz") for part in parts]
    sums = [
        add_up((place_in_run(part, first, frames) for part, first in zip(some, firsts, strict=True)), frames)
        for some in (parts, read)
    ]
    assert_same(*sums)


def test_bytes_depend_on_the_result_only() -> None:
    summary = surveyed()
    turned = replace(
        summary,
        records=dict(reversed(summary.records.items())),
        saved_windows=dict(reversed(summary.saved_windows.items())),
        fingerprints=dict(reversed(summary.fingerprints.items())),
    )
    assert summary_bytes(turned, PRINT) == summary_bytes(summary, PRINT)


def test_other_programs_read_a_file(tmp_path: Path) -> None:
    path, summary = tmp_path / "shard.npz", surveyed()
    path.write_bytes(summary_bytes(summary, PRINT))
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert {one.date_time for one in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    with np.load(path, allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["hidden"], summary.tally.hidden)
        low, high = arrays["sum_z"].astype(np.int16)
        np.testing.assert_array_equal(low | high << 8, summary.tally.sum_z)
        assert json.loads(arrays["summary.json"])["fingerprint"] == PRINT


# results that are none of one shard


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda one: place_in_run(one, 3, 40), "40 photos, expected 1 to 144, numbered from 0"),
        (lambda one: add_up([place_in_run(one, 0, 14)], 14) and replace(one, votes=one.votes * 2), "votes of 2 shards"),
        (lambda one: replace(one, skipped={0: one}), "numbered from 0"),
        (lambda one: replace(one, tally=Tally(one.tally.shape, frames=14)), "sums of 0 frames"),
        (lambda one: replace(one, tally=Tally(one.tally.shape, frames=15)), "14 photos"),
        (lambda one: replace(one, shifts=one.shifts.astype(np.int64)), "int64"),
        (lambda one: replace(one, shifted_sums=one.shifted_sums[:-9]), "shape"),
    ],
)
def test_other_results_are_not_written(change: Callable[[Any], ShardSummary], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        summary_bytes(change(surveyed()), PRINT)


def test_places_that_are_not_ascending_are_not_written() -> None:
    summary = surveyed()
    block = summary.votes[0].block_votes[0]
    assert block.following.size > 1
    turned = replace(block, following=block.following[::-1])
    with pytest.raises(ValueError, match="not ascending"):
        summary_bytes(replace(summary, votes=(replace(summary.votes[0], block_votes=(turned,)),)), PRINT)


# hostile files


# Drawn such that nothing is missing, as a test below says.
RESULT = drawn(994)
SMALL = summary_bytes(RESULT, PRINT)


def members() -> Members:
    return {entry.name: content(SMALL, entry, entry.size) for entry in read_entries(SMALL)}


def sealed(data: bytes) -> bytes:
    """Return an archive with the sum that fits."""
    return data[:-64] + hashlib.sha256(data[:-64]).hexdigest().encode()


def stating(**values: Any) -> bytes:
    """Return the file with other values in its JSON."""
    found = members()
    stated = json.loads(found["summary.json"]) | values
    found["summary.json"] = json.dumps(stated, sort_keys=True, separators=(",", ":")).encode()
    return pack(found.items())


def with_json(text: bytes) -> bytes:
    return pack((members() | {"summary.json": text}).items())


def with_array(name: str, values: Any) -> bytes:
    """Return the file with another array."""
    file = io.BytesIO()
    np.save(file, values)
    return pack((members() | {f"{name}.npy": file.getvalue()}).items())


def with_value(name: str, value: int | float, place: int = 0) -> bytes:
    """Return the file with another value at one place of an array, of which only that place's first byte is kept."""
    with np.load(io.BytesIO(SMALL)) as arrays:
        found = arrays[name].copy()
    found.reshape(-1)[place] = value
    return with_array(name, found)


def stated(key: str) -> Any:
    return json.loads(members()["summary.json"])[key]


def bomb() -> bytes:
    """Return a file whose first member states 50 bytes, and is 100 MB of zeros."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = deflate.compress(bytes(100 << 20)) + deflate.flush()
    data = bytearray(pack([("summary.json", bytes(99))]))
    opening = 30 + len("summary.json")
    (stored,) = struct.unpack_from("<I", data, 18)
    for place in (18, opening + stored + 20):
        struct.pack_into("<I", data, place, len(packed))
    for place in (22, opening + stored + 24):
        struct.pack_into("<I", data, place, 50)
    data[opening : opening + stored] = packed
    struct.pack_into("<I", data, len(data) - 64 - 22 + 16, opening + len(packed))
    return sealed(bytes(data))


def first_frame(**values: Any) -> bytes:
    frames = stated("frames")
    number = next(i for i, frame in enumerate(frames) if "digest" in frame)
    frames[number] |= values
    return stating(frames=frames)


def first_window(**values: Any) -> bytes:
    windows = stated("windows")
    return stating(windows=[windows[0] | values, *windows[1:]])


def first_block(**values: Any) -> bytes:
    votes = stated("votes")
    return stating(votes=votes | {"blocks": [votes["blocks"][0] | values, *votes["blocks"][1:]]})


def numpy_s() -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **dict(np.load(io.BytesIO(SMALL))))
    return file.getvalue()


def many() -> bytes:
    """Return an archive with more members than `pack` makes: three times the same, end to end."""
    one = pack((f"{number}.npy", b"x") for number in range(40))
    return sealed(one[: one.index(b"PK\1\2")] * 3 + one[-64:])


def uncounted() -> list[Any]:
    skipped = next(i for i, frame in enumerate(stated("frames")) if "name" in frame)
    return [{"frame": skipped, "outlying": None, "paired": None}]


def terabytes() -> bytes:
    file = members()["hidden.npy"]
    return pack(
        (members() | {"hidden.npy": file.replace(b"(9, 13), }" + b" " * 12, b"(9, 13000000000000), }")}).items()
    )


def objects() -> bytes:
    file = io.BytesIO()
    np.save(file, np.array([print], object), allow_pickle=True)
    return pack((members() | {"hidden.npy": file.getvalue()}).items())


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "opens with b''"),
    "a photo": (lambda: b"\xff\xd8\xff" * 999, "expected a zip archive"),
    "random bytes": (lambda: np.random.default_rng(1).bytes(9999), "expected a zip archive"),
    "only a signature": (lambda: b"PK\3\4", "damaged or cut off"),
    "a sum over nothing": (lambda: sealed(b"PK\3\4" + bytes(64)), "no header of a member"),
    "no members": (lambda: sealed(pack([])), "expected a zip archive"),
    "by another program": (numpy_s, "damaged or cut off"),
    "zip bomb": (bomb, "summary.json: damaged, expected 50 bytes"),
    "very large": (lambda: SMALL + bytes(30 << 20), "larger than"),
    "something behind": (lambda: sealed(SMALL[:-64] + b"x" + SMALL[-64:]), "another directory"),
    "missing": (lambda: pack(list(members().items())[:-1]), "25 members of other names"),
    "twice": (lambda: pack([*members().items(), ("sum_z.npy", members()["sum_z.npy"])]), "27 members of other names"),
    "other order": (lambda: pack(reversed(members().items())), "'windows_32.npy' of .* comes first"),
    "too many": (many, "another directory"),
    "no JSON": (lambda: with_json(b"\xff\xfe"), "summary.json: is no JSON"),
    "deep JSON": (lambda: with_json(b"[" * 60_000), "summary.json: is no JSON"),
    "deep objects": (lambda: with_json(b'{"a":' * 20_000), "summary.json: is no JSON"),
    "long JSON": (lambda: with_json(b" " * 999_999), "comes first, expected 'summary.json' of at most"),
    "long number": (lambda: with_json(b"9" * 60_000), "summary.json: is no JSON"),
    "a list": (lambda: with_json(b"[1]"), "expected an object"),
    "NaN": (lambda: with_json(b'{"a":NaN}'), "is no JSON"),
    "infinity": (lambda: with_json(b'{"a":1e999}'), "is no JSON"),
    "blanks": (lambda: with_json(members()["summary.json"] + b" "), "not written as expected"),
    "a key twice": (lambda: with_json(b'{"step":2,' + members()["summary.json"][1:]), "not written as expected"),
    "more keys": (lambda: stating(more=1), "expected the keys"),
    "another format": (lambda: stating(format="sensormap-map"), "format: 'sensormap-map', expected 'sensormap-shard'"),
    "another version": (lambda: stating(version=2), "version: 2, expected 1"),
    "version true": (lambda: stating(version=True), "version: True, expected 1"),
    "another shard": (lambda: stating(fingerprint="0b" * 32), "fingerprint: '0b.*', expected '0a"),
    "another shape": (lambda: stating(shape=[13, 9]), r"shape: \[13, 9\], expected \[9, 13\]"),
    "another step": (lambda: stating(step=1), "step: 1, expected 2"),
    "no step": (lambda: stating(step=None), "step: None, expected one"),
    "fewer photos": (lambda: stating(frames=stated("frames")[:-1]), "frames: .*, expected a list of 6 to 6"),
    "digest": (lambda: first_frame(digest="0A" * 32), r"frames\[\d\].digest: .*, expected 64 hexadecimal digits"),
    "level": (lambda: first_frame(saturation=1 << 60), r"frames\[\d\].saturation"),
    "no flag": (lambda: first_frame(repeat=1), r"frames\[\d\].repeat: 1, expected true or false"),
    "both": (lambda: first_frame(name="a.nef"), r"frames\[\d\]: .*, expected the keys name, reason"),
    "terabytes of votes": (lambda: first_block(outliers=9 * 13 * 6 + 1), "an integer from 0 to 702"),
    "lists without end": (lambda: stating(follow_lists=[{"photosites": 1 << 40, "decoys": 0}]), "0 to 117"),
    "more votes": (lambda: first_block(outliers=stated("votes")["blocks"][0]["outliers"] + 1), "bytes, expected"),
    "more sums": (lambda: stating(sums=stated("sums") + 1), "sum_outlying.npy: .* bytes, expected"),
    "threshold": (lambda: first_block(threshold=12), "threshold: 12, expected a finite number"),
    "frame out of range": (lambda: first_window(frame=6), r"windows\[0\].frame: 6, expected an integer from 0 to 5"),
    "frame that is none": (lambda: first_window(frame=-1), r"windows\[0\].frame: -1"),
    "frame that does not count": (
        lambda: stating(fingerprints=uncounted()),
        "fingerprints: .*, expected ones that count",
    ),
    "frame twice": (lambda: stating(windows=stated("windows")[:1] * 2), "windows: .*, expected each once, ascending"),
    "voted twice": (lambda: stating(votes=stated("votes") | {"voted": [[0]] * 2}), "voted: frames"),
    "list that is none": (lambda: first_window(follow_list=4), "windows: lists"),
    "a list too many": (
        lambda: stating(follow_lists=[*stated("follow_lists"), {"photosites": 0, "decoys": 0}]),
        "windows: lists .*, expected the 3 lists",
    ),
    "other shape": (lambda: with_array("hidden", np.zeros((13, 9), np.uint8)), "another header than that of uint8"),
    "other type": (lambda: with_array("hidden", np.zeros((9, 13), np.int8)), "another header than that of uint8"),
    "columns first": (lambda: with_array("hidden", np.zeros((9, 13), np.uint8, order="F")), "another header"),
    "terabytes": (terabytes, "another header"),
    "objects": (objects, "hidden.npy: .* bytes, expected"),
    "hidden too often": (lambda: with_value("hidden", 7), "hidden.npy: other values"),
    "sum too large": (lambda: with_value("sum_z", 100, SHAPE[0] * SHAPE[1]), "sum_z.npy: other values"),
    "bit too many": (lambda: with_value("sum_outlying_bits", 255, 14), "sum_outlying.npy: .* places for"),
    "noise NaN": (lambda: with_value("noise_coefficients", np.nan), "noise_coefficients.npy: other values"),
    "noise below 0": (lambda: with_value("noise_coefficients", -1), "noise_coefficients.npy: other values"),
    "spread infinite": (lambda: with_value("noise_spread", np.inf), "noise_spread.npy: other values"),
    "score NaN": (lambda: with_value("vote_score", np.nan), "vote_score.npy: other values"),
    "outlying score": (lambda: with_value("outlier_score", 65), "outlier_score.npy: other values"),
    "shift below 0": (lambda: with_value("shifts", 255, 3 * 2 * PHOTOS), "shifts.npy: other values"),
    "shift too far": (lambda: with_value("shifts", 9), "shifts.npy: other values"),
    "vote of another frame": (lambda: with_value("outlier_frame", 77), "outlier_frame.npy: other values"),
    "place out of range": (lambda: with_value("list_photosites", 200), "list_photosites.npy: place"),
    "place twice": (lambda: with_value("list_photosites", 0, 1), "list_photosites.npy: a place twice"),
    "decoy out of range": (lambda: with_value("list_decoys", 26), "list_decoys.npy: place"),
    "candidate out of range": (lambda: with_value("vote_index", 117), "vote_index.npy: place"),
    "outlier out of range": (lambda: with_value("outlier_index", 117), "outlier_index.npy: place"),
    "fingerprint out of range": (lambda: with_value("fingerprint_outlying", 208), "fingerprint_outlying.npy: place"),
}


def test_nothing_is_missing_in_the_small_file() -> None:
    saved, blocks = RESULT.saved_windows.values(), RESULT.block_votes
    assert len(RESULT.counted) >= 3
    assert RESULT.skipped
    assert RESULT.contradictions
    assert len({id(windows.follow_list) for windows in saved}) == 2
    assert {windows.values.dtype.itemsize for windows in saved} == {2, 4}
    assert all(len(windows.follow_list) for windows in saved)
    assert any(1 < len(block.outliers) < 90 and block.index.size and block.decoys.size for block in blocks)
    assert {one.paired_outliers is None for one in RESULT.fingerprints.values()} == {False, True}


@pytest.mark.parametrize("name", HOSTILE)
def test_other_files_are_refused(name: str, tmp_path: Path) -> None:
    make, problem = HOSTILE[name]
    path = tmp_path / "shard.npz"
    with pytest.raises(StateError, match=problem) as error:
        read_back(make(), path)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", HOSTILE)
def test_which_photos_a_damaged_file_is_of_is_not_known_or_told(name: str, tmp_path: Path) -> None:
    make, _ = HOSTILE[name]
    path = tmp_path / "shard.npz"
    path.write_bytes(make())
    found = read_shard_photos(path, PRINT)
    assert found is None or len(found.digests) + found.skipped <= found.photos <= 144
    path.write_bytes(SMALL)
    digests = frozenset(record.digest for record in RESULT.records.values())
    assert read_shard_photos(path, PRINT) == ShardPhotos(digests, len(RESULT.skipped), PHOTOS)
    assert read_shard_photos(path, "0b" * 32) is None


def test_a_bomb_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "shard.npz"
    path.write_bytes(bomb())
    tracemalloc.start()
    with pytest.raises(StateError):
        read_summary(path, PRINT, SHAPE, STEP, PHOTOS)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 30 << 20  # the largest file of such a shard


@pytest.mark.parametrize(
    ("make", "problem"), [(Path.mkdir, "is a folder"), (lambda path: None, "cannot be read: No such")]
)
def test_what_is_no_file_is_refused(make: Callable[[Path], Any], problem: str, tmp_path: Path) -> None:
    make(tmp_path / "shard.npz")
    with pytest.raises(StateError, match=problem):
        read_summary(tmp_path / "shard.npz", PRINT, SHAPE, STEP, PHOTOS)


def test_every_truncation_is_found(tmp_path: Path) -> None:
    path = tmp_path / "shard.npz"
    path.write_bytes(SMALL)
    with path.open("r+b") as file:
        for length in reversed(range(len(SMALL))):
            file.truncate(length)
            with pytest.raises(StateError):
                read_summary(path, PRINT, SHAPE, STEP, PHOTOS)


def test_every_changed_byte_is_found(tmp_path: Path) -> None:
    path = tmp_path / "shard.npz"
    path.write_bytes(SMALL)
    rng = np.random.default_rng(3)
    with path.open("r+b", buffering=0) as file:
        for place, change in enumerate(rng.integers(1, 256, len(SMALL)).tolist()):
            for value in (SMALL[place] ^ change, SMALL[place]):
                file.seek(place)
                file.write(bytes([value]))
                if value != SMALL[place]:
                    with pytest.raises(StateError):
                        read_summary(path, PRINT, SHAPE, STEP, PHOTOS)


def test_a_changed_byte_under_a_forged_sum_is_found_too(tmp_path: Path) -> None:
    """Headers, directory and CRCs are checked by themselves; unused bits behind a deflated member may be any."""
    rng = np.random.default_rng(4)
    for place in rng.integers(0, len(SMALL) - 64, 500).tolist():
        change = int(rng.integers(1, 256))
        changed = SMALL[:place] + bytes([SMALL[place] ^ change]) + SMALL[place + 1 :]
        try:
            found = read_back(sealed(changed), tmp_path / "shard.npz")
        except StateError:
            continue
        assert_same(found, RESULT)


@pytest.mark.parametrize("name", list(members()))
def test_forged_members_are_refused_or_valid(name: str, tmp_path: Path) -> None:
    """Whatever is read can be written, and added up."""
    rng, found = np.random.default_rng(5), members()
    for _ in range(40):
        forged = bytearray(found[name])
        for place in rng.integers(0, len(forged), rng.integers(1, 4)).tolist():
            forged[place] = rng.integers(256) if rng.random() < 0.7 else 48 + rng.integers(10)
        try:
            read = read_back(pack((found | {name: bytes(forged)}).items()), tmp_path / "shard.npz")
        except StateError:
            continue
        came_back(read, tmp_path / "again.npz")
        add_up([place_in_run(read, 3, 20), place_in_run(RESULT, 12, 20)], 20)


def test_a_shard_of_unknown_size_is_bounded_by_what_any_may_have(tmp_path: Path) -> None:
    path = tmp_path / "shard.npz"
    path.write_bytes(pack([("summary.json", b" " * 50_000_000)]))  # 50 kB, deflated
    tracemalloc.start()
    with pytest.raises(StateError, match=r"shard\.npz: 'summary\.json' of 50000000 bytes comes first, expected"):
        read_any_summary(path, PRINT)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000
    with pytest.raises(StateError, match=r"none\.npz: cannot be read: "):
        read_any_summary(tmp_path / "none.npz", PRINT)
