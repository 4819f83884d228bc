from __future__ import annotations

import math
from typing import Literal

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from codo.contrast.infonce import ContrastSettings, info_nce


def unit(*shape: int, seed: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return F.normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype), dim=-1)


def explicit(queries: Tensor, keys: Tensor, negatives: Tensor, temperature: float) -> Tensor:
    """Eq. 7 written out: cross-entropy over [positive, negatives], per level, summed over key views."""
    levels = []
    for level in range(len(queries)):
        total = queries.new_zeros(())
        for view in range(len(keys)):
            positive = (queries[level] * keys[view, level]).sum(-1, keepdim=True)
            logits = torch.cat([positive, queries[level] @ negatives[level].T], dim=1) / temperature
            total = total + F.cross_entropy(logits, torch.zeros(len(logits), dtype=torch.int64))
        levels.append(total)
    return torch.stack(levels)


@pytest.mark.parametrize("views", [1, 3])
@pytest.mark.parametrize("temperature", [0.07, 0.2, 1.0])
def test_equals_cross_entropy_on_explicit_logits(views: int, temperature: float) -> None:
    queries = unit(4, 6, 16, seed=0).requires_grad_()
    keys, negatives = unit(views, 4, 6, 16, seed=1), unit(4, 50, 16, seed=2)
    weights = torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=torch.float64)  # the levels' gradients must not be mixed up
    ours, expected = info_nce(queries, keys, negatives, temperature), explicit(queries, keys, negatives, temperature)
    assert torch.allclose(ours.losses, expected, rtol=0, atol=1e-12)
    (gradient,) = torch.autograd.grad((ours.losses * weights).sum(), queries)
    (right,) = torch.autograd.grad((expected * weights).sum(), queries)
    assert torch.allclose(gradient, right, rtol=0, atol=1e-12)
    assert torch.allclose(ours.stats["loss"], expected.detach() / views)


def test_float32_equals_cross_entropy_to_1e_6() -> None:
    queries = unit(4, 8, 128, seed=0, dtype=torch.float32).requires_grad_()
    keys, negatives = unit(1, 4, 8, 128, seed=1, dtype=torch.float32), unit(4, 512, 128, seed=2, dtype=torch.float32)
    exact = explicit(queries.double(), keys.double(), negatives.double(), 0.2)
    losses = info_nce(queries, keys, negatives).losses
    assert torch.allclose(losses.double(), exact, rtol=0, atol=1e-6 * math.log(513))
    gradients = [torch.autograd.grad(loss.sum(), queries)[0] for loss in (losses, exact)]
    assert torch.allclose(*gradients, rtol=0, atol=1e-6)


@pytest.mark.parametrize("views", [1, 3])
def test_random_embeddings_cost_the_logarithm_of_the_choices(views: int) -> None:
    size = 4096
    loss = info_nce(unit(4, 64, 128, seed=0), unit(views, 4, 64, 128, seed=1), unit(4, size, 128, seed=2)).stats["loss"]
    assert torch.allclose(loss, torch.full_like(loss, math.log(size + 1)), rtol=0.03)


def test_by_hand() -> None:
    # one level, two negatives, T = 1: similarities 1 (positive), 0 and -1
    query = torch.tensor([[[1.0, 0.0]]])
    result = info_nce(query, query[None], torch.tensor([[[0.0, 1.0], [-1.0, 0.0]]]), temperature=1.0)
    assert result.losses.item() == pytest.approx(-math.log(math.e / (math.e + 1 + math.exp(-1))))
    stats = {name: value.item() for name, value in result.stats.items()}
    assert stats == {"loss": pytest.approx(result.losses.item()), "top1": 1.0, "positive": 1.0, "negative": -0.5}


def test_top1_counts_positives_above_every_negative() -> None:
    queries = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])
    negatives = torch.tensor([[[1.0, 0.0]]])  # equals the first query: no key can be closer
    keys = torch.stack([queries, queries.flip(-1)])
    assert info_nce(queries, keys, negatives).stats["top1"].item() == 0.25


@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_reduction(reduction: Literal["sum", "mean"]) -> None:
    queries, keys, negatives = unit(4, 5, 8, seed=0), unit(3, 4, 5, 8, seed=1), unit(4, 9, 8, seed=2)
    total = info_nce(queries, keys, negatives, reduction=reduction).losses.sum()
    per_level = info_nce(queries, keys, negatives).stats["loss"]
    assert total == pytest.approx((per_level.sum() * 3 if reduction == "sum" else per_level.mean()).item())


def test_a_mean_is_over_the_levels_that_count() -> None:
    queries, keys, negatives = unit(4, 5, 8, seed=0), unit(3, 4, 5, 8, seed=1), unit(4, 9, 8, seed=2)
    result = info_nce(queries, keys, negatives, reduction="mean", counted=2)
    assert result.losses[1:3].sum() == pytest.approx(result.stats["loss"][1:3].mean().item())


def test_autocast_does_not_lower_the_precision() -> None:
    queries = unit(2, 4, 32, seed=0, dtype=torch.float32)
    keys, negatives = unit(1, 2, 4, 32, seed=1, dtype=torch.float32), unit(2, 64, 32, seed=2, dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        inside = info_nce(queries, keys, negatives)
    assert torch.equal(inside.losses, info_nce(queries, keys, negatives).losses)


def test_only_the_queries_and_positives_get_a_gradient() -> None:
    queries, keys = unit(2, 3, 4, seed=0).requires_grad_(), unit(1, 2, 3, 4, seed=1).requires_grad_()
    negatives = unit(2, 5, 4, seed=2).requires_grad_()
    result = info_nce(queries, keys, negatives)
    result.losses.sum().backward()
    (right,) = torch.autograd.grad(explicit(queries, keys, negatives.detach(), 0.2).sum(), keys)
    assert negatives.grad is None
    assert torch.allclose(keys.grad, right)
    assert not any(value.requires_grad for value in result.stats.values())


@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_without_levels_it_is_cross_entropy_and_one_level_to_the_bit(reduction: Literal["sum", "mean"]) -> None:
    queries = unit(6, 16, seed=0, dtype=torch.float32).requires_grad_()
    keys, negatives = unit(6, 16, seed=1, dtype=torch.float32), unit(50, 16, seed=2, dtype=torch.float32)
    plain = info_nce(queries, keys, negatives, 0.1, reduction)
    level = info_nce(queries[None], keys[None, None], negatives[None], 0.1, reduction)
    assert plain.losses.shape == ()
    assert torch.equal(plain.losses, level.losses[0])
    assert plain.stats.keys() == level.stats.keys()
    assert all(torch.equal(value, level.stats[name][0]) for name, value in plain.stats.items())
    gradients = [torch.autograd.grad(loss.sum(), queries)[0] for loss in (plain.losses, level.losses)]
    assert torch.equal(*gradients)
    logits = torch.cat([(queries * keys).sum(1, keepdim=True), queries @ negatives.T], dim=1) / 0.1
    expected = F.cross_entropy(logits, torch.zeros(6, dtype=torch.int64))
    assert torch.allclose(plain.losses, expected, rtol=0, atol=1e-6)
    assert torch.allclose(gradients[0], torch.autograd.grad(expected, queries)[0], rtol=0, atol=1e-6)


def test_settings_are_those_of_moco_v2() -> None:
    settings = ContrastSettings()
    assert (settings.queue, settings.temperature, settings.momentum) == (65536, 0.2, 0.999)
