"""SimSiam (Chen and He 2021): a network predicts its own output for the other view; the target has a stop-gradient."""

from __future__ import annotations

from pydantic import Field
from torch import nn

from codo.core.config import Settings
from codo.loading.crop_dataset import CropBatch
from codo.methods.base import Setup, StepOutput
from codo.methods.image_level import ImageLevel
from codo.methods.lightly_adapter import lightly
from codo.models.image_encoder import ImageEncoder


class SimSiamOptions(Settings):
    """SimSiam's own settings."""

    hidden: int = Field(
        2048, ge=1, description="width of the projector's hidden layers; model.embedding_dim is its output"
    )
    bottleneck: int = Field(512, ge=1, description="width of the predictor's hidden layer")
    fixed_predictor_rate: bool = Field(True, description="keep the predictor's learning rate constant")


class SimSiam(ImageLevel):
    """Prediction without negatives and without momentum."""

    Options = SimSiamOptions

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        options, dim = setup.options, setup.model.embedding_dim
        assert isinstance(options, SimSiamOptions)
        self.options = options
        heads = lightly("models.modules.heads")
        self.encoder = ImageEncoder(setup.model, lambda c: heads.SimSiamProjectionHead(c, options.hidden, dim))
        self.load_report = self.encoder.load_report
        self.predictor = heads.SimSiamPredictionHead(dim, options.bottleneck, dim)
        self.criterion = lightly("loss").NegativeCosineSimilarity()

    def forward(self, batch: CropBatch) -> StepOutput:
        """Negative cosine between each view's prediction and the other view's projection, mean of both directions."""
        first, second = (self.encoder.project(view) for view in self.views(batch))
        forth = self.criterion(self.predictor(first).float(), second.detach().float())
        back = self.criterion(self.predictor(second).float(), first.detach().float())
        loss = (forth + back) / 2
        self.store_embeddings(first)
        return StepOutput(loss, {"loss": loss.detach()})

    def constant_lr_modules(self) -> list[nn.Module]:
        """The predictor."""
        return [self.predictor] if self.options.fixed_predictor_rate else []
