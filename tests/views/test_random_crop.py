"""Random crops stay inside and keep their ranges; resizing averages."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from codo.views.random_crop import random_crop


@given(st.integers(1, 500), st.integers(1, 500), st.integers(0, 1000))
def test_crop_lies_inside(width: int, height: int, seed: int) -> None:
    x1, y1, x2, y2 = random_crop(width, height, (0.2, 1.0), (3 / 4, 4 / 3), np.random.default_rng(seed))
    assert 0 <= x1 < x2 <= width
    assert 0 <= y1 < y2 <= height


def test_crop_keeps_its_ranges() -> None:
    rng = np.random.default_rng(0)
    crops = np.array([random_crop(400, 300, (0.2, 0.5), (3 / 4, 4 / 3), rng) for _ in range(2000)])
    w, h = crops[:, 2] - crops[:, 0], crops[:, 3] - crops[:, 1]
    share = w * h / (400 * 300)
    assert share.min() > 0.198
    assert share.max() < 0.503
    assert abs(share.mean() - 0.35) < 0.01  # uniform in area
    ratio = np.log(w / h)
    assert np.abs(ratio).max() < np.log(4 / 3) + 0.02
    assert abs(ratio.mean()) < 0.02  # as often wide as tall


def test_positions_reach_both_ends() -> None:
    rng = np.random.default_rng(0)
    xs = [random_crop(8, 8, (0.7, 0.8), (1.0, 1.0), rng) for _ in range(200)]
    assert {x1 for x1, *_ in xs} == {0, 1}
    assert {x2 for _, _, x2, _ in xs} == {7, 8}


def test_impossible_ratio_gives_the_central_crop() -> None:
    # A strip of 100 x 2 has no part of 4:3 with half of its area.
    assert random_crop(100, 2, (0.5, 1.0), (3 / 4, 4 / 3), np.random.default_rng(0)) == (48, 0, 51, 2)
