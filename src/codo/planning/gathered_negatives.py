"""The contrast with the samples of all GPUs (``contrast.negatives=batch``), counted on one of them.

Legend: b samples of this GPU, B samples of all, V views, L levels, D embedding.

A step is counted as one GPU's share, whose loss has b x b logits for each level and key view. In a run of several GPUs
the keys are gathered and there are b x B. The loss is counted for both, and the difference is added to the step.
"""

from __future__ import annotations

import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from codo.contrast.end_to_end import info_nce_end_to_end
from codo.contrast.in_batch import info_nce_in_batch
from codo.methods.registry import find_method
from codo.planning.flop_counter import Operations
from codo.training.pretrain_settings import PretrainSettings


def gathered_logits(settings: PretrainSettings, samples: int, views: int, levels: int) -> list[tuple[float, float]]:
    """Operations and bytes that the samples of the other GPUs add to the loss, forward and backward.

    Args:
        settings: The run's settings; ``batch_size`` is B.
        samples: b.
        views: V.
        levels: L.

    Returns:
        As `Operations.each`; empty for one GPU, and for methods without negatives of the batch.
    """
    contrasts = "contrast" in find_method(settings.method).used_settings
    if settings.contrast.negatives != "batch" or not contrasts or samples == settings.batch_size:
        return []
    alone, together = (_loss(settings, samples, batch, views, levels) for batch in (samples, settings.batch_size))
    added = [(work - own, moved - less) for (own, less), (work, moved) in zip(alone, together, strict=True)]
    return added * (1 + settings.contrast.symmetric)


def _loss(settings: PretrainSettings, samples: int, batch: int, views: int, levels: int) -> list[tuple[float, float]]:
    """Every operator of the loss of b queries against B samples."""
    dim = settings.model.embedding_dim
    with FakeTensorMode(), Operations() as operations:
        own = torch.arange(samples)
        if settings.contrast.keys == "end_to_end":
            loss = info_nce_end_to_end(torch.empty(views, levels, batch, dim, requires_grad=True), own)
        else:
            queries = torch.empty(levels, samples, dim, requires_grad=True)
            loss = info_nce_in_batch(queries, torch.empty(views - 1, levels, batch, dim), own)
        torch.autograd.backward(loss.losses.sum())
    each: list[tuple[float, float]] = operations.each
    return each
