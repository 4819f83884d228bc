"""DetCo (Xie et al. 2021): momentum contrast of whole images and of jigsaws, at four stages of the backbone.

Each stage has three contrasts: whole query with whole key, jigsaw with jigsaw, jigsaw with whole key. Deeper stages
have larger weights. Whole images and jigsaws have separate projections and queues at each stage: eight of each.

The authors never published their pretraining code (xieenze/DetCo, issues 1 and 9). From the paper: stages, contrasts,
nine patches, two memories. From an independent reimplementation (docs/methods.md#detco): a queue per stage and kind,
and the *whole images'* queue for the third contrast. From MoCo v2: all sizes and the schedule. Our own choices: colors
are drawn once for a jigsaw, before it is cut up, and the hidden layers are as wide as the stage, for jigsaws too.

Legend: b samples of this rank, B of all ranks, V whole views, P side of a patch, C channels of a stage, D embedding.
"""

from __future__ import annotations

from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn

from codo.contrast.bn_groups import gather, unshuffle
from codo.loading.dataset_inputs import DatasetInputs
from codo.loading.jigsaw_dataset import PATCHES, JigsawBatch, JigsawDataset, JigsawSettings
from codo.methods.base import Setup, StepOutput, stage
from codo.methods.moco import MoCo
from codo.methods.momentum_contrast import MomentumContrast
from codo.models.box_head import build_projection
from codo.models.encoder import ModelSettings, unit_length
from codo.models.image_encoder import ImageEncoder

STAGES = ("C2", "C3", "C4", "C5")


class DetCoOptions(JigsawSettings):
    """DetCo's own settings."""

    weights: tuple[float, float, float, float] = Field(
        (0.1, 0.4, 0.7, 1.0), description="weight of each stage's three losses, C2 to C5"
    )


class StageEncoder(ImageEncoder):
    """The backbone and, at each of its four stages, a projection for whole images and one for jigsaws.

    Args:
        settings: See `ImageEncoder`.
    """

    projection: Any

    def __init__(self, settings: ModelSettings) -> None:
        def heads(_: int) -> nn.Module:
            def each(patches: int) -> nn.ModuleList:
                sizes = self.backbone.channels
                return nn.ModuleList([build_projection(patches * c, settings.embedding_dim, hidden=c) for c in sizes])

            return nn.ModuleDict({"whole": each(1), "jigsaw": each(PATCHES)})

        super().__init__(settings, heads)

    def forward(  # type: ignore[override]  # takes no maps
        self, images: Tensor, boxes: Tensor | None = None, groups: int = 1
    ) -> Tensor:
        """Whole images (B, 3, H, W) or jigsaws (B, 9, 3, P, P) -> (4, B, D) float32 of length 1."""
        return unit_length(self.by_groups(images, groups)).transpose(0, 1)

    def project(self, images: Tensor) -> Tensor:  # type: ignore[override]  # takes no maps
        """(B, 3, H, W) or (B, 9, 3, P, P) -> (B, 4, D), not normalized."""
        whole = images.dim() == 4
        maps = self.backbone(images if whole else images.flatten(0, 1))
        pooled = [m.mean(dim=(2, 3)).view(len(images), -1) for m in maps]  # (B, C), or (B, 9 C)
        heads = self.projection["whole" if whole else "jigsaw"]
        return torch.stack([head(features) for head, features in zip(heads, pooled, strict=True)], dim=1)


class DetCo(MoCo):
    """Momentum contrast at four stages, of whole images and jigsaws."""

    Options = DetCoOptions
    used_settings = MomentumContrast.used_settings
    batch_negatives = False
    levels = (*STAGES, *(f"{name}_jigsaw" for name in STAGES))

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        assert isinstance(setup.options, DetCoOptions)
        self.weights = setup.options.weights

    @classmethod
    def dataset(cls, inputs: DatasetInputs) -> JigsawDataset:
        """Random crops of one image, each with a jigsaw."""
        return JigsawDataset.from_inputs(inputs, inputs.augment, keys=True)

    def build_encoder(self, setup: Setup) -> nn.Module:
        """Build the backbone and the projections."""
        return StageEncoder(setup.model)

    def forward(self, batch: JigsawBatch) -> StepOutput:  # type: ignore[override]  # the batch of its own dataset
        """The three contrasts of every stage."""
        with stage("query"):
            whole, jigsaw = (
                self.query(self.pixels(views), groups=self.groups) for views in (batch.pair.query_images, batch.query)
            )  # (4, b, D)
        with stage("keys"):
            keys = self.embed_keys(batch)  # (V - 1, 8, B, D)
        with stage("contrast"):
            loss, stats = self.contrasts(whole, jigsaw, self.of_this_rank(keys))
        self.cache_step(torch.cat([whole, jigsaw]), keys, batch.step)
        return StepOutput(loss, {"loss": loss.detach(), **stats})

    def contrasts(self, whole: Tensor, jigsaw: Tensor, keys: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss and statistics of queries ``(4, b, D)`` with keys ``(V - 1, 8, b, D)``; whole images come first."""
        loss, stats = whole.new_zeros(()), dict[str, Tensor]()
        for i, (name, weight) in enumerate(zip(STAGES, self.weights, strict=True)):
            j = i + len(STAGES)  # the level of the stage's jigsaws
            terms = {
                name: self.term(whole[i], keys[:, i], i),
                f"{name}_jigsaw": self.term(jigsaw[i], keys[:, j], j),
                f"{name}_across": self.term(jigsaw[i], keys[:, i], i),
            }
            loss = loss + weight * torch.stack([term.losses.sum() for term in terms.values()]).sum()
            stats |= {f"{stat}/{what}": row[0] for what, term in terms.items() for stat, row in term.stats.items()}
        return loss, stats

    @torch.no_grad()
    def embed_keys(self, batch: JigsawBatch) -> Tensor:  # type: ignore[override]  # the batch of its own dataset
        """Keys of whole views and jigsaws of all samples of all ranks, in the samples' order: ``(V - 1, 8, B, D)``."""
        keys = []
        for views in zip(batch.pair.key_images, batch.keys, strict=True):
            keys.append(torch.cat([self.key(self.pixels(one), groups=self.groups) for one in views]))
        return unshuffle(gather(torch.stack(keys)), batch.pair.shuffle)
