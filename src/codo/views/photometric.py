"""MoCo v2's photometric augmentation: color jitter, gray, blur (section 4.2; docs/method.md#colors-and-blur).

Drawing the parameters is separate from applying them: this file draws random numbers; the kernels `color` and `blur`
change pixels, directly after the resampling (`render`). The operations and their ranges are torchvision's
``ColorJitter`` (in random order), ``RandomGrayscale`` and a Gaussian blur; tests compare them with torchvision.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

import numpy as np
from pydantic import Field

from codo.core.config import Settings
from codo.core.jit import shared
from codo.views.kernels import color
from codo.views.kernels.color import IS_GRAY, SIGMA, STEPS, Change
from codo.views.kernels.render import render
from codo.views.lazy_image import Image
from codo.views.random_crop import Range, Shares, floats, uniform
from codo.views.random_numbers import Source, random, shuffled

Probability = Annotated[float, Field(ge=0, le=1)]


class AugmentSettings(Settings):
    """Random crop, flip, color and blur (``augment.*``); the defaults are MoCo v2's."""

    crop_area: Shares = Field((0.2, 1.0), description="share of the image's area that a random crop keeps")
    crop_ratio: Range = Field((3 / 4, 4 / 3), description="width / height of a random crop")
    flip: Probability = Field(0.5, description="probability of a horizontal flip")
    color: Probability = Field(0.8, description="probability of the color jitter")
    brightness: float = Field(0.4, ge=0, description="the brightness factor is drawn from [1 - x, 1 + x]")
    contrast: float = Field(0.4, ge=0, description="the contrast factor is drawn from [1 - x, 1 + x]")
    saturation: float = Field(0.4, ge=0, description="the saturation factor is drawn from [1 - x, 1 + x]")
    hue: float = Field(0.1, ge=0, le=0.5, description="hue is shifted by up to this share of the color circle")
    gray: Probability = Field(0.2, description="probability of conversion to gray")
    blur: Probability = Field(0.5, description="probability of a Gaussian blur")
    blur_sigma: Range = Field((0.1, 2.0), description="standard deviation of the blur, in pixels (see blur_unit)")
    blur_unit: Literal["pixels", "canvas"] = Field(
        "pixels",
        description="unit of blur_sigma: pixels, or canvas / 224 pixels, so that small canvases are not blurred more",
    )
    solarize: Probability = Field(0.0, description="probability of solarization; whole-image views only")
    randaugment: int = Field(0, ge=0, description="operations of RandAugment; whole-image views only")
    magnitude: float = Field(10, ge=0, le=10, description="strength of RandAugment's operations")
    device: Literal["cpu", "device"] = Field(
        "cpu",
        description="where color and blur of pasted views are computed: in the loader, or on the network's device",
    )


BLUR_CANVAS = 224
"""Side of the views that MoCo v2 chose ``blur_sigma`` for."""


class ChangeRanges(NamedTuple):
    """What `draw_change` draws from, see `AugmentSettings`; ``unit`` is the unit of sigma in pixels."""

    color: float
    factors: tuple[float, float, float]
    hue: float
    gray: float
    blur: float
    sigma: tuple[float, float]
    unit: float

    @classmethod
    def of(cls, settings: AugmentSettings, side: int) -> ChangeRanges:
        """The ranges for views with this side in pixels."""
        one = settings
        return cls(
            color=float(one.color),  # whole numbers in a setting would be another type to the compiler
            factors=(float(one.brightness), float(one.contrast), float(one.saturation)),
            hue=float(one.hue),
            gray=float(one.gray),
            blur=float(one.blur),
            sigma=floats(one.blur_sigma),
            unit=side / BLUR_CANVAS if one.blur_unit == "canvas" else 1.0,
        )


@dataclass(frozen=True)
class Photometric:
    """The parameters drawn for one image.

    Attributes:
        steps: Color operations in order, as (name, amount): a factor for brightness, contrast and saturation, a
            fraction of the color circle for hue; at most four.
        gray: Whether the image is converted to gray.
        sigma: Standard deviation of the blur in pixels, 0 for none.
    """

    steps: tuple[tuple[str, float], ...] = ()
    gray: bool = False
    sigma: float = 0.0

    def __post_init__(self) -> None:
        if len(self.steps) > STEPS:
            raise ValueError(f"{len(self.steps)} color steps; there are at most {STEPS}")

    @classmethod
    def of(cls, change: Change) -> Photometric:
        """The parameters with names."""
        numbers = change.tolist()
        pairs = zip(numbers[:STEPS], numbers[STEPS:IS_GRAY], strict=True)
        steps = tuple((color.NAMES[int(code)], amount) for code, amount in pairs if code >= 0)
        return cls(steps, bool(numbers[IS_GRAY]), numbers[SIGMA])

    def numbers(self) -> Change:
        """The parameters as kernels take them."""
        none = [-1] * (STEPS - len(self.steps))
        codes = [*(color.CODES[name] for name, _ in self.steps), *none]
        return np.array([*codes, *(amount for _, amount in self.steps), *none, self.gray, self.sigma], np.float64)


def draw(settings: AugmentSettings, rng: np.random.Generator, side: int = BLUR_CANVAS) -> Photometric:
    """Draw the parameters of one view.

    Args:
        settings: The ranges.
        rng: Source of randomness.
        side: Side of the view in pixels, for ``blur_unit=canvas``.
    """
    return Photometric.of(draw_change(ChangeRanges.of(settings, side), rng))


@shared
def draw_change(ranges: ChangeRanges, rng: Source) -> Change:
    """Draw color and blur of one view; the color steps come in random order."""
    codes, amounts = (-1.0, -1.0, -1.0, -1.0), (-1.0, -1.0, -1.0, -1.0)
    if random(rng) < ranges.color:
        found = (
            uniform(max(0.0, 1 - ranges.factors[0]), 1 + ranges.factors[0], rng),
            uniform(max(0.0, 1 - ranges.factors[1]), 1 + ranges.factors[1], rng),
            uniform(max(0.0, 1 - ranges.factors[2]), 1 + ranges.factors[2], rng),
            uniform(-ranges.hue, ranges.hue, rng),
        )  # in the order of their codes
        a, b, c, d = shuffled(STEPS, rng)
        codes, amounts = (float(a), float(b), float(c), float(d)), (found[a], found[b], found[c], found[d])
    gray = 1.0 if random(rng) < ranges.gray else 0.0
    sigma = 0.0
    if random(rng) < ranges.blur:
        sigma = uniform(ranges.sigma[0], ranges.sigma[1], rng) * ranges.unit
    return np.array(codes + amounts + (gray, sigma))


def apply(image: Image, change: Photometric) -> Image:
    """Apply drawn parameters to an image ``(H, W, 3)``; returns a new image."""
    height, width = image.shape[:2]
    whole, out = (0, 0, width, height), np.empty((height, width, 3), np.uint8)
    render(np.require(image, requirements=["C", "W"]), whole, False, change.numbers(), out, whole)
    return out
