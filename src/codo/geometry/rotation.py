"""Rotated rectangles of CVAT: the box is that of the rectangle before its rotation, an attribute in degrees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def turned_extents(bbox: Floats, sizes: npt.NDArray[np.int32], degrees: Floats) -> Floats:
    """Boxes around rotated rectangles, clipped to their images.

    Args:
        bbox: x, y, width, height before rotation in pixels, ``(n, 4)``.
        sizes: Height and width of the image of every rectangle, ``(n, 2)``.
        degrees: Rotation about the center, ``(n,)``.
    """
    center, half = bbox[:, :2] + bbox[:, 2:] / 2, bbox[:, 2:] / 2
    radians = np.deg2rad(degrees)
    cos, sin = np.abs(np.cos(radians))[:, None], np.abs(np.sin(radians))[:, None]
    half = half * cos + half[:, ::-1] * sin
    low, high = ((center + way * half).round(4).clip(0, sizes[:, ::-1]) for way in (-1, 1))
    return np.concatenate([low, high - low], axis=1)


def rotations(rows: Sequence[dict[str, Any]], outlines: list[Any], bbox: Floats) -> dict[int, Any]:
    """CVAT's attribute ``rotation`` of COCO annotations, by row, where the box is not that of an outline.

    An outline that is only the rectangle itself is turned with it, in place.

    Args:
        rows: The annotations.
        outlines: Their segmentations.
        bbox: Their boxes before rotation.
    """
    angles: dict[int, Any] = {}
    for i in [i for i, row in enumerate(rows) if "attributes" in row]:
        attributes = rows[i]["attributes"]
        angle = attributes.get("rotation") if type(attributes) is dict else None
        if angle is None:
            continue
        if outlines[i] is None:
            angles[i] = angle
        elif _is_rectangle(outlines[i], bbox[i]) and np.isfinite(degrees := as_degrees(angle)):
            angles[i] = angle
            outlines[i] = [_turned_points(outlines[i][0], bbox[i], degrees)] if degrees % 360 else outlines[i]
    return angles


def as_degrees(value: Any) -> float:
    """A rotation as a number; nan if it is none."""
    try:
        return float("nan") if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return float("nan")


def _is_rectangle(outline: Any, box: Floats) -> bool:
    """Whether an outline is one polygon, the four corners of its box."""
    if not isinstance(outline, list) or len(outline) != 1 or len(outline[0]) != 8:
        return False
    x, y, w, h = box.tolist()
    corners = {(round(px, 1), round(py, 1)) for px, py in zip(outline[0][::2], outline[0][1::2], strict=True)}
    return corners == {(round(px, 1), round(py, 1)) for px in (x, x + w) for py in (y, y + h)}


def _turned_points(polygon: list[float], box: Floats, angle: float) -> list[float]:
    """The points turned clockwise about the center of the box, as the image is looked at."""
    center = box[:2] + box[2:] / 2
    cos, sin = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    offsets = np.array(polygon, dtype=np.float64).reshape(-1, 2) - center
    turned = offsets @ np.array([[cos, sin], [-sin, cos]]) + center
    points: list[float] = turned.round(4).ravel().tolist()
    return points
