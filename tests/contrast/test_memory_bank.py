"""Noise-contrastive estimation against its formula with plain probabilities; the bank's rows by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from codo.contrast.memory_bank import CHUNK, MemoryBank
from tests.contrast.test_infonce import unit

N, D, M, T = 30, 8, 11, 0.07


def made(dtype: torch.dtype = torch.float64) -> MemoryBank:
    bank = MemoryBank(N, D, generator=torch.Generator().manual_seed(3)).to(dtype)
    bank.log_z.fill_(math.log(250.0))
    return bank


def drawn(queries: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(5)
    return torch.randperm(N, generator=generator)[:queries], torch.randint(N, (queries, M), generator=generator)


def written_out(bank: MemoryBank, queries: Tensor, images: Tensor, negatives: Tensor) -> Tensor:
    """Wu et al. 2018, Eq. 5 to 7: probabilities, then the loss of each query."""
    noise = 1 / N
    losses = []
    for query, image, others in zip(queries, images, negatives, strict=True):
        z = bank.log_z.exp()
        p = (bank.rows[image] @ query / T).exp() / z
        q = (bank.rows[others] @ query / T).exp() / z
        h, g = p / (p + M * noise), q / (q + M * noise)
        losses.append(-h.log() - (1 - g).log().sum())
    return torch.stack(losses)


@pytest.mark.parametrize("queries", [3, CHUNK + 4])
def test_the_loss_and_its_gradient_are_those_of_the_formula(queries: int) -> None:
    bank, (images, negatives) = made(), drawn(queries)
    embedded, weights = unit(queries, D, seed=0).requires_grad_(), torch.arange(1.0, queries + 1).double()
    ours, expected = (
        bank.contrast(embedded, images, negatives, T).losses,
        written_out(bank, embedded, images, negatives),
    )
    assert torch.allclose(ours, expected, rtol=0, atol=1e-10)
    gradients = [torch.autograd.grad((one * weights).sum(), embedded)[0] for one in (ours, expected)]
    assert torch.allclose(*gradients, rtol=0, atol=1e-9)


@pytest.mark.parametrize("queries", [3, CHUNK + 4])
def test_the_softmax_is_cross_entropy_of_the_first_of_all_logits(queries: int) -> None:
    bank, (images, negatives) = made(), drawn(queries)
    bank.log_z.fill_(math.nan)  # not used
    embedded, weights = unit(queries, D, seed=0).requires_grad_(), torch.arange(1.0, queries + 1).double()
    every = torch.cat([images[:, None], negatives], dim=1)
    logits = torch.stack([bank.rows[e] @ q / T for q, e in zip(embedded, every, strict=True)])
    expected = F.cross_entropy(logits, torch.zeros(queries, dtype=torch.int64), reduction="none")
    ours = bank.contrast(embedded, images, negatives, T, softmax=True).losses
    assert torch.allclose(ours, expected, rtol=0, atol=1e-10)
    gradients = [torch.autograd.grad((one * weights).sum(), embedded)[0] for one in (ours, expected)]
    assert torch.allclose(*gradients, rtol=0, atol=1e-9)


def test_z_is_the_mean_over_all_images_drawn_times_their_number() -> None:
    bank, (images, negatives) = made(), drawn(4)
    queries = unit(4, D, seed=0)
    every = torch.cat([images[:, None], negatives], dim=1)
    expected = N * torch.stack([(bank.rows[e] @ q / T).exp() for q, e in zip(queries, every, strict=True)]).mean()
    assert torch.allclose(bank.estimate(queries, images, negatives, T), expected.log(), rtol=0, atol=1e-10)


def test_statistics_by_hand() -> None:
    bank = MemoryBank(3, 2)
    bank.rows.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]))
    bank.log_z.zero_()
    queries = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    stats = bank.contrast(queries, torch.tensor([0, 2]), torch.tensor([[1, 2], [1, 0]]), 1.0).stats
    # query 0: own 1, negatives 0 and -1; query 1: own 0, negatives 1 and 0
    assert {name: value.item() for name, value in stats.items()} == {"top1": 0.5, "positive": 0.5, "negative": 0.0}


def test_rows_are_mixed_by_hand() -> None:
    bank = MemoryBank(3, 2)
    bank.rows.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]))
    bank.update(torch.tensor([0, 2]), torch.tensor([[0.0, 1.0], [0.0, 1.0]]), momentum=0.5)
    half = 0.5**0.5
    assert torch.allclose(bank.rows, torch.tensor([[half, half], [0.0, 1.0], [-half, half]]))
    bank.update(torch.tensor([1]), torch.tensor([[1.0, 0.0]]), momentum=0.75)
    assert torch.allclose(bank.rows[1], torch.tensor([0.25, 0.75]) / math.hypot(0.25, 0.75))


def test_half_precision_rows_give_nearly_the_same_loss() -> None:
    bank, (images, negatives) = made(torch.float32), drawn(5)
    queries = unit(5, D, seed=0, dtype=torch.float32)
    exact = bank.contrast(queries, images, negatives, T).losses
    bank.rows = bank.rows.half()
    assert bank.contrast(queries, images, negatives, T).losses.dtype == torch.float32
    assert torch.allclose(bank.contrast(queries, images, negatives, T).losses, exact, rtol=1e-2)


def test_low_temperatures_do_not_overflow() -> None:
    bank, (images, negatives) = made(torch.float32), drawn(5)
    queries = unit(5, D, seed=0, dtype=torch.float32).requires_grad_()
    bank.log_z.copy_(bank.estimate(queries, images, negatives, 0.005))
    losses = bank.contrast(queries, images, negatives, 0.005).losses
    assert losses.isfinite().all()
    assert torch.autograd.grad(losses.sum(), queries)[0].isfinite().all()
