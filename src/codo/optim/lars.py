"""LARS (You et al. 2017): SGD in which the step of every tensor is scaled in proportion to the tensor's norm.

    g <- g + weight_decay * w
    u <- trust * |w| / |g| * g                         (trust ratio 1 where |w| or |g| is 0)
    v <- momentum * v + u
    w <- w - lr * v                                    (with Nesterov's momentum: w - lr * (u + momentum * v))

Biases and norm parameters (one dimension) take plain SGD steps without weight decay, as in SimCLR, BYOL and Barlow
Twins, or steps like all others, as in SwAV (``biases``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

TRUST = 0.001


class LARS(torch.optim.Optimizer):
    """The LARS optimizer, see the module.

    Args:
        params: Parameters or parameter groups.
        lr: Learning rate.
        momentum: Momentum of SGD.
        weight_decay: Weight decay of the tensors whose steps are scaled.
        trust: Trust coefficient: norm of the gradient step at ``lr`` 1, relative to the norm of the tensor.
        nesterov: Nesterov's momentum, as in torch's SGD.
        biases: Whether the steps of tensors with one dimension are scaled, too.
    """

    def __init__(
        self,
        params: Any,
        lr: float,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        trust: float = TRUST,
        *,
        nesterov: bool = False,
        biases: bool = False,
    ) -> None:
        defaults = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "trust": trust, "nesterov": nesterov}
        super().__init__(params, {**defaults, "biases": biases})

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Load a state; those of earlier versions have no Nesterov's momentum, whatever the settings said."""
        super().__setstate__(state)
        for group in self.param_groups:
            group.setdefault("nesterov", False)
            group.setdefault("biases", False)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]  # torch overloads it
        """Take one step."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                update = self._direction(parameter, group)
                state = self.state[parameter]
                velocity = state.setdefault("momentum_buffer", torch.zeros_like(parameter))
                velocity.mul_(group["momentum"]).add_(update)
                step = update.add(velocity, alpha=group["momentum"]) if group["nesterov"] else velocity
                parameter.add_(step, alpha=-group["lr"])

    @staticmethod
    def _direction(parameter: Tensor, group: dict[str, Any]) -> Tensor:
        gradient: Tensor = parameter.grad  # type: ignore[assignment]  # not None: see step
        if parameter.dim() < 2 and not group["biases"]:
            return gradient
        gradient = gradient.add(parameter, alpha=group["weight_decay"])
        length, slope = parameter.norm(), gradient.norm()
        # On the device: a comparison on the host would synchronize once per tensor.
        ratio = torch.where((length > 0) & (slope > 0), group["trust"] * length / slope, torch.ones_like(length))
        return gradient * ratio
