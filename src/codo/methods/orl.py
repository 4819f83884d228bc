"""ORL (Xie et al. 2021): BYOL between images, between boxes around an object, and between objects that look alike.

ORL has three stages: BYOL on images; finding proposals, and which of different images look alike; and object-level BYOL
on those. Here is the third, with the second's search for pairs on the proposals of the catalog (`correspondence`), done
once at the start with the features of a network that ``options.weights`` names: the first stage is any earlier run, of
``method=byol`` say. Without one, the run's own first weights find them, which match little more than colors.

Not the same as in the released code: proposals are thinned evenly instead of by their overlap, and their number is
smaller (``options.compared``), so that the search costs about as much as an epoch of training.

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
from codo.loading.crop_dataset import CropBatch
from codo.loading.dataset_inputs import DatasetInputs
from codo.loading.object_pairs import ObjectPairs, Pairs
from codo.loading.step_dataset import StepDataset
from codo.methods.base import Setup, StepOutput
from codo.methods.byol import BYOL, BYOLOptions, two_crops
from codo.methods.correspondence import find_pairs
from codo.models.image_encoder import ImageEncoder
from codo.models.weight_files import read_tensors

FILE = "pairs.npz"
Weights = Annotated[str, AfterValidator(lambda name: name if name in ("none", "imagenet") else absolute(name))]


class ORLOptions(BYOLOptions):
    """ORL's own settings."""

    weights: Weights = Field(
        "none",
        description="network that finds objects that look alike: run, weight file, imagenet; none: this run's start",
    )
    neighbors: int = Field(10, ge=1, description="images most like an image whose proposals are compared with its own")
    compared: int = Field(20, ge=1, le=256, description="most proposals of an image that are compared")
    top: float = Field(0.1, gt=0, le=1, description="pairs kept of an image and a neighbor, as a share of compared")
    min_side: int = Field(96, ge=1, description="least side of a proposal in pixels, where an image has such")
    patch_side: int = Field(96, ge=32, description="side of the views of objects in pixels")
    image_weight: float = Field(1.0, ge=0, description="weight of the loss between views of the image")
    intra_weight: float = Field(1.0, ge=0, description="weight of the loss between boxes around a proposal")
    inter_weight: float = Field(1.0, ge=0, description="weight of the loss between proposals that look alike")


class ORL(BYOL):
    """Object-level BYOL; ``contrast.momentum`` rises to ``contrast.momentum_end``.

    Attributes:
        intra: Predictor between boxes around an object.
        inter: Predictor between objects that look alike.
    """

    Options = ORLOptions
    needs_proposals = True

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        assert isinstance(setup.options, ORLOptions)
        self.options, self.model = setup.options, setup.model
        self.intra, self.inter = self.build_predictor(setup), self.build_predictor(setup)

    @classmethod
    def dataset(cls, material: DatasetInputs) -> StepDataset:
        """Two views each of the image, of an object, of a pair of objects."""
        options = material.options
        assert isinstance(options, ORLOptions)
        if options.weights not in ("none", "imagenet"):
            read_tensors(Path(options.weights))  # a wrong name is told before anything is written
        return ObjectPairs(
            material.images,
            two_crops(material, material.canvas),
            two_crops(material, options.patch_side),
            compared=options.compared,
            min_side=options.min_side,
            seed=material.seed,
        )

    def prepare_data(self, dataset: StepDataset, folder: Path, start: int) -> str:
        """Find the pairs, or read those that the run has found.

        Raises:
            CodoError: The run goes on and its pairs are gone.
            InputError: ``options.weights`` are of another backbone.
        """
        assert isinstance(dataset, ObjectPairs)
        path, told = folder / FILE, ""
        if not path.exists() and start == 0:
            self._find(dataset).write(path)
            told = f"found objects that look alike (options.weights={self.options.weights}): {path}"
        dataset.pairs = Pairs.read(path)
        if len(dataset.pairs.images) != len(dataset):
            what = f"the pairs are of {len(dataset.pairs.images)} images, there are {len(dataset)}"
            raise CodoError(what, where=str(path), fix="put the images back, or start again in a new out=")
        return told

    @torch.no_grad()
    def _find(self, dataset: ObjectPairs) -> Pairs:
        finder = self.encoder
        if self.options.weights != "none":
            with torch.random.fork_rng(devices=[]):
                loaded = self.model.model_copy(update={"init": self.options.weights})
                finder = ImageEncoder(loaded, lambda channels: nn.Identity()).to(self.mean.device)
        finder.eval()

        def embed(images: Tensor) -> Tensor:
            features: Tensor = finder.pool(self.pixels(images.to(self.mean.device)))
            return features

        found = find_pairs(embed, dataset, neighbors=self.options.neighbors, top=self.options.top)
        finder.train()
        return found

    def forward(self, batch: CropBatch) -> StepOutput:
        """BYOL's loss of three pairs of views, each with a predictor of its own."""
        views, options = self.views(batch), self.options
        image, projected = self.agree(views[:2], self.predictor)
        intra, _ = self.agree(views[2:4], self.intra)
        inter, _ = self.agree(views[4:], self.inter)
        loss = options.image_weight * image + options.intra_weight * intra + options.inter_weight * inter
        self.store_embeddings(projected)
        self._step = batch.step
        terms = {"loss": loss, "term/image": image, "term/intra": intra, "term/inter": inter}
        return StepOutput(loss, {name: value.detach() for name, value in terms.items()})
