"""Maps of sensors of few bits, whose noise is below a step and whose photosites differ from each other."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from sensormap.settings import Options
from sensormap.survey.run import map_defects

PROFILE = """make: ACME
model: Coarse
raw_size: [160, 120]
active_area: [0, 0, 160, 120]
jpeg_crop: null
cfa: mono
black_level: 0
saturation: 65280
bits: 16
suppression_from_s: null
"""


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Sixteen darks and sixteen flats of eight bits, stored as multiples of 256: a fixed pattern and one defect."""
    folder, rng = tmp_path_factory.mktemp("coarse"), np.random.default_rng(1)
    own, response = rng.normal(0, 0.2, (120, 160)), rng.normal(1, 0.008, (120, 160))
    own[40, 50] += 30
    for number in range(32):
        light = (number % 2) * rng.uniform(20, 160)
        value = 3 + own + light * response
        value += rng.normal(0, 1, value.shape) * np.sqrt(0.08 + 0.012 * light)
        stored = np.clip(np.rint(value), 0, 255).astype(np.uint16) * 256
        Image.fromarray(stored).save(folder / f"{number:02}.png")
    (folder / "profile.yaml").write_text(PROFILE, encoding="utf-8")
    return folder


def test_what_is_listed_is_the_defect_and_not_the_pattern(photos):
    found = map_defects([photos], Options(profile=str(photos / "profile.yaml"), jobs=2))
    assert not found.skipped
    places = {(one.x, one.y) for one in found.defects}
    assert (50, 40) in places
    assert len(places) <= 5
