"""Views of whole images: random crops with random colors, for methods that contrast images.

Legend: b samples of this rank, V views, S side of a view.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from codo.catalog.catalog import Catalog
from codo.core.rng import RngStream, generator
from codo.loading.sampler import StepPlan
from codo.loading.step_dataset import StepDataset, ViewBatch
from codo.views import photometric, randaugment
from codo.views.kernels.render import render
from codo.views.lazy_image import Corners, Image, LazyImage
from codo.views.photometric import AugmentSettings
from codo.views.random_crop import random_crop


@dataclass(frozen=True)
class Crop:
    """Settings of one view of an image.

    Attributes:
        side: S, in pixels.
        augment: Crop area, colors, blur, flip.
    """

    side: int
    augment: AugmentSettings


class CropBatch(NamedTuple):
    """All views of one step on one rank.

    Attributes:
        views: V tensors, uint8 ``(b, S, S, 3)``; sides may differ.
        labels: int64 ``(b,)``, class of each image; -1 for images without a class.
        step: Steps done before this one.
    """

    views: tuple[Tensor, ...]
    labels: Tensor
    step: int


class CropViews(StepDataset):
    """Base of datasets of random crops of whole images; they differ in the batch that they make of them.

    Args:
        images: The images.
        crops: Settings of each view.
        seed: The run's seed.
    """

    def __init__(self, images: Catalog, crops: Sequence[Crop], seed: int) -> None:
        self.images, self.crops, self.seed = images, tuple(crops), seed
        self.num_views = len(self.crops)

    def __len__(self) -> int:
        return len(self.images)

    def views(self, epoch: int, sample: int, wanted: Sequence[int]) -> list[Image]:
        """The views with numbers ``wanted`` of an image, which is read once; each ``(S, S, 3)``."""
        image = self.images.lazy_image(sample)
        streams = (generator(self.seed, epoch, sample, RngStream.VIEW + number) for number in wanted)
        return [self.view(image, number, rng) for number, rng in zip(wanted, streams, strict=True)]

    def view(self, image: LazyImage, number: int, rng: np.random.Generator) -> Image:
        """View ``number`` of an image."""
        return random_view(image, self.crops[number], rng)

    def stacked(self, epoch: int, samples: npt.NDArray[np.int64], wanted: Sequence[int]) -> list[Tensor]:
        """For each number in ``wanted``, that view of all ``samples`` ``(b,)``: uint8 ``(b, S, S, 3)``."""
        by_sample = [self.views(epoch, int(sample), wanted) for sample in samples]
        return [torch.from_numpy(np.stack(views)) for views in zip(*by_sample, strict=True)]


class CropDataset(CropViews):
    """Random crops, with labels for methods that learn from them.

    Args:
        images: The images.
        crops: Settings of each view.
        seed: The run's seed.
        labels: (N,) class of every image.
    """

    def __init__(
        self, images: Catalog, crops: Sequence[Crop], seed: int, labels: npt.NDArray[np.int64] | None = None
    ) -> None:
        super().__init__(images, crops, seed)
        self.labels = labels

    def batch(self, plan: StepPlan) -> CropBatch:
        """Every view of every sample of this rank."""
        views = self.stacked(plan.epoch, plan.query, range(self.num_views))
        labels = np.full(len(plan.query), -1) if self.labels is None else self.labels[plan.query]
        return CropBatch(tuple(views), torch.from_numpy(labels), plan.step)


class PairDataset(CropViews):
    """Random crops for momentum contrast: view 0 for the query network, the others, shuffled, for the key network."""

    def batch(self, plan: StepPlan) -> ViewBatch:
        """A batch in the format of `ViewDataset`."""
        (query,) = self.stacked(plan.epoch, plan.query, [0])
        return pair(plan, query, self.stacked(plan.epoch, plan.keys, range(1, self.num_views)))


class InstanceBatch(NamedTuple):
    """Views of images, and which images they are.

    Attributes:
        views: V tensors, uint8 ``(b, S, S, 3)``.
        images: int64 ``(b,)``, the index of each image.
        negatives: int64 ``(b, m)``, for each image m drawn uniformly from all images, itself among them.
        step: Steps done before this one.
    """

    views: tuple[Tensor, ...]
    images: Tensor
    negatives: Tensor
    step: int


class InstanceDataset(CropViews):
    """Random crops with the index of their image and of the images to tell it from.

    Negatives depend on (seed, epoch, image) alone: they are the same on any number of ranks, and after resuming.

    Args:
        images: The images.
        crops: Settings of each view.
        seed: The run's seed.
        negatives: m, number of negatives of an image.
    """

    def __init__(self, images: Catalog, crops: Sequence[Crop], seed: int, negatives: int) -> None:
        super().__init__(images, crops, seed)
        self.negatives = negatives

    def batch(self, plan: StepPlan) -> InstanceBatch:
        """Every view of every sample of this rank."""
        drawn = [
            generator(self.seed, plan.epoch, int(sample), RngStream.NEGATIVES).integers(len(self), size=self.negatives)
            for sample in plan.query
        ]
        views = self.stacked(plan.epoch, plan.query, range(self.num_views))
        samples, negatives = torch.from_numpy(plan.query.astype(np.int64)), torch.from_numpy(np.stack(drawn))
        return InstanceBatch(tuple(views), samples, negatives, plan.step)


def pair(plan: StepPlan, query: Tensor, keys: list[Tensor]) -> ViewBatch:
    """A batch of query views ``(b, S, S, 3)`` and of key views, each ``(b, S, S, 3)``; their boxes are whole views."""
    side = query.shape[1]
    whole = torch.tensor([0, 0, side, side], dtype=torch.float32)
    return ViewBatch(
        query,
        whole.expand(len(query), 4),
        torch.stack(keys),
        whole.expand(len(keys), len(query), 4),
        torch.from_numpy(np.asarray(plan.shuffle, dtype=np.int64)),
        plan.step,
    )


def random_view(image: LazyImage, crop: Crop, rng: np.random.Generator) -> Image:
    """A random crop ``(S, S, 3)`` of an image with random colors and flip."""
    part = random_crop(image.width, image.height, crop.augment.crop_area, crop.augment.crop_ratio, rng)
    return render_crop(image, part, crop, rng)[0]


def render_crop(image: LazyImage, part: Corners, crop: Crop, rng: np.random.Generator) -> tuple[Image, bool]:
    """A given part of an image ``(S, S, 3)`` with random colors and flip, and whether it was flipped."""
    augment = crop.augment
    change = photometric.draw(augment, rng, crop.side)
    flip = bool(rng.random() < augment.flip)
    canvas = np.empty((crop.side, crop.side, 3), np.uint8)
    pixels, inside = image.part(part)
    gray_last = change.gray and augment.randaugment > 0  # as in InfoMin: pixels that an operation fills in get gray too
    first = replace(change, gray=False) if gray_last else change
    render(pixels, inside, flip, first.numbers(), canvas, (0, 0, crop.side, crop.side))
    if augment.randaugment:
        canvas = randaugment.apply(canvas, randaugment.draw(augment.randaugment, augment.magnitude, rng))
    if gray_last:
        canvas = photometric.apply(canvas, photometric.Photometric(gray=True))
    if augment.solarize and rng.random() < augment.solarize:
        canvas = np.where(canvas >= 128, 255 - canvas, canvas).astype(np.uint8)
    return canvas, flip
