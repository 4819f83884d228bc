"""Views of pairs of objects: ORL's (Xie et al. 2021; docs/methods.md#orl), cut out and shown as pictures of their own.

Six views of a sample, two by two: the image, cropped at random twice; one of its proposals, as it is and with another
box around it (`codo.views.boxes.augment_box`); and one of its proposals beside one of another image that looks like it.
Which look alike is found once, before the first step (`codo.methods.correspondence`), and lies in the run's folder.

``pairs.npz`` holds three arrays, boxes as x1, y1, x2, y2 in pixels of the images of the catalog:

=======  ========================  ===================================================================
images   int32 ``(N, K)``          the K images most like image i, in no order that matters
own      uint16 ``(N, K, T, 4)``   T proposals of image i
other    uint16 ``(N, K, T, 4)``   and of its k-th neighbor, pair by pair
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
    """What ``pairs.npz`` holds; see the top."""

    images: npt.NDArray[np.int32]
    own: npt.NDArray[np.uint16]
    other: npt.NDArray[np.uint16]

    def write(self, path: Path) -> None:
        """Write them to a file, as a whole or not at all."""
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
            with np.load(path) as held:
                return cls(held["images"], held["own"], held["other"])
        except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
            what = f"the pairs of the run cannot be read ({first_line(error)})"
            fix = "put the file back, or start again in a new out="
            raise CodoError(what, where=str(path), fix=fix) from error


class ObjectPairs(StepDataset):
    """Step plans to pairs of views.

    Args:
        images: The images.
        crops: How the two views of an image are made.
        patches: How the two views of an object are made; nothing is cropped from them.
        compared: Most proposals of an image that are looked at, evenly over sizes and places.
        min_side: Least width and height of a proposal in pixels, where an image has such.
        seed: The run's seed.

    Attributes:
        pairs: Which objects look alike; found before the first batch.

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
        made = [self.sample(plan.epoch, int(sample)) for sample in plan.query]
        views = tuple(torch.from_numpy(np.stack([one[v] for one in made])) for v in range(self.num_views))
        return CropBatch(views, torch.full((len(made),), -1), plan.step)

    def sample(self, epoch: int, sample: int) -> list[Image]:
        """The views of an image: two of it, two of a proposal, two of a pair."""
        if self.pairs is None:
            raise InputError("the pairs are not found yet", where="method", fix="call Method.prepare_data first")
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
        draws = [generator(self.seed, epoch, sample, RngStream.VIEW + number) for number in range(self.num_views)]
        made = [random_view(image, crop, rng) for crop, rng in zip(self.crops, draws[:2], strict=True)]
        for (whose, shown, box), patch, rng in zip(objects, self.patches * 2, draws[2:], strict=True):
            made.append(render_crop(shown, self.part(whose, shown, box), patch, rng)[0])
        return made

    def proposals(self, sample: int) -> Boxes:
        """The proposals of an image that count: (P, 4) in pixels of the catalog's size, P up to ``compared``."""
        kept, _ = filter_boxes(self.images.proposals(sample), *self.images.size(sample), self._rules)
        return subsample(kept, self.compared)

    def part(self, sample: int, image: LazyImage, box: npt.NDArray[np.generic]) -> Corners:
        """A box of an image in pixels of its stored version, which packing may have shrunk."""
        return scale_box(box.tolist(), self.images.size(sample), (image.width, image.height))

    def look(self, sample: int) -> Image:
        """An image and its proposals as they are, to compare: (1 + P, S, S, 3) with S of the first crop."""
        image, how = self.images.lazy_image(sample), Crop(self.crops[0].side, UNCHANGED)
        rng = generator(self.seed, 0, sample, RngStream.VIEW)  # of which nothing depends
        parts = [(0, 0, image.width, image.height)]
        parts += [self.part(sample, image, box) for box in self.proposals(sample)]
        return np.stack([render_crop(image, part, how, rng)[0] for part in parts])
