from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torchvision.models import detection

from codo.core.errors import InputError
from codo.exporters.one_stage import OneStage, build_one_stage
from codo.exporters.trunk import TrunkWeights
from codo.models.encoder import ModelSettings
from tests.exporters.detectors import train_step
from tests.exporters.oracle import assert_same
from tests.exporters.usage import run_usage

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
def test_torchvisions_own_detector_has_our_maps_and_trains(
    name: Any, full_trunk: Callable[[str], TrunkWeights], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector = load(full_trunk("4conv1fc"), name, tmp_path, monkeypatch)
    assert_our_maps(detector, full_trunk("4conv1fc"))
    moved = train_step(detector)
    assert {"backbone.body.conv1.weight", "backbone.fpn.inner_blocks.0.0.weight"} <= moved.keys()


@pytest.mark.parametrize("settings", [{}, {"head": "2fc"}, {"backbone": "resnet18"}])
@pytest.mark.parametrize("name", list(DETECTORS))
def test_other_trunks_are_loaded_into_what_build_one_stage_builds(
    name: Any,
    settings: dict[str, Any],
    make_trunk: Callable[..., TrunkWeights],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trunk = make_trunk(**settings)
    assert_our_maps(load(trunk, name, tmp_path, monkeypatch), trunk)


def load(trunk: TrunkWeights, name: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """By the code of the page, as it stands."""
    code, scope = run_usage(trunk, OneStage(name), folder, monkeypatch)
    assert ("codo" in code) == (trunk.model.width != 1.0)
    return scope["detector"]


@torch.no_grad()
def assert_our_maps(detector: Any, trunk: TrunkWeights) -> None:
    detector.eval()
    images = torch.randn(1, 3, 96, 64)
    ours = dict(zip(("P2", "P3", "P4", "P5"), trunk.encoder().features(images), strict=True))
    theirs = dict(zip(("P3", "P4", "P5"), list(detector.backbone(images).values())[:3], strict=True))
    assert_same(ours, theirs, ("P3", "P4", "P5"))


def test_what_does_not_go_over_is_said(make_trunk: Callable[..., TrunkWeights]) -> None:
    left = OneStage("fcos").left_out(make_trunk())
    assert [what.split()[0] for what in left] == ["P2", "BatchNorm", "box_head"]
    assert "BatchNorm of the fpn" not in OneStage("fcos").left_out(make_trunk(fpn_norm="none"))


def test_channels_that_do_not_fit_the_group_norm_are_refused(
    make_trunk: Callable[..., TrunkWeights], tmp_path: Path
) -> None:
    trunk, target = make_trunk(fpn_channels=16), OneStage("fcos")
    target.write(trunk, tmp_path / "t.pth")
    with pytest.raises(InputError, match="divisible by 32, the run has 16"):
        target.rebuild(trunk, tmp_path / "t.pth")
