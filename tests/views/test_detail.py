"""What a crop keeps and what a blur leaves, against numbers that are known."""

from __future__ import annotations

import numpy as np
import pytest

from codo.views.cpj import Paste
from codo.views.detail import SIDE, area_kept, detail_kept
from codo.views.photometric import Photometric


def paste(crop: tuple[int, int, int, int], width: int, height: int, sigma: float) -> Paste:
    return Paste(crop, (3, 5, 3 + width, 5 + height), Photometric(sigma=sigma), flip=True)


def waves(side: int, period: float) -> np.ndarray:
    """Vertical stripes of a sine, uint8 ``(side, side, 3)``."""
    row = 127.5 + 100 * np.sin(2 * np.pi * np.arange(side) / period)
    return np.repeat(np.tile(row.round().astype(np.uint8), (side, 1))[..., None], 3, axis=2)


def test_the_area_is_that_of_the_crop() -> None:
    proposal = np.zeros((40, 50, 3), np.uint8)
    assert area_kept(proposal, paste((0, 0, 50, 40), 30, 30, 0.0)) == 1
    assert area_kept(proposal, paste((5, 10, 30, 30), 64, 64, 0.0)) == 0.25


@pytest.mark.parametrize(("period", "sigma"), [(16, 1.0), (16, 2.0), (8, 1.0)])
def test_a_gaussian_damps_a_wave_as_theory_says(period: float, sigma: float) -> None:
    """The amplitude of a wave of frequency f falls by exp(-2 (pi f sigma)^2), its energy by the square of it."""
    image = waves(SIDE, period)
    expected = np.exp(-4 * (np.pi * sigma / period) ** 2)
    assert detail_kept(image, paste((0, 0, SIDE, SIDE), SIDE, SIDE, sigma)) == pytest.approx(expected, rel=0.1)


def test_blur_counts_in_relation_to_the_pasted_side() -> None:
    """The same object, shown four times larger with four times the blur, keeps about as much."""
    image = waves(SIDE, 16)
    small = detail_kept(image, paste((0, 0, SIDE, SIDE), SIDE, SIDE, 1.0))
    large = detail_kept(image, paste((0, 0, SIDE, SIDE), 4 * SIDE, 4 * SIDE, 4.0))
    assert large == pytest.approx(small, abs=0.06)
    assert detail_kept(image, paste((0, 0, SIDE, SIDE), 4 * SIDE, 4 * SIDE, 1.0)) > small + 0.1


def test_only_the_crop_counts_and_without_blur_or_edges_all_is_kept() -> None:
    image = waves(SIDE, 8)
    image[:, : SIDE // 2] = 90
    assert detail_kept(image, paste((0, 0, SIDE // 2, SIDE), 32, 64, 2.0)) == 1  # flat
    assert detail_kept(image, paste((SIDE // 2, 0, SIDE, SIDE), 32, 64, 2.0)) < 0.3
    assert detail_kept(image, paste((SIDE // 2, 0, SIDE, SIDE), 32, 64, 0.0)) == 1
