"""SimCLR (Chen et al. 2020): two views of an image attract, all others of the batch repel (NT-Xent).

With ``contrast.debiased`` the loss is that of Chuang et al. 2020, who introduced it on SimCLR.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from codo.contrast.bn_groups import gather_with_gradient, rank
from codo.contrast.end_to_end import info_nce_end_to_end
from codo.loading.crop_dataset import CropBatch
from codo.methods.base import Setup, StepOutput
from codo.methods.image_level import ImageLevel
from codo.methods.lightly_adapter import lightly
from codo.models.image_encoder import ImageEncoder


class SimCLR(ImageLevel):
    """Contrast within the batch, with ``contrast.temperature`` and ``model.embedding_dim``."""

    used_settings = (*ImageLevel.used_settings, "contrast.temperature", "contrast.debiased")

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        heads, dim = lightly("models.modules.heads"), setup.model.embedding_dim
        self.encoder = ImageEncoder(setup.model, lambda c: heads.SimCLRProjectionHead(c, c, dim))
        self.load_report = self.encoder.load_report
        self.criterion = lightly("loss").NTXentLoss(setup.contrast.temperature, gather_distributed=setup.world > 1)
        self.contrast, self.world = setup.contrast, setup.world

    def forward(self, batch: CropBatch) -> StepOutput:
        """NT-Xent over both views of all ranks."""
        first, second = (self.encoder.project(view) for view in self.views(batch))
        loss = self.contrastive_loss(first.float(), second.float())
        self.store_embeddings(first)
        return StepOutput(loss, {"loss": loss.detach()})

    def contrastive_loss(self, first: Tensor, second: Tensor) -> Tensor:
        """The loss of two views ``(b, D)`` of this rank's images."""
        if not self.contrast.debiased:
            plain: Tensor = self.criterion(first, second)
            return plain
        views = gather_with_gradient(F.normalize(torch.stack([first, second]), dim=-1)[:, None])  # (2, 1, B, D)
        own = torch.arange(views.shape[2], device=views.device).tensor_split(self.world)[rank()]
        return info_nce_end_to_end(views, own, self.contrast.temperature, prior=self.contrast.debiased).losses.sum()
