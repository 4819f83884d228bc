"""A torchvision Faster or Mask R-CNN with the interface of a method, for training and prediction.

Legend: b images, n objects or detections of an image, H and W height and width in pixels.

Backbone, RPN and RoI heads of torchvision's detector are called one by one, because its ``forward`` would resize the
images a second time: ``transforms`` alone resizes, here images are only normalized and padded.
"""

from __future__ import annotations

from typing import Any, Literal, Self

import torch
from pydantic import Field, field_validator
from torch import Tensor, nn
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.roi_heads import paste_masks_in_image
from torchvision.models.detection.rpn import AnchorGenerator
from torchvision.models.detection.transform import resize_boxes

from codo.core.config import Settings
from codo.detection.dataset import DetectionBatch
from codo.detection.frozen_stages import Freeze, stages_to_freeze
from codo.detection.roi_pool import RoIPool
from codo.exporters.torchvision import CANONICAL_SCALE, build_detector
from codo.methods.base import Method, StepOutput
from codo.models.encoder import ModelSettings
from codo.models.sync_norm import synchronize_norms

ANCHOR_SIDES = (32, 64, 128, 256, 512)
"""Sides of the anchors of P2 to P6 in pixels, for images of 800 pixels."""

CANONICAL_SIDE = 800
"""Short side in pixels of the images that `CANONICAL_SCALE` was chosen for."""

LOSSES = {
    "loss_objectness": "loss/objectness",
    "loss_rpn_box_reg": "loss/rpn_box",
    "loss_classifier": "loss/class",
    "loss_box_reg": "loss/box",
    "loss_mask": "loss/mask",
}
"""torchvision's names of the losses -> names in the log."""

Norm = Literal["auto", "batch", "sync", "frozen"]


class DetectorSettings(Settings):
    """Anchors, sampling, NMS and thresholds. The defaults are those of torchvision and Detectron2."""

    anchor_scale: float = Field(
        1.0,
        gt=0,
        description="factor on the anchors' sides (32 to 512 pixels on P2 to P6); 0.25 suits sides of 200 pixels",
    )
    canonical_scale: Literal["auto"] | float = Field(
        CANONICAL_SCALE,
        description="side in pixels of the boxes that the heads pool from P4; half of it: P3, double: P5. auto: 224 * "
        "short side / 800, with the short side of evaluation",
    )
    proposals: int = Field(1000, ge=1, description="proposals per image for the box head, after the RPN's NMS")
    proposals_per_level: int = Field(
        2000, ge=1, description="anchors per level that enter the RPN's NMS (evaluation: half)"
    )
    sampled_anchors: int = Field(256, ge=2, description="anchors sampled per image for the RPN loss")
    sampled_boxes: int = Field(512, ge=2, description="proposals sampled per image for the losses of the heads")
    score_threshold: float = Field(0.05, ge=0, lt=1, description="detections with a lower score are dropped")
    nms_threshold: float = Field(
        0.5, gt=0, le=1, description="IoU above which the weaker detection of a class is dropped"
    )
    detections: int = Field(100, ge=1, description="maximum number of detections per image; COCO AP uses 100")

    @field_validator("canonical_scale", mode="before")
    @classmethod
    def _positive(cls, value: Any) -> Any:
        """Check both kinds at once: pydantic's message on a union names neither."""
        if value != "auto" and (isinstance(value, bool) or not isinstance(value, int | float) or not value > 0):
            raise ValueError("must be auto, or a number of pixels above 0")
        return value

    def resolve(self, short_side: int) -> Self:
        """These settings with ``auto`` replaced by its value.

        Args:
            short_side: Short side in pixels to which images are resized for evaluation.
        """
        if self.canonical_scale != "auto":
            return self
        return self.model_copy(update={"canonical_scale": CANONICAL_SCALE * short_side / CANONICAL_SIDE})


