"""Batches: a pure function of (seed, epoch, image), and targets that fit the pixels."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from codo.annotations.records import Annotations
from codo.annotations.source import DataSettings, read_annotations
from codo.core.errors import CodoError, InputError
from codo.detection.dataset import DetectionBatch, EvaluationDataset, TrainingDataset
from codo.detection.sampler import AspectSampler
from tests.annotations.synthetic import COLORS
from tests.conftest import MakeData


@pytest.fixture
def annotations(make_data: MakeData) -> Annotations:
    return read_annotations(DataSettings(folder=str(make_data(images=6))), "train")


def dataset(annotations: Annotations, **options: Any) -> TrainingDataset:
    defaults = {"masks": True, "seed": 3, "short_sides": (48, 64, 96), "max_size": 200, "flip": 0.5}
    return TrainingDataset(annotations, annotations.images_with_objects(), **{**defaults, **options})


def test_targets_lie_on_their_objects_however_the_image_is_shown(annotations: Annotations) -> None:
    seen = set()
    for epoch in range(6):
        image, target = dataset(annotations).sample(epoch, 2)
        seen.add(tuple(image.shape))
        assert image.dtype == torch.uint8
        assert target["masks"].shape == (2, *image.shape[1:])
        for box, label, mask in zip(target["boxes"], target["labels"], target["masks"], strict=True):
            color = torch.tensor(COLORS[annotations.categories[int(label) - 1].id])
            inside = image[:, mask.bool()].float()
            assert (inside.mean(dim=1) - color).abs().max() < 12  # edges blend with the background
            rows, columns = torch.nonzero(mask, as_tuple=True)
            extent = torch.stack([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]).float()
            assert (extent - box).abs().max() < 1.6  # polygons of discs lie a little inside their boxes
    assert len(seen) == 3


def test_a_sample_depends_on_seed_epoch_and_image_alone(annotations: Annotations) -> None:
    one, other = dataset(annotations), dataset(annotations)
    other.sample(0, 5)  # what came before does not matter
    same = [data.sample(4, 1) for data in (one, other)]
    assert torch.equal(same[0][0], same[1][0])
    assert torch.equal(same[0][1]["masks"], same[1][1]["masks"])
    shapes = {tuple(dataset(annotations, seed=seed).sample(4, 1)[0].shape) for seed in range(9)}
    assert len(shapes) > 1


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_do_not_depend_on_workers(workers: int, annotations: Annotations) -> None:
    data = dataset(annotations)
    sampler = AspectSampler(np.zeros(6, bool), 3, 1, start=1, stop=4)
    loader = torch.utils.data.DataLoader(data, batch_size=None, sampler=sampler, num_workers=workers)
    batches = list(loader)
    assert [batch.step for batch in batches] == [1, 2, 3]
    for batch, plan in zip(batches, sampler, strict=True):
        assert isinstance(batch, DetectionBatch)
        expected = [data.sample(plan.epoch, int(sample)) for sample in plan.query]
        for image, target, (other, truth) in zip(batch.images, batch.targets, expected, strict=True):
            assert torch.equal(image, other)
            assert torch.equal(target["boxes"], truth["boxes"])


def test_boxes_only(annotations: Annotations) -> None:
    _, target = dataset(annotations, masks=False).sample(0, 0)
    assert target.keys() == {"boxes", "labels"}
    assert target["boxes"].dtype == torch.float32
    assert target["labels"].dtype == torch.int64


def test_evaluation_images_are_all_there_at_one_size(annotations: Annotations) -> None:
    data = EvaluationDataset(annotations, short_side=32, max_size=40)
    items = [data[i] for i in range(len(data))]
    assert not any(isinstance(item, CodoError) for item in items)
    assert [(i, tuple(image.shape)) for i, image in items] == [(i, (3, 27, 40)) for i in range(6)]


def test_an_error_is_a_value_that_arrives_whole_from_a_worker(annotations: Annotations) -> None:
    cv2.imwrite(str(annotations.path(3)), np.zeros((96, 64, 3), np.uint8))
    assert isinstance(EvaluationDataset(annotations, short_side=32, max_size=40)[3], InputError)
    plan = next(iter(AspectSampler(np.zeros(6, bool), 6, 1, start=0, stop=1)))
    assert isinstance(dataset(annotations)[plan], InputError)


def test_a_sliver_that_mirroring_leaves_nothing_of_is_no_target(annotations: Annotations) -> None:
    """In float32 an x of 1e-9 is not 0, and 96 - 1e-9 is 96."""
    bbox = annotations.bbox.copy()
    bbox[0] = (0, 5, 1e-9, 10)
    thin = replace(annotations, bbox=bbox)
    assert 0 in thin.learnable(0)
    for flip, kept in ((0.0, 2), (1.0, 1)):
        _, target = dataset(thin, flip=flip).sample(0, 0)
        assert [len(target[name]) for name in ("boxes", "labels", "masks")] == [kept] * 3
        assert (target["boxes"][:, 2:] > target["boxes"][:, :2]).all()
