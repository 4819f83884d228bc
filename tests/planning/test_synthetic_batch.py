"""A batch without data has the shapes and types of a real one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map

import codo
from codo.contrast.bn_groups import permutation
from codo.loading.dataset_inputs import DatasetInputs
from codo.loading.pools import Pool
from codo.loading.sampler import StepPlan
from codo.methods.registry import find_method, own_settings
from codo.planning.synthetic_batch import (
    CLASSES,
    HEIGHT,
    SMALL,
    WIDTH,
    SyntheticCatalog,
    stretched,
    synthetic_batch,
    synthetic_dataset,
)
from codo.training.pretrain_settings import PretrainSettings

B = 6


def settings(method: str, **changes: Any) -> PretrainSettings:
    values = {"foregrounds": "-", "out": "-", "steps": 1, "batch_size": B, "canvas": 64, "method": method, **changes}
    return PretrainSettings.model_validate(values)


def kinds(batch: Any) -> Any:
    """A batch with every tensor replaced by its shape and type."""
    return tree_map(lambda leaf: (tuple(leaf.shape), leaf.dtype) if isinstance(leaf, Tensor) else type(leaf), batch)


@pytest.mark.parametrize("method", ["codo", "moco_v2", "byol", "swav", "densecl", "detco", "soco"])
def test_shapes_and_types_are_those_of_a_batch_of_photographs(method: str, catalog: Path) -> None:
    given = settings(method, **({"backgrounds": ["-"], "views": 3} if method == "codo" else {}))
    opened = codo.open_catalog(catalog)
    pool = Pool([opened], [None])
    options = own_settings(find_method(method), given.options)
    inputs = DatasetInputs(opened, pool, pool, 64, given.views, given.cpj, given.augment, options, seed=0)
    indices = np.arange(B)
    real = find_method(method).dataset(inputs).batch(StepPlan(0, 0, indices, indices, permutation(0, 0, B)))
    assert kinds(stretched(synthetic_batch(synthetic_dataset(given)), B)) == kinds(real)


def test_the_pictures_are_those_of_a_catalog_with_proposals_and_class_folders() -> None:
    made = SyntheticCatalog()
    assert len(made) == CLASSES == len({made.key(i).split("/")[0] for i in range(len(made))})
    image = made.lazy_image(3)
    assert made.size(3) == (image.width, image.height) == (WIDTH, HEIGHT)
    assert image.decode().shape == (HEIGHT, WIDTH, 3)
    (box,) = made.proposals(3)
    assert (box >= 0).all()
    assert box[2] <= WIDTH
    assert box[3] <= HEIGHT
    dataset: Any = synthetic_dataset(settings("supervised"))
    assert len(dataset.classes) == CLASSES


def test_only_axes_as_long_as_the_batch_are_stretched() -> None:
    batch = (torch.zeros(SMALL, 3, SMALL + 1), torch.zeros(2, SMALL, dtype=torch.uint8), 5)
    first, second, number = stretched(batch, 100)
    assert first.shape == (100, 3, SMALL + 1)
    assert (second.shape, second.dtype) == ((2, 100), torch.uint8)
    assert number == 5


def test_no_other_axis_is_as_long_as_the_small_batch() -> None:
    """Else it would be stretched too; every method's default views at the usual size."""
    for method in ("codo", "byol", "swav", "detco", "soco"):
        given = settings(method, canvas=224, **({"backgrounds": ["-"]} if method == "codo" else {}))
        batch = synthetic_batch(synthetic_dataset(given))
        for leaf in tree_leaves(batch):
            if isinstance(leaf, Tensor):
                assert list(leaf.shape).count(SMALL) <= 1
