"""BYOL (Grill et al. 2020): an online network predicts the momentum target's projection of the other view.

Methods that do the same with other views or with parts of them (SoCo, ORL, Self-EMD) derive from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn

from codo.contrast import ema
from codo.core.config import Settings
from codo.loading.crop_dataset import Crop, CropBatch, CropDataset
from codo.loading.dataset_inputs import DatasetInputs
from codo.loading.step_dataset import StepDataset
from codo.methods.base import Setup, StepOutput
from codo.methods.image_level import ImageLevel
from codo.methods.lightly_adapter import lightly
from codo.models.frozen_maps import EncoderInput
from codo.models.image_encoder import ImageEncoder


class SecondViewOptions(Settings):
    """How the second view differs from the first."""

    second_blur: float = Field(0.1, ge=0, le=1, description="probability of blur in the second view")
    second_solarize: float = Field(0.2, ge=0, le=1, description="probability of solarization in the second view")


class BYOLOptions(SecondViewOptions):
    """BYOL's own settings."""

    hidden: int = Field(4096, ge=1, description="width of projector and predictor; model.embedding_dim is their output")


class BYOL(ImageLevel):
    """Prediction of a momentum target; ``contrast.momentum`` rises to ``contrast.momentum_end``.

    Attributes:
        target: Moving average of ``encoder``; requires no gradient.
        predictor: Module that maps the online network's projections to the target's.
    """

    Options = BYOLOptions
    used_settings = (*ImageLevel.used_settings, "contrast.momentum", "contrast.momentum_end")
    target: Any
    predictor: nn.Module

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.encoder = self.build_encoder(setup)
        self.load_report = self.encoder.load_report
        self.target = ema.momentum_copy(self.encoder)
        self.predictor = self.build_predictor(setup)
        self.criterion = lightly("loss").NegativeCosineSimilarity()
        self.contrast, self.steps, self._step = setup.contrast, setup.steps, 0

    def build_encoder(self, setup: Setup) -> nn.Module:
        """Build the online network: backbone, pooling, projector."""
        return ImageEncoder(setup.model, lambda channels: self.build_projector(channels, setup))

    def build_projector(self, channels: int, setup: Setup) -> nn.Module:
        """Build the projector: (n, channels) -> (n, D)."""
        assert isinstance(setup.options, BYOLOptions)
        projector: nn.Module = _heads().BYOLProjectionHead(channels, setup.options.hidden, setup.model.embedding_dim)
        return projector

    def build_predictor(self, setup: Setup) -> nn.Module:
        """Build the predictor: (n, D) -> (n, D)."""
        assert isinstance(setup.options, BYOLOptions)
        dim = setup.model.embedding_dim
        predictor: nn.Module = _heads().BYOLPredictionHead(dim, setup.options.hidden, dim)
        return predictor

    @classmethod
    def dataset(cls, inputs: DatasetInputs) -> StepDataset:
        """Two crops with different blur and solarization settings."""
        return CropDataset(inputs.images, two_crops(inputs, inputs.canvas), inputs.seed)

    def forward(self, batch: CropBatch) -> StepOutput:
        """The prediction loss between each view and the target's projection of the other, sum of both directions."""
        loss, projected = self.symmetric_loss(self.views(batch), self.predictor)
        self.store_embeddings(projected)
        self._step = batch.step
        return StepOutput(loss, {"loss": loss.detach()})

    def symmetric_loss(self, pair: Sequence[EncoderInput], predictor: nn.Module) -> tuple[Tensor, Tensor]:
        """The loss between two views, as `views` returns them, in both directions, and the projections of the first."""
        first, second = pair
        with torch.no_grad():
            targets = [self.target.project(view) for view in (second, first)]
        projected = [self.encoder.project(view) for view in (first, second)]
        forth, back = (self.regression_loss(predictor(p), t) for p, t in zip(projected, targets, strict=True))
        return forth + back, projected[0]

    def regression_loss(self, predicted: Tensor, target: Tensor) -> Tensor:
        """2 - 2 cos of (n, D) and (n, D), averaged over n, in float32."""
        cosine: Tensor = self.criterion(predicted.float(), target.float())
        return 2 + 2 * cosine

    @torch.no_grad()
    def on_step_end(self) -> None:
        """Update the target (EMA)."""
        ema.update(self.target, self.encoder, self.contrast.momentum_at(self._step, self.steps))

    def key_exports(self) -> dict[str, nn.Module]:
        """The backbone of the target."""
        return {"backbone": self.target.backbone}

    def compilable(self) -> list[nn.Module]:
        """Both encoders."""
        return [self.encoder, self.target]


def two_crops(inputs: DatasetInputs, side: int) -> list[Crop]:
    """A crop with the run's settings, and one with BYOL's second blur and solarization."""
    options = inputs.options
    assert isinstance(options, SecondViewOptions)
    changed = {"blur": options.second_blur, "solarize": options.second_solarize}
    return [Crop(side, inputs.augment), Crop(side, inputs.augment.model_copy(update=changed))]


def _heads() -> Any:
    return lightly("models.modules.heads")
