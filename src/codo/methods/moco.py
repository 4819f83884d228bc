"""MoCo (He et al. 2020) and MoCo v2 (Chen et al. 2020): momentum contrast of whole images.

v1 projects by one linear layer and uses temperature 0.07; v2 by an MLP, temperature 0.2, with blur and a cosine
schedule (docs/method.md#moco-v2-recipe). The differences are in the recipes ``moco`` and ``moco_v2``.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field
from torch import Tensor, nn

from codo.core.config import Settings
from codo.core.errors import InputError
from codo.loading.crop_dataset import Crop, PairDataset
from codo.loading.dataset_inputs import DatasetInputs
from codo.loading.step_dataset import StepDataset
from codo.methods.base import Setup
from codo.methods.image_level import box_means
from codo.methods.momentum_contrast import MomentumContrast
from codo.models.box_head import build_projection
from codo.models.image_encoder import ImageEncoder


class MoCoOptions(Settings):
    """MoCo's own settings."""

    projection: Literal["linear", "mlp"] = Field("mlp", description="one layer (MoCo), or two (MoCo v2)")


class MoCo(MomentumContrast):
    """Momentum contrast of whole images."""

    Options: ClassVar[type[Settings]] = MoCoOptions
    used_settings = (*MomentumContrast.used_settings, "model.projection_norm")
    levels: ClassVar[tuple[str, ...]] = ("image",)

    @classmethod
    def dataset(cls, inputs: DatasetInputs) -> StepDataset:
        """Random crops of one image."""
        return PairDataset(inputs.images, [Crop(inputs.canvas, inputs.augment)] * inputs.views, inputs.seed)

    def build_encoder(self, setup: Setup) -> nn.Module:
        """Build backbone, average pooling and projection."""
        dim, options = setup.model.embedding_dim, setup.options
        assert isinstance(options, MoCoOptions)
        norm = setup.model.projection_norm == "bn"
        if options.projection == "linear":
            if norm:
                what = "a linear projection has no hidden layer to normalize"
                fix = "set options.projection=mlp or model.projection_norm=none"
                raise InputError(what, where="model.projection_norm", fix=fix)
            return ImageEncoder(setup.model, lambda channels: nn.Linear(channels, dim))
        return ImageEncoder(setup.model, lambda channels: build_projection(channels, dim, norm=norm))

    def embed_boxes(self, images: Tensor, boxes: Tensor) -> Tensor:
        """The mean of the last map inside each box: uint8 ``(n, S, S, 3)`` and ``(n, 4)`` -> ``(n, C)``."""
        return box_means(self.query.backbone(self.pixels(images))[-1], boxes)

    def exports(self) -> dict[str, nn.Module]:
        """The backbone of the query encoder."""
        return {"backbone": self.query.backbone}

    def key_exports(self) -> dict[str, nn.Module]:
        """The backbone of the momentum encoder, if there is one."""
        return {} if self.end_to_end else {"backbone": self.key.backbone}
