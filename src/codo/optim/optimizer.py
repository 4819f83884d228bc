"""SGD, learning-rate scaling and schedules (docs/method.md#moco-v2-recipe)."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from typing import Any, Literal, Self

import torch
from pydantic import Field, field_validator, model_validator
from torch import nn

from codo.core.config import Settings
from codo.core.errors import InputError
from codo.optim.lars import LARS
from codo.optim.lr_factors import factor_by_parameter, split_groups

REFERENCE_BATCH = 256  # batch size that a scaled learning rate refers to
ENDS = 0.1  # share of its peak at which a cosine may end


class OptimSettings(Settings):
    """The optimizer and its learning-rate schedule."""

    kind: Literal["sgd", "lars"] = Field(
        "sgd", description="SGD, or LARS for large batches, by default not for biases and norms (lars_biases)"
    )
    lr: float = Field(0.06, gt=0, description="learning rate (after warm-up, before decay)")
    lr_scaling: Literal["none", "linear", "sqrt"] = Field(
        "none", description="multiply lr by batch_size / 256, by its square root, or not at all"
    )
    momentum: float = Field(0.9, ge=0, lt=1, description="momentum of SGD")
    nesterov: bool = Field(False, description="Nesterov's momentum (InsLoc uses it, MoCo does not)")
    weight_decay: float = Field(1e-4, ge=0, description="weight decay on all parameters")
    warmup_epochs: float = Field(0, ge=0, description="epochs of linear warm-up")
    warmup_steps: int = Field(0, ge=0, description="steps of linear warm-up; the longer of the two counts")
    warmup_factor: float = Field(0.001, gt=0, le=1, description="the warm-up starts at this fraction of lr")
    schedule: Literal["cosine", "cosine_step", "multistep", "constant"] = Field(
        "cosine", description="cosine per epoch (MoCo), cosine per step, drops at milestones, or constant"
    )
    milestones: tuple[float, ...] = Field(
        (2 / 3, 8 / 9), description="multistep: when lr drops, as fractions of the run (60k and 80k of 90k)"
    )
    lars_bias_lr_factor: float = Field(
        1.0, gt=0, description="LARS: factor on the learning rate of biases and norms; no effect with SGD"
    )
    lars_biases: bool = Field(
        False,
        description="LARS: adapt and decay biases and norms too (SwAV), which otherwise take steps of SGD; no effect "
        "with SGD",
    )
    gamma: float = Field(0.1, gt=0, le=1, description="multistep: factor of lr at every drop")
    lr_factors: dict[str, float] = Field(
        {},
        description="part of the network -> factor on its learning rate, such as {backbone: 0.1}; other parts are fpn, "
        "box_head, and others by method (projection, predictor; in a detector rpn, roi_heads)",
    )

    @field_validator("lr_factors")
    @classmethod
    def _positive(cls, factors: dict[str, float]) -> dict[str, float]:
        for part, factor in factors.items():
            if factor == 0:
                what = f"a learning rate of 0 would compute gradients of the {part} for nothing"
                fix = f"freeze it: model.freeze=[{part}] (freeze=backbone in codo finetune)"
                raise InputError(what, where=f"optim.lr_factors.{part}", fix=fix)
            if not 0 < factor < math.inf:
                raise ValueError(f"the factor of {part} must be a positive number")
        return factors

    @model_validator(mode="after")
    def _nesterov_has_momentum(self) -> Self:
        if self.kind == "sgd" and self.nesterov and not self.momentum:
            fix = "set optim.nesterov=false, or optim.momentum=0.9"
            raise InputError("Nesterov's momentum needs a momentum", where="optim.momentum=0", fix=fix)
        return self


def check_milestones(settings: OptimSettings) -> None:
    """Refuse milestones in steps or epochs, at which the learning rate would not drop, for a new run.

    Raises:
        InputError: One is no fraction of the run.
    """
    wrong = [one for one in settings.milestones if not 0 < one < 1]
    if settings.schedule == "multistep" and wrong:
        what = f"{wrong[0]:g} is no fraction of the run"
        fix = "divide steps or epochs by their total: 60k and 80k of 90k are [0.667,0.889]"
        raise InputError(what, where="optim.milestones", fix=fix)


class Schedule:
    """The learning rate of every step, a pure function of the step.

    Args:
        settings: See `OptimSettings`.
        batch_size: Global batch size, for scaling.
        steps: Length of the run in steps.
        per_epoch: Steps per epoch.
        reference: Batch size that a scaled learning rate refers to.
    """

    def __init__(
        self, settings: OptimSettings, *, batch_size: int, steps: int, per_epoch: int, reference: int = REFERENCE_BATCH
    ) -> None:
        ratio = batch_size / reference
        self.peak = settings.lr * {"none": 1.0, "linear": ratio, "sqrt": math.sqrt(ratio)}[settings.lr_scaling]
        self.settings, self.steps, self.per_epoch = settings, max(1, steps), max(1, per_epoch)
        self.warmup = max(settings.warmup_steps, round(settings.warmup_epochs * per_epoch))

    def warning(self) -> str | None:
        """What is not as one might expect of the schedule in a run of few epochs."""
        end = self._decay(self.steps - 1)
        if self.settings.schedule != "cosine" or end <= ENDS:
            return None
        epochs = f"{self.steps / self.per_epoch:.2g}"
        what = f"optim.schedule=cosine changes the learning rate once an epoch, and the run has {epochs} of them"
        return f"{what}: it ends at {end:.0%} of its peak. Set optim.schedule=cosine_step."

    def __call__(self, step: int) -> float:
        """Learning rate of ``step``, counted from 0."""
        lr = self.peak * self._decay(step)
        if step < self.warmup:
            low = self.settings.warmup_factor
            lr *= low + (1 - low) * step / self.warmup
        return lr

    def _decay(self, step: int) -> float:
        kind, done = self.settings.schedule, step / self.steps
        if kind == "cosine":
            done = step // self.per_epoch * self.per_epoch / self.steps
        if kind in ("cosine", "cosine_step"):
            return 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
        if kind == "multistep":
            # Compared in steps: 60000/90000 must drop at step 60000 whatever 2/3 * 90000 rounds to.
            passed = sum(step >= round(share * self.steps) for share in self.settings.milestones)
            return self.settings.gamma**passed
        return 1.0


def build_optimizer(
    method: nn.Module,
    settings: OptimSettings,
    device: torch.device,
    constant_lr: Iterable[nn.Module] = (),
    later: Collection[nn.Parameter] = (),
    anchored: Collection[nn.Parameter] = (),
) -> torch.optim.Optimizer:
    """Build the optimizer of all parameters that require gradients.

    Args:
        method: The module to train.
        settings: See `OptimSettings`.
        device: Device of the parameters.
        constant_lr: Modules whose learning rate stays at the peak (`set_lr`).
        later: Frozen parameters that will be trained; without gradients they are skipped.
        anchored: Parameters without weight decay towards zero (``anchor.decay``).

    Raises:
        InputError: ``lr_factors`` of unknown or frozen parts.
    """
    constant = {id(parameter) for module in constant_lr for parameter in module.parameters()}
    frozen = {id(parameter) for parameter in later}
    trained = [parameter for parameter in method.parameters() if parameter.requires_grad or id(parameter) in frozen]
    groups: list[dict[str, Any]] = [{"params": [p for p in trained if id(p) not in constant]}]
    if constant:  # "fixed" is also the name in checkpoints
        groups.append({"params": [p for p in trained if id(p) in constant], "fixed": True})
    biases = settings.lars_bias_lr_factor if settings.kind == "lars" else 1.0
    groups = split_groups(groups, factor_by_parameter(method, settings.lr_factors, later, biases))
    groups = split_groups(groups, dict.fromkeys(anchored, 0.0), "weight_decay", settings.weight_decay)
    names = "lr", "momentum", "weight_decay", "nesterov"
    options: dict[str, Any] = {name: getattr(settings, name) for name in names}
    if settings.kind == "lars":
        return LARS(groups, **options, biases=settings.lars_biases)
    return torch.optim.SGD(groups, fused=device.type == "cuda", **options)


def set_lr(optimizer: torch.optim.Optimizer, lr: float, peak: float) -> None:
    """Set the learning rate of all parameter groups to ``lr``, of groups with a constant learning rate to ``peak``.

    Groups with a factor of their own (``optim.lr_factors``) are set to that multiple.
    """
    for group in optimizer.param_groups:
        group["lr"] = (peak if group.get("fixed") else lr) * group.get("lr_factor", 1.0)
