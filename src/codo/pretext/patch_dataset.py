"""Patches of a 3 x 3 grid on an image, in one of several arrangements: what `Context` and `Jigsaw` ask about.

A random crop is resized to 3 x 3 cells, and a patch is cut out of each cell that an arrangement names, at the middle of
the cell and up to ``jitter`` pixels from there. So there are gaps of random width between patches, and edges that go on
from one patch to the next do not tell how they lie.

Legend: b samples of this rank, n patches of an arrangement, K arrangements, P side of a patch.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field, model_validator
from torch import Tensor

from codo.catalog.catalog import Catalog
from codo.core.config import Settings
from codo.core.errors import InputError
from codo.core.rng import RngStream, generator
from codo.loading.crop_dataset import Crop, CropViews, random_view
from codo.loading.jigsaw_dataset import GRID, PATCHES, patches_at
from codo.loading.sampler import StepPlan
from codo.pretext.aberration import drop_channels, project_colors, shift_channels
from codo.views.lazy_image import Image
from codo.views.photometric import AugmentSettings

Colors = Literal["drop", "project", "keep"]


class PatchSettings(Settings):
    """Sizes of the grid, and the tricks against shortcuts; methods have their own defaults."""

    cell: int = Field(75, ge=16, description="side of each of the 3 x 3 cells in pixels; what a patch leaves is gap")
    patch: int = Field(64, ge=16, description="side of the patch that is cut out of each cell, in pixels")
    jitter: int = Field(5, ge=0, description="largest distance of a patch from the middle of its cell, in pixels")
    colors: Colors = Field(
        "keep",
        description="against chromatic aberration: drop two channels of each patch, project away green - magenta, or "
        "keep",
    )
    channel_jitter: int = Field(
        0, ge=0, description="against chromatic aberration: largest shift of each channel of a patch, in pixels"
    )
    normalize: bool = Field(False, description="give each patch and channel mean 0 and deviation 1")
    hidden: int = Field(1024, ge=1, description="width of the layer for each patch")
    joined: int = Field(4096, ge=1, description="width of the layer that sees all patches")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.patch > self.cell:
            raise ValueError(f"a patch of {self.patch} pixels does not fit into a cell of {self.cell}")
        return self


class PatchBatch(NamedTuple):
    """Arranged patches of one step on one rank.

    Attributes:
        patches: uint8 ``(b, n, P, P, 3)``.
        answers: int64 ``(b,)``, number of the arrangement.
        step: Steps done before this one.
    """

    patches: Tensor
    answers: Tensor
    step: int


class PatchDataset(CropViews):
    """Patches in an arrangement that is drawn for every sample.

    Args:
        images: The images.
        augment: Crop, colors and flip of what is cut up.
        seed: The run's seed.
        settings: Sizes and tricks.
        arrangements: Cells of the grid, row by row from 0 to 8, for each arrangement: ``(K, n)``.
    """

    def __init__(
        self,
        images: Catalog,
        augment: AugmentSettings,
        seed: int,
        settings: PatchSettings,
        arrangements: npt.NDArray[np.int64],
    ) -> None:
        super().__init__(images, [Crop(GRID * settings.cell, augment)], seed)
        self.settings, self.arrangements = settings, arrangements

    def check_images(self) -> list[str]:
        """Count images that are smaller than the nine patches side by side, which enlarging only blurs.

        Raises:
            InputError: All of them are.
        """
        least, total = GRID * self.settings.patch, len(self.images)
        sides = self.images.decoded_sizes().min(axis=1)  # of packed images those that are trained on
        small = int((sides < least).sum())
        counted = f"{small} of {total} images have a side below {least} pixels, the size of 3 x 3 patches"
        fix = f"set options.patch={max(16, int(sides.min()) // GRID)} or smaller"
        if small == total:
            raise InputError(counted, where=str(self.images.path), fix=f"{fix}, and options.cell, or use larger images")
        return [f"{counted}; enlarged patches teach little: {fix}"] if small else []

    def batch(self, plan: StepPlan) -> PatchBatch:
        """The arranged patches of every sample of this rank."""
        found = [self.arranged(plan.epoch, int(sample)) for sample in plan.query]
        patches = torch.from_numpy(np.stack([patches for patches, _ in found]))
        return PatchBatch(patches, torch.tensor([answer for _, answer in found]), plan.step)

    def arranged(self, epoch: int, sample: int) -> tuple[Image, int]:
        """The patches of one sample, ``(n, P, P, 3)``, and the number of their arrangement."""
        settings = self.settings
        rng = generator(self.seed, epoch, sample, RngStream.VIEW)
        square = random_view(self.images.lazy_image(sample), self.crops[0], rng)
        slack = settings.cell - settings.patch
        low = max(0, slack // 2 - settings.jitter)
        high = min(slack, slack - slack // 2 + settings.jitter) if settings.jitter else low
        answer = int(rng.integers(len(self.arrangements)))
        patches = patches_at(square, settings.patch, rng.integers(low, high, (PATCHES, 2), endpoint=True))
        patches = patches[self.arrangements[answer]]
        if settings.channel_jitter:
            patches = shift_channels(patches, settings.channel_jitter, rng)
        if settings.colors == "drop":
            patches = drop_channels(patches, rng)
        elif settings.colors == "project":
            patches = project_colors(patches)
        return patches, answer
