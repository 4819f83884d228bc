"""Gaussian smoothing in fixed point.

The planes of a color space are bytes. Smoothed planes have `FRACTION` fractional bits, and so do the weights, internal
differences and thresholds of the segmentation. Bytes are not precise enough: in smooth areas most differences between
neighbors are below one gray level, and their order decides the segmentation.
"""

from __future__ import annotations

import numpy as np

from codo.core.jit import Ints, kernel
from codo.proposals.color import Planes

FRACTION = 6  # fractional bits: the largest distance, 255 sqrt(3) * 64, is below 2**15


def gaussian_taps(sigma: float) -> Ints:
    """A Gaussian over ``ceil(3 sigma)`` neighbors to each side, as integers that sum to exactly 256."""
    x = np.arange(-np.ceil(3 * sigma), np.ceil(3 * sigma) + 1)
    bell = np.exp(-(x**2) / (2 * sigma**2))
    taps: Ints = np.rint(256 * bell / bell.sum()).astype(np.int32)
    taps[len(x) // 2] += 256 - taps.sum()
    return taps


@kernel
def smooth(planes: Planes, taps: Ints) -> Ints:
    """Separable convolution with replicated borders; ``(C, h, w)`` in units of ``2**-FRACTION``."""
    channels, h, w = planes.shape
    radius = len(taps) // 2
    out = np.empty((channels, h, w), np.int32)
    across = np.empty((h, w), np.int32)
    row = np.empty(w + 2 * radius, np.int32)
    for c in range(channels):
        for y in range(h):
            row[:radius] = planes[c, y, 0]
            row[radius + w :] = planes[c, y, w - 1]
            for x in range(w):
                row[radius + x] = planes[c, y, x]
            for x in range(w):
                across[y, x] = taps[0] * row[x]
            for j in range(1, len(taps)):
                for x in range(w):
                    across[y, x] += taps[j] * row[x + j]
        for y in range(h):
            for x in range(w):
                out[c, y, x] = 1 << (15 - FRACTION)  # one half, for rounding
            for j in range(len(taps)):
                source = min(max(y + j - radius, 0), h - 1)
                for x in range(w):
                    out[c, y, x] += taps[j] * across[source, x]
            for x in range(w):
                out[c, y, x] >>= 16 - FRACTION  # 2**16 from the two passes
    return out
