"""An evaluation as tables and as YAML."""

from __future__ import annotations

from sensormap.evaluation.counts import CLASSES, Evaluation, Share
from sensormap.maps.entries import LATER_KINDS, DefectKind
from sensormap.maps.mapfile.values import NUMBER
from sensormap.report.table import Table
from sensormap.report.words import STRENGTH_NAMES

FORMAT = "sensormap-evaluation/1"
OPENING = b"format: sensormap-evaluation/"
"""How such files of every version begin."""

_MEANINGS = {
    "strong": "in half of their frames",
    "some": "in 3 frames or more",
    "faint": "in fewer",
}


def evaluation_tables(evaluation: Evaluation) -> tuple[Table, ...]:
    """Return an evaluation as tables: recall, kinds, and the rest in words."""
    kinds = tuple(kind for kind in DefectKind if kind not in LATER_KINDS)  # those that are planted
    others = tuple(kind for kind in LATER_KINDS if any(other == kind for _, other in evaluation.kinds))
    recall = tuple(
        (_MEANINGS[name], _of(evaluation.total(name)), *(_of(_share(evaluation, name, kind)) for kind in kinds))
        for name in CLASSES
    )
    named = tuple(
        (str(kind), *(str(evaluation.kinds.get((kind, other), 0) or "") for other in (*kinds, *others)))
        for kind in kinds
        if any(planted == kind for planted, _ in evaluation.kinds)
    )
    header = tuple(str(kind) for kind in kinds)
    right = frozenset(range(1, len(kinds) + len(others) + 2))
    return (
        Table("Found of planted", ("beyond 3 sigma", "all", *header), recall, right),
        Table(
            "Planted kind (down) as named (across), of the found of the first line",
            ("", *header, *map(str, others)),
            named,
            right,
            note="" if named else "None of them was found.",
        ),
        Table("Trust", ("", ""), tuple(_trust(evaluation))),
    )


def evaluation_text(evaluation: Evaluation) -> str:
    """Return an evaluation as YAML, ending in a newline; equal evaluations give equal text."""
    lines = [f"format: {FORMAT}", "recall:  # found, planted"]
    recall, named = sorted(evaluation.recall.items()), sorted(evaluation.kinds.items())
    for name in CLASSES:
        kinds = ", ".join(f"{kind}: {_pair(share)}" for (one, kind), share in recall if one == name)
        lines.append(f"  {name}: {{all: {_pair(evaluation.total(name))}{', ' if kinds else ''}{kinds}}}")
    lines.append("kinds:  # planted: named: how often" if named else "kinds: {}")
    for kind in dict.fromkeys(planted for (planted, _), _ in named):
        names = [f"{other}: {count}" for (planted, other), count in named if planted == kind]
        lines.append(f"  {kind}: {{{', '.join(names)}}}")
    lines.append(f"onset: {_pair(evaluation.onset)}  # right, told")
    lines.append("strengths:  # inside their 95 % interval, told")
    lines += [f"  {name}: {_pair(share)}" for name, share in sorted(evaluation.strengths.items())]
    lines.append(f"precision: {_pair(evaluation.precision)}  # planted, planted and false")
    lines.append(f"false_entries: [{', '.join(f'[{x}, {y}]' for x, y in evaluation.false)}]")
    expected = evaluation.expected_false
    lines.append(f"expected_false: {'null' if expected is None else NUMBER.text(expected)}")
    lines += [f"own: {evaluation.own}", f"lost: {evaluation.lost}"]
    return "\n".join(lines) + "\n"


def _trust(evaluation: Evaluation) -> list[tuple[str, str]]:
    """Return what is left to say, a label and a text a line."""
    found = sum(evaluation.total(name).right for name in CLASSES)
    false = len(evaluation.false)
    expected = evaluation.expected_false
    rows = [
        ("False entries", f"{false} beside {found} found" + ("" if expected is None else f"; expected {expected:.1f}")),
        ("Onset", _told(evaluation.onset, "intervals hold the first frame")),
    ]
    rows += [
        (words.capitalize(), _told(evaluation.strengths[name], "intervals of 95 % hold the truth"))
        for name, words in STRENGTH_NAMES.items()
    ]
    own = f"{evaluation.own} in the photos as they are, with lines; {evaluation.lost} of them lost"
    rows.append(("Own entries", own))
    return rows


def _share(evaluation: Evaluation, name: str, kind: DefectKind) -> Share:
    return evaluation.recall.get((name, kind), Share(0, 0))


def _of(share: Share) -> str:
    return f"{share.right}/{share.of}" if share.of else "-"


def _told(share: Share, what: str) -> str:
    return f"{_of(share)} {what}" if share.of else "none told"


def _pair(share: Share) -> str:
    return f"[{share.right}, {share.of}]"
