from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

import codo
from codo.loading.crop_dataset import Crop, CropDataset, PairDataset
from codo.loading.sampler import StepSampler
from codo.views.photometric import AugmentSettings

PLAIN = AugmentSettings(crop_area=(1.0, 1.0), crop_ratio=(0.01, 100), color=0, gray=0, blur=0, flip=0)


def test_every_view_is_where_it_belongs_whatever_the_ranks(catalog: Path) -> None:
    crops = [Crop(64, AugmentSettings()), Crop(64, AugmentSettings()), Crop(32, AugmentSettings(solarize=0.5))]
    labels = np.arange(24) % 5
    made = CropDataset(codo.open_catalog(catalog), crops, 0, labels)
    whole = [made.batch(plan) for plan in StepSampler(24, 8, 0, stop=3, shuffled=False)]
    for plan, batch in zip(StepSampler(24, 8, 0, stop=3, shuffled=False), whole, strict=True):
        assert [view.shape for view in batch.views] == [(8, 64, 64, 3), (8, 64, 64, 3), (8, 32, 32, 3)]
        assert batch.labels.tolist() == labels[plan.query].tolist()
        (third,) = made.views(plan.epoch, int(plan.query[3]), [2])
        assert np.array_equal(batch.views[2][3].numpy(), third)
        assert not torch.equal(batch.views[0], batch.views[1])
    parts = [[made.batch(plan) for plan in StepSampler(24, 8, 0, stop=3, rank=r, world=2)] for r in range(2)]
    for step, batch in enumerate(whole):
        for v in range(3):
            assert torch.equal(torch.cat([part[step].views[v] for part in parts]), batch.views[v])


def test_pairs_put_keys_into_shuffled_order(catalog: Path) -> None:
    made = PairDataset(codo.open_catalog(catalog), [Crop(64, AugmentSettings())] * 3, 0)
    (plan,) = StepSampler(24, 8, 0, stop=1)
    batch = made.batch(plan)
    assert batch.key_images.shape == (2, 8, 64, 64, 3)
    assert batch.query_boxes.unique(dim=0).tolist() == [[0, 0, 64, 64]]
    for place in range(8):
        (query,) = made.views(0, int(plan.query[place]), [0])
        assert np.array_equal(batch.query_images[place].numpy(), query)
        keys = made.views(0, int(plan.query[plan.shuffle[place]]), [1, 2])
        assert np.array_equal(batch.key_images[:, place].numpy(), np.stack(keys))


def test_solarization_inverts_the_bright_half(catalog: Path) -> None:
    opened = codo.open_catalog(catalog)
    plain, bright = (
        CropDataset(opened, [Crop(64, PLAIN.model_copy(update={"solarize": p}))], 0).views(0, 3, [0])[0]
        for p in (0.0, 1.0)
    )
    assert np.array_equal(bright, np.where(plain >= 128, 255 - plain, plain))
    assert bright.max() < 128
