"""InsLoc's box augmentation (docs/methods.md#insloc): an anchor of the detector's grid replaces the pasted box.

Legend: A anchors.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from codo.views.boxes import Box, clip, iou

STRIDE = 16
SCALES = (2, 4, 8, 16)
RATIOS = (0.5, 1.0, 1.5, 1.75, 2.0)
OVERLAP = 0.7
"""IoU of the non-maximum suppression: of candidates that overlap more, a random one is kept."""


@cache
def anchors(canvas: int) -> npt.NDArray[np.float64]:
    """All anchors ``(A, 4)`` of a canvas, clipped to it: 20 at every position of the P4 grid; 5,120 at 256 pixels."""
    centers = np.arange(0, canvas, STRIDE) + STRIDE / 2
    y, x = (grid.reshape(-1, 1) for grid in np.meshgrid(centers, centers, indexing="ij"))
    sides = [(STRIDE * s / r**0.5, STRIDE * s * r**0.5) for s in SCALES for r in RATIOS]  # ratio: height / width
    w, h = np.array(sides).T
    corners = np.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], axis=2)
    return clip(corners.reshape(-1, 4), canvas, canvas)


def anchor_box(box: Box, canvas: int, min_iou: float, rng: np.random.Generator) -> Box:
    """A random anchor whose IoU with a box is above ``min_iou``; the box itself if there is none.

    The candidates first go through non-maximum suppression with random scores, so that positions with many anchors are
    not drawn more often than others.
    """
    grid = anchors(canvas)
    near = grid[iou(grid, box[None].astype(np.float64)).reshape(-1) > min_iou]
    near = near[rng.permutation(len(near))]
    kept: list[npt.NDArray[np.float64]] = []
    while len(near):
        kept.append(near[0])
        near = near[iou(near, near[:1]).reshape(-1) <= OVERLAP]
    chosen: Box = np.asarray(kept[rng.integers(len(kept))] if kept else box, dtype=np.float32)
    return chosen
