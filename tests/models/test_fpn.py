from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from codo.models.fpn import FPN


@pytest.mark.parametrize("norm", [True, False])
def test_is_lateral_plus_upsampled_then_smoothed(norm: bool) -> None:
    fpn = FPN((8, 16, 24, 32), channels=4, norm=norm)
    maps = [torch.randn(2, c, 16 // 2**i, 16 // 2**i) for i, c in enumerate((8, 16, 24, 32))]
    top = None
    expected = []
    for i in (3, 2, 1, 0):
        lateral = fpn.inner_blocks[i](maps[i])
        top = lateral if top is None else lateral + F.interpolate(top, scale_factor=2, mode="nearest")
        expected.insert(0, fpn.layer_blocks[i](top))
    for ours, right in zip(fpn(maps), expected, strict=True):
        assert torch.allclose(ours, right, atol=1e-6)


def test_norm_replaces_the_biases() -> None:
    for norm in (True, False):
        modules = list(FPN((8, 8, 8, 8), 8, norm).modules())
        assert sum(isinstance(m, nn.BatchNorm2d) for m in modules) == (8 if norm else 0)
        assert all((m.bias is None) == norm for m in modules if isinstance(m, nn.Conv2d))
        assert not any(isinstance(m, nn.ReLU) for m in modules)