class Detector(Method):
    """A detector for finetuning and evaluation.

    Args:
        model: Architecture of the trunk.
        settings: Settings of the detector apart from the trunk, resolved (`DetectorSettings.resolve`).
        classes: Number of classes, without background.
        masks: Whether it is a Mask R-CNN.
        norm: See `FinetuneSettings.norm`.
        freeze: See `codo.detection.frozen_stages`.
        seed: Seed of the sampling of anchors and proposals.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        model: ModelSettings,
        settings: DetectorSettings,
        *,
        classes: int,
        masks: bool,
        norm: Norm = "batch",
        freeze: Freeze = 0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.masks, self.seed = masks, seed
        self.detector: Any = build_detector(model, classes + 1, masks, **_options(settings))
        self.detector.rpn.head.register_forward_hook(_in_float32)
        heads = self.detector.roi_heads
        for pool in ("box_roi_pool", "mask_roi_pool") if masks else ("box_roi_pool",):
            setattr(heads, pool, RoIPool(getattr(heads, pool)))
        if norm == "sync":
            self.detector = synchronize_norms(self.detector)
        self._frozen = stages_to_freeze(self.detector.backbone.body, freeze)
        for part in self._frozen:
            part.requires_grad_(False)
        if norm == "frozen":
            norms = [part for part in self.detector.backbone.body.modules() if isinstance(part, nn.BatchNorm2d)]
            for part in norms:
                part.requires_grad_(False)
            self._frozen += norms
        self.normalize_by(model.normalization)

    def train(self, mode: bool = True) -> Detector:
        """Set the training mode; frozen parts stay in evaluation mode, so their BatchNorm keeps its statistics."""
        super().train(mode)
        for part in self._frozen:
            part.eval()
        return self

    def forward(self, batch: DetectionBatch) -> StepOutput:
        """The losses of a batch, unweighted as in torchvision and Detectron2."""
        images = self.pad(batch.images)
        targets: Any = batch.targets
        # torchvision samples anchors and proposals with torch's global generator. It is seeded by the step, so that a
        # resumed run draws the same samples, also on a GPU, whose generator is not in the checkpoint.
        devices = [images.tensors.device] if images.tensors.is_cuda else []
        with torch.random.fork_rng(devices):
            torch.manual_seed((self.seed * 1_000_003 + batch.step) % 2**64)  # more is refused
            features = self.features(images)
            proposals, first = self.detector.rpn(images, features, targets)
            _, second = self.detector.roi_heads(features, proposals, images.image_sizes, targets)
        losses = {LOSSES[name]: loss for name, loss in {**first, **second}.items()}
        total = torch.stack([loss.float() for loss in losses.values()]).sum()
        return StepOutput(total, {"loss": total.detach(), **{name: loss.detach() for name, loss in losses.items()}})

    @torch.no_grad()
    def detect(self, images: list[Tensor], sizes: list[tuple[int, int]]) -> list[dict[str, Tensor]]:
        """Find objects.

        Args:
            images: uint8 ``(3, H, W)``, resized, on the detector's device.
            sizes: Height and width in pixels of each image on disk; results are in these pixels.

        Returns:
            For each image ``boxes`` float32 (n, 4) xyxy, ``labels`` int64 (n,) from 1, ``scores`` float32 (n,) in
            descending order, and, for a Mask R-CNN, ``masks`` float32 (n, 1, 28, 28): the probability of the object on
            a grid over its box (see `paste`). A hundred masks in full resolution would not fit into memory.
        """
        padded = self.pad(images)
        features = self.features(padded)
        proposals, _ = self.detector.rpn(padded, features, None)
        detections: list[dict[str, Tensor]]
        detections, _ = self.detector.roi_heads(features, proposals, padded.image_sizes, None)
        for detection, resized, size in zip(detections, padded.image_sizes, sizes, strict=True):
            detection["boxes"] = resize_boxes(detection["boxes"], resized, size)
        return detections

    def pad(self, images: list[Tensor]) -> ImageList:
        """Normalize uint8 ``(3, H, W)`` images of any sizes, and pad them to one batch with multiples of 32 pixels."""
        normalized = [(image.float() - self.mean) / self.std for image in images]
        batch = self.detector.transform.batch_images(normalized, size_divisible=32)
        return ImageList(
            batch.contiguous(memory_format=torch.channels_last), [(i.shape[-2], i.shape[-1]) for i in images]
        )

    def features(self, images: ImageList) -> dict[str, Tensor]:
        """The maps P2 to P6, in float32 also under bfloat16 autocast.

        torchvision makes anchors in the type of the maps, proposals in that of what the RPN's head says of them
        (`_in_float32`), and converts the true boxes to the type of the proposals. From 1,024 pixels on bfloat16 has
        every eighth whole number (`findings/torchvision_autocast_boxes.sh`).
        """
        return {name: feature.float() for name, feature in self.detector.backbone(images.tensors).items()}

    def exports(self) -> dict[str, nn.Module]:
        """The parts of the trunk: backbone, FPN and box head."""
        backbone = self.detector.backbone
        return {"backbone": backbone.body, "fpn": backbone.fpn, "box_head": self.detector.roi_heads.box_head}


def paste(probabilities: Tensor, box: Tensor, size: tuple[int, int]) -> Tensor:
    """Draw the mask of one detection.

    Args:
        probabilities: (1, 28, 28), as `Detector.detect` returns them.
        box: (4,) xyxy in pixels of the image.
        size: Height and width of the image.

    Returns:
        bool (H, W), true where the probability of the object is above one half.
    """
    mask: Tensor = paste_masks_in_image(probabilities[None], box[None], size)[0, 0] > 0.5
    return mask


def _in_float32(
    head: nn.Module, maps: Any, output: tuple[list[Tensor], list[Tensor]]
) -> tuple[list[Tensor], list[Tensor]]:
    """Forward hook of the RPN's head: scores and box deltas of all levels in float32, whatever the maps' type."""
    scores, deltas = output
    return [one.float() for one in scores], [one.float() for one in deltas]


def _options(settings: DetectorSettings) -> dict[str, Any]:
    """The settings under the names of torchvision's constructors."""
    assert settings.canonical_scale != "auto"  # depends on the size of the images: see DetectorSettings.resolve
    sides = tuple((settings.anchor_scale * side,) for side in ANCHOR_SIDES)
    return {
        "canonical_scale": settings.canonical_scale,
        "rpn_anchor_generator": AnchorGenerator(sides, ((0.5, 1.0, 2.0),) * len(sides)),
        "rpn_pre_nms_top_n_train": settings.proposals_per_level,
        "rpn_pre_nms_top_n_test": max(1, settings.proposals_per_level // 2),
        "rpn_post_nms_top_n_train": settings.proposals,
        "rpn_post_nms_top_n_test": settings.proposals,
        "rpn_batch_size_per_image": settings.sampled_anchors,
        "box_batch_size_per_image": settings.sampled_boxes,
        "box_score_thresh": settings.score_threshold,
        "box_nms_thresh": settings.nms_threshold,
        "box_detections_per_img": settings.detections,
    }
