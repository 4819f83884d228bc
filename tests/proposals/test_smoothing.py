"""Fixed-point smoothing."""

from __future__ import annotations

import numpy as np
import pytest

from codo.proposals.smoothing import FRACTION, gaussian_taps, smooth

UNIT = 1 << FRACTION


@pytest.mark.parametrize("sigma", [0.3, 0.5, 0.8, 2.0])
def test_smoothing_keeps_flat_images_and_spreads_a_point_symmetrically(sigma: float) -> None:
    taps = gaussian_taps(sigma)
    assert taps.sum() == 256
    np.testing.assert_array_equal(smooth(np.full((2, 5, 3), 77, np.uint8), taps), 77 * UNIT)
    size = 2 * len(taps) + 1
    point = np.zeros((1, size, size), np.uint8)
    point[0, len(taps), len(taps)] = 255
    spread = smooth(point, taps)[0]
    np.testing.assert_array_equal(spread, spread.T)
    np.testing.assert_array_equal(spread, spread[::-1, ::-1])
    expected = 255 * UNIT * np.outer(taps, taps) / 2**16
    inner = slice(len(taps) - len(taps) // 2, len(taps) + len(taps) // 2 + 1)
    np.testing.assert_array_equal(spread[inner, inner], np.floor(expected + 0.5))


def test_gaussian_taps_of_half_a_pixel() -> None:
    """exp(-2) = .1353: 1 / (1 + 2 * .1353 + ...) = .787 -> 202 of 256 in the middle, 27 beside it."""
    assert gaussian_taps(0.5).tolist() == [0, 27, 202, 27, 0]
