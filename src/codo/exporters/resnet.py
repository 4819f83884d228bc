"""The backbone alone, for ``torchvision.models.resnet50`` and the other ResNets; ``fc`` stays random."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models import get_model

from codo.core.errors import InputError
from codo.exporters.target import MAPS, Features, Rebuilt, Target, save_torch, translate
from codo.exporters.trunk import TrunkWeights
from codo.models.backbone import ResNetBackbone
from codo.models.encoder import ModelSettings
from codo.models.load_report import compare

COMPONENTS = {"backbone": "", "classifier": "fc."}
"""Component of a classifier -> prefix of its tensor names."""

RANDOM = {"classifier": "its size depends on your classes"}

PLAIN = {
    "fpn": "a plain backbone has none",
    "box_head": "a plain backbone has none",
}
"""Part of a trunk -> why it is not in the file of a backbone."""


class BackboneTarget(Target):
    """A backbone alone: the same for all detectors; the classifier stays random."""

    takes = ("backbone",)
    random = RANDOM

    def __init__(self, detector: str = "mask_rcnn") -> None:
        super().__init__("mask_rcnn")

    def left_out(self, trunk: TrunkWeights) -> dict[str, str]:
        """All parts except the backbone."""
        return {part: reason for part, reason in PLAIN.items() if part in trunk.parts}


class ResNet(BackboneTarget):
    """A state dict under torchvision's names, which are also those of timm's ResNets."""

    file = "resnet.pth"  # for every ResNet; the page names the architecture

    def state(self, trunk: TrunkWeights) -> dict[str, Tensor]:
        """The backbone under torchvision's names.

        Raises:
            InputError: The backbone is not a ResNet.
        """
        if trunk.model.backbone.startswith("timm:"):
            raise InputError(
                f"'{trunk.model.backbone}' is not a ResNet of torchvision", where="--to", fix="use --to timm"
            )
        return translate(trunk, "resnet", self.takes)

    def write(self, trunk: TrunkWeights, path: Path) -> None:
        """Write the state dict."""
        save_torch(self.state(trunk), path)

    def rebuild(self, trunk: TrunkWeights, path: Path) -> Rebuilt:
        """Build torchvision's classifier and load the file."""
        model = build_resnet(trunk.model)
        tensors = torch.load(path, map_location="cpu", weights_only=True)
        report = compare(model.state_dict(), tensors, COMPONENTS)
        model.load_state_dict(tensors, strict=False)
        return Rebuilt(resnet_features(model), report, built_by(trunk.model))

    def usage(self, trunk: TrunkWeights, name: str) -> str:
        """Python code that loads the file called ``name``."""
        model = trunk.model
        if model.width == 1.0:
            build = f"from torchvision.models import {model.backbone}\n\nmodel = {model.backbone}(weights=None)\n"
        else:
            build = (
                "from codo.models.backbone import ResNetBackbone\n\n"
                f'model = ResNetBackbone("{model.backbone}", width={model.width})  # returns four maps\n'
            )
        load = f'model.load_state_dict(torch.load("{name}", weights_only=True), strict=False)\n'
        return f"import torch\n{build}{load}"


def build_resnet(model: ModelSettings) -> nn.Module:
    """Build torchvision's classifier with this backbone; for other widths, CoDo's backbone without ``fc``."""
    with torch.random.fork_rng(devices=[]):
        if model.width != 1.0:
            return ResNetBackbone(model.backbone, model.width)
        classifier: nn.Module = get_model(model.backbone, weights=None)
        return classifier


def built_by(model: ModelSettings) -> str:
    """A sentence on what `build_resnet` did."""
    builder = f"torchvision's `{model.backbone}`" if model.width == 1.0 else "`ResNetBackbone`"
    return f"The backbone was built by {builder} and loaded this file."


def resnet_features(model: Any) -> Features:
    """A function that computes the output of each stage of a ResNet, without the classifier."""
    model.eval()

    def features(images: Tensor, _: Tensor) -> dict[str, Tensor]:
        x = model.maxpool(model.relu(model.bn1(model.conv1(images))))
        maps = {}
        for name, stage in zip(MAPS["backbone"], (model.layer1, model.layer2, model.layer3, model.layer4), strict=True):
            maps[name] = x = stage(x)
        return maps

    return features
