from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from codo.contrast.end_to_end import info_nce_end_to_end

B = 5


def unit(*shape: int, seed: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return F.normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype), dim=-1)


def explicit(views: Tensor, own: list[int], temperature: float) -> Tensor:
    """Written out: for every view of the samples ``own`` and every other view of the same sample, cross-entropy."""
    count, levels, batch = views.shape[:3]
    losses = []
    for level in range(levels):
        terms = []
        for sample in own:
            for v in range(count):
                negatives = [views[u, level, i] for u in range(count) for i in range(batch) if i != sample]
                for u in range(count):
                    if u != v:
                        logits = torch.stack([views[u, level, sample], *negatives]) @ views[v, level, sample]
                        terms.append(F.cross_entropy(logits[None] / temperature, torch.tensor([0])))
        losses.append(torch.stack(terms).mean() * (count - 1))
    return torch.stack(losses)


@pytest.mark.parametrize("views", [2, 3])
@pytest.mark.parametrize("temperature", [0.07, 1.0])
def test_equals_cross_entropy_on_explicit_logits(views: int, temperature: float) -> None:
    embeddings = unit(views, 4, B, 16, seed=0).requires_grad_()
    weights = torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=torch.float64)  # the levels' gradients must not be mixed up
    ours = info_nce_end_to_end(embeddings, torch.tensor([3, 0]), temperature)
    expected = explicit(embeddings, [3, 0], temperature)
    assert torch.allclose(ours.losses, expected, rtol=0, atol=1e-12)
    (gradient,) = torch.autograd.grad((ours.losses * weights).sum(), embeddings)
    (right,) = torch.autograd.grad((expected * weights).sum(), embeddings)
    assert torch.allclose(gradient, right, rtol=0, atol=1e-12)
    assert gradient[:, :, 1].abs().max() > 0  # also to samples that are only negatives


def test_two_views_are_ntxent() -> None:
    embeddings = unit(2, 1, B, 16, seed=1)
    both = embeddings.flatten(0, 2)
    logits = (both @ both.T / 0.2).fill_diagonal_(-torch.inf)
    expected = F.cross_entropy(logits, torch.arange(2 * B).roll(B))
    ours = info_nce_end_to_end(embeddings, torch.arange(B)).losses
    assert torch.allclose(ours[0], expected, rtol=0, atol=1e-12)


def test_the_mean_over_ranks_is_the_loss_of_the_whole_batch() -> None:
    embeddings = unit(2, 3, 6, 8, seed=2)
    whole = info_nce_end_to_end(embeddings, torch.arange(6))
    ranks = [info_nce_end_to_end(embeddings, own) for own in torch.arange(6).tensor_split(2)]
    assert torch.allclose(torch.stack([one.losses for one in ranks]).mean(0), whole.losses, rtol=0, atol=1e-12)
    for name, value in whole.stats.items():
        assert torch.allclose(torch.stack([one.stats[name] for one in ranks]).mean(0), value, rtol=0, atol=1e-12), name


def test_statistics_of_a_case_by_hand() -> None:
    # Sample 0: both views on e0; sample 1: e1 and -e0. The first view of sample 0 is at 1 from its positive, at 0 and
    # -1 from the negatives; so is the second. Sample 1: 0 from its positive, 0, 0 and -1, -1 from the negatives.
    first, second = torch.eye(2), torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    stats = info_nce_end_to_end(torch.stack([first, second])[:, None], torch.arange(2)).stats
    assert stats["top1"].item() == 0.75  # sample 1: e1 is at 0 from its positive and from its negatives, a tie is no
    assert stats["positive"].item() == 0.5
    assert stats["negative"].item() == pytest.approx(-0.5)


def test_means_over_positives_and_levels_with_reduction_mean() -> None:
    embeddings = unit(3, 4, B, 8, seed=3)
    total, mean = (info_nce_end_to_end(embeddings, torch.arange(B), reduction=r).losses for r in ("sum", "mean"))
    assert torch.allclose(mean, total / (2 * 4), rtol=0, atol=1e-12)


def test_computes_in_float32_under_autocast() -> None:
    embeddings = unit(2, 1, B, 16, seed=4, dtype=torch.float32)
    plain = info_nce_end_to_end(embeddings, torch.arange(B)).losses
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(info_nce_end_to_end(embeddings, torch.arange(B)).losses, plain)
