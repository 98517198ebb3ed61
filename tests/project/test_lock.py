"""The locked releases are those that pyproject.toml asks for, with hashes, from no place in particular."""

from __future__ import annotations

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.support.folders import PROJECT

DECLARED = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
ALWAYS = [*DECLARED["project"]["dependencies"], *DECLARED["build-system"]["requires"]]
EXTRAS = DECLARED["project"]["optional-dependencies"]
WANTED = {
    "dev": [*ALWAYS, *EXTRAS["dev"], *EXTRAS["astro"], *EXTRAS["history"]],
    "oldest": [*ALWAYS, *EXTRAS["dev"], *EXTRAS["astro"], *EXTRAS["history"]],
    "bench": [*DECLARED["project"]["dependencies"], *EXTRAS["bench"]],
    "docs": [*DECLARED["project"]["dependencies"], *EXTRAS["docs"]],
}
"""What each file of requirements/ has to hold."""

ENTRY = re.compile(r"(?P<pinned>[^ ]+==[^ ]+)(?: ; (?P<marker>[^\\]+?))?(?P<hashes>(?: --hash=sha256:[0-9a-f]{64})+)")


def entries(name: str) -> list[re.Match[str]]:
    """Return the entries of a file, each a name, a version and hashes, and nothing else."""
    text = (PROJECT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    lines = re.sub(r" *\\\n *", " ", re.sub(r"^ *#.*\n", "", text, flags=re.MULTILINE)).splitlines()
    found = [(line, ENTRY.fullmatch(line)) for line in lines]
    assert [line for line, match in found if match is None] == []
    return [match for _, match in found if match]


def versions(name: str) -> dict[str, list[Version]]:
    """Return the versions of each project in a file; several where they depend on the Python or the system."""
    found: dict[str, list[Version]] = {}
    for entry in entries(name):
        (pin,) = (locked := Requirement(entry["pinned"])).specifier
        found.setdefault(canonicalize_name(locked.name), []).append(Version(pin.version))
    return found


def test_there_are_no_other_files():
    assert {path.name for path in (PROJECT / "requirements").iterdir()} == {f"{name}.txt" for name in WANTED}


@pytest.mark.parametrize("name", WANTED)
def test_every_entry_is_pinned_with_hashes_and_says_how_it_is_made(name):
    assert len(entries(name)) > len(WANTED[name])
    text = (PROJECT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    assert "make lock" in text.splitlines()[1]
    assert not re.search(r"://|--(?!hash=)", text)  # nor does a comment name an address or an option of a machine


@pytest.mark.parametrize("name", WANTED)
def test_every_declared_project_is_locked_at_a_version_that_its_bounds_admit(name):
    locked = versions(name)
    for wanted in map(Requirement, WANTED[name]):
        assert locked.get(canonicalize_name(wanted.name)), f"{wanted}: make lock"
        assert all(wanted.specifier.contains(version) for version in locked[canonicalize_name(wanted.name)]), wanted


@pytest.mark.parametrize("wanted", sorted({*WANTED["oldest"]}))
def test_the_oldest_releases_are_the_lower_bounds(wanted):
    requirement = Requirement(wanted)
    (lowest,) = [Version(bound.version) for bound in requirement.specifier if bound.operator == ">="]
    assert versions("oldest")[canonicalize_name(requirement.name)] == [lowest], "make lock"


def test_measurements_run_on_the_releases_that_are_tested():
    tested = versions("dev")
    assert {name: found for name, found in versions("bench").items() if found != tested.get(name, found)} == {}


def test_the_linters_before_a_commit_are_the_locked_ones():
    """pre-commit calls what `make lint` calls; it fetches nothing of its own."""
    text = (PROJECT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    assert re.findall(r"repo: (.*)", text) == ["local"]
    assert set(re.findall(r"entry: ([^ ]+)", text)) == {".venv/bin/python"}
