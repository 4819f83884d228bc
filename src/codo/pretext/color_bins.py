"""The ab plane of CIE Lab in bins: targets, weights and answers of colorization (Zhang et al. 2016, section 2).

The bins are squares with sides of 10 around multiples of 10: the 313 of the publication. They hold the 261 to which
some color of sRGB belongs, and 52 around them that only share in the targets of colors at the rim.

Legend: Q bins, n pixels.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

GRID = 10.0
NEIGHBORS = 5
SIGMA = 5.0
"""Of the Gaussian over distances to the nearest bins, and of the one that smooths the distribution of colors."""

ROWS = (
    (50, 90), (20, 90), (0, 90), (-20, 90), (-30, 100), (-40, 100), (-50, 100), (-50, 100), (-60, 100), (-70, 100),
    (-80, 90), (-80, 90), (-90, 90), (-100, 90), (-100, 80), (-110, 80), (-110, 80), (-110, 70), (-110, 70), (-90, 0),
)  # fmt: skip
"""For a = -90, -80, ..., 100 the smallest and largest b of the publication's bins, as OpenCV's sample of its released
networks lists them (samples/dnn/colorization.cpp)."""


def _bin_centers() -> npt.NDArray[np.float32]:
    """All bins, row by row."""
    step = int(GRID)
    rows = zip(range(-90, 101, step), ROWS, strict=True)
    return np.array([(a, b) for a, (low, high) in rows for b in range(low, high + 1, step)], np.float32)


CENTERS = _bin_centers()
"""The a and b of the bins, float32 ``(Q, 2)``, sorted; no tensor, so that `codo plan` can make its own."""


def nearest(ab: Tensor, centers: Tensor, count: int = NEIGHBORS) -> tuple[Tensor, Tensor]:
    """The ``count`` nearest bins of colors ``(n, 2)``.

    Returns:
        Squared distances and numbers of the bins, each ``(n, count)``, nearest first.
    """
    numbers = torch.cdist(ab, centers).topk(count, dim=1, largest=False).indices  # in float32 also under autocast
    return (ab[:, None] - centers[numbers]).square().sum(dim=2), numbers


def soft_targets(ab: Tensor, centers: Tensor) -> tuple[Tensor, Tensor]:
    """Colors ``(n, 2)`` as shares of their five nearest bins, weighted by a Gaussian of the distance.

    Returns:
        Shares that sum to 1 and numbers of the bins, each ``(n, 5)``, nearest first.
    """
    squares, numbers = nearest(ab, centers)
    return torch.softmax(-squares / (2 * SIGMA**2), dim=1), numbers


def class_weights(counts: Tensor, centers: Tensor, uniform: float) -> Tensor:
    """Weights that make rare colors count as much as the grays that fill most images (equation 4).

    Args:
        counts: How often each bin occurs in the images, ``(Q,)``.
        centers: ``(Q, 2)``.
        uniform: Share of the uniform distribution that the smoothed one is mixed with (lambda).

    Returns:
        ``(Q,)``, with mean 1 over the smoothed distribution.
    """
    kernel = torch.softmax(-torch.cdist(centers, centers).square() / (2 * SIGMA**2), dim=1)  # each bin spreads its own
    smooth = (counts.to(centers.dtype) / counts.sum()) @ kernel
    weights = 1 / ((1 - uniform) * smooth + uniform / len(centers))
    return weights / (smooth * weights).sum()


def annealed_mean(scores: Tensor, centers: Tensor, temperature: float) -> Tensor:
    """A color for each distribution over bins (equation 5): the mean after sharpening.

    Args:
        scores: Logits ``(n, Q)``.
        centers: ``(Q, 2)``.
        temperature: 1 is the mean, which is grayish; towards 0 it becomes the mode, which is spotty.

    Returns:
        a and b, ``(n, 2)``.
    """
    return torch.softmax(scores.float() / temperature, dim=1) @ centers
