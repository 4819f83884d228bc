"""RoIAlign for exactly one box per image, as two small matrix products.

Legend: B batch, C channels, H and W height and width of the map, P = 7 bins per side, S samples per bin.

Bilinear sampling and averaging are separable: they act on each axis independently. All of RoIAlign is therefore

    out = A_y F A_x^T        A_y (P, H), A_x (P, W)

where a row of A holds the weights of the pixels along an axis for one bin. The matrices are small and have static
shapes, so this compiles, needs no custom operator and runs on matrix units in bf16. It equals
``torchvision.ops.roi_align`` with ``aligned=True`` and adaptive sampling (``sampling_ratio=-1``): s = ceil(roi / P)
samples per bin, axis and box (He et al., Mask R-CNN, section 3; the sampling of InsLoc and SoCo,
docs/method.md#roialign). On a CPU it is 2 to 12 times faster than torchvision's (``benchmarks/roi_align.py``).
"""

from __future__ import annotations

import torch
from torch import Tensor


def averaging_matrix(start: Tensor, end: Tensor, length: int, bins: int) -> Tensor:
    """The weight of each pixel along one axis in each bin of a box.

    Args:
        start: (B,) lower edge of the box in pixels of the map, float32. 0 is the edge of the first pixel.
        end: (B,) upper edge.
        length: Pixels of the map along this axis.
        bins: Number of bins that the box is divided into.

    Returns:
        (B, bins, length) weights. A row sums to 1, or to less where samples fall more than a pixel outside the map;
        rows of an empty box are zero.
    """
    # A box as long as the map needs this many samples per bin. Longer boxes (impossible after clipping) get no more, so
    # that the shape does not depend on the boxes.
    max_samples = -(-length // bins)
    extent = (end - start) / bins  # of a bin, in pixels
    samples = torch.ceil(extent).clamp(max=max_samples)

    i = torch.arange(max_samples, device=start.device, dtype=start.dtype)
    offsets = (i + 0.5) / samples.clamp(min=1)[:, None]  # (B, S) in bins
    bin_starts = torch.arange(bins, device=start.device, dtype=start.dtype)
    # -0.5: pixel centers lie half a pixel inside ("aligned")
    position = start[:, None, None] - 0.5 + (bin_starts[:, None] + offsets[:, None, :]) * extent[:, None, None]

    counts = (i < samples[:, None])[:, None, :] & (position >= -1) & (position <= length)
    position = position.clamp(0, length - 1)  # within a pixel of the border: the border's value
    pixels = torch.arange(length, device=start.device, dtype=start.dtype)
    bilinear = (1 - (position[..., None] - pixels).abs()).clamp(min=0)  # (B, bins, S, length)
    share = counts / samples.clamp(min=1)[:, None, None]
    return torch.einsum("bps,bpsl->bpl", share.to(bilinear.dtype), bilinear)


def roi_align(features: Tensor, boxes: Tensor, scale: float, bins: int = 7) -> Tensor:
    """Pool one box from every image's map.

    Args:
        features: (B, C, H, W) maps of one level; fastest in channels_last.
        boxes: (B, 4) one box per image: x1, y1, x2, y2 in pixels of the canvas, half-open. No gradient flows to them.
        scale: Cells of the map per pixel of the canvas: 1 / stride.
        bins: Side of the output.

    Returns:
        (B, C, bins, bins) in the dtype of ``features``, channels_last.
    """
    batch, channels, height, width = features.shape
    # float32 even under autocast: bf16 has 8 significant bits, fewer than a coordinate needs
    with torch.no_grad(), torch.autocast(features.device.type, enabled=False):
        exact = torch.float64 if features.dtype == torch.float64 else torch.float32
        x1, y1, x2, y2 = (boxes.to(exact) * scale).unbind(1)
        rows = averaging_matrix(y1, y2, height, bins).to(features.dtype)
        columns = averaging_matrix(x1, x2, width, bins).to(features.dtype)
    pixels = features.permute(0, 2, 3, 1).reshape(batch, height, width * channels)  # a view when channels_last
    pooled = torch.bmm(rows, pixels).view(batch, bins, width, channels)
    pooled = torch.matmul(columns[:, None], pooled)  # (B, bins, bins, C)
    return pooled.permute(0, 3, 1, 2)
