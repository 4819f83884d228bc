"""Jigsaws: nine patches of an image in random order, in addition to whole views (PIRL, Misra and van der Maaten 2020).

A random crop of the image is resized to a square of 3 x 3 cells. One patch is cut out of each cell at a random
position, so that continuous edges do not reveal the arrangement, and the nine patches are shuffled. InfoMin and DetCo
use them (docs/methods.md#infomin).

Legend: b samples of this rank, V whole views, P side of a patch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field, model_validator
from torch import Tensor

from codo.catalog.catalog import Catalog
from codo.core.config import Settings
from codo.loading.crop_dataset import Crop, CropViews, pair, random_view
from codo.loading.dataset_inputs import DatasetInputs
from codo.loading.sampler import StepPlan
from codo.loading.step_dataset import ViewBatch
from codo.views.lazy_image import Image, LazyImage
from codo.views.photometric import AugmentSettings
from codo.views.random_crop import Shares

GRID = 3
PATCHES = GRID * GRID


class JigsawSettings(Settings):
    """Sizes of a jigsaw; the defaults are PIRL's."""

    cell: int = Field(85, ge=32, description="side of each of a jigsaw's 3 x 3 cells, in pixels")
    patch: int = Field(64, ge=32, description="side of the patch that is cut out of each cell, in pixels")
    jigsaw_area: Shares = Field((0.6, 1.0), description="share of the image's area that the nine cells cover")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.patch > self.cell:
            raise ValueError(f"a patch of {self.patch} pixels does not fit into a cell of {self.cell}")
        return self


class JigsawBatch(NamedTuple):
    """Whole views and jigsaws of one step on one rank.

    Attributes:
        pair: The whole views.
        query: uint8 ``(b, 9, P, P, 3)``.
        keys: uint8 ``(V - 1, b, 9, P, P, 3)`` in the shuffled order of ``pair``; V = 1 if keys have no jigsaws.
        step: Steps done before this one.
    """

    pair: ViewBatch
    query: Tensor
    keys: Tensor
    step: int


class JigsawDataset(CropViews):
    """Whole views for momentum contrast, and a jigsaw for the query view or for every view.

    Args:
        images: The images.
        crops: Settings of each whole view.
        seed: The run's seed.
        settings: Sizes of the jigsaws.
        augment: Colors and flip of the crop that is cut up; its area is that of ``settings``.
        keys: Whether keys have jigsaws too.
    """

    def __init__(
        self,
        images: Catalog,
        crops: Sequence[Crop],
        seed: int,
        settings: JigsawSettings,
        augment: AugmentSettings,
        *,
        keys: bool,
    ) -> None:
        super().__init__(images, crops, seed)
        area = augment.model_copy(update={"crop_area": settings.jigsaw_area})
        self.whole, self.patch, self.keys = Crop(GRID * settings.cell, area), settings.patch, keys

    @classmethod
    def from_inputs(cls, inputs: DatasetInputs, augment: AugmentSettings, *, keys: bool) -> Self:
        """Whole views with the run's settings, and jigsaws with the sizes in the method's own settings."""
        assert isinstance(inputs.options, JigsawSettings)
        crops = [Crop(inputs.canvas, inputs.augment)] * inputs.views
        return cls(inputs.images, crops, inputs.seed, inputs.options, augment, keys=keys)

    def view(self, image: LazyImage, number: int, rng: np.random.Generator) -> Image:
        """View ``number`` if below V, otherwise the jigsaw ``(9, P, P, 3)`` of view ``number - V``."""
        if number < self.num_views:
            return super().view(image, number, rng)
        return cut_up(random_view(image, self.whole, rng), self.patch, rng)

    def batch(self, plan: StepPlan) -> JigsawBatch:
        """Whole views as in `PairDataset`, and jigsaws."""
        key_views, views = self.num_views - 1, self.num_views
        query, jigsaw = self.stacked(plan.epoch, plan.query, [0, views])
        numbers = [*range(1, views), *(range(views + 1, 2 * views) if self.keys else ())]
        stacks = self.stacked(plan.epoch, plan.keys, numbers)
        keys = torch.stack(stacks[key_views:]) if self.keys else jigsaw.new_empty(0, *jigsaw.shape)
        return JigsawBatch(pair(plan, query, stacks[:key_views]), jigsaw, keys, plan.step)


def cut_up(square: Image, side: int, rng: np.random.Generator) -> Image:
    """Nine patches of a square, in random order.

    Args:
        square: ``(3 c, 3 c, 3)``, 3 x 3 cells of ``c`` pixels.
        side: P, at most ``c``.
        rng: Source of randomness.

    Returns:
        ``(9, P, P, 3)``.
    """
    slack = len(square) // GRID - side
    shifts = rng.integers(0, slack, (PATCHES, 2), endpoint=True)
    return patches_at(square, side, shifts)[rng.permutation(PATCHES)]


def patches_at(square: Image, side: int, shifts: npt.NDArray[np.int64]) -> Image:
    """Nine patches of a square, row by row.

    Args:
        square: ``(3 c, 3 c, 3)``, 3 x 3 cells of ``c`` pixels.
        side: P, at most ``c``.
        shifts: Rows and columns from the corner of each cell to that of its patch, ``(9, 2)``.

    Returns:
        ``(9, P, P, 3)``.
    """
    cell = len(square) // GRID
    patches = np.empty((PATCHES, side, side, 3), np.uint8)
    for number, (down, right) in enumerate(shifts.tolist()):
        row, column = divmod(number, GRID)
        top, left = row * cell + down, column * cell + right
        patches[number] = square[top : top + side, left : left + side]
    return patches


def without_colors(augment: AugmentSettings) -> AugmentSettings:
    """The same crop and flip settings without changes of color."""
    return augment.model_copy(update={"color": 0, "gray": 0, "blur": 0, "solarize": 0, "randaugment": 0})
