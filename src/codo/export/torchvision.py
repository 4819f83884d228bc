"""torchvision's Faster and Mask R-CNN: their names, their structure, and detectors built around our trunks.

The file is a plain state dict with the trunk's tensors under torchvision's full names. With a ResNet-50 of full width,
256 pyramid channels and the ``4conv1fc`` head they are the names and shapes of ``fasterrcnn_resnet50_fpn_v2`` and
``maskrcnn_resnet50_fpn_v2``, RPN, predictors and mask head excepted (METHOD 1.10b)::

    backbone.*    -> backbone.body.*
    fpn.*         -> backbone.fpn.*
    box_head.*    -> roi_heads.box_head.*

Other trunks load into what `build_detector` builds: the same detector with their sizes.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models.detection import (
    FasterRCNN,
    MaskRCNN,
    fasterrcnn_resnet50_fpn_v2,
    maskrcnn_resnet50_fpn_v2,
)
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.models.detection.rpn import AnchorGenerator, RPNHead

from codo.export.target import Features, Target
from codo.export.trunk import Trunk
from codo.models.backbone import build_backbone
from codo.models.box_head import build_box_head, count_convolutions
from codo.models.encoder import PIXEL_MEAN, PIXEL_STD, ModelSettings
from codo.models.fpn import FPN
from codo.models.load_report import LoadReport, compare

CONSTRUCTORS = {"mask_rcnn": maskrcnn_resnet50_fpn_v2, "faster_rcnn": fasterrcnn_resnet50_fpn_v2}
"""torchvision's own detectors with the sizes of our standard trunk."""

NAMES = {"backbone": "backbone.body.", "fpn": "backbone.fpn.", "box_head": "roi_heads.box_head."}
"""Component of a trunk -> how its names begin in a detector."""

COMPONENTS = {
    **NAMES,
    "rpn": "rpn.",
    "box_predictor": "roi_heads.box_predictor.",
    "mask_head": "roi_heads.mask_head.",
    "mask_predictor": "roi_heads.mask_predictor.",
}
"""All components of a detector, as a load report lists them."""


class PyramidBackbone(nn.Module):
    """Backbone and FPN as torchvision's detectors want them: maps in a dictionary, P6 at its end.

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


def build_detector(model: ModelSettings, num_classes: int, masks: bool, **options: Any) -> FasterRCNN | MaskRCNN:
    """Build a torchvision detector around our backbone, FPN and box head; all weights are random.

    A convolutional head gives the structure of torchvision's ``*_v2`` detectors: two convolutions in the RPN,
    BatchNorm in the mask head. The ``2fc`` head gives that of their first versions: one, and none.

    Args:
        model: Settings of the trunk.
        num_classes: Number of classes, background included.
        masks: Mask R-CNN if true, else Faster R-CNN.
        **options: Passed on to the constructor of ``FasterRCNN`` (``min_size``, ``rpn_anchor_generator``, …).

    Raises:
        InputError: A backbone that needs a package which is missing.
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
        "image_mean": list(PIXEL_MEAN),
        "image_std": list(PIXEL_STD),
    }
    if not masks:
        return FasterRCNN(PyramidBackbone(model), **{**parts, **options})
    norm = nn.BatchNorm2d if second_version else None
    parts["mask_head"] = MaskRCNNHeads(channels, [channels] * 4, 1, norm_layer=norm)
    parts["mask_predictor"] = MaskRCNNPredictor(channels, channels, num_classes)
    return MaskRCNN(PyramidBackbone(model), **{**parts, **options})


def rename(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors of a trunk (or of an encoder, whose projection is left out) under the names of a detector."""
    return {
        NAMES[part] + name.removeprefix(f"{part}."): tensor
        for name, tensor in tensors.items()
        if (part := name.split(".")[0]) in NAMES
    }


def is_standard(model: ModelSettings) -> bool:
    """Whether torchvision's own ``*_resnet50_fpn_v2`` constructors have the sizes of this trunk."""
    standard = ModelSettings()
    sizes = {"backbone", "width", "fpn_channels", "head", "head_dim", "pyramid_norm"}
    return all(getattr(model, name) == getattr(standard, name) for name in sizes)


class Torchvision(Target):
    """A state dict that torchvision's detectors load with ``strict=False``."""

    @property
    def filename(self) -> str:
        """The same tensors for both detectors; the name tells which one was checked."""
        return f"torchvision_{self.detector}.pth"

    def write(self, trunk: Trunk, path: Path) -> None:
        """Write the state dict."""
        torch.save(rename(trunk.tensors), path)

    def rebuild(self, trunk: Trunk, path: Path) -> tuple[Features, LoadReport]:
        """Build the detector, by torchvision's own constructor where there is one, and load the file."""
        with torch.random.fork_rng(devices=[]):
            if is_standard(trunk.model):
                detector = CONSTRUCTORS[self.detector](weights=None, weights_backbone=None)
            else:
                detector = build_detector(trunk.model, 91, self.detector == "mask_rcnn")
        tensors = torch.load(path, map_location="cpu", weights_only=True)
        report = compare(detector.state_dict(), tensors, COMPONENTS)
        detector.load_state_dict(tensors, strict=False)
        detector.eval()

        def features(images: Tensor, pooled: Tensor) -> list[Tensor]:
            return [*list(detector.backbone(images).values())[:4], detector.roi_heads.box_head(pooled)]

        return features, report

    def usage(self, trunk: Trunk, name: str) -> str:
        """Python that loads the file called ``name``."""
        load = f'detector.load_state_dict(torch.load("{name}", weights_only=True), strict=False)\n'
        if is_standard(trunk.model):
            function = CONSTRUCTORS[self.detector].__name__
            return (
                f"import torch\nfrom torchvision.models.detection import {function}\n\n"
                f"detector = {function}(weights=None, weights_backbone=None, num_classes=91)\n{load}"
            )
        standard = ModelSettings()
        changed = {key: value for key, value in trunk.model if value != getattr(standard, key)}
        arguments = ", ".join(f"{key}={value!r}" for key, value in changed.items())
        return (
            "import torch\nfrom codo.export.torchvision import build_detector\n"
            f"from codo.models.encoder import ModelSettings\n\nmodel = ModelSettings({arguments})\n"
            f"detector = build_detector(model, num_classes=91, masks={self.detector == 'mask_rcnn'})\n{load}"
        )
