"""The feature pyramid: torchvision's, with lists instead of ordered dictionaries.

Lateral (1x1) and output (3x3) convolutions, nearest up-sampling, no activation; with ``norm`` each convolution is
followed by BatchNorm and has no bias, as in torchvision's ``*_v2`` detectors, InsLoc and SoCo (docs/method.md#trunk).
P6 is left to the detector: there it is a max-pool without parameters, so there is nothing to pretrain.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from torch import Tensor, nn
from torchvision.ops import FeaturePyramidNetwork


class FPN(FeaturePyramidNetwork):  # type: ignore[misc]  # torchvision ships no type information
    """Computes P2 to P5 from the four maps of a backbone.

    The state dict has torchvision's names (``inner_blocks.i.*`` lateral, ``layer_blocks.i.*`` output).

    Args:
        in_channels: Channels of the backbone's maps, finest first.
        channels: Channels of every output map.
        norm: BatchNorm after every convolution; without it the convolutions have biases.
    """

    def __init__(self, in_channels: Sequence[int], channels: int = 256, norm: bool = True) -> None:
        super().__init__(list(in_channels), channels, norm_layer=nn.BatchNorm2d if norm else None)

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Four maps (B, in_channels[i], h, w), finest first -> four maps (B, channels, h, w)."""
        pyramid: OrderedDict[str, Tensor] = super().forward(OrderedDict((str(i), m) for i, m in enumerate(maps)))
        return list(pyramid.values())
