"""The key encoder: an exponential moving average of the query encoder (MoCo, Eq. 2).

    key <- m * key + (1 - m) * query

Parameters only. BatchNorm's running statistics are not averaged: the key encoder normalizes with the statistics of its
own batch (docs/method.md#queue).
"""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
from torch import Tensor, nn

M = TypeVar("M", bound=nn.Module)


def momentum_copy(query: M) -> M:
    """A copy of the query encoder whose parameters take no gradient."""
    key = copy.deepcopy(query)
    for parameter in key.parameters():
        parameter.requires_grad_(False)
    return key


@torch.no_grad()
def update(key: nn.Module, query: nn.Module, momentum: float) -> None:
    """Move the parameters of ``key`` towards those of ``query``, in place and in a few fused calls.

    Args:
        key: The encoder made by `momentum_copy`.
        query: The trained encoder, not wrapped (no DDP around it).
        momentum: m, the share of the key encoder that stays.
    """
    ours: list[Tensor] = list(key.parameters())
    theirs: list[Tensor] = list(query.parameters())
    if len(ours) != len(theirs):
        raise ValueError(f"key encoder has {len(ours)} parameters, query encoder {len(theirs)}")
    torch._foreach_lerp_(ours, theirs, 1 - momentum)
