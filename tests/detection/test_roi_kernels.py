"""RoIAlign by hand: `test_roi_pool` compares it with torchvision's."""

from __future__ import annotations

import numpy as np
import pytest

from codo.detection.roi_kernels import pool, pool_backward

SCALE = np.float32(0.5)
ALL = np.array([0])


def pooled(maps: np.ndarray, *corners: float) -> np.ndarray:
    box = np.array([[0, *corners]], np.float32)
    out = np.full((1, 7, 7, maps.shape[3]), np.nan, np.float32)
    pool(maps, box, ALL, SCALE, 2, out)
    return out[0]


def test_a_bin_of_a_ramp_has_the_value_at_its_middle() -> None:
    """Two samples an axis lie symmetrically to the middle of a bin, and between cells a ramp is linear."""
    rows, columns = np.mgrid[:12, :16].astype(np.float32)
    found = pooled(np.stack([rows, columns], -1)[None], 4, 6, 18, 20)  # 7 x 7 cells from column 2 and row 3
    middle = np.arange(7) + 0.5
    np.testing.assert_allclose(found[:, :, 0], np.broadcast_to(3 + middle[:, None], (7, 7)), rtol=1e-6)
    np.testing.assert_allclose(found[:, :, 1], np.broadcast_to(2 + middle, (7, 7)), rtol=1e-6)


def test_samples_more_than_a_cell_outside_count_as_zero() -> None:
    ones = np.ones((1, 8, 8, 1), np.float32)
    found = pooled(ones, 2, 2, 30, 16)[0, :, 0]  # columns 1 to 15, two a bin, of a map of 8
    assert found.tolist() == [1, 1, 1, 0.5, 0, 0, 0]  # the fourth bin has its samples at 7.5 and 8.5


@pytest.mark.parametrize("corners", [(np.nan, 0, 9, 9), (0, 0, np.inf, 9), (-np.inf, 0, np.inf, 9)])
def test_a_box_without_a_place_pools_nothing(corners: tuple[float, ...]) -> None:
    """And reads nothing outside the map: a detector that diverges proposes such boxes."""
    assert not pooled(np.ones((1, 8, 8, 1), np.float32), *corners).any()


def test_a_gradient_is_neither_lost_nor_made() -> None:
    """The weights of a bin inside the map sum to one. The box touches the border, where two neighbors are the same."""
    rng = np.random.default_rng(0)
    gradient, box = rng.random((1, 7, 7, 3), np.float32), np.array([[1, 3, 0, 16, 16]], np.float32)
    maps = np.zeros((2, 8, 8, 3), np.float32)
    pool_backward(gradient, box, ALL, SCALE, 2, maps)
    assert not maps[0].any()
    np.testing.assert_allclose(maps[1].sum((0, 1)), gradient.sum((0, 1, 2)), rtol=1e-5)
