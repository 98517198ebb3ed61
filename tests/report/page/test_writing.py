"""The file: written whole, and never in place of anything but a report."""

from __future__ import annotations

import pytest

from sensormap.errors import OutputError
from sensormap.report.page.writing import check_report_output, make_report_folder, write_report
from tests.support.details import detailed
from tests.support.maps import full_map


def test_a_map_or_a_map_with_details_is_written(tmp_path) -> None:
    write_report(full_map(), tmp_path / "a.html")
    write_report(detailed(full_map()), tmp_path / "b.html", command="x", name="y")
    first, second = ((tmp_path / name).read_text(encoding="utf-8") for name in ("a.html", "b.html"))
    assert first.startswith("<!DOCTYPE html>")
    assert len(first) < len(second)


def test_only_reports_are_replaced(tmp_path) -> None:
    page, other = tmp_path / "a.html", tmp_path / "b.html"
    write_report(full_map(), page)
    other.write_text("<!DOCTYPE html>\n<p>mine")
    for path, overwrite in ((page, False), (other, False), (other, True)):
        with pytest.raises(OutputError, match=path.name):
            check_report_output(path, overwrite=overwrite)
        with pytest.raises(OutputError, match=path.name):
            write_report(full_map(), path, overwrite=overwrite)
    write_report(full_map(), page, overwrite=True)
    assert other.read_text() == "<!DOCTYPE html>\n<p>mine"


def test_a_folder_is_made_unless_something_else_is_there(tmp_path) -> None:
    assert make_report_folder(tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="file"):
        make_report_folder(tmp_path / "file")
