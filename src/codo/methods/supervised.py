"""Supervised pretraining: classes of whole images, named by the class folders they lie in (ImageNet's layout)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from codo.core.errors import InputError
from codo.loading.crop_dataset import Crop, CropBatch, CropDataset
from codo.loading.dataset_inputs import DatasetInputs
from codo.methods.base import WHOLE_IMAGES, Setup, StepOutput
from codo.methods.image_level import ImageLevel
from codo.models.image_encoder import ImageEncoder


class LabelledCrops(CropDataset):
    """One crop of each image, with the class of its folder.

    Attributes:
        classes: Names of the classes, sorted.
    """

    classes: tuple[str, ...] = ()


class Supervised(ImageLevel):
    """Cross-entropy on classes."""

    used_settings = WHOLE_IMAGES

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.encoder = ImageEncoder(setup.model, lambda channels: nn.Linear(channels, setup.classes))
        self.load_report = self.encoder.load_report
        self.register_buffer("classes", torch.tensor(setup.classes))  # to build it again from a checkpoint

    @classmethod
    def dataset(cls, material: DatasetInputs) -> LabelledCrops:
        """The class of an image is the first folder of its name.

        Raises:
            InputError: Images outside of class folders, or fewer than two classes.
        """
        names = [material.images.key(i) for i in range(len(material.images))]
        where = str(material.images.path)
        fix = "give foregrounds= a folder with one folder of images for each class"
        if loose := [name for name in names if "/" not in name]:
            what = f"{len(loose)} images lie in no class folder (the first: {loose[0]})"
            raise InputError(what, where=where, fix=fix)
        classes = tuple(sorted({name.split("/")[0] for name in names}))
        if len(classes) < 2:
            raise InputError(f"there is one class only: {classes[0]}", where=where, fix=fix)
        labels = np.searchsorted(classes, [name.split("/")[0] for name in names]).astype(np.int64)
        made = LabelledCrops(material.images, [Crop(material.canvas, material.augment)], material.seed, labels)
        made.classes = classes
        return made

    def log_stats(self) -> dict[str, Tensor]:
        """Labels keep the embedding from collapsing."""
        return {}

    def forward(self, batch: CropBatch) -> StepOutput:
        """Cross-entropy."""
        scores = self.encoder.project(self.views(batch)[0]).float()
        loss = F.cross_entropy(scores, batch.labels)
        right = (scores.argmax(dim=1) == batch.labels).float().mean()
        return StepOutput(loss, {"loss": loss.detach(), "top1": right.detach()})
