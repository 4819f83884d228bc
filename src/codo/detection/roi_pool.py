"""RoIAlign in finetuning: torchvision's, but on a CPU with kernels that compute the same numbers faster.

They are equal to the last bit on x86-64. Where compilers fuse products and sums, as on ARM, the last bit may differ;
every call of a run goes the same way, resumed or not.

Legend: see `roi_kernels`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torchvision.ops import MultiScaleRoIAlign

SHORT = (torch.float32, torch.bfloat16, torch.float16)
"""Types of boxes whose numbers float32 has as well."""


class Part(NamedTuple):
    """The boxes that are pooled from one level.

    Attributes:
        scale: Cells of the level's map per pixel of the image.
        chosen: Their numbers.
    """

    scale: np.float32
    chosen: npt.NDArray[np.int64]


class RoIPool(MultiScaleRoIAlign):  # type: ignore[misc]  # torchvision has no types
    """Pools every box from the level that fits its size, with the numbers of the module that it replaces.

    Args:
        plain: From `codo.exporters.torchvision.roi_pool`, which knows the strides of the levels.
    """

    def __init__(self, plain: MultiScaleRoIAlign) -> None:
        scale, level = plain.canonical_scale, plain.canonical_level
        assert plain.map_levels is not None
        super().__init__(
            plain.featmap_names, plain.output_size, plain.sampling_ratio, canonical_scale=scale, canonical_level=level
        )
        self.scales, self.map_levels = plain.scales, plain.map_levels

    def forward(self, x: dict[str, Tensor], boxes: list[Tensor], image_shapes: list[tuple[int, int]]) -> Tensor:
        """Pool boxes.

        Args:
            x: Maps by level, each (B, C, H, W).
            boxes: For each image (n, 4) x1, y1, x2, y2 in its pixels. No gradient flows to them.
            image_shapes: Height and width of each image in pixels, without padding.

        Returns:
            (R, C, P, P), the boxes of an image after those of the image before.
        """
        maps = [x[name] for name in self.featmap_names]
        bins, *others = set(self.output_size)
        suited = all(one.device.type == "cpu" and one.dtype == torch.float32 for one in maps)
        exact = all(some.dtype in SHORT for some in boxes)
        if not suited or not exact or others or self.sampling_ratio < 1:
            plain: Tensor = super().forward(x, boxes, image_shapes)
            return plain
        images = torch.arange(len(boxes)).repeat_interleave(torch.tensor([len(some) for some in boxes]))
        rois = torch.cat([images[:, None].float(), torch.cat(boxes).detach()], dim=1).numpy()
        levels = self.map_levels(boxes)
        parts = [
            Part(np.float32(scale), torch.nonzero(levels == level).flatten().numpy())
            for level, scale in enumerate(self.scales)
        ]
        pooled: Tensor = _Pool.apply(rois, parts, bins, self.sampling_ratio, *maps)
        return pooled


class _Pool(torch.autograd.Function):
    """`roi_kernels.pool` from all levels, with its gradient for the maps."""

    @staticmethod
    def forward(
        ctx: Any, rois: npt.NDArray[np.float32], parts: list[Part], bins: int, samples: int, *maps: Tensor
    ) -> Tensor:
        from codo.detection.roi_kernels import pool  # here: on a GPU Numba is not needed

        channels_last = [level.permute(0, 2, 3, 1).contiguous() for level in maps]
        # Zeros for boxes that are not a number: they have no level.
        pooled = torch.zeros(len(rois), bins, bins, maps[0].shape[1])
        for level, part in zip(channels_last, parts, strict=True):
            pool(level.numpy(), rois, part.chosen, part.scale, samples, pooled.numpy())
        ctx.kept = rois, parts, samples, [level.shape for level in channels_last]
        return pooled.permute(0, 3, 1, 2).contiguous()  # as torchvision's, so that what follows computes the same too

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        from codo.detection.roi_kernels import pool_backward

        rois, parts, samples, shapes = ctx.kept
        gradient_last = gradient.permute(0, 2, 3, 1).contiguous().numpy()
        maps = [torch.zeros(shape) for shape in shapes]
        for level, part in zip(maps, parts, strict=True):
            pool_backward(gradient_last, rois, part.chosen, part.scale, samples, level.numpy())
        return None, None, None, None, *(level.permute(0, 3, 1, 2).contiguous() for level in maps)
