"""Saliency from robust background detection (RBD; Zhu, Liang, Wei and Sun 2014), without labels or training.

The idea: a region is background if it is connected to the picture's border in a way that objects seldom are: the part
of its perimeter on the border is long for its area. On superpixels p with mean Lab color and position:

    d_geo(p, q)   shortest path between p and q over touching superpixels, where a step costs max(0, d_app - clip)
    Area(p)     = sum_q exp(-d_geo^2 / 2 sigma_clr^2)            soft number of superpixels in p's region
    Len(p)      = the same sum over superpixels on the border
    w_bg(p)     = 1 - exp(-BndCon^2 / 2 sigma_bnd^2)             BndCon = Len / sqrt(Area)
    w_fg(p)     = sum_q d_app(p, q) exp(-d_spa^2 / 2 sigma_spa^2) w_bg(q)     contrast to the background, to [0, 1]

    s = argmin  sum_p w_bg s_p^2 + sum_p w_fg (s_p - 1)^2 + sum_pq w_pq (s_p - s_q)^2
        w_pq = exp(-d_app^2 / 2 sigma_clr^2) + mu  for touching p and q

with d_app the distance of colors, d_spa that of positions relative to the longer side. Superpixels on the border also
touch each other, so that a background that an object cuts in two stays one. The clip, the mean distance of a superpixel
from the touching one most like it, keeps texture from adding up along a path (Wei et al. 2012, "small-weight
clipping"). The sum is quadratic: its minimum is the solution of a linear system.

Legend: h, w sides of the picture, n superpixels.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from codo.core.jit import kernel
from codo.saliency.superpixels import COMPACTNESS, ITERATIONS, slic, touching

Floats = npt.NDArray[np.float64]

LONGEST: Final = 128
"""Larger pictures are reduced to this longest side first."""
SUPERPIXELS: Final = 200
SIGMA_COLOR, SIGMA_BOUNDARY, SIGMA_SPACE, SMOOTHNESS = 10.0, 1.0, 0.25, 0.1
"""sigma_clr, sigma_bnd, sigma_spa and mu of the paper."""
FLAT: Final = 1.0
"""A picture whose colors all lie within this distance has nothing salient: it is below what an eye can see (2.3)."""


def saliency(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """The saliency of every pixel of a reduced picture.

    Args:
        image: RGB (H, W, 3).

    Returns:
        (h, w) from 0 to 1, with a longest side of at most `LONGEST`; zero everywhere for a picture of one color.
    """
    height, width = image.shape[:2]
    scale = min(1.0, LONGEST / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA) if scale < 1 else image
    lab = np.ascontiguousarray(cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2LAB), np.float32)
    step = max(2.0, float(np.sqrt(lab.shape[0] * lab.shape[1] / SUPERPIXELS)))
    _, labels = np.unique(slic(lab, step, COMPACTNESS, ITERATIONS), return_inverse=True)
    labels = labels.reshape(lab.shape[:2]).astype(np.int32)  # numbers without gaps
    found = of_superpixels(*describe(lab, labels))
    return found.astype(np.float32)[labels]


def describe(
    lab: npt.NDArray[np.float32], labels: npt.NDArray[np.int32]
) -> tuple[Floats, Floats, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Of n superpixels: mean colors (n, 3), mean positions (n, 2), which touch (n, n), which are on the border (n,)."""
    n, flat = int(labels.max()) + 1, labels.ravel()
    counts = np.bincount(flat, minlength=n)
    y, x = np.indices(labels.shape)
    planes = [*lab.reshape(-1, 3).T, y.ravel(), x.ravel()]
    means = np.stack([np.bincount(flat, plane, n) / counts for plane in planes], axis=1)
    border = np.zeros(n, np.bool_)
    for edge in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        border[edge] = True
    return means[:, :3], means[:, 3:] / max(labels.shape), touching(labels, n), border


def of_superpixels(
    colors: Floats, places: Floats, touches: npt.NDArray[np.bool_], border: npt.NDArray[np.bool_]
) -> Floats:
    """The saliency (n,) of superpixels, from 0 to 1; see `describe` for the arguments."""
    apart = distances(colors)
    if apart.max() < FLAT:
        return np.zeros(len(colors))
    linked = touches | (border[:, None] & border[None, :])
    np.fill_diagonal(linked, False)
    nearest = np.where(linked, apart, np.inf).min(axis=1)
    clip = nearest[np.isfinite(nearest)].mean() if np.isfinite(nearest).any() else 0.0
    steps = np.where(linked, np.maximum(apart - clip, 0), np.inf)
    np.fill_diagonal(steps, 0)
    near = bell(shortest_paths(steps), SIGMA_COLOR)
    boundary = near[:, border].sum(axis=1) / np.sqrt(near.sum(axis=1))
    background = 1 - bell(boundary, SIGMA_BOUNDARY)
    foreground = unit_range((apart * bell(distances(places), SIGMA_SPACE)) @ background)
    weights = np.where(linked, bell(apart, SIGMA_COLOR) + SMOOTHNESS, 0)
    laplacian = np.diag(weights.sum(axis=1)) - weights
    return unit_range(np.linalg.solve(np.diag(background + foreground) + laplacian, foreground))


@kernel
def shortest_paths(steps: Floats) -> Floats:
    """Lengths of the shortest paths between all pairs (Floyd and Warshall), from lengths of steps (n, n)."""
    found = steps.copy()
    n = len(found)
    for k in range(n):
        for i in range(n):
            through = found[i, k]
            for j in range(n):
                found[i, j] = min(found[i, j], through + found[k, j])
    return found


def distances(points: Floats) -> Floats:
    """Euclidean distances between points (n, d): (n, n)."""
    found: Floats = np.linalg.norm(points[:, None] - points[None], axis=2)
    return found


def bell(x: Floats, sigma: float) -> Floats:
    """exp(-x^2 / 2 sigma^2)."""
    found: Floats = np.exp(-np.square(x) / (2 * sigma**2))
    return found


def unit_range(values: Floats) -> Floats:
    """Values shifted and scaled to the range from 0 to 1; zero if all are equal."""
    low, high = values.min(), values.max()
    return (values - low) / (high - low) if high > low else np.zeros_like(values)
