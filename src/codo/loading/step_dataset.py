"""Datasets whose items are whole steps: from a step plan to a batch. The loader's workers run them.

Shapes: ``b`` samples of this rank, ``B`` samples of all ranks, ``V`` views (1 query and V - 1 keys), ``S`` canvas side.
Because an item is a whole step, the loader needs no collation. Pixels are sent as uint8, a quarter of the bytes of
float32. The result does not depend on the worker.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from codo.core.errors import CodoError
from codo.loading.pasted_views import PastedViews
from codo.loading.sampler import StepPlan
from codo.views.cpj import View
from codo.views.device_photometric import Deferred, finish
from codo.views.kernels.color import Floats


class ViewBatch(NamedTuple):
    """The views of one step on one rank; key views are in shuffled order.

    Attributes:
        query_images: uint8 ``(b, S, S, 3)``.
        query_boxes: float32 ``(b, 4)`` in canvas pixels.
        key_images: uint8 ``(V - 1, b, S, S, 3)``.
        key_boxes: float32 ``(V - 1, b, 4)``.
        shuffle: int64 ``(B,)``, the permutation of the step.
        step: Steps done before this one.
        deferred: Color and blur of queries and keys that `ViewDataset.finish` still has to apply; ``None`` if none.
    """

    query_images: Tensor
    query_boxes: Tensor
    key_images: Tensor
    key_boxes: Tensor
    shuffle: Tensor
    step: int
    deferred: tuple[Deferred, Deferred] | None = None


class StepDataset(Dataset[Any], ABC):
    """Base of all datasets of pretraining: maps a `StepPlan` to a batch.

    A batch is a named tuple of tensors and of the number of the step (``step``, see `StepPlan`). It is a pure function
    of the plan and of the run's seed.

    Attributes:
        num_views: Views of a sample.
    """

    num_views: int

    @abstractmethod
    def __len__(self) -> int:
        """Number of samples in an epoch."""

    @abstractmethod
    def batch(self, plan: StepPlan) -> Any:
        """Make the views of a step on one rank.

        Raises:
            CodoError: An image cannot be read.
        """

    def check_images(self) -> list[str]:
        """Look at the images before anything is written; called once for a run.

        Returns:
            Warnings about images of which the method can learn little.

        Raises:
            InputError: The method can learn nothing from the images.
        """
        return []

    def finish(self, batch: Any) -> Any:
        """Device-side part of the batch (color, blur), applied after the copy to the device."""
        return batch

    def __getitem__(self, plan: StepPlan) -> Any:
        """The batch of a step, or the error that prevented it.

        Errors are returned, not raised: the DataLoader would lose their fields (what, where, fix).
        """
        try:
            return self.batch(plan)
        except CodoError as error:
            return error


class ViewDataset(StepDataset):
    """Pasted views (CPJ).

    Args:
        pasted: Makes the views.
        views: Number of views V, at least 2.
    """

    def __init__(self, pasted: PastedViews, views: int) -> None:
        self.pasted, self.num_views = pasted, views

    def __len__(self) -> int:
        return len(self.pasted)

    def views(self, epoch: int, sample: int, numbers: Sequence[int]) -> list[View]:
        """The views of a sample with these numbers; a subclass may add boxes to them."""
        return self.pasted.views(epoch, sample, numbers)

    def batch(self, plan: StepPlan) -> ViewBatch:
        """Make all views of a step; a sample that this rank needs twice is decoded once."""
        keys = range(1, self.num_views)
        wanted: dict[int, list[int]] = {int(sample): [0] for sample in plan.query}
        for sample in plan.keys:
            wanted.setdefault(int(sample), []).extend(keys)
        views: dict[tuple[int, int], View] = {}
        for sample, numbers in wanted.items():
            for number, view in zip(numbers, self.views(plan.epoch, sample, numbers), strict=True):
                views[sample, number] = view
        query = [views[int(sample), 0] for sample in plan.query]
        key = [views[int(sample), number] for number in keys for sample in plan.keys]
        pixels, boxes = _stack(key)
        return ViewBatch(
            *_stack(query),
            pixels.view(self.num_views - 1, -1, *pixels.shape[1:]),
            boxes.view(self.num_views - 1, -1, boxes.shape[-1]),
            torch.from_numpy(np.asarray(plan.shuffle, dtype=np.int64)),
            plan.step,
            (_deferred(query), _deferred(key)) if self.pasted.cpj.defer_photometric else None,
        )

    def finish(self, batch: ViewBatch) -> ViewBatch:
        """Apply the color and blur that the loader has left to the device (``augment.device=device``)."""
        if batch.deferred is None:
            return batch
        queries, keys = batch.deferred
        return batch._replace(
            query_images=finish(batch.query_images, queries),
            key_images=finish(batch.key_images.flatten(0, 1), keys).view_as(batch.key_images),
            deferred=None,
        )


def _deferred(views: list[View]) -> Deferred:
    return Deferred(np.stack([cast(Floats, view.changes) for view in views]), np.stack([view.pasted for view in views]))


def _stack(views: list[View]) -> tuple[Tensor, Tensor]:
    images = torch.from_numpy(np.stack([view.image for view in views]))
    return images, torch.from_numpy(np.stack([view.box for view in views]))
