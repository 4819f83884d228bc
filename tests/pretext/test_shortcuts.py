"""Noise has no content to learn from: tasks stay at chance on it, unless a trick against a shortcut is turned off.

Each shortcut is put into noise the way cameras or crops put it into photographs. The networks are the tests' small
ones, trained for seconds, so accuracies are far below what a shortcut allows; they are judged against the spread of
guessing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest

from codo.methods.base import Method
from codo.pretext.context import Context
from codo.pretext.jigsaw import Jigsaw
from codo.pretext.rotation import Rotation
from codo.views.lazy_image import Image
from tests.pretext.pictures import PLAIN, Drawn, accuracy, build, dataset

Draw = Callable[[np.random.Generator], Image]
pytestmark = pytest.mark.usefixtures("one_thread")
LAST = 20
"""Steps whose answers are counted."""


def guessing(chance: float, answers: int) -> float:
    """The share of right answers that guessing exceeds once in 30,000 times: four deviations above chance."""
    return chance + 4 * float(np.sqrt(chance * (1 - chance) / answers))


def learned(cls: type[Method], draw: Draw, size: int, steps: int, augment: Any = PLAIN, **options: Any) -> float:
    """The accuracy at the end of a short training, in which no picture is seen twice: noise can be memorized."""
    made = dataset(cls, Drawn(steps * size, draw), 32, augment, **options)
    return accuracy(build(cls, size, **options), made, steps=steps, size=size, last=LAST)


def smooth(rng: np.random.Generator, height: int, width: int, sigma: float) -> Image:
    """Blurred noise of one channel, with full contrast."""
    blurred = cv2.GaussianBlur(rng.integers(0, 256, (height, width)).astype(np.uint8), (0, 0), sigma)
    return np.asarray(cv2.normalize(blurred, None, 0, 255, cv2.NORM_MINMAX), np.uint8)


def aberrated(rng: np.random.Generator, side: int, zooms: tuple[float, float, float]) -> Image:
    """Gray noise whose channels have different sizes, as lenses with lateral chromatic aberration show it."""
    rows, columns = np.mgrid[0:side, 0:side].astype(np.float32)
    middle, gray, channels = (side - 1) / 2, smooth(rng, side, side, 1.0), []
    for zoom in zooms:
        x, y = (middle + zoom * (place - middle) for place in (columns, rows))
        channels.append(cv2.remap(gray, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT))
    return np.stack(channels, axis=2)


def unevenly_lit(rng: np.random.Generator, cell: int, strength: float) -> Image:
    """Noise that is darker towards the corners, in steps as wide as the cells: no slopes within a patch."""
    rows, columns = np.mgrid[-1:2, -1:2]
    light = (1 - strength * (rows**2 + columns**2) / 2).repeat(cell, axis=0).repeat(cell, axis=1)
    return (rng.integers(0, 256, (3 * cell, 3 * cell, 3)) * light[..., None]).astype(np.uint8)


ACHROMAT = (1.06, 1.0, 1.06)
"""A lens that shows red and blue in the same size: its fringes are green and magenta."""
SIMPLE = (0.95, 1.0, 1.05)
"""A lens that shows red and blue in different sizes, of which projection only removes a part."""


@pytest.mark.parametrize(
    ("zooms", "colors", "sees"),
    [
        (ACHROMAT, "keep", True),
        (ACHROMAT, "project", False),
        (SIMPLE, "keep", True),
        (SIMPLE, "project", True),
        (SIMPLE, "drop", False),
    ],
)
def test_color_fringes_tell_where_a_patch_was(zooms: tuple[float, float, float], colors: str, sees: bool) -> None:
    sizes = {"cell": 24, "patch": 16, "jitter": 3, "hidden": 32, "joined": 32}
    found = learned(Context, lambda rng: aberrated(rng, 72, zooms), 64, 100, colors=colors, **sizes)
    assert (found > guessing(1 / 8, LAST * 64)) is sees


@pytest.mark.parametrize(("normalize", "sees"), [(False, True), (True, False)])
def test_levels_tell_where_a_patch_was(normalize: bool, sees: bool) -> None:
    sizes = {"cell": 18, "patch": 16, "jitter": 1, "hidden": 32, "joined": 64, "channel_jitter": 0, "permutations": 10}
    found = learned(Jigsaw, lambda rng: unevenly_lit(rng, 18, 0.2), 32, 60, normalize=normalize, **sizes)
    assert (found > guessing(1 / 10, LAST * 32)) is sees


@pytest.mark.parametrize(("ratio", "sees"), [(2.0, True), (1.0, False)])
def test_squeezed_crops_tell_quarter_turns_from_half_turns(ratio: float, sees: bool) -> None:
    def draw(rng: np.random.Generator) -> Image:
        return smooth(rng, 48, 96, 2.0)[..., None].repeat(3, axis=2)

    augment = PLAIN.model_copy(update={"crop_ratio": (ratio, ratio)})
    found = learned(Rotation, draw, 16, 80, augment)
    assert (found > guessing(1 / 4, LAST * 4 * 16)) is sees
