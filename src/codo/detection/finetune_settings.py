"""The settings of a finetuning run.

Defaults follow the protocol that papers on pretraining for detection share (docs/method.md#coco-finetuning): Mask R-CNN
with 4conv1fc head, batches of 16 images, lr 0.02, warm-up over 1000 steps, drops after 2/3 and 8/9 of the run, short
sides of 640 to 800 pixels. The recipes have settings for one GPU and for a laptop.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from codo.annotations.source import DataSettings
from codo.core.config import Settings
from codo.core.errors import InputError
from codo.core.rank_watch import DistributedSettings
from codo.detection.detector import DetectorSettings, Norm
from codo.detection.frozen_stages import STAGES, Freeze
from codo.detection.optim import DetectorOptimSettings
from codo.duplicates.near import DEFAULT_LIMIT
from codo.models.encoder import ModelSettings
from codo.models.weights import TRUNK
from codo.training.log_settings import LogSettings

Part = Literal["backbone", "fpn", "box_head"]


def known_parts(value: Any) -> tuple[str, ...] | None:
    """Check ``parts=``: components in the order of the trunk; a single one may be given without brackets.

    Raises:
        ValueError: No or unknown components.
    """
    if value is None:
        return None
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, list | tuple) or not given:
        raise ValueError(f"must be some of {', '.join(TRUNK)}; null takes all that the weights have")
    for part in given:
        if part not in TRUNK:
            raise ValueError(f"'{part}' is not a part of the trunk (its parts: {', '.join(TRUNK)})")
    return tuple(part for part in TRUNK if part in given)


class FinetuneSettings(Settings):
    """A finetuning run. Groups are defined in the module of the component that they configure."""

    verb: ClassVar[str] = "finetune"
    instead: ClassVar[Mapping[str, str]] = {"foregrounds": "data", "init": "weights"}

    data: DataSettings = Field(
        description="labeled images: data=FOLDER, or data.train=FILE data.val=FILE data.images=DIR"
    )
    weights: str = Field(
        "none",
        description="initial weights of the trunk: a run, a weight file, imagenet (backbone only), none (random)",
    )
    parts: tuple[Part, ...] | None = Field(
        None,
        description="components of the trunk taken from weights=: some of backbone, fpn, box_head; the others stay "
        "random; null: all that the weights have",
    )
    out: str = Field(description="the run directory")
    mirror: str | None = Field(
        None,
        description="URL, such as s3://bucket/runs/mine, to which the run is copied as it goes on; on a machine where "
        "out= is empty or behind, the same command brings it back from there and resumes; null: none",
    )
    masks: Literal["auto"] | bool = Field(
        "auto",
        description="true: Mask R-CNN, false: Faster R-CNN; auto: true if objects have masks, error if only some have",
    )
    seed: int = Field(0, ge=0, lt=2**63, description="random seed")
    device: str = Field("auto", description="auto, cpu, cuda or cuda:N")
    precision: Literal["auto", "fp32", "bf16"] = Field(
        "auto", description="auto: bf16 on GPUs that have it, else fp32; bf16 may be faster on CPUs with AVX512_BF16"
    )
    workers: int | None = Field(None, ge=0, description="loader processes per rank; null: one per core, at most 16")
    batch_size: int = Field(16, ge=1, description="images per step, over all processes")
    epochs: float | None = Field(None, gt=0, description="length of the run in epochs")
    steps: int | None = Field(None, ge=1, description="length of the run in steps; overrides epochs")
    short_sides: tuple[int, ...] = Field(
        (640, 672, 704, 736, 768, 800),
        min_length=1,
        description="short sides in pixels, one of which is drawn for every image; evaluation uses the largest",
    )
    max_size: int = Field(1333, ge=32, description="maximum long side in pixels")
    flip: float = Field(0.5, ge=0, le=1, description="probability of mirroring a training image")
    empty_images: bool = Field(False, description="also train on images without objects")
    learn_difficult: bool = Field(
        False, description="also train on VOC's difficult objects, as Detectron2 does; evaluation always ignores them"
    )
    norm: Norm = Field(
        "auto",
        description="BatchNorm in training: batch (statistics of this process's images), sync (of all processes; GPUs "
        "only), or frozen (the backbone keeps the statistics and scales of its weights, the better choice for ImageNet "
        "weights in batches of 1 or 2; pyramid and heads use batch). auto: sync on several GPUs, else batch, as in the "
        "protocol of the paper",
    )
    freeze: Freeze = Field(
        0,
        description="frozen part of the backbone, its BatchNorm in evaluation mode: number of stages (1: the stem, 2: "
        "also that of stride 4, a ResNet's layer1, ... 5: also that of stride 32), or backbone: all of it",
    )
    near_duplicates: int = Field(
        DEFAULT_LIMIT,
        ge=0,
        description="largest number of images, to train on or in the pretraining pool of the weights, among which "
        "resized and re-encoded copies of evaluation images are looked for, for a warning; 0: only for equal files",
    )
    checkpoint_every: int = Field(1000, ge=1, description="steps between two checkpoints")
    keep_checkpoints: int = Field(2, ge=1, description="number of newest checkpoints to keep")
    eval_every: int = Field(0, ge=0, description="steps between two evaluations on the val split; 0: only at the end")
    precise_bn: int = Field(
        0,
        ge=0,
        description="number of training batches from which BatchNorm's statistics are recomputed before every "
        "evaluation (protocol of the papers: 200); 0: keep the running statistics of training",
    )
    early_stop: int | None = Field(
        None,
        ge=1,
        description="stop after this many consecutive evaluations without a better box AP, and keep the detector of "
        "the best evaluation; needs eval_every; null: train to the end",
    )
    model: ModelSettings = Field(
        default_factory=ModelSettings,
        description="architecture of the trunk; if weights= is a run or a file of codo export, that of the weights",
    )
    detector: DetectorSettings = Field(default_factory=DetectorSettings)
    optim: DetectorOptimSettings = Field(default_factory=DetectorOptimSettings)
    log: LogSettings = Field(default_factory=LogSettings)
    distributed: DistributedSettings = Field(default_factory=DistributedSettings)

    @field_validator("parts", mode="before")
    @classmethod
    def _known_parts(cls, value: Any) -> Any:
        return known_parts(value)

    @field_validator("freeze", mode="before")
    @classmethod
    def _freezable(cls, value: Any) -> Any:
        """Check both kinds at once: pydantic's message on a union names neither."""
        if value != "backbone" and (isinstance(value, bool) or value not in range(STAGES + 1)):
            raise ValueError(f"must be 0 to {STAGES} stages, or backbone")
        return value

    @model_validator(mode="after")
    def _check(self) -> Self:
        if min(self.short_sides) < 32:
            raise ValueError("short_sides must be at least 32 pixels")
        if self.weights == "none" and self.parts is not None:
            what = "parts= says what to take from the weights, but weights=none has none"
            raise InputError(what, where="parts", fix="leave parts out, or give weights=RUN or weights=FILE")
        random = self.weights == "none" or "backbone" not in (self.parts or TRUNK)
        if self.norm == "frozen" and random:
            what = "norm=frozen needs weights: a random backbone has no statistics and scales worth keeping"
            source = "weights=none" if self.weights == "none" else f"parts=[{','.join(self.parts or ())}]"
            fix = "set norm=batch (norm=sync on several GPUs) for this and for all that it is compared with"
            raise InputError(what, where=f"norm, {source}", fix=fix)
        if self.early_stop is not None and not self.eval_every:
            raise ValueError("early_stop needs evaluations during the run: set eval_every")
        if self.model.init != "none":
            raise ValueError("model.init is for pretraining; give the weights with weights=")
        return self
