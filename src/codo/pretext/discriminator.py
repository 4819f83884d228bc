"""The adversary of inpainting: a small network that tells predicted blocks from real ones, and reversed gradients.

Legend: B batch, H and W height and width of a block.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class Discriminator(nn.Module):
    """Four convolutions that halve the block, as in DCGAN and context encoders, and one that judges every place.

    Their last layer is as large as the map; here the judgments of all places are averaged, so that any size fits.

    Args:
        width: Channels of the first layer; each further one has twice as many.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3, width, 4, 2, 1), nn.LeakyReLU(0.2)]
        for before in (width, 2 * width, 4 * width):
            layers += [
                nn.Conv2d(before, 2 * before, 4, 2, 1, bias=False),
                nn.BatchNorm2d(2 * before),
                nn.LeakyReLU(0.2),
            ]
        self.layers = nn.Sequential(*layers, nn.Conv2d(8 * width, 1, 1))

    def forward(self, blocks: Tensor) -> Tensor:
        """(B, 3, H, W) -> logits (B,), positive for real blocks."""
        judged: Tensor = self.layers(blocks).mean(dim=(1, 2, 3))
        return judged


class _Reverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, factor: float) -> Tensor:
        ctx.factor = factor
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return -ctx.factor * gradient, None


def reverse_gradient(x: Tensor, factor: float) -> Tensor:
    """The same values; gradients that flow back through them are multiplied by ``-factor``."""
    reversed_: Tensor = _Reverse.apply(x, factor)
    return reversed_
