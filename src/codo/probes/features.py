"""Features of a box from a frozen trunk with any of its parts.

With all three parts, the box is pooled from every level and goes through the box head, as in pretraining; the features
of the levels are concatenated. A backbone alone gives the mean of its last map inside the box; for a box that covers
the canvas this is the average pooling of classifiers.

Legend: n canvases, S side, L levels, R width of the box head, C channels of the last map.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from codo.models.backbone import STRIDES
from codo.models.box_head import POOL
from codo.models.encoder import PIXEL_MEAN, PIXEL_STD
from codo.models.roi_align import roi_align
from codo.probes.sets import Featurize


def trunk_features(parts: Mapping[str, nn.Module], device: torch.device, *, whole: bool = False) -> Featurize:
    """A function from canvases and boxes to features. Call ``eval()`` on the modules first; this does not change modes.

    Args:
        parts: ``backbone`` and, if available, ``fpn`` and ``box_head``.
        device: Device of the modules.
        whole: Whether to use only the backbone, as for classification.

    Returns:
        A function of uint8 ``(n, S, S, 3)`` and ``(n, 4)``, giving ``(n, L * R)`` or ``(n, C)``.
    """
    modules: Any = parts
    mean = 255 * torch.tensor(PIXEL_MEAN, device=device).view(3, 1, 1)
    std = 255 * torch.tensor(PIXEL_STD, device=device).view(3, 1, 1)
    use_levels = not whole and {"fpn", "box_head"} <= parts.keys()

    def featurize(images: Tensor, boxes: Tensor) -> Tensor:
        pixels = images.to(device).permute(0, 3, 1, 2).float().sub(mean).div(std)
        boxes = boxes.to(device)
        maps = modules["backbone"](pixels)
        if not use_levels:
            return roi_align(maps[-1], boxes, 1 / STRIDES[-1], POOL).mean(dim=(2, 3))
        levels = zip(modules["fpn"](maps), STRIDES, strict=True)
        pooled = torch.cat([roi_align(level, boxes, 1 / stride, POOL) for level, stride in levels])
        features: Tensor = modules["box_head"](pooled).view(len(STRIDES), len(images), -1)  # levels outermost
        return features.transpose(0, 1).flatten(1)

    return featurize
