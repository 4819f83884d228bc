"""Flip and resize of an image with its boxes and masks.

Labeled images are resized only here: the detector normalizes and pads, nothing more. So training and evaluation
resample in the same way, and every box and mask can be mapped back exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from codo.geometry.segmentations import Mask, draw

Image = npt.NDArray[np.uint8]
Boxes = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Geometry:
    """Resize and optional horizontal flip of an image.

    Attributes:
        size: Height and width in pixels of the image on disk.
        resized: Height and width of the detector's input.
        flip: Whether to mirror the image horizontally.
    """

    size: tuple[int, int]
    resized: tuple[int, int]
    flip: bool = False

    def image(self, image: Image) -> Image:
        """Transform an image, uint8 ``(H, W, 3)``, from `size` to `resized`."""
        if self.resized != self.size:
            # Area averaging when shrinking: bilinear interpolation would skip pixels, and lose small objects.
            shrinks = self.resized[0] < self.size[0]
            method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
            image = np.asarray(cv2.resize(image, self.resized[::-1], interpolation=method), dtype=np.uint8)
        return np.ascontiguousarray(image[:, ::-1]) if self.flip else image

    def boxes(self, boxes: Boxes) -> Boxes:
        """Transform boxes ``(n, 4)`` xyxy of the image on disk."""
        (height, width), (to_height, to_width) = self.size, self.resized
        scale = np.array([to_width / width, to_height / height] * 2)
        moved: Boxes = (boxes * scale).astype(np.float32)
        if self.flip:
            moved[:, [0, 2]] = to_width - moved[:, [2, 0]]
        return moved

    def mask(self, segmentation: Any) -> Mask:
        """Draw a segmentation of the image on disk as a transformed mask, uint8 ``(H, W)`` of 0 and 1."""
        mask = draw(segmentation, *self.size, to_size=self.resized)
        return mask[:, ::-1] if self.flip else mask


def resized_size(size: tuple[int, int], short_side: int, max_size: int) -> tuple[int, int]:
    """Height and width after scaling the short side to ``short_side``, or the long one to ``max_size`` if that is less.

    The rule of Detectron2 and torchvision, rounded to the nearest pixel.
    """
    scale = min(short_side / min(size), max_size / max(size))
    return max(1, int(size[0] * scale + 0.5)), max(1, int(size[1] * scale + 0.5))


def random_geometry(
    rng: np.random.Generator, size: tuple[int, int], *, short_sides: tuple[int, ...], max_size: int, flip: float
) -> Geometry:
    """Draw the geometry of a training image: one of ``short_sides``, mirrored with probability ``flip``."""
    short_side = short_sides[int(rng.integers(len(short_sides)))]
    return Geometry(size, resized_size(size, short_side, max_size), bool(rng.random() < flip))
