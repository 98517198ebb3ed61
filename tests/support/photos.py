"""Photos to test with: small NEFs of one simulated body, a profile of their size, and the command line on them."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import datetime, timedelta
from functools import cache

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result

from fixtures.files.nef import NefMeta, nef_bytes
from sensormap.cli.main import main
from sensormap.settings import Options
from sensormap.survey.run import map_defects
from tests.support.folders import PROJECT
from tests.support.frames import make_mosaic

SIZE = (192, 128)
SERIAL = "4001234"
NOON = datetime(2010, 5, 2, 12)


@cache
def nef(seed=0, *, size=SIZE, level=800.0, **meta):
    """Return the bytes of a photo of a smooth scene."""
    mosaic = make_mosaic(seed, shape=size[::-1], level=level).astype(np.uint16)
    facts = {"serial": SERIAL, "captured": NOON + timedelta(minutes=seed), "shutter": (1, 100), "iso": 100}
    return nef_bytes(mosaic, NefMeta(**(facts | meta)))


def write_photos(folder, count=3, *, first=0, **meta):
    """Write photos that differ, and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"DSC_{number:04}.NEF" for number in range(first, first + count)]
    for number, path in enumerate(paths, start=first):
        path.write_bytes(nef(number, **meta))
    return paths


def write_profile(folder, size=SIZE):
    """Write a profile of the body's photos, and return its path."""
    width, height = size
    path = folder / "small.yaml"
    path.write_text(
        "make: NIKON CORPORATION\nmodel: NIKON D80\n"
        f"raw_size: [{width}, {height}]\nactive_area: [0, 0, {width - 4}, {height - 5}]\n"
        f"jpeg_crop: [14, 9, {width - 28}, {height - 18}]\n"
        "cfa: GBRG\nblack_level: 0\nsaturation: 3880\nbits: 12\nsuppression_from_s: null\n"
    )
    return path


def survey_of(*arguments, profile, **options):
    return map_defects(list(arguments), Options(profile=str(profile), **options))


def run(*arguments) -> Result:
    """Call the command line in this process."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments], prog_name="sensormap")


def refused(kind: type[click.UsageError], *arguments) -> str:
    """Return which option or argument a command line is refused for; it exits with 2 and prints nothing to stdout.

    What click says of it is click's own: its type tells, and the parameter.
    """
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    with pytest.raises(kind) as caught:
        main([str(argument) for argument in arguments], prog_name="sensormap", standalone_mode=False)
    parameter = getattr(caught.value, "param", None)
    return getattr(caught.value, "option_name", "") if parameter is None else parameter.name


def run_script(*arguments, patch="", **options):
    """Start the command line as a process of its own, after some lines of Python.

    Ctrl-C ends it even where the tests run in the background, which ignores it.
    """
    patch = f"import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n{patch}"
    script = f"import sys, os, time\n{patch}\nfrom sensormap.cli.main import main\nmain(prog_name='sensormap')"
    environment = {key: value for key, value in os.environ.items() if key not in ("FORCE_COLOR", "COLUMNS")}
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=PROJECT,
        env=environment | {"PYTHONUNBUFFERED": "1"},
        **({"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options),
    )
