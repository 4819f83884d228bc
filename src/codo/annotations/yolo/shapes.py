"""Convert the numbers of YOLO's lines to boxes and polygons in pixels, vectorized: COCO has a million lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from codo.layouts.entries import OVERSHOOT, FileEntries

RELATIVE = "write coordinates relative to the image's width and height, from 0 to 1, and clip boxes to the image"

DIGITS = 2
"""Decimals of pixel coordinates."""


class Shapes(NamedTuple):
    """Boxes and polygons of lines, in pixels.

    Attributes:
        bbox: x, y, width, height, ``(M, 4)``.
        areas: In square pixels, ``(M,)``.
        outlines: Polygons in COCO's form; ``None`` for boxes.
    """

    bbox: npt.NDArray[np.float64]
    areas: npt.NDArray[np.float64]
    outlines: list[list[list[float]] | None]


def shapes_of(lines: FileEntries, values: list[list[float]], sizes: npt.NDArray[np.int32]) -> tuple[Shapes, str]:
    """Convert lines to boxes and polygons.

    Args:
        lines: The lines, for messages.
        values: The numbers of every line: class, then a box or points, in relative coordinates.
        sizes: Height and width of the image of every line.

    Returns:
        The shapes, and a warning, if any.

    Raises:
        InputError: Boxes and points outside their images; names the first and how many there are.
    """

    def text(i: int) -> str:
        return abbreviated([f"{value:g}" for value in values[i]])

    counts = np.array([len(row) // 2 for row in values], dtype=np.int64)  # pairs of numbers after the class
    if not len(counts):
        return Shapes(np.zeros((0, 4)), np.zeros(0), []), ""
    starts = np.cumsum(counts) - counts
    shares = np.array([value for row in values for value in row[1:]]).reshape(-1, 2)
    sides = sizes[:, ::-1].astype(np.float64)  # width, height
    slack = OVERSHOOT / sides
    low, high = np.minimum.reduceat(shares, starts), np.maximum.reduceat(shares, starts)
    lines.refuse(
        np.flatnonzero(((low < -slack) | (high > 1 + slack)).any(axis=1)).tolist(),
        "with numbers outside of 0 to 1",
        RELATIVE,
        lambda i: f"{text(i)} in {sizes[i, 1]} x {sizes[i, 0]}",
    )
    points = shares * np.repeat(sides, counts, axis=0)
    center, size = points[starts], points[(starts + 1)]
    points = points.round(DIGITS)
    low, high = np.minimum.reduceat(points, starts), np.maximum.reduceat(points, starts)
    boxes = counts == 2
    corner = np.where(boxes[:, None], (center - size / 2).round(DIGITS), low)
    bbox = np.concatenate([corner, np.where(boxes[:, None], size.round(DIGITS), high - low)], axis=1)
    flat = lines.check_boxes(bbox, sizes, text, RELATIVE)
    areas = np.where(boxes, bbox[:, 2] * bbox[:, 3], polygon_areas(points, starts))
    flattened, ends = points.ravel().tolist(), (2 * (starts + counts)).tolist()
    outlines = [
        None if box else [flattened[start:end]]
        for box, start, end in zip(boxes.tolist(), (2 * starts).tolist(), ends, strict=True)
    ]
    return Shapes(bbox, areas, outlines), flat


def polygon_areas(points: npt.NDArray[np.float64], starts: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Areas of polygons in square pixels, by the shoelace formula.

    Args:
        points: x, y of all points, one polygon after the other, ``(n, 2)``.
        starts: Index of the first point of each polygon, ascending.
    """
    following = np.arange(1, len(points) + 1)
    following[np.append(starts[1:], len(points)) - 1] = starts  # the last point of each is followed by its first
    (x, y), (next_x, next_y) = points.T, points[following].T
    areas: npt.NDArray[np.float64] = np.abs(np.add.reduceat(x * next_y - y * next_x, starts)) / 2
    return areas


def abbreviated(row: Sequence[str]) -> str:
    """The beginning of a line, for messages."""
    return " ".join(row[:5]) + (" …" if len(row) > 5 else "")
