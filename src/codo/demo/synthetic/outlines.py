"""Closed outlines that figures are drawn from.

An outline is a float64 array (N, 2) of x, y in figure units: x to the right, y down; a figure is about two units wide.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Outline = NDArray[np.float64]
Point = tuple[float, float]


def polygon(points: Sequence[Point] | Outline) -> Outline:
    """Straight lines between the points."""
    return np.asarray(points, dtype=np.float64).reshape(-1, 2)


def box(x1: float, y1: float, x2: float, y2: float) -> Outline:
    """An upright rectangle."""
    return polygon([(x1, y1), (x2, y1), (x2, y2), (x1, y2)])


def rounded(points: Sequence[Point] | Outline, times: int = 2) -> Outline:
    """Cut the corners of a polygon (Chaikin 1974); long edges stay straight, every corner becomes a short curve."""
    outline = polygon(points)
    for _ in range(times):
        following = np.roll(outline, -1, axis=0)
        outline = np.stack([0.75 * outline + 0.25 * following, 0.25 * outline + 0.75 * following], axis=1).reshape(
            -1, 2
        )
    return outline


def ellipse(x: float, y: float, rx: float, ry: float, *, power: float = 2.0, points: int = 36) -> Outline:
    """A superellipse ``|x/rx|^power + |y/ry|^power = 1``: 2 is an ellipse, 4 nearly a rounded box."""
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
    unit = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return moved(np.sign(unit) * np.abs(unit) ** (2 / power) * np.array([rx, ry]), x, y)


def polar(radius: NDArray[np.float64], angle: NDArray[np.float64], x: float = 0.0, y: float = 0.0) -> Outline:
    """The curve of a radius at every angle (radians, clockwise on the screen) around (x, y)."""
    return np.stack([x + radius * np.cos(angle), y + radius * np.sin(angle)], axis=1)


def blob(rng: np.random.Generator, x: float, y: float, rx: float, ry: float, *, lumps: float, waves: int) -> Outline:
    """An ellipse with a wavy rim: ``waves`` random harmonics, together ``lumps`` of the radius high."""
    angle = np.linspace(0, 2 * np.pi, 56, endpoint=False)
    order = np.arange(2, 2 + waves)[:, None]
    height = rng.uniform(0.3, 1.0, (waves, 1)) / waves
    rim = (height * np.cos(order * angle + rng.uniform(0, 2 * np.pi, (waves, 1)))).sum(0)
    return moved(polar(1 + lumps * rim, angle) * np.array([rx, ry]), x, y)


def stroke(points: Sequence[Point] | Outline, start: float, end: float | None = None) -> Outline:
    """A line drawn with a pen whose width runs from ``start`` to ``end``."""
    line = polygon(points)
    along = np.gradient(line, axis=0)
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    across = np.stack([-along[:, 1], along[:, 0]], axis=1)
    half = np.linspace(start, start if end is None else end, len(line))[:, None] / 2
    return np.concatenate([line + across * half, (line - across * half)[::-1]])


def arc(x: float, y: float, rx: float, ry: float, start: float, end: float, points: int = 14) -> Outline:
    """An open piece of an ellipse between two angles in radians, to be used with `stroke` or inside a polygon."""
    angle = np.linspace(start, end, points)
    return np.stack([x + rx * np.cos(angle), y + ry * np.sin(angle)], axis=1)


def turned(outline: Outline, angle: float) -> Outline:
    """Rotate around the origin by ``angle`` radians."""
    cos, sin = np.cos(angle), np.sin(angle)
    rotated: Outline = outline @ np.array([[cos, sin], [-sin, cos]])
    return rotated


def moved(outline: Outline, x: float, y: float) -> Outline:
    """Shift by (x, y)."""
    return np.add(outline, [x, y])
