"""Which samples a step uses, and their order for the key network.

The order of an epoch is a random permutation that depends on (seed, epoch). A step takes the next ``B`` samples of it,
the same on every rank, so the global batches do not depend on the number of ranks. A rank makes the query views of its
share of the batch, and the key views of its share of the *shuffled* batch (see contrast/bn_groups.py). An incomplete
batch at the end of an epoch is dropped (docs/method.md#queue); the next epoch has another order.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from codo.contrast.bn_groups import permutation
from codo.core.errors import InputError
from codo.core.rng import RngStream, generator

Indices = npt.NDArray[np.int64]


class StepPlan(NamedTuple):
    """The samples of one step on one rank.

    Attributes:
        step: Steps done before this one, over all epochs.
        epoch: Epoch of this step.
        query: Samples ``(b,)`` whose query views this rank makes.
        keys: Samples ``(b,)`` whose key views this rank makes.
        shuffle: ``(B,)``: position ``p`` of the shuffled global batch holds sample ``shuffle[p]`` of the global batch.
    """

    step: int
    epoch: int
    query: Indices
    keys: Indices
    shuffle: Indices


class StepSampler:
    """Yields the plans of the steps ``start`` to ``stop`` (exclusive) of a run, for one rank.

    Args:
        samples: Number of samples in the dataset, at least ``batch_size``.
        batch_size: Global batch ``B``; a multiple of ``world``.
        seed: The run's seed.
        start: First step.
        stop: The step before which to end.
        rank: Rank of this process.
        world: Number of ranks.
        shuffled: Whether the samples of the key network are shuffled.

    Raises:
        InputError: The batch is larger than the dataset, or is not divisible by the number of ranks.
    """

    def __init__(
        self,
        samples: int,
        batch_size: int,
        seed: int,
        *,
        start: int = 0,
        stop: int,
        rank: int = 0,
        world: int = 1,
        shuffled: bool = True,
    ) -> None:
        check_batch(samples, batch_size, world)
        self.samples, self.batch_size, self.seed = samples, batch_size, seed
        self.start, self.stop = start, stop
        self.rank, self.world, self.shuffled = rank, world, shuffled

    def __len__(self) -> int:
        return max(0, self.stop - self.start)

    def __iter__(self) -> Iterator[StepPlan]:
        per_epoch = steps_per_epoch(self.samples, self.batch_size)
        order, order_epoch = np.empty(0, np.int64), -1
        for step in range(self.start, self.stop):
            epoch, position = divmod(step, per_epoch)
            if epoch != order_epoch:
                order, order_epoch = self.order(epoch), epoch
            yield self.plan(step, epoch, order[position * self.batch_size : (position + 1) * self.batch_size])

    def order(self, epoch: int) -> Indices:
        """The order of the samples in an epoch; each step takes the next ``batch_size`` of them."""
        return epoch_order(self.samples, self.seed, epoch)

    def plan(self, step: int, epoch: int, batch: Indices) -> StepPlan:
        """This rank's part of the global ``batch`` ``(B,)``."""
        share = self.batch_size // self.world
        rows = slice(self.rank * share, (self.rank + 1) * share)
        shuffle = permutation(self.seed, step, self.batch_size) if self.shuffled else np.arange(self.batch_size)
        return StepPlan(step, epoch, batch[rows], batch[shuffle][rows], shuffle)


def epoch_order(samples: int, seed: int, epoch: int) -> Indices:
    """The order of all samples in an epoch."""
    return generator(seed, epoch, 0, RngStream.ORDER).permutation(samples)


def steps_per_epoch(samples: int, batch_size: int) -> int:
    """Number of complete batches in an epoch."""
    return samples // batch_size


def check_batch(samples: int, batch_size: int, world: int) -> None:
    """Check the size of a batch.

    Raises:
        InputError: It is larger than the dataset, or is not divisible by the number of ranks.
    """
    if batch_size > samples:
        smaller = f"set batch_size={max(2, samples // 2)} or less, or " if samples > 1 else ""
        raise InputError(
            f"batch_size={batch_size} is larger than the {samples} images to learn from",
            where="batch_size",
            fix=f"{smaller}give more images",
        )
    if batch_size % world:
        raise InputError(
            f"batch_size={batch_size} does not divide over {world} processes",
            where="batch_size",
            fix=f"set batch_size={max(1, batch_size // world) * world}; it is the global batch",
        )
