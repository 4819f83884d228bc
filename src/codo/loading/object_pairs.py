"""ORL's views of pairs of objects (Xie et al. 2021; docs/methods.md#orl): boxes are cropped and resized to images.

A sample has six views in three pairs: two random crops of the image; one of its proposals, once with its own and once
with an augmented box (`codo.views.boxes.augment_box`); and one of its proposals with a similar proposal of another
image. The similar proposals are found once, before the first step (`codo.loading.correspondence`), and stored in the
run's folder.

``pairs.npz`` holds three arrays, boxes as x1, y1, x2, y2 in pixels of the images of the catalog:

=======  ========================  ===================================================================
images   int32 ``(N, K)``          the K images most similar to image i, in any order
own      uint16 ``(N, K, T, 4)``   T proposals of image i
other    uint16 ``(N, K, T, 4)``   the matching proposals of its k-th neighbor
=======  ========================  ===================================================================

Legend: b samples of this rank, N images, K neighbors, T pairs, P proposals of an image, S side of a view.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from codo.catalog.boxes import Boxes, scale_box
from codo.catalog.catalog import Catalog
from codo.core.errors import CodoError, InputError, first_line
from codo.core.io import write_atomically
from codo.core.rng import RngStream, generator
from codo.loading.crop_dataset import Crop, CropBatch, random_view, render_crop
from codo.loading.sampler import StepPlan
from codo.loading.step_dataset import StepDataset
from codo.proposals.filters import ProposalSettings, filter_boxes, subsample
from codo.views import boxes as geometry
from codo.views.lazy_image import Corners, Image, LazyImage
from codo.views.photometric import AugmentSettings

UNCHANGED = AugmentSettings(color=0, gray=0, blur=0, flip=0)


class Pairs(NamedTuple):
    """The contents of ``pairs.npz``; see the top of this file."""

    images: npt.NDArray[np.int32]
    own: npt.NDArray[np.uint16]
    other: npt.NDArray[np.uint16]

    def write(self, path: Path) -> None:
        """Write them to a file, atomically."""
        buffer = io.BytesIO()
        np.savez(buffer, images=self.images, own=self.own, other=self.other)
        write_atomically(path, buffer.getvalue())

    @classmethod
    def read(cls, path: Path) -> Pairs:
        """Read them from a file.

        Raises:
            CodoError: It is missing or damaged.
        """
        try:
            with np.load(path) as arrays:
                return cls(arrays["images"], arrays["own"], arrays["other"])
        except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
            what = f"the pairs of the run cannot be read ({first_line(error)})"
            fix = "put the file back, or start again in a new out="
            raise CodoError(what, where=str(path), fix=fix) from error


class ObjectPairs(StepDataset):
    """A `StepDataset` of pairs of views.

    Args:
        images: The images.
        crops: Settings of the two views of an image.
        patches: Settings of the two views of an object, which are not cropped further.
        compared: Largest number of proposals of an image that are compared, chosen evenly over sizes and positions.
        min_side: Smallest width and height of a proposal in pixels, if the image has such proposals.
        seed: The run's seed.

    Attributes:
        pairs: The similar objects; `Method.prepare_data` sets them before the first batch.

    Raises:
        InputError: The images were prepared without proposals.
    """

    num_views = 6
    pairs: Pairs | None = None

    def __init__(
        self,
        images: Catalog,
        crops: Sequence[Crop],
        patches: Sequence[Crop],
        *,
        compared: int,
        min_side: int,
        seed: int,
    ) -> None:
        if not images.has_proposals:
            fix = "prepare it again without --no-proposals"
            raise InputError("the catalog has no proposals", where=images.path, fix=fix)
        self.images, self.crops, self.patches = images, tuple(crops), tuple(patches)
        self.compared, self.seed, self._rules = compared, seed, ProposalSettings(min_side=min_side)

    def __len__(self) -> int:
        return len(self.images)

    def batch(self, plan: StepPlan) -> CropBatch:
        """The six views of every sample of this rank."""
        samples = [self.sample(plan.epoch, int(sample)) for sample in plan.query]
        views = tuple(torch.from_numpy(np.stack([one[v] for one in samples])) for v in range(self.num_views))
        return CropBatch(views, torch.full((len(samples),), -1), plan.step)

    def sample(self, epoch: int, sample: int) -> list[Image]:
        """The views of a sample: two of the image, two of a proposal, two of a pair."""
        if self.pairs is None:
            what = "the pairs of similar objects are missing"
            raise InputError(what, where="method", fix="call Method.prepare_data first")
        rng = generator(self.seed, epoch, sample, RngStream.PROPOSAL)
        found, image = self.proposals(sample), self.images.lazy_image(sample)
        intra = found[rng.integers(len(found))]
        varied = geometry.augment_box(intra, *self.images.size(sample), rng)
        neighbors, per_neighbor = self.pairs.own.shape[1:3]
        k, t = rng.integers(neighbors), rng.integers(per_neighbor)
        other = int(self.pairs.images[sample, k])
        objects = [
            (sample, image, intra),
            (sample, image, varied),
            (sample, image, self.pairs.own[sample, k, t]),
            (other, self.images.lazy_image(other), self.pairs.other[sample, k, t]),
        ]
        rngs = [generator(self.seed, epoch, sample, RngStream.VIEW + number) for number in range(self.num_views)]
        views = [random_view(image, crop, rng) for crop, rng in zip(self.crops, rngs[:2], strict=True)]
        for (index, source, box), patch, rng in zip(objects, self.patches * 2, rngs[2:], strict=True):
            views.append(render_crop(source, self.part(index, source, box), patch, rng)[0])
        return views

    def proposals(self, sample: int) -> Boxes:
        """The proposals of an image that are used: (P, 4) in pixels of the original size, P up to ``compared``."""
        kept, _ = filter_boxes(self.images.proposals(sample), *self.images.size(sample), self._rules)
        return subsample(kept, self.compared)

    def part(self, sample: int, image: LazyImage, box: npt.NDArray[np.generic]) -> Corners:
        """A box of an image in pixels of its stored version, which packing may have downscaled."""
        return scale_box(box.tolist(), self.images.size(sample), (image.width, image.height))

    def look(self, sample: int) -> Image:
        """An image and its proposals without augmentation, to compare: (1 + P, S, S, 3) with S of the first crop."""
        image, crop = self.images.lazy_image(sample), Crop(self.crops[0].side, UNCHANGED)
        rng = generator(self.seed, 0, sample, RngStream.VIEW)  # required, but without effect on the pixels
        parts = [(0, 0, image.width, image.height)]
        parts += [self.part(sample, image, box) for box in self.proposals(sample)]
        return np.stack([render_crop(image, part, crop, rng)[0] for part in parts])
