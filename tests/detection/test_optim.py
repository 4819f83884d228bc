"""The optimizer of detectors: which parameters decay, which are trained at all."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from codo.core.errors import InputError
from codo.detection.detector import Detector, DetectorSettings
from codo.detection.optim import DetectorOptimSettings, build_detector_optimizer
from codo.models.encoder import ModelSettings
from codo.optim.lr_factors import trained_parts
from codo.optim.optimizer import Schedule, set_lr

CPU = torch.device("cpu")


class Net(nn.Module):
    """A layer of each kind; the first one is frozen."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 1).requires_grad_(False)
        self.conv = nn.Conv2d(4, 4, 1)
        self.batch_norm, self.group_norm, self.layer_norm = nn.BatchNorm2d(4), nn.GroupNorm(2, 4), nn.LayerNorm(4)
        self.linear = nn.Linear(4, 2)


def names(net: nn.Module, group: dict[str, Any]) -> set[str]:
    ids = {id(parameter) for parameter in group["params"]}
    return {name for name, parameter in net.named_parameters() if id(parameter) in ids}


def test_normalization_layers_have_a_weight_decay_of_their_own() -> None:
    net = Net()
    settings = DetectorOptimSettings(weight_decay=0.1, norm_weight_decay=0.01, momentum=0.8, nesterov=True)
    plain, norms = build_detector_optimizer(net, settings, CPU).param_groups
    assert names(net, plain) == {"conv.weight", "conv.bias", "linear.weight", "linear.bias"}
    kinds = ("batch_norm", "group_norm", "layer_norm")
    assert names(net, norms) == {f"{kind}.{part}" for kind in kinds for part in ("weight", "bias")}
    assert (plain["weight_decay"], norms["weight_decay"]) == (0.1, 0.01)
    assert all(group["momentum"] == 0.8 and group["nesterov"] for group in (plain, norms))


def test_a_network_without_trained_norms_has_one_group() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2).requires_grad_(False))
    assert len(build_detector_optimizer(net, DetectorOptimSettings(), CPU).param_groups) == 1


def test_a_step_by_hand() -> None:
    """W - lr (g + decay w), with lr 0.1, g 1 and w 2."""
    net = nn.Linear(1, 1, bias=False)
    nn.init.constant_(net.weight, 2.0)
    optimizer = build_detector_optimizer(net, DetectorOptimSettings(lr=0.1, weight_decay=0.5, momentum=0.0), CPU)
    net(torch.ones(1, 1)).sum().backward()
    optimizer.step()
    assert net.weight.item() == pytest.approx(2 - 0.1 * (1 + 0.5 * 2))


def test_the_rate_is_quoted_for_16_images_and_scaled_linearly() -> None:
    settings = DetectorOptimSettings()
    rate = Schedule(settings, batch_size=4, steps=9000, per_epoch=100, reference=settings.reference_batch)
    assert rate.peak == pytest.approx(0.005)
    assert [rate(step) for step in (1000, 5999, 6000, 8000)] == pytest.approx([0.005, 0.005, 0.0005, 0.00005])


@pytest.mark.parametrize("given", [{"lars_biases": True}, {"lars_bias_lr_factor": 0.5}])
def test_settings_of_lars_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="detectors are trained by SGD"):
        DetectorOptimSettings.model_validate(given)


def test_parts_of_a_detector_have_factors_on_their_rates() -> None:
    model = ModelSettings(backbone="resnet18", width=0.125, fpn_channels=8, head="1conv1fc", head_dim=16)
    settings = DetectorOptimSettings(lr_factors={"backbone": 0.1, "rpn": 2.0}, norm_weight_decay=0.5)
    detector = Detector(model, DetectorSettings(), classes=2, masks=False)
    assert list(trained_parts(detector)) == ["backbone", "fpn", "rpn", "box_head", "roi_heads"]
    optimizer = build_detector_optimizer(detector, settings, CPU)
    set_lr(optimizer, 1.0, peak=1.0)
    found = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
    for name, parameter in detector.named_parameters():
        assert found[id(parameter)] == (0.1 if ".body." in name else 2.0 if ".rpn." in name else 1.0), name
    decays = {group["weight_decay"] for group in optimizer.param_groups if group.get("lr_factor") == 0.1}
    assert decays == {settings.weight_decay, 0.5}
    frozen = Detector(model, DetectorSettings(), classes=2, masks=False, freeze="backbone")
    with pytest.raises(InputError, match="the backbone is frozen"):
        build_detector_optimizer(frozen, settings, CPU)
