"""InsLoc (Yang et al. 2021): like CoDo, with other views and boxes (docs/methods.md#insloc).

Differences: backgrounds are whole images, colors change after pasting, crops keep their aspect ratio (the recipe's
``cpj.*``); and boxes are not jittered. Instead the query's coarsest level is pooled from an anchor near the pasted box.

Shapes: ``b`` samples of this rank, ``V`` views.
"""

from __future__ import annotations

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from codo.core.rng import RngStream, generator
from codo.loading.dataset_inputs import DatasetInputs
from codo.loading.pasted_views import PastedViews
from codo.loading.sampler import StepPlan
from codo.loading.step_dataset import ViewBatch, ViewDataset
from codo.methods.base import Setup
from codo.methods.codo import CoDo, CoDoOptions
from codo.models.encoder import Encoder
from codo.views.anchors import anchor_box


class InsLocOptions(CoDoOptions):
    """InsLoc's own settings."""

    min_iou: float = Field(0.5, ge=0, lt=1, description="the IoU of anchor and pasted box must be greater than this")


class InsLocViews(ViewDataset):
    """Pasted views with two boxes each, concatenated to ``(…, 8)``: the pasted box, and one for the coarsest level."""

    def __init__(self, pasted: PastedViews, views: int, min_iou: float) -> None:
        super().__init__(pasted, views)
        self.min_iou = min_iou

    def batch(self, plan: StepPlan) -> ViewBatch:
        """The second box is an anchor for queries, and the pasted box again for keys."""
        batch, anchors = super().batch(plan), []
        for sample, box in zip(plan.query, batch.query_boxes.numpy(), strict=True):
            rng = generator(self.pasted.seed, plan.epoch, int(sample), RngStream.ANCHOR)
            anchors.append(anchor_box(box, self.pasted.cpj.canvas, self.min_iou, rng))
        coarse = torch.from_numpy(np.stack(anchors))
        return batch._replace(
            query_boxes=torch.cat([batch.query_boxes, coarse], dim=-1),
            key_boxes=torch.cat([batch.key_boxes, batch.key_boxes], dim=-1),
        )


class TwoBoxEncoder(Encoder):
    """An encoder that pools the coarsest level from the second box of ``(b, 8)``."""

    def box_features(self, maps: list[Tensor], boxes: Tensor) -> Tensor:
        """See `Encoder.box_features`; boxes ``(b, 4)`` are used for all levels."""
        if boxes.shape[-1] == 4:
            return super().box_features(maps, boxes)
        return super().box_features(maps, torch.stack([boxes[:, :4]] * (len(maps) - 1) + [boxes[:, 4:]]))


class InsLoc(CoDo):
    """Instance localization."""

    Options = InsLocOptions
    used_settings = tuple(name for name in CoDo.used_settings if name != "localization")
    needs_proposals = False  # whole images are pasted: the recipe's cpj.proposal

    @classmethod
    def dataset(cls, inputs: DatasetInputs) -> InsLocViews:
        """Pasted views with anchors."""
        options = inputs.options
        assert isinstance(options, InsLocOptions)
        return InsLocViews(inputs.pasted_views(may_defer=True), inputs.views, options.min_iou)

    def build_encoder(self, setup: Setup) -> nn.Module:
        """Build the trunk, with a separate box for the coarsest level."""
        return TwoBoxEncoder(setup.model)
