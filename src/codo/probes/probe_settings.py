"""The settings of all probes (``probe.*``)."""

from __future__ import annotations

from typing import Self

from pydantic import Field

from codo.annotations.source import DataSettings
from codo.core.config import Settings
from codo.core.paths import absolute


class LabelledProbeSettings(Settings):
    """Probes that ask a frozen trunk about labels."""

    data: DataSettings | None = Field(
        None, description="labeled boxes to probe with: a folder or files as for codo finetune; null: none"
    )
    image_folder: str | None = Field(
        None, description="pictures in class folders to probe with, DIR/train/CLASS and DIR/val/CLASS; null: none"
    )
    boxes: int = Field(1000, ge=2, description="boxes to learn from at most, and half as many to judge by")
    images: int = Field(2000, ge=2, description="pictures to learn from at most, and half as many to judge by")

    def with_absolute_paths(self) -> Self:
        """The same with paths that a later command finds from any folder."""
        data = self.data.with_absolute_paths() if self.data else None
        return self.model_copy(
            update={"data": data, "image_folder": absolute(self.image_folder) if self.image_folder else None}
        )


class ProbeSettings(LabelledProbeSettings):
    """Probes taken while pretraining: background invariance always, of labels where there are some."""

    every: int = Field(500, ge=0, description="steps between two scores; 0 takes only the first and the last")
    proposals: int = Field(128, ge=2, description="proposals in the probe set of background invariance")
    group: int = Field(8, ge=2, description="proposals that share two backgrounds; chance is 1 / (2 group - 1)")
