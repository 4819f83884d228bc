"""The settings of all probes (``probe.*``)."""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import Field, model_validator

from codo.annotations.source import DataSettings
from codo.core.config import Settings
from codo.core.errors import InputError
from codo.core.paths import absolute
from codo.duplicates.near import DEFAULT_LIMIT


class LabeledProbeSettings(Settings):
    """Settings of the probes with labels."""

    data: DataSettings | None = Field(
        None, description="labeled boxes for the RoI probe: a folder or files as for codo finetune; null: no RoI probe"
    )
    image_folder: str | None = Field(
        None, description="folder with train/CLASS and val/CLASS for the image-level probe; null: no image-level probe"
    )
    boxes: int = Field(1000, ge=2, description="largest number of boxes to train the probe; half as many evaluate it")
    images: int = Field(2000, ge=2, description="largest number of images to train the probe; half as many evaluate it")
    near_duplicates: int = Field(
        DEFAULT_LIMIT,
        ge=0,
        description="largest pretraining pool, in images, in which resized and re-encoded copies of the images that "
        "evaluate the probes are looked for, for a warning; 0: only equal files",
    )
    prefix: ClassVar[str] = ""
    """What the names of these settings begin with."""

    def with_absolute_paths(self) -> Self:
        """The same settings with absolute paths, valid in any working directory."""
        data = self.data.with_absolute_paths() if self.data else None
        return self.model_copy(
            update={"data": data, "image_folder": absolute(self.image_folder) if self.image_folder else None}
        )


class ProbeSettings(LabeledProbeSettings):
    """Settings of the probes during pretraining: background invariance always, labeled probes if labels are given."""

    prefix: ClassVar[str] = "probe."
    every: int = Field(500, ge=0, description="steps between two probes; 0: only at the start and at the end")
    proposals: int = Field(128, ge=2, description="proposals in the probe set of background invariance")
    group: int = Field(8, ge=2, description="proposals that share two backgrounds; chance is 1 / (2 group - 1)")
    stop_below_start: bool = Field(
        False,
        description="end the run when a labeled probe falls clearly below its value at step 0, and keep the checkpoint "
        "with the best probes as checkpoints/best.pt",
    )

    @model_validator(mode="after")
    def _has_labels(self) -> Self:
        if self.stop_below_start and self.data is None and self.image_folder is None:
            what = "without labels there is no probe that could fall below the start"
            raise InputError(what, where="probe.stop_below_start", fix="add probe.data=DIR or probe.image_folder=DIR")
        return self
