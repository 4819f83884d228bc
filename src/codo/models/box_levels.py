"""Pool any number of boxes per image, each from the one pyramid level that fits its size, as a detector does.

There are two rules for the level: SoCo's, in proportion to the canvas of a run, and the detectors' (FPN).

Legend: B batch, K boxes per image, N boxes of all images, L levels, C channels of the pyramid, P = 7 bins per side.
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
"""Largest sqrt(width * height) in pixels of a box on P2, P3 and P4; larger boxes are on P5 (docs/methods.md#soco)."""

REFERENCE = 224
"""The canvas that the bounds above refer to. They scale with the canvas: otherwise P5 of a small one gets no boxes."""


def assign_levels(boxes: Tensor, canvas: int) -> Tensor:
    """SoCo's level of every box.

    Args:
        boxes: (…, 4) in pixels.
        canvas: Side of the run's canvas. A view can be smaller; its boxes then get finer levels.

    Returns:
        int64 (…) in 0 .. L - 1; a box exactly at a bound gets the finer level.
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
        (B * K, C, P, P) float32, the boxes of an image in consecutive rows; see `pool_from_levels`.
    """
    images = torch.arange(len(boxes), device=boxes.device).repeat_interleave(boxes.shape[1])
    flat, levels = boxes.flatten(0, 1), assign_levels(boxes, canvas).flatten()
    rois = torch.cat([images[:, None].to(flat.dtype), flat], dim=1)  # (B * K, 5), torchvision's format
    return pool_from_levels(maps, rois, levels)


def pool_from_levels(maps: Sequence[Tensor], rois: Tensor, levels: Tensor) -> Tensor:
    """Pool every box from its given level.

    Args:
        maps: P2 to P5, each (B, C, H / stride, W / stride).
        rois: (N, 5) float32 in the format of `torchvision.ops.roi_align`: index of the image, x1, y1, x2, y2 in
            pixels of the image.
        levels: (N,) int64 in 0 .. L - 1.

    Returns:
        (N, C, P, P) float32. The result equals that of `codo.models.roi_align`, which takes only one box per image:
        aligned, with adaptive sampling.
    """
    order, pooled = [], []
    for level, (features, stride) in enumerate(zip(maps, STRIDES, strict=True)):
        chosen = torch.nonzero(levels == level).flatten()
        # bf16 is too coarse for box coordinates and for indices of images.
        full = features if features.dtype == torch.float64 else features.float()
        # Called even without boxes, so that the same parameters get a gradient (of zero) on all ranks.
        pooled.append(roi_align(full, rois[chosen].to(full.dtype), POOL, 1 / stride, -1, aligned=True))
        order.append(chosen)
    return torch.cat(pooled)[torch.argsort(torch.cat(order))]
