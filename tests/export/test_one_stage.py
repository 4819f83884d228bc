from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torchvision.models import detection

from codo.errors import InputError
from codo.export.one_stage import OneStage, build_one_stage
from codo.export.trunk import Trunk
from codo.models.encoder import ModelSettings

DETECTORS = {"retinanet": detection.retinanet_resnet50_fpn_v2, "fcos": detection.fcos_resnet50_fpn}


@pytest.mark.parametrize("name", list(DETECTORS))
def test_detector_is_torchvisions_own(name: str) -> None:
    with torch.device("meta"):
        ours = build_one_stage(ModelSettings(), 7, name)
        theirs = DETECTORS[name](weights=None, weights_backbone=None, num_classes=7)
    assert {n: t.shape for n, t in ours.state_dict().items()} == {n: t.shape for n, t in theirs.state_dict().items()}
    assert ours.anchor_generator.sizes == theirs.anchor_generator.sizes
    assert ours.anchor_generator.aspect_ratios == theirs.anchor_generator.aspect_ratios


@pytest.mark.parametrize("name", list(DETECTORS))
def test_usage_loads_gives_our_maps_and_trains(
    name: Any, make_trunk: Callable[..., Trunk], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trunk, target = make_trunk(fpn_channels=32), OneStage(name)
    monkeypatch.chdir(tmp_path)
    target.write(trunk, Path(target.filename))
    scope: dict[str, Any] = {}
    exec(target.usage(trunk, target.filename), scope)
    detector = scope["detector"].eval()
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        ours, theirs = trunk.encoder().features(images), list(detector.backbone(images).values())
    for p_ours, p_theirs in zip(ours[1:], theirs[:3], strict=True):  # P3 to P5
        assert torch.allclose(p_ours, p_theirs, atol=1e-5)
    detector.transform.min_size, detector.transform.max_size = (64,), 64
    detector.train()
    truth = {"boxes": torch.tensor([[5.0, 5.0, 40.0, 50.0]]), "labels": torch.tensor([1])}
    losses = detector([torch.rand(3, 64, 64)] * 2, [truth] * 2)
    sum(losses.values()).backward()
    assert detector.backbone.body.conv1.weight.grad.abs().sum() > 0


def test_what_does_not_go_over_is_said(make_trunk: Callable[..., Trunk]) -> None:
    left = OneStage("fcos").left_out(make_trunk(fpn_channels=32))
    assert [what.split()[0] for what in left] == ["P2", "BatchNorm", "box_head"]
    assert "BatchNorm of the fpn" not in OneStage("fcos").left_out(make_trunk(fpn_channels=32, fpn_norm="none"))


def test_channels_that_do_not_fit_the_group_norm_are_refused(trunk: Trunk, tmp_path: Path) -> None:
    target = OneStage("fcos")
    target.write(trunk, tmp_path / "t.pth")
    with pytest.raises(InputError, match="divide by 32, the run has 16"):
        target.rebuild(trunk, tmp_path / "t.pth")
