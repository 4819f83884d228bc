"""The key encoder: an exponential moving average of the query encoder (MoCo, Eq. 2).

    key <- m * key + (1 - m) * query

Only parameters are averaged. BatchNorm's running statistics are not: the key encoder normalizes with the statistics of
its own batch (docs/method.md#queue).
"""

from __future__ import annotations

import copy
from itertools import compress
from typing import TypeVar

import torch
from torch import Tensor, nn

M = TypeVar("M", bound=nn.Module)


def momentum_copy(query: M) -> M:
    """A copy of the query encoder whose parameters require no gradient."""
    key = copy.deepcopy(query)
    for parameter in key.parameters():
        parameter.requires_grad_(False)
    return key


@torch.no_grad()
def update(key: nn.Module, query: nn.Module, momentum: float) -> None:
    """Move the parameters of ``key`` towards those of ``query``, in place and in a few fused calls.

    Parameters that both encoders share, those of frozen parts, stay as they are.

    Args:
        key: The encoder made by `momentum_copy`.
        query: The trained encoder itself, not its DDP wrapper.
        momentum: m, the weight of the key encoder's old parameters.
    """
    key_parameters: list[Tensor] = list(key.parameters())
    query_parameters: list[Tensor] = list(query.parameters())
    if len(key_parameters) != len(query_parameters):
        what = f"the key encoder has {len(key_parameters)} parameters, the query encoder {len(query_parameters)}"
        raise ValueError(what)
    apart = [k is not q for k, q in zip(key_parameters, query_parameters, strict=True)]
    torch._foreach_lerp_([*compress(key_parameters, apart)], [*compress(query_parameters, apart)], 1 - momentum)
