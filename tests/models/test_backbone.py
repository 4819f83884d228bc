from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import pytest
import torch
import torchvision
from torch import Tensor, nn

from codo.errors import InputError
from codo.models.backbone import STRIDES, build_backbone, check_backbone, scale_channels


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


def fake_timm(strides: list[int]) -> ModuleType:
    """As much of timm as is used: two models, of which ``pyramid`` has maps of the given strides."""

    class Features(nn.Module):
        def __init__(self, out_indices: tuple[int, ...]) -> None:
            super().__init__()
            self.chosen = [strides[i] for i in out_indices]
            self.convolutions = nn.ModuleList(nn.Conv2d(3, s, s, stride=s) for s in self.chosen)
            self.feature_info = SimpleNamespace(reduction=lambda: self.chosen, channels=lambda: self.chosen)

        def forward(self, images: Tensor) -> list[Tensor]:
            return [convolution(images) for convolution in self.convolutions]

    def create_model(
        name: str, features_only: bool, out_indices: tuple[int, ...] | None = None, pretrained: bool = False
    ) -> nn.Module:
        assert features_only
        if pretrained:
            raise ConnectionError("no route to the hub")
        if name == "flat":
            raise RuntimeError("features_only not implemented for Flat models.")
        return Features(out_indices or tuple(range(len(strides))))

    module = ModuleType("timm")
    module.create_model = create_model  # type: ignore[attr-defined]
    module.is_model = lambda name: name in ("pyramid", "flat")  # type: ignore[attr-defined]
    module.list_models = lambda: ["pyramid", "flat"]  # type: ignore[attr-defined]
    return module


def test_timm_model_gives_the_four_strides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", fake_timm([2, 4, 8, 16, 32]))
    backbone = build_backbone("timm:pyramid")
    assert backbone.channels == STRIDES
    assert [m.shape[-1] for m in backbone(torch.zeros(1, 3, 64, 64))] == [16, 8, 4, 2]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("timm:pyramyd", "did you mean 'pyramid'"),
        ("timm:flat", "no feature maps of strides 4, 8, 16, 32"),
        ("timm:pyramid", "no feature maps of strides 4, 8, 16, 32"),
    ],
)
def test_unsuitable_timm_models_are_refused(name: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", fake_timm([8, 16, 32]))
    with pytest.raises(InputError, match=message):
        build_backbone(name)


def test_missing_timm_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)  # makes the import fail, installed or not
    with pytest.raises(InputError, match=r"pip install 'codo-detect\[timm\]'"):
        build_backbone("timm:convnext_tiny")


def test_width_is_for_resnets_only() -> None:
    with pytest.raises(InputError, match="not possible with a timm model"):
        build_backbone("timm:pyramid", width=0.5)
