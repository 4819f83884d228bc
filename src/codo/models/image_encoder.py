"""The encoder of methods that contrast whole images: backbone, average pooling, projection.

Legend: B batch, C channels of the last map, D embedding. It takes boxes and groups like `Encoder` and ignores the
boxes, so that `MomentumContrast` can use either encoder.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from codo.core.errors import InputError
from codo.models.backbone import build_backbone
from codo.models.encoder import ModelSettings, unit_length
from codo.models.frozen_maps import EncoderInput, FrozenMaps
from codo.models.weights import initialize


class ImageEncoder(nn.Module):
    """Backbone, average pooling over the last map, projection.

    Args:
        settings: The architecture and its initial weights; the settings of pyramid and box head are not used.
        build_projection: Channels C -> module from (B, C) to (B, D).

    Attributes:
        load_report: What ``settings.init`` loaded, or ``None``.

    Raises:
        InputError: Unknown names, missing packages, or weights that cannot be read, cannot be downloaded or do not fit.
    """

    def __init__(self, settings: ModelSettings, build_projection: Callable[[int], nn.Module]) -> None:
        super().__init__()
        self.backbone = build_backbone(settings.backbone, settings.width)
        self.projection = build_projection(self.backbone.channels[-1])
        self.load_report = initialize(self, settings.init, settings.backbone)

    def forward(self, images: EncoderInput, boxes: Tensor | None = None, groups: int = 1) -> Tensor:
        """Embed whole images: (B, 3, H, W) -> (1, B, D) float32 of length 1, each group with its own BN statistics.

        Raises:
            InputError: The batch does not divide into ``groups``.
        """
        return unit_length(self.by_groups(images, groups))[None]

    def by_groups(self, images: EncoderInput, groups: int) -> Tensor:
        """Apply `project` to one contiguous part of the batch after the other; raises like `forward`."""
        if len(images) % groups:
            fix = "choose a batch size that the number of groups divides"
            raise InputError(f"{len(images)} images do not divide into {groups} groups", where="encoder", fix=fix)
        return torch.cat([self.project(part) for part in images.chunk(groups)])

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Compile `maps` and `project`, through which all methods go: groups then reuse one graph of one group."""
        for name in ("maps", "project"):
            setattr(self, name, torch.compile(getattr(self, name), *args, **kwargs))

    def project(self, images: EncoderInput) -> Tensor:
        """(B, 3, H, W) -> (B, D), not normalized."""
        projected: Tensor = self.projection(self.pool(images))
        return projected

    def pool(self, images: EncoderInput) -> Tensor:
        """(B, 3, H, W) -> (B, C), the mean over the last map."""
        return self.maps(images)[-1].mean(dim=(2, 3))

    def maps(self, images: EncoderInput) -> Sequence[Tensor]:
        """The backbone's four maps of images (B, 3, H, W); `frozen_maps` already are."""
        if isinstance(images, FrozenMaps):
            return images.levels
        maps: list[Tensor] = self.backbone(images)
        return maps

    def frozen_maps(self, images: Tensor, frozen: Collection[str]) -> EncoderInput:
        """The maps of a ``frozen`` backbone for images (B, 3, H, W); the images themselves if it is not frozen."""
        return FrozenMaps(self.maps(images), "backbone") if "backbone" in frozen else images
