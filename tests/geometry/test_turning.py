"""Labels turn as pixels do."""

from __future__ import annotations

import numpy as np
import pytest

from codo.catalog.decode import upright
from codo.geometry.segmentations import decode, draw, encode
from codo.geometry.turning import turn_boxes, turn_outline, turn_points

HEIGHT, WIDTH = 30, 50
BOX = (4, 6, 20, 9)
"""x, y, width, height."""


def drawn() -> np.ndarray:
    """The box as pixels of the stored image."""
    mask = np.zeros((HEIGHT, WIDTH, 1), np.uint8)
    x, y, w, h = BOX
    mask[y : y + h, x : x + w] = 1
    return mask


@pytest.mark.parametrize("orientation", range(1, 9))
def test_boxes_and_outlines_follow_the_pixels(orientation: int) -> None:
    expected = upright(drawn(), orientation)[:, :, 0]
    x, y, w, h = turn_boxes(np.array([BOX], dtype=float), orientation, HEIGHT, WIDTH)[0].astype(int)
    mask = np.zeros_like(expected)
    mask[y : y + h, x : x + w] = 1
    np.testing.assert_array_equal(mask, expected)

    left, top, wide, high = BOX
    corners = [left, top, left + wide, top, left + wide, top + high, left, top + high]
    np.testing.assert_array_equal(draw(turn_outline([corners], orientation, HEIGHT, WIDTH), *expected.shape), expected)
    code = turn_outline(encode(drawn()[:, :, 0]), orientation, HEIGHT, WIDTH)
    assert code["size"] == list(expected.shape)
    np.testing.assert_array_equal(decode(code), expected)


def test_a_quarter_turn_by_hand() -> None:
    """Orientation 6: the stored picture is shown a quarter turn to the right."""
    assert turn_points(np.array([[0.0, 0.0], [50, 30]]), 6, HEIGHT, WIDTH).tolist() == [[30, 0], [0, 50]]
    assert turn_boxes(np.array([[4.0, 6, 20, 9]]), 6, HEIGHT, WIDTH).tolist() == [[15, 4, 9, 20]]
    assert turn_outline(None, 6, HEIGHT, WIDTH) is None
