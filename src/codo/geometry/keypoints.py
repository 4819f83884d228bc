"""Whether lines of YOLO that do not say so are boxes with key points, or outlines.

A line of key points has the box and then x, y (and visibility) of every point; with an odd number of columns it could
as well be an outline, as the center and the size of the box could be its first two points. In a data set all lines with
key points have the same number of columns. It is asked about if the numbers fit key points, unless the lines are
outlines that such numbers would hardly form by chance.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

EXAMINED = 1000
"""Lines that are examined; data sets with key points have the same columns everywhere."""

SIMPLE = {4: 0.5, 5: 0.25, 6: 0.1, 7: 0.04}
"""About how often so many points at random form an outline that does not cross itself; more points: 1 in 100."""

CONVEX = {4: 0.2, 5: 0.02}
"""The same for convex outlines; more points: 1 in 1000."""


def may_be_keypoints(values: Sequence[Sequence[float]], sizes: npt.NDArray[np.int32]) -> bool:
    """Whether it must be asked what the lines of a data set are.

    Args:
        values: The numbers of every line: class, then relative coordinates.
        sizes: Height and width of the image of every line.
    """
    long = [i for i, row in enumerate(values) if len(row) > 5]
    if len({len(values[i]) for i in long}) != 1:
        return False  # no such lines, or outlines with different numbers of points
    long = long[:EXAMINED]
    numbers = np.array([values[i] for i in long])[:, 1:]
    slack = 2.0 / sizes[long][:, ::-1]
    points = numbers[:, 4:]
    pairs = _fit(numbers, points.reshape(len(long), -1, 2), slack)
    triples = np.zeros(len(long), dtype=bool)
    if points.shape[1] % 3 == 0:
        with_visibility = points.reshape(len(long), -1, 3)
        flags = np.isin(with_visibility[..., 2], (0, 1, 2)).all()
        if flags and (with_visibility[..., 2] == 2).any():
            return True  # 2 is no coordinate
        triples = _fit(numbers, with_visibility, slack) & flags
    polygons = numbers.reshape(len(long), -1, 2)
    if max(pairs.mean(), triples.mean()) >= 0.9:
        return not _are_outlines(polygons)
    # Key points outside their box: the boxes are valid, and the numbers are hardly ever an outline.
    if _boxes_fit(numbers, slack).mean() < 0.9:
        return False
    return sum(is_simple(points) for points in polygons) < 0.5 * len(polygons)


def _fit(numbers: Floats, points: Floats, slack: Floats) -> npt.NDArray[np.bool_]:
    """Which lines fit key points: a box inside the image, with the points inside the box, or unset (0, 0)."""
    center, size = numbers[:, :2], numbers[:, 2:4]
    xy = points[..., :2]
    inside = (np.abs(xy - center[:, None]) <= 0.6 * size[:, None] + slack[:, None]).all(axis=2)
    unset = (xy == 0).all(axis=2)
    if points.shape[2] == 3:
        unset |= points[..., 2] == 0
    fits: npt.NDArray[np.bool_] = _boxes_fit(numbers, slack) & (inside | unset).all(axis=1)
    return fits


def _boxes_fit(numbers: Floats, slack: Floats) -> npt.NDArray[np.bool_]:
    """Which lines begin with a box inside the image."""
    center, size = numbers[:, :2], numbers[:, 2:4]
    fits: npt.NDArray[np.bool_] = np.ones(len(numbers), dtype=np.bool_)
    for side in ((size > 0), (center - size / 2 >= -slack), (center + size / 2 <= 1 + slack)):
        fits &= side.all(axis=1)
    return fits


def _are_outlines(polygons: Floats) -> bool:
    """Whether all polygons ``(n, k, 2)`` are outlines, and it is improbable that key points form these."""
    count = polygons.shape[1]
    chance = 1.0
    for points in polygons:
        if not _is_compact(points) or not is_simple(points):
            return False
        if count == 4 and _is_parallelogram(points):
            chance *= 0.01  # a rotated rectangle
        elif is_convex(points):
            chance *= CONVEX.get(count, 0.001) if count > 3 else 1.0
        else:
            chance *= SIMPLE.get(count, 0.01)
    return chance <= 0.05


def _is_compact(points: Floats) -> bool:
    """Whether the second point, which would be the size of the box, is near the others."""
    others = np.delete(points, 1, axis=0)
    low, high = others.min(axis=0), others.max(axis=0)
    return bool(((points[1] >= 2 * low - high) & (points[1] <= 2 * high - low)).all())


def _is_parallelogram(points: Floats) -> bool:
    extent = np.ptp(points, axis=0).max()
    return bool(np.abs(points[0] + points[2] - points[1] - points[3]).max() <= 0.05 * extent)


def is_convex(points: Floats) -> bool:
    """Whether a polygon that does not cross itself is convex; points on a straight side are allowed."""
    sides = np.roll(points, -1, axis=0) - points
    turns = _cross(sides, np.roll(sides, -1, axis=0))
    return bool((turns >= -1e-9).all() or (turns <= 1e-9).all())


def is_simple(points: Floats) -> bool:
    """Whether a polygon has an area and does not cross itself."""
    ends = np.roll(points, -1, axis=0)
    if abs(_cross(points, ends).sum()) < 1e-9:
        return False
    count = len(points)
    i, j = np.triu_indices(count, k=2)
    apart = ~((i == 0) & (j == count - 1))  # sides that are no neighbors
    a, b, c, d = points[i[apart]], ends[i[apart]], points[j[apart]], ends[j[apart]]
    around_first = _cross(b - a, c - a) * _cross(b - a, d - a)
    around_second = _cross(d - c, a - c) * _cross(d - c, b - c)
    return not bool(((around_first < 0) & (around_second < 0)).any())


def _cross(a: Floats, b: Floats) -> Floats:
    product: Floats = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    return product
