"""Every export against the names and shapes of the real model it is for (`codo.exporters.keys`)."""

from __future__ import annotations

from functools import cache
from importlib import resources

import pytest
import timm
import torch
from torchvision.models import detection, resnet50

from codo.exporters.detectron2 import COMPONENTS as DETECTRON2
from codo.exporters.detectron2 import Detectron2
from codo.exporters.keys import blueprint, read_keys
from codo.exporters.mmdet import COMPONENTS as MMDET
from codo.exporters.mmdet import MMDet
from codo.exporters.one_stage import COMPONENTS as ONE_STAGE
from codo.exporters.one_stage import OneStage
from codo.exporters.resnet import COMPONENTS as RESNET
from codo.exporters.resnet import ResNet
from codo.exporters.target import Target
from codo.exporters.timm import Timm
from codo.exporters.torchvision import COMPONENTS as TORCHVISION
from codo.exporters.torchvision import Torchvision
from codo.exporters.trunk import PARTS, TrunkWeights
from codo.models.encoder import Encoder, ModelSettings
from codo.models.load_report import LoadReport, compare

TWO_STAGE = ("backbone", "fpn", "box_head")


@cache
def trunk(head: str) -> TrunkWeights:
    """A ResNet-50 trunk of the paper's sizes; names and shapes are all that counts here."""
    model = ModelSettings.model_validate({"head": head})
    with torch.device("meta"):
        state = Encoder(model).state_dict()
    return TrunkWeights(model, {name: t for name, t in state.items() if name.split(".")[0] in PARTS}, "codo", 0)


CASES = [
    ("torchvision_maskrcnn_resnet50_fpn_v2", "4conv1fc", Torchvision("mask_rcnn"), TORCHVISION, TWO_STAGE),
    ("torchvision_fasterrcnn_resnet50_fpn_v2", "4conv1fc", Torchvision("faster_rcnn"), TORCHVISION, TWO_STAGE),
    ("torchvision_maskrcnn_resnet50_fpn", "2fc", Torchvision("mask_rcnn"), TORCHVISION, TWO_STAGE),
    ("torchvision_retinanet_resnet50_fpn_v2", "4conv1fc", OneStage("retinanet"), ONE_STAGE, ("backbone", "fpn")),
    ("torchvision_fcos_resnet50_fpn", "4conv1fc", OneStage("fcos"), ONE_STAGE, ("backbone", "fpn")),
    ("detectron2_mask_rcnn_R_50_FPN_4conv1fc_bn", "4conv1fc", Detectron2(), DETECTRON2, TWO_STAGE),
    ("detectron2_mask_rcnn_R_50_FPN", "2fc", Detectron2(), DETECTRON2, TWO_STAGE),
    ("mmdet_mask_rcnn_r50_fpn_4conv1fc_bn", "4conv1fc", MMDet(), MMDET, TWO_STAGE),
    ("torchvision_resnet50", "4conv1fc", ResNet(), RESNET, ("backbone",)),
    ("timm_resnet50", "4conv1fc", Timm(), RESNET, ("backbone",)),
]


def report(keys: str, head: str, target: Target, components: dict[str, str]) -> LoadReport:
    return compare(blueprint(read_keys(keys)), target.state(trunk(head)), components)


@pytest.mark.parametrize(("keys", "head", "target", "components", "whole"), CASES)
def test_nothing_is_unexpected_and_the_trunk_is_whole(
    keys: str, head: str, target: Target, components: dict[str, str], whole: tuple[str, ...]
) -> None:
    found = report(keys, head, target, components)
    assert found.unexpected == ()
    assert found.mismatched == {}
    for part, (matched, missing, _, _) in found.counts().items():
        assert bool(matched) == (part in whole)
        assert (missing == 0) == (part in whole), part


def test_the_lists_are_what_the_libraries_build() -> None:
    """Of those that can be imported here."""
    constructors = {
        "torchvision_maskrcnn_resnet50_fpn_v2": detection.maskrcnn_resnet50_fpn_v2,
        "torchvision_fasterrcnn_resnet50_fpn_v2": detection.fasterrcnn_resnet50_fpn_v2,
        "torchvision_maskrcnn_resnet50_fpn": detection.maskrcnn_resnet50_fpn,
        "torchvision_retinanet_resnet50_fpn_v2": detection.retinanet_resnet50_fpn_v2,
        "torchvision_fcos_resnet50_fpn": detection.fcos_resnet50_fpn,
    }
    built = {"torchvision_resnet50": resnet50(), "timm_resnet50": timm.create_model("resnet50")}
    with torch.device("meta"):
        built |= {name: make(weights=None, weights_backbone=None) for name, make in constructors.items()}
    for name, model in built.items():
        assert {key: tuple(tensor.shape) for key, tensor in model.state_dict().items()} == read_keys(name), name


def test_every_list_is_covered() -> None:
    lists = {file.name.removesuffix(".tsv") for file in (resources.files("codo.exporters") / "keys").iterdir()}
    assert lists - {"README.md"} == {case[0] for case in CASES}


def test_what_stays_random_is_named() -> None:
    for keys, head, target, components, whole in CASES:
        random = [
            part for part, (matched, *_) in report(keys, head, target, components).counts().items() if not matched
        ]
        assert random, keys  # nobody pretrains predictors
        assert set(random) <= set(target.random), (keys, whole)
