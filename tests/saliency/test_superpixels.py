from __future__ import annotations

import numpy as np
import pytest

from codo.saliency.superpixels import COMPACTNESS, slic, touching


def plain(lab: np.ndarray, step: float, compactness: float, iterations: int) -> np.ndarray:
    """All pixels against the centers whose window holds them, with whole arrays."""
    h, w, _ = lab.shape
    rows, columns = max(1, int(h / step + 0.5)), max(1, int(w / step + 0.5))
    y, x = np.indices((h, w))
    cy, cx = ((np.arange(n) + 0.5) * side / n for n, side in ((rows, h), (columns, w)))
    places = np.stack(np.meshgrid(cy, cx, indexing="ij"), -1).reshape(-1, 2)
    colors = lab[places[:, 0].astype(int), places[:, 1].astype(int)].astype(np.float64)
    reach = np.ceil(2 * max(h / rows, w / columns))
    labels = np.zeros((h, w), int)
    for _ in range(iterations):
        cost = ((lab[:, :, None] - colors) ** 2).sum(-1)
        cost += (compactness / step) ** 2 * ((y[..., None] - places[:, 0]) ** 2 + (x[..., None] - places[:, 1]) ** 2)
        low, high = places.astype(int) - reach, places.astype(int) + reach
        outside = (y[..., None] < low[:, 0]) | (y[..., None] > high[:, 0])
        outside |= (x[..., None] < low[:, 1]) | (x[..., None] > high[:, 1])
        labels = np.where(outside, np.inf, cost).argmin(-1)
        for k in np.unique(labels):
            mine = labels == k
            colors[k], places[k] = lab[mine].mean(0), (y[mine].mean(), x[mine].mean())
    return labels


def test_equals_k_means_with_whole_arrays() -> None:
    lab = np.random.default_rng(0).uniform(0, 60, (24, 30, 3)).astype(np.float32)
    ours = slic(lab, 6.0, COMPACTNESS, 4)
    assert (ours == plain(lab, 6.0, COMPACTNESS, 4)).mean() > 0.995  # float32 here, float64 there: ties may differ


def test_superpixels_do_not_cross_a_strong_edge() -> None:
    lab = np.zeros((32, 32, 3), np.float32)
    lab[:, 13:] = (80, 0, 0)
    labels = slic(lab, 8.0, COMPACTNESS, 5)
    assert not set(labels[:, :13].ravel().tolist()) & set(labels[:, 13:].ravel().tolist())


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (3, 2)])
def test_tiny_pictures_have_at_least_one(size: tuple[int, int]) -> None:
    labels = slic(np.zeros((*size, 3), np.float32), 4.0, COMPACTNESS, 2)
    assert labels.shape == size
    assert labels.min() >= 0


def test_touching_by_hand() -> None:
    labels = np.array([[0, 0, 1], [2, 2, 1]], np.int32)  # 3 is nowhere
    expected = np.zeros((4, 4), bool)
    for one, other in ((0, 1), (0, 2), (1, 2)):
        expected[one, other] = expected[other, one] = True
    assert np.array_equal(touching(labels, 4), expected)
