"""Rotation (Gidaris et al. 2018): by which of 0, 90, 180 and 270 degrees was an image turned?

Every image is in the batch in all four ways, which the authors found better than one turn drawn for each. Turns by
quarters move pixels without interpolation, so they leave no trace. The crop can: one that is not square is squeezed,
and how details are squeezed tells quarter turns from half turns. So the recipe crops squares (``augment.crop_ratio``).

Legend: b samples of this rank, S side of a view.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from codo.loading.crop_dataset import Crop, CropBatch, CropDataset
from codo.loading.dataset_inputs import DatasetInputs
from codo.methods.base import Setup, StepOutput
from codo.models.image_encoder import ImageEncoder
from codo.pretext.task import PretextTask, classify

TURNS = 4


class Rotation(PretextTask):
    """Classification of the turns of one crop of each image."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.encoder = ImageEncoder(setup.model, lambda channels: nn.Linear(channels, TURNS))
        self.load_report = self.encoder.load_report

    @classmethod
    def dataset(cls, inputs: DatasetInputs) -> CropDataset:
        """One crop of each image; the step turns it."""
        return CropDataset(inputs.images, [Crop(inputs.canvas, inputs.augment)], inputs.seed)

    def forward(self, batch: CropBatch) -> StepOutput:
        """Cross-entropy over the turns of all images."""
        (images,) = batch.views
        scores = self.encoder.project(self.frozen_maps(turned(images), self.encoder))
        return classify(scores, torch.arange(TURNS, device=scores.device).repeat_interleave(len(images)))


def turned(images: Tensor) -> Tensor:
    """Images ``(b, S, S, 3)``, turned counterclockwise by 0 to 3 quarters: ``(4 b, S, S, 3)``, turn by turn."""
    return torch.cat([images.rot90(quarters, dims=(1, 2)) for quarters in range(TURNS)])
