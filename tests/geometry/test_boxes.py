"""Every way to write a box is converted by hand-computed values, and recognized by outlines, areas and pictures."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from codo.geometry.boxes import (
    FORMATS,
    UNITS,
    Convention,
    check_numbers,
    check_outlines,
    outline_share,
    to_pixels,
    unused_half,
)

SIZES = np.array([[100, 200], [300, 400], [80, 100]], dtype=np.int32)  # height, width
TRUE = np.array([[20.0, 10, 60, 50], [40, 30, 200, 240], [1, 2, 30, 40]])  # x, y, width, height
NO_AREA = np.full(3, np.nan)


def written(convention: Convention) -> np.ndarray:
    """`TRUE` in another convention, by its definition."""
    x, y, w, h = TRUE.T
    a, b, c, d = {
        "xywh": (x, y, w, h),
        "xyxy": (x, y, x + w, y + h),
        "cxcywh": (x + w / 2, y + h / 2, w, h),
    }[convention.format]
    height, width = SIZES.T
    unit = {"pixels": (1, 1), "relative": (width, height), "percent": (width / 100, height / 100)}[convention.unit]
    return np.stack([a / unit[0], b / unit[1], c / unit[0], d / unit[1]], axis=1)


ALL = [Convention(f, u) for f, u in itertools.product(FORMATS, UNITS)]


@pytest.mark.parametrize("convention", ALL, ids=str)
def test_conversion_to_pixels(convention: Convention) -> None:
    np.testing.assert_allclose(to_pixels(written(convention), SIZES, convention), TRUE, atol=1e-9)


def test_conversion_by_hand() -> None:
    boxes = np.array([[0.1, 0.2, 0.4, 0.5]])
    assert to_pixels(boxes, SIZES[:1], Convention("xywh", "relative")).tolist() == [[20, 20, 80, 50]]
    assert to_pixels(boxes, SIZES[:1], Convention("xyxy", "relative")).round(9).tolist() == [[20, 20, 60, 30]]
    assert to_pixels(np.array([[30.0, 40, 20, 10]]), SIZES[:1], Convention("cxcywh")).tolist() == [[20, 35, 20, 10]]


@pytest.mark.parametrize("convention", ALL, ids=str)
def test_the_outlines_tell_the_convention(convention: Convention) -> None:
    what, found = check_outlines(written(convention), SIZES, TRUE)
    assert found == (None if convention == Convention() else convention)
    assert (what == "") == (convention == Convention())


@pytest.mark.parametrize("factor", [0.5, 1 / 3, 2.0, 1.25])
def test_the_outlines_tell_another_scale(factor: float) -> None:
    what, found = check_outlines(TRUE * factor, SIZES, TRUE)
    assert what == f"the boxes fit their outlines only if they are multiplied by {1 / factor:.4g}"
    assert found is None


def test_boxes_drawn_loosely_around_outlines_are_accepted() -> None:
    loose = TRUE + np.array([-1.5, -1.5, 3, 3])
    assert check_outlines(loose, SIZES, TRUE) == ("", None)
    assert outline_share(loose, TRUE) == 1
    assert check_outlines(TRUE + np.array([-15, -9, 30, 25]), SIZES, TRUE) == (
        "",
        None,
    )  # looser: no convention explains them
    one = np.concatenate([TRUE[:2], [[50, 40, 8, 8]]])
    assert check_outlines(one, SIZES, TRUE) == ("", None)
    assert outline_share(one, TRUE) == pytest.approx(2 / 3)


@pytest.mark.parametrize("format_", FORMATS)
def test_shares_are_known_without_outlines(format_: str) -> None:
    what, found = check_numbers(written(Convention(format_, "relative")), SIZES, NO_AREA)  # type: ignore[arg-type]
    assert what == "3 of 3 boxes lie within one pixel, as shares of the image would"
    assert found is not None
    assert found.unit == "relative"


def test_corners_are_known_by_areas_or_by_the_pictures() -> None:
    corners = Convention("xyxy")
    areas = TRUE[:, 2] * TRUE[:, 3]
    what, found = check_numbers(written(corners)[2:], SIZES[2:], areas[2:])
    assert (found, what) == (corners, "the areas of 100% of the objects are those of their boxes as " + str(corners))
    boxes = np.array([[120.0, 30, 180, 80], [10, 20, 30, 40], [1, 2, 30, 40]])  # the first: 60 x 50 at 120, 30
    what, found = check_numbers(boxes, SIZES, NO_AREA)
    assert (found, what) == (corners, f"1 of 3 boxes reach out of their images, as {corners} none does")


def test_right_boxes_are_accepted() -> None:
    for areas in (NO_AREA, TRUE[:, 2] * TRUE[:, 3], np.array([3.0, 4, 5])):
        assert check_numbers(TRUE, SIZES, areas) == ("", None)
    whole = np.array([[0, 0, 200, 100], [0, 0, 400, 300.0]])  # the same as corners
    assert check_numbers(whole, SIZES[:2], np.array([20000, 120000.0])) == ("", None)
    tiny = np.array([[0, 0, 1, 1], [5, 5, 20, 30.0], [9, 9, 20, 30]])  # one pixel
    assert check_numbers(tiny, SIZES, NO_AREA) == ("", None)
    assert check_numbers(np.zeros((0, 4)), SIZES[:0], NO_AREA[:0]) == ("", None)
    assert check_numbers(np.array([[0.0, 0, 0, 0]]), SIZES[:1], NO_AREA[:1]) == ("", None)


def test_boxes_that_use_a_corner_of_their_images_only_are_told() -> None:
    boxes, sizes = np.tile([10.0, 20, 30, 15], (20, 1)), np.tile([100, 100], (20, 1)).astype(np.int32)
    assert "no box of 20 reaches beyond 40% of the width and 35% of the height" in unused_half(boxes, sizes)
    boxes[7, 2] = 60
    assert unused_half(boxes, sizes) == ""
    assert unused_half(boxes[:5], sizes[:5]) == ""
