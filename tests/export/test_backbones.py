"""The exports of a backbone alone, as their users load them: torchvision's classifier and timm's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import timm
import torch

from codo.errors import InputError
from codo.export.resnet import ResNet
from codo.export.target import Target
from codo.export.timm import Timm
from codo.export.trunk import Trunk
from codo.export.verify import verify


@pytest.mark.parametrize("target", [ResNet(), Timm()], ids=["resnet", "timm"])
@pytest.mark.parametrize("width", [1.0, 0.125])
def test_usage_loads_every_tensor_and_computes_our_maps(
    target: Target, width: float, make_trunk: Callable[..., Trunk], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trunk = make_trunk(width=width)
    monkeypatch.chdir(tmp_path)
    target.write(trunk, Path(target.filename))
    scope: dict[str, Any] = {}
    exec(target.usage(trunk, target.filename), scope)
    model = scope["model"].eval()
    state = model.state_dict()
    assert all(torch.equal(state[name], tensor) for name, tensor in target.state(trunk).items())
    assert ("codo" in target.usage(trunk, target.filename)) == (width != 1)
    images = torch.randn(1, 3, 64, 64)
    last = trunk.encoder().backbone(images)[-1]
    if width != 1:
        theirs = model(images)[-1]
    elif target.filename.startswith("timm"):
        theirs = model.forward_features(images)
    else:
        theirs = torch.nn.Sequential(*list(model.children())[:-2])(images)
    assert torch.allclose(last, theirs, atol=1e-5)


def test_a_backbone_of_timm_goes_back_to_timm(make_trunk: Callable[..., Trunk], tmp_path: Path) -> None:
    name = "convnext_atto"
    trunk = make_trunk(backbone=f"timm:{name}", width=1.0)
    target = Timm()
    target.write(trunk, tmp_path / "t.safetensors")
    report = verify(trunk, target, tmp_path / "t.safetensors")  # builds timm's own model from the file
    assert report.counts()["backbone"][1:] == (0, 0, 0)
    assert set(target.state(trunk)) <= set(timm.create_model(name).state_dict())
    with pytest.raises(InputError, match="is no ResNet of torchvision"):
        ResNet().state(trunk)
