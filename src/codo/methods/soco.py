"""SoCo (Wei et al. 2021): BYOL on object proposals, with the complete trunk of a detector (docs/methods.md#soco).

Proposals are pooled from the pyramid level that fits their size in a view and run through the box head. They predict
the target trunk's output for the same objects in another view: views 1 and 2, views 1 and 3, in both directions.

View 3 is the crop of view 2 at half the side, as in the paper; the released code draws another crop. Our own choices: a
box is pooled from its level only, so that the head's BatchNorm gets the same inputs as a detector's (the released code
runs the head on all levels and masks); the boxes of view 1 are jittered once, not once per pair; a crop without
proposals is used as an object itself; the size limits of the levels scale with the canvas. SoCo* and its fourth view
are not implemented.

Shapes: ``b`` samples of this rank, ``K`` boxes, ``D`` embedding, ``S`` side of a view.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor, nn

from codo.loading.crop_dataset import Crop
from codo.loading.dataset_inputs import DatasetInputs
from codo.loading.object_crops import ObjectBatch, ObjectDataset, Objects
from codo.methods.base import Setup, StepOutput
from codo.methods.byol import BYOL, BYOLOptions, two_crops
from codo.models.box_levels import pool_by_size
from codo.models.encoder import Encoder
from codo.models.frozen_maps import EncoderInput
from codo.views.random_crop import Shares

PAIRS = ((0, 1), (1, 0), (0, 2), (2, 0))
"""Views (online, target) of each prediction."""


class SoCoOptions(BYOLOptions):
    """SoCo's own settings."""

    boxes: int = Field(4, ge=1, description="proposals of an image used in a step")
    size_band: Shares = Field((0.3, 0.8), description="range of sqrt(box area / image area) of the proposals")
    jitter: float = Field(0.1, ge=0, lt=1, description="largest box jitter in view 1, as a share of the box's sides")
    jitter_share: float = Field(0.5, ge=0, le=1, description="probability that a box is jittered")
    visible: float = Field(0.0, ge=0, lt=1, description="more than this share of a proposal must be in the second view")


class SoCo(BYOL):
    """Object-level BYOL; ``contrast.momentum`` rises to ``contrast.momentum_end``."""

    Options = SoCoOptions
    used_settings = (*BYOL.used_settings, "model.fpn_channels", "model.fpn_norm", "model.head", "model.head_dim")
    parts = ("backbone", "fpn", "box_head")
    needs_proposals = True
    embeds = "box"

    @classmethod
    def dataset(cls, inputs: DatasetInputs) -> ObjectDataset:
        """The whole image, a crop, and the crop at half the side, with shared proposals."""
        options, side = inputs.options, inputs.canvas
        assert isinstance(options, SoCoOptions)
        first, second = two_crops(inputs, side)
        small = Crop(max(32, side // 2), second.augment)
        objects = Objects(options.boxes, options.size_band, options.jitter, options.jitter_share, options.visible)
        return ObjectDataset(inputs.images, [first, second, small], objects, inputs.seed)

    def build_encoder(self, setup: Setup) -> nn.Module:
        """Build the trunk with BYOL's projector."""
        return Encoder(setup.model, lambda width: self.build_projector(width, setup))

    def forward(self, batch: ObjectBatch) -> StepOutput:  # type: ignore[override]  # the batch of its own dataset
        """2 - 2 cos between each object's prediction and the target's projection in the other view; sum of pairs."""
        canvas = batch.views[0].shape[1]
        views = list(zip(self.views(batch), batch.boxes, strict=True))
        with torch.no_grad():
            targets = [embed_boxes(self.target, *view, canvas) for view in views]
        projected = [embed_boxes(self.encoder, *view, canvas) for view in views]
        predicted = [self.predictor(one) for one in projected]
        loss = torch.stack([self.regression_loss(predicted[a], targets[b]) for a, b in PAIRS]).sum()
        self.store_embeddings(projected[0])
        self._step = batch.step
        return StepOutput(loss, {"loss": loss.detach()})

    def exports(self) -> dict[str, nn.Module]:
        """The trunk."""
        return {part: getattr(self.encoder, part) for part in self.parts}

    def key_exports(self) -> dict[str, nn.Module]:
        """The trunk of the target."""
        return {part: getattr(self.target, part) for part in self.parts}

    def compilable(self) -> list[nn.Module]:
        """Backbones and pyramids only: the number of boxes per level differs from step to step."""
        return [one for trunk in (self.encoder, self.target) for one in (trunk.backbone, trunk.fpn)]

    def embed_boxes(self, images: Tensor, boxes: Tensor) -> Tensor:
        """Projections of boxes: uint8 ``(n, S, S, 3)`` and ``(n, 4)`` -> ``(n, D)``."""
        return embed_boxes(self.encoder, self.pixels(images), boxes[:, None], images.shape[1])


def embed_boxes(encoder: Encoder, images: EncoderInput, boxes: Tensor, canvas: int) -> Tensor:
    """Project boxes ``(b, K, 4)`` on views ``(b, 3, S, S)``: ``(b * K, D)``, each from the level of its size."""
    embeddings: Tensor = encoder.projection(encoder.box_head(pool_by_size(encoder.features(images), boxes, canvas)))
    return embeddings
