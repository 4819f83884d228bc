"""The settings of a finetuning run.

Defaults follow the protocol that papers on pretraining for detection share (docs/method.md#coco-finetuning): Mask R-CNN
with 4conv1fc head, 16 images, lr 0.02, warm-up over 1000 steps, drops after 2/3 and 8/9, short sides 640 to 800. What
one GPU or a laptop needs is in the recipes.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from codo.annotations.source import DataSettings
from codo.core.config import Settings
from codo.detection.detector import DetectorSettings, Norm
from codo.detection.optim import DetectorOptimSettings
from codo.models.encoder import ModelSettings
from codo.training.log_settings import LogSettings


class FinetuneSettings(Settings):
    """A finetuning run. Groups are described beside the component they configure."""

    data: DataSettings = Field(
        description="labeled images: data=FOLDER, or data.train=FILE data.val=FILE data.images=DIR"
    )
    weights: str = Field(
        "none",
        description="where the trunk starts: a run, a weight file, imagenet (backbone only), or none (at random)",
    )
    out: str = Field(description="the run directory")
    masks: Literal["auto"] | bool = Field(
        "auto",
        description="Mask R-CNN or Faster R-CNN; auto: masks when the objects have them, an error when only some have",
    )
    seed: int = Field(0, ge=0, description="seed of everything random")
    device: str = Field("auto", description="auto, cpu, cuda or cuda:N")
    precision: Literal["auto", "fp32", "bf16"] = Field("auto", description="auto: bf16 on GPUs that have it, else fp32")
    workers: int | None = Field(None, ge=0, description="loader processes per rank; null: one a core, at most 16")
    batch_size: int = Field(16, ge=1, description="images in a step, over all processes")
    epochs: float | None = Field(None, gt=0, description="length of the run in epochs")
    steps: int | None = Field(None, ge=1, description="length of the run in steps; wins over epochs")
    short_sides: tuple[int, ...] = Field(
        (640, 672, 704, 736, 768, 800),
        min_length=1,
        description="short sides in pixels, one of which is drawn for every image; evaluation uses the largest",
    )
    max_size: int = Field(1333, ge=32, description="largest long side in pixels")
    flip: float = Field(0.5, ge=0, le=1, description="probability of mirroring a training image")
    empty_images: bool = Field(False, description="also learn from images without objects")
    learn_difficult: bool = Field(
        False, description="also learn VOC's difficult objects, as Detectron2 does; in evaluation they never count"
    )
    norm: Norm = Field(
        "auto",
        description="BatchNorm in training: batch (statistics of this process's images), sync (of all processes; GPUs "
        "only), or frozen (the backbone keeps the statistics and scales of its weights, the better choice for ImageNet "
        "weights in batches of 1 or 2; pyramid and heads use batch). auto: sync on several GPUs, else batch, as in the "
        "protocol of the paper",
    )
    freeze: int = Field(0, ge=0, le=5, description="stages of the backbone not trained: 1 the stem, 2 layer1 too, ...")
    checkpoint_every: int = Field(1000, ge=1, description="steps between two checkpoints")
    keep_checkpoints: int = Field(2, ge=1, description="how many of the newest checkpoints stay")
    eval_every: int = Field(0, ge=0, description="steps between two evaluations on the val split; 0: only at the end")
    precise_bn: int = Field(
        0,
        ge=0,
        description="training batches that BatchNorm's statistics are computed from before every evaluation (the "
        "protocol of the papers: 200); 0: the running statistics of training",
    )
    early_stop: int | None = Field(
        None,
        ge=1,
        description="end after this many evaluations in a row without a better box AP, and keep the detector of the "
        "best one; needs eval_every; null: train to the end",
    )
    model: ModelSettings = Field(
        default_factory=ModelSettings, description="the trunk, unless weights= is a run: then that of the run"
    )
    detector: DetectorSettings = Field(default_factory=DetectorSettings)
    optim: DetectorOptimSettings = Field(default_factory=DetectorOptimSettings)
    log: LogSettings = Field(default_factory=LogSettings)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if min(self.short_sides) < 32:
            raise ValueError("short_sides must be at least 32 pixels")
        if self.norm == "frozen" and self.weights == "none":
            raise ValueError("norm=frozen needs weights: random ones have no statistics worth keeping")
        if self.early_stop is not None and not self.eval_every:
            raise ValueError("early_stop needs evaluations on the way: set eval_every")
        if self.model.init != "none":
            raise ValueError("model.init is for pretraining; name the weights with weights=")
        return self
