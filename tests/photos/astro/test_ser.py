"""SER videos: each frame is a photo with bytes, a name and a time of its own; counts that lie cost the rest only."""

from __future__ import annotations

import struct
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from fixtures.files.fits import ser_bytes
from sensormap.errors import DecodeError
from sensormap.frame import VideoFrame
from sensormap.photos.astro.ser import HEADER_BYTES, frames_of, read_header
from sensormap.photos.exif import read_photo
from sensormap.photos.files import opened, read_bytes, size_and_version
from sensormap.photos.finding import Kind, find_each, find_local_photos, find_photos

FRAMES = [np.full((4, 6), 100 * number, np.uint16) for number in range(3)]
TIMES = [datetime(2024, 3, 1, 22) + timedelta(seconds=number) for number in range(3)]
VIDEO = ser_bytes(FRAMES, colour=8, camera="ZWO ASI462MC", times=TIMES)


@pytest.fixture
def video(tmp_path) -> Path:
    path = tmp_path / "moon.ser"
    path.write_bytes(VIDEO)
    return path


def test_each_frame_is_a_photo(video):
    names = [path.name for path in find_photos([video.parent], images=False)]
    assert names == ["moon.ser#0000", "moon.ser#0001", "moon.ser#0002"]
    found = list(find_each([video], images=False))
    assert [one.path for one in found] == [VideoFrame(video, number) for number in range(3)]
    assert {one.kind for one in found} == {Kind.PHOTO}
    photo = read_photo(VideoFrame(video, 1))
    assert (photo.body.model, photo.exposure.time) == ("ZWO ASI462MC", TIMES[1])
    data = read_bytes(photo.path)
    assert (len(data), data[HEADER_BYTES:-8]) == (photo.size_bytes, FRAMES[1].astype("<u2").tobytes())
    assert read_header(data, "").frames == 1
    assert size_and_version(photo.path)[0] == photo.size_bytes
    with opened(photo.path) as (_, size, file):
        assert (size, file.read()) == (len(data), data)


def test_frames_of_copies_have_the_same_bytes(video, tmp_path):
    copy = tmp_path / "copy.ser"
    copy.write_bytes(ser_bytes(FRAMES[1:], colour=8, camera="ZWO ASI462MC", times=TIMES[1:]))
    assert read_bytes(VideoFrame(copy, 0)) == read_bytes(VideoFrame(video, 1))


def test_a_video_without_times(tmp_path):
    path = tmp_path / "a.ser"
    path.write_bytes(ser_bytes(FRAMES))
    photo = read_photo(VideoFrame(path, 2))
    assert (photo.exposure.time, photo.body.model) == (None, "")
    assert photo.size_bytes == len(read_bytes(photo.path)) == HEADER_BYTES + FRAMES[0].nbytes


def test_only_whole_frames_count_and_the_rest_is_told(video):
    video.write_bytes(VIDEO[: HEADER_BYTES + 2 * FRAMES[0].nbytes + 10])
    assert frames_of(video) == (VideoFrame(video, 0), VideoFrame(video, 1), video)
    with pytest.raises(DecodeError, match=r"^moon\.ser: its header says 3 frames, the file has 2"):
        read_photo(video)


def test_a_video_as_a_whole_is_no_photo(video):
    assert find_local_photos([video], images=False) == (video,)
    with pytest.raises(DecodeError, match=r"^moon\.ser: a video of 3 frames, expected a photo"):
        read_photo(video)


def changed(at: int, value: int) -> bytes:
    return VIDEO[:at] + struct.pack("<i", value) + VIDEO[at + 4 :]


BAD = {
    "empty": (b"", "does not open"),
    "cut header": (VIDEO[:100], "does not open"),
    "other opening": (b"X" + VIDEO[1:], "does not open"),
    "no width": (changed(26, 0), "frames of 0 x 4"),
    "negative height": (changed(30, -4), "frames of 6 x -4"),
    "huge frames": (changed(26, 2**31 - 1), "frames of 2147483647 x 4"),
    "no bits": (changed(34, 0), "0 bits of a value"),
    "many bits": (changed(34, 64), "64 bits of a value"),
    "no frames": (changed(38, 0), "0 frames, expected 1"),
    "negative frames": (changed(38, -7), "-7 frames, expected 1"),
    "billions of frames": (changed(38, 2**31 - 1), "2147483647 frames, expected 1"),
    "more frames than bytes": (changed(38, 900_000), "its header says 900000 frames, the file has 3"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_videos_are_refused_in_one_line(case, video):
    data, reason = BAD[case]
    video.write_bytes(data)
    assert frames_of(video)[-1] == video
    with pytest.raises(DecodeError, match=rf"^moon\.ser: .*{reason}") as caught:
        read_photo(video)
    assert "\n" not in str(caught.value)


def test_what_is_no_file_is_refused(tmp_path):
    for path in (tmp_path / "gone.ser", tmp_path):
        with pytest.raises(DecodeError):
            read_photo(VideoFrame(path, 0))
    (tmp_path / "folder.ser").mkdir()
    assert find_photos([tmp_path], images=False) == (tmp_path / "folder.ser",)


@pytest.mark.parametrize("number", [3, 10**9])
def test_a_frame_that_is_not_there(video, number):
    for read in (read_photo, read_bytes):
        with pytest.raises(DecodeError, match="no such frame"):
            read(VideoFrame(video, number))


@pytest.mark.parametrize("ticks", [0, -1, 2**63 - 1])
def test_implausible_times_are_not_told(video, ticks):
    video.write_bytes(VIDEO[:-8] + struct.pack("<q", ticks))
    assert read_photo(VideoFrame(video, 2)).exposure.time is None
