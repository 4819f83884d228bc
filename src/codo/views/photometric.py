"""MoCo v2's photometric augmentation on uint8 RGB images: colour jitter, grey, blur (section 4.2; METHOD 1.10).

Drawing the parameters is kept apart from applying them: `draw` uses random numbers only, `apply` pixels only.
The operations and their ranges are torchvision's ``ColorJitter`` (in random order), ``RandomGrayscale`` and a Gaussian
blur; tests hold them against torchvision.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import cv2
import numpy as np
import numpy.typing as npt
from pydantic import Field

from codo.config import Settings
from codo.views.crop import Image, Range, Shares

Probability = Annotated[float, Field(ge=0, le=1)]

# ITU-R BT.601 luma, the grey of PIL and torchvision.
LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


class AugmentSettings(Settings):
    """How images are changed in colour and cropped; the defaults are MoCo v2's."""

    crop_area: Shares = Field((0.2, 1.0), description="share of the image's area that a random crop keeps")
    crop_ratio: Range = Field((3 / 4, 4 / 3), description="width / height of a random crop")
    flip: Probability = Field(0.5, description="probability of a horizontal flip")
    color: Probability = Field(0.8, description="probability of the colour jitter")
    brightness: float = Field(0.4, ge=0, description="brightness factor is drawn from [1 - x, 1 + x]")
    contrast: float = Field(0.4, ge=0, description="contrast factor is drawn from [1 - x, 1 + x]")
    saturation: float = Field(0.4, ge=0, description="saturation factor is drawn from [1 - x, 1 + x]")
    hue: float = Field(0.1, ge=0, le=0.5, description="hue is turned by up to x of the colour circle")
    gray: Probability = Field(0.2, description="probability of turning grey")
    blur: Probability = Field(0.5, description="probability of a Gaussian blur")
    blur_sigma: Range = Field((0.1, 2.0), description="standard deviation of the blur, in pixels")


@dataclass(frozen=True)
class Photometric:
    """One draw of the parameters.

    Attributes:
        steps: Colour operations in their order, as (name, amount): a factor for brightness, contrast and saturation, a
            fraction of the colour circle for hue.
        gray: Whether the image turns grey.
        sigma: Standard deviation of the blur in pixels, 0 for none.
    """

    steps: tuple[tuple[str, float], ...] = ()
    gray: bool = False
    sigma: float = 0.0


def draw(settings: AugmentSettings, rng: np.random.Generator) -> Photometric:
    """Draw the parameters of one image."""
    steps: list[tuple[str, float]] = []
    if rng.random() < settings.color:
        for name in ("brightness", "contrast", "saturation"):
            reach = getattr(settings, name)
            steps.append((name, rng.uniform(max(0.0, 1 - reach), 1 + reach)))
        steps.append(("hue", rng.uniform(-settings.hue, settings.hue)))
        steps = [steps[i] for i in rng.permutation(len(steps))]
    gray = bool(rng.random() < settings.gray)
    sigma = rng.uniform(*settings.blur_sigma) if rng.random() < settings.blur else 0.0
    return Photometric(tuple(steps), gray, sigma)


def apply(image: Image, change: Photometric) -> Image:
    """Apply drawn parameters to an image ``(H, W, 3)``; returns a new image."""
    for name, amount in change.steps:
        image = _turn_hue(image, amount) if name == "hue" else _mix(image, name, amount)
    if change.gray:
        image = np.repeat(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    if change.sigma > 0:
        image = _blur(image, change.sigma)
    return image


def _mix(image: Image, name: str, factor: float) -> Image:
    """Blend with black (brightness), the mean grey (contrast) or the grey image (saturation), as PIL's enhancers do.

    Each is one affine map of the channels, done and rounded in a single pass by ``cv2.transform``.
    """
    matrix = np.eye(3, 4, dtype=np.float32)
    matrix[:, :3] *= factor
    if name == "contrast":
        matrix[:, 3] = (1 - factor) * round(float(np.dot(cv2.mean(image)[:3], LUMA)))
    elif name == "saturation":
        matrix[:, :3] += (1 - factor) * LUMA
    return np.asarray(cv2.transform(image, matrix), dtype=np.uint8)


def _turn_hue(image: Image, turn: float) -> Image:
    """Turn the hue by a fraction of the colour circle, in HSV with 256 steps of hue."""
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV_FULL)
    table = (np.arange(256) + int(turn * 255)).astype(np.uint8)  # wraps around, as a circle should
    hue: npt.NDArray[np.uint8] = np.asarray(cv2.LUT(hsv[..., 0], table), dtype=np.uint8)
    hsv[..., 0] = hue
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB_FULL), dtype=np.uint8)


def _blur(image: Image, sigma: float) -> Image:
    # Three standard deviations each way hold 99.7% of a Gaussian.
    size = 2 * int(np.ceil(3 * sigma)) + 1
    return np.asarray(cv2.GaussianBlur(image, (size, size), sigma, borderType=cv2.BORDER_REFLECT_101), dtype=np.uint8)
