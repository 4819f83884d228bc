"""InfoMin (Tian et al. 2020): MoCo v2 with views that share less information, and a jigsaw in addition to the query.

Whole views have stronger crops and color jitter and RandAugment (the recipe's ``augment.*``). The jigsaw's patches,
with unchanged colors, are embedded separately and combined by a linear layer; the result is contrasted with the same
key and the same queue as the query (docs/methods.md#infomin). Keys have no jigsaws.

Legend: b samples of this rank, B of all ranks, V whole views, P side of a patch, D embedding.
"""

from __future__ import annotations

from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn

from codo.loading.dataset_inputs import DatasetInputs
from codo.loading.jigsaw_dataset import PATCHES, JigsawBatch, JigsawDataset, JigsawSettings, without_colors
from codo.methods.base import Setup, StepOutput, stage
from codo.methods.moco import MoCo
from codo.methods.momentum_contrast import MomentumContrast
from codo.models.box_head import build_projection
from codo.models.encoder import ModelSettings
from codo.models.image_encoder import ImageEncoder


class InfoMinOptions(JigsawSettings):
    """InfoMin's own settings."""

    jigsaw_weight: float = Field(0.5, ge=0, le=1, description="weight w of the jigsaw's loss; the query's has 1 - w")


class JigsawEncoder(ImageEncoder):
    """An image encoder that also embeds jigsaws (B, 9, 3, P, P).

    Args:
        settings: See `ImageEncoder`.
    """

    projection: Any

    def __init__(self, settings: ModelSettings) -> None:
        def heads(channels: int) -> nn.Module:
            # The key encoder's copies of "patch" and "jigsaw" are not used.
            return nn.ModuleDict(
                {
                    "image": build_projection(channels, settings.embedding_dim),
                    "patch": build_projection(channels, settings.embedding_dim),
                    "jigsaw": nn.Linear(PATCHES * settings.embedding_dim, settings.embedding_dim),
                }
            )

        super().__init__(settings, heads)

    def project(self, images: Tensor) -> Tensor:  # type: ignore[override]  # takes no maps
        """(B, 3, H, W) or (B, 9, 3, P, P) -> (B, D), not normalized."""
        projected: Tensor
        if images.dim() == 4:
            projected = self.projection["image"](self.pool(images))
        else:
            patches = self.projection["patch"](self.pool(images.flatten(0, 1)))  # (9 B, D)
            projected = self.projection["jigsaw"](patches.view(len(images), -1))
        return projected


class InfoMin(MoCo):
    """Momentum contrast of whole images and of jigsaws with whole images."""

    Options = InfoMinOptions
    used_settings = MomentumContrast.used_settings
    batch_negatives = False

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        assert isinstance(setup.options, InfoMinOptions)
        self.weight = setup.options.jigsaw_weight

    @classmethod
    def dataset(cls, inputs: DatasetInputs) -> JigsawDataset:
        """Random crops of one image, and a jigsaw for the query network."""
        return JigsawDataset.from_inputs(inputs, without_colors(inputs.augment), keys=False)

    def build_encoder(self, setup: Setup) -> nn.Module:
        """Build backbone, average pooling and projections."""
        return JigsawEncoder(setup.model)

    def forward(self, batch: JigsawBatch) -> StepOutput:  # type: ignore[override]  # the batch of its own dataset
        """Contrast the query, and the jigsaw, with the keys."""
        with stage("query"):
            query = self.query(self.pixels(batch.pair.query_images), groups=self.groups)  # (1, b, D)
            jigsaw = self.query(self.pixels(batch.query), groups=self.groups)
        with stage("keys"):
            keys = self.embed_keys(batch)  # (V - 1, 1, B, D)
        with stage("contrast"):
            positives = self.of_this_rank(keys)[:, 0]
            terms = {"image": self.term(query[0], positives, 0), "jigsaw": self.term(jigsaw[0], positives, 0)}
            losses = {name: term.losses.sum() for name, term in terms.items()}
            loss = (1 - self.weight) * losses["image"] + self.weight * losses["jigsaw"]
        self.cache_step(query, keys, batch.step)
        stats = {f"{stat}/{name}": row[0] for name, term in terms.items() for stat, row in term.stats.items()}
        return StepOutput(loss, {"loss": loss.detach(), **stats})

    @torch.no_grad()
    def embed_keys(self, batch: JigsawBatch) -> Tensor:  # type: ignore[override]  # the batch of its own dataset
        """Keys of the whole views; see `MomentumContrast`."""
        return super().embed_keys(batch.pair)
