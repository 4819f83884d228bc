"""Stages of a backbone that finetuning freezes, of ResNets and of timm's models."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from codo.detection.frozen_stages import stages_to_freeze
from codo.models.backbone import build_backbone


def frozen(body: nn.Module, count: int) -> set[str]:
    """Names of the parameters of the modules that are frozen."""
    chosen = {id(parameter) for module in stages_to_freeze(body, count) for parameter in module.parameters()}
    return {name for name, parameter in body.named_parameters() if id(parameter) in chosen}


def test_stages_of_a_resnet_are_its_layers() -> None:
    body = build_backbone("resnet18", 0.125)
    prefixes = ["conv1", "bn1", "layer1", "layer2", "layer3", "layer4"]
    for count in range(6):
        expected = tuple(f"{one}." for one in (prefixes[: count + 1] if count else []))
        assert frozen(body, count) == {name for name, _ in body.named_parameters() if name.startswith(expected)}
    assert stages_to_freeze(body, "backbone") == [body]


@pytest.mark.parametrize(
    ("name", "stem", "stages"),
    [
        ("test_convnext", ("stem_",), [(f"stages_{i}.",) for i in range(4)]),
        (
            "test_efficientnet",
            ("conv_stem.", "bn1."),
            [("blocks.0.", "blocks.1."), *((f"blocks.{i}.",) for i in (2, 3, 5))],
        ),
    ],
)
def test_stages_of_timms_models_are_what_their_maps_depend_on(
    name: str, stem: tuple[str, ...], stages: list[tuple[str, ...]]
) -> None:
    body = build_backbone(f"timm:{name}")
    names = [key.removeprefix("model.") for key, _ in body.named_parameters()]
    sizes = []
    for count in range(1, 6):
        found = {key.removeprefix("model.") for key in frozen(body, count)}
        sizes.append(len(found))
        own = stem + tuple(prefix for stage in stages[: count - 1] for prefix in stage)
        assert {key for key in names if key.startswith(own)} <= found
        later = tuple(prefix for stage in stages[count - 1 :] for prefix in stage)
        assert not any(key.startswith(later) for key in found if later)
    assert sizes == sorted(set(sizes))
    assert sizes[-1] == len(names)


def test_looking_for_stages_changes_nothing() -> None:
    body = build_backbone("timm:test_efficientnet").train()
    before = {name: tensor.clone() for name, tensor in body.state_dict().items()}
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    modules = stages_to_freeze(body, 3)
    assert torch.equal(torch.rand(1), expected)
    assert all(torch.equal(tensor, before[name]) for name, tensor in body.state_dict().items())
    assert body.training
    assert all(parameter.grad is None for module in modules for parameter in module.parameters())
