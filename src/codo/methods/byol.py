"""BYOL (Grill et al. 2020): an online network predicts what a slowly following target says of the other view."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor, nn

from codo.config import Settings
from codo.contrast import momentum
from codo.methods.base import Setup, StepOutput
from codo.methods.image_level import ImageLevel
from codo.methods.peers import lightly
from codo.models.image_encoder import ImageEncoder
from codo.views.crops import Crop, CropBatch, CropDataset
from codo.views.material import Material


class BYOLOptions(Settings):
    """BYOL's own settings."""

    hidden: int = Field(4096, ge=1, description="width of projector and predictor; model.dim is their output")
    second_blur: float = Field(0.1, ge=0, le=1, description="probability of blur in the second view")
    second_solarize: float = Field(0.2, ge=0, le=1, description="probability of inverting bright pixels in the second")


class BYOL(ImageLevel):
    """Prediction of a momentum target; ``contrast.momentum`` rises to ``contrast.momentum_end``."""

    Options = BYOLOptions
    uses = (*ImageLevel.uses, "contrast.momentum", "contrast.momentum_end")

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        options, dim = setup.options, setup.model.dim
        assert isinstance(options, BYOLOptions)
        heads = lightly("models.modules.heads")
        self.encoder = ImageEncoder(setup.model, lambda c: heads.BYOLProjectionHead(c, options.hidden, dim))
        self.load_report = self.encoder.load_report
        self.target = momentum.momentum_copy(self.encoder)
        self.predictor = heads.BYOLPredictionHead(dim, options.hidden, dim)
        self.criterion = lightly("loss").NegativeCosineSimilarity()
        self.contrast, self.steps, self._step = setup.contrast, setup.steps, 0

    @classmethod
    def dataset(cls, material: Material) -> CropDataset:
        """Two crops; blur and solarisation differ between them."""
        options = material.options
        assert isinstance(options, BYOLOptions)
        changed = {"blur": options.second_blur, "solarize": options.second_solarize}
        second = material.augment.model_copy(update=changed)
        crops = [Crop(material.canvas, material.augment), Crop(material.canvas, second)]
        return CropDataset(material.images, crops, material.seed)

    def forward(self, batch: CropBatch) -> StepOutput:
        """2 - 2 cos of each prediction and the target's word on the other view, both directions added."""
        first, second = self.views(batch)
        with torch.no_grad():
            targets = [self.target.project(view).float() for view in (second, first)]
        projected = [self.encoder.project(view) for view in (first, second)]
        terms = [2 + 2 * self.criterion(self.predictor(p).float(), t) for p, t in zip(projected, targets, strict=True)]
        loss: Tensor = terms[0] + terms[1]
        self.keep(projected[0])
        self._step = batch.step
        return StepOutput(loss, {"loss": loss.detach()})

    @torch.no_grad()
    def finish_step(self) -> None:
        """Let the target follow."""
        momentum.update(self.target, self.encoder, self.contrast.momentum_at(self._step, self.steps))

    def key_exports(self) -> dict[str, nn.Module]:
        """The backbone of the target."""
        return {"backbone": self.target.backbone}
