"""Where the patches of a jigsaw come from, and where they go."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import codo
from codo.core.errors import InputError
from codo.loading.crop_dataset import Crop
from codo.loading.dataset_inputs import DatasetInputs
from codo.loading.jigsaw_dataset import JigsawDataset, JigsawSettings, cut_up, without_colors
from codo.loading.sampler import StepSampler
from codo.methods.registry import read_options
from codo.views.cpj import CPJSettings
from codo.views.photometric import AugmentSettings

SETTINGS = JigsawSettings(cell=40, patch=32)


def test_patches_are_cut_from_nine_cells_and_shuffled() -> None:
    rows, columns = np.mgrid[0:120, 0:120]
    square = np.stack([rows, columns, 0 * rows], axis=2).astype(np.uint8)
    corners, orders = [], set()
    for seed in range(40):
        patches = cut_up(square, 32, np.random.default_rng(seed))
        assert patches.shape == (9, 32, 32, 3)
        starts = patches[:, 0, 0, :2].astype(int)
        for patch, (row, column) in zip(patches, starts, strict=True):
            assert np.array_equal(patch, square[row : row + 32, column : column + 32])
        cells = starts // 40
        assert (starts - 40 * cells <= 8).all()  # inside of its cell
        assert sorted(map(tuple, cells.tolist())) == [(i, j) for i in range(3) for j in range(3)]
        corners.append(starts - 40 * cells)
        orders.add(tuple(map(tuple, cells.tolist())))
    assert len(orders) == 40
    assert np.unique(np.concatenate(corners)).tolist() == list(range(9))  # both ends are reached


@pytest.mark.parametrize("keys", [False, True])
def test_jigsaws_go_with_their_views_whatever_the_ranks(catalog: Path, keys: bool) -> None:
    crops = [Crop(64, AugmentSettings())] * 3
    made = JigsawDataset(codo.open_catalog(catalog), crops, 0, SETTINGS, AugmentSettings(), keys=keys)
    whole = [made.batch(plan) for plan in StepSampler(24, 8, 0, stop=2)]
    for plan, batch in zip(StepSampler(24, 8, 0, stop=2), whole, strict=True):
        assert batch.query.shape == (8, 9, 32, 32, 3)
        assert batch.keys.shape == ((2 if keys else 0), 8, 9, 32, 32, 3)
        assert batch.pair.key_images.shape == (2, 8, 64, 64, 3)
        for place in range(8):
            view, jigsaw = made.views(plan.epoch, int(plan.query[place]), [0, 3])
            assert np.array_equal(batch.pair.query_images[place].numpy(), view)
            assert np.array_equal(batch.query[place].numpy(), jigsaw)
            if keys:
                shuffled = int(plan.query[plan.shuffle[place]])
                assert np.array_equal(batch.keys[:, place].numpy(), np.stack(made.views(plan.epoch, shuffled, [4, 5])))
    parts = [[made.batch(plan) for plan in StepSampler(24, 8, 0, stop=2, rank=r, world=2)] for r in range(2)]
    for step, batch in enumerate(whole):
        assert torch.equal(torch.cat([part[step].query for part in parts]), batch.query)
        assert torch.equal(torch.cat([part[step].keys for part in parts], dim=1), batch.keys)


def test_the_area_is_the_jigsaw_s_own_and_colors_can_be_left_out(catalog: Path) -> None:
    opened = codo.open_catalog(catalog)
    full = JigsawSettings(cell=40, patch=40, jigsaw_area=(1.0, 1.0))
    augment = AugmentSettings(crop_ratio=(0.01, 100), flip=0, color=1, gray=1)
    plain, colored = (
        JigsawDataset(opened, [Crop(64, augment)] * 2, 0, full, one, keys=False)
        for one in (without_colors(augment), augment)
    )
    (first,), (second,) = (made.views(epoch, 2, [2]) for made, epoch in ((plain, 0), (plain, 1)))
    # Cells without play in another order: always the same nine pictures.
    assert sorted(patch.tobytes() for patch in first) == sorted(patch.tobytes() for patch in second)
    gray = colored.views(0, 2, [2])[0]
    assert (gray == gray[..., :1]).all()
    assert not (first == first[..., :1]).all()


def test_a_patch_larger_than_its_cell_is_refused() -> None:
    with pytest.raises(InputError, match="a patch of 96 pixels does not fit into a cell of 85"):
        read_options("infomin", {"patch": 96})


@pytest.mark.parametrize("keys", [False, True])
def test_of_a_run_s_settings(catalog: Path, keys: bool) -> None:
    """Whole views with the run's colors, jigsaws with those that the method asks for."""
    colored, plain = AugmentSettings(flip=0.3), without_colors(AugmentSettings(flip=0.3))
    images, pasting = codo.open_catalog(catalog), CPJSettings()
    inputs = DatasetInputs(images, None, None, 64, 3, pasting, colored, SETTINGS, seed=5)
    made = JigsawDataset.from_inputs(inputs, plain, keys=keys)
    expected = JigsawDataset(images, [Crop(64, colored)] * 3, 5, SETTINGS, plain, keys=keys)
    (plan,) = StepSampler(24, 8, 0, stop=1)
    one, two = made.batch(plan), expected.batch(plan)
    assert torch.equal(one.query, two.query)
    assert torch.equal(one.keys, two.keys)
    assert torch.equal(one.pair.query_images, two.pair.query_images)
