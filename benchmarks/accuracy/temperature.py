"""What the temperature tells: dark currents, and ``correct --method subtract``, with and without it.

``python -m benchmarks.accuracy.temperature`` makes a night's photos of a simulated camera whose sensor is between 5 and
30 degrees Celsius, as FITS files that tell it, and the same files without the keyword. Both are mapped. Of the hot
photosites that both maps list, the intervals of their dark currents are compared; and in photos that no map has seen,
of other temperatures, each map's repairs by ``subtract`` with what a healthy photosite would have shown.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fixtures.camera.defects import PlantedDefect
from fixtures.camera.sensor import SATURATION, ideal_response, make_body
from fixtures.scenes.scenes import find_photographs, paint_scene, read_scene
from fixtures.series import NIGHT_LEVELS, PAINTED_SCENES, REFERENCE_C, Camera, Recipe, Shot, make_series, plan_shots
from sensormap.correct.astro.fits import read_fits_mosaic
from sensormap.correct.methods.subtract import excesses
from sensormap.correct.repairs import CorrectionTask, find_repairs
from sensormap.correct.selection import choose_defects
from sensormap.maps.entries import Defect, DefectKind
from sensormap.maps.sensor_map import SensorMap
from sensormap.photos.exif import read_photo
from sensormap.settings import Options
from sensormap.survey.run import map_defects


def main() -> None:
    """Make photos, map them twice, and print what the temperature changes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=40)
    parser.add_argument("--unseen", type=int, default=12, help="photos in which repairs are compared")
    parser.add_argument("--defects", type=int, default=400)
    parser.add_argument("--size", default="1536x1024", help="WIDTHxHEIGHT of the photos (%(default)s)")
    parser.add_argument("--scenes", type=Path, help="folder of photographs; painted scenes without it")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--dark", action="store_true", help="skies without a moon, where hardly anything is repaired")
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    width, height = map(int, arguments.size.split("x"))
    recipe = Recipe(
        frames=arguments.frames + arguments.unseen,
        shape=(height, width),
        seed=arguments.seed,
        defects=arguments.defects,
        fits=True,
        night=True,
        night_levels=NIGHT_LEVELS if arguments.dark else (0.05, 0.3),  # by the moon, where there is texture to repair
        scenes=arguments.scenes,
        temperature_c=(5.0, 30.0),
    )
    with tempfile.TemporaryDirectory(prefix="sensormap-temperature-") as place:
        folder = Path(place)
        truth = make_series(recipe, folder, jobs=arguments.jobs)
        photos = sorted((folder / "photos").iterdir())
        (folder / "untold").mkdir()
        for path in photos:
            (folder / "untold" / path.name).write_bytes(path.read_bytes().replace(b"CCD-TEMP", b"NOT-TOLD"))
        seen = [path.name for path in photos[: arguments.frames]]
        maps = {
            name: map_defects([folder / part / one for one in seen], Options(jobs=arguments.jobs))
            for name, part in (("with", "photos"), ("without", "untold"))
        }
        for name, sensor_map in maps.items():
            kinds = {kind.value: sum(one.kind == kind for one in sensor_map.defects) for kind in DefectKind}
            print(f"{name:8} {len(sensor_map.defects)} entries: {', '.join(f'{n} {k}' for k, n in kinds.items() if n)}")
        law = maps["with"].dark_law
        print(f"law      {law}; planted {recipe.doubling_c} degrees")
        planted = {(one.x, one.y): one.D for one in truth.defects if one.kind == "hot"}
        _compare_intervals(maps, planted, recipe)
        unseen = range(arguments.frames, recipe.frames)
        _compare_excesses(maps, truth.defects, recipe, folder, unseen)
        _compare_repairs(maps, recipe, folder, unseen)


def _compare_intervals(maps: dict[str, SensorMap], planted: dict[tuple[int, int], float], recipe: Recipe) -> None:
    """Print the widths of the intervals of dark current, and how many hold what was planted."""
    hot = {
        name: {(one.x, one.y): one for one in sensor_map.defects if one.dark_dn_per_s and (one.x, one.y) in planted}
        for name, sensor_map in maps.items()
    }
    law = maps["with"].dark_law
    factor = 1.0 if law is None else 2 ** ((law.reference_c - REFERENCE_C) / recipe.doubling_c)
    told = {at: one for at, one in hot["with"].items() if _held(one, factor * planted[at])}
    named = {name: sum(one.kind == DefectKind.HOT for one in found.values()) for name, found in hot.items()}
    print(f"planted hot ones {len(planted)}; a dark current has {len(hot['with'])} with, {len(hot['without'])} without")
    print(f"called hot       {named['with']} with the temperature, {named['without']} without")
    print(f"intervals that hold the planted dark current: {len(told)} of {len(hot['with'])} with the temperature")
    both = sorted(hot["with"].keys() & hot["without"].keys())
    widths = {name: np.array([_width(found[at]) for at in both]) for name, found in hot.items()}
    ratio = np.median(widths["with"] / widths["without"])
    print(f"width of the interval, of {len(both)} in both maps: {ratio:.2f} of what it is without (median)")


def _held(defect: Defect, dark: float) -> bool:
    interval = defect.dark_dn_per_s
    return interval is not None and interval[1] <= dark <= interval[2]


def _width(defect: Defect) -> float:
    assert defect.dark_dn_per_s is not None
    _, low, high = defect.dark_dn_per_s
    return high - low


