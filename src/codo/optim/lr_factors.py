"""Learning rates of parts of a network (``optim.lr_factors``), and of its biases and norms.

The parts of a method are those that it exports (``backbone``, ``fpn``, ``box_head``), the other modules of the network
that contains them (``projection``; in a detector ``rpn``, ``roi_heads``), and modules beside it (``predictor``).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from torch import nn

from codo.core.errors import InputError, nearest
from codo.methods.base import Method


def factor_by_parameter(
    method: nn.Module,
    factors: Mapping[str, float],
    later: Collection[nn.Parameter] = (),
    biases: float = 1.0,
) -> dict[nn.Parameter, float]:
    """The factor of every parameter of the parts in ``factors``, and of biases and norms.

    Args:
        method: A `Method`.
        factors: Part -> factor on the learning rate.
        later: Frozen parameters that will be trained.
        biases: Another factor on that of parameters with one dimension.

    Raises:
        InputError: Unknown or frozen parts.
    """
    if not factors and biases == 1:
        return {}
    assert isinstance(method, Method)
    parts = trained_parts(method, later)
    for part in factors:
        if part not in parts:
            known = list(parts)
            if part in method.exports():
                what, fix = f"the {part} is frozen: it has no learning rate", f"leave {part} out"
            else:
                what = f"the network has no part '{part}'"
                fix = nearest(part, known) or f"one of: {', '.join(known)}"
            raise InputError(what, where="optim.lr_factors", fix=fix)
    found = {parameter: factor for part, factor in factors.items() for parameter in parts[part]}
    if biases != 1:
        vectors = [parameter for trained in parts.values() for parameter in trained if parameter.dim() < 2]
        found |= {parameter: biases * found.get(parameter, 1.0) for parameter in vectors}
    return found


def trained_parts(method: Method, later: Collection[nn.Parameter] = ()) -> dict[str, list[nn.Parameter]]:
    """The trained parameters of a method by part, in the order of the method."""
    exported = {p: part for part, module in method.exports().items() for p in module.parameters()}
    networks = {name.split(".")[0] for name, parameter in method.named_parameters() if parameter in exported}
    wanted = set(later)
    parts: dict[str, list[nn.Parameter]] = {}
    for name, parameter in method.named_parameters():
        if parameter.requires_grad or parameter in wanted:
            first, *rest = name.split(".")
            part = exported.get(parameter) or (rest[0] if first in networks and rest else first)
            parts.setdefault(part, []).append(parameter)
    return parts


def split_groups(
    groups: list[dict[str, Any]],
    values: Mapping[nn.Parameter, float],
    name: str = "lr_factor",
    default: float = 1.0,
) -> list[dict[str, Any]]:
    """Parameter groups split by a value, such as the factor on the learning rate (`set_lr`).

    Args:
        groups: The groups.
        values: Parameter -> value.
        name: What groups with another value than the default have it as.
        default: Value of the other parameters.
    """
    if not values:
        return groups
    found = []
    for group in groups:
        by_value: dict[float, list[nn.Parameter]] = {}
        for parameter in group["params"]:
            by_value.setdefault(values.get(parameter, default), []).append(parameter)
        for value, parameters in sorted(by_value.items(), reverse=True):
            own = {} if value == default else {name: value}
            found.append({**group, "params": parameters, **own})
    return found
