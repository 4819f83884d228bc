"""Self-EMD (Liu et al. 2020): BYOL between feature maps instead of vectors, compared by the Earth Mover's Distance.

From the paper's abstract and summaries of it (docs/methods.md#self-emd; there is no official code, and the full text
was not available): BYOL without pooling, so that the embedding of an image is a map; 1x1 convolutions instead of the
MLPs' linear layers; the cost between two cells is 1 - cosine; Sinkhorn's iterations find the transport plan. Cells are
matched by transport because two crops of a cluttered image show different objects, in different places.

Two more parts are known by name: smaller views, and a vector branch beside the maps. Here small views only predict,
each the targets of both large views, as small crops do in SwAV; their term is the mean over them. The vector branch is
BYOL on the pooled map, with a projector and a predictor of its own. Both are off unless ``options.small_views`` and
``options.vector_weight`` turn them on, as the recipe does. The paper's pyramid cropping is not implemented: how it
crops was not available.

Our own choices: sizes and weights of these two; no gradient flows through the plan (at the optimum its derivative
vanishes); the weight of a cell is its similarity to the mean of the other map, as in DeepEMD (Zhang et al. 2020), or
uniform; smoothness and number of iterations; the loss is twice the distance, so that maps of one cell give BYOL's loss.

Shapes: ``b`` samples of this rank, ``C`` channels and ``h w`` sides of the last map, ``M = h w`` its cells,
``D`` embedding.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from codo.contrast.sinkhorn import transport
from codo.loading.crop_dataset import Crop, CropBatch, CropDataset
from codo.loading.dataset_inputs import DatasetInputs
from codo.methods.base import Setup, StepOutput
from codo.methods.byol import BYOL, BYOLOptions, two_crops
from codo.models.frozen_maps import EncoderInput
from codo.models.image_encoder import ImageEncoder
from codo.views.random_crop import Shares

LARGE = 2
MIN_WEIGHT = 1e-3
"""Weight of a cell that has no similarity to the other map, before weights are normalized."""


class SelfEMDOptions(BYOLOptions):
    """Self-EMD's own settings."""

    epsilon: float = Field(0.05, gt=0, description="smoothness of the transport, in units of 1 - cosine")
    iterations: int = Field(20, ge=1, description="Sinkhorn iterations")
    weights: Literal["common", "uniform"] = Field(
        "common", description="weight of a cell: its similarity to the mean of the other map, or the same for all"
    )
    small_views: int = Field(0, ge=0, description="number of small crops, which predict both large ones")
    small_side: int = Field(96, ge=32, description="side of small crops in pixels")
    small_area: Shares = Field((0.05, 0.14), description="share of the image's area that a small crop keeps")
    small_weight: float = Field(1.0, ge=0, description="weight of the small crops' loss, the mean over them")
    vector_weight: float = Field(0.0, ge=0, description="weight of BYOL's loss on the pooled maps; 0: no such branch")


class MapEncoder(ImageEncoder):
    """Backbone and projection of every cell of its last map.

    Attributes:
        vector: Projection of the pooled map, (b, C) -> (b, D), if there is a vector branch.
    """

    vector: nn.Module | None

    def pool(self, images: EncoderInput) -> Tensor:
        """The last map, without pooling: (b, 3, S, S) -> (b, C, h, w)."""
        return self.maps(images)[-1]

    def branches(self, images: EncoderInput) -> tuple[Tensor, Tensor | None]:
        """Projections of the cells (b, D, h, w), and of the pooled map (b, D) if there is a vector branch."""
        last = self.pool(images)
        return self.projection(last), None if self.vector is None else self.vector(last.mean(dim=(2, 3)))


