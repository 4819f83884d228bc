"""MoCo v2's photometric augmentation: color jitter, gray, blur (section 4.2; docs/method.md#colors-and-blur).

Drawing the parameters is separate from applying them: this file draws random numbers; the kernels `color` and `blur`
change pixels, directly after the resampling (`render`). The operations and their ranges are torchvision's
``ColorJitter`` (in random order), ``RandomGrayscale`` and a Gaussian blur; tests compare them with torchvision.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from codo.core.config import Settings
from codo.core.jit import Ints
from codo.views.kernels import color
from codo.views.kernels.color import Floats
from codo.views.kernels.render import render
from codo.views.lazy_image import Image
from codo.views.random_crop import Range, Shares, uniform

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


@dataclass(frozen=True)
class Photometric:
    """The parameters drawn for one image.

    Attributes:
        steps: Color operations in order, as (name, amount): a factor for brightness, contrast and saturation, a
            fraction of the color circle for hue.
        gray: Whether the image is converted to gray.
        sigma: Standard deviation of the blur in pixels, 0 for none.
    """

    steps: tuple[tuple[str, float], ...] = ()
    gray: bool = False
    sigma: float = 0.0

    def coded(self) -> tuple[Ints, Floats, float]:
        """Steps and amounts for `color.change`, with gray as the last step, and sigma."""
        steps = [*self.steps, ("gray", 1.0)] if self.gray else self.steps
        codes = np.array([color.CODES[name] for name, _ in steps], np.int32)
        return codes, np.array([amount for _, amount in steps], np.float32), float(self.sigma)

    def row(self) -> Floats:
        """All parameters in ten numbers: codes of up to four steps (-1 for none), their amounts, gray, sigma."""
        none = [-1] * (4 - len(self.steps))
        codes = [*(color.CODES[name] for name, _ in self.steps), *none]
        amounts = [*(amount for _, amount in self.steps), *none]
        return np.array([*codes, *amounts, self.gray, self.sigma], np.float32)


BLUR_CANVAS = 224
"""Side of the views that MoCo v2 chose ``blur_sigma`` for."""


def draw(settings: AugmentSettings, rng: np.random.Generator, side: int = BLUR_CANVAS) -> Photometric:
    """Draw the parameters of one view.

    Args:
        settings: The ranges.
        rng: Source of randomness.
        side: Side of the view in pixels, for ``blur_unit=canvas``.
    """
    steps: list[tuple[str, float]] = []
    if rng.random() < settings.color:
        for name, reach in (
            ("brightness", settings.brightness),
            ("contrast", settings.contrast),
            ("saturation", settings.saturation),
        ):
            steps.append((name, uniform(max(0.0, 1 - reach), 1 + reach, rng)))
        steps.append(("hue", uniform(-settings.hue, settings.hue, rng)))
        steps = [steps[i] for i in rng.permutation(len(steps)).tolist()]
    gray = rng.random() < settings.gray
    sigma = uniform(*settings.blur_sigma, rng) if rng.random() < settings.blur else 0.0
    if settings.blur_unit == "canvas":
        sigma *= side / BLUR_CANVAS
    return Photometric(tuple(steps), gray, sigma)


def apply(image: Image, change: Photometric) -> Image:
    """Apply drawn parameters to an image ``(H, W, 3)``; returns a new image."""
    height, width = image.shape[:2]
    whole, out = (0, 0, width, height), np.empty((height, width, 3), np.uint8)
    render(np.require(image, requirements=["C", "W"]), whole, False, *change.coded(), out, whole)
    return out
