"""Barlow Twins against its formula."""

from __future__ import annotations

import pytest
import torch

from codo.core.config import resolve
from codo.methods.barlow_twins import BarlowTwins
from codo.training.pretrain_settings import PretrainSettings
from tests.methods.crops import B, batch, build, projections
from tests.pretext.pictures import dataset, noise


def test_barlow_twins_by_hand_and_zero_at_the_identity() -> None:
    method, data = build(BarlowTwins, hidden=16), batch()
    a, b = ((z - z.mean(0)) / z.std(0, correction=0) for z in projections(method, data))
    c = a.T @ b / B
    off = c.square().sum() - c.diagonal().square().sum()
    expected = (1 - c.diagonal()).square().sum() + 0.0051 * off
    assert method(data).loss.item() == pytest.approx(expected.item(), rel=1e-3)
    independent = torch.tensor([[1.0, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]])[:, 1:]
    assert method.criterion(independent, independent).item() == pytest.approx(0, abs=1e-6)


def test_the_two_views_differ_as_byols_do() -> None:
    """The first is always blurred and never solarized, the second rarely and sometimes (the authors' transforms)."""
    recipe = resolve(PretrainSettings, "barlow_twins", {"foregrounds": "-", "out": "-"})
    made = dataset(BarlowTwins, noise(4, 40, 40), augment=recipe.augment)
    assert [(crop.augment.blur, crop.augment.solarize) for crop in made.crops] == [(1.0, 0.0), (0.1, 0.2)]
    assert recipe.optim.lr * recipe.optim.lars_bias_lr_factor == pytest.approx(0.0048)
