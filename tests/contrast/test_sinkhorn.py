"""Sinkhorn's plan against exact solvers: permutations, and linear programming."""

from __future__ import annotations

from itertools import permutations

import pytest
import torch
from torch import Tensor

from codo.contrast.sinkhorn import transport


def weights(n: int, m: int, seed: int) -> Tensor:
    return torch.rand(n, m, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).softmax(1)


def costs(*shape: int) -> Tensor:
    return 2 * torch.rand(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("epsilon", [0.5, 0.05])
def test_rows_and_columns_have_their_sums(epsilon: float) -> None:
    cost, a, b = costs(3, 5, 4), weights(3, 5, 1), weights(3, 4, 2)
    plan = transport(cost, a, b, epsilon, 2000)
    assert (plan >= 0).all()
    assert torch.allclose(plan.sum(1), b, atol=1e-12)
    assert torch.allclose(plan.sum(2), a, atol=1e-9)
    assert torch.allclose(transport(cost, a, b, epsilon, 1).sum(1), b, atol=1e-12)  # columns after any number


def test_equal_weights_cost_what_the_best_permutation_does() -> None:
    cost, equal = costs(6, 4, 4), torch.full((6, 4), 0.25, dtype=torch.float64)
    for epsilon in (0.1, 0.01):
        plan = transport(cost, equal, equal, epsilon, 5000)
        for one, moved in zip(cost, (plan * cost).sum((1, 2)), strict=True):
            best = min(sum(one[i, p[i]].item() for i in range(4)) / 4 for p in permutations(range(4)))
            # Entropy lies between 0 and log(M N): that much of epsilon is the price of smoothness.
            assert best - 1e-4 <= moved.item() <= best + epsilon * torch.tensor(16.0).log().item()


def test_any_weights_cost_what_linear_programming_finds() -> None:
    optimize = pytest.importorskip("scipy.optimize")
    cost, a, b = costs(1, 3, 4), weights(1, 3, 3), weights(1, 4, 4)
    rows = torch.kron(torch.eye(3), torch.ones(1, 4))
    columns = torch.kron(torch.ones(1, 3), torch.eye(4))
    equal = torch.cat([rows, columns]).numpy(), torch.cat([a[0], b[0]]).numpy()
    exact = optimize.linprog(cost[0].flatten().numpy(), A_eq=equal[0], b_eq=equal[1], bounds=(0, None)).fun
    moved = (transport(cost, a, b, 0.002, 20000) * cost).sum().item()
    assert exact - 1e-6 <= moved <= exact + 0.005


def test_a_small_epsilon_neither_overflows_nor_vanishes() -> None:
    cost, equal = 10 * costs(1, 4, 4).float(), torch.full((1, 4), 0.25)
    plan = transport(cost, equal, equal, 0.01, 50)  # exp(-cost / epsilon) would be 0 everywhere
    assert torch.isfinite(plan).all()
    assert plan.sum().item() == pytest.approx(1, abs=1e-3)
