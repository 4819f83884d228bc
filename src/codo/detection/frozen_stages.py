"""The stages of a backbone that finetuning freezes (``freeze=``), counted as Detectron2's ``FREEZE_AT``.

Of a ResNet: 1 is the stem, 2 also ``layer1``, … 5 also ``layer4``. Of any other backbone: 2 is all that its map of
stride 4 depends on, 3 that of stride 8, and so on; 1 is the part of it outside the blocks, the stem.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

Freeze = int | Literal["backbone"]

STAGES = 5
"""Stages that can be frozen: the stem, and those of the four maps."""


def stages_to_freeze(body: nn.Module, count: Freeze) -> list[nn.Module]:
    """The modules of the first ``count`` stages of a backbone, or the whole backbone."""
    if not count:
        return []
    if count == "backbone":
        return [body]
    names = (("conv1", "bn1"), ("layer1",), ("layer2",), ("layer3",), ("layer4",))[:count]
    children = dict(body.named_children())
    if all(name in children for group in names for name in group):
        return [children[name] for group in names for name in group]
    used = _parameters_of_map(body, max(0, count - 2))
    if count == 1:
        used = _outside_the_blocks(body, used)
    return _modules_of(body, used)


def _parameters_of_map(body: nn.Module, index: int) -> set[str]:
    """Names of the parameters that a map depends on: those that get a gradient from it."""
    mode = body.training
    body.eval()
    try:
        with torch.random.fork_rng(devices=[]), torch.enable_grad():
            maps: list[Tensor] = body(torch.rand(1, 3, 64, 64, device=next(body.parameters()).device))
            named = dict(body.named_parameters())
            gradients = torch.autograd.grad(maps[index].sum(), list(named.values()), allow_unused=True)
    finally:
        body.train(mode)
    return {name for name, gradient in zip(named, gradients, strict=True) if gradient is not None}


def _outside_the_blocks(body: nn.Module, used: set[str]) -> set[str]:
    """Of the parameters of the first map, those before the child in which the last of them is, such as ``stages``."""
    within = "model."  # `TimmBackbone` has one child
    tops = [name.removeprefix(within).split(".")[0] for name, _ in body.named_parameters() if name in used]
    return {name for name in used if name.removeprefix(within).split(".")[0] != tops[-1]}


def _modules_of(module: nn.Module, names: set[str], prefix: str = "") -> list[nn.Module]:
    """The largest modules all of whose parameters are among ``names``; modules without parameters go with them."""
    own = {f"{prefix}{name}" for name, _ in module.named_parameters()}
    if not own:
        return []
    if own <= names:
        return [module]
    return [one for name, child in module.named_children() for one in _modules_of(child, names, f"{prefix}{name}.")]
