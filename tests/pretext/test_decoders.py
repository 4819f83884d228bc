"""Shapes of the decoders, what reaches where, and the hypercolumn by hand."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from codo.pretext.decoders import Hypercolumns, UpConvolutions


def test_hypercolumns_are_one_projection_of_all_enlarged_maps() -> None:
    torch.manual_seed(0)
    made = Hypercolumns((4, 6, 8, 10), 8, 5).eval()
    maps = [torch.randn(2, c, side, side) for c, side in ((4, 16), (6, 8), (8, 4), (10, 2))]
    column = torch.cat([F.interpolate(one, size=(16, 16), mode="bilinear", align_corners=False) for one in maps], dim=1)
    weight = torch.cat([layer.weight for layer in made.lateral], dim=1)
    expected = made.head(F.conv2d(column, weight))
    assert made(maps).shape == (2, 5, 16, 16)
    assert torch.allclose(made(maps), expected, atol=1e-5)


@pytest.mark.parametrize("side", [1, 2, 3])
def test_up_convolutions_enlarge_by_32(side: int) -> None:
    made = UpConvolutions(12, side * side, 32)
    assert made(torch.randn(2, 12, side, side)).shape == (2, 3, 32 * side, 32 * side)


def test_every_place_sees_every_other_but_only_its_channel() -> None:
    torch.manual_seed(0)
    made = UpConvolutions(16, 4, 16)
    x = torch.randn(1, 16, 2, 2, requires_grad=True)
    spread = made.spread(x.flatten(1)[..., None]).view_as(x)
    (gradient,) = torch.autograd.grad(spread[0, 3, 1, 1], [x])
    assert (gradient[0, 3] != 0).all()
    assert gradient[0, [c for c in range(16) if c != 3]].abs().max() == 0
