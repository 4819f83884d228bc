"""RandAugment (Cubuk et al. 2020): a few operations, drawn from fifteen, all with one magnitude.

The operations are Pillow's, as in the original. Their ranges and probabilities are those that InfoMin was trained with
(docs/methods.md#infomin): each drawn operation is applied with probability 0.5, and its strength is drawn around the
magnitude with a standard deviation of 0.5 and clipped to 0..10. At magnitude 10 half of the draws therefore have full
strength, at which solarization inverts nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from PIL import Image as Pillow
from PIL import ImageEnhance, ImageOps

from codo.views.lazy_image import Image

STRONGEST = 10
PROBABILITY, DEVIATION = 0.5, 0.5
FILL = (124, 116, 104)  # for pixels from outside the image: ImageNet's mean color


class Operation(NamedTuple):
    """One operation, as drawn.

    Attributes:
        name: One of `AMOUNTS`.
        amount: In the unit of the operation, see `AMOUNTS`.
        cubic: Whether geometric operations use bicubic instead of bilinear interpolation.
    """

    name: str
    amount: float
    cubic: bool = False


AMOUNTS: dict[str, Callable[[float], float]] = {
    "auto_contrast": float,  # no amount
    "equalize": float,  # no amount
    "invert": float,  # no amount
    "rotate": lambda s: 30 * s,  # degrees
    "posterize": lambda s: int(4 * s),  # bits kept
    "solarize": lambda s: int(256 * s),  # inverted from this level on
    "solarize_add": lambda s: int(110 * s),  # levels added to dark pixels
    "color": lambda s: 0.1 + 1.8 * s,  # factor
    "contrast": lambda s: 0.1 + 1.8 * s,
    "brightness": lambda s: 0.1 + 1.8 * s,
    "sharpness": lambda s: 0.1 + 1.8 * s,
    "shear_x": lambda s: 0.3 * s,  # pixels a pixel
    "shear_y": lambda s: 0.3 * s,
    "translate_x": lambda s: 0.45 * s,  # share of the side
    "translate_y": lambda s: 0.45 * s,
}
"""Strength, from 0 to 1, to the amount of each operation."""

_BOTH_WAYS = ("rotate", "shear_x", "shear_y", "translate_x", "translate_y")
_ENHANCERS: dict[str, Any] = {
    "color": ImageEnhance.Color,
    "contrast": ImageEnhance.Contrast,
    "brightness": ImageEnhance.Brightness,
    "sharpness": ImageEnhance.Sharpness,
}


def draw(count: int, magnitude: float, rng: np.random.Generator) -> list[Operation]:
    """Draw ``count`` operations and keep each with probability 0.5.

    Args:
        count: How many are drawn, with replacement.
        magnitude: Their strength, 0 to 10.
        rng: Source of randomness.
    """
    drawn = []
    for name in rng.choice(list(AMOUNTS), count).tolist():
        strength = min(1.0, max(0.0, rng.normal(magnitude, DEVIATION) / STRONGEST))
        keeps, positive, cubic = (rng.random(3) < (PROBABILITY, 0.5, 0.5)).tolist()
        amount = AMOUNTS[name](strength)
        if keeps:
            drawn.append(Operation(name, amount if positive or name not in _BOTH_WAYS else -amount, cubic))
    return drawn


def apply(image: Image, operations: Sequence[Operation]) -> Image:
    """Apply operations to ``(H, W, 3)`` in their order; returns a new image."""
    picture = Pillow.fromarray(image)
    for operation in operations:
        picture = _applied(picture, operation)
    return np.array(picture)


def _applied(picture: Pillow.Image, operation: Operation) -> Pillow.Image:
    name, amount, cubic = operation
    if name in _ENHANCERS:
        enhanced: Pillow.Image = _ENHANCERS[name](picture).enhance(amount)
        return enhanced
    if name in _BOTH_WAYS:
        return _moved(picture, name, amount, Pillow.Resampling.BICUBIC if cubic else Pillow.Resampling.BILINEAR)
    if name == "auto_contrast":
        return ImageOps.autocontrast(picture)
    if name == "equalize":
        return ImageOps.equalize(picture)
    if name == "invert":
        return ImageOps.invert(picture)
    if name == "posterize":
        return ImageOps.posterize(picture, int(amount)) if amount else Pillow.new("RGB", picture.size)
    if name == "solarize":
        return ImageOps.solarize(picture, int(amount))
    assert name == "solarize_add"
    return picture.point([min(255, level + int(amount)) if level < 128 else level for level in range(256)] * 3)


def _moved(picture: Pillow.Image, name: str, amount: float, filter_: Pillow.Resampling) -> Pillow.Image:
    """Rotate, shear or shift; pixels from outside are `FILL`."""
    if name == "rotate":
        return picture.rotate(amount, filter_, fillcolor=FILL)
    width, height = picture.size
    matrix = {
        "shear_x": (1, amount, 0, 0, 1, 0),
        "shear_y": (1, 0, 0, amount, 1, 0),
        "translate_x": (1, 0, amount * width, 0, 1, 0),
        "translate_y": (1, 0, 0, 0, 1, amount * height),
    }[name]
    return picture.transform(picture.size, Pillow.Transform.AFFINE, matrix, filter_, fillcolor=FILL)
