"""InsLoc (Yang et al. 2021): as CoDo, with views and boxes of its own (docs/methods.md#insloc).

What differs: backgrounds are whole images, colors change after pasting, crops keep their aspect (the recipe's
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

    min_iou: float = Field(0.5, ge=0, lt=1, description="the anchor overlaps the pasted box by more than this")


class InsLocViews(ViewDataset):
    """Pasted views with two boxes each, side by side in ``(…, 8)``: the pasted one, and that of the coarsest level."""

    def __init__(self, pasted: PastedViews, views: int, min_iou: float) -> None:
        super().__init__(pasted, views)
        self.min_iou = min_iou

    def batch(self, plan: StepPlan) -> ViewBatch:
        """Queries get an anchor, keys the pasted box twice."""
        made, anchored = super().batch(plan), []
        for sample, box in zip(plan.query, made.query_boxes.numpy(), strict=True):
            rng = generator(self.pasted.seed, plan.epoch, int(sample), RngStream.ANCHOR)
            anchored.append(anchor_box(box, self.pasted.cpj.canvas, self.min_iou, rng))
        coarse = torch.from_numpy(np.stack(anchored))
        return made._replace(
            query_boxes=torch.cat([made.query_boxes, coarse], dim=-1),
            key_boxes=torch.cat([made.key_boxes, made.key_boxes], dim=-1),
        )


class TwoBoxEncoder(Encoder):
    """An encoder that pools the coarsest level from the second box of ``(b, 8)``."""

    def box_features(self, maps: list[Tensor], boxes: Tensor) -> Tensor:
        """See `Encoder.box_features`; boxes ``(b, 4)`` serve all levels."""
        if boxes.shape[-1] == 4:
            return super().box_features(maps, boxes)
        return super().box_features(maps, torch.stack([boxes[:, :4]] * (len(maps) - 1) + [boxes[:, 4:]]))


class InsLoc(CoDo):
    """Instance localization."""

    Options = InsLocOptions
    needs_proposals = False  # whole images are pasted: the recipe's cpj.proposal

    @classmethod
    def dataset(cls, material: DatasetInputs) -> InsLocViews:
        """Pasted views with anchors."""
        options = material.options
        assert isinstance(options, InsLocOptions)
        return InsLocViews(material.pasted_views(may_defer=True), material.views, options.min_iou)

    def build_encoder(self, setup: Setup) -> nn.Module:
        """The trunk, with a box of its own for the coarsest level."""
        return TwoBoxEncoder(setup.model)
