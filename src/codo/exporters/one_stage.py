"""torchvision's one-stage detectors: RetinaNet v2 and FCOS use the backbone and the pyramid from P3 up.

Their pyramid has only layers 2 to 4 as inputs, so their block 0 is our block 1, and P2 does not exist. P6 and P7 are
convolutions that pretraining does not have. P3, P4 and P5 do not depend on P2 and keep their values: BatchNorm, which
their pyramid lacks, is folded into the convolutions (see ``folding``). There is no box head.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models.detection import FCOS, RetinaNet, fcos_resnet50_fpn, retinanet_resnet50_fpn_v2
from torchvision.models.detection.retinanet import RetinaNetHead
from torchvision.models.detection.rpn import AnchorGenerator
from torchvision.ops import FeaturePyramidNetwork
from torchvision.ops.feature_pyramid_network import LastLevelP6P7

from codo.core.errors import InputError
from codo.exporters.folding import fold_pyramid
from codo.exporters.target import Rebuilt, Target, changed_normalization, changed_settings, save_torch, translate
from codo.exporters.torchvision import HINTS, backbone_maps
from codo.exporters.trunk import TrunkWeights
from codo.models.backbone import build_backbone
from codo.models.encoder import ModelSettings
from codo.models.load_report import compare

CONSTRUCTORS = {"retinanet": retinanet_resnet50_fpn_v2, "fcos": fcos_resnet50_fpn}
"""torchvision's constructors, with a ResNet-50 and 256 pyramid channels."""

COMPONENTS = {
    "backbone": "backbone.body.",
    "fpn": "backbone.fpn.",
    "extra_blocks": "backbone.fpn.extra_blocks.",
    "head": "head.",
}
"""Component of a one-stage detector -> prefix of its tensor names."""

RANDOM = {
    "extra_blocks": "P6 and P7 are convolutions here; the pretrained pyramid ends with P5",
    "head": "it is applied at every position of a map, the pretrained box head to pooled boxes; it depends on your "
    "classes",
}
"""Component -> why it stays random."""

_GROUPS = 32  # of the GroupNorm in both heads


class OneStageBackbone(nn.Module):
    """Backbone and FPN without norm layers: P3 to P5, then P6 and P7 by convolutions.

    Args:
        model: Settings of the trunk.
        p6_from_c5: Compute P6 from the backbone's last map (RetinaNet v2) instead of P5 (FCOS).
    """

    def __init__(self, model: ModelSettings, p6_from_c5: bool) -> None:
        super().__init__()
        self.body = build_backbone(model.backbone, model.width)
        self.out_channels = model.fpn_channels
        channels = self.body.channels[1:]
        extra = LastLevelP6P7(channels[-1] if p6_from_c5 else self.out_channels, self.out_channels)
        self.fpn = FeaturePyramidNetwork(list(channels), self.out_channels, extra_blocks=extra)

    def forward(self, images: Tensor) -> OrderedDict[str, Tensor]:
        """Images (B, 3, H, W) -> ``0`` to ``2`` (P3 to P5), ``p6`` and ``p7``, each (B, C, h, w)."""
        maps = self.body(images)[1:]
        pyramid: OrderedDict[str, Tensor] = self.fpn(OrderedDict((str(i), m) for i, m in enumerate(maps)))
        return pyramid


def build_one_stage(model: ModelSettings, num_classes: int, detector: str, **options: Any) -> RetinaNet | FCOS:
    """Build ``retinanet`` or ``fcos`` around our backbone and pyramid; all weights are random.

    Args:
        model: Settings of the trunk.
        num_classes: Number of classes, background included.
        detector: ``retinanet`` or ``fcos``.
        **options: Passed on to the constructor of ``RetinaNet`` or ``FCOS`` (``min_size``, …).

    Raises:
        InputError: The pyramid channels are not divisible by 32, the groups of these detectors' GroupNorm.
    """
    channels = model.fpn_channels
    if channels % _GROUPS:
        what = f"{detector} needs pyramid channels divisible by {_GROUPS}, the run has {channels}"
        raise InputError(what, where="--model", fix="use --model mask_rcnn or faster_rcnn")
    pixels = model.normalization
    options = {"image_mean": list(pixels.mean), "image_std": list(pixels.std), **options}
    if detector == "fcos":
        return FCOS(OneStageBackbone(model, p6_from_c5=False), num_classes, **options)
    octaves = tuple((side, int(side * 2 ** (1 / 3)), int(side * 2 ** (2 / 3))) for side in (32, 64, 128, 256, 512))
    anchors = AnchorGenerator(octaves, ((0.5, 1.0, 2.0),) * 5)
    norm = partial(nn.GroupNorm, _GROUPS)
    head = RetinaNetHead(channels, anchors.num_anchors_per_location()[0], num_classes, norm_layer=norm)
    head.regression_head._loss_type = "giou"  # besides the norm, the difference between v1 and v2
    return RetinaNet(
        OneStageBackbone(model, p6_from_c5=True), num_classes, anchor_generator=anchors, head=head, **options
    )


