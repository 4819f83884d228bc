"""InsLoc: whole images are pasted, and the query's coarsest level is pooled from an anchor."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import codo
from codo.contrast.infonce import ContrastSettings
from codo.core.config import resolve
from codo.core.errors import InputError
from codo.loading.sampler import StepSampler
from codo.loading.step_dataset import ViewBatch
from codo.methods.base import Setup
from codo.methods.codo import CoDo, CoDoOptions
from codo.methods.insloc import InsLoc, InsLocOptions, InsLocViews
from codo.models.encoder import ModelSettings
from codo.training.pretrain_settings import PretrainSettings
from codo.training.pretrain_task import open_inputs
from codo.views.boxes import iou

MODEL = ModelSettings(backbone="resnet18", width=0.125, fpn_channels=16, head="1conv1fc", head_dim=32, embedding_dim=16)
B = 8


@pytest.fixture(scope="module")
def dataset(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> InsLocViews:
    """The recipe's views of images without proposals, with another threshold."""
    bare = codo.prepare(photos, tmp_path_factory.mktemp("bare") / "catalog", propose=False, jobs=1).path
    given: dict[str, Any] = {"foregrounds": str(bare), "backgrounds": [str(bare)], "out": "run", "canvas": 128}
    settings = resolve(PretrainSettings, "insloc", {**given, "options.min_iou": 0.55})
    return InsLoc.dataset(open_inputs(settings))


@pytest.fixture(scope="module")
def batches(dataset: InsLocViews) -> list[ViewBatch]:
    return [dataset.batch(plan) for plan in StepSampler(len(dataset), B, 0, stop=12)]


def test_anchors_of_queries_overlap_by_more_than_asked(batches: list[ViewBatch]) -> None:
    moved = 0
    for batch in batches:
        pasted, anchor = batch.query_boxes.double().split(4, dim=-1)
        overlap = iou(pasted.numpy(), anchor.numpy())
        same = (pasted == anchor).all(dim=-1).numpy()
        assert ((overlap > 0.55) | same).all()
        assert (anchor >= 0).all()
        assert (anchor <= 128).all()
        moved += int((~same).sum())
    assert moved > 0.9 * B * len(batches)  # docs/method.md#box-jitter: nearly every box has an anchor


def test_keys_keep_the_pasted_box(batches: list[ViewBatch]) -> None:
    for batch in batches:
        first, second = batch.key_boxes.split(4, dim=-1)
        assert torch.equal(first, second)


def test_a_batch_repeats_and_does_not_depend_on_the_ranks(dataset: InsLocViews, batches: list[ViewBatch]) -> None:
    halves = [next(iter(StepSampler(len(dataset), B, 0, stop=1, rank=rank, world=2))) for rank in range(2)]
    boxes = torch.cat([dataset.batch(plan).query_boxes for plan in halves])
    assert torch.equal(boxes, batches[0].query_boxes)


def test_the_whole_image_is_pasted_in_its_own_aspect(dataset: InsLocViews) -> None:
    size = dataset.pasted.foregrounds.size(3)
    assert dataset.pasted.proposal(0, 3).shape == (size[1], size[0], 3)
    assert np.array_equal(dataset.pasted.proposal(0, 3), dataset.pasted.proposal(7, 3))


def test_without_contrast_nothing_is_left_that_could_be_added() -> None:
    """Localization, which saves CoDo, has no effect here: the error must not name it."""
    contrast = ContrastSettings(queue=16, bn_groups=2)
    setup = Setup(MODEL, contrast, InsLocOptions(contrast_weight=0), batch_size=B)
    with pytest.raises(InputError, match="leaves nothing to learn") as caught:
        InsLoc(setup)
    assert caught.value.fix == "leave it out"
    with pytest.raises(InputError) as caught:
        CoDo(replace(setup, options=CoDoOptions(contrast_weight=0)))
    assert caught.value.fix == "add localization=1, or leave it out"


def test_only_the_coarsest_level_of_queries_sees_the_anchor(batches: list[ViewBatch]) -> None:
    torch.manual_seed(0)
    contrast = ContrastSettings(queue=16, bn_groups=2)
    method = InsLoc(Setup(MODEL, contrast, InsLocOptions(), batch_size=B)).eval()
    pixels, boxes = method.pixels(batches[0].query_images), batches[0].query_boxes
    with torch.no_grad():
        both = method.query(pixels, boxes)
        pasted, anchor = method.query(pixels, boxes[:, :4]), method.query(pixels, boxes[:, 4:])
    assert torch.allclose(both[:3], pasted[:3], atol=1e-5)
    assert torch.allclose(both[3], anchor[3], atol=1e-5)
    assert not torch.allclose(both[3], pasted[3], atol=1e-3)
    assert method.embed_boxes(batches[0].query_images, boxes[:, :4]).shape == (B, 4 * 16)  # one box serves all levels
