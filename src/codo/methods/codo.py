"""CoDo (paper section 3): the object stays itself on every level of the pyramid, whatever is behind it.

The views are pasted (section 3.1, `codo.views.cpj`), the encoder is the whole trunk of a detector (section 3.2), and
`momentum_contrast` has the loss. CoDo_m is the same with more key views.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from torch import nn

from codo.core.config import Settings
from codo.loading.dataset_inputs import DatasetInputs
from codo.loading.step_dataset import ViewDataset
from codo.methods.base import OPTIONAL, WHOLE_IMAGES, Setup
from codo.methods.momentum_contrast import MomentumContrast
from codo.models.encoder import LEVELS, Encoder


class CoDoOptions(Settings):
    """CoDo's own settings."""

    levels: tuple[Literal["P2", "P3", "P4", "P5"], ...] = Field(
        ("P2", "P3", "P4", "P5"), min_length=1, description="levels whose losses count; the paper's are all"
    )


class CoDo(MomentumContrast):
    """Hierarchical, multi-view momentum contrast of pasted objects."""

    Options = CoDoOptions
    levels = LEVELS
    parts = ("backbone", "fpn", "box_head")
    used_settings = tuple(name for name in OPTIONAL if name not in WHOLE_IMAGES)
    needs_backgrounds = True
    needs_proposals = True

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        wanted = setup.options.levels if isinstance(setup.options, CoDoOptions) else LEVELS
        self.counted = [i for i, level in enumerate(LEVELS) if level in wanted]

    @classmethod
    def dataset(cls, material: DatasetInputs) -> ViewDataset:
        """Pasted, jittered views: one for the query network, the rest for the key network."""
        return ViewDataset(material.pasted_views(may_defer=True), material.views)

    def build_encoder(self, setup: Setup) -> nn.Module:
        """Backbone, pyramid, RoIAlign, box head and projection (Eq. 3-6)."""
        return Encoder(setup.model)

    def exports(self) -> dict[str, nn.Module]:
        """The trunk of the query encoder (docs/method.md#export)."""
        return {"backbone": self.query.backbone, "fpn": self.query.fpn, "box_head": self.query.box_head}

    def key_exports(self) -> dict[str, nn.Module]:
        """The trunk of the momentum copy."""
        return {"backbone": self.key.backbone, "fpn": self.key.fpn, "box_head": self.key.box_head}
