"""Shuffled BatchNorm: which samples share their statistics (MoCo, section 3.3; docs/method.md#shuffled-batchnorm).

Legend: W ranks, B global batch, b = B / W samples per rank, V - 1 key views, L levels, D embedding.

The problem: BatchNorm mixes the samples of a batch. If a query and its positive key were normalized together with the
same other samples, the network could recognize the key by its batch statistics and learn nothing about objects.

The scheme: the keys of a step are computed on a permutation of the step's samples, so that a query and its key are
normalized together with different samples.

1. Every rank draws the same permutation of the global batch; it depends only on the seed and the step.
2. The sampler gives rank r the query views of samples [r*b, (r+1)*b) and the key views of the samples at positions
   [r*b, (r+1)*b) of the permutation. A view is a pure function of (seed, epoch, sample), so the rank makes these views
   itself: no image is sent between ranks.
3. Each rank runs its key views through the key encoder, in `groups_per_rank` groups.
4. `gather` collects the embeddings of all ranks in one collective, `unshuffle` puts them back into the order of the
   samples. Rank r's positives are then rows [r*b, (r+1)*b); all rows go into the queue, in the same order on all ranks.

On one device the batch is split into ``contrast.bn_groups`` groups with their own statistics; with W ranks each rank
has bn_groups / W of them. Either way the same samples are normalized together, so the result does not depend on W.
(Queries use the same number of groups, not permuted.) SyncBN is no substitute (facebookresearch/moco issue 46).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch import distributed as dist
from torch.autograd.function import once_differentiable

from codo.core.errors import InputError
from codo.core.rng import RngStream, generator


def permutation(seed: int, step: int, size: int) -> npt.NDArray[np.int64]:
    """The permutation of a step: position j is taken by sample ``result[j]`` of the global batch.

    Args:
        seed: Seed of the run, not negative.
        step: Steps done before this one, over all epochs.
        size: B, the global batch.
    """
    return generator(seed, 0, step, RngStream.SHUFFLE).permutation(size)


def inverse(order: Tensor) -> Tensor:
    """The inverse of a permutation (B,) int64: sample i stands at position ``result[i]``."""
    return torch.argsort(order)


def groups_per_rank(bn_groups: int, batch: int, world: int = 1) -> int:
    """How many groups with their own BatchNorm statistics each rank splits its share of the batch into.

    Args:
        bn_groups: Groups of the global batch (``contrast.bn_groups``); 0 turns shuffling off.
        batch: B, the global batch.
        world: W, number of ranks.

    Returns:
        bn_groups / W; 1 if shuffling is off or if there are more ranks than groups (each rank is then one group).

    Raises:
        InputError: The batch is not divisible by the groups, or the groups by the ranks; or a group would hold a
            single sample.
    """
    where = "contrast.bn_groups"
    groups = max(bn_groups, world)
    if batch % groups:
        fix = f"choose a batch_size that is a multiple of {groups}, or another contrast.bn_groups"
        raise InputError(f"batch_size {batch} does not divide into {groups} groups", where=where, fix=fix)
    if groups % world:
        fix = f"choose a multiple of {world}, or 0"
        raise InputError(f"{bn_groups} BatchNorm groups do not divide among {world} ranks", where=where, fix=fix)
    if groups > 1 and batch == groups:
        fix = "enlarge batch_size, or use fewer processes or contrast.bn_groups"
        raise InputError("a BatchNorm group of one sample has no statistics", where=where, fix=fix)
    return groups // world


def rank() -> int:
    """Rank of this process; 0 without ``torch.distributed``."""
    return dist.get_rank() if dist.is_available() and dist.is_initialized() else 0


def gather(keys: Tensor) -> Tensor:
    """Collect the keys of all ranks, for all levels and key views in one collective.

    Args:
        keys: (V-1, L, b, D) of this rank.

    Returns:
        (V-1, L, B, D), concatenated along the batch in the order of the ranks; ``keys`` itself in a single process.
    """
    if not (dist.is_available() and dist.is_initialized()) or dist.get_world_size() == 1:
        return keys
    world = dist.get_world_size()
    gathered = keys.new_empty((world * keys.shape[0], *keys.shape[1:]))
    dist.all_gather_into_tensor(gathered, keys.contiguous())
    views, levels, share, dim = keys.shape
    return gathered.view(world, views, levels, share, dim).permute(1, 2, 0, 3, 4).reshape(views, levels, -1, dim)


class _Gather(torch.autograd.Function):
    """`gather` with a gradient: the sum over all ranks of the gradients for this rank's rows."""

    @staticmethod
    def forward(ctx: Any, keys: Tensor) -> Tensor:
        return gather(keys)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        gradient = gradient.contiguous()
        dist.all_reduce(gradient)
        return gradient.tensor_split(dist.get_world_size(), dim=2)[rank()]


def gather_with_gradient(keys: Tensor) -> Tensor:
    """`gather`, through which the gradients of all ranks' losses flow back to the ranks of the keys."""
    if not (dist.is_available() and dist.is_initialized()) or dist.get_world_size() == 1:
        return keys
    gathered: Tensor = _Gather.apply(keys)
    return gathered


def average_over_ranks(tensors: Sequence[Tensor]) -> None:
    """Replace floating-point tensors, such as running statistics, by their means over all ranks, in one collective."""
    if not (dist.is_available() and dist.is_initialized()) or not tensors:
        return
    flat = torch.cat([tensor.flatten() for tensor in tensors])
    dist.all_reduce(flat)
    parts = torch.split(flat / dist.get_world_size(), [tensor.numel() for tensor in tensors])
    torch._foreach_copy_(list(tensors), [part.view_as(one) for part, one in zip(parts, tensors, strict=True)])


def unshuffle(keys: Tensor, order: Tensor) -> Tensor:
    """Put keys back into the order of the samples.

    Args:
        keys: (..., B, D) in the order of the permutation.
        order: (B,) int64, the permutation: position j holds the key of sample ``order[j]``.

    Returns:
        (..., B, D): row i holds the key of sample i.
    """
    return keys.index_select(-2, inverse(order))