class SelfEMD(BYOL):
    """Prediction of the target's map, matched by transport. The momentum rises to ``contrast.momentum_end``."""

    Options = SelfEMDOptions

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        assert isinstance(setup.options, SelfEMDOptions)
        self.options = setup.options
        self.vector_predictor = super().build_predictor(setup) if self.options.vector_weight else None

    @classmethod
    def dataset(cls, inputs: DatasetInputs) -> CropDataset:
        """Two large and several small crops."""
        options = inputs.options
        assert isinstance(options, SelfEMDOptions)
        small = Crop(options.small_side, inputs.augment.model_copy(update={"crop_area": options.small_area}))
        crops = [*two_crops(inputs, inputs.canvas), *[small] * options.small_views]
        return CropDataset(inputs.images, crops, inputs.seed)

    def build_encoder(self, setup: Setup) -> nn.Module:
        """Build the online network: backbone and projector, no pooling."""
        assert isinstance(setup.options, SelfEMDOptions)
        encoder = MapEncoder(setup.model, lambda channels: self.build_projector(channels, setup))
        branch = setup.options.vector_weight > 0
        encoder.vector = super().build_projector(encoder.backbone.channels[-1], setup) if branch else None
        return encoder

    def build_projector(self, channels: int, setup: Setup) -> nn.Module:
        """BYOL's projector on every cell: (b, channels, h, w) -> (b, D, h, w)."""
        assert isinstance(setup.options, SelfEMDOptions)
        hidden, dim = setup.options.hidden, setup.model.embedding_dim
        first = nn.Conv2d(channels, hidden, 1, bias=False)
        return nn.Sequential(first, nn.BatchNorm2d(hidden), nn.ReLU(inplace=True), nn.Conv2d(hidden, dim, 1))

    def build_predictor(self, setup: Setup) -> nn.Module:
        """BYOL's predictor on every cell: (b, D, h, w) -> (b, D, h, w)."""
        return self.build_projector(setup.model.embedding_dim, setup)

    def forward(self, batch: CropBatch) -> StepOutput:
        """The maps' loss of both large views, of the small ones, and that of the vector branch."""
        options = self.options
        if not options.small_views and not options.vector_weight:
            return super().forward(batch)
        views = self.views(batch)
        with torch.no_grad():
            targets = [self.target.branches(view) for view in views[:LARGE]]
        online = [self.encoder.branches(view) for view in views]
        losses, vectors = [], []
        for i, (cells, vector) in enumerate(online):
            others = [target for j, target in enumerate(targets) if j != i]
            predicted = self.predictor(cells)
            losses.append(torch.stack([self.regression_loss(predicted, other) for other, _ in others]).sum())
            if self.vector_predictor is not None and i < LARGE:
                vectors.append(super().regression_loss(self.vector_predictor(vector), others[0][1]))
        terms: dict[str, Any] = {"term/maps": torch.stack(losses[:LARGE]).sum()}
        loss = terms["term/maps"]
        if options.small_views:
            terms["term/small"] = torch.stack(losses[LARGE:]).mean()
            loss = loss + options.small_weight * terms["term/small"]
        if vectors:
            terms["term/vector"] = torch.stack(vectors).sum()
            loss = loss + options.vector_weight * terms["term/vector"]
        self.store_embeddings(online[0][0])
        self._step = batch.step
        return StepOutput(loss, {name: value.detach() for name, value in {"loss": loss, **terms}.items()})

    def regression_loss(self, predicted: Tensor, target: Tensor) -> Tensor:
        """Twice the Earth Mover's Distance of maps (b, D, h, w) and (b, D, h, w), averaged over b."""
        with torch.autocast(predicted.device.type, enabled=False):
            return 2 * self.distance(predicted.float(), target.float()).mean()

    def distance(self, predicted: Tensor, target: Tensor) -> Tensor:
        """The Earth Mover's Distance of each pair of maps: (b,)."""
        p, t = (F.normalize(cells.flatten(2).transpose(1, 2), dim=2) for cells in (predicted, target))  # (b, M, D)
        cost = 1 - p @ t.transpose(1, 2)  # (b, M, M)
        a, b = self.weigh(p, t), self.weigh(t, p)
        plan = transport(cost.detach(), a, b, self.options.epsilon, self.options.iterations)
        return (plan * cost).sum(dim=(1, 2))

    @torch.no_grad()
    def weigh(self, cells: Tensor, other: Tensor) -> Tensor:
        """Weights of the cells (b, M, D) in transport to another map (b, M, D): (b, M), rows sum to 1."""
        if self.options.weights == "uniform":
            return cells.new_full(cells.shape[:2], 1 / cells.shape[1])
        common = (cells @ other.mean(dim=1)[:, :, None])[:, :, 0].clamp(min=0) + MIN_WEIGHT
        return common / common.sum(dim=1, keepdim=True)

    def store_embeddings(self, embeddings: Tensor) -> None:
        """Store the mean over the cells of embeddings (b, D, h, w) for `log_stats`."""
        super().store_embeddings(embeddings.mean(dim=(2, 3)))
