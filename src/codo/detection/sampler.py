"""Batches of images that are all wide or all tall, where possible.

Images of a batch are padded to one size. In one batch, a wide and a tall image of 800 x 1067 pixels both become
1067 x 1067: a third more pixels, all padding. Detectron2 and torchvision's recipes group by aspect ratio as well.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from codo.core.rng import RngStream, generator
from codo.loading.sampler import Indices, StepSampler


class AspectSampler(StepSampler):
    """Plans of the steps ``start`` to ``stop`` of a run, for one rank; see `StepSampler`.

    Args:
        tall: bool ``(samples,)``, which images are taller than wide.
        batch_size: Global batch size.
        seed: The run's seed.
        start: First step.
        stop: Step after the last one.
        rank: Rank of this process.
        world: Number of processes.

    Raises:
        InputError: The batch is larger than the data set, or does not divide over the ranks.
    """

    def __init__(
        self,
        tall: npt.NDArray[np.bool_],
        batch_size: int,
        seed: int,
        *,
        start: int,
        stop: int,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        super().__init__(len(tall), batch_size, seed, start=start, stop=stop, rank=rank, world=world, shuffled=False)
        self.tall = tall

    def order(self, epoch: int) -> Indices:
        """The order of an epoch, a function of (seed, epoch) alone."""
        order = super().order(epoch)
        return group(order, self.tall[order], self.batch_size, generator(self.seed, epoch, 1, RngStream.ORDER))


def group(order: Indices, tall: npt.NDArray[np.bool_], batch_size: int, rng: np.random.Generator) -> Indices:
    """Reorder so that each batch of ``batch_size`` consecutive samples has one kind of image.

    Full batches of each kind come first, in random order, then the remaining samples of both kinds, mixed. So there are
    as many full batches as without grouping, and the samples after the last full batch change from epoch to epoch.

    Args:
        order: ``(n,)`` samples in random order.
        tall: ``(n,)``, the kind of each.
        batch_size: Samples in a batch.
        rng: Decides the order of the batches.
    """
    batches: list[Indices] = []
    rest: list[Indices] = []
    for kind in (order[~tall], order[tall]):
        full = len(kind) // batch_size * batch_size
        batches += np.split(kind[:full], full // batch_size) if full else []
        rest.append(kind[full:])
    shuffled = [batches[i] for i in rng.permutation(len(batches))]
    return np.concatenate([*shuffled, rng.permutation(np.concatenate(rest))])
