"""The backbone alone, as users of torchvision's classifiers load it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from codo.core.errors import InputError
from codo.exporters.resnet import ResNet
from codo.exporters.trunk import TrunkWeights
from tests.exporters.usage import run_usage


@pytest.mark.parametrize("settings", [{"backbone": "resnet18", "width": 1.0}, {}], ids=["torchvision's", "narrow"])
@torch.no_grad()
def test_usage_loads_every_tensor_and_computes_our_maps(
    settings: dict[str, Any], make_trunk: Callable[..., TrunkWeights], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trunk, target = make_trunk(**settings), ResNet()
    code, scope = run_usage(trunk, target, tmp_path, monkeypatch)
    assert ("codo" in code) == (trunk.model.width != 1)
    model = scope["model"].eval()
    assert all(torch.equal(model.state_dict()[name], tensor) for name, tensor in target.state(trunk).items())
    images = torch.randn(1, 3, 64, 64)
    theirs = model(images)[-1] if trunk.model.width != 1 else torch.nn.Sequential(*list(model.children())[:-2])(images)
    assert torch.allclose(trunk.encoder().backbone(images)[-1], theirs, atol=1e-5)


def test_other_backbones_are_sent_to_their_own_target(make_trunk: Callable[..., TrunkWeights]) -> None:
    with pytest.raises(InputError, match="is not a ResNet of torchvision") as caught:
        ResNet().state(make_trunk(backbone="timm:test_efficientnet", width=1.0))
    assert caught.value.fix == "use --to timm"
