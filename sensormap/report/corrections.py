"""What was repaired in which photo, and how good repairs are, as tables."""

from __future__ import annotations

from collections.abc import Sequence

from sensormap.correct.check_repairs import RepairCheck
from sensormap.correct.plan import PlannedCorrection
from sensormap.correct.run import CorrectedPhoto
from sensormap.correct.selection import ChosenDefects
from sensormap.report.table import Table
from sensormap.report.words import counted, plain


def corrected_table(corrected: Sequence[CorrectedPhoto]) -> Table:
    """Return what was repaired, a row a photo.

    Parameters
    ----------
    corrected
        Corrected photos in the order of the rows; their file names are cleaned of what could steer a terminal.
    """
    rows = tuple(
        (plain(one.source.name), plain(one.output.name), str(one.repaired), _left_alone(one)) for one in corrected
    )
    header = ("photo", "written as", "repaired", "left alone")
    changes = [one.elsewhere for one in corrected if one.elsewhere is not None]
    mean = f"{max(changes, default=0.0):.4f}"
    note = f"JPEGs: outside the repaired blocks their pixels changed by {mean} DN on average at most."
    notes = [note] if changes else []
    if lone := sum(one.lone for one in corrected):
        notes.append(f"{counted(lone, 'place')} of them lone, and in no map.")
    if inexact := sum(one.inexact for one in corrected):
        why = "as near as the NEFs' coding allows, but off by more than their noise; --dng writes them exactly"
        notes.append(f"{counted(inexact, 'place')} of them {why}.")
    note = " ".join(notes)
    return Table(_title(corrected), header, rows, right=frozenset({2}), note=note, spare=("written as",))


def plan_table(planned: Sequence[PlannedCorrection]) -> Table:
    """Return what would be repaired, a row a photo.

    Parameters
    ----------
    planned
        Photos in the order of the rows; their file names are cleaned of what could steer a terminal.
    """
    rows = tuple(
        (plain(one.source.name), plain(one.output.name), str(one.to_repair), _reasons(one.chosen)) for one in planned
    )
    places = sum(one.to_repair for one in planned)
    return Table(
        f"{counted(len(planned), 'photo')} would be corrected, {counted(places, 'place')} to repair",
        ("photo", "written as", "to repair", "left alone"),
        rows,
        right=frozenset({2}),
        note="Nothing was written.",
        spare=("written as",),
    )


def quality_table(check: RepairCheck) -> Table:
    """Return the errors of repairs, a row a method.

    Parameters
    ----------
    check
        Errors of repairs of healthy photosites, by method.

    Examples
    --------
    >>> from sensormap.correct.methods.held_out import Quality
    >>> table = quality_table(RepairCheck(2, (Quality("mean", 400, 13.0, 108.0, 0.8, 2.85),)))
    >>> print(table.title, *table.rows[0], sep="; ")
    400 healthy photosites of 2 photos, repaired as if defective; mean; 13.0; 108.0; 0.80; 2.85
    """
    if not check.methods:
        return Table("", (), (), note="No healthy photosite could be held out.")
    rows = tuple(
        (one.method, f"{one.median_dn:.1f}", f"{one.high_dn:.1f}", f"{one.median_sigma:.2f}", f"{one.high_sigma:.2f}")
        for one in check.methods
    )
    noun = "photo" if check.photos == 1 else "photos"
    return Table(
        f"{check.methods[0].count} healthy photosites of {check.photos} {noun}, repaired as if defective",
        ("method", "median DN", "95 % DN", "median sigma", "95 % sigma"),
        rows,
        right=frozenset({1, 2, 3, 4}),
        note="Errors without their sign; sigma is a photosite's own noise, which nothing around it tells.",
    )


def _title(corrected: Sequence[CorrectedPhoto]) -> str:
    repaired = sum(one.repaired for one in corrected)
    return f"{counted(len(corrected), 'photo')} corrected, {counted(repaired, 'place')} repaired"


def _left_alone(one: CorrectedPhoto) -> str:
    """Say how many entries were left alone, and why."""
    why = "too faint in it" if one.output.suffix.lower() in (".jpg", ".jpeg") else "nothing healthy near"
    return _reasons(one.chosen, (one.left, why))


def _reasons(chosen: ChosenDefects, *more: tuple[int, str]) -> str:
    """Say how many entries are left alone for each reason."""
    reasons = (
        (chosen.before_onset, "appeared later"),
        (chosen.healed, "healed by then"),
        (chosen.hidden, "not visible at this exposure"),
        (chosen.jpeg_only, "known from JPEGs only"),
        *more,
    )
    return ", ".join(f"{count} {reason}" for count, reason in reasons if count) or "none"
