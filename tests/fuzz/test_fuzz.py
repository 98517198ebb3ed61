"""A few damaged files for every reader; `make fuzz` tries as many as ten minutes allow."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings

from tests.fuzz.damage import cases
from tests.fuzz.targets import TARGETS, check

CORPUS = Path(__file__).parent / "corpus"
"""Files that once made a reader fail, named TARGET--FILE: each is tried in every run."""


@pytest.mark.parametrize("name", TARGETS)
def test_whole_files_are_read(name, tmp_path):
    target = TARGETS[name]
    for number, (file, content) in enumerate(target.files()):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert check(target, file, content, folder), file


@pytest.mark.parametrize("name", TARGETS)
def test_damaged_files_are_read_or_refused(name):
    target = TARGETS[name]
    files = target.files()

    @settings(max_examples=target.share, suppress_health_check=list(HealthCheck))
    @given(case=cases(files))
    def run(case):
        with TemporaryDirectory() as folder:
            check(target, *case.of(files), Path(folder))

    run()


@pytest.mark.parametrize("path", sorted(CORPUS.iterdir()) if CORPUS.is_dir() else [], ids=lambda path: path.name)
def test_what_was_found_stays_mended(path, tmp_path):
    name, _, file = path.name.partition("--")
    check(TARGETS[name.replace("_", " ")], file.replace("+", "/"), path.read_bytes(), tmp_path)
