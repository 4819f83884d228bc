"""Where blocks lie, and their masks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from codo.loading.sampler import StepSampler
from codo.pretext.blocks import covered, middle
from codo.pretext.inpainting import Inpainting
from tests.pretext.pictures import batch, dataset, noise


@pytest.mark.parametrize("side", [32, 33, 50])
def test_the_middle_has_half_of_the_sides(side: int) -> None:
    data = batch(dataset(Inpainting, noise(2, 60, 60), side), 2)
    assert data.images.shape == (2, side, side, 3)
    start, end = middle(side).start, middle(side).stop
    assert end - start == side // 2
    assert abs(start - (side - end)) <= 1
    assert data.blocks.tolist() == [[[start, start, end, end]]] * 2


def test_random_blocks_lie_inside_and_anywhere() -> None:
    data = batch(dataset(Inpainting, noise(40, 40, 40), 32, region="random", blocks=3), 40)
    assert data.blocks.shape == (40, 3, 4)
    assert (data.blocks[..., 2:] - data.blocks[..., :2] == 8).all()
    assert (int(data.blocks.min()), int(data.blocks.max())) == (0, 32)
    assert len(data.blocks.flatten(0, 1).unique(dim=0)) > 100


def test_blocks_depend_on_seed_and_sample_not_on_ranks() -> None:
    made = dataset(Inpainting, noise(16, 40, 40), 32, region="random")
    whole = [made.batch(plan) for plan in StepSampler(16, 8, 0, stop=3)]
    parts = [[made.batch(plan) for plan in StepSampler(16, 8, 0, stop=3, rank=r, world=2)] for r in range(2)]
    for step, one in enumerate(whole):
        assert torch.equal(one.blocks, torch.cat([part[step].blocks for part in parts]))
        assert torch.equal(one.images, torch.cat([part[step].images for part in parts]))


@pytest.mark.parametrize("margin", [0, 2])
def test_masks_by_loops(margin: int) -> None:
    blocks = torch.from_numpy(np.random.default_rng(0).integers(0, 10, (4, 2, 4)))
    blocks[..., 2:] = blocks[..., :2] + 6
    expected = torch.zeros(4, 16, 16, dtype=torch.bool)
    for image, found in enumerate(blocks.tolist()):
        for left, top, right, bottom in found:
            expected[image, top + margin : bottom - margin, left + margin : right - margin] = True
    assert torch.equal(covered(blocks, 16, margin), expected)
