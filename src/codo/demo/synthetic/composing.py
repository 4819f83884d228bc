"""Contents of an image: one object as in ImageNet, or a scene with several objects as in COCO.

Every image is a pure function of (seed, series, index, size). Objects, positions and masks come from one random stream,
the background from another. So annotations do not depend on whether the photographs are installed, and a scene has the
same contents at every size, up to rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

import numpy as np

from codo.demo.synthetic import photographs, textures
from codo.demo.synthetic.classes import CLASSES, LEAN
from codo.demo.synthetic.compositor import Compositor, Instance
from codo.demo.synthetic.painting import Light, Sprite, camera, paint, random_light, random_palette, random_pose
from codo.demo.synthetic.photographs import Photograph
from codo.demo.synthetic.pixels import Bytes, Colors
from codo.demo.synthetic.primitives import Figure, clutter

PHOTOGRAPHED = 0.3
"""Fraction of the images with a photograph as background, if photographs are installed."""

_NAMES = tuple(CLASSES)


class Series(IntEnum):
    """Independent sequences of images; the number is part of the random key."""

    OBJECTS = 0
    TRAIN = 1
    VAL = 2
    PHOTOGRAPHS = 3


class Backdrop(NamedTuple):
    """A background: float32 RGB (H, W, 3) in 0..1, its name, and the photograph it was cropped from, if any."""

    picture: Colors
    name: str
    photograph: Photograph | None


class DetectionScene(NamedTuple):
    """A finished image: uint8 RGB (H, W, 3), its labeled objects, and its background."""

    image: Bytes
    instances: tuple[Instance, ...]
    backdrop: Backdrop


def random_stream(seed: int, series: Series, index: int, purpose: int) -> np.random.Generator:
    """The random generator of one image for one purpose (0 contents, 1 background, 2 camera)."""
    return np.random.Generator(np.random.Philox(key=[seed, series << 40 | purpose << 32 | index]))


def object_image(seed: int, index: int, size: int, available: Sequence[Photograph] = ()) -> DetectionScene:
    """One object near the center of a background, sometimes with a bit of clutter; ``size`` by ``size`` pixels.

    Args:
        seed: Seed of the data set.
        index: Index of the image; consecutive images cycle through the classes.
        size: Side in pixels.
        available: Photographs for backgrounds.
    """
    rng = random_stream(seed, Series.OBJECTS, index, 0)
    backdrop = _backdrop(seed, Series.OBJECTS, index, size, available)
    light, behind, compositor = random_light(rng), backdrop.picture.mean((0, 1)), Compositor(size)
    for _ in range(int(rng.integers(0, 3))):
        compositor.place(rng, None, _clutter(rng, size, behind, light))
    name = _NAMES[index % len(_NAMES)]
    sprite = _object(rng, name, rng.uniform(0.5, 0.85) * size, behind, light)
    height, width = sprite.alpha.shape
    right, down = rng.normal(0, 0.05, 2) * size
    compositor.put(name, sprite, round((size - width) / 2 + right), round((size - height) / 2 + down))
    picture = compositor.composite(backdrop.picture, light)
    return DetectionScene(
        camera(random_stream(seed, Series.OBJECTS, index, 2), picture), compositor.instances(), backdrop
    )


def detection_scene(
    seed: int, series: Series, index: int, size: int, available: Sequence[Photograph] = ()
) -> DetectionScene:
    """Up to four objects of 27-60% of the side among clutter that may hide parts of them; ``size`` by ``size`` pixels.

    A new layer is placed only where enough of it and of every earlier object stays visible (`compositor.MIN_VISIBLE`),
    so that no object is visible but unlabeled.

    Args:
        seed: Seed of the data set.
        series: `Series.TRAIN` or `Series.VAL`.
        index: Index of the image.
        size: Side in pixels.
        available: Photographs for backgrounds.
    """
    rng = random_stream(seed, series, index, 0)
    backdrop = _backdrop(seed, series, index, size, available)
    light, behind, compositor = random_light(rng), backdrop.picture.mean((0, 1)), Compositor(size)
    others: list[str | None] = [str(name) for name in rng.choice(_NAMES, int(rng.integers(1, 4)))]
    others += [None] * int(rng.integers(0, 3))
    # The class of the first object cycles through all, so that a few dozen images have all classes.
    order = [None] * int(rng.integers(0, 3)) + [_NAMES[index % len(_NAMES)]]
    order += [others[k] for k in rng.permutation(len(others))]
    for name in order:
        if name is None:
            sprite = _clutter(rng, size, behind, light)
        else:
            sprite = _object(rng, name, rng.uniform(0.27, 0.6) * size, behind, light)
        compositor.place(rng, name, sprite)
    picture = compositor.composite(backdrop.picture, light)
    return DetectionScene(camera(random_stream(seed, series, index, 2), picture), compositor.instances(), backdrop)


def photograph_image(seed: int, index: int, size: int, photograph: Photograph) -> Bytes:
    """A crop of a photograph around one of its objects; uint8 RGB (size, size, 3)."""
    return photographs.around_object(random_stream(seed, Series.PHOTOGRAPHS, index, 0), photograph, size)


def _backdrop(seed: int, series: Series, index: int, size: int, available: Sequence[Photograph]) -> Backdrop:
    rng = random_stream(seed, series, index, 1)
    if not available or rng.random() >= PHOTOGRAPHED:
        return Backdrop(*textures.background(rng, size, size), None)
    photograph = available[int(rng.integers(len(available)))]
    picture = photographs.crop(rng, photograph, size, size, avoid_objects=series != Series.OBJECTS)
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
    # A separate stream for the surface: it draws more numbers for larger images, and must not shift later draws.
    surface = np.random.Generator(np.random.Philox(key=rng.integers(0, 2**63, 2)))
    return paint(surface, figure, pose, palette, light)
