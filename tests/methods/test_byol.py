"""BYOL against its formula, and how its target follows."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from codo.methods.byol import BYOL
from tests.methods.crops import batch, build


def test_byol_by_hand_and_no_gradient_reaches_the_target() -> None:
    method, data = build(BYOL, hidden=16), batch()
    first, second = method.views(data)
    expected = 0.0
    for online, other in ((first, second), (second, first)):
        p = F.normalize(method.predictor(method.encoder.project(online)), dim=1)
        t = F.normalize(method.target.project(other), dim=1)
        expected += (2 - 2 * (p * t).sum(1)).mean().item()
    output = method(data)
    assert output.loss.item() == pytest.approx(expected, rel=1e-4)
    output.loss.backward()
    assert all(p.grad is None and not p.requires_grad for p in method.target.parameters())
    assert all(p.grad is not None for p in method.encoder.parameters())


def test_byol_s_target_follows_at_a_rising_momentum() -> None:
    method = build(BYOL, contrast={"momentum": 0.8, "momentum_end": 1.0}, hidden=16)
    for step, kept in ((0, 0.8), (50, 0.9), (100, 1.0)):
        method(batch(step=step))
        with torch.no_grad():
            method.encoder.backbone.conv1.weight.add_(1.0)
        before = method.target.backbone.conv1.weight.clone()
        online = method.encoder.backbone.conv1.weight
        method.on_step_end()
        assert torch.allclose(method.target.backbone.conv1.weight, kept * before + (1 - kept) * online, atol=1e-5)
