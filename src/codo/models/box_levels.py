"""Boxes of any number an image, each pooled from the one pyramid level that fits its size, as a detector does.

Two rules say which level that is: SoCo's, in proportion to the canvas of a run, and that of detectors.

Legend: B batch, K boxes an image, N boxes of all images, L levels, C channels of the pyramid, P = 7 bins a side.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torchvision.ops import roi_align
from torchvision.ops.poolers import LevelMapper

from codo.models.backbone import STRIDES
from codo.models.box_head import POOL

LARGEST = (48, 96, 192)
"""Largest sqrt(width * height) in pixels of a box of P2, P3 and P4; others are of P5 (SoCo, docs/methods.md#soco)."""

REFERENCE = 224
"""The canvas that the bounds are of. They grow with it: on a smaller one P5 would never see a box otherwise."""


def assign_levels(boxes: Tensor, canvas: int) -> Tensor:
    """The level of every box, in a run whose canvas has a given side.

    Args:
        boxes: (…, 4) in pixels.
        canvas: Side of the canvas; a view can be smaller, and its boxes are then of finer levels.

    Returns:
        int64 (…) in 0 .. L - 1; a box as large as a bound is of the finer level.
    """
    sizes = (boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(dim=-1).sqrt() * (REFERENCE / canvas)
    return torch.bucketize(sizes.contiguous(), torch.tensor(LARGEST, device=boxes.device, dtype=sizes.dtype))


def detector_levels(boxes: Tensor) -> Tensor:
    """The level that detectors pool a box from: floor(4 + log2(sqrt(w h) / 224)) of P2 to P5 (FPN, Eq. 1).

    Args:
        boxes: (N, 4) in pixels.

    Returns:
        int64 (N,) in 0 .. L - 1.
    """
    levels: Tensor = LevelMapper(2, 5)([boxes])
    return levels


def pool_by_size(maps: Sequence[Tensor], boxes: Tensor, canvas: int) -> Tensor:
    """Pool every box from its level.

    Args:
        maps: P2 to P5, each (B, C, S / stride, S / stride).
        boxes: (B, K, 4) float32 in pixels of the view, whose side is S.
        canvas: See `assign_levels`.

    Returns:
        (B * K, C, P, P) float32, boxes of an image side by side; see `pool_from_levels`.
    """
    images = torch.arange(len(boxes), device=boxes.device).repeat_interleave(boxes.shape[1])
    flat, levels = boxes.flatten(0, 1), assign_levels(boxes, canvas).flatten()
    numbered = torch.cat([images[:, None].to(flat.dtype), flat], dim=1)  # (B * K, 5), as torchvision takes them
    return pool_from_levels(maps, numbered, levels)


def pool_from_levels(maps: Sequence[Tensor], numbered: Tensor, levels: Tensor) -> Tensor:
    """Pool every box from the level that is named for it.

    Args:
        maps: P2 to P5, each (B, C, H / stride, W / stride).
        numbered: (N, 5) float32 as `torchvision.ops.roi_align` takes them: number of the image, x1, y1, x2, y2 in
            pixels of the image.
        levels: (N,) int64 in 0 .. L - 1.

    Returns:
        (N, C, P, P) float32. RoIAlign is that of `codo.models.roi_align`, which knows one box an image only: aligned,
        with adaptive sampling.
    """
    order, pooled = [], []
    for level, (one, stride) in enumerate(zip(maps, STRIDES, strict=True)):
        chosen = torch.nonzero(levels == level).flatten()
        full = one if one.dtype == torch.float64 else one.float()  # bf16 has not the digits of a box, or its image
        # Also without a box: all ranks then find a gradient, of zero, for the same parameters.
        pooled.append(roi_align(full, numbered[chosen].to(full.dtype), POOL, 1 / stride, -1, aligned=True))
        order.append(chosen)
    return torch.cat(pooled)[torch.argsort(torch.cat(order))]
