from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from codo.core.errors import InputError
from codo.exporters.one_stage import OneStage
from codo.exporters.resnet import ResNet
from codo.exporters.safetensors import Safetensors
from codo.exporters.target import MAPS, changed_settings, covered, encoder_features, translate
from codo.exporters.torchvision import Torchvision
from codo.exporters.trunk import TrunkWeights
from codo.models.encoder import ModelSettings
from codo.models.pixel_rules import PixelSettings


def test_a_detector_that_the_target_does_not_know_is_refused() -> None:
    with pytest.raises(InputError, match="Torchvision exports do not support 'fcos'"):
        Torchvision("fcos")
    with pytest.raises(InputError, match="one of: retinanet, fcos"):
        OneStage("mask_rcnn")


def test_covered_is_what_both_have(trunk: TrunkWeights) -> None:
    backbone = TrunkWeights(trunk.model, {n: t for n, t in trunk.tensors.items() if n.startswith("backbone.")}, "m", 1)
    assert covered(Torchvision(), trunk) == ("backbone", "fpn", "box_head")
    assert covered(OneStage("fcos"), trunk) == ("backbone", "fpn")
    assert covered(Torchvision(), backbone) == covered(ResNet(), trunk) == ("backbone",)


def test_a_tensor_without_a_place_is_refused_not_dropped(trunk: TrunkWeights) -> None:
    assert set(translate(trunk, "resnet", ("backbone",))) == set(ResNet().state(trunk))
    with pytest.raises(InputError, match="torchvision or timm ResNet has no place for fpn"):
        translate(trunk, "resnet")


def test_changed_settings_rebuild_the_model(make_trunk: Callable[..., TrunkWeights]) -> None:
    for settings in ({}, {"head": "2fc", "fpn_norm": "bn"}, {"backbone": "resnet18", "width": 1.0}):
        model = make_trunk(**settings).model
        assert eval(f"ModelSettings({changed_settings(model)})", {"ModelSettings": ModelSettings}) == model


def test_how_files_become_colors_is_no_argument_of_the_model() -> None:
    """The code of an export page builds a network; the class of these settings is not imported there."""
    model = ModelSettings(head="2fc", pixels=PixelSettings(bands=(3, 2, 1)))
    assert changed_settings(model) == "head='2fc'"


def test_features_are_everything_before_the_projection(trunk: TrunkWeights) -> None:
    encoder = trunk.encoder()
    images, pooled = torch.randn(1, 3, 64, 64), torch.rand(2, 32, 7, 7)
    found = encoder_features(encoder)(images, pooled)
    assert tuple(found) == tuple(name for names in MAPS.values() for name in names)
    assert [tuple(found[f"P{level}"].shape) for level in (2, 3, 4, 5)] == [
        (1, 32, 64 >> n, 64 >> n) for n in (2, 3, 4, 5)
    ]
    assert torch.equal(found["P4"], encoder.features(images)[2])
    assert torch.equal(found["box head"], encoder.box_head(pooled))


def test_endings_matter_only_where_readers_look_at_them() -> None:
    assert Torchvision().weights(Path("any.thing")) == Path("any.thing")
    with pytest.raises(InputError, match=r"must end in \.safetensors"):
        Safetensors().weights(Path("trunk.pth"))
