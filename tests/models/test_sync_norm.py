from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from codo.models.backbone import build_backbone
from codo.models.sync_norm import synchronize_norms


@pytest.mark.parametrize(
    "name", ["resnet18", "timm:efficientnet_lite0", "timm:regnety_002", "timm:mobilenetv3_small_050"]
)
@pytest.mark.parametrize("training", [True, False])
def test_a_converted_backbone_computes_the_same_in_one_process(name: str, training: bool) -> None:
    """Torch's conversion alone leaves out the activation functions of timm's norms."""
    torch.manual_seed(0)
    plain = build_backbone(name, 0.25 if name == "resnet18" else 1.0).train(training)
    converted = synchronize_norms(copy.deepcopy(plain))
    norms = [one for one in converted.modules() if isinstance(one, nn.modules.batchnorm._BatchNorm)]
    assert norms
    assert all(isinstance(one, nn.SyncBatchNorm) for one in norms)
    assert list(converted.state_dict()) == list(plain.state_dict())
    images = torch.rand(2, 3, 64, 64)
    for map_, expected in zip(converted(images), plain(images), strict=True):
        assert torch.equal(map_, expected)
