"""Exact area averaging, against rational arithmetic done the slow way."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codo.proposals.downscale import downscale, search_size


def slow_mean(image: np.ndarray, h: int, w: int) -> np.ndarray:
    """The mean of the input rectangle under every output pixel, in fractions."""
    height, width, _ = image.shape
    out = np.empty((h, w, 3), np.uint8)
    for y in range(h):
        for x in range(w):
            for c in range(3):
                total = Fraction(0)
                for sy in range(height):
                    across = min(Fraction(sy + 1), Fraction((y + 1) * height, h)) - max(sy, Fraction(y * height, h))
                    for sx in range(width):
                        along = min(Fraction(sx + 1), Fraction((x + 1) * width, w)) - max(sx, Fraction(x * width, w))
                        total += max(across, 0) * max(along, 0) * int(image[sy, sx, c])
                mean = total / (Fraction(height, h) * Fraction(width, w))
                out[y, x, c] = int(mean + Fraction(1, 2))
    return out


@given(
    st.integers(1, 7).flatmap(lambda height: st.tuples(st.just(height), st.integers(1, height))),
    st.integers(1, 7).flatmap(lambda width: st.tuples(st.just(width), st.integers(1, width))),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=40, deadline=None)
def test_equals_exact_means(rows: tuple[int, int], columns: tuple[int, int], seed: int) -> None:
    (height, h), (width, w) = rows, columns
    image = np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)
    np.testing.assert_array_equal(downscale(image, h, w), slow_mean(image, h, w))


def test_halving_is_the_mean_of_four_rounded_half_up() -> None:
    image = np.zeros((2, 4, 3), np.uint8)
    image[:, :2, 0] = [[10, 11], [12, 13]]  # 46 / 4 = 11.5 -> 12
    image[:, 2:, 2] = 255
    np.testing.assert_array_equal(downscale(image, 1, 2), [[[12, 0, 0], [0, 0, 255]]])


@pytest.mark.parametrize(
    ("size", "longest_side", "expected"),
    [
        ((375, 500), 256, (192, 256)),
        ((500, 375), 256, (256, 192)),
        ((100, 200), 256, (100, 200)),  # never enlarged
        ((100, 200), None, (100, 200)),
        ((50, 10000), 256, (1, 256)),  # 1.28 rows
        ((1, 10000), 256, (1, 256)),  # never zero rows
        ((300, 300), 1, (1, 1)),
    ],
)
def test_search_size(size: tuple[int, int], longest_side: int | None, expected: tuple[int, int]) -> None:
    assert search_size(*size, longest_side, max_pixels=1 << 24) == expected


@given(st.integers(1, 100_000), st.integers(1, 100_000), st.integers(1, 1 << 24))
def test_full_size_search_is_bounded(height: int, width: int, most: int) -> None:
    h, w = search_size(height, width, None, most)
    assert 1 <= h <= height
    assert 1 <= w <= width
    assert h * w <= most
