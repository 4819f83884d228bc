"""Boxes: ``x1, y1, x2, y2`` in pixels, half-open (a box over one pixel is ``[x, y, x + 1, y + 1]``)."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from codo.core.jit import shared
from codo.views.random_numbers import Source, random_table

Box = npt.NDArray[np.float32]
Edges = tuple[float, float, float, float]
"""A box as four numbers: left, top, right, bottom."""


def area(boxes: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Areas of boxes ``(…, 4)``, zero for empty ones."""
    b = np.asarray(boxes, dtype=np.float64)
    sides: npt.NDArray[np.float64] = np.clip(b[..., 2:] - b[..., :2], 0.0, None)
    return sides[..., 0] * sides[..., 1]


def iou(a: npt.ArrayLike, b: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Intersection over union of boxes ``(…, 4)``, pairwise after broadcasting; zero where both are empty."""
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    common = area(np.concatenate([np.maximum(a[..., :2], b[..., :2]), np.minimum(a[..., 2:], b[..., 2:])], axis=-1))
    union = area(a) + area(b) - common
    return np.divide(common, union, out=np.zeros_like(common), where=union > 0)


def clip(boxes: npt.ArrayLike, width: float, height: float) -> npt.NDArray[np.float64]:
    """Boxes ``(…, 4)`` clipped to a ``width`` x ``height`` image."""
    limits = np.array([width, height, width, height], dtype=np.float64)
    return np.clip(np.asarray(boxes, dtype=np.float64), 0.0, limits)


def transform_boxes(
    boxes: npt.ArrayLike, part: tuple[int, int, int, int], side: int, flip: bool
) -> npt.NDArray[np.float64]:
    """Transform boxes of an image to a square view that shows a part of it.

    Args:
        boxes: ``(…, 4)`` in pixels of the image.
        part: The part of the image that the view shows: x1, y1, x2, y2.
        side: S, side of the view in pixels; the part is stretched to S x S.
        flip: Whether the view is then flipped horizontally.

    Returns:
        ``(…, 4)`` in pixels of the view, clipped to it; empty if a box lies outside the part.
    """
    x1, y1, x2, y2 = part
    corner, size = np.array([x1, y1, x1, y1]), np.array([x2 - x1, y2 - y1] * 2)
    moved = clip((np.asarray(boxes, dtype=np.float64) - corner) * side / size, side, side)
    return np.stack([side - moved[..., 2], moved[..., 1], side - moved[..., 0], moved[..., 3]], -1) if flip else moved


@shared
def jitter(box: Box, canvas: int, reach: float, min_iou: float, tries: int, rng: Source) -> Box:
    """Shift and resize a pasted box at random so that it includes background (section 3.1; docs/method.md#box-jitter).

    Position and size change independently by up to ``reach`` of the box's sides. The result is clipped to the canvas
    *before* it is compared with the pasted box: otherwise area outside the canvas would count in the IoU. The random
    numbers of all candidates are drawn at once, and the first candidate that passes is taken. At the default reach of
    0.2 about four in five pass, so 20 candidates all fail about once in 10^13 boxes.

    Args:
        box: The pasted box, float32 ``(4,)``.
        canvas: Side of the canvas.
        reach: Largest change, in sides of the box; 0 returns the box.
        min_iou: The IoU with the pasted box must be greater than this (the paper's 0.6).
        tries: Number of candidates to draw.
        rng: Source of randomness.

    Returns:
        Box ``(4,)`` inside the canvas; the pasted box if no candidate passes.
    """
    if reach == 0:
        return box.copy()
    x, y, right, bottom = np.float64(box[0]), np.float64(box[1]), np.float64(box[2]), np.float64(box[3])
    width, height = np.float64(box[2] - box[0]), np.float64(box[3] - box[1])
    candidate = np.empty(4, np.float32)
    for draw in random_table(tries, 4, rng):
        left, top = x + (2 * reach * draw[0] - reach) * width, y + (2 * reach * draw[1] - reach) * height
        moved = (
            left,
            top,
            left + width * (1 + (2 * reach * draw[2] - reach)),
            top + height * (1 + (2 * reach * draw[3] - reach)),
        )
        # Compared as stored, in float32, so that the rule holds for the exact numbers that the network gets.
        for side in range(4):
            candidate[side] = min(max(moved[side], 0.0), float(canvas))
        a, b, c, d = candidate
        if overlap((np.float64(a), np.float64(b), np.float64(c), np.float64(d)), (x, y, right, bottom)) > min_iou:
            return candidate
    return box.copy()


def augment_box(box: npt.ArrayLike, width: int, height: int, rng: np.random.Generator) -> npt.NDArray[np.int32]:
    """ORL's box augmentation (docs/methods.md#orl): another area, ratio and center, inside the image and near the box.

    The area changes by a factor of 1/2 to 2, and so does width / height (uniform in the logarithm); the center moves by
    up to half the box's sides. Of 200 draws, the first is taken that lies inside the image with an IoU above 0.5.

    Args:
        box: ``(4,)`` in pixels of the image.
        width: Of the image.
        height: Of the image.
        rng: Source of randomness.

    Returns:
        int32 ``(4,)`` in whole pixels; the box itself if no draw fits.
    """
    x1, y1, x2, y2 = edges = _edges(box)
    box_width, box_height = x2 - x1, y2 - y1
    for _ in range(200):
        area_, ratio = box_width * box_height * rng.uniform(0.5, 2.0), math.exp(rng.uniform(-math.log(2), math.log(2)))
        w, h = round(math.sqrt(area_ * ratio)), round(math.sqrt(area_ / ratio))
        x = round((x1 + x2) / 2 + rng.uniform(-0.5, 0.5) * box_width - w / 2)
        y = round((y1 + y2) / 2 + rng.uniform(-0.5, 0.5) * box_height - h / 2)
        inside = x >= 0 and y >= 0 and x + w <= width and y + h <= height
        if inside and overlap((x, y, x + w, y + h), edges) > 0.5:
            return np.array([x, y, x + w, y + h], np.int32)
    return np.asarray(box, dtype=np.int32)


def _edges(box: npt.ArrayLike) -> Edges:
    x1, y1, x2, y2 = np.asarray(box).tolist()
    return float(x1), float(y1), float(x2), float(y2)


@shared
def overlap(a: Edges, b: Edges) -> float:
    """`iou` of two boxes, as eight numbers."""
    common = max(min(a[2], b[2]) - max(a[0], b[0]), 0.0) * max(min(a[3], b[3]) - max(a[1], b[1]), 0.0)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common
    return common / union if union > 0 else 0.0
