"""Outlines by their areas and by points that can be computed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from codo.demo.synthetic.outlines import arc, blob, box, ellipse, moved, polar, polygon, rounded, stroke, turned
from tests.demo.synthetic.figures import area

SQUARE = [(0.0, 0.0), (2.0, 0.0), (2.0, 2.0), (0.0, 2.0)]


def test_a_box_and_a_polygon_have_the_points_they_are_given() -> None:
    assert np.array_equal(box(0, 0, 2, 2), polygon(SQUARE))
    assert polygon(SQUARE).dtype == np.float64
    assert area(box(-1, 2, 3, 5)) == 12


@pytest.mark.parametrize(("times", "left"), [(0, 4), (1, 3.5), (2, 3.375)])
def test_cutting_corners_doubles_the_points_and_stays_inside(times: int, left: float) -> None:
    outline = rounded(SQUARE, times)
    assert len(outline) == 4 * 2**times
    assert outline.min() >= 0
    assert outline.max() <= 2
    # By hand: each corner of the square loses 1/8, then each of the eight that are left 1/64.
    assert area(outline) == pytest.approx(left)


@pytest.mark.parametrize("power", [1.0, 2.0, 4.0])
def test_an_ellipse_obeys_its_equation(power: float) -> None:
    x, y = ellipse(3, -1, 2, 0.5, power=power).T
    assert np.allclose(np.abs((x - 3) / 2) ** power + np.abs((y + 1) / 0.5) ** power, 1)


def test_the_area_of_an_ellipse() -> None:
    assert area(ellipse(0, 0, 2, 0.5, points=720)) == pytest.approx(np.pi, rel=1e-3)
    assert area(ellipse(0, 0, 1, 1, power=1)) == pytest.approx(2)  # a rhombus
    assert area(ellipse(5, 5, 1, 1, power=20, points=720)) == pytest.approx(4, rel=0.02)  # nearly a square


def test_polar_points_lie_at_their_radius_and_run_clockwise_on_the_screen() -> None:
    outline = polar(np.array([1.0, 2, 3]), np.array([0, np.pi / 2, np.pi]), 10, 20)
    assert np.allclose(outline, [[11, 20], [10, 22], [7, 20]])  # y points down


def test_a_blob_is_an_ellipse_up_to_its_lumps_and_the_same_for_the_same_numbers() -> None:
    for seed in range(20):
        made = blob(np.random.default_rng(seed), 1, 2, 3, 0.5, lumps=0.3, waves=5)
        radius = np.hypot((made[:, 0] - 1) / 3, (made[:, 1] - 2) / 0.5)
        assert (np.abs(radius - 1) <= 0.3).all()
        assert np.ptp(radius) > 0.01
        assert np.array_equal(made, blob(np.random.default_rng(seed), 1, 2, 3, 0.5, lumps=0.3, waves=5))
    assert np.allclose(blob(np.random.default_rng(0), 0, 0, 1, 1, lumps=0, waves=3), ellipse(0, 0, 1, 1, points=56))


def test_a_stroke_is_as_wide_as_its_pen() -> None:
    line = np.stack([np.linspace(0, 10, 11), np.zeros(11)], axis=1)
    assert area(stroke(line, 0.4)) == pytest.approx(4)
    tapering = stroke(line, 0.4, 0.2)
    assert area(tapering) == pytest.approx(3)
    assert np.allclose(tapering[[0, -1]], [[0, 0.2], [0, -0.2]])  # the near end, on both sides of the line
    slanted = turned(line, 0.7)
    assert area(stroke(slanted, 0.4)) == pytest.approx(4)


def test_an_arc_goes_from_its_start_to_its_end() -> None:
    points = arc(1, 2, 3, 4, 0, np.pi / 2, points=9)
    assert points.shape == (9, 2)
    assert np.allclose(points[[0, -1]], [[4, 2], [1, 6]])


def test_turning_keeps_distances_and_moving_adds() -> None:
    outline = polygon([(1, 0), (0, 2), (-3, 0.5)])
    assert np.allclose(turned(outline, np.pi / 2)[0], [0, 1])
    assert np.allclose(np.linalg.norm(turned(outline, 1.1), axis=1), np.linalg.norm(outline, axis=1))
    assert np.allclose(turned(turned(outline, 0.4), -0.4), outline)
    assert np.allclose(moved(outline, 2, -1) - outline, [2, -1])
