"""DenseCL (Wang et al. 2021): MoCo v2 with a second contrast between the cells of the last map.

The positive of a cell is the cell of the other view with the most similar *backbone* feature, not embedding. Negatives
of cells come from a separate queue, which holds one key per image: the mean over its cells (docs/methods.md#densecl).

Legend: b samples of this rank, B of all ranks, V views, C channels of the last map, D embedding, N cells of a map.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from codo.contrast.cells import most_similar, place_share
from codo.core.config import Settings
from codo.loading.step_dataset import ViewBatch
from codo.methods.base import Setup, StepOutput, stage
from codo.methods.moco import MoCo
from codo.methods.momentum_contrast import MomentumContrast
from codo.models.box_head import build_projection
from codo.models.encoder import ModelSettings, unit_length
from codo.models.frozen_maps import EncoderInput
from codo.models.image_encoder import ImageEncoder


class DenseCLOptions(Settings):
    """DenseCL's own settings."""

    dense_weight: float = Field(0.5, ge=0, le=1, description="weight w of the cells' loss; the images' loss has 1 - w")
    grid: int = Field(7, ge=1, description="larger maps are averaged to this many cells per side")


class Views(NamedTuple):
    """The encoder's output for views with leading axes ``…``; all vectors have length 1.

    Attributes:
        image: ``(…, D)``, embedding of the image, as in MoCo v2.
        pooled: ``(…, D)``, of the mean of the cells' embeddings.
        cells: ``(…, N, D)``, embedding of every cell.
        features: ``(…, N, C)``, the backbone's feature of every cell.
    """

    image: Tensor
    pooled: Tensor
    cells: Tensor
    features: Tensor


class DenseEncoder(ImageEncoder):
    """Backbone and two projections, of the image and of each cell. Packs `Views` into one row, for one collective.

    Args:
        settings: See `ImageEncoder`.
        grid: Largest number of cells per side.
    """

    projection: Any

    def __init__(self, settings: ModelSettings, grid: int) -> None:
        def heads(channels: int) -> nn.Module:
            # Two linear layers on every cell are two 1x1 convolutions.
            return nn.ModuleDict(
                {name: build_projection(channels, settings.embedding_dim) for name in ("image", "cells")}
            )

        super().__init__(settings, heads)
        self.grid, self.dim = grid, settings.embedding_dim

    def forward(self, images: EncoderInput, boxes: Tensor | None = None, groups: int = 1) -> Tensor:
        """Images (B, 3, H, W) -> (1, B, X) float32, for `unpack`; see `ImageEncoder`."""
        return self.by_groups(images, groups)[None]

    def project(self, images: EncoderInput) -> Tensor:
        """(B, 3, H, W) -> (B, X)."""
        last = self.maps(images)[-1]  # (B, C, h, w)
        features = F.adaptive_avg_pool2d(last, min(self.grid, last.shape[-1])).flatten(2).transpose(1, 2)  # (B, N, C)
        cells = self.projection["cells"](features)  # (B, N, D)
        image = self.projection["image"](last.mean(dim=(2, 3)))
        parts = Views(image, cells.mean(dim=1), cells, features)
        return torch.cat([unit_length(part).flatten(1) for part in parts], dim=1)

    def unpack(self, rows: Tensor) -> Views:
        """(…, X) -> its four parts."""
        dim, channels = self.dim, self.backbone.channels[-1]
        cells = (rows.shape[-1] - 2 * dim) // (dim + channels)
        image, pooled, dense, features = torch.split(rows, [dim, dim, cells * dim, cells * channels], dim=-1)
        return Views(
            image,
            pooled,
            dense.reshape(*rows.shape[:-1], cells, dim),
            features.reshape(*rows.shape[:-1], cells, channels),
        )


class DenseCL(MoCo):
    """Momentum contrast of images and of the cells of their last maps."""

    Options = DenseCLOptions
    used_settings = MomentumContrast.used_settings
    batch_negatives = False
    levels = ("image", "dense")

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        assert isinstance(setup.options, DenseCLOptions)
        self.weight = setup.options.dense_weight
        self._cells = torch.empty(0)

    def build_encoder(self, setup: Setup) -> nn.Module:
        """Build the backbone and the two projections."""
        assert isinstance(setup.options, DenseCLOptions)
        return DenseEncoder(setup.model, setup.options.grid)

    def forward(self, batch: ViewBatch) -> StepOutput:
        """Contrast images with images, and cells with their most similar cells."""
        with stage("query"):
            query = self.query.unpack(self.query(self.pixels(batch.query_images), groups=self.groups)[0])  # (b, …)
        with stage("keys"):
            rows = super().embed_keys(batch)  # (V - 1, 1, B, X)
        with stage("contrast"):
            key = self.query.unpack(self.of_this_rank(rows)[:, 0])  # (V - 1, b, …)
            matches = most_similar(query.features, key.features)  # (V - 1, b, N)
            positives = torch.take_along_dim(key.cells, matches[..., None], dim=2)  # (V - 1, b, N, D)
            image = self.term(query.image, key.image, 0)
            dense = self.term(query.cells.flatten(0, 1), positives.flatten(1, 2), 1)
            loss = (1 - self.weight) * image.losses.sum() + self.weight * dense.losses.sum()
        self.cache_step(torch.stack([query.image, query.pooled]), self.queued(rows), batch.step)
        self._cells = query.cells.detach()
        terms = {"image": image, "dense": dense}
        stats = {f"{stat}/{name}": row[0] for name, term in terms.items() for stat, row in term.stats.items()}
        return StepOutput(loss, {"loss": loss.detach(), **stats})

    def embed_keys(self, batch: ViewBatch) -> Tensor:
        """The keys for the queues: embeddings of images, and means over cells, ``(V - 1, 2, B, D)``."""
        return self.queued(super().embed_keys(batch))

    def queued(self, rows: Tensor) -> Tensor:
        """The keys for the queues from packed keys ``(V - 1, 1, B, X)``."""
        key = self.query.unpack(rows[:, 0])
        return torch.stack([key.image, key.pooled], dim=1)

    @torch.no_grad()
    def log_stats(self) -> dict[str, Tensor]:
        """As in `MomentumContrast`, for images and means over cells; also how far position determines a cell."""
        return {**super().log_stats(), "place/dense": place_share(self._cells)}
