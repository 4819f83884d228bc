"""Entropy-regularized optimal transport between two weighted sets (Cuturi 2013), in the log domain.

Legend: n pairs of sets, M and N elements in the two sets, C (n, M, N) cost of moving a unit from one to the other.

    T = argmin  sum_ij T_ij C_ij - epsilon H(T)        sum_j T_ij = a_i,  sum_i T_ij = b_j
      = exp((f_i + g_j - C_ij) / epsilon)

Sinkhorn's iterations set f and g in turn so that the rows and the columns have the required sums. As logarithms they
neither overflow nor underflow at a small epsilon, where exp(-C / epsilon) would.
"""

from __future__ import annotations

import torch
from torch import Tensor


@torch.no_grad()
def transport(cost: Tensor, a: Tensor, b: Tensor, epsilon: float, iterations: int) -> Tensor:
    """The transport plan T.

    Args:
        cost: C (n, M, N).
        a: (n, M) weights of the first sets, positive, each row sums to 1.
        b: (n, N) weights of the second sets, likewise.
        epsilon: Smoothness, in units of the cost. A smaller one is nearer to the exact plan and needs more iterations.
        iterations: Sinkhorn iterations, at least 1.

    Returns:
        (n, M, N) without gradient. Columns sum to ``b`` exactly, rows to ``a`` as far as the iterations have converged.
    """
    negative, log_a, log_b = -cost / epsilon, a.log(), b.log()
    g = torch.zeros_like(log_b)  # f and g in units of epsilon
    for _ in range(iterations):
        f = log_a - torch.logsumexp(negative + g[:, None, :], dim=2)
        g = log_b - torch.logsumexp(negative + f[:, :, None], dim=1)
    return torch.exp(negative + f[:, :, None] + g[:, None, :])
