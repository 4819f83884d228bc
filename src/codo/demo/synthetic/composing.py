"""What is in a picture: one object like ImageNet, or a scene with several like COCO.

Every picture is a pure function of (seed, series, index, size). What is in it, where, and every mask come from one
stream of random numbers; the background comes from another. So annotations do not depend on whether the photographs are
installed, and a scene keeps its contents at every size, up to rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

import numpy as np

from codo.demo.synthetic import photographs, textures
from codo.demo.synthetic.classes import CLASSES, LEAN
from codo.demo.synthetic.compositor import Instance, Stage
from codo.demo.synthetic.painting import Light, Sprite, camera, paint, random_light, random_palette, random_pose
from codo.demo.synthetic.photographs import Photograph
from codo.demo.synthetic.pixels import Bytes, Colors
from codo.demo.synthetic.primitives import Figure, clutter

PHOTOGRAPHED = 0.3
"""Share of the pictures whose background is a photograph, where there are any."""

_NAMES = tuple(CLASSES)


class Series(IntEnum):
    """Independent sequences of pictures; the number is part of the random key."""

    OBJECTS = 0
    TRAIN = 1
    VAL = 2
    PHOTOGRAPHS = 3


class Backdrop(NamedTuple):
    """A background: float32 RGB (H, W, 3) in 0..1, what it is, and the photograph it was cut from, if any."""

    picture: Colors
    name: str
    photograph: Photograph | None


class DetectionScene(NamedTuple):
    """A finished picture: uint8 RGB (H, W, 3), its labeled objects, and what is behind them."""

    image: Bytes
    instances: tuple[Instance, ...]
    backdrop: Backdrop


def random_stream(seed: int, series: Series, index: int, purpose: int) -> np.random.Generator:
    """The random numbers of one picture for one purpose (0 contents, 1 background, 2 camera)."""
    return np.random.Generator(np.random.Philox(key=[seed, series << 40 | purpose << 32 | index]))


def object_image(seed: int, index: int, size: int, available: Sequence[Photograph] = ()) -> DetectionScene:
    """One object near the middle of its own background, sometimes with a bit of clutter; ``size`` by ``size`` pixels.

    Args:
        seed: Of the data set.
        index: Of the picture; consecutive pictures go through the classes.
        size: Side in pixels.
        available: Photographs that may serve as background.
    """
    rng = random_stream(seed, Series.OBJECTS, index, 0)
    backdrop = _backdrop(seed, Series.OBJECTS, index, size, available)
    light, behind, stage = random_light(rng), backdrop.picture.mean((0, 1)), Stage(size)
    for _ in range(int(rng.integers(0, 3))):
        stage.place(rng, None, _clutter(rng, size, behind, light))
    name = _NAMES[index % len(_NAMES)]
    sprite = _object(rng, name, rng.uniform(0.5, 0.85) * size, behind, light)
    height, width = sprite.alpha.shape
    right, down = rng.normal(0, 0.05, 2) * size
    stage.put(name, sprite, round((size - width) / 2 + right), round((size - height) / 2 + down))
    picture = stage.composite(backdrop.picture, light)
    return DetectionScene(camera(random_stream(seed, Series.OBJECTS, index, 2), picture), stage.instances(), backdrop)


def detection_scene(
    seed: int, series: Series, index: int, size: int, available: Sequence[Photograph] = ()
) -> DetectionScene:
    """Up to four objects of 27-60% of the side among clutter that may hide parts of them; ``size`` by ``size`` pixels.

    A new thing is put where it leaves enough of itself and of every earlier object in sight (`stage.MIN_VISIBLE`), or
    not at all. So no object is ever visible but unlabeled.

    Args:
        seed: Of the data set.
        series: `Series.TRAIN` or `Series.VAL`.
        index: Of the picture.
        size: Side in pixels.
        available: Photographs that may serve as background.
    """
    rng = random_stream(seed, series, index, 0)
    backdrop = _backdrop(seed, series, index, size, available)
    light, behind, stage = random_light(rng), backdrop.picture.mean((0, 1)), Stage(size)
    others: list[str | None] = [str(name) for name in rng.choice(_NAMES, int(rng.integers(1, 4)))]
    others += [None] * int(rng.integers(0, 3))
    # The first object goes through the classes, so that a few dozen pictures have all of them; clutter may lie behind.
    order = [None] * int(rng.integers(0, 3)) + [_NAMES[index % len(_NAMES)]]
    order += [others[k] for k in rng.permutation(len(others))]
    for name in order:
        if name is None:
            sprite = _clutter(rng, size, behind, light)
        else:
            sprite = _object(rng, name, rng.uniform(0.27, 0.6) * size, behind, light)
        stage.place(rng, name, sprite)
    picture = stage.composite(backdrop.picture, light)
    return DetectionScene(camera(random_stream(seed, series, index, 2), picture), stage.instances(), backdrop)


def photograph_image(seed: int, index: int, size: int, photograph: Photograph) -> Bytes:
    """A piece of a photograph with one of its objects in view; uint8 RGB (size, size, 3)."""
    return photographs.around_object(random_stream(seed, Series.PHOTOGRAPHS, index, 0), photograph, size)


def _backdrop(seed: int, series: Series, index: int, size: int, available: Sequence[Photograph]) -> Backdrop:
    rng = random_stream(seed, series, index, 1)
    if not available or rng.random() >= PHOTOGRAPHED:
        return Backdrop(*textures.background(rng, size, size), None)
    photograph = available[int(rng.integers(len(available)))]
    picture = photographs.crop(rng, photograph, size, size, apart=series != Series.OBJECTS)
    if photograph.is_texture:
        picture = np.clip(picture * textures.muted(rng, low=0.6) * np.float32(1.4), 0, 1)
    return Backdrop(picture, photograph.name, photograph)


def _object(rng: np.random.Generator, name: str, length: float, behind: Colors, light: Light) -> Sprite:
    return _painted(rng, CLASSES[name](rng), length, behind, light, lean=LEAN[name])


def _clutter(rng: np.random.Generator, size: int, behind: Colors, light: Light) -> Sprite:
    return _painted(rng, clutter(rng), size * rng.uniform(0.07, 0.28), behind, light, lean=np.pi)


def _painted(
    rng: np.random.Generator, figure: Figure, length: float, behind: Colors, light: Light, *, lean: float
) -> Sprite:
    pose, palette = random_pose(rng, length, lean=lean), random_palette(rng, behind)
    # A stream of its own for the surface: it takes more numbers the larger the picture, and must not move what follows.
    surface = np.random.Generator(np.random.Philox(key=rng.integers(0, 2**63, 2)))
    return paint(surface, figure, pose, palette, light)
