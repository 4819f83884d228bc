"""Descriptors of the regions of a segmentation: size, box, neighbors, and histograms of color and texture.

Legend: ``C`` channels, ``h, w`` rows and columns, ``R`` regions, ``F = C (COLORS + TEXTURES)`` histogram bins.

A pixel falls into one color bin and one texture bin per channel. Bins do not depend on the segmentation: they are
computed once for a color space (`bins`) and counted for each segmentation (`describe`).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from codo.core.jit import Ints, kernel
from codo.proposals.color import Planes

COLORS = 25  # color bins per channel (Uijlings et al. 2013, section 3.2)
DIRECTIONS, STRENGTHS = 8, 10  # of the texture bins per channel (same section)
TEXTURES = DIRECTIONS * STRENGTHS
STEP = 8  # log2 of the gradient magnitude a strength bin spans: four gray levels, in units of 2**-6
Bins = npt.NDArray[np.uint16]


@kernel
def bins(planes: Planes, smoothed: Ints) -> Bins:
    """The histogram bins of every pixel.

    Texture is the gradient of the smoothed plane (central differences of a Gaussian-filtered image: a Gaussian
    derivative), by direction in octants and by strength. The paper counts a pixel once for each of 8 directional
    derivatives; one count by direction *and* strength holds the same information at an eighth of the cost. The
    direction of a gradient of the lowest strength is not meaningful, so all directions share that bin.

    Args:
        planes: ``(C, h, w)`` of a color space.
        smoothed: ``(C, h, w)``, the smoothed planes, in units of ``2**-6``.

    Returns:
        ``(2 C, h, w)``: first the color bins of the channels, then their texture bins, all distinct.
    """
    channels, h, w = planes.shape
    out = np.empty((2 * channels, h, w), np.uint16)
    across = np.zeros(w, np.int32)  # the horizontal derivative of a row
    for c in range(channels):
        color, texture = c * COLORS, channels * COLORS + c * TEXTURES
        for y in range(h):
            above, below = max(y - 1, 0), min(y + 1, h - 1)
            for x in range(1, w - 1):
                across[x] = smoothed[c, y, x + 1] - smoothed[c, y, x - 1]
            across[0] = smoothed[c, y, min(1, w - 1)] - smoothed[c, y, 0]
            across[w - 1] = smoothed[c, y, w - 1] - smoothed[c, y, max(w - 2, 0)]
            for x in range(w):
                out[c, y, x] = color + ((np.int32(planes[c, y, x]) * COLORS) >> 8)
            for x in range(w):
                dx, dy = across[x], smoothed[c, below, x] - smoothed[c, above, x]
                long, short = max(abs(dx), abs(dy)), min(abs(dx), abs(dy))
                strength = min((long + (short >> 1)) >> STEP, STRENGTHS - 1)  # within 12% of the Euclidean norm
                octant = 4 * (dx < 0) + 2 * (dy < 0) + (abs(dx) > abs(dy))
                out[channels + c, y, x] = texture + (octant * STRENGTHS + strength) * (strength > 0)
    return out


@kernel
def describe(bin_of: Bins, labels: Ints, regions: int) -> tuple[Ints, Ints, Ints, npt.NDArray[np.bool_]]:
    """Describe the regions of a segmentation.

    Args:
        bin_of: ``(2 C, h, w)`` from `bins`.
        labels: ``(h, w)``, the region of every pixel.
        regions: Number of regions ``R``.

    Returns:
        Histograms ``(R, F)``, sizes in pixels ``(R,)``, boxes ``(R, 4)`` as half-open xyxy, and which regions share a
        pixel edge ``(R, R)``.
    """
    features, h, w = bin_of.shape
    histograms = np.zeros((regions, features // 2 * (COLORS + TEXTURES)), np.int32)
    sizes = np.zeros(regions, np.int32)
    boxes = np.empty((regions, 4), np.int32)
    boxes[:, 0], boxes[:, 1], boxes[:, 2], boxes[:, 3] = w, h, 0, 0
    neighbors = np.zeros((regions, regions), np.bool_)
    for y in range(h):
        x = 0
        while x < w:  # a run of one region at a time
            start = x
            region = np.uint32(labels[y, x])
            while x < w and labels[y, x] == region:
                for f in range(features):
                    histograms[region, bin_of[f, y, x]] += 1
                x += 1
            sizes[region] += x - start
            boxes[region, 0], boxes[region, 1] = min(boxes[region, 0], start), min(boxes[region, 1], y)
            boxes[region, 2], boxes[region, 3] = max(boxes[region, 2], x), y + 1
            if x < w:
                neighbors[region, labels[y, x]] = neighbors[labels[y, x], region] = True
        if y + 1 < h:
            for x in range(w):
                if labels[y, x] != labels[y + 1, x]:
                    neighbors[labels[y, x], labels[y + 1, x]] = neighbors[labels[y + 1, x], labels[y, x]] = True
    return histograms, sizes, boxes, neighbors
