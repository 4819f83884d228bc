"""Learning rates against tables computed by hand."""

from __future__ import annotations

import math

import pytest
import torch

from codo.core.config import resolve
from codo.core.errors import InputError
from codo.optim.optimizer import OptimSettings, Schedule, build_optimizer, check_milestones, set_lr
from codo.training.pretrain_settings import PretrainSettings


def schedule(steps: int = 100, per_epoch: int = 10, batch_size: int = 256, **settings: object) -> Schedule:
    return Schedule(OptimSettings.model_validate(settings), batch_size=batch_size, steps=steps, per_epoch=per_epoch)


@pytest.mark.parametrize(("rule", "expected"), [("none", 0.03), ("linear", 0.12), ("sqrt", 0.06)])
def test_scaling_of_the_paper_batch(rule: str, expected: float) -> None:
    """0.03 at 256 images (MoCo v2) becomes the paper's 0.06 at 1024 by the square root (docs/method.md#a7)."""
    assert schedule(batch_size=1024, lr=0.03, lr_scaling=rule)(0) == pytest.approx(expected)


def test_cosine_changes_once_an_epoch() -> None:
    rates = [schedule(lr=1.0)(step) for step in range(100)]
    for epoch in range(10):
        assert set(rates[epoch * 10 : epoch * 10 + 10]) == {0.5 * (1 + math.cos(math.pi * epoch / 10))}


def test_cosine_per_step_by_hand() -> None:
    course = schedule(lr=1.0, schedule="cosine_step")
    assert [course(step) for step in (0, 25, 50, 75, 100)] == pytest.approx([1, 0.853553, 0.5, 0.146447, 0], abs=1e-6)


def test_warmup_is_linear_and_then_gone() -> None:
    course = schedule(lr=1.0, schedule="constant", warmup_steps=10, warmup_factor=0.1)
    assert [course(step) for step in (0, 5, 10, 11)] == pytest.approx([0.1, 0.55, 1.0, 1.0])


def test_the_longer_warmup_counts() -> None:
    assert schedule(warmup_epochs=1.5, warmup_steps=3).warmup == 15


def test_milestones_of_the_1x_schedule() -> None:
    """Drops at 60k and 80k of 90k steps, neither one early nor one late."""
    course = schedule(steps=90_000, lr=0.02, schedule="multistep")
    rates = [course(step) for step in (0, 59_999, 60_000, 79_999, 80_000, 89_999)]
    assert rates == pytest.approx([0.02, 0.02, 0.002, 0.002, 0.0002, 0.0002])


@pytest.mark.parametrize("milestones", [(60000, 80000), (0.5, 1), (0,)])
def test_milestones_in_steps_are_refused(milestones: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match="is no fraction of the run"):
        check_milestones(OptimSettings(schedule="multistep", milestones=milestones))
    check_milestones(OptimSettings(schedule="multistep"))
    check_milestones(OptimSettings(schedule="cosine", milestones=milestones))


def test_a_cosine_of_few_epochs_is_told() -> None:
    assert schedule(steps=50).warning() is schedule(steps=21).warning() is None
    assert "the run has 2 of them: it ends at 50% of its peak" in (schedule(steps=20).warning() or "")
    assert schedule(steps=20, schedule="cosine_step").warning() is None


def test_only_trained_parameters_are_optimized() -> None:
    model = torch.nn.Linear(2, 2)
    model.bias.requires_grad_(False)
    optimizer = build_optimizer(model, OptimSettings(), torch.device("cpu"))
    assert [p.shape for p in optimizer.param_groups[0]["params"]] == [(2, 2)]
    set_lr(optimizer, 0.5, peak=1.0)
    model(torch.ones(1, 2)).sum().backward()
    before = model.weight.detach().clone()
    optimizer.step()
    # One plain step of SGD with weight decay 1e-4.
    assert torch.allclose(model.weight, before - 0.5 * (1 + 1e-4 * before))


def test_fixed_modules_keep_the_peak() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Linear(3, 2))
    optimizer = build_optimizer(model, OptimSettings(), torch.device("cpu"), constant_lr=[model[1]])
    set_lr(optimizer, 0.5, peak=2.0)
    assert [(len(group["params"]), group["lr"]) for group in optimizer.param_groups] == [(2, 0.5), (2, 2.0)]


@pytest.mark.parametrize("kind", ["sgd", "lars"])
def test_nesterov_reaches_the_optimizer(kind: str) -> None:
    model = torch.nn.Linear(2, 2)
    for nesterov in (True, False):
        settings = OptimSettings.model_validate({"kind": kind, "nesterov": nesterov})
        groups = build_optimizer(model, settings, torch.device("cpu")).param_groups
        assert all(group["nesterov"] is nesterov for group in groups)


def test_lars_for_biases_reaches_the_optimizer() -> None:
    module = torch.nn.Linear(2, 2)
    settings = OptimSettings(kind="lars", lars_biases=True)
    assert build_optimizer(module, settings, torch.device("cpu")).defaults["biases"] is True


def test_settings_of_lars_have_no_effect_on_sgd() -> None:
    """They come from the recipes of SwAV and Barlow Twins, which may be trained by SGD."""
    module = torch.nn.Linear(2, 2)
    optimizer = build_optimizer(module, OptimSettings(lars_biases=True, lars_bias_lr_factor=0.024), torch.device("cpu"))
    assert [len(group["params"]) for group in optimizer.param_groups] == [2]
    assert resolve(PretrainSettings, "swav", {"foregrounds": "-", "out": "-", "optim.kind": "sgd"}).optim.kind == "sgd"


def test_nesterov_without_momentum_is_refused() -> None:
    with pytest.raises(InputError, match="Nesterov's momentum needs a momentum") as caught:
        OptimSettings(nesterov=True, momentum=0)
    assert caught.value.fix == "set optim.nesterov=false, or optim.momentum=0.9"
