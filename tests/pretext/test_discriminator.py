"""The discriminator, and gradients that turn around."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from codo.pretext.discriminator import Discriminator, reverse_gradient


def test_values_pass_and_gradients_turn_around() -> None:
    x = torch.arange(4.0, requires_grad=True)
    y = reverse_gradient(x, 0.25)
    assert torch.equal(y, x)
    (y * torch.tensor([1.0, 2.0, 3.0, 4.0])).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [-0.25, -0.5, -0.75, -1.0]


@pytest.mark.parametrize("side", [16, 20, 64])
def test_it_judges_blocks_of_any_size(side: int) -> None:
    assert Discriminator(4)(torch.randn(3, 3, side, side)).shape == (3,)


def test_it_learns_to_tell_noise_from_flat_blocks() -> None:
    torch.manual_seed(0)
    made = Discriminator(4)
    optimizer = torch.optim.SGD(made.parameters(), lr=0.05, momentum=0.9)
    losses = []
    for _ in range(60):
        blocks = torch.cat([torch.randn(8, 3, 16, 16), torch.randn(8, 3, 1, 1).expand(8, 3, 16, 16)])
        real, flat = made(blocks).chunk(2)
        loss = F.softplus(-real).mean() + F.softplus(flat).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[0] == pytest.approx(2 * 0.693, abs=0.3)
    assert losses[-1] < 0.3
