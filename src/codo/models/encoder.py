"""The encoder: from an image and a box to one embedding per pyramid level (paper, Eq. 3-6).

Legend: B batch, L = 4 levels (P2 to P5), C channels of the pyramid, R width of the box head, D embedding.

Order of the axes: the level axis always comes before the batch axis. The shared head runs on all (L*B) pooled boxes at
once, so its BatchNorm statistics mix the levels by design (docs/method.md#trunk).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from codo.core.config import Settings
from codo.core.errors import InputError
from codo.models.backbone import STRIDES, build_backbone, check_backbone
from codo.models.box_head import POOL, build_box_head, build_projection, count_convolutions
from codo.models.fpn import FPN
from codo.models.frozen_maps import EncoderInput, FrozenMaps
from codo.models.group_norm import grouped, is_groupable, make_groupable
from codo.models.normalization import PIXEL_MEAN, PIXEL_STD, Channels, Normalization, start_normalization
from codo.models.pixel_rules import PixelSettings
from codo.models.roi_align import roi_align
from codo.models.weights import initialize

LEVELS = ("P2", "P3", "P4", "P5")
"""Names of the levels, in the order of the first axis of an embedding."""


class ModelSettings(Settings):
    """The network to be pretrained (``model.*``)."""

    backbone: str = Field("resnet50", description="resnet18, resnet34, resnet50, resnet101, or timm:NAME")
    width: float = Field(1.0, gt=0, le=4, description="factor on the channels of a ResNet's stages; the stem keeps 64")
    fpn_channels: int = Field(256, ge=8, description="channels of every pyramid level")
    fpn_norm: Literal["auto", "bn", "none"] = Field(
        "auto", description="BatchNorm in the pyramid; auto: bn with a convolutional head, none with 2fc"
    )
    head: str = Field("4conv1fc", description="box head: [1-9]conv1fc (with BatchNorm), or 2fc")
    head_dim: int = Field(1024, ge=8, description="width of the box head's fully connected layers")
    embedding_dim: int = Field(128, ge=2, description="dimensions of the embedding")
    projection_norm: Literal["none", "bn"] = Field(
        "none", description="BatchNorm after the hidden layer of the projection (SimCLR), or none (MoCo v2)"
    )
    init: str = Field(
        "none", description="initial weights: none (random), imagenet, a run directory, or a file of any known layout"
    )
    mean: Channels | None = Field(
        None,
        description="mean of R, G and B in 0..1, subtracted from images; null: that of the initial weights (what a run "
        "or file of CoDo records; timm's for other weights of timm:NAME; else, and without weights, ImageNet's)",
    )
    std: Channels | None = Field(
        None, description="standard deviation of R, G and B in 0..1, by which images are divided; null: as model.mean"
    )

    pixels: PixelSettings | None = Field(
        None,
        description="how image files become colors, filled in by the run: as the catalog of the foregrounds was "
        "prepared, or as the weights record",
    )

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        check_backbone(self.backbone)
        count_convolutions(self.head)
        if self.init == "imagenet" and self.width != 1.0:
            fix = "set model.width=1.0 or model.init=none"
            raise InputError(f"there are no ImageNet weights of width {self.width}", where="model.init", fix=fix)
        if not all(0 <= value <= 1 for value in self.mean or ()) or not all(0 < one <= 1 for one in self.std or ()):
            where = "model.mean" if not all(0 <= value <= 1 for value in self.mean or ()) else "model.std"
            what = "mean and standard deviation are of values in 0..1"
            raise InputError(what, where=where, fix="divide by 255 what is meant for values in 0..255")
        return self

    @property
    def normalization(self) -> Normalization:
        """How images are normalized; ImageNet's mean and deviation where the settings leave it open."""
        return Normalization(self.mean or PIXEL_MEAN, self.std or PIXEL_STD)

    def normalized_for(self, source: str, existing: Normalization | None = None) -> Self:
        """These settings with the mean and deviation that they leave open filled in.

        Args:
            source: The initial weights: ``none``, ``imagenet``, a run or a file.
            existing: Those of the run that is resumed, which keeps its own.
        """
        if self.mean is not None and self.std is not None:
            return self
        own = existing or start_normalization(source, self.backbone)
        return self.model_copy(update={"mean": self.mean or own.mean, "std": self.std or own.std})

    @property
    def pyramid_norm(self) -> bool:
        """Whether the pyramid has BatchNorm; ``auto`` follows the head, as in torchvision's detectors."""
        return count_convolutions(self.head) > 0 if self.fpn_norm == "auto" else self.fpn_norm == "bn"

    def architecture(self) -> ModelSettings:
        """The network alone, with random weights and without the settings that only pretraining has."""
        fields = {name: getattr(self, name) for name in ModelSettings.model_fields}
        return ModelSettings.model_validate({**fields, "init": "none"})


