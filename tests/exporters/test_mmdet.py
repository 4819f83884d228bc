from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from codo.exporters.mmdet import MMDet
from codo.exporters.target import encoder_features
from codo.exporters.trunk import TrunkWeights
from tests.exporters.oracle import MMDET, Oracle, assert_same

TRUNKS: list[dict[str, Any]] = [
    {"head": "4conv1fc"},
    {"head": "2fc"},
    {"head": "2conv1fc", "fpn_norm": "none"},
    {"backbone": "resnet18"},
]


def test_the_file_is_a_checkpoint_without_code(trunk: TrunkWeights, tmp_path: Path) -> None:
    MMDet().write(trunk, tmp_path / "m.pth")
    content = torch.load(tmp_path / "m.pth", weights_only=True)
    assert set(content) == {"state_dict", "meta"}
    assert torch.equal(content["state_dict"]["backbone.conv1.weight"], trunk.tensors["backbone.conv1.weight"])
    assert content["meta"]["step"] == 12


@pytest.mark.parametrize("settings", TRUNKS, ids=lambda s: "-".join(map(str, s.values())))
@torch.no_grad()
def test_mmdets_detector_computes_our_features(
    settings: dict[str, Any], make_trunk: Callable[..., TrunkWeights], tmp_path: Path
) -> None:
    trunk = make_trunk(**settings)
    MMDet().write(trunk, tmp_path / "m.pth")
    tensors = torch.load(tmp_path / "m.pth", weights_only=True)["state_dict"]
    oracle = Oracle(tensors, MMDET, int(trunk.model.backbone.removeprefix("resnet")), False, set())
    images, pooled = torch.randn(1, 3, 96, 64), torch.rand(3, trunk.model.fpn_channels, 7, 7)
    convolutions = int(trunk.model.head[0]) if "conv" in trunk.model.head else 0
    found = oracle.run(images, pooled, convolutions, layers=1 if convolutions else 2)
    expected = encoder_features(trunk.encoder())(images, pooled)
    assert_same(expected, found, tuple(expected))
    assert oracle.read == {name for name in tensors if not name.endswith("num_batches_tracked")}
