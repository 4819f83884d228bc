"""Base of tasks about the arrangement of patches: each patch by itself through the backbone, then all together.

The layers that see several patches come after the backbone's pooling (late fusion), so that the backbone learns to
describe single patches.

Legend: b samples of this rank, n patches of an arrangement, K arrangements, P side of a patch, C channels of the last
map.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from codo.loading.dataset_inputs import DatasetInputs
from codo.methods.base import Setup, StepOutput
from codo.models.encoder import ModelSettings
from codo.models.frozen_maps import EncoderInput
from codo.models.image_encoder import ImageEncoder
from codo.pretext.patch_dataset import PatchBatch, PatchDataset, PatchSettings
from codo.pretext.task import PretextTask, classify


class PatchEncoder(ImageEncoder):
    """Backbone, a layer for each patch, and two for all patches of a sample.

    Args:
        settings: See `ImageEncoder`.
        patches: n.
        answers: K.
        options: Widths of the layers.
    """

    projection: Any

    def __init__(self, settings: ModelSettings, patches: int, answers: int, options: PatchSettings) -> None:
        def heads(channels: int) -> nn.Module:
            each = nn.Sequential(nn.Linear(channels, options.hidden), nn.BatchNorm1d(options.hidden), nn.ReLU())
            joined = nn.Linear(patches * options.hidden, options.joined)
            together = nn.Sequential(joined, nn.ReLU(), nn.Linear(options.joined, answers))
            return nn.ModuleDict({"each": each, "together": together})

        super().__init__(settings, heads)
        self.patches = patches

    def project(self, images: EncoderInput) -> Tensor:
        """Patches as images (n B, 3, P, P), those of a sample one after the other -> scores (B, K)."""
        described: Tensor = self.projection["each"](self.pool(images))
        scores: Tensor = self.projection["together"](described.view(-1, self.patches * described.shape[1]))
        return scores


class PatchTask(PretextTask):
    """Which arrangement do the patches have?"""

    Options: ClassVar[type[PatchSettings]] = PatchSettings

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        assert isinstance(setup.options, PatchSettings)
        answers, patches = self.arrangements(setup.options).shape
        self.normalize = setup.options.normalize
        self.encoder = PatchEncoder(setup.model, patches, answers, setup.options)
        self.load_report = self.encoder.load_report

    @classmethod
    def arrangements(cls, options: Any) -> npt.NDArray[np.int64]:
        """Cells of the grid, row by row from 0 to 8, for each arrangement: ``(K, n)``."""
        raise NotImplementedError

    @classmethod
    def dataset(cls, inputs: DatasetInputs) -> PatchDataset:
        """Patches of one crop of each image."""
        assert isinstance(inputs.options, PatchSettings)
        arrangements = cls.arrangements(inputs.options)
        return PatchDataset(inputs.images, inputs.augment, inputs.seed, inputs.options, arrangements)

    def forward(self, batch: PatchBatch) -> StepOutput:
        """Cross-entropy over the arrangements."""
        patches = batch.patches.flatten(0, 1)
        pixels = self.normalized_each(patches) if self.normalize else self.pixels(patches)
        scores = self.encoder.project(self.encoder.frozen_maps(pixels, self.frozen_parts))
        return classify(scores, batch.answers)

    def normalized_each(self, patches: Tensor) -> Tensor:
        """uint8 ``(m, P, P, 3)`` -> ``(m, 3, P, P)``, each patch and channel with mean 0 and deviation 1.

        A deviation below one gray level counts as one: a flat patch stays flat.
        """
        pixels = patches.movedim(-1, -3).to(self.mean.dtype)
        deviation, mean = torch.std_mean(pixels, dim=(2, 3), correction=0, keepdim=True)
        return (pixels - mean) / deviation.clamp(min=1)
