"""Base of methods on whole images: they pretrain a backbone, and the probes use its features.

Legend: n canvases, b samples of this rank, S side, C channels of the last map, D embedding.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from codo.core.errors import InputError
from codo.loading.crop_dataset import Crop, CropBatch, CropDataset, InstanceBatch
from codo.loading.dataset_inputs import DatasetInputs
from codo.loading.object_crops import ObjectBatch
from codo.loading.step_dataset import StepDataset
from codo.methods.base import WHOLE_IMAGES, Method, Setup
from codo.methods.momentum_contrast import effective_rank
from codo.models.backbone import STRIDES
from codo.models.box_head import POOL
from codo.models.frozen_maps import EncoderInput
from codo.models.roi_align import roi_align


class ImageLevel(Method):
    """Base of methods with one trained image encoder and two views of each image.

    Attributes:
        encoder: An `ImageEncoder`; its ``backbone`` is exported.
        embeds: What an embedding describes (image or box), for the names in the log.

    Raises:
        InputError: A rank would get a single sample.
    """

    used_settings: ClassVar[tuple[str, ...]] = ("model.embedding_dim", *WHOLE_IMAGES)
    batch_statistics = "global"
    embeds: ClassVar[str] = "image"
    encoder: Any

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        if setup.batch_size // setup.world < 2:
            fix = f"set batch_size={2 * setup.world} or more"
            raise InputError("BatchNorm needs two samples on each process", where="batch_size", fix=fix)

    @classmethod
    def dataset(cls, inputs: DatasetInputs) -> StepDataset:
        """Two random crops of each image."""
        return CropDataset(inputs.images, [Crop(inputs.canvas, inputs.augment)] * 2, inputs.seed)

    def exports(self) -> dict[str, nn.Module]:
        """The backbone; pyramid and box head are not pretrained."""
        return {"backbone": self.encoder.backbone}

    def compilable(self) -> list[nn.Module]:
        """The encoder."""
        return [self.encoder]

    def embed_boxes(self, images: Tensor, boxes: Tensor) -> Tensor:
        """The mean of the last map inside each box: uint8 ``(n, S, S, 3)`` and ``(n, 4)`` -> ``(n, C)``."""
        return box_means(self.encoder.backbone(self.pixels(images))[-1], boxes)

    def views(self, batch: CropBatch | ObjectBatch | InstanceBatch) -> list[EncoderInput]:
        """The views of a batch as pixels, each ``(b, 3, S, S)``; as maps if the backbone is frozen."""
        return [self.frozen_maps(view, self.encoder) for view in batch.views]

    def store_embeddings(self, embeddings: Tensor) -> None:
        """Store embeddings ``(n, D)`` of the step for `log_stats`."""
        self._embeddings = embeddings.detach()

    @torch.no_grad()
    def log_stats(self) -> dict[str, Tensor]:
        """Signs of collapse: standard deviation, length of the mean and rank of the last step's embeddings."""
        embeddings = F.normalize(self._embeddings.float(), dim=1)
        return {
            f"std/{self.embeds}": embeddings.std(dim=0, correction=0).mean(),
            f"mean_norm/{self.embeds}": embeddings.mean(dim=0).norm(),
            f"rank/{self.embeds}": effective_rank(embeddings),
        }


def box_means(last: Tensor, boxes: Tensor) -> Tensor:
    """The mean of the last map inside one box of each image: ``(n, C, h, w)`` and ``(n, 4)`` -> ``(n, C)``."""
    return roi_align(last, boxes, 1 / STRIDES[-1], POOL).mean(dim=(2, 3))
