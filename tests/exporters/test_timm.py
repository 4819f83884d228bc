from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import timm
import torch

from codo.core.errors import InputError
from codo.exporters.timm import Timm
from codo.exporters.trunk import TrunkWeights
from codo.exporters.verify import verify
from codo.exporters.write import write_verified
from tests.exporters.usage import run_usage

BACKBONES = ["resnet18", "timm:test_efficientnet", "timm:test_convnext"]


@pytest.mark.parametrize("backbone", BACKBONES)
@torch.no_grad()
def test_usage_loads_every_tensor_and_computes_our_maps(
    backbone: str, make_trunk: Callable[..., TrunkWeights], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trunk, target = make_trunk(backbone=backbone, width=1.0), Timm()
    _, scope = run_usage(trunk, target, tmp_path, monkeypatch)
    model = scope["model"].eval()
    state = target.state(trunk)
    assert len(state) == len(trunk.encoder().backbone.state_dict())
    assert all(torch.equal(model.state_dict()[name], tensor) for name, tensor in state.items())
    images = torch.randn(1, 3, 64, 64)
    theirs = model.forward_intermediates(images, indices=1, intermediates_only=True)[-1]
    assert torch.allclose(trunk.encoder().backbone(images)[-1], theirs, atol=1e-5)


def test_what_lies_between_the_last_map_and_the_classifier_is_named(
    make_trunk: Callable[..., TrunkWeights], tmp_path: Path
) -> None:
    """An EfficientNet's last convolution is behind its last map: it stays random, and is not called backbone."""
    trunk, target = make_trunk(backbone="timm:test_efficientnet", width=1.0), Timm()
    counts = write_verified(trunk, target, tmp_path / "t.safetensors").counts()
    assert counts["backbone"][1:] == (0, 0, 0)
    assert counts["conv_head"][:2] == (0, 1)
    assert counts["classifier"][:2] == (0, 2)
    assert "`conv_head` (1 tensors)" in (tmp_path / "t.md").read_text()


def test_models_whose_maps_have_other_names_are_refused(
    make_trunk: Callable[..., TrunkWeights], tmp_path: Path
) -> None:
    trunk = make_trunk(backbone="timm:darknet17", width=1.0)
    with pytest.raises(InputError, match="timm names tensors of 'darknet17' differently") as caught:
        write_verified(trunk, Timm(), tmp_path / "t.safetensors")
    assert "--to safetensors" in caught.value.fix
    assert list(tmp_path.iterdir()) == []


def test_a_narrow_resnet_is_loaded_by_our_class(
    trunk: TrunkWeights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_verified(trunk, Timm(), Path("t.safetensors"))
    scope: dict[str, Any] = {}
    exec(Timm().usage(trunk, "t.safetensors"), scope)
    images = torch.randn(1, 3, 64, 64)
    theirs = scope["model"].eval()(images)[-1]
    assert torch.equal(trunk.encoder().backbone(images)[-1], theirs)


def test_without_timm_torchvisions_model_stands_in(
    make_trunk: Callable[..., TrunkWeights], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trunk = make_trunk(backbone="resnet18", width=1.0)
    assert timm.__version__
    monkeypatch.setitem(sys.modules, "timm", None)  # makes the import fail
    Timm().write(trunk, tmp_path / "t.safetensors")
    verified = verify(trunk, Timm(), tmp_path / "t.safetensors")
    assert "torchvision's `resnet18`" in verified.how
    assert verified.report.counts()["classifier"] == (0, 2, 0, 0)
