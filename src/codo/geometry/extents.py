"""The box of an outline or of keypoints: what a bounding box is by definition."""

from __future__ import annotations

from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

Box = tuple[float, float, float, float]
"""x, y, width, height in pixels."""


def outline_extent(outline: Any) -> Box | None:
    """The box around a COCO segmentation; ``None`` if it is empty or not valid."""
    try:
        if isinstance(outline, list):
            parts = [part for part in outline if len(part) >= 6]
            return _around([v for part in parts for v in part[::2]], [v for part in parts for v in part[1::2]])
        if isinstance(outline, dict) and outline:
            counts = outline["counts"]
            code = outline if isinstance(counts, str) else coco_mask.frPyObjects(outline, *outline["size"])
            x, y, width, height = (float(v) for v in coco_mask.toBbox(code))
            return (x, y, width, height) if width and height else None
    except (TypeError, KeyError, ValueError):
        return None
    return None


def outline_area(outline: Any) -> float:
    """The area of a COCO segmentation in square pixels: of its polygons, or the pixels of its mask."""
    if isinstance(outline, list):
        return float(sum(_polygon_area(part) for part in outline))
    counts = outline["counts"]
    code = outline if isinstance(counts, str) else coco_mask.frPyObjects(outline, *outline["size"])
    return float(coco_mask.area(code))


def keypoint_extent(keypoints: Any) -> Box | None:
    """The box around the labeled keypoints ``[x, y, visibility, …]``; ``None`` if they span none."""
    if not isinstance(keypoints, list) or not keypoints or len(keypoints) % 3:
        return None
    try:
        labeled = [(x, y) for x, y, v in zip(keypoints[::3], keypoints[1::3], keypoints[2::3], strict=True) if v > 0]
        return _around([x for x, _ in labeled], [y for _, y in labeled])
    except TypeError:
        return None


def _around(xs: list[Any], ys: list[Any]) -> Box | None:
    if not xs:
        return None
    box = (float(min(xs)), float(min(ys)), float(max(xs) - min(xs)), float(max(ys) - min(ys)))
    return box if np.isfinite(box).all() and box[2] > 0 and box[3] > 0 else None


def _polygon_area(part: list[float]) -> float:
    points = np.asarray(part, dtype=np.float64).reshape(-1, 2)
    x, y = points.T
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)