def _compare_excesses(
    maps: dict[str, SensorMap], planted: Sequence[PlantedDefect], recipe: Recipe, folder: Path, frames: range
) -> None:
    """Print how far what `subtract` takes off is from what planted hot photosites add, where both maps tell it."""
    shots = plan_shots(recipe)
    hot = {(one.x, one.y): one for one in planted if one.kind == "hot"}
    found = {name: {(one.x, one.y): one for one in a_map.defects} for name, a_map in maps.items()}
    places = sorted(at for at in hot if all(at in one for one in found.values()))
    off: dict[str, list[float]] = {name: [] for name in maps}
    for frame in frames:
        exposure = shots[frame].exposure
        dark_s = exposure.shutter_s * shots[frame].dark_factor(recipe.doubling_c)
        told = {}
        for name, sensor_map in maps.items():
            path = sorted((folder / ("untold" if name == "without" else "photos")).iterdir())[frame]
            defects = [found[name][at] for at in places]
            told[name] = excesses(defects, read_photo(path).exposure, sensor_map.dark_law)
        for at, *both in zip(places, *told.values(), strict=True):
            adds = exposure.gain * (hot[at].b + hot[at].D * dark_s)
            if None not in both and adds < SATURATION:
                for name, one in zip(maps, both, strict=True):
                    off[name].append(abs(one.dn - adds))
    means = {name: float(np.mean(some)) for name, some in off.items()}
    count, less = len(off["with"]), 1 - means["with"] / means["without"]
    print(f"what is taken off {count} times is off by {means['with']:.1f} DN with, {means['without']:.1f} DN without:")
    print(f"{less:.0%} less with the temperature")


def _compare_repairs(maps: dict[str, SensorMap], recipe: Recipe, folder: Path, frames: range) -> None:
    """Print how far repaired values of planted hot photosites are from what healthy ones would have shown."""
    camera = Camera(recipe, make_body(recipe.shape, recipe.seed), [])
    if recipe.scenes is not None:
        camera.scenes = [read_scene(path) for path in find_photographs(recipe.scenes)]
    else:
        camera.scenes = [paint_scene(number, recipe.shape, recipe.seed) for number in range(PAINTED_SCENES)]
    shots = plan_shots(recipe)
    hot = [(one.x, one.y) for one in camera.plan.defects if one.kind == "hot"]
    listed = [{(one.x, one.y) for one in sensor_map.defects} for sensor_map in maps.values()]
    places = [at for at in hot if all(at in one for one in listed)]
    errors: dict[str, list[NDArray[np.float64]]] = {name: [] for name in (*maps, "directional")}
    for frame in frames:
        healthy = _healthy(camera, shots[frame], frame, places)
        for name, found in errors.items():
            part = "untold" if name == "without" else "photos"
            path = sorted((folder / part).iterdir())[frame]
            method = "directional" if name == "directional" else "subtract"
            repaired = _repaired(path, maps["with" if name == "directional" else name], method)
            found.append(repaired[[y for _, y in places], [x for x, _ in places]] - healthy)
    sizes = {name: np.abs(np.concatenate(found)) for name, found in errors.items()}
    subtracted = {name: sizes[name] != sizes["directional"] for name in maps}
    either = subtracted["with"] | subtracted["without"]
    print(f"repairs of {len(places)} hot photosites in {len(frames)} photos, mean and median error in DN;")
    print(f"then of the {np.count_nonzero(either)} from which either map takes off what it knows")
    for name, size in sizes.items():
        what = "directional" if name == "directional" else f"subtract, {name} ({np.count_nonzero(subtracted[name])})"
        every, some = (f"{part.mean():7.2f} {np.median(part):7.2f}" for part in (size, size[either]))
        print(f"  {what:30} {every}   {some}")
    for which, counted in (("all", np.ones(either.size, np.bool_)), ("those", either)):
        less = 1 - sizes["with"][counted].mean() / sizes["without"][counted].mean()
        print(f"the error of subtract is {less:.0%} less with the temperature, of {which}")


def _healthy(camera: Camera, shot: Shot, frame: int, places: list[tuple[int, int]]) -> NDArray[np.float64]:
    """Return what healthy photosites would have shown in a photo, without noise."""
    recipe = camera.recipe
    light = camera.light(shot, frame)
    body = replace(camera.body, dark=camera.body.dark * np.float32(shot.dark_factor(recipe.doubling_c)))
    rows, cols = (np.array(one, np.intp) for one in ([y for _, y in places], [x for x, _ in places]))
    return ideal_response(light, body, shot.exposure, rows, cols)


def _repaired(path: Path, sensor_map: SensorMap, method: str) -> NDArray[np.float64]:
    """Return the raw grid of a photo, repaired by a map."""
    photo = read_photo(path)
    chosen = choose_defects(sensor_map, photo.exposure, of_raw=True)
    task = CorrectionTask(path.name, sensor_map, chosen, method, photo.exposure, None)
    _, mosaic, levels = read_fits_mosaic(path.read_bytes(), path.name, sensor_map, None)
    repairs = find_repairs(mosaic, sensor_map.sensor.active_area, levels, task)
    changed = mosaic.astype(np.float64)
    changed[repairs.rows, repairs.cols] = repairs.values
    return changed


if __name__ == "__main__":
    main()
