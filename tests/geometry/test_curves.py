"""Rotated rectangles and ellipses against corners and extents by hand."""

from __future__ import annotations

import numpy as np
import pytest

from codo.geometry.curves import clip_boxes, ellipse_box, ellipse_points, points_box, rectangle_points
from codo.geometry.extents import outline_area


def test_a_rectangle_turns_clockwise_about_its_first_corner() -> None:
    assert rectangle_points(10, 20, 30, 40, 0) == [10, 20, 40, 20, 40, 60, 10, 60]
    assert rectangle_points(100, 10, 40, 10, 90) == [100, 10, 100, 50, 90, 50, 90, 10]
    assert points_box(rectangle_points(0, 0, 3, 4, 180)) == [-3, -4, 3, 4]


@pytest.mark.parametrize("degrees", [0, 30, 90, 200])
def test_the_box_of_an_ellipse_is_that_of_its_points(degrees: float) -> None:
    points = ellipse_points(50, 40, 20, 10, degrees)
    np.testing.assert_allclose(points_box(points), ellipse_box(50, 40, 20, 10, degrees), atol=0.05)
    assert outline_area([points]) == pytest.approx(np.pi * 200, rel=2e-3)


def test_the_long_axis_turns_clockwise() -> None:
    assert ellipse_box(50, 40, 20, 10, 90) == [40, 20, 20, 40]
    x, y = ellipse_points(0, 0, 20, 0, 30)[:2]
    assert (x, y) == (pytest.approx(20 * np.cos(np.pi / 6), abs=1e-3), pytest.approx(10))  # y points down


def test_boxes_are_cut_at_the_borders() -> None:
    bbox = np.array([[-5.0, -5, 20, 20], [90, 70, 20, 20], [10, 10, 5, 5]])
    clipped = clip_boxes(bbox, np.array([[80, 100]] * 3, dtype=np.int32))
    assert clipped.tolist() == [[0, 0, 15, 15], [90, 70, 10, 10], [10, 10, 5, 5]]
