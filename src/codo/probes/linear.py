"""The linear probe: multinomial logistic regression on frozen features.

Features are standardized with the statistics of the training samples. L-BFGS minimizes, in double precision::

    sum_i CE(W x_i + b, y_i) + |W|^2 / 2

This is the objective of common solvers at C = 1. It is convex, so the result does not depend on a seed or the order. At
most 200 iterations are made; on features of 1,000 boxes in photographs the predictions are those of convergence (388
iterations). The papers' protocol (SGD on augmented crops for 100 epochs) costs a thousand times as much.

Legend: N training samples, M evaluation samples, F features, C classes.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

ITERATIONS = 200
CONSTANT = 1e-5
"""A feature is treated as constant if std <= CONSTANT * |mean|: such variation is float32 rounding."""


def linear_predict(features: Tensor, labels: Tensor, queries: Tensor, classes: int) -> Tensor:
    """Classes by a linear classifier fitted to the training samples.

    Args:
        features: (N, F) of the training samples.
        labels: (N,) int64 in 0..C-1.
        queries: (M, F).
        classes: C.

    Returns:
        (M,) int64.
    """
    mean, spread = features.double().mean(0), features.double().std(0, correction=0)
    keep = spread > CONSTANT * mean.abs()  # otherwise rounding errors would be scaled up to features
    x, q = ((part.double()[:, keep] - mean[keep]) / spread[keep] for part in (features, queries))
    weight, bias = fit(x, labels, classes)
    return (q @ weight.T + bias).argmax(dim=1)


@torch.enable_grad()
def fit(x: Tensor, labels: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """Weights (C, F) and biases (C,) that minimize the objective (see the top), for float64 features (N, F)."""
    weight = torch.zeros(classes, x.shape[1], dtype=x.dtype, device=x.device, requires_grad=True)
    bias = torch.zeros(classes, dtype=x.dtype, device=x.device, requires_grad=True)
    solver = torch.optim.LBFGS(
        [weight, bias], max_iter=ITERATIONS, tolerance_grad=1e-6, history_size=20, line_search_fn="strong_wolfe"
    )

    def objective() -> Tensor:
        solver.zero_grad()
        loss = F.cross_entropy(x @ weight.T + bias, labels, reduction="sum") + weight.square().sum() / 2
        # Per sample, so that the solver's tolerance does not depend on the number of samples.
        loss = loss / len(x)
        loss.backward()  # type: ignore[no-untyped-call]  # torch has no types there
        return loss

    solver.step(objective)  # type: ignore[no-untyped-call]  # torch has no types there
    return weight.detach(), bias.detach()
