"""Make the pictures of README and guide anew: ``python -m benchmarks.figures -o docs/images``, in about a minute.

It makes the photos of ``make demo``, and a series of four years, maps them, and calls the commands that the pages show.
``--only`` takes names of pictures, ``--keep FOLDER`` keeps photos and maps there, and uses those that are there
already. Those of a screen need Selenium, and Debian's chromium and chromium-driver. The pictures of real cameras are
those of `benchmarks.accuracy.real_figures`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.figures.readme import draw_readme
from benchmarks.figures.screens import draw_phone, draw_report, draw_terminal

_PIECES_OF, _MARKED = "DSC_0010.NEF", "DSC_0009.NEF"
_SHOWN = ("974,2177", "57,435", "911,593")  # a hot photosite that appears, a weak and a stuck one
_OF_SCREENS = ("report.png", "report-phone.png", "show-terminal.png")
_WIDEST_JPEG, _JPEG_QUALITY = 840, 75  # pixels, per cent


def main() -> None:
    """Make all pictures, or some."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.figures", description=__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of the pictures, docs/images")
    parser.add_argument("--only", nargs="+", choices=FIGURES, default=FIGURES, metavar="NAME", help=", ".join(FIGURES))
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keeps photos and maps there for another time")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = (arguments.keep or Path(folder)).resolve()
        for name in arguments.only:
            drawn = Path(folder) / Path(name).with_suffix(".png")
            FIGURES[name](work, drawn)
            target = arguments.output / name
            _write(drawn, target)
            print(target, target.stat().st_size)


def demo(work: Path) -> Path:
    """Return the folder of the demo: ``photos``, ``d80.yaml`` and its report ``d80.html``; made once."""
    folder = work / "demo"
    if not (folder / "d80.html").exists():
        _call("fixtures", folder, "--frames", 24, "--seed", 2010)
        _call("sensormap", "map", folder / "photos", "-o", folder / "d80.yaml", "--report", folder / "d80.html", "-q")
    return folder


def growth(work: Path, picture: Path) -> None:
    """Draw the history of a series of four years, which docs/guide/history.md prints too."""
    folder = work / "series"
    if not (folder / "d80.yaml").exists():
        _call("fixtures", folder, "--frames", 150, "--size", "960x640", "--defects", 220, "--seed", 14)
        profile = ("--profile", folder / "profile.yaml")
        _call("sensormap", "map", folder / "photos", *profile, "-o", folder / "d80.yaml", "-q")
    _call("sensormap", "history", folder / "d80.yaml", "-o", picture)


def readme(work: Path, picture: Path) -> None:
    """Draw the demo's map, and pieces of a photo before and after `sensormap correct`."""
    folder = demo(work)
    photo, fixed = folder / "photos" / _PIECES_OF, folder / "fixed"
    if not (fixed / _PIECES_OF).exists():
        _call("sensormap", "correct", folder / "d80.yaml", photo, "-o", fixed)
    draw_readme(folder / "d80.yaml", photo, fixed / _PIECES_OF, picture)


def sensor(work: Path, picture: Path) -> None:
    """Draw where the demo's defects lie."""
    _call("sensormap", "plot", demo(work) / "d80.yaml", "-o", picture)


def series(work: Path, picture: Path) -> None:
    """Draw what three defects showed."""
    folder, places = demo(work), [text for place in _SHOWN for text in ("--at", place)]
    kind = ("--kind", "series", folder / "photos", *places)
    _call("sensormap", "plot", folder / "d80.yaml", *kind, "-o", picture)


def marked(work: Path, picture: Path) -> None:
    """Draw a photo with its defects."""
    folder = demo(work)
    photo = ("--on", folder / "photos" / _MARKED)
    _call("sensormap", "plot", folder / "d80.yaml", *photo, "-o", picture)


FIGURES: dict[str, Callable[[Path, Path], None]] = {
    "demo.png": readme,
    "growth.png": growth,
    "plot-on-photo.jpg": marked,
    "plot-sensor.png": sensor,
    "plot-series.png": series,
    "report-phone.png": lambda work, picture: draw_phone(demo(work) / "d80.html", picture),
    "report.png": lambda work, picture: draw_report(demo(work) / "d80.html", picture),
    "show-terminal.png": lambda work, picture: draw_terminal(demo(work) / "d80.yaml", picture),
}
"""What draws each picture, from the folder of photos and maps, as PNG."""


def _call(module: str, *arguments: object) -> None:
    subprocess.run([sys.executable, "-m", module, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)


def _write(drawn: Path, target: Path) -> None:
    """Write a picture as it goes into the repository: of a screen with 256 colours, or as JPEG."""
    from PIL import Image  # noqa: PLC0415 - it comes with matplotlib

    with Image.open(drawn) as opened:
        shown = opened.convert("RGB")
    if target.suffix == ".jpg":
        shown.thumbnail((_WIDEST_JPEG, shown.height), Image.Resampling.LANCZOS)
        shown.save(target, quality=_JPEG_QUALITY, optimize=True)
    else:
        if target.name in _OF_SCREENS:  # the marks of plots are small, and would lose their colours
            shown = shown.quantize(256, dither=Image.Dither.NONE)
        shown.save(target, optimize=True)


if __name__ == "__main__":
    main()
