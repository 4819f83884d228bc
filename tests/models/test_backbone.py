from __future__ import annotations

import sys

import pytest
import torch
import torchvision

from codo.core.errors import InputError
from codo.models.backbone import (
    STRIDES,
    TimmBackbone,
    build_backbone,
    check_backbone,
    input_side,
    scale_channels,
)


@pytest.mark.parametrize("name", ["resnet18", "resnet34", "resnet50", "resnet101"])
def test_names_and_shapes_are_those_of_torchvision(name: str) -> None:
    with torch.device("meta"):
        ours = build_backbone(name).state_dict()
        theirs = getattr(torchvision.models, name)().state_dict()
    shapes = {key: value.shape for key, value in theirs.items() if not key.startswith("fc.")}
    assert {key: value.shape for key, value in ours.items()} == shapes


def test_maps_are_those_of_torchvision() -> None:
    theirs = torchvision.models.resnet18().eval()
    ours = build_backbone("resnet18").eval()
    ours.load_state_dict(theirs.state_dict(), strict=False)
    images = torch.randn(1, 3, 64, 96)
    layers = ["layer1", "layer2", "layer3", "layer4"]
    expected = torchvision.models._utils.IntermediateLayerGetter(theirs, {layer: layer for layer in layers})(images)
    for ours_map, layer in zip(ours(images), layers, strict=True):
        assert torch.equal(ours_map, expected[layer])


@pytest.mark.parametrize(("name", "width"), [("resnet18", 0.25), ("resnet50", 0.125), ("resnet34", 0.5)])
def test_width_scales_the_stages_and_channels_tell_the_truth(name: str, width: float) -> None:
    backbone = build_backbone(name, width)
    maps = backbone(torch.randn(2, 3, 64, 64))
    assert tuple(m.shape[1] for m in maps) == backbone.channels
    assert [m.shape[2] for m in maps] == [64 // stride for stride in STRIDES]
    full = build_backbone(name).channels
    assert backbone.channels == tuple(int(c * width) for c in full)
    assert backbone.conv1.out_channels == 64


def test_channels_are_multiples_of_eight() -> None:
    assert [scale_channels(64, width) for width in (1.0, 0.5, 0.3, 0.01)] == [64, 32, 16, 8]


def test_unknown_names_are_refused_with_a_suggestion() -> None:
    with pytest.raises(InputError, match="did you mean 'resnet50'"):
        check_backbone("resnet5O")
    with pytest.raises(InputError, match="unknown backbone 'timm:'"):
        check_backbone("timm:")


@pytest.mark.parametrize("name", ["test_efficientnet", "dla34"])
def test_timm_model_gives_the_four_strides(name: str) -> None:
    """Also where timm counts its maps from 1, as for DLA."""
    backbone = build_backbone(f"timm:{name}")
    maps = backbone(torch.zeros(2, 3, 64, 64))
    assert [64 // m.shape[-1] for m in maps] == list(STRIDES)
    assert tuple(m.shape[1] for m in maps) == backbone.channels


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("timm:test_eficientnet", "did you mean 'test_efficientnet'"),
        ("timm:test_vit", "no feature maps of strides 4, 8, 16, 32"),
        ("timm:levit_conv_128s", "no feature maps of strides 4, 8, 16, 32"),
    ],
)
def test_unsuitable_timm_models_are_refused(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        build_backbone(name)


def test_weights_that_timm_does_not_have_are_said_to_be_missing() -> None:
    with pytest.raises(InputError, match="cannot get timm's weights of 'ghostnet_050'"):
        TimmBackbone("ghostnet_050", pretrained=True)


def test_input_side_is_what_the_model_takes() -> None:
    assert input_side("resnet50") == 128
    assert input_side("timm:swin_tiny_patch4_window7_224") == 224
    assert input_side("timm:maxvit_rmlp_pico_rw_256") == 256


def test_missing_timm_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)  # makes the import fail, installed or not
    with pytest.raises(InputError, match=r"pip install 'codo-detect\[timm\]'"):
        build_backbone("timm:convnext_tiny")


def test_width_is_for_resnets_only() -> None:
    with pytest.raises(InputError, match="not possible with a timm model"):
        build_backbone("timm:pyramid", width=0.5)
