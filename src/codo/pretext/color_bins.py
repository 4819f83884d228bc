"""The ab plane of CIE Lab in bins: targets, weights and answers of colorization (Zhang et al. 2016, section 2).

The bins are squares with sides of 10 around multiples of 10. Used are those in gamut: those to which some color of sRGB
belongs, 261. The publication counts 313 and does not say by which rule; its list reaches b = 110, where sRGB (whose
largest b is 94.5) has no colors. Bins without colors are never a target, so more of them change little.

Legend: Q bins, n pixels.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from codo.pretext.color_space import to_lab

GRID = 10.0
NEIGHBORS = 5
SIGMA = 5.0
"""Of the Gaussian over distances to the nearest bins, and of the one that smooths the distribution of colors."""


def _bin_centers() -> npt.NDArray[np.float32]:
    """The bins of the surface of the RGB cube; inside of it are the same hues, less saturated, in no further bins."""
    levels = torch.arange(256) / 255
    faces = []
    for channel in range(3):
        for end in (0.0, 1.0):
            face = torch.cartesian_prod(levels, levels)
            fixed = torch.full((len(face), 1), end)
            faces.append(torch.cat([face[:, :channel], fixed, face[:, channel:]], dim=1))
    ab = to_lab(torch.cat(faces))[:, 1:].numpy()
    return np.asarray(GRID * np.unique(np.rint(ab / GRID), axis=0) + 0.0, np.float32)  # no negative zeros


CENTERS = _bin_centers()
"""The a and b of the bins in gamut, float32 ``(Q, 2)``, sorted; no tensor, so that `codo plan` can make its own."""


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
