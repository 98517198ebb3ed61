"""What a survey is asked to do, and whom it tells what it cannot use."""

from __future__ import annotations

import pytest

from sensormap.errors import DecodeError
from sensormap.frame import Skipped
from sensormap.photos.refusals import Refusals
from sensormap.settings import Options

BAD, GOOD = Skipped("a.nef", "is empty"), Skipped("b.jpg", "shows the same shot")


@pytest.mark.parametrize(("name", "value", "least"), [("jobs", 0, 1), ("jobs", -2, 1), ("follow", -1, 0)])
def test_numbers_below_the_least_are_refused(name: str, value: int, least: int) -> None:
    with pytest.raises(ValueError, match=rf"^{name}: {value} is not {least} or more$"):
        Options(**{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("decoder", ["", "dcraw", "RAWPY"])
def test_a_decoder_that_there_is_not_is_refused(decoder: str) -> None:
    with pytest.raises(ValueError, match=rf"^decoder: '{decoder}' is not one of auto, rawpy$"):
        Options(decoder=decoder)
    assert Options().decoder == "auto"
    assert Options(decoder="rawpy").decoder == "rawpy"


def test_threads_are_those_asked_for_or_some() -> None:
    assert Options(jobs=3).threads == 3
    assert 1 <= Options().threads <= 8


def test_what_something_is_wrong_with_is_told_and_kept(caplog: pytest.LogCaptureFixture) -> None:
    refuse = Refusals(strict=False)
    refuse.extend([BAD])
    refuse.add_quietly([GOOD])
    assert refuse.skipped == [BAD, GOOD]
    assert caplog.messages == ["skipped a.nef: is empty"]


def test_with_strict_only_what_something_is_wrong_with_ends_the_run() -> None:
    refuse = Refusals(strict=True)
    refuse.add_quietly([GOOD])
    refuse.add_unmapped(["c.nef"])
    with pytest.raises(DecodeError, match=r"^a\.nef: is empty$"):
        refuse.extend([BAD])
    assert [entry.name for entry in refuse.skipped] == ["b.jpg", "c.nef"]


def test_what_is_lost_keeps_an_earlier_reason(caplog: pytest.LogCaptureFixture) -> None:
    refuse = Refusals(strict=False)
    refuse.add_quietly([BAD])
    refuse.add_unmapped(["a.nef", "c.nef"])
    lost = Skipped("c.nef", "alone of its sort, raw or JPEG: a map takes at least two")
    assert refuse.skipped == [BAD, lost]
    assert caplog.messages == []
