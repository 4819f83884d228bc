"""Superpixels by simple linear iterative clustering (SLIC; Achanta et al. 2012), and which of them touch.

K-means on color and position, in which a pixel is compared only with centers nearby: those whose window of twice the
grid's step contains it. Colors are CIE Lab with lightness from 0 to 100.

Legend: h, w sides of the picture, n superpixels, s grid step in pixels.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from codo.core.jit import Ints, kernel

Floats = npt.NDArray[np.float32]

COMPACTNESS = 10.0
"""m: a distance of s pixels counts like a color difference of m."""
ITERATIONS = 5


@kernel
def slic(lab: Floats, step: float, compactness: float, iterations: int) -> Ints:
    """Assign every pixel to a superpixel.

    Args:
        lab: (h, w, 3) colors.
        step: s, at least 1.
        compactness: m.
        iterations: Of the k-means.

    Returns:
        (h, w) numbers from 0; some may be missing, and a superpixel may be in several pieces.
    """
    h, w, _ = lab.shape
    rows, columns = max(1, int(h / step + 0.5)), max(1, int(w / step + 0.5))
    n = rows * columns
    centers = np.empty((n, 5), np.float32)  # color, y, x
    for k in range(n):
        y, x = (k // columns + 0.5) * h / rows, (k % columns + 0.5) * w / columns
        centers[k, :3] = lab[int(y), int(x)]
        centers[k, 3], centers[k, 4] = y, x
    labels = np.zeros((h, w), np.int32)
    nearest = np.empty((h, w), np.float32)
    reach = int(np.ceil(2 * max(h / rows, w / columns)))
    scale = np.float32((compactness / step) ** 2)
    for _ in range(iterations):
        nearest[:] = np.inf
        for k in range(n):
            light, a, b, cy, cx = centers[k]
            for y in range(max(0, int(cy) - reach), min(h, int(cy) + reach + 1)):
                for x in range(max(0, int(cx) - reach), min(w, int(cx) + reach + 1)):
                    color = (lab[y, x, 0] - light) ** 2 + (lab[y, x, 1] - a) ** 2 + (lab[y, x, 2] - b) ** 2
                    away = (y - cy) ** 2 + (x - cx) ** 2
                    distance = color + scale * away
                    if distance < nearest[y, x]:
                        nearest[y, x], labels[y, x] = distance, k
        sums, counts = np.zeros((n, 5), np.float64), np.zeros(n, np.int64)
        for y in range(h):
            for x in range(w):
                k = labels[y, x]
                counts[k] += 1
                for c in range(3):
                    sums[k, c] += lab[y, x, c]
                sums[k, 3] += y
                sums[k, 4] += x
        for k in range(n):
            if counts[k] > 0:
                for c in range(5):
                    centers[k, c] = sums[k, c] / counts[k]
    return labels


@kernel
def touching(labels: Ints, n: int) -> npt.NDArray[np.bool_]:
    """Which of n superpixels share an edge between two pixels of ``labels`` (h, w): (n, n), symmetric."""
    h, w = labels.shape
    found = np.zeros((n, n), np.bool_)
    for y in range(h):
        for x in range(w):
            here = labels[y, x]
            if x + 1 < w and labels[y, x + 1] != here:
                found[here, labels[y, x + 1]] = found[labels[y, x + 1], here] = True
            if y + 1 < h and labels[y + 1, x] != here:
                found[here, labels[y + 1, x]] = found[labels[y + 1, x], here] = True
    return found
