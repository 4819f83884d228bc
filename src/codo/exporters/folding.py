"""A convolution followed by BatchNorm as one convolution with a bias.

In evaluation mode BatchNorm is a fixed scale and shift per channel, ``y = (x - mean) * s + beta`` with
``s = gamma / sqrt(var + eps)``. A convolution is linear, so both together equal, up to rounding, a convolution with
weights ``W * s`` and bias ``beta - mean * s``. This is needed for pyramids without norm layers (RetinaNet, FCOS).
BatchNorm's behavior in training is lost: from the first finetuning step on, these maps are not normalized.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

EPS = 1e-5
"""``eps`` of BatchNorm in torch, Detectron2 and mmdet."""


def fold(weight: Tensor, gamma: Tensor, beta: Tensor, mean: Tensor, var: Tensor) -> tuple[Tensor, Tensor]:
    """Fold BatchNorm into a convolution without a bias.

    Args:
        weight: (O, I, h, w) of the convolution.
        gamma: (O,) scale of the norm.
        beta: (O,) shift of the norm.
        mean: (O,) running mean.
        var: (O,) running variance.

    Returns:
        Weight (O, I, h, w) and bias (O,) of the folded convolution, computed in double precision.
    """
    scale = gamma.double() / torch.sqrt(var.double() + EPS)
    folded = weight.double() * scale.view(-1, 1, 1, 1)
    bias = beta.double() - mean.double() * scale
    return folded.to(weight.dtype), bias.to(weight.dtype)


def fold_pyramid(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Fold every BatchNorm of the pyramid; a pyramid without norm layers is returned unchanged.

    Args:
        tensors: Tensors of a trunk under the encoder's names.
    """
    norms = {name.removesuffix(".1.running_mean") for name in tensors if _is_norm(name)}
    folded = {name: tensor for name, tensor in tensors.items() if name.rsplit(".", 2)[0] not in norms}
    for block in sorted(norms):
        norm = [tensors[f"{block}.1.{leaf}"] for leaf in ("weight", "bias", "running_mean", "running_var")]
        folded[f"{block}.0.weight"], folded[f"{block}.0.bias"] = fold(tensors[f"{block}.0.weight"], *norm)
    return folded


def _is_norm(name: str) -> bool:
    return name.startswith("fpn.") and name.endswith(".1.running_mean")
