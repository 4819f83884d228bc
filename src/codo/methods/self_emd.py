"""Self-EMD (Liu et al. 2020): BYOL between feature maps instead of vectors, compared by the Earth Mover's Distance.

From the paper's abstract and summaries of it (docs/methods.md#self-emd; there is no official code, and the full text
was not available): BYOL without pooling, so that the embedding of an image is a map; 1x1 convolutions instead of the
MLPs' linear layers; the cost between two cells is 1 - cosine; Sinkhorn's iterations find the transport plan. Cells are
matched by transport because two crops of a cluttered image show different objects, in different places.

Our own choices: no gradient flows through the plan (at the optimum its derivative vanishes); the weight of a cell is
its similarity to the mean of the other map, as in DeepEMD (Zhang et al. 2020), or uniform; smoothness and number of
iterations; the loss is twice the distance, so that maps of one cell give BYOL's loss. The paper's smaller views,
pyramid cropping and additional vector branch are not implemented.

Shapes: ``b`` samples of this rank, ``D`` embedding, ``h w`` the last map, ``M = h w`` its cells.
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from codo.contrast.sinkhorn import transport
from codo.methods.base import Setup
from codo.methods.byol import BYOL, BYOLOptions
from codo.models.frozen_maps import EncoderInput
from codo.models.image_encoder import ImageEncoder

MIN_WEIGHT = 1e-3
"""Weight of a cell that has no similarity to the other map, before weights are normalized."""


class SelfEMDOptions(BYOLOptions):
    """Self-EMD's own settings."""

    epsilon: float = Field(0.05, gt=0, description="smoothness of the transport, in units of 1 - cosine")
    iterations: int = Field(20, ge=1, description="Sinkhorn iterations")
    weights: Literal["common", "uniform"] = Field(
        "common", description="weight of a cell: its similarity to the mean of the other map, or the same for all"
    )


class MapEncoder(ImageEncoder):
    """Backbone and projection of every cell of its last map."""

    def pool(self, images: EncoderInput) -> Tensor:
        """The last map, without pooling: (b, 3, S, S) -> (b, C, h, w)."""
        return self.maps(images)[-1]


class SelfEMD(BYOL):
    """Prediction of the target's map, matched by transport. The momentum rises to ``contrast.momentum_end``."""

    Options = SelfEMDOptions

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        assert isinstance(setup.options, SelfEMDOptions)
        self.options = setup.options

    def build_encoder(self, setup: Setup) -> nn.Module:
        """Build the online network: backbone and projector, no pooling."""
        return MapEncoder(setup.model, lambda channels: self.build_projector(channels, setup))

    def build_projector(self, channels: int, setup: Setup) -> nn.Module:
        """BYOL's projector on every cell: (b, channels, h, w) -> (b, D, h, w)."""
        assert isinstance(setup.options, SelfEMDOptions)
        hidden, dim = setup.options.hidden, setup.model.embedding_dim
        first = nn.Conv2d(channels, hidden, 1, bias=False)
        return nn.Sequential(first, nn.BatchNorm2d(hidden), nn.ReLU(inplace=True), nn.Conv2d(hidden, dim, 1))

    def build_predictor(self, setup: Setup) -> nn.Module:
        """BYOL's predictor on every cell: (b, D, h, w) -> (b, D, h, w)."""
        return self.build_projector(setup.model.embedding_dim, setup)

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
