"""Views of whole images: random crops, each with its own colours, as methods that contrast images use them.

Legend: b samples of this rank, V views, S side of a view.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from codo.catalog.catalog import Catalog
from codo.catalog.picture import Corners, Picture
from codo.views import photometric
from codo.views.crop import Image, random_crop
from codo.views.dataset import StepDataset, ViewBatch
from codo.views.photometric import AugmentSettings
from codo.views.randomness import Stream, generator
from codo.views.render import render
from codo.views.sampler import StepPlan


@dataclass(frozen=True)
class Crop:
    """How one view of an image is made.

    Attributes:
        side: S, in pixels.
        augment: Area, colours, blur, flip.
    """

    side: int
    augment: AugmentSettings


class CropBatch(NamedTuple):
    """All views of one step on one rank.

    Attributes:
        views: V tensors, uint8 ``(b, S, S, 3)``; sides may differ.
        labels: int64 ``(b,)``, class of each image; -1 where it has none.
        step: Steps done before this one.
    """

    views: tuple[Tensor, ...]
    labels: Tensor
    step: int


class CropDataset(StepDataset):
    """Step plans to views of whole images.

    Args:
        images: The images.
        crops: How each view is made.
        seed: The run's seed.
        labels: (N,) class of every image, for methods that learn from labels.
    """

    def __init__(
        self, images: Catalog, crops: Sequence[Crop], seed: int, labels: npt.NDArray[np.int64] | None = None
    ) -> None:
        self.images, self.crops, self.seed, self.labels = images, tuple(crops), seed, labels
        self.number = len(self.crops)

    def __len__(self) -> int:
        return len(self.images)

    def views(self, epoch: int, sample: int, wanted: Sequence[int]) -> list[Image]:
        """The ``wanted`` views of an image, which is read once; each ``(S, S, 3)``."""
        picture, made = self.images.picture(sample), []
        for number in wanted:
            rng = generator(self.seed, epoch, sample, Stream.VIEW + number)
            made.append(random_view(picture, self.crops[number], rng))
        return made

    def batch(self, plan: StepPlan) -> CropBatch:
        """Every view of every sample of this rank."""
        numbers = range(self.number)
        made = [self.views(plan.epoch, int(sample), numbers) for sample in plan.query]
        views = tuple(torch.from_numpy(np.stack([of_sample[v] for of_sample in made])) for v in numbers)
        known = np.full(len(plan.query), -1) if self.labels is None else self.labels[plan.query]
        return CropBatch(views, torch.from_numpy(known), plan.step)


class PairDataset(CropDataset):
    """The same as query and keys of momentum contrast: view 0 for the query network, the rest, shuffled, for keys."""

    def batch(self, plan: StepPlan) -> ViewBatch:  # type: ignore[override]
        """As `ViewDataset` makes them; the box of a view is all of it."""
        keys = range(1, self.number)
        query = np.stack([self.views(plan.epoch, int(sample), [0])[0] for sample in plan.query])
        made = [self.views(plan.epoch, int(sample), keys) for sample in plan.keys]
        key = np.stack([np.stack([of_sample[v - 1] for of_sample in made]) for v in keys])
        whole = torch.tensor([0, 0, self.crops[0].side, self.crops[0].side], dtype=torch.float32)
        return ViewBatch(
            torch.from_numpy(query),
            whole.expand(len(query), 4),
            torch.from_numpy(key),
            whole.expand(len(keys), key.shape[1], 4),
            torch.from_numpy(np.asarray(plan.shuffle, dtype=np.int64)),
            plan.step,
        )


def random_view(picture: Picture, crop: Crop, rng: np.random.Generator) -> Image:
    """A random crop ``(S, S, 3)`` of an image in random colours, mirrored by chance."""
    part = random_crop(picture.width, picture.height, crop.augment.crop_area, crop.augment.crop_ratio, rng)
    return show(picture, part, crop, rng)[0]


def show(picture: Picture, part: Corners, crop: Crop, rng: np.random.Generator) -> tuple[Image, bool]:
    """A given part of an image ``(S, S, 3)`` in random colours, mirrored by chance, and whether it is mirrored."""
    augment = crop.augment
    change = photometric.draw(augment, rng)
    flip = bool(rng.random() < augment.flip)
    canvas = np.empty((crop.side, crop.side, 3), np.uint8)
    image, inside = picture.part(part)
    render(image, inside, flip, *change.coded(), canvas, (0, 0, crop.side, crop.side))
    if augment.solarize and rng.random() < augment.solarize:
        canvas = np.where(canvas >= 128, 255 - canvas, canvas).astype(np.uint8)
    return canvas, flip
