"""Barlow Twins (Zbontar et al. 2021): the cross-correlation of two views' embeddings should be the identity.

The views are BYOL's, and biases and norms have a learning rate of their own (``optim.lars_bias_lr_factor``).
"""

from __future__ import annotations

from pydantic import Field

from codo.loading.crop_dataset import CropBatch, CropDataset
from codo.loading.dataset_inputs import DatasetInputs
from codo.loading.step_dataset import StepDataset
from codo.methods.base import Setup, StepOutput
from codo.methods.byol import SecondViewOptions, two_crops
from codo.methods.image_level import ImageLevel
from codo.methods.lightly_adapter import all_gather_with_grad, lightly
from codo.models.image_encoder import ImageEncoder


class BarlowTwinsOptions(SecondViewOptions):
    """Barlow Twins' own settings."""

    redundancy: float = Field(0.0051, ge=0, description="weight of the off-diagonal entries")
    hidden: int = Field(
        8192, ge=1, description="width of the projector's hidden layers; model.embedding_dim is its output"
    )


class BarlowTwins(ImageLevel):
    """Redundancy reduction."""

    Options = BarlowTwinsOptions

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        options, dim = setup.options, setup.model.embedding_dim
        assert isinstance(options, BarlowTwinsOptions)
        heads = lightly("models.modules.heads")
        self.encoder = ImageEncoder(setup.model, lambda c: heads.BarlowTwinsProjectionHead(c, options.hidden, dim))
        self.load_report = self.encoder.load_report
        # We gather the embeddings ourselves: lightly would standardize the embeddings of each rank separately.
        self.criterion = lightly("loss").BarlowTwinsLoss(options.redundancy)

    @classmethod
    def dataset(cls, inputs: DatasetInputs) -> StepDataset:
        """Two crops with different blur and solarization settings."""
        return CropDataset(inputs.images, two_crops(inputs, inputs.canvas), inputs.seed)

    def forward(self, batch: CropBatch) -> StepOutput:
        """Squared distance of the cross-correlation from the identity."""
        first, second = (self.encoder.project(view).float() for view in self.views(batch))
        loss = self.criterion(all_gather_with_grad(first), all_gather_with_grad(second))
        self.store_embeddings(first)
        return StepOutput(loss, {"loss": loss.detach()})