class Encoder(nn.Module):
    """Backbone, pyramid, RoIAlign, box head and projection.

    Args:
        settings: The architecture and its initial weights. If the weights come from a checkpoint anyway, pass
            ``settings.model_copy(update={"init": "none"})``: nothing is then read or downloaded.
        projection: Builds another projection than MoCo v2's: width R -> module from (n, R) to (n, D).

    Attributes:
        load_report: What ``init`` loaded, or ``None``.

    Raises:
        InputError: Unknown names, missing packages, or weights that cannot be read, cannot be downloaded or do not fit.

    Example:
        >>> import torch
        >>> from codo.models import Encoder, ModelSettings
        >>> encoder = Encoder(ModelSettings(backbone="resnet18", width=0.25, head="2conv1fc"))
        >>> images, boxes = torch.randn(2, 3, 64, 64), torch.tensor([[8.0, 8, 40, 56], [0, 0, 64, 64]])
        >>> encoder(images, boxes).shape  # levels, images, dimensions
        torch.Size([4, 2, 128])
    """

    def __init__(self, settings: ModelSettings, projection: Callable[[int], nn.Module] | None = None) -> None:
        super().__init__()
        self.settings = settings
        self.backbone = build_backbone(settings.backbone, settings.width)
        self.fpn = FPN(self.backbone.channels, settings.fpn_channels, settings.pyramid_norm)
        self.box_head = build_box_head(settings.head, settings.fpn_channels, settings.head_dim)
        build = projection or partial(
            build_projection, dim=settings.embedding_dim, norm=settings.projection_norm == "bn"
        )
        self.projection = build(settings.head_dim)
        self._projection_has_norm = any(isinstance(one, _BatchNorm) for one in self.projection.modules())
        make_groupable(self)
        self.load_report = initialize(self, settings.init, settings.backbone)
        self._compiled: Callable[[EncoderInput, Tensor], Tensor] | None = None
        self._groups = 1  # in the current forward pass

    def forward(self, images: EncoderInput, boxes: Tensor, groups: int = 1) -> Tensor:
        """Embed one box of every image.

        Args:
            images: (B, 3, H, W) normalized canvases, whose sides are multiples of 32; or their `frozen_maps`.
            boxes: (B, 4) float32, one box per image: x1, y1, x2, y2 in pixels of the canvas, half-open.
            groups: Split the batch into this many contiguous parts with their own BatchNorm statistics, exactly as on
                that many devices (see `codo.contrast.bn_groups`). The parts share one pass if all BatchNorm layers
                support groups (`codo.models.group_norm`); otherwise, and when compiled, they run one after the other.

        Returns:
            (L, B, D) float32 embeddings of length 1.

        Raises:
            InputError: The batch does not divide into ``groups``.
        """
        embed = self._compiled or self.embed
        if groups <= 1:
            return embed(images, boxes)
        if len(images) % groups:
            fix = "choose a batch size that the number of groups divides"
            raise InputError(f"{len(images)} images do not divide into {groups} groups", where="encoder", fix=fix)
        if self._compiled is None and is_groupable(self):
            with self._grouped_pass(groups):
                return self.embed(images, boxes)
        parts: list[EncoderInput] = [*images.chunk(groups)]
        return torch.cat([embed(*part) for part in zip(parts, boxes.chunk(groups), strict=True)], dim=1)

    @contextmanager
    def _grouped_pass(self, groups: int) -> Iterator[None]:
        """A forward pass of several groups at once."""
        self._groups = groups
        try:
            with grouped(self, groups):
                yield
        finally:
            self._groups = 1

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Compile `embed` only: one graph that all groups reuse, not one that repeats the network for each group."""
        self._compiled = torch.compile(self.embed, *args, **kwargs)

    def embed(self, images: EncoderInput, boxes: Tensor) -> Tensor:
        """`forward` for one group: (B, 3, H, W) and (B, 4) -> (L, B, D)."""
        return self.project(self.box_features(self.features(images), boxes))

    def project(self, features: Tensor) -> Tensor:
        """Features of boxes (L, B, R) -> embeddings (L, B, D) of length 1."""
        if self._groups > 1 and self._projection_has_norm:
            # Its BatchNorm needs the rows of a group together, over all levels, as in the head: (L, G*b) -> (G, L, b).
            by_group = features.view(len(features), self._groups, -1, features.shape[-1]).transpose(0, 1)
            projected = self.projection(by_group.flatten(0, 2)).view(*by_group.shape[:3], -1)
            return unit_length(projected.transpose(0, 1).flatten(1, 2))
        embeddings = self.projection(features.flatten(0, 1)).view(*features.shape[:2], -1)
        return unit_length(embeddings)

    def features(self, images: EncoderInput) -> list[Tensor]:
        """Images (B, 3, H, W), or their `frozen_maps` -> the maps P2 to P5, each (B, C, H / stride, W / stride)."""
        if isinstance(images, Tensor):
            images = FrozenMaps(self.backbone(images), "backbone")
        maps: list[Tensor] = list(images.levels) if images.part == "fpn" else self.fpn(images.levels)
        return maps

    def frozen_maps(self, images: Tensor, frozen: Collection[str]) -> EncoderInput:
        """The maps of the ``frozen`` parts for images (B, 3, H, W); the images themselves if the backbone is not."""
        if "backbone" not in frozen:
            return images
        maps = FrozenMaps(self.backbone(images), "backbone")
        return FrozenMaps(self.fpn(maps.levels), "fpn") if "fpn" in frozen else maps

    def box_features(self, maps: list[Tensor], boxes: Tensor) -> Tensor:
        """Pool the same box from every level and run the shared head.

        Args:
            maps: P2 to P5, as `features` returns them; or several times, L = 4n, to pool several boxes of each level.
            boxes: (B, 4) in pixels of the canvas, or (L, B, 4) with separate boxes for each map.

        Returns:
            (L, B, R) features.
        """
        boxes_by_level = boxes if boxes.dim() == 3 else [boxes] * len(maps)
        levels = zip(maps, boxes_by_level, STRIDES * (len(maps) // len(STRIDES)), strict=True)
        pooled = [roi_align(m, b, 1 / stride, POOL) for m, b, stride in levels]
        # The boxes of a group are contiguous over all levels, for the head's BatchNorm: (G*L*b, C, 7, 7), b = B / G.
        parts = zip(*(level.chunk(self._groups) for level in pooled), strict=True)
        features: Tensor = self.box_head(torch.cat([level for part in parts for level in part]))  # (G*L*b, R)
        by_group = features.view(self._groups, len(maps), -1, features.shape[-1])
        return by_group.transpose(0, 1).flatten(1, 2)


def unit_length(vectors: Tensor) -> Tensor:
    """Normalize vectors (..., D) to length 1, in float32 (float64 for float64 inputs) even under autocast.

    In bf16 the length would be wrong by up to 1/256.
    """
    with torch.autocast(vectors.device.type, enabled=False):
        return F.normalize(vectors if vectors.dtype == torch.float64 else vectors.float(), dim=-1)
