"""X-Trans photos from end to end: mapped, repaired, listed for other programs; what cannot be done is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from fixtures.series import Recipe, make_series
from fixtures.truth.truth import Truth, compare
from sensormap.cli.main import main
from sensormap.decode.original import read_original
from sensormap.errors import ListFormatError
from sensormap.formats.from_map import listing_of
from sensormap.formats.registry import FORMATS
from sensormap.maps.mapfile.reading import read_map
from sensormap.maps.mapfile.writing import map_text
from sensormap.maps.sensor_map import SensorMap
from sensormap.settings import Options
from sensormap.survey.run import map_defects

BAYER_ONLY = {"dng-opcodes", "siril", "pixinsight"}


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Truth]:
    folder = tmp_path_factory.mktemp("xtrans")
    truth = make_series(Recipe(16, (390, 516), seed=5, pattern="xtrans", dng=True), folder)
    return folder / "photos", truth


@pytest.fixture(scope="module")
def found(series: tuple[Path, Truth]) -> SensorMap:
    return map_defects([series[0]], options=Options(jobs=2))


def test_strong_defects_are_found(series: tuple[Path, Truth], found: SensorMap) -> None:
    entries = {(defect.x, defect.y): str(defect.kind) for defect in found.defects}
    columns = [(column.x, column.y0, column.y1) for column in found.columns]
    comparison = compare(series[1], entries, columns)
    assert comparison.strong.found >= 0.9 * comparison.strong.planted > 0
    assert comparison.columns.found == comparison.columns.planted == 1
    assert len(comparison.false_entries) <= 4
    assert {defect.plane for defect in found.defects} <= {"R", "B", "Gs", "Gp"}


def test_threads_and_state_change_nothing(series: tuple[Path, Truth], found: SensorMap, tmp_path: Path) -> None:
    for jobs, state in ((1, tmp_path / "state"), (2, tmp_path / "state")):
        assert map_defects([series[0]], options=Options(jobs=jobs, state=state)) == found


def test_the_map_survives_its_file(found: SensorMap, tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(map_text(found), "utf-8")
    assert read_map(path) == found
    assert f"cfa: {found.sensor.cfa.name}" in map_text(found)


def test_a_column_has_all_planes_that_it_crosses(found: SensorMap) -> None:
    column = found.columns[0]
    assert set(column.plane.split("+")) == set(column.crossed(column.x, found.sensor.cfa))
    assert list(column.covered(found.sensor.cfa)) == list(range(column.y0, column.y1 + 1))
    one = replace(column, x=1, plane="Gp")
    with pytest.raises(ValueError, match="plane: 'Gp', but of X-Trans a column has all that it crosses"):
        replace(found, columns=(one,), defects=())


@pytest.mark.parametrize(
    ("method", "option", "name"),
    [
        ("directional", [], "DSC_0016.DNG"),
        ("directional", ["--dng"], "DSC_0016.dng"),
        ("dcraw", ["--dng"], "DSC_0016.dng"),
        ("subtract", ["--dng"], "DSC_0016.dng"),
    ],
)
def test_a_repaired_copy_differs_at_defects_only(
    series: tuple[Path, Truth], found: SensorMap, tmp_path: Path, method: str, option: list[str], name: str
) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(map_text(found), "utf-8")
    photo = series[0] / "DSC_0016.DNG"
    arguments = [str(path), str(photo), "-o", str(tmp_path), "--method", method, *option]
    result = CliRunner().invoke(main, ["correct", *arguments])
    assert result.exit_code == 0, result.output
    before = read_original(photo.read_bytes(), photo.name)
    after = read_original((tmp_path / name).read_bytes(), name)
    assert (after.cfa, after.black_level, after.visible) == (before.cfa, before.black_level, before.visible)
    changed = before.mosaic != after.mosaic
    assert changed.any()
    assert not (changed & ~found.mask()).any()
    repaired = [one for one in found.defects if changed[one.y, one.x] and 6 < one.x < 500 and 6 < one.y < 380]
    assert repaired
    for y, x in ((one.y, one.x) for one in repaired if method != "subtract"):
        around = [int(after.mosaic[y + i, x + j]) for i, j in found.sensor.cfa.neighbours[y % 6 * 6 + x % 6]]
        assert min(around) <= after.mosaic[y, x] <= max(around)


def test_opcodes_are_refused(series: tuple[Path, Truth], found: SensorMap, tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(map_text(found), "utf-8")
    photo = str(series[0] / "DSC_0001.DNG")
    result = CliRunner().invoke(main, ["correct", str(path), photo, "-o", str(tmp_path / "out"), "--opcodes"])
    assert result.exit_code == 1
    assert result.output.startswith("Error: --opcodes is for Bayer filters, but the map has X-Trans filters")


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_lists_of_other_programs(found: SensorMap, name: str) -> None:
    form, listing = FORMATS[name], listing_of(found)
    if form.write is None:
        pytest.skip("it is read only")
    if name in BAYER_ONLY:
        with pytest.raises(ListFormatError, match="X-Trans"):
            form.write(listing, found.sensor, found.body)
        return
    data = form.write(listing, found.sensor, found.body)
    if form.read is not None:
        again = form.read(data, "x", found.sensor)
        places = {(one.x, one.y) for one in listing.photosites}
        assert len(places & {(one.x, one.y) for one in again.photosites}) >= 0.7 * len(places)  # some leave edges out
