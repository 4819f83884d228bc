"""Supervised pretraining: classification of whole images in class folders (ImageNet's layout)."""

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


class LabeledCrops(CropDataset):
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
        self.register_buffer("classes", torch.tensor(setup.classes))  # to rebuild the method from a checkpoint

    @classmethod
    def dataset(cls, inputs: DatasetInputs) -> LabeledCrops:
        """Labeled crops; the class of an image is the first folder of its name.

        Raises:
            InputError: Images outside class folders, or fewer than two classes.
        """
        names = [inputs.images.key(i) for i in range(len(inputs.images))]
        where = str(inputs.images.path)
        fix = "give foregrounds= a folder with one folder of images for each class"
        if loose := [name for name in names if "/" not in name]:
            what = f"{len(loose)} images are not in a class folder (the first: {loose[0]})"
            raise InputError(what, where=where, fix=fix)
        classes = tuple(sorted({name.split("/")[0] for name in names}))
        if len(classes) < 2:
            raise InputError(f"there is only one class: {classes[0]}", where=where, fix=fix)
        labels = np.searchsorted(classes, [name.split("/")[0] for name in names]).astype(np.int64)
        made = LabeledCrops(inputs.images, [Crop(inputs.canvas, inputs.augment)], inputs.seed, labels)
        made.classes = classes
        return made

    def log_stats(self) -> dict[str, Tensor]:
        """No statistics of collapse: labels prevent it."""
        return {}

    def forward(self, batch: CropBatch) -> StepOutput:
        """Cross-entropy."""
        scores = self.encoder.project(self.views(batch)[0]).float()
        loss = F.cross_entropy(scores, batch.labels)
        accuracy = (scores.argmax(dim=1) == batch.labels).float().mean()
        return StepOutput(loss, {"loss": loss.detach(), "top1": accuracy.detach()})