def is_standard(model: ModelSettings) -> bool:
    """Whether torchvision's constructors build the sizes of this trunk; norm and box head do not matter here."""
    return (model.backbone, model.width, model.fpn_channels) == ("resnet50", 1.0, 256)


class OneStage(Target):
    """A state dict that torchvision's RetinaNet v2 and FCOS load with ``strict=False``."""

    file = "torchvision_{detector}.pth"
    takes = ("backbone", "fpn")
    detectors = ("retinanet", "fcos")
    random = RANDOM

    def state(self, trunk: TrunkWeights) -> dict[str, Tensor]:
        """Backbone, and pyramid from P3 up with its BatchNorm folded."""
        tensors = fold_pyramid(trunk.tensors)
        finest = ("fpn.inner_blocks.0.", "fpn.layer_blocks.0.")
        kept = {name: tensor for name, tensor in tensors.items() if not name.startswith(finest)}
        coarse = TrunkWeights(trunk.model, kept, trunk.method, trunk.step)
        return translate(coarse, "torchvision_retinanet", self.takes)

    def write(self, trunk: TrunkWeights, path: Path) -> None:
        """Write the state dict."""
        save_torch(self.state(trunk), path)

    def rebuild(self, trunk: TrunkWeights, path: Path) -> Rebuilt:
        """Build the detector, with torchvision's constructor if possible, and load the file."""
        with torch.random.fork_rng(devices=[]):
            if is_standard(trunk.model):
                own = CONSTRUCTORS[self.detector]
                detector, builder = own(weights=None, weights_backbone=None), f"torchvision's `{own.__name__}`"
            else:
                detector, builder = build_one_stage(trunk.model, 91, self.detector), "`build_one_stage`"
        tensors = torch.load(path, map_location="cpu", weights_only=True)
        report = compare(detector.state_dict(), tensors, COMPONENTS)
        detector.load_state_dict(tensors, strict=False)
        detector.eval()

        def features(images: Tensor, _: Tensor) -> dict[str, Tensor]:
            maps = list(detector.backbone(images).values())[:3]
            return {**backbone_maps(detector.backbone.body, images), **dict(zip(("P3", "P4", "P5"), maps, strict=True))}

        return Rebuilt(features, report, f"The detector was built by {builder} and loaded this file.")

    def usage(self, trunk: TrunkWeights, name: str) -> str:
        """Python code that loads the file called ``name``."""
        load = f'detector.load_state_dict(torch.load("{name}", weights_only=True), strict=False)\n'
        if is_standard(trunk.model):
            function = CONSTRUCTORS[self.detector].__name__
            own_pixels = changed_normalization(trunk.model, "image_mean", "image_std")
            return (
                f"import torch\nfrom torchvision.models.detection import {function}\n\n{HINTS}"
                f"detector = {function}(weights=None, weights_backbone=None, num_classes=91{own_pixels})\n{load}"
            )
        return (
            "import torch\nfrom codo.exporters.one_stage import build_one_stage  # torchvision builds no such trunk\n"
            "from codo.models.encoder import ModelSettings\n\n"
            f"model = ModelSettings({changed_settings(trunk.model)})\n{HINTS}"
            f'detector = build_one_stage(model, num_classes=91, detector="{self.detector}")\n{load}'
        )

    def left_out(self, trunk: TrunkWeights) -> dict[str, str]:
        """P2, the box head, and the pyramid's BatchNorm."""
        reasons = {}
        if "fpn" in trunk.parts:
            reasons["P2 of the fpn (inner_blocks.0, layer_blocks.0)"] = "the detector's pyramid starts at P3"
            if trunk.model.pyramid_norm:
                reasons["BatchNorm of the fpn"] = (
                    "the detector's pyramid has none; it is folded into the convolutions, which gives the same maps in "
                    "evaluation mode, but no longer normalizes by the batch in training"
                )
        if "box_head" in trunk.parts:
            reasons["box_head"] = "one-stage detectors have none"
        return reasons
