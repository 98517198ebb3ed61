"""How many candidates the first pass has found so far, for whoever waits."""

from __future__ import annotations

import pytest

from fixtures.series import Recipe, make_series
from sensormap.settings import Options
from sensormap.survey.run import map_defects


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a folder of photos with planted defects, and a profile."""
    folder = tmp_path_factory.mktemp("made")
    make_series(Recipe(12, (256, 384), seed=1), folder)
    return folder / "photos", str(folder / "profile.yaml")


def test_they_become_more_and_are_the_same_however_often_they_are_told(made, tmp_path):
    photos, profile = made
    told = {}
    for jobs in (1, 2):
        counts = []
        map_defects([photos], Options(profile=profile, jobs=jobs), on_candidates=counts.append)
        assert counts == sorted(set(counts))
        told[jobs] = counts[-1]
    assert told[1] == told[2] > 0


def test_those_of_a_state_folder_count_too(made, tmp_path):
    photos, profile = made
    counts = {}
    for name in ("first", "again"):
        counts[name] = []
        options = Options(profile=profile, state=tmp_path / "state", follow=0)
        map_defects([photos], options, on_candidates=counts[name].append)
        for kept in (tmp_path / "state").glob("catalogue.sqlite*"):
            kept.unlink()  # with the kept map, so that the shards are added up again
    assert counts["first"][-1] == counts["again"][-1] > 0


def test_they_do_not_change_the_map(made):
    photos, profile = made
    options = Options(profile=profile)
    assert map_defects([photos], options, on_candidates=lambda found: None) == map_defects([photos], options)
