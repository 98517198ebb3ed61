"""Writing a report: one file, which replaces nothing but reports."""

from __future__ import annotations

from pathlib import Path

from sensormap.assemble.details.values import DetailedMap
from sensormap.errors import OutputError
from sensormap.maps.sensor_map import SensorMap
from sensormap.output import check_writable, unless_opening, write_atomically
from sensormap.report.page.document import OPENING, report_page

_UNLESS_REPORT = unless_opening(OPENING.encode(), "report of sensormap")


def check_report_output(path: str | Path, *, overwrite: bool = False) -> None:
    """Refuse a report that could not be written; meant to be asked before hours of work.

    Parameters
    ----------
    path
        Place of the page.
    overwrite
        Whether a report that lies there, or an empty file, may be replaced; any other file never is.

    Raises
    ------
    OutputError
        If the page could not be written there.
    """
    check_writable(Path(path), overwrite=overwrite, objection=_UNLESS_REPORT)


def write_report(
    found: SensorMap | DetailedMap, path: str | Path, *, command: str = "", name: str = "", overwrite: bool = False
) -> None:
    """Write a page that shows a map in any browser: one file, which needs no other and no network.

    Parameters
    ----------
    found
        The map; or what `map_with_details` returns, whose page has pictures and values of the strongest defects too.
    path
        Place of the page.
    command
        The command that made the map, which the page shows; "" for none.
    name
        File name by which the map can be taken from the page; "" for ``map.yaml``.
    overwrite
        Whether a report that lies there, or an empty file, may be replaced; any other file never is.

    Raises
    ------
    OutputError
        If the page cannot be written.
    """
    detailed = DetailedMap(found) if isinstance(found, SensorMap) else found
    content = report_page(detailed, command=command, name=name).encode()
    write_atomically(content, Path(path), overwrite=overwrite, objection=_UNLESS_REPORT)


def make_report_folder(folder: str | Path) -> Path:
    """Make the folder for the reports of several cameras, unless it is there, and return its path.

    Parameters
    ----------
    folder
        Place of the folder.

    Raises
    ------
    OutputError
        If something else is there, or it cannot be made.
    """
    path = Path(folder).expanduser()
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        msg = f"{path}: cannot be made: {getattr(error, 'strerror', None) or error}"
        raise OutputError(msg) from error
    return path
