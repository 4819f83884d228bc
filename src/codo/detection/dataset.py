"""Datasets for training and evaluation of detectors; they run in the loader's workers.

Legend: b images of a batch, n objects of an image, H and W its height and width after resizing.

Images are passed on as uint8 and unpadded: the detector normalizes and pads on the device.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset

from codo.annotations.images import read_image
from codo.annotations.records import Annotations
from codo.core.errors import CodoError
from codo.core.rng import RngStream, generator
from codo.detection.transforms import Geometry, random_geometry, resized_size
from codo.loading.sampler import StepPlan
from codo.views.lazy_image import Image


class DetectionBatch(NamedTuple):
    """The images of one step on one rank.

    Attributes:
        images: b tensors uint8 ``(3, H, W)``, RGB.
        targets: For each image ``boxes`` float32 ``(n, 4)`` xyxy, ``labels`` int64 ``(n,)`` from 1 and, when masks are
            learned, ``masks`` uint8 ``(n, H, W)`` of 0 and 1; n may be 0.
        step: Number of steps before this one.
    """

    images: list[Tensor]
    targets: list[dict[str, Tensor]]
    step: int


class TrainingDataset(Dataset["DetectionBatch | CodoError"]):
    """Maps step plans to batches. The augmentation of an image depends only on (seed, epoch, image).

    Args:
        annotations: Annotations with images.
        images: Indices of the training images; the samples of a plan are indices into this array.
        masks: Whether targets have masks.
        seed: The run's seed.
        short_sides: Short sides in pixels, one of which is drawn for every image.
        max_size: Largest long side in pixels.
        flip: Probability of mirroring an image.
    """

    def __init__(
        self,
        annotations: Annotations,
        images: npt.NDArray[np.int64],
        *,
        masks: bool,
        seed: int,
        short_sides: tuple[int, ...],
        max_size: int,
        flip: float,
    ) -> None:
        self.annotations, self.images, self.masks, self.seed = annotations, images, masks, seed
        self.short_sides, self.max_size, self.flip = short_sides, max_size, flip

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, plan: StepPlan) -> DetectionBatch | CodoError:
        """The batch of a step, or an error: returned, because torch changes exceptions that a worker raises."""
        try:
            samples = [self.sample(plan.epoch, int(sample)) for sample in plan.query]
        except CodoError as error:
            return error
        images, targets = zip(*samples, strict=True)
        return DetectionBatch(list(images), list(targets), plan.step)

    def sample(self, epoch: int, sample: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Image and target number ``sample``, augmented for ``epoch``.

        Raises:
            InputError: See `read_image`.
        """
        i = int(self.images[sample])
        image = read_image(self.annotations, i)
        rng = generator(self.seed, epoch, sample, RngStream.TRANSFORM)
        height, width = image.shape[:2]
        geometry = random_geometry(
            rng, (height, width), short_sides=self.short_sides, max_size=self.max_size, flip=self.flip
        )
        return to_tensor(geometry.image(image)), self.target(i, geometry)

    def target(self, i: int, geometry: Geometry) -> dict[str, Tensor]:
        """Boxes, labels and masks of image ``i``, transformed by ``geometry``."""
        rows = self.annotations.learnable(i)
        boxes = geometry.boxes(self.annotations.boxes(rows, i))
        # Mirroring can round a very thin box to a width of zero, whose logarithm would make the loss NaN.
        kept = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
        rows, boxes = rows[kept], boxes[kept]
        target = {"boxes": torch.from_numpy(boxes), "labels": torch.from_numpy(self.annotations.labels[rows])}
        if self.masks:
            masks = np.zeros((len(rows), *geometry.resized), dtype=np.uint8)
            for mask, row in zip(masks, rows, strict=True):
                mask[:] = geometry.mask(self.annotations.segmentations[int(row)])
            target["masks"] = torch.from_numpy(masks)
        return target


class EvaluationDataset(Dataset["tuple[int, Tensor] | CodoError"]):
    """Images by index, resized without augmentation, without targets.

    Args:
        annotations: Annotations with images.
        short_side: Short side in pixels.
        max_size: Largest long side in pixels.
    """

    def __init__(self, annotations: Annotations, *, short_side: int, max_size: int) -> None:
        self.annotations, self.short_side, self.max_size = annotations, short_side, max_size

    def __len__(self) -> int:
        return len(self.annotations)

    def __getitem__(self, i: int) -> tuple[int, Tensor] | CodoError:
        """Index and uint8 ``(3, H, W)`` of image ``i``, or an error."""
        try:
            image = read_image(self.annotations, i)
        except CodoError as error:
            return error
        height, width = image.shape[:2]
        geometry = Geometry((height, width), resized_size((height, width), self.short_side, self.max_size))
        return i, to_tensor(geometry.image(image))


def to_tensor(image: Image) -> Tensor:
    """uint8 ``(H, W, 3)`` to a tensor ``(3, H, W)``."""
    return torch.from_numpy(image).permute(2, 0, 1).contiguous()
