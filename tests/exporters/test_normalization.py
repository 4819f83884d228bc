"""Every export says how images were normalized in pretraining, and builds detectors that do the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors import safe_open

from codo.exporters.mmdet import MMDet
from codo.exporters.one_stage import build_one_stage
from codo.exporters.target import changed_settings
from codo.exporters.torchvision import build_detector
from codo.exporters.trunk import TrunkWeights
from codo.exporters.write import TARGETS, write_verified
from codo.models.encoder import ModelSettings
from codo.models.normalization import PIXEL_MEAN, PIXEL_STD

MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.3, 0.4)


@pytest.fixture
def own(make_trunk: Callable[..., TrunkWeights]) -> TrunkWeights:
    return make_trunk(mean=MEAN, std=STD)


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_every_page_says_it(own: TrunkWeights, target: str, tmp_path: Path) -> None:
    format_ = TARGETS[target]("mask_rcnn")
    out = tmp_path / format_.filename
    write_verified(own, format_, out)
    page = (out / "README.md" if target == "hub" else out.with_suffix(".md")).read_text()
    assert "minus (0.5, 0.4, 0.3), divided by (0.2, 0.3, 0.4)" in page
    texts = [path.read_text() for path in out.parent.glob("*.yaml")]
    for text in texts:
        model = yaml.safe_load(text)["MODEL"]
        assert model["PIXEL_MEAN"] == [127.5, 102.0, 76.5]
        assert model["PIXEL_STD"] == [51.0, 76.5, 102.0]
    assert len(texts) == (2 if target == "detectron2" else 0)


def test_mmdets_configuration_has_it(own: TrunkWeights, trunk: TrunkWeights) -> None:
    text = MMDet("mask_rcnn").companions(own, "x.pth")["x.py"]
    assert "mean=[127.5, 102.0, 76.5], std=[51.0, 76.5, 102.0], bgr_to_rgb=True" in text
    assert "ImageNet's statistics" not in text
    assert "mean=[123.675, 116.28, 103.53]" in MMDet("mask_rcnn").companions(trunk, "x.pth")["x.py"]


def test_headers_have_it(own: TrunkWeights, tmp_path: Path) -> None:
    write_verified(own, TARGETS["safetensors"]("mask_rcnn"), tmp_path / "trunk.safetensors")
    with safe_open(tmp_path / "trunk.safetensors", framework="pt") as file:
        assert json.loads(file.metadata()["normalization"]) == {"range": [0, 1], "mean": list(MEAN), "std": list(STD)}


@pytest.mark.parametrize("detector", ["mask_rcnn", "fcos"])
def test_the_code_on_the_page_builds_a_detector_with_it(
    full_trunk: Callable[[str], TrunkWeights], own: TrunkWeights, detector: Any
) -> None:
    """Constructors of torchvision take it as arguments; ours from the settings."""
    model = full_trunk("4conv1fc").model.model_copy(update={"mean": MEAN, "std": STD})
    standard = TrunkWeights(model, {}, "codo", 1)
    usage = TARGETS["torchvision"](detector).usage(standard, "x.pth")
    assert f"num_classes=91, image_mean={MEAN}, image_std={STD})" in usage
    assert "image_mean" not in TARGETS["torchvision"](detector).usage(
        TrunkWeights(full_trunk("4conv1fc").model, {}, "codo", 1), "x.pth"
    )
    assert f"mean={MEAN}, std={STD})" in TARGETS["torchvision"](detector).usage(own, "x.pth")
    build = build_detector(own.model, 3, False) if detector == "mask_rcnn" else build_one_stage(own.model, 3, "fcos")
    white = torch.full((3, 32, 32), 1.0)
    expected = torch.tensor([(1 - mean) / std for mean, std in zip(MEAN, STD, strict=True)])
    assert torch.allclose(build.transform.normalize(white)[:, 0, 0], expected)


def test_timms_transforms_are_told_what_timm_does_not_say(own: TrunkWeights) -> None:
    usage = TARGETS["timm"]("mask_rcnn").usage
    model = ModelSettings(backbone="timm:test_convnext", mean=(0.5,) * 3, std=(0.5,) * 3)
    assert "pretrained_cfg_overlay" not in usage(TrunkWeights(model, {}, "codo", 1), "x")
    other = usage(TrunkWeights(model.model_copy(update={"mean": MEAN}), {}, "codo", 1), "x")
    assert f"pretrained_cfg_overlay={{'mean': {MEAN}, 'std': (0.5, 0.5, 0.5)}})" in other


def test_settings_of_the_usual_normalization_are_not_repeated() -> None:
    assert changed_settings(ModelSettings(mean=PIXEL_MEAN, std=PIXEL_STD, head="2fc")) == "head='2fc'"
