"""Blocks of images that inpainting hides, drawn for every sample, and as masks.

Legend: b samples of this rank, n blocks of an image, S side of a view.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from codo.catalog.catalog import Catalog
from codo.core.rng import RngStream, generator
from codo.loading.crop_dataset import Crop, CropViews
from codo.loading.sampler import StepPlan


class BlockBatch(NamedTuple):
    """Crops and blocks of one step on one rank.

    Attributes:
        images: uint8 ``(b, S, S, 3)``.
        blocks: int64 ``(b, n, 4)``: left, top, right, bottom of each block, half-open.
        step: Steps done before this one.
    """

    images: Tensor
    blocks: Tensor
    step: int


class BlockDataset(CropViews):
    """One crop of each image, with the block in its middle or with random blocks.

    Args:
        images: The images.
        crops: Settings of the one view.
        seed: The run's seed.
        random_blocks: Number n of random blocks with a quarter of the sides; 0: the middle, with half of the sides.
    """

    def __init__(self, images: Catalog, crops: Sequence[Crop], seed: int, random_blocks: int) -> None:
        super().__init__(images, crops, seed)
        self.random_blocks = random_blocks

    def batch(self, plan: StepPlan) -> BlockBatch:
        """Crops and blocks of every sample of this rank."""
        (images,) = self.stacked(plan.epoch, plan.query, [0])
        side = self.crops[0].side
        if not self.random_blocks:
            start, end = middle(side).start, middle(side).stop
            block = torch.tensor([[start, start, end, end]])
            return BlockBatch(images, block.repeat(len(images), 1, 1), plan.step)
        corners = np.stack([self._corners(plan.epoch, int(sample), side) for sample in plan.query])
        starts = torch.from_numpy(corners)
        return BlockBatch(images, torch.cat([starts, starts + side // 4], dim=2), plan.step)

    def _corners(self, epoch: int, sample: int, side: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
        rng = generator(self.seed, epoch, sample, RngStream.VIEW + self.num_views)  # the stream after those of views
        return rng.integers(0, side - side // 4, (self.random_blocks, 2), endpoint=True)


def middle(side: int) -> slice:
    """Rows and columns of the middle block of a view."""
    return slice(side // 4, side // 4 + side // 2)


def covered(blocks: Tensor, side: int, margin: int = 0) -> Tensor:
    """Which pixels lie in a block ``(b, n, 4)`` and at least ``margin`` pixels inside of it: bool ``(b, S, S)``."""
    places = torch.arange(side, device=blocks.device)
    left, top, right, bottom = (edge[..., None] for edge in blocks.unbind(-1))  # (b, n, 1)
    columns = (places >= left + margin) & (places < right - margin)  # (b, n, S)
    rows = (places >= top + margin) & (places < bottom - margin)
    return (rows[..., :, None] & columns[..., None, :]).any(dim=1)
