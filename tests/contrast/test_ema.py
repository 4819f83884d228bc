from __future__ import annotations

import pytest
import torch
from torch import nn

from codo.contrast.ema import momentum_copy, update


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 2))


def test_copy_starts_equal_and_takes_no_gradient() -> None:
    query = network()
    key = momentum_copy(query)
    assert all(torch.equal(a, b) for a, b in zip(key.parameters(), query.parameters(), strict=True))
    assert not any(p.requires_grad for p in key.parameters())
    assert all(p.requires_grad for p in query.parameters())
    assert {p.data_ptr() for p in key.parameters()}.isdisjoint(p.data_ptr() for p in query.parameters())


@pytest.mark.parametrize("momentum", [0.0, 0.9, 0.999, 1.0])
def test_update_follows_the_formula_step_after_step(momentum: float) -> None:
    query = network()
    key = momentum_copy(query)
    expected = [p.double() for p in key.parameters()]
    for step in range(5):
        with torch.no_grad():
            for p in query.parameters():
                p.add_(torch.randn(p.shape, generator=torch.Generator().manual_seed(step)))
        update(key, query, momentum)
        expected = [momentum * e + (1 - momentum) * p for e, p in zip(expected, query.parameters(), strict=True)]
    for p, e in zip(key.parameters(), expected, strict=True):
        assert torch.allclose(p.double(), e, rtol=0, atol=1e-6)


def test_running_statistics_are_not_averaged() -> None:
    query = network()
    key = momentum_copy(query)
    query(torch.randn(8, 3, 3, 3))
    update(key, query, 0.5)
    assert torch.equal(key[1].running_mean, torch.zeros(4))
    assert query[1].running_mean.abs().sum() > 0


def test_different_networks_are_refused() -> None:
    with pytest.raises(ValueError, match="parameters"):
        update(momentum_copy(network()), nn.Linear(2, 2), 0.9)
