"""Barlow Twins against its formula."""

from __future__ import annotations

import pytest
import torch

from codo.methods.barlow_twins import BarlowTwins
from tests.methods.crops import B, batch, build, projections


def test_barlow_twins_by_hand_and_zero_at_the_identity() -> None:
    method, data = build(BarlowTwins, hidden=16), batch()
    a, b = ((z - z.mean(0)) / z.std(0, correction=0) for z in projections(method, data))
    c = a.T @ b / B
    off = c.square().sum() - c.diagonal().square().sum()
    expected = (1 - c.diagonal()).square().sum() + 0.0051 * off
    assert method(data).loss.item() == pytest.approx(expected.item(), rel=1e-3)
    independent = torch.tensor([[1.0, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]])[:, 1:]
    assert method.criterion(independent, independent).item() == pytest.approx(0, abs=1e-6)
