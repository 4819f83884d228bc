"""InfoNCE with one encoder for queries and keys, and gradients through both (docs/method.md#end-to-end-keys).

SimCLR's NT-Xent, which the MoCo paper calls end-to-end. Every view of a sample is the query of every other one; the
negatives are all views of the other samples of the batch.

Legend: V views, L levels, B samples of all ranks, b samples whose queries this rank counts, D embedding.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from codo.contrast.infonce import InfoNCE, Negatives, Reduced, full_precision, level_term, stacked_terms


def info_nce_end_to_end(
    views: Tensor,
    own: Tensor,
    temperature: float = 0.2,
    reduction: Literal["sum", "mean"] = "sum",
    prior: float = 0.0,
    counted: int | None = None,
) -> InfoNCE:
    """Contrast every view of some samples with their other views and with all views of all other samples.

    The computation is in float32 (float64 for float64 inputs), also under autocast.

    Args:
        views: (V, L, B, D) unit vectors of the global batch; the gradient flows to all of them.
        own: (b,) int64, the samples whose views are the queries.
        temperature: T.
        reduction: ``sum`` over a query's V - 1 positives, ``mean`` over them and the counted levels, as in
            `codo.contrast.infonce.info_nce`.
        prior: As there.
        counted: As there.

    Example:
        >>> import torch
        >>> from torch.nn.functional import cross_entropy, normalize
        >>> from codo.contrast import info_nce_end_to_end
        >>> views = normalize(torch.randn(2, 1, 8, 32), dim=-1)
        >>> both = views.flatten(0, 2)
        >>> logits = (both @ both.T / 0.2).fill_diagonal_(-torch.inf)
        >>> loss = info_nce_end_to_end(views, torch.arange(8), temperature=0.2).losses
        >>> torch.allclose(loss, cross_entropy(logits, torch.arange(16).roll(8)))
        True
    """
    count, levels, batch = views.shape[:3]
    negative, how = count * (batch - 1), Reduced(temperature, reduction, counted or levels, prior)
    # Positive views of each query view: (V, V - 1).
    others = torch.stack([torch.arange(1, count, device=views.device) + i for i in range(count)]) % count
    columns = own.repeat(count)[:, None] + batch * torch.arange(count, device=views.device)  # (V * b, V): own sample
    terms = []
    with torch.autocast(views.device.type, enabled=False):
        for level in full_precision(views).unbind(1):  # (V, B, D)
            mine = level.index_select(1, own)  # (V, b, D)
            queries, keys = mine.flatten(0, 1), level.flatten(0, 1)
            similarities = queries @ keys.T  # (V * b, V * B)
            negatives = similarities.scatter(1, columns, -torch.inf)
            rest, hardest = (negatives / temperature).logsumexp(1), negatives.detach().amax(1)
            positives = mine[others].transpose(0, 1).flatten(1, 2)  # (V - 1, V * b, D)
            with torch.no_grad():
                total = similarities.sum(1) - similarities.gather(1, columns).sum(1)
                mean = (total / negative).mean()
            terms.append(level_term(queries, positives, Negatives(negative, rest, hardest, mean), how))
    return stacked_terms(terms)
