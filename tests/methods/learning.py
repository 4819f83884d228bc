"""What momentum contrast promises of gradients, alone and on several ranks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, distributed


def check_only_the_query_learns(method: Any, loss: Tensor) -> None:
    """Every parameter of the query encoder gets a gradient of the loss, none of the key encoder does."""
    loss.backward()
    assert all(parameter.grad is not None for parameter in method.query.parameters())
    assert all(parameter.grad is None for parameter in method.key.parameters())


def loss_and_gradient(method: Any, loss: Tensor, world: int) -> Tensor:
    """Loss and gradient of the query encoder in one row, averaged over the ranks as DistributedDataParallel does."""
    gradients = torch.autograd.grad(loss, list(method.query.parameters()))
    row = torch.cat([loss.detach().view(1), *(gradient.flatten() for gradient in gradients)])
    if world > 1:
        distributed.all_reduce(row)
        row /= world
    return row


def check_ranks(
    folder: Path, cases: Iterable[str], steps: Callable[[str, int, int], list[Tensor]], tolerance: float
) -> None:
    """Check that what two ranks have saved in ``folder/RANK.pt``, rows by case, is what one process computes.

    Args:
        folder: Folder of the files.
        cases: Names of the cases.
        steps: The rows of a case, rank and number of ranks.
        tolerance: Largest difference, as a share of a row's largest value.
    """
    for rank in range(2):
        found = torch.load(folder / f"{rank}.pt")
        for case in cases:
            for one, two in zip(steps(case, 0, 1), found[case], strict=True):
                assert torch.allclose(one, two, rtol=1e-6, atol=tolerance * float(one.abs().max())), case
