"""Random resized crops: the random choice of the part of an image."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import AfterValidator

from codo.core.jit import shared
from codo.views.random_numbers import Source, integer, random


def _ascending(range_: tuple[float, float]) -> tuple[float, float]:
    if not 0 < range_[0] <= range_[1]:
        raise ValueError("must be two positive numbers, the smaller first")
    return range_


def _share(range_: tuple[float, float]) -> tuple[float, float]:
    if range_[1] > 1:
        raise ValueError("must not be above 1")
    return range_


Range = Annotated[tuple[float, float], AfterValidator(_ascending)]
"""Type of a setting with two positive numbers, the smaller first."""

Shares = Annotated[Range, AfterValidator(_share)]
"""A `Range` within (0, 1]."""


def floats(range_: tuple[float, float]) -> tuple[float, float]:
    """The range in floating-point numbers, the one type that compiled code takes."""
    return float(range_[0]), float(range_[1])


@shared
def random_crop(
    width: int, height: int, area: tuple[float, float], ratio: tuple[float, float], rng: Source
) -> tuple[int, int, int, int]:
    """A random part of a ``width`` x ``height`` image, drawn like torchvision's ``RandomResizedCrop``.

    Args:
        width: Width of the image.
        height: Height of the image.
        area: Range of the crop's share of the image's area, drawn uniformly.
        ratio: Range of its width / height, drawn uniformly in the logarithm.
        rng: Source of randomness.

    Returns:
        ``x1, y1, x2, y2`` inside the image, at least one pixel per side. After ten draws that do not fit, the largest
        central crop whose ratio lies in the range.
    """
    low, high = math.log(ratio[0]), math.log(ratio[1])
    for _ in range(10):
        target = width * height * uniform(area[0], area[1], rng)
        aspect = math.exp(uniform(low, high, rng))
        w, h = round(math.sqrt(target * aspect)), round(math.sqrt(target / aspect))
        if 0 < w <= width and 0 < h <= height:
            x, y = integer(width - w + 1, rng), integer(height - h + 1, rng)
            return x, y, x + w, y + h
    w = min(width, max(1, round(height * ratio[1])))
    h = min(height, max(1, round(width / ratio[0])))
    x, y = (width - w) // 2, (height - h) // 2
    return x, y, x + w, y + h


@shared
def uniform(low: float, high: float, rng: Source) -> float:
    """A uniform random number: the same as ``rng.uniform(low, high)`` of NumPy, in a third of the time."""
    return low + (high - low) * random(rng)
