"""A batch of any method without data: counting only needs shapes and types.

The method's own dataset makes a small batch of gray images; every axis of the length of that batch is then resized.
Nothing here depends on the views of a method, so methods in users' files are counted like the shipped ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from codo.contrast.bn_groups import permutation
from codo.loading.dataset_inputs import DatasetInputs
from codo.loading.pools import Pool
from codo.loading.sampler import StepPlan
from codo.loading.step_dataset import StepDataset
from codo.methods.registry import find_method, own_settings
from codo.training.pretrain_settings import PretrainSettings
from codo.views.lazy_image import LazyImage

CLASSES = 1000
"""Number of class folders of the synthetic images, as in ImageNet."""
WIDTH, HEIGHT = 500, 375
SMALL = 13
"""Samples of the small batch: a length that no other axis of a batch has, so that its axis can be recognized."""


class SyntheticCatalog:
    """Replaces a catalog: gray images with a lighter object, one in each class folder, with one proposal each."""

    path, has_proposals, packed = "a plan", True, False

    def __len__(self) -> int:
        return CLASSES

    def key(self, i: int) -> str:
        """See `codo.catalog.catalog.Catalog`."""
        return f"{i:04d}/picture.jpg"

    def size(self, i: int) -> tuple[int, int]:
        """See there."""
        return WIDTH, HEIGHT

    def proposals(self, i: int) -> np.ndarray[Any, np.dtype[np.int32]]:
        """See there."""
        return np.array([[WIDTH // 4, HEIGHT // 4, 3 * WIDTH // 4, 3 * HEIGHT // 4]], dtype=np.int32)

    def lazy_image(self, i: int) -> LazyImage:
        """See there."""
        image = np.full((HEIGHT, WIDTH, 3), 127, np.uint8)
        x1, y1, x2, y2 = self.proposals(i)[0]
        image[y1:y2, x1:x2] = 200
        return LazyImage.from_array(image)


def synthetic_dataset(settings: PretrainSettings) -> StepDataset:
    """The dataset of the run's method on synthetic images."""
    images: Any = SyntheticCatalog()
    pool = Pool([images], [None])
    inputs = DatasetInputs(
        images=images,
        query=pool,
        key=pool,
        canvas=settings.canvas,
        views=settings.views,
        pasting=settings.cpj,
        augment=settings.augment.model_copy(update={"device": "cpu"}),
        options=own_settings(find_method(settings.method), settings.options),
        seed=settings.seed,
        localization=settings.localization_weight,
    )
    return find_method(settings.method).dataset(inputs)


def synthetic_batch(dataset: StepDataset) -> Any:
    """A batch of `SMALL` samples in one process."""
    indices = np.arange(SMALL)
    return dataset.batch(StepPlan(0, 0, indices, indices, permutation(0, 0, SMALL)))


def stretched(batch: Any, samples: int) -> Any:
    """A batch like the given small one with ``samples`` samples and uninitialized tensors; call it in a fake mode."""

    def stretch(value: Any) -> Any:
        if not isinstance(value, Tensor):
            return value
        shape = [samples if side == SMALL else side for side in value.shape]
        return torch.empty(shape, dtype=value.dtype, device="cpu")

    return tree_map(stretch, batch)
