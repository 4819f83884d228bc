"""Learning rates of parts: which parameters they reach, steps by hand, and wrong names."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from codo.contrast.infonce import ContrastSettings
from codo.core.config import resolve
from codo.core.errors import InputError
from codo.methods.base import Method, Setup
from codo.methods.freezing import freeze, frozen_parameters
from codo.methods.registry import build_method, find_method, own_settings
from codo.models.encoder import ModelSettings
from codo.optim.lr_factors import trained_parts
from codo.optim.optimizer import OptimSettings, build_optimizer, set_lr

MODEL = ModelSettings(backbone="resnet18", width=0.125, fpn_channels=8, head="1conv1fc", head_dim=16, embedding_dim=8)
CPU = torch.device("cpu")


def method(name: str = "codo", **options: Any) -> Method:
    torch.manual_seed(0)
    contrast = ContrastSettings(queue=16, bn_groups=2)
    return build_method(name, Setup(MODEL, contrast, own_settings(find_method(name), options), batch_size=8))


def rates(made: torch.nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, float]:
    """Parameter name -> learning rate."""
    found = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
    return {name: found[id(p)] for name, p in made.named_parameters() if id(p) in found}


@pytest.mark.parametrize("kind", ["sgd", "lars"])
def test_a_factor_scales_the_steps_of_its_part(kind: str) -> None:
    """The same gradients with and without factors: a step is longer by the factor, to the last digits."""
    settings = OptimSettings.model_validate({"kind": kind, "lr_factors": {"backbone": 0.1, "projection": 4.0}})
    made, plain = method(), method()
    ours = build_optimizer(made, settings, CPU)
    theirs = build_optimizer(plain, settings.model_copy(update={"lr_factors": {}}), CPU)
    before = {name: value.detach().clone() for name, value in made.named_parameters()}
    for one, optimizer in ((made, ours), (plain, theirs)):
        draw = torch.Generator().manual_seed(1)
        for parameter in one.parameters():
            if parameter.requires_grad:
                parameter.grad = torch.randn(parameter.shape, generator=draw)
        set_lr(optimizer, 0.5, peak=1.0)
        optimizer.step()
    for (name, value), other in zip(made.named_parameters(), plain.parameters(), strict=True):
        factor = 0.1 if ".backbone." in name else 4.0 if ".projection." in name else 1.0
        expected = factor * (other - before[name])
        assert torch.allclose(value - before[name], expected, rtol=1e-3, atol=1e-6), name
        assert bool(expected.any()) == name.startswith("query."), name


def test_biases_and_norms_have_a_factor_of_their_own() -> None:
    """With the factor of their part: Barlow Twins' rates of 0.2 and 0.0048, and a backbone at a tenth of both."""
    given = {"kind": "lars", "lr": 0.2, "lars_bias_lr_factor": 0.024, "lr_factors": {"backbone": 0.1}}
    made = method()
    optimizer = build_optimizer(made, OptimSettings.model_validate(given), CPU)
    set_lr(optimizer, 0.2, peak=0.2)
    found = rates(made, optimizer)
    dims = {name: p.dim() for name, p in made.named_parameters()}
    for name, rate in found.items():
        part = 0.1 if ".backbone." in name else 1.0
        assert rate == pytest.approx(part * (0.0048 if dims[name] == 1 else 0.2)), name
    assert len({round(rate, 9) for rate in found.values()}) == 4


def test_the_schedule_keeps_factors() -> None:
    made = method()
    optimizer = build_optimizer(made, OptimSettings(lr_factors={"fpn": 0.25}), CPU)
    for lr in (0.4, 0.2):
        set_lr(optimizer, lr, peak=1.0)
        found = rates(made, optimizer)
        assert {rate for name, rate in found.items() if ".fpn." in name} == {0.25 * lr}
        assert {rate for name, rate in found.items() if ".fpn." not in name} == {lr}


def test_a_constant_rate_has_its_factor_too() -> None:
    made = method("simsiam", hidden=8, bottleneck=4)
    factors = OptimSettings(lr_factors={"predictor": 10.0})
    optimizer = build_optimizer(made, factors, CPU, constant_lr=made.constant_lr_modules())
    set_lr(optimizer, 0.1, peak=1.0)
    assert {rate for name, rate in rates(made, optimizer).items() if name.startswith("predictor")} == {10.0}


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("codo", ["backbone", "fpn", "box_head", "projection"]),
        ("moco_v2", ["backbone", "projection"]),
        ("byol", ["backbone", "projection", "predictor"]),
        ("soco", ["backbone", "fpn", "box_head", "projection", "predictor"]),
        ("orl", ["backbone", "projection", "predictor", "intra", "inter"]),
        ("swav", ["backbone", "projection", "prototypes"]),
    ],
)
def test_parts_of_methods(name: str, parts: list[str]) -> None:
    made = method(name, **({"hidden": 8} if name in ("byol", "soco", "orl", "swav") else {}))
    found = trained_parts(made)
    assert list(found) == parts
    assert sum(map(len, found.values())) == sum(parameter.requires_grad for parameter in made.parameters())


def test_wrong_factors_are_explained() -> None:
    made = method()
    with pytest.raises(InputError, match="no part 'bakbone'") as caught:
        build_optimizer(made, OptimSettings(lr_factors={"bakbone": 0.1}), CPU)
    assert "did you mean 'backbone'?" in caught.value.fix
    with pytest.raises(InputError, match="no part 'q'") as caught:
        build_optimizer(made, OptimSettings(lr_factors={"q": 0.1}), CPU)
    assert caught.value.fix == "one of: backbone, fpn, box_head, projection"
    with pytest.raises(InputError, match="learning rate of 0") as caught:
        resolve(OptimSettings, None, {"lr_factors": {"backbone": 0}})
    assert "model.freeze=[backbone]" in caught.value.fix
    with pytest.raises(InputError, match="the factor of fpn must be a positive number"):
        resolve(OptimSettings, None, {"lr_factors.fpn": -1})


def test_a_frozen_part_has_no_learning_rate_until_it_is_trained() -> None:
    made, settings = method(), OptimSettings(lr_factors={"backbone": 0.1})
    unfrozen = [len(group["params"]) for group in build_optimizer(made, settings, CPU).param_groups]
    freeze(made, ["backbone"])
    with pytest.raises(InputError, match="the backbone is frozen"):
        build_optimizer(made, settings, CPU)
    optimizer = build_optimizer(made, settings, CPU, later=frozen_parameters(made))
    assert [len(group["params"]) for group in optimizer.param_groups] == unfrozen
