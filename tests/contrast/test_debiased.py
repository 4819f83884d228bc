"""The debiased loss against its formula written with plain exponentials, and by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from codo.contrast.debiased import debias
from codo.contrast.end_to_end import info_nce_end_to_end
from codo.contrast.in_batch import info_nce_in_batch
from codo.contrast.infonce import info_nce
from tests.contrast.test_infonce import unit


def written_out(positives: Tensor, negatives: Tensor, prior: float, temperature: float) -> Tensor:
    """Chuang et al. 2020, Eq. 7 and 8: (V, B) and (B, N) similarities -> the loss of each query and positive (V, B)."""
    near, far = (positives / temperature).exp(), (negatives / temperature).exp()
    g = (far.mean(1) - prior * near.mean(0)) / (1 - prior)
    g = g.clamp(min=math.exp(-1 / temperature))
    return -(near / (near + negatives.shape[1] * g)).log()


def test_by_hand() -> None:
    # T = 1, one positive at 0.6, negatives at 1 and 0, tau+ = 0.2:
    # mean exp = (e + 1) / 2 = 1.859141, minus 0.2 * e^0.6 = 0.364424, by 0.8: g = 1.868396
    # loss = log(1 + 2 g / e^0.6) = log(1 + 3.736793 / 1.822119) = log(3.050795) = 1.115402
    query = torch.tensor([[1.0, 0.0]])
    key, negatives = torch.tensor([[0.6, 0.8]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    assert info_nce(query, key, negatives, 1.0, prior=0.2).losses.item() == pytest.approx(1.115402, abs=2e-6)


def test_the_bound_by_hand() -> None:
    # T = 0.5, positive at 1, both negatives at -1, tau+ = 0.5: e^-2 - 0.5 e^2 is negative, so that g = e^-2.
    query = torch.tensor([[1.0, 0.0]], requires_grad=True)
    negatives = torch.tensor([[-1.0, 0.0], [-1.0, 0.0]])
    loss = info_nce(query, torch.tensor([[1.0, 0.0]]), negatives, 0.5, prior=0.5).losses
    assert loss.item() == pytest.approx(math.log1p(2 * math.exp(-4)))
    loss.backward()  # type: ignore[no-untyped-call]  # torch has no types there
    # Only the positive has a gradient: -(1 - sigmoid) / T of the key.
    assert query.grad is not None
    assert query.grad[0, 0].item() == pytest.approx(-(1 - 1 / (1 + 2 * math.exp(-4))) / 0.5)


def test_off_it_is_the_same_tensor() -> None:
    rest = torch.randn(4)
    assert debias(rest, torch.randn(2, 4), 7, 0.0, 0.2) is rest


@pytest.mark.parametrize("prior", [1e-9, 0.1, 0.5])
@pytest.mark.parametrize("views", [1, 3])
def test_queue(views: int, prior: float) -> None:
    queries, keys, negatives = (
        unit(2, 5, 8, seed=0).requires_grad_(),
        unit(views, 2, 5, 8, seed=1),
        unit(2, 9, 8, seed=2),
    )
    ours = info_nce(queries, keys, negatives, 0.2, prior=prior).losses
    expected = torch.stack(
        [
            written_out((queries[i] * keys[:, i]).sum(-1), queries[i] @ negatives[i].T, prior, 0.2).mean(1).sum()
            for i in range(2)
        ]
    )
    assert torch.allclose(ours, expected, rtol=0, atol=1e-10)
    ours_gradient, right = (torch.autograd.grad(one.sum(), queries)[0] for one in (ours, expected))
    assert torch.allclose(ours_gradient, right, rtol=0, atol=1e-10)
    if prior < 1e-6:
        assert torch.allclose(ours, info_nce(queries, keys, negatives, 0.2).losses, rtol=0, atol=1e-6)


def test_batch() -> None:
    queries, keys = unit(1, 6, 8, seed=0).requires_grad_(), unit(2, 1, 6, 8, seed=1)
    ours = info_nce_in_batch(queries, keys, torch.arange(6), 0.2, prior=0.1).losses
    similarity = torch.einsum("bd,vnd->bvn", queries[0], keys[:, 0])  # (B, V, B)
    others = ~torch.eye(6, dtype=torch.bool)
    negatives = similarity.transpose(1, 2)[others].view(6, -1)
    expected = written_out((queries[0] * keys[:, 0]).sum(-1), negatives, 0.1, 0.2).mean(1).sum()
    assert torch.allclose(ours[0], expected, rtol=0, atol=1e-10)
    assert torch.allclose(*(torch.autograd.grad(one.sum(), queries)[0] for one in (ours, expected)), atol=1e-10)


def test_end_to_end_is_the_loss_of_the_paper_on_simclr() -> None:
    views = unit(2, 1, 6, 8, seed=0).requires_grad_()
    both = views.flatten(0, 2)  # (2 B, D)
    similarity, partner = both @ both.T, torch.arange(12).roll(6)
    positives = similarity[torch.arange(12), partner][None]
    rest = torch.ones(12, 12, dtype=torch.bool).fill_diagonal_(False)
    rest[torch.arange(12), partner] = False
    expected = written_out(positives, similarity[rest].view(12, 10), 0.1, 0.5).mean()
    ours = info_nce_end_to_end(views, torch.arange(6), 0.5, prior=0.1).losses
    assert torch.allclose(ours[0], expected, rtol=0, atol=1e-10)
    assert torch.allclose(*(torch.autograd.grad(one.sum(), views)[0] for one in (ours, expected)), atol=1e-10)


def test_low_temperatures_do_not_overflow() -> None:
    query = unit(1, 4, 8, seed=0, dtype=torch.float32).requires_grad_()
    keys, negatives = query.detach()[None], unit(1, 9, 8, seed=2, dtype=torch.float32)
    loss = info_nce(query, keys, negatives, 0.005, prior=0.1).losses
    (gradient,) = torch.autograd.grad(loss.sum(), query)
    assert loss.isfinite().all()
    assert gradient.isfinite().all()
