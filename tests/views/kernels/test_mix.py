from __future__ import annotations

from typing import Any

import numba
import numpy as np
import pytest

from codo.views.kernels.mix import mix


@numba.njit
def of_two(row: Any, start: int, weights: Any) -> Any:
    return mix(row, np.uint32(start), (weights[0], weights[1]))


@numba.njit
def of_four(row: Any, start: int, weights: Any) -> Any:
    return mix(row, np.uint32(start), (weights[0], weights[1], weights[2], weights[3]))


@pytest.mark.parametrize(("mixed", "count"), [(of_two, 2), (of_four, 4)])
def test_it_is_the_sum_of_pixels_to_the_last_bit(mixed: Any, count: int) -> None:
    rng = np.random.default_rng(count)
    row, weights = rng.random(40).astype(np.float32), rng.random(count).astype(np.float32)
    for start in range(40 - 3 * count):
        total = np.zeros(3, np.float32)
        for k in range(count):
            total = total + weights[k] * row[start + 3 * k : start + 3 * k + 3]
        assert np.array_equal(mixed(row, start, weights), total)
