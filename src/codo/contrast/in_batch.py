"""InfoNCE against the other samples of the batch instead of a queue (docs/method.md#in-batch-negatives).

Legend: L levels, B samples of all ranks, b queries of this rank, V key views, D embedding.

The negatives of a query are the keys of the other B - 1 samples, of all V key views: V (B - 1) for each level. Keys of
the query's own sample are never negatives. As in `codo.contrast.infonce`, s = log sum exp(q.n / T) is common to all
positives of a query, and its gradient is computed in the forward pass. The sum goes over one key view after the other,
rescaled when a larger logit comes, so that only one (b, B) matrix exists at a time.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from codo.contrast.infonce import InfoNCE, Negatives, Reduced, full_precision, level_term, stacked_terms


def info_nce_in_batch(
    queries: Tensor,
    keys: Tensor,
    own: Tensor,
    temperature: float = 0.2,
    reduction: Literal["sum", "mean"] = "sum",
    prior: float = 0.0,
    counted: int | None = None,
) -> InfoNCE:
    """Contrast every query with the keys of its own sample and of all other samples, level by level.

    The computation is in float32 (float64 for float64 inputs), also under autocast.

    Args:
        queries: (L, b, D) unit vectors; the gradient flows to them.
        keys: (V, L, B, D) unit vectors of the global batch, B at least 2. No gradient flows to them.
        own: (b,) int64, for each query the row of its sample in ``keys``.
        temperature: T.
        reduction: As in `codo.contrast.infonce.info_nce`.
        prior: As there.
        counted: As there.

    Example:
        >>> import torch
        >>> from torch.nn.functional import cross_entropy, normalize
        >>> from codo.contrast import info_nce_in_batch
        >>> queries, keys = (normalize(torch.randn(8, 32), dim=1) for _ in range(2))
        >>> rows = torch.arange(8)
        >>> losses = info_nce_in_batch(queries[None], keys[None, None], rows, temperature=0.2).losses
        >>> torch.allclose(losses[0], cross_entropy(queries @ keys.T / 0.2, rows))
        True
    """
    keys = full_precision(keys.detach())
    views, levels, batch = keys.shape[:3]
    others, how = views * (batch - 1), Reduced(temperature, reduction, counted or levels, prior)
    terms = []
    with torch.autocast(queries.device.type, enabled=False):
        for query, key in zip(full_precision(queries), keys.unbind(1), strict=True):
            rest, hardest = _OthersLogSumExp.apply(query, key, own, temperature)
            mine = key.index_select(1, own)  # (V, b, D)
            with torch.no_grad():
                mean = (key.sum((0, 1)) - mine.sum(0)) / others  # (b, D), of each query's negatives
                similarity = (query * mean).sum(1).mean()
            terms.append(level_term(query, mine, Negatives(others, rest, hardest, similarity), how))
    return stacked_terms(terms)


class _OthersLogSumExp(torch.autograd.Function):
    """log sum exp(q.n / T) and max q.n over the keys n of other samples, with the gradient for q."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, keys: Tensor, own: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
        scaled = query / temperature
        peak = query.new_full((len(query), 1), -torch.inf)
        mass, gradient = torch.zeros_like(peak), torch.zeros_like(query)
        for key in keys:  # (B, D)
            logits = (scaled @ key.T).scatter_(1, own[:, None], -torch.inf)  # (b, B)
            higher = torch.maximum(peak, logits.amax(1, keepdim=True))
            rescale = (peak - higher).exp()
            weights = logits.sub_(higher).exp_()
            mass = mass * rescale + weights.sum(1, keepdim=True)
            gradient = gradient * rescale + weights @ key
            peak = higher
        if ctx.needs_input_grad[0]:
            ctx.save_for_backward(gradient / (mass * temperature))
        total, hardest = (peak + mass.log())[:, 0], peak[:, 0] * temperature
        ctx.mark_non_differentiable(hardest)
        return total, hardest

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_total: Tensor, _: Tensor) -> tuple[Tensor, None, None, None]:
        (gradient,) = ctx.saved_tensors
        return grad_total[:, None] * gradient, None, None, None
