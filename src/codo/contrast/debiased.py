"""The debiased contrastive loss (Chuang et al. 2020): negatives of the query's own class are not repelled.

Negatives are drawn from all images, so a share of them, the class prior tau+, shows the same class as the query. Were
the classes known, the sum over N negatives would be N times the mean over images of *other* classes. That mean follows
from the mean over all images and the mean over the own class, which the positives estimate:

    g = max( (mean_j exp(q.n_j / T) - tau+ mean_v exp(q.k_v / T)) / (1 - tau+),  exp(-1 / T) )

The loss is InfoNCE with N g in place of the sum. The bound is the smallest value that the mean of exp(q.n / T) can take
for unit vectors; where it is reached, negatives have no gradient. Otherwise gradients flow through both means. At
tau+ = 0 the loss is InfoNCE, and is computed as such (docs/method.md#debiased-loss).

Legend: B queries, V positives of each.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def debias(rest: Tensor, positives: Tensor, count: int, prior: float, temperature: float) -> Tensor:
    """The logarithm of N g from the log-sum-exp of N negatives: (B,) -> (B,).

    Computed from logarithms throughout: exp(1 / T) overflows float32 at T = 0.01.

    Args:
        rest: (B,), log sum_j exp(q.n_j / T).
        positives: (V, B), q.k_v.
        count: N, number of negatives of a query.
        prior: tau+, at least 0 and below 1; 0 returns ``rest`` itself.
        temperature: T.

    Example:
        >>> import torch
        >>> from codo.contrast import debias
        >>> rest = torch.tensor([2.0]).log() + 0.5  # two negatives at a similarity of 0.5
        >>> debiased = debias(rest, torch.tensor([[0.5]]), count=2, prior=0.1, temperature=1.0)
        >>> torch.allclose(debiased, rest)  # the positive is as near as they are: nothing to correct
        True
    """
    if not prior:
        return rest
    everyone = rest - math.log(count)  # log mean exp over all images
    own = (positives / temperature).logsumexp(0) - math.log(len(positives))  # log mean exp over the own class
    share = own + math.log(prior) - everyone  # log of the share of the mean that the own class makes up
    below = share < -torch.finfo(share.dtype).eps  # or the difference is not positive
    others = everyone + (-torch.expm1(torch.where(below, share, -1.0))).log() - math.log1p(-prior)
    bound = -1 / temperature
    return math.log(count) + torch.where(below, others, bound).clamp(min=bound)
