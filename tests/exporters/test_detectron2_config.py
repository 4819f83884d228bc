from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from codo.exporters.detectron2 import Detectron2
from codo.exporters.detectron2_config import config
from codo.exporters.trunk import TrunkWeights
from codo.models.encoder import ModelSettings


def read(model: ModelSettings, *, masks: bool = True, length: int = 1) -> dict[str, Any]:
    values: dict[str, Any] = yaml.safe_load(config(model, "w.pkl", masks, length))
    return values


def test_the_protocol_of_method_1_8() -> None:
    values = read(ModelSettings())
    model = values["MODEL"]
    assert model["WEIGHTS"] == "w.pkl"
    assert model["PIXEL_MEAN"] == [123.675, 116.28, 103.53]
    assert model["PIXEL_STD"] == [58.395, 57.12, 57.375]
    assert model["BACKBONE"]["FREEZE_AT"] == 0
    resnet = model["RESNETS"]
    assert (resnet["DEPTH"], resnet["NORM"], resnet["STRIDE_IN_1X1"]) == (50, "SyncBN", False)
    assert (resnet["RES2_OUT_CHANNELS"], resnet["WIDTH_PER_GROUP"]) == (256, 64)
    assert model["FPN"]["NORM"] == "SyncBN"
    box = model["ROI_BOX_HEAD"]
    assert (box["NAME"], box["NUM_CONV"], box["NUM_FC"]) == ("FastRCNNConvFCHead", 4, 1)
    assert (box["NORM"], box["POOLER_RESOLUTION"], box["FC_DIM"]) == ("SyncBN", 7, 1024)
    mask = model["ROI_MASK_HEAD"]
    assert (mask["NAME"], mask["NUM_CONV"]) == ("MaskRCNNConvUpsampleHead", 4)
    assert (mask["NORM"], mask["POOLER_RESOLUTION"]) == ("SyncBN", 14)
    solver = values["SOLVER"]
    assert (solver["IMS_PER_BATCH"], solver["BASE_LR"], solver["WARMUP_ITERS"]) == (16, 0.02, 1000)
    assert (solver["STEPS"], solver["MAX_ITER"]) == ([60_000, 80_000], 90_000)
    assert values["INPUT"] == {"FORMAT": "RGB", "MIN_SIZE_TRAIN": [640, 672, 704, 736, 768, 800]}
    assert values["TEST"]["PRECISE_BN"]["ENABLED"] is True


def test_twice_as_long_without_masks() -> None:
    values = read(ModelSettings(), masks=False, length=2)
    assert (values["SOLVER"]["STEPS"], values["SOLVER"]["MAX_ITER"]) == ([120_000, 160_000], 180_000)
    assert values["MODEL"]["MASK_ON"] is False
    assert "ROI_MASK_HEAD" not in values["MODEL"]


@pytest.mark.parametrize("head", ["4conv1fc", "2fc"])
def test_the_overrides_for_one_gpu_name_every_norm_and_scale_with_the_batch(head: str) -> None:
    text = config(ModelSettings(head=head), "w.pkl", True, 1)
    comments = " ".join(line.removeprefix("#") for line in text.splitlines() if line.startswith("#   "))
    overrides = dict(re.findall(r'([A-Z][A-Z0-9_.]+) ("[^"]+"|\S+)', comments))
    scale = 16 // int(overrides["SOLVER.IMS_PER_BATCH"])
    values = yaml.safe_load(text)
    assert float(overrides["SOLVER.BASE_LR"]) * scale == values["SOLVER"]["BASE_LR"]
    assert int(overrides["SOLVER.MAX_ITER"]) == values["SOLVER"]["MAX_ITER"] * scale
    assert int(overrides["SOLVER.WARMUP_ITERS"]) == values["SOLVER"]["WARMUP_ITERS"] * scale
    assert overrides["SOLVER.STEPS"] == '"(480000, 640000)"'
    synchronized = {
        f"MODEL.{group}.NORM"
        for group, settings in values["MODEL"].items()
        if isinstance(settings, dict) and settings.get("NORM") == "SyncBN"
    }
    assert {name for name, value in overrides.items() if value == "BN"} == synchronized


def test_the_head_without_convolutions_has_two_layers_and_no_norm() -> None:
    model = read(ModelSettings(head="2fc"))["MODEL"]
    assert (model["ROI_BOX_HEAD"]["NUM_CONV"], model["ROI_BOX_HEAD"]["NUM_FC"]) == (0, 2)
    assert model["ROI_BOX_HEAD"]["NORM"] == model["ROI_MASK_HEAD"]["NORM"] == model["FPN"]["NORM"] == ""


@pytest.mark.parametrize(
    "settings",
    [{}, {"head": "2fc"}, {"fpn_norm": "none"}, {"backbone": "resnet18", "width": 1.0}],
    ids=["2conv1fc", "2fc", "no-norm", "resnet18"],
)
def test_the_sizes_are_those_of_the_tensors(settings: dict[str, Any], make_trunk: Callable[..., TrunkWeights]) -> None:
    trunk = make_trunk(**settings)
    model = read(trunk.model)["MODEL"]
    shapes = {name: tuple(tensor.shape) for name, tensor in Detectron2().state(trunk).items()}
    resnet, fpn, box = model["RESNETS"], model["FPN"], model["ROI_BOX_HEAD"]
    last = "conv2" if resnet["DEPTH"] == 18 else "conv3"
    assert shapes["backbone.bottom_up.stem.conv1.weight"][0] == resnet["STEM_OUT_CHANNELS"]
    assert shapes["backbone.bottom_up.res2.0.conv1.weight"][0] == resnet["WIDTH_PER_GROUP"]
    assert shapes[f"backbone.bottom_up.res2.0.{last}.weight"][0] == resnet["RES2_OUT_CHANNELS"]
    assert shapes["backbone.fpn_output5.weight"][0] == fpn["OUT_CHANNELS"]
    assert ("backbone.fpn_output5.norm.weight" in shapes) == bool(fpn["NORM"])
    assert shapes["roi_heads.box_head.fc1.weight"] == (
        box["FC_DIM"],
        (box["CONV_DIM"] if box["NUM_CONV"] else fpn["OUT_CHANNELS"]) * box["POOLER_RESOLUTION"] ** 2,
    )
    assert (f"roi_heads.box_head.fc{box['NUM_FC']}.weight" in shapes) == (box["NUM_FC"] > 0)
    assert ("roi_heads.box_head.conv1.norm.weight" in shapes) == bool(box["NORM"])
    assert (f"roi_heads.box_head.conv{box['NUM_CONV']}.weight" in shapes) == (box["NUM_CONV"] > 0)
