"""Bins in gamut, soft targets, weights and the annealed mean, by hand and with loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from codo.pretext import color_bins
from codo.pretext.color_bins import annealed_mean, class_weights, nearest, soft_targets
from codo.pretext.color_space import to_lab

CENTERS = torch.from_numpy(color_bins.CENTERS)


def test_every_color_of_srgb_has_its_bin() -> None:
    levels = torch.arange(0, 256, 3) / 255
    ab = to_lab(torch.cartesian_prod(levels, levels, levels))[:, 1:]  # inside of the cube too
    found = {tuple(one) for one in (10 * (ab / 10).round()).unique(dim=0).tolist()}
    assert len(found) == 261
    assert found < {tuple(one) for one in CENTERS.tolist()}


def test_the_bins_are_those_of_the_publication() -> None:
    assert len(CENTERS) == len(CENTERS.unique(dim=0)) == 313
    assert (CENTERS % 10 == 0).all()
    # Facts of the published list: its ends, and sums over all points.
    assert CENTERS[0].tolist() == [-90, 50]
    assert CENTERS[-1].tolist() == [100, 0]
    assert CENTERS.min(0).values.tolist() == [-90, -110]
    assert CENTERS.max(0).values.tolist() == [100, 100]


def test_the_five_nearest_share_a_color_by_a_gaussian() -> None:
    ab = torch.from_numpy(np.random.default_rng(0).uniform(-40, 40, (50, 2)).astype(np.float32))
    shares, numbers = soft_targets(ab, CENTERS)
    for color, share, number in zip(ab.tolist(), shares.tolist(), numbers.tolist(), strict=True):
        distances = [math.dist(color, center) for center in CENTERS.tolist()]
        order = sorted(range(len(distances)), key=distances.__getitem__)[:5]
        assert sorted(distances[i] for i in number) == pytest.approx([distances[i] for i in order], abs=1e-4)
        assert number[0] == order[0]
        gauss = [math.exp(-(distances[i] ** 2) / 50) for i in number]
        assert share == pytest.approx([one / sum(gauss) for one in gauss], abs=1e-4)


def test_gray_is_shared_evenly_with_its_neighbors() -> None:
    shares, numbers = soft_targets(torch.zeros(1, 2), CENTERS)
    assert CENTERS[numbers[0, 0]].tolist() == [0, 0]
    assert {tuple(one) for one in CENTERS[numbers[0, 1:]].tolist()} == {(-10, 0), (10, 0), (0, -10), (0, 10)}
    assert float(shares[0, 0]) == pytest.approx(1 / (1 + 4 * math.exp(-2)))


def test_distances_are_squared() -> None:
    squares, numbers = nearest(torch.tensor([[3.0, -4.0]]), CENTERS, 1)
    assert (float(squares), CENTERS[numbers[0, 0]].tolist()) == (25, [0, 0])


def test_weights_by_hand() -> None:
    centers = torch.tensor([[0.0, 0.0], [10.0, 0.0], [200.0, 0.0]])
    weights = class_weights(torch.tensor([90, 0, 10]), centers, 0.5)
    near = math.exp(-2) / (1 + math.exp(-2))  # what the first two bins give each other
    smooth = [0.9 * (1 - near), 0.9 * near, 0.1]
    raw = [1 / (0.5 * p + 0.5 / 3) for p in smooth]
    mean = sum(p * w for p, w in zip(smooth, raw, strict=True))
    assert weights.tolist() == pytest.approx([w / mean for w in raw], rel=1e-5)
    assert sum(p * w for p, w in zip(smooth, weights.tolist(), strict=True)) == pytest.approx(1)
    assert torch.allclose(class_weights(torch.tensor([90, 0, 10]), centers, 1.0), torch.ones(3))


def test_the_annealed_mean_lies_between_mean_and_mode() -> None:
    centers = torch.tensor([[0.0, 0.0], [100.0, 0.0]])
    scores = torch.tensor([[0.4, 0.6]]).log()
    mean, annealed, mode = (float(annealed_mean(scores, centers, t)[0, 0]) for t in (1.0, 0.38, 0.01))
    assert mean == pytest.approx(60, abs=1e-3)
    powers = [0.4 ** (1 / 0.38), 0.6 ** (1 / 0.38)]
    assert annealed == pytest.approx(100 * powers[1] / sum(powers), abs=1e-3)
    assert mode == pytest.approx(100)
