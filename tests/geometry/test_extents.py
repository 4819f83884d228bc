"""The box and the area of outlines, and the box of keypoints."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from codo.geometry.extents import keypoint_extent, outline_area, outline_extent
from codo.geometry.segmentations import encode

MASK = np.zeros((8, 10), np.uint8)
MASK[2:5, 3:9] = 1


@pytest.mark.parametrize(
    ("outline", "box"),
    [
        ([[1, 2, 31, 2, 31, 42]], (1, 2, 30, 40)),
        ([[1, 2, 5, 2, 5, 4], [10, 20, 12, 20, 12, 30]], (1, 2, 11, 28)),
        ([[1, 2, 3, 4], [1, 2, 5, 2, 5, 4]], (1, 2, 4, 2)),  # two points are no polygon
        (encode(MASK), (3, 2, 6, 3)),
        ({"size": [8, 10], "counts": [0, 8, 72]}, (0, 0, 1, 8)),
        ([], None),
        ([[5, 5, 5, 5, 5, 5]], None),
        ({}, None),
        (None, None),
        ({"size": [8, 10]}, None),
        ([["a"] * 6], None),
        ("text", None),
    ],
)
def test_the_box_of_an_outline(outline: Any, box: Any) -> None:
    assert outline_extent(outline) == box


def test_the_area_of_an_outline() -> None:
    assert outline_area([[0, 0, 10, 0, 10, 5, 0, 5], [0, 0, 4, 0, 4, 2]]) == 54
    assert outline_area(encode(MASK)) == 18
    assert outline_area({"size": [8, 10], "counts": [0, 8, 72]}) == 8


def test_the_box_of_labeled_keypoints() -> None:
    assert keypoint_extent([5, 6, 2, 15, 30, 1, 0, 0, 0]) == (5, 6, 10, 24)  # the last is not labeled
    assert keypoint_extent([5, 6, 2, 0, 0, 0]) is None  # one point spans no box
    for wrong in (None, [], [1, 2], [1, 2, "a"], "abc"):
        assert keypoint_extent(wrong) is None
