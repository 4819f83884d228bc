from __future__ import annotations

import math
from typing import Any, Literal

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from codo.contrast.in_batch import info_nce_in_batch
from codo.contrast.infonce import info_nce

B = 7
OWN = torch.tensor([5, 0, 3])  # the samples of the queries of this rank, in any order


def unit(*shape: int, seed: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return F.normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype), dim=-1)


def explicit(queries: Tensor, keys: Tensor, own: Tensor, temperature: float) -> Tensor:
    """Written out: for each query and key view, cross-entropy over the positive and the keys of other samples."""
    levels = []
    for level in range(len(queries)):
        total = queries.new_zeros(())
        for positive_view in range(len(keys)):
            for query, sample in zip(queries[level], own.tolist(), strict=True):
                others = [view[level, i] for view in keys for i in range(keys.shape[2]) if i != sample]
                logits = torch.stack([keys[positive_view, level, sample], *others]) @ query / temperature
                total = total + F.cross_entropy(logits[None], torch.tensor([0])) / len(own)
        levels.append(total)
    return torch.stack(levels)


@pytest.mark.parametrize("views", [1, 3])
@pytest.mark.parametrize("temperature", [0.07, 1.0])
def test_equals_cross_entropy_on_explicit_logits(views: int, temperature: float) -> None:
    queries, keys = unit(4, 3, 16, seed=0).requires_grad_(), unit(views, 4, B, 16, seed=1)
    weights = torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=torch.float64)  # the levels' gradients must not be mixed up
    ours, expected = info_nce_in_batch(queries, keys, OWN, temperature), explicit(queries, keys, OWN, temperature)
    assert torch.allclose(ours.losses, expected, rtol=0, atol=1e-12)
    (gradient,) = torch.autograd.grad((ours.losses * weights).sum(), queries)
    (right,) = torch.autograd.grad((expected * weights).sum(), queries)
    assert torch.allclose(gradient, right, rtol=0, atol=1e-12)
    assert torch.allclose(ours.stats["loss"], expected.detach() / views)


def test_statistics_are_those_of_a_queue_of_the_same_negatives() -> None:
    queries, keys = unit(2, 1, 8, seed=0), unit(2, 2, B, 8, seed=1)
    others = keys[:, :, [i for i in range(B) if i != 4]]  # (V, L, B - 1, D)
    ours = info_nce_in_batch(queries, keys, torch.tensor([4]))
    queue = info_nce(queries, keys[:, :, 4:5], others.transpose(0, 1).flatten(1, 2))
    assert ours.stats.keys() == queue.stats.keys()
    for name, value in queue.stats.items():
        assert torch.allclose(ours.stats[name], value, rtol=0, atol=1e-12), name


@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_reduction(reduction: Literal["sum", "mean"]) -> None:
    queries, keys = unit(4, 3, 8, seed=0), unit(3, 4, B, 8, seed=2)
    total = info_nce_in_batch(queries, keys, OWN, reduction=reduction).losses.sum()
    per_level = info_nce_in_batch(queries, keys, OWN).stats["loss"]
    assert total == pytest.approx((per_level.sum() * 3 if reduction == "sum" else per_level.mean()).item())


def test_no_gradient_reaches_keys_and_large_logits_do_not_overflow() -> None:
    queries, keys = unit(1, 3, 4, seed=0, dtype=torch.float32), unit(2, 1, B, 4, seed=1, dtype=torch.float32)
    queries.requires_grad_()
    keys.requires_grad_()
    info_nce_in_batch(queries, keys, OWN, temperature=0.002).losses.sum().backward()  # logits up to 500
    assert keys.grad is None
    assert torch.isfinite(queries.grad).all()


def test_random_embeddings_cost_the_logarithm_of_the_choices() -> None:
    loss = info_nce_in_batch(unit(2, 64, 128, seed=0), unit(3, 2, 400, 128, seed=1), torch.arange(64)).stats["loss"]
    assert torch.allclose(loss, torch.full_like(loss, math.log(3 * 399 + 1)), rtol=0.03)


class Largest(TorchDispatchMode):
    """The number of elements of the largest tensor that an operator makes."""

    size = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if not func.is_view and func.overloadpacket is not torch.ops.aten.detach:
            self.size = max([self.size, *(one.numel() for one in tree_leaves(out) if isinstance(one, Tensor))])
        return out


def test_no_matrix_is_larger_than_queries_times_batch() -> None:
    queries, keys = unit(2, 5, 4, seed=0).requires_grad_(), unit(3, 2, 40, 4, seed=1)
    with Largest() as largest:
        info_nce_in_batch(queries, keys, torch.arange(5)).losses.sum().backward()
    assert largest.size == 5 * 40
