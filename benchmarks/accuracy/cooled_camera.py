"""What a map finds of a cooled camera for astronomers, whose photos no part of the fixtures makes.

``python -m benchmarks.accuracy.cooled_camera`` makes a night: dithered lights of a star field at several temperatures,
and darks. ``--shutters 120 --temperatures -10`` makes all exposures alike, as those of most nights are, and ``--dark
0.05`` a sensor whose healthy photosites show in them. The camera has 16 bits, a constant of 500 DN that no header
tells, a quarter of an electron a DN, dark current in every photosite, and defects that are drawn in electrons. Files
are written by astropy. Lights, darks, and both together are mapped, and entries are compared with what was drawn.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sensormap.survey.run import map_defects

CONSTANT_DN, ELECTRONS_A_DN, READ_NOISE = 500, 0.25, 1.5  # of the last, electrons
COLD_C, DOUBLING_C = -10.0, 6.3
DUSK = datetime(2024, 3, 1, 20)
SEEING = 1.6  # photosites, standard deviation
MOST_SHIFTED = 45  # photosites, by dithering

Electrons = NDArray[np.float64]


@dataclass(frozen=True)
class Defective:
    """What one photosite has: electrons a second at `COLD_C`, a response, electrons that come and go."""

    kind: str
    dark: float = 0.0
    response: float = 1.0
    jump: float = 0.0


class Camera:
    """A sensor with its defects, and the sky that it is pointed at."""

    def __init__(self, shape: tuple[int, int], seed: int, *, dark: float) -> None:
        self.shape, self.rng = shape, np.random.default_rng(seed)
        rng = self.rng
        self.dark = rng.exponential(dark, shape)
        self.response = rng.normal(1, 0.006, shape)
        self.offset = rng.normal(0, 1, shape)  # DN
        self.jump = np.zeros(shape)
        drawn = [
            *(Defective("hot", dark=10 ** rng.uniform(-0.5, 2.5)) for _ in range(120)),
            *(Defective("dead", response=0.0) for _ in range(15)),
            *(Defective("weak", response=rng.uniform(0.3, 0.85)) for _ in range(20)),
            *(Defective("noisy", jump=rng.uniform(60, 600)) for _ in range(15)),
        ]
        places = rng.choice(shape[0] * shape[1], len(drawn), replace=False)
        self.defects = dict(zip(((int(at % shape[1]), int(at // shape[1])) for at in places), drawn, strict=True))
        for (x, y), one in self.defects.items():
            self.dark[y, x] += one.dark
            self.response[y, x] *= one.response
            self.jump[y, x] = one.jump
        rows, cols = np.mgrid[: shape[0], : shape[1]]
        self.background = 1 + 0.2 * cols / shape[1] + 0.1 * rows / shape[0]
        self.filters = np.where(rows % 2 == cols % 2, np.where(rows % 2, 0.7, 0.6), 1.0)  # red, blue; green
        wide = (rng.uniform(-MOST_SHIFTED, side + MOST_SHIFTED, 600) for side in shape)
        self.stars = np.stack([*wide, 10 ** rng.uniform(1, 4.3, 600)], axis=1)  # row, column, electrons a minute

    def sky(self) -> Electrons:
        """Return electrons a minute, of the field somewhere near where it was."""
        light: Electrons = 40 * self.background
        moved = np.array([*self.rng.uniform(-MOST_SHIFTED, MOST_SHIFTED, 2), 0.0])
        for row, col, bright in self.stars + moved:
            top, left = round(row) - 8, round(col) - 8
            if 0 <= top < self.shape[0] - 17 and 0 <= left < self.shape[1] - 17:
                y, x = np.mgrid[top : top + 17, left : left + 17]
                far = ((y - row) ** 2 + (x - col) ** 2) / (2 * SEEING**2)
                light[top : top + 17, left : left + 17] += bright * np.exp(-far)
        return light

    def values(self, shutter_s: float, warmth_c: float, *, lit: bool) -> NDArray[np.uint16]:
        """Return the values of a photo."""
        light = self.sky() * shutter_s / 60 if lit else np.zeros(self.shape)
        electrons = light * self.filters * self.response
        electrons += self.dark * shutter_s * 2 ** ((warmth_c - COLD_C) / DOUBLING_C)
        electrons[self.response == 0] = 0
        electrons = self.rng.poisson(electrons) + self.rng.normal(0, READ_NOISE, self.shape)
        electrons += self.jump * (self.rng.random(self.shape) < 0.5)
        shown = np.rint(electrons / ELECTRONS_A_DN + CONSTANT_DN + self.offset)
        return np.clip(shown, 0, 65_535).astype(np.uint16)


def write_night(camera: Camera, folder: Path, arguments: argparse.Namespace) -> Iterator[Path]:
    """Write the photos of a night; yield the folder of the lights, then that of the darks."""
    from astropy.io import fits  # noqa: PLC0415 - untyped, and large

    number = 0
    for sort, count in (("LIGHT", arguments.lights), ("DARK", arguments.darks)):
        (folder / sort).mkdir()
        for _ in range(count):
            lit = sort == "LIGHT"
            shutter_s = float(camera.rng.choice(arguments.shutters))
            warmth_c = float(camera.rng.choice(arguments.temperatures)) if lit else COLD_C
            header = fits.Header()
            header["INSTRUME"] = "ZWO ASI2600MC Pro"
            header["IMAGETYP"], header["EXPTIME"], header["CCD-TEMP"] = sort, shutter_s, warmth_c
            header["GAIN"], header["EGAIN"], header["OFFSET"] = 100, ELECTRONS_A_DN, 50
            header["BAYERPAT"], header["ROWORDER"] = "RGGB", "TOP-DOWN"
            header["DATE-OBS"] = (DUSK + timedelta(minutes=7 * number)).isoformat(timespec="milliseconds")
            values = camera.values(shutter_s, warmth_c, lit=lit)
            fits.PrimaryHDU(values, header).writeto(folder / sort / f"{number:03}.fits")
            number += 1
        yield folder / sort


def compare(words: str, folders: list[Path], camera: Camera) -> None:
    """Map photos and print what was found, and as what."""
    found = map_defects(folders)
    entries = {(one.x, one.y): one for one in found.defects}
    law = found.dark_law
    follows = "no law of temperature" if law is None else f"dark current doubles every {law.doubling_c[0]:.2f} C"
    print(f"{words}: {len(entries)} entries, {len(entries.keys() - camera.defects.keys())} of healthy ones; {follows}")
    for kind in ("hot", "dead", "weak", "noisy"):
        own = [place for place, one in camera.defects.items() if one.kind == kind]
        names = Counter(str(entries[place].kind) for place in own if place in entries)
        listed = ", ".join(f"{name} {count}" for name, count in names.most_common())
        print(f"  {kind:6}{names.total():4} of {len(own):3}: {listed or '-'}")
    weak = {at: one.response for at, one in camera.defects.items() if one.kind == "weak" and at in entries}
    told = [(entries[at].response, true) for at, true in weak.items()]
    inside = [interval[1] <= true <= interval[2] for interval, true in told if interval is not None]
    print(f"  weak ones with their response in its interval: {sum(inside)} of {len(inside)}")


def main() -> None:
    """Make a night, and map it three times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="1504x1000", help="WIDTHxHEIGHT of the photos (%(default)s)")
    parser.add_argument("--lights", type=int, default=40)
    parser.add_argument("--darks", type=int, default=10)
    parser.add_argument("--seed", type=int, default=77)
    parser.add_argument("--shutters", type=float, nargs="+", default=[60, 120, 180], help="seconds to choose from")
    parser.add_argument(
        "--temperatures", type=float, nargs="+", default=[COLD_C, COLD_C, -9.8, -5.0, 0.0], help="of lights, degrees"
    )
    parser.add_argument("--dark", type=float, default=0.002, help="mean of healthy ones, electrons a second at -10 C")
    arguments = parser.parse_args()
    width, height = map(int, arguments.size.split("x"))
    camera = Camera((height, width), arguments.seed, dark=arguments.dark)
    with tempfile.TemporaryDirectory(prefix="sensormap-night-") as place:
        lights, darks = write_night(camera, Path(place), arguments)
        compare("lights", [lights], camera)
        compare("darks", [darks], camera)
        compare("both", [lights, darks], camera)


if __name__ == "__main__":
    main()
