"""The detector's box head, shared by all levels, and the projection behind it.

``4conv1fc`` is ``FastRCNNConvFCHead`` of torchvision's ``*_v2`` detectors: four times [3x3 convolution, BatchNorm,
ReLU], flatten, one fully connected layer with ReLU. ``2fc`` is ``TwoMLPHead`` of torchvision's first versions. The head
is exported; the projection is dropped after pretraining, as in MoCo v2 (docs/method.md#trunk).
"""

from __future__ import annotations

import re

from torch import nn
from torchvision.models.detection.faster_rcnn import FastRCNNConvFCHead, TwoMLPHead

from codo.core.errors import InputError, nearest

POOL = 7
"""Side of the pooled map that enters the head; another side would change the shape of the fully connected layer."""

_CONV_HEAD = re.compile(r"([1-9])conv1fc")


def count_convolutions(head: str) -> int:
    """How many convolutions a head has: 4 for ``4conv1fc``, 0 for ``2fc``.

    Raises:
        InputError: The name is neither ``2fc`` nor ``[1-9]conv1fc``.
    """
    if head == "2fc":
        return 0
    if match := _CONV_HEAD.fullmatch(head):
        return int(match[1])
    known = "4conv1fc, 2fc, or another number of convolutions from 1 to 9"
    raise InputError(f"unknown head '{head}'", where="model.head", fix=nearest(head, ["4conv1fc", "2fc"]) or known)


def build_box_head(head: str, channels: int, dim: int = 1024) -> nn.Module:
    """Build the box head: (N, channels, 7, 7) -> (N, dim).

    Args:
        head: ``[1-9]conv1fc`` or ``2fc``.
        channels: Channels of the pyramid, kept by the convolutions.
        dim: Width of the fully connected layers.

    Raises:
        InputError: Unknown head.
    """
    convolutions = count_convolutions(head)
    module: nn.Module
    if convolutions:
        module = FastRCNNConvFCHead((channels, POOL, POOL), [channels] * convolutions, [dim], norm_layer=nn.BatchNorm2d)
    else:
        module = TwoMLPHead(channels * POOL * POOL, dim)
    return module


def build_projection(in_dim: int, dim: int, hidden: int | None = None, *, norm: bool = False) -> nn.Sequential:
    """Build the two-layer MLP of MoCo v2: (N, in_dim) -> (N, dim).

    Args:
        in_dim: Width of its input.
        dim: D, width of the embedding.
        hidden: Width of the hidden layer, ``in_dim`` by default.
        norm: BatchNorm after the hidden layer, as in SimCLR; the layer then has no bias, which BatchNorm would remove.
    """
    hidden = hidden or in_dim
    layers = [nn.Linear(in_dim, hidden, bias=not norm), *([nn.BatchNorm1d(hidden)] if norm else [])]
    return nn.Sequential(*layers, nn.ReLU(inplace=True), nn.Linear(hidden, dim))
