from __future__ import annotations

import torch
from torch import nn

from codo.exporters.folding import fold, fold_pyramid
from codo.models.fpn import FPN


def test_by_hand() -> None:
    # y = (2 x - 3) / sqrt(4 + 1e-5) * 10 + 1, up to the epsilon: weight 2 * 10 / 2 = 10, bias 1 - 3 * 10 / 2 = -14
    one = torch.ones(1)
    weight, bias = fold(torch.full((1, 1, 1, 1), 2.0), 10 * one, one, 3 * one, 4 * one)
    assert abs(weight.item() - 10) < 1e-4
    assert abs(bias.item() + 14) < 1e-4


def test_computes_what_convolution_and_norm_compute() -> None:
    torch.manual_seed(0)
    block = nn.Sequential(nn.Conv2d(5, 7, 3, padding=1, bias=False), nn.BatchNorm2d(7))
    nn.init.uniform_(block[1].weight, 0.5, 2)
    nn.init.normal_(block[1].bias)
    for _ in range(5):  # statistics other than those of a fresh norm
        block(3 * torch.randn(8, 5, 6, 6) + 1)
    norm = block[1].eval()
    weight, bias = fold(block[0].weight, norm.weight, norm.bias, norm.running_mean, norm.running_var)
    images = torch.randn(2, 5, 6, 6)
    folded = nn.functional.conv2d(images, weight, bias, padding=1)
    assert torch.allclose(folded, block(images), atol=1e-5)


def test_only_the_norms_of_the_pyramid_go() -> None:
    with_norm = {f"fpn.{name}": tensor for name, tensor in FPN((4, 4, 8, 8), 4, True).state_dict().items()}
    beside = {"backbone.bn1.running_mean": torch.zeros(3), "box_head.0.1.running_mean": torch.zeros(3)}
    folded = fold_pyramid(with_norm | beside)
    assert {name for name in folded if name.startswith("fpn.")} == {
        f"fpn.{blocks}.{i}.0.{leaf}"
        for blocks in ("inner_blocks", "layer_blocks")
        for i in range(4)
        for leaf in ("weight", "bias")
    }
    assert beside.keys() <= folded.keys()
    without = {f"fpn.{name}": tensor for name, tensor in FPN((4, 4, 8, 8), 4, False).state_dict().items()}
    assert fold_pyramid(without) == without
