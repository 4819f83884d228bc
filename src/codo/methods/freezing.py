"""Frozen parts of a method (``model.freeze``): no gradient, BatchNorm in evaluation mode, nothing kept for backward.

Only the first parts of the network are frozen, so that autograd records nothing of them: their inputs and their
parameters need no gradient. The momentum encoder, which would never differ in a frozen part, uses the same module
instead of a copy. Names in the state dict do not change: a frozen backbone is in it as ``query.backbone.*`` and as
``key.backbone.*``, of which a checkpoint stores one. As its weights never change, it can be compiled with them as
constants (``compile=frozen``).
"""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

from codo.contrast import ema
from codo.machine.compiler import ConstantWeights
from codo.methods.base import Method


def freeze(method: Method, parts: Iterable[str]) -> None:
    """Freeze parts of a method, and share them with its momentum encoder.

    Args:
        method: Changed in place.
        parts: Names of modules that it exports.
    """
    trained, copies = method.exports(), method.key_exports()
    for part in parts:
        trained[part].requires_grad_(False)
        name = ""
        if part in copies:
            name = next(name for name, module in method.named_modules() if module is copies[part])
            method.set_submodule(name, trained[part])
        method.frozen_parts = {**method.frozen_parts, part: name}
    method.train(method.training)


def compile_frozen(method: Method) -> None:
    """Compile the frozen parts in their first step, until they are trained; their weights must not change before."""
    for part in method.frozen_parts:
        module = method.exports()[part]
        module.forward = ConstantWeights(module)


def unfreeze(method: Method) -> None:
    """Train all parts from now on; the momentum encoder gets its own copies of those that were frozen."""
    trained = method.exports()
    for part, name in method.frozen_parts.items():
        trained[part].requires_grad_(True)
        vars(trained[part]).pop("forward", None)  # `compile_frozen`
        if name:
            method.set_submodule(name, ema.momentum_copy(trained[part]))
    method.frozen_parts = {}
    method.train(method.training)


def frozen_parameters(method: Method) -> list[nn.Parameter]:
    """The parameters of the frozen parts."""
    trained = method.exports()
    return [parameter for part in method.frozen_parts for parameter in trained[part].parameters()]
