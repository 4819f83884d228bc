"""torchvision's Faster and Mask R-CNN: export under their names, and detectors built around any CoDo trunk.

The file is a plain state dict with the trunk's tensors under torchvision's full names. With a ResNet-50 of full width,
256 pyramid channels and the ``4conv1fc`` head, names and shapes are those of ``fasterrcnn_resnet50_fpn_v2`` and
``maskrcnn_resnet50_fpn_v2``, except for RPN, predictors and mask head (docs/method.md#export); with the ``2fc`` head
they are those of the first versions. All other trunks load into the detector of `build_detector`, which has the same
structure with their sizes.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models.detection import (
    FasterRCNN,
    MaskRCNN,
    fasterrcnn_resnet50_fpn,
    fasterrcnn_resnet50_fpn_v2,
    maskrcnn_resnet50_fpn,
    maskrcnn_resnet50_fpn_v2,
)
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.models.detection.rpn import AnchorGenerator, RPNHead
from torchvision.ops import MultiScaleRoIAlign
from torchvision.ops.poolers import initLevelMapper

from codo.exporters.target import (
    MAPS,
    Rebuilt,
    Target,
    changed_normalization,
    changed_settings,
    save_torch,
    translate,
)
from codo.exporters.trunk import TrunkWeights
from codo.models.backbone import STRIDES, build_backbone
from codo.models.box_head import build_box_head, count_convolutions
from codo.models.encoder import ModelSettings
from codo.models.fpn import FPN
from codo.models.load_report import compare

CANONICAL_SCALE = 224.0
"""Side in pixels of the boxes that pool from P4, in torchvision and Detectron2; each octave is a level up or down."""

HINTS = (
    "# num_classes: your classes and one for the background. min_size, max_size: of your images; without them\n"
    "# torchvision enlarges to a short side of 800.\n"
)
"""Comment of the code that builds a detector."""

CONSTRUCTORS: dict[tuple[str, str], Callable[..., Any]] = {
    ("mask_rcnn", "4conv1fc"): maskrcnn_resnet50_fpn_v2,
    ("faster_rcnn", "4conv1fc"): fasterrcnn_resnet50_fpn_v2,
    ("mask_rcnn", "2fc"): maskrcnn_resnet50_fpn,
    ("faster_rcnn", "2fc"): fasterrcnn_resnet50_fpn,
}
"""torchvision's constructors by detector and box head; all have a ResNet-50 and 256 pyramid channels."""

COMPONENTS = {
    "backbone": "backbone.body.",
    "fpn": "backbone.fpn.",
    "box_head": "roi_heads.box_head.",
    "rpn": "rpn.",
    "box_predictor": "roi_heads.box_predictor.",
    "mask_head": "roi_heads.mask_head.",
    "mask_predictor": "roi_heads.mask_predictor.",
}
"""Component of a detector -> prefix of its tensor names, in the order of a load report."""

RANDOM = {
    "rpn": "it learns to localize objects from labeled boxes, which pretraining does not have",
    "box_predictor": "its size depends on your classes",
    "mask_head": "it learns from masks, which pretraining does not have",
    "mask_predictor": "its size depends on your classes",
}
"""Component of a two-stage detector -> why it stays random; the same in every library."""


class PyramidBackbone(nn.Module):
    """Backbone and FPN in the form that torchvision's detectors need: maps in a dictionary, P6 last.

    Args:
        model: Settings of the trunk.
    """

    def __init__(self, model: ModelSettings) -> None:
        super().__init__()
        self.body = build_backbone(model.backbone, model.width)
        self.fpn = FPN(self.body.channels, model.fpn_channels, model.pyramid_norm)
        self.out_channels = model.fpn_channels

    def forward(self, images: Tensor) -> OrderedDict[str, Tensor]:
        """Images (B, 3, H, W) -> ``0`` to ``3`` (P2 to P5) and ``pool`` (P6), each (B, C, h, w)."""
        maps = self.fpn(self.body(images))
        maps.append(F.max_pool2d(maps[-1], kernel_size=1, stride=2))
        return OrderedDict(zip(("0", "1", "2", "3", "pool"), maps, strict=True))


def build_detector(
    model: ModelSettings, num_classes: int, masks: bool, *, canonical_scale: float = CANONICAL_SCALE, **options: Any
) -> FasterRCNN | MaskRCNN:
    """Build a torchvision detector around CoDo's backbone, FPN and box head; all weights are random.

    With a convolutional box head, the structure is that of torchvision's ``*_v2`` detectors: two convolutions in the
    RPN, BatchNorm in the mask head. With the ``2fc`` head it is that of their first versions: one convolution in the
    RPN, no BatchNorm in the mask head.

    Args:
        model: Settings of the trunk.
        num_classes: Number of classes, background included.
        masks: Mask R-CNN if true, else Faster R-CNN.
        canonical_scale: Side in pixels of the boxes that box and mask head pool from P4.
        **options: Passed on to the constructor of ``FasterRCNN`` (``min_size``, ``rpn_anchor_generator``, …).

    Raises:
        InputError: The backbone needs a package that is not installed.
    """
    channels = model.fpn_channels
    second_version = count_convolutions(model.head) > 0
    anchors = options.pop("rpn_anchor_generator", None) or AnchorGenerator(
        tuple((side,) for side in (32, 64, 128, 256, 512)), ((0.5, 1.0, 2.0),) * 5
    )
    parts: dict[str, Any] = {
        "rpn_anchor_generator": anchors,
        "rpn_head": RPNHead(channels, anchors.num_anchors_per_location()[0], conv_depth=2 if second_version else 1),
        "box_head": build_box_head(model.head, channels, model.head_dim),
        "box_predictor": FastRCNNPredictor(model.head_dim, num_classes),
        "box_roi_pool": roi_pool(7, canonical_scale),
        "image_mean": list(model.normalization.mean),
        "image_std": list(model.normalization.std),
    }
    if not masks:
        return FasterRCNN(PyramidBackbone(model), **{**parts, **options})
    norm = nn.BatchNorm2d if second_version else None
    parts["mask_head"] = MaskRCNNHeads(channels, [channels] * 4, 1, norm_layer=norm)
    parts["mask_predictor"] = MaskRCNNPredictor(channels, channels, num_classes)
    parts["mask_roi_pool"] = roi_pool(14, canonical_scale)
    return MaskRCNN(PyramidBackbone(model), **{**parts, **options})


