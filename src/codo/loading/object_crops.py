"""Views of an image that share proposals: SoCo's (Wei et al. 2021; docs/methods.md#soco).

View 1 is the whole image, view 2 a random crop, view 3 the same crop at half the side; each has its own colors and
flip. K proposals inside the crop are transformed to all three views, and jittered in view 1. The same objects therefore
appear at different positions and sizes and, after `codo.models.box_levels`, on different levels.

Legend: b samples of this rank, V = 3 views, S side of a view, K boxes, P proposals of an image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from codo.catalog.boxes import Boxes, scale_boxes
from codo.catalog.catalog import Catalog
from codo.core.errors import InputError
from codo.core.rng import RngStream, generator
from codo.loading.crop_dataset import Crop, render_crop
from codo.loading.sampler import StepPlan
from codo.loading.step_dataset import StepDataset
from codo.proposals.filters import ProposalSettings, filter_boxes
from codo.views import boxes as geometry
from codo.views.lazy_image import Corners, Image, LazyImage
from codo.views.random_crop import random_crop

TRIES = 5
"""Random crops drawn until one has enough proposals in it."""


@dataclass(frozen=True)
class Objects:
    """Which proposals are used, and how their boxes are jittered.

    Attributes:
        number: K, boxes of a sample.
        size_band: Smallest and largest sqrt(box area / image area), if the image has such boxes.
        jitter: Largest change by the jitter, as a share of the box's sides.
        jitter_share: Probability that a box of view 1 is jittered.
        visible: More than this share of a proposal's area must lie in the crop.
    """

    number: int
    size_band: tuple[float, float]
    jitter: float
    jitter_share: float
    visible: float


class ObjectBatch(NamedTuple):
    """All views of one step on one rank.

    Attributes:
        views: V tensors, uint8 ``(b, S, S, 3)``; sides differ.
        boxes: V tensors, float32 ``(b, K, 4)`` in pixels of the view; box k shows the same object in all views.
        step: Steps done before this one.
    """

    views: tuple[Tensor, ...]
    boxes: tuple[Tensor, ...]
    step: int


class ObjectDataset(StepDataset):
    """A `StepDataset` of views that share proposals.

    Args:
        images: The images.
        crops: Settings of views 1, 2 and 3; the crop area is used for view 2 only.
        objects: See `Objects`.
        seed: The run's seed.

    Raises:
        InputError: The images were prepared without proposals, or RandAugment is on.
    """

    def __init__(self, images: Catalog, crops: Sequence[Crop], objects: Objects, seed: int) -> None:
        if not images.has_proposals:
            fix = "prepare it again without --no-proposals"
            raise InputError("the catalog has no proposals", where=images.path, fix=fix)
        if any(crop.augment.randaugment for crop in crops):
            what = "RandAugment moves pixels, and the boxes of proposals would not follow"
            raise InputError(what, where="augment.randaugment", fix="set augment.randaugment=0")
        self.images, self.crops, self.objects, self.seed = images, tuple(crops), objects, seed
        self.num_views = len(self.crops)
        self._rules = ProposalSettings(size_band=objects.size_band)

    def __len__(self) -> int:
        return len(self.images)

    def batch(self, plan: StepPlan) -> ObjectBatch:
        """Every view of every sample of this rank."""
        samples = [self.sample(plan.epoch, int(sample)) for sample in plan.query]
        views = tuple(torch.from_numpy(np.stack([one[v][0] for one in samples])) for v in range(self.num_views))
        boxes = tuple(torch.from_numpy(np.stack([one[v][1] for one in samples])) for v in range(self.num_views))
        return ObjectBatch(views, boxes, plan.step)

    def sample(self, epoch: int, sample: int) -> list[tuple[Image, npt.NDArray[np.float32]]]:
        """The views of an image, each ``(S, S, 3)``, with their boxes ``(K, 4)``."""
        image = self.images.lazy_image(sample)
        crop, chosen = self.choose(image, self.proposals(sample, image), epoch, sample)
        views = []
        for number, part in enumerate(((0, 0, image.width, image.height), crop, crop)):
            rng, settings = generator(self.seed, epoch, sample, RngStream.VIEW + number), self.crops[number]
            pixels, flip = render_crop(image, part, settings, rng)
            boxes = geometry.transform_boxes(chosen, part, settings.side, flip).astype(np.float32)
            views.append((pixels, self.jittered(boxes, settings.side, rng) if number == 0 else boxes))
        return views

    def proposals(self, sample: int, image: LazyImage) -> Boxes:
        """The proposals ``(P, 4)`` of an image that pass the filter or its fallback (`codo.proposals.filters`)."""
        width, height = self.images.size(sample)
        kept, _ = filter_boxes(self.images.proposals(sample), width, height, self._rules)
        return scale_boxes(kept, (width, height), (image.width, image.height))

    def choose(self, image: LazyImage, found: Boxes, epoch: int, sample: int) -> tuple[Corners, Boxes]:
        """A random crop of an image, and K of the proposals in it.

        Crops are drawn until one contains enough proposals: K / 2, a number that is halved after each failure. If the
        crop contains fewer than K, some are repeated; if it contains none, the crop itself is the only object.

        Returns:
            The crop, and boxes ``(K, 4)`` in pixels of the image.
        """
        rng, augment = generator(self.seed, epoch, sample, RngStream.PROPOSAL), self.crops[1].augment
        objects = self.objects
        enough = max(1, objects.number // 2)
        for _ in range(TRIES):
            part = random_crop(image.width, image.height, augment.crop_area, augment.crop_ratio, rng)
            corners = np.array(part)
            clipped = np.concatenate([np.maximum(found[:, :2], corners[:2]), np.minimum(found[:, 2:], corners[2:])], 1)
            inside = found[geometry.area(clipped) > objects.visible * geometry.area(found)]
            if len(inside) >= enough:
                break
            enough = max(1, enough // 2)
        candidates = inside if len(inside) else corners[None].astype(np.int32)
        distinct = rng.permutation(len(candidates))[: objects.number]
        repeated = rng.integers(len(candidates), size=objects.number - len(distinct))
        return part, candidates[np.concatenate([distinct, repeated])]

    def jittered(self, boxes: npt.NDArray[np.float32], side: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
        """Boxes ``(K, 4)``, some of them jittered and clipped to the view, whatever their IoU with the original."""
        moved = [geometry.jitter(box, side, self.objects.jitter, 0.0, 1, rng) for box in boxes]
        return np.where(rng.random((len(boxes), 1)) < self.objects.jitter_share, np.stack(moved), boxes)
