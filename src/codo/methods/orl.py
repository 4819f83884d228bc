"""ORL (Xie et al. 2021): BYOL between views of an image, between boxes around an object, and between similar objects.

ORL has three stages: (1) BYOL on images; (2) finding proposals, and similar proposals in different images; (3) BYOL on
these objects. This file implements the third stage, and the search for similar proposals of the second, on the
catalog's proposals (`correspondence`). The search runs once, at the start, with the features of the network given by
``options.weights``. That network is the first stage: any earlier run, for example of ``method=byol``. Without it, the
run's initial weights are used, which match little more than colors.

Differences to the released code: proposals are subsampled evenly instead of by their overlap, and there are fewer of
them (``options.compared``), so that the search costs about as much as an epoch of training.

Shapes: ``b`` samples of this rank, ``D`` embedding, ``S`` side of a view.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import torch
from pydantic import AfterValidator, Field
from torch import Tensor, nn

from codo.core.errors import CodoError
from codo.core.paths import absolute
from codo.loading.correspondence import find_pairs
from codo.loading.crop_dataset import CropBatch
from codo.loading.dataset_inputs import DatasetInputs
from codo.loading.object_pairs import ObjectPairs, Pairs
from codo.loading.step_dataset import StepDataset
from codo.methods.base import Setup, StepOutput
from codo.methods.byol import BYOL, BYOLOptions, two_crops
from codo.models.forward_passes import eagerly
from codo.models.image_encoder import ImageEncoder
from codo.models.normalization import start_normalization
from codo.models.weight_files import read_tensors

FILE = "pairs.npz"
Weights = Annotated[str, AfterValidator(lambda name: name if name in ("none", "imagenet") else absolute(name))]


class ORLOptions(BYOLOptions):
    """ORL's own settings."""

    weights: Weights = Field(
        "none",
        description="network that finds similar objects: run, weight file, imagenet; none: this run's initial weights",
    )
    neighbors: int = Field(
        10, ge=1, description="nearest images of an image, whose proposals are compared with its own"
    )
    compared: int = Field(20, ge=1, le=256, description="largest number of proposals of an image that are compared")
    top: float = Field(0.1, gt=0, le=1, description="pairs kept for an image and a neighbor, as a share of compared")
    min_side: int = Field(
        96, ge=1, description="smallest side of a proposal in pixels, if the image has such proposals"
    )
    patch_side: int = Field(96, ge=32, description="side of the views of objects in pixels")
    image_weight: float = Field(1.0, ge=0, description="weight of the loss between views of the image")
    intra_weight: float = Field(1.0, ge=0, description="weight of the loss between boxes around a proposal")
    inter_weight: float = Field(1.0, ge=0, description="weight of the loss between similar proposals")


class ORL(BYOL):
    """Object-level BYOL; ``contrast.momentum`` rises to ``contrast.momentum_end``.

    Attributes:
        intra: Predictor between boxes around an object.
        inter: Predictor between similar objects.
    """

    Options = ORLOptions
    needs_proposals = True

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        assert isinstance(setup.options, ORLOptions)
        self.options, self.model = setup.options, setup.model
        self.intra, self.inter = self.build_predictor(setup), self.build_predictor(setup)

    @classmethod
    def dataset(cls, inputs: DatasetInputs) -> StepDataset:
        """Two views of the image, two of an object, two of a pair of objects."""
        options = inputs.options
        assert isinstance(options, ORLOptions)
        return ObjectPairs(
            inputs.images,
            two_crops(inputs, inputs.canvas),
            two_crops(inputs, options.patch_side),
            compared=options.compared,
            min_side=options.min_side,
            seed=inputs.seed,
        )

    def check_sources(self, folder: Path, start: int) -> None:
        """Read ``options.weights``, unless the run has its pairs, or must have them, already."""
        if start == 0 and not (folder / FILE).exists() and self.options.weights not in ("none", "imagenet"):
            read_tensors(Path(self.options.weights))

    def prepare_data(self, dataset: StepDataset, folder: Path, start: int) -> str:
        """Find the pairs of similar objects, or read those that the run has already found.

        Raises:
            CodoError: A resumed run lacks its pairs, or they are of other images.
            InputError: ``options.weights`` are of another backbone.
        """
        assert isinstance(dataset, ObjectPairs)
        path, message = folder / FILE, ""
        if not path.exists() and start == 0:
            self._find(dataset).write(path)
            message = f"found similar objects (options.weights={self.options.weights}): {path}"
        dataset.pairs = Pairs.read(path)
        if len(dataset.pairs.images) != len(dataset):
            what = f"the pairs are of {len(dataset.pairs.images)} images, there are {len(dataset)}"
            raise CodoError(what, where=str(path), fix="put the images back, or start again in a new out=")
        return message

    @torch.no_grad()
    def _find(self, dataset: ObjectPairs) -> Pairs:
        finder, normalization = self.encoder, self.normalization
        if self.options.weights != "none":
            with torch.random.fork_rng(devices=[]):
                loaded = self.model.model_copy(update={"init": self.options.weights})
                normalization = start_normalization(loaded.init, loaded.backbone)
                finder = ImageEncoder(loaded, lambda channels: nn.Identity()).to(self.mean.device)
        finder.eval()
        mean, std = normalization.tensors(self.mean.device)

        def embed(images: Tensor) -> Tensor:
            pixels = images.to(self.mean.device).movedim(-1, -3).float().sub(mean).div(std)
            features: Tensor = finder.pool(pixels)
            return features

        with eagerly():  # once, in evaluation mode
            found = find_pairs(embed, dataset, neighbors=self.options.neighbors, top=self.options.top)
        self.train()
        return found

    def forward(self, batch: CropBatch) -> StepOutput:
        """BYOL's loss of three pairs of views, each with its own predictor."""
        views, options = self.views(batch), self.options
        image, projected = self.symmetric_loss(views[:2], self.predictor)
        intra, _ = self.symmetric_loss(views[2:4], self.intra)
        inter, _ = self.symmetric_loss(views[4:], self.inter)
        loss = options.image_weight * image + options.intra_weight * intra + options.inter_weight * inter
        self.store_embeddings(projected)
        self._step = batch.step
        terms = {"loss": loss, "term/image": image, "term/intra": intra, "term/inter": inter}
        return StepOutput(loss, {name: value.detach() for name, value in terms.items()})
