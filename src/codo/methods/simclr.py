"""SimCLR (Chen et al. 2020): two views of an image attract, all others of the batch repel (NT-Xent)."""

from __future__ import annotations

from codo.loading.crop_dataset import CropBatch
from codo.methods.base import Setup, StepOutput
from codo.methods.image_level import ImageLevel
from codo.methods.lightly_adapter import lightly
from codo.models.image_encoder import ImageEncoder


class SimCLR(ImageLevel):
    """Contrast within the batch, with ``contrast.temperature`` and ``model.embedding_dim``."""

    used_settings = (*ImageLevel.used_settings, "contrast.temperature")

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        heads, dim = lightly("models.modules.heads"), setup.model.embedding_dim
        self.encoder = ImageEncoder(setup.model, lambda c: heads.SimCLRProjectionHead(c, c, dim))
        self.load_report = self.encoder.load_report
        self.criterion = lightly("loss").NTXentLoss(setup.contrast.temperature, gather_distributed=setup.world > 1)

    def forward(self, batch: CropBatch) -> StepOutput:
        """NT-Xent over both views of all ranks."""
        first, second = (self.encoder.project(view) for view in self.views(batch))
        loss = self.criterion(first.float(), second.float())
        self.store_embeddings(first)
        return StepOutput(loss, {"loss": loss.detach()})
