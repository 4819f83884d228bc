"""Outlines of rotated rectangles, circles and ellipses, as points in pixels.

Angles are in degrees, clockwise as the image is looked at (y points down).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Box = list[float]
"""x, y, width, height in pixels."""

POINTS = 72
"""Points of an ellipse: its outline is then within 1/1000 of its radius."""


def rectangle_points(x: float, y: float, width: float, height: float, degrees: float) -> list[float]:
    """The corners ``x1, y1, x2, y2, …`` of a rectangle that is rotated about its corner ``x, y``."""
    cos, sin = _cos_sin(degrees)
    sides = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float64)
    return _listed(np.array([x, y]) + sides @ np.array([[cos, sin], [-sin, cos]]))


def ellipse_points(x: float, y: float, radius_x: float, radius_y: float, degrees: float = 0.0) -> list[float]:
    """Points on an ellipse around ``x, y`` whose axes are rotated."""
    cos, sin = _cos_sin(degrees)
    angle = np.linspace(0, 2 * np.pi, POINTS, endpoint=False)
    points = np.stack([radius_x * np.cos(angle), radius_y * np.sin(angle)], axis=1)
    return _listed(np.array([x, y]) + points @ np.array([[cos, sin], [-sin, cos]]))


def ellipse_box(x: float, y: float, radius_x: float, radius_y: float, degrees: float = 0.0) -> Box:
    """The exact box around an ellipse whose axes are rotated."""
    cos, sin = _cos_sin(degrees)
    half_width, half_height = np.hypot(radius_x * cos, radius_y * sin), np.hypot(radius_x * sin, radius_y * cos)
    return [float(v) for v in np.round([x - half_width, y - half_height, 2 * half_width, 2 * half_height], 4)]


def points_box(points: list[float]) -> Box:
    """The box around points ``x1, y1, x2, y2, …``."""
    xs, ys = points[::2], points[1::2]
    return [min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)]


def clip_boxes(bbox: npt.NDArray[np.float64], sizes: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
    """Boxes x, y, width, height ``(n, 4)`` cut at the borders of images of height and width ``sizes``, ``(n, 2)``."""
    low, high = (corner.clip(0, sizes[:, ::-1]) for corner in (bbox[:, :2], bbox[:, :2] + bbox[:, 2:]))
    return np.concatenate([low, high - low], axis=1)


def _cos_sin(degrees: float) -> tuple[float, float]:
    radians = np.deg2rad(degrees)
    return float(np.cos(radians)), float(np.sin(radians))


def _listed(points: npt.NDArray[np.float64]) -> list[float]:
    listed: list[float] = points.round(4).ravel().tolist()
    return listed
