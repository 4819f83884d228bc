"""Access to ``lightly`` (MIT), which has heads and losses of image-level methods. Optional: the extra ``peers``."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from codo.core.errors import InputError


def lightly(module: str) -> Any:
    """A module of lightly, such as ``loss`` or ``models.modules.heads``.

    Raises:
        InputError: lightly is not installed.
    """
    try:
        return import_module(f"lightly.{module}")
    except ImportError as error:
        raise InputError("lightly is not installed", where="method", fix="pip install 'codo-detect[peers]'") from error


def all_gather_with_grad(embeddings: Tensor) -> Tensor:
    """Gather embeddings ``(b, D)`` of all ranks to ``(B, D)``; gradients of all ranks' losses flow back.

    If every rank computes the same loss over all samples, the gradient is that of a single process.
    """
    if not (dist.is_available() and dist.is_initialized()):
        return embeddings
    return torch.cat(lightly("utils.dist").gather(embeddings))