def roi_pool(cells: int, canonical_scale: float) -> MultiScaleRoIAlign:
    """The RoIAlign of torchvision's detectors, with the strides of CoDo's backbones.

    Left alone, it guesses the strides from the height of the first images that it sees, for all that follow, and takes
    half of them or less if padding has added 41% to it (`findings/torchvision_strides_of_the_first_image.sh`).

    Args:
        cells: Side of what is pooled from a box.
        canonical_scale: Side in pixels of the boxes that are pooled from P4.
    """
    size = {"canonical_scale": canonical_scale, "canonical_level": 4}
    pool = MultiScaleRoIAlign(["0", "1", "2", "3"], cells, 2, **size)
    pool.scales = [1 / stride for stride in STRIDES]
    pool.map_levels = initLevelMapper(2, 5, **size)  # P2 to P5
    return pool


def constructor(model: ModelSettings, detector: str) -> Callable[..., Any] | None:
    """Find torchvision's constructor for this detector with the sizes of this trunk, if there is one."""
    function = CONSTRUCTORS.get((detector, model.head))
    standard = ModelSettings(head=model.head)
    sizes = {"backbone", "width", "fpn_channels", "head_dim", "pyramid_norm"}
    return function if all(getattr(model, name) == getattr(standard, name) for name in sizes) else None


class Torchvision(Target):
    """A state dict that torchvision's two-stage detectors load with ``strict=False``."""

    file = "torchvision_{detector}.pth"
    detectors = ("mask_rcnn", "faster_rcnn")
    random = RANDOM

    def state(self, trunk: TrunkWeights) -> dict[str, Tensor]:
        """The trunk's tensors under torchvision's names."""
        return translate(trunk, "torchvision")

    def write(self, trunk: TrunkWeights, path: Path) -> None:
        """Write the state dict."""
        save_torch(self.state(trunk), path)

    def rebuild(self, trunk: TrunkWeights, path: Path) -> Rebuilt:
        """Build the detector, with torchvision's constructor if possible, and load the file."""
        with torch.random.fork_rng(devices=[]):
            if own := constructor(trunk.model, self.detector):
                detector, builder = own(weights=None, weights_backbone=None), f"torchvision's `{own.__name__}`"
            else:
                detector, builder = build_detector(trunk.model, 91, self.detector == "mask_rcnn"), "`build_detector`"
        tensors = torch.load(path, map_location="cpu", weights_only=True)
        report = compare(detector.state_dict(), tensors, COMPONENTS)
        detector.load_state_dict(tensors, strict=False)
        detector.eval()

        def features(images: Tensor, pooled: Tensor) -> dict[str, Tensor]:
            maps = backbone_maps(detector.backbone.body, images)
            maps |= zip(MAPS["fpn"], list(detector.backbone(images).values())[:4], strict=True)
            return {**maps, "box head": detector.roi_heads.box_head(pooled)}

        return Rebuilt(features, report, f"The detector was built by {builder} and loaded this file.")

    def usage(self, trunk: TrunkWeights, name: str) -> str:
        """Python code that loads the file called ``name``."""
        load = f'detector.load_state_dict(torch.load("{name}", weights_only=True), strict=False)\n'
        if own := constructor(trunk.model, self.detector):
            function = own.__name__
            own_pixels = changed_normalization(trunk.model, "image_mean", "image_std")
            return (
                f"import torch\nfrom torchvision.models.detection import {function}\n\n{HINTS}"
                f"detector = {function}(weights=None, weights_backbone=None, num_classes=91{own_pixels})\n{load}"
            )
        return (
            "import torch\nfrom codo.exporters.torchvision import build_detector  # torchvision builds no such trunk\n"
            "from codo.models.encoder import ModelSettings\n\n"
            f"model = ModelSettings({changed_settings(trunk.model)})\n{HINTS}"
            f"detector = build_detector(model, num_classes=91, masks={self.detector == 'mask_rcnn'})\n{load}"
        )


def backbone_maps(body: nn.Module, images: Tensor) -> dict[str, Tensor]:
    """The maps of a detector's backbone by name; the last is ``C5``, the first depends on the backbone."""
    maps = body(images)
    maps = list(maps.values()) if isinstance(maps, dict) else maps
    return dict(zip(MAPS["backbone"][-len(maps) :], maps, strict=True))
