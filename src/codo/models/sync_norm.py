"""BatchNorm that normalizes by the batch of all processes."""

from __future__ import annotations

from importlib import import_module
from typing import Any, TypeVar

from torch import nn

M = TypeVar("M", bound=nn.Module)


def synchronize_norms(module: M) -> M:
    """Replace the BatchNorm layers inside a module by SyncBatchNorm, with the same parameter objects.

    timm's ``BatchNormAct2d`` (EfficientNet, MobileNet, RegNet, …) applies an activation function after the norm.
    Torch's own conversion leaves that out and says nothing, so timm's takes its place there.
    """
    convert: Any = nn.SyncBatchNorm.convert_sync_batchnorm
    if any(type(one).__module__.startswith("timm.") for one in module.modules()):
        convert = import_module("timm.layers").convert_sync_batchnorm
    converted: M = convert(module)
    return converted
