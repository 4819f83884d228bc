"""Boxes in the file and in resized images."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from codo.catalog.boxes import as_words, scale_box, scale_boxes


def test_a_word_holds_a_box_lowest_bits_first() -> None:
    words = as_words(np.array([[1, 2, 3, 4], [0, 0, 65535, 65500]], np.int32))
    assert words.tolist() == [1 + (2 << 16) + (3 << 32) + (4 << 48), (65535 << 32) + (65500 << 48)]
    assert words.view("<u2").reshape(-1, 4).tolist() == [[1, 2, 3, 4], [0, 0, 65535, 65500]]
    assert as_words(np.zeros((0, 4), np.int32)).shape == (0,)


@given(
    st.integers(1, 500),
    st.integers(1, 500),
    st.integers(1, 500),
    st.integers(1, 500),
    st.lists(st.floats(0, 1), min_size=4, max_size=4),
)
def test_scaled_boxes_cover_and_stay_inside(
    width: int, height: int, new_width: int, new_height: int, part: list[float]
) -> None:
    x1, x2 = sorted((int(part[0] * (width - 1)), int(part[1] * (width - 1))))
    y1, y2 = sorted((int(part[2] * (height - 1)), int(part[3] * (height - 1))))
    boxes = np.array([[x1, y1, x2 + 1, y2 + 1]], np.int32)
    scaled = scale_boxes(boxes, (width, height), (new_width, new_height))[0]
    assert scale_box((x1, y1, x2 + 1, y2 + 1), (width, height), (new_width, new_height)) == tuple(scaled.tolist())
    assert 0 <= scaled[0] < scaled[2] <= new_width
    assert 0 <= scaled[1] < scaled[3] <= new_height
    factors = np.array([new_width / width, new_height / height] * 2)
    exact = boxes[0] * factors
    assert (scaled[:2] <= exact[:2] + 1e-9).all()
    assert (scaled[2:] >= exact[2:] - 1e-9).all()
    assert (np.abs(scaled - exact) < 1).all()
    assert np.array_equal(scale_boxes(boxes, (width, height), (width, height)), boxes)


def test_products_beyond_32_bits_are_exact() -> None:
    """The longest side a JPEG can have, doubled: 65500 * 131000 is more than 2^32."""
    boxes = np.array([[65499, 1, 65500, 3]], np.int32)
    scaled = scale_boxes(boxes, (65500, 65500), (131000, 131000))
    assert scaled.dtype == np.int32
    assert scaled.tolist() == [[130998, 2, 131000, 6]]
    assert scale_box((65499, 1, 65500, 3), (65500, 65500), (131000, 131000)) == (130998, 2, 131000, 6)
