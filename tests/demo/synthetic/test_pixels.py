from __future__ import annotations

import numpy as np
import pytest

from codo.demo.synthetic.pixels import blurred, clipped, resized


def test_making_smaller_takes_means_of_areas() -> None:
    field = np.arange(16, dtype=np.float32).reshape(4, 4)
    assert resized(field, 2, 2).tolist() == [[2.5, 4.5], [10.5, 12.5]]
    picture = np.random.default_rng(0).random((12, 8, 3)).astype(np.float32)
    small = resized(picture, 3, 2)  # height, then width
    assert small.shape == (3, 2, 3)
    assert np.allclose(small, picture.reshape(3, 4, 2, 4, 3).mean((1, 3)), atol=1e-6)


def test_making_larger_keeps_the_type_and_what_is_flat() -> None:
    assert (resized(np.full((3, 3), 0.25, np.float32), 9, 6) == 0.25).all()
    assert resized(np.full((3, 3), 9, np.uint8), 9, 6).dtype == np.uint8


def test_blur_keeps_the_sum_and_spreads_by_its_sigma() -> None:
    point = np.zeros((41, 41), np.float32)
    point[20, 20] = 1
    spread = blurred(point, 3.0)
    assert spread.sum() == pytest.approx(1, abs=1e-4)
    variance = (spread.sum(0) * (np.arange(41) - 20.0) ** 2).sum()
    assert variance == pytest.approx(9, rel=0.05)


def test_clipping() -> None:
    found = clipped(np.array([[-0.5, 0.25, 1.5]]))
    assert found.tolist() == [[0, 0.25, 1]]
    assert found.dtype == np.float32
