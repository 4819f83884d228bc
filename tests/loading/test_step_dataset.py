"""Batches: the right view at the right place, whatever the number of ranks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import codo
from codo.core.errors import CodoError
from codo.loading.pasted_views import PastedViews
from codo.loading.pools import Pool
from codo.loading.sampler import StepSampler
from codo.loading.step_dataset import ViewBatch, ViewDataset
from codo.views.cpj import CopyPasteJitter, CPJSettings
from codo.views.photometric import AugmentSettings


@pytest.fixture(scope="module")
def cpj(catalog: Path) -> PastedViews:
    opened = codo.open_catalog(catalog)
    pool = Pool([opened], [None])
    return PastedViews(opened, pool, pool, CopyPasteJitter(64, CPJSettings(), AugmentSettings()), seed=0)


def batches(cpj: PastedViews, views: int, rank: int = 0, world: int = 1) -> list[ViewBatch]:
    dataset = ViewDataset(cpj, views)
    return [dataset.batch(plan) for plan in StepSampler(24, 8, 0, stop=4, rank=rank, world=world)]


@pytest.mark.parametrize("views", [2, 4])
def test_every_view_is_where_it_belongs(cpj: PastedViews, views: int) -> None:
    for plan, batch in zip(StepSampler(24, 8, 0, stop=4), batches(cpj, views), strict=True):
        assert batch.query_images.shape == (8, 64, 64, 3)
        assert batch.key_images.shape == (views - 1, 8, 64, 64, 3)
        assert batch.query_images.dtype == torch.uint8
        for place in range(8):
            (query,) = cpj.views(plan.epoch, int(plan.query[place]), [0])
            assert np.array_equal(batch.query_images[place].numpy(), query.image)
            assert np.array_equal(batch.query_boxes[place].numpy(), query.box)
            sample = int(plan.query[plan.shuffle[place]])  # keys are in shuffled order
            for number, key in enumerate(cpj.views(plan.epoch, sample, range(1, views))):
                assert np.array_equal(batch.key_images[number, place].numpy(), key.image)
                assert np.array_equal(batch.key_boxes[number, place].numpy(), key.box)


@pytest.mark.parametrize("world", [2, 4])
def test_ranks_together_make_the_batch_of_one_process(cpj: PastedViews, world: int) -> None:
    parts = [batches(cpj, 3, rank, world) for rank in range(world)]
    for step, whole in enumerate(batches(cpj, 3)):
        assert torch.equal(torch.cat([part[step].query_images for part in parts]), whole.query_images)
        assert torch.equal(torch.cat([part[step].key_images for part in parts], dim=1), whole.key_images)
        assert torch.equal(torch.cat([part[step].key_boxes for part in parts], dim=1), whole.key_boxes)


def test_an_error_of_a_worker_arrives_whole(cpj: PastedViews, tmp_path: Path, photos: Path) -> None:
    import shutil

    shutil.copytree(photos, tmp_path / "photos")
    opened = codo.prepare(tmp_path / "photos", tmp_path / "catalog", jobs=1)
    for path in (tmp_path / "photos").glob("*.jpg"):
        path.unlink()
    pool = Pool([opened], [None])
    broken = PastedViews(opened, pool, pool, CopyPasteJitter(64, CPJSettings(), AugmentSettings()), seed=0)
    loader = torch.utils.data.DataLoader(
        ViewDataset(broken, 2), batch_size=None, sampler=StepSampler(24, 8, 0, stop=1), num_workers=1
    )
    (error,) = list(loader)
    assert isinstance(error, CodoError)
    assert ".jpg" in error.where + error.what
    assert error.fix
