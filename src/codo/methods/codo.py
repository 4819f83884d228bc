"""CoDo (paper section 3): contrast of a pasted object with itself on other backgrounds, on every pyramid level.

The views are copy-pasted and jittered (section 3.1, `codo.views.cpj`), the encoder is the complete trunk of a detector
(section 3.2), and `momentum_contrast` computes the loss. CoDo_m is CoDo with more key views.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from codo.contrast.infonce import InfoNCE
from codo.core.config import Settings
from codo.core.errors import InputError
from codo.loading.dataset_inputs import DatasetInputs
from codo.loading.located_views import LocatedViews
from codo.loading.step_dataset import ViewDataset
from codo.methods.base import OPTIONAL, WHOLE_IMAGES, Setup
from codo.methods.localization import TASKS, LocatingEncoder
from codo.methods.momentum_contrast import MomentumContrast
from codo.models.encoder import LEVELS, Encoder


class CoDoOptions(Settings):
    """CoDo's own settings."""

    levels: tuple[Literal["P2", "P3", "P4", "P5"], ...] = Field(
        ("P2", "P3", "P4", "P5"), min_length=1, description="levels whose losses are added up; the paper uses all"
    )
    contrast_weight: float = Field(
        1.0, ge=0, description="weight of the contrast beside localization; 0: localization alone"
    )


class CoDo(MomentumContrast):
    """Hierarchical, multi-view momentum contrast of pasted objects."""

    Options: ClassVar[type[Settings]] = CoDoOptions
    levels = LEVELS
    parts = ("backbone", "fpn", "box_head")
    used_settings = tuple(name for name in OPTIONAL if name not in WHOLE_IMAGES)
    needs_backgrounds = True
    needs_proposals = True
    _version = 2
    """Of the state dict. 1: momentum keys beside localization were normalized without the background boxes."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        chosen = setup.options.levels if isinstance(setup.options, CoDoOptions) else LEVELS
        self.localization, self.dim = setup.localization, setup.model.embedding_dim
        self.contrast_weight = getattr(setup.options, "contrast_weight", 1.0)
        if not self.contrast_weight and not self.localization:
            what = "options.contrast_weight=0 leaves nothing to learn: there is no other loss"
            fix = "add localization=1, or leave it out" if "localization" in self.used_settings else "leave it out"
            raise InputError(what, where="options.contrast_weight", fix=fix)
        self.loaded_version = self._version
        self.loss_levels = [i for i, level in enumerate(LEVELS) if level in chosen]

    @classmethod
    def dataset(cls, inputs: DatasetInputs) -> ViewDataset:
        """Pasted views with jittered boxes: one for the query network, the others for the key network."""
        views = LocatedViews if inputs.localization else ViewDataset
        return views(inputs.pasted_views(may_defer=True), inputs.views)

    def build_encoder(self, setup: Setup) -> nn.Module:
        """Backbone, pyramid, RoIAlign, box head and projection (Eq. 3-6)."""
        return LocatingEncoder(setup.model) if setup.localization else Encoder(setup.model)

    def _load_from_state_dict(
        self, state_dict: Any, prefix: str, local_metadata: Mapping[str, Any], *others: Any
    ) -> None:
        self.loaded_version = int(local_metadata.get("version", 1))
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *others)

    def load_warnings(self) -> list[str]:
        """See `Method.load_warnings`."""
        if self.loaded_version > 1 or self.end_to_end or not self.localization or not self.contrast_weight:
            return []
        return [
            "this run was begun by a version that normalized the momentum keys of localization without the background "
            "boxes; from here on they are normalized with them, so its numbers are not those of a new run"
        ]

    def terms(self, queries: Tensor, keys: Tensor, samples: Tensor | None = None) -> InfoNCE:
        """InfoNCE, to whose losses those of localization are added, if it is on."""
        if not self.localization:
            contrast = super().terms(queries, keys, samples)
            return InfoNCE(self.contrast_weight * contrast.losses, contrast.stats)
        found = queries[None, ..., self.dim :]  # (V, L, b, 3), of every view with a gradient
        if self.end_to_end:
            found = torch.cat([found, self.of_this_rank(keys)[..., self.dim :]])
        contrast = super().terms(queries[..., : self.dim], keys[..., : self.dim], samples)
        by_task = found.mean(dim=(0, 2))  # (L, 3)
        stats = dict(zip(TASKS, by_task.detach().unbind(1), strict=True))
        losses = self.contrast_weight * contrast.losses + self.localization * by_task.sum(1)
        return InfoNCE(losses, contrast.stats | stats)

    def cache_step(self, queries: Tensor, keys: Tensor, step: int) -> None:
        """See `MomentumContrast.cache_step`; embeddings only."""
        super().cache_step(queries[..., : self.dim], keys[..., : self.dim], step)

    def exports(self) -> dict[str, nn.Module]:
        """The trunk of the query encoder (docs/method.md#export)."""
        return {"backbone": self.query.backbone, "fpn": self.query.fpn, "box_head": self.query.box_head}

    def key_exports(self) -> dict[str, nn.Module]:
        """The trunk of the momentum encoder, if there is one."""
        if self.end_to_end:
            return {}
        return {"backbone": self.key.backbone, "fpn": self.key.fpn, "box_head": self.key.box_head}
