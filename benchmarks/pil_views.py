"""The reference of T3 and T4: copy-paste-jitter as most people would write it, with PIL and torchvision's transforms.

It draws the same random numbers as `codo.views.cpj`, in the same order, so that both make the same views: every
operation is one of torchvision's v1 functions on PIL images, the blur MoCo's own (PIL's ``GaussianBlur``), and the
result what torchvision's pipelines hand over, a normalized float tensor.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image, ImageFilter
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as F

from codo.catalog.catalog import Catalog
from codo.core.rng import RngStream, generator
from codo.loading.pasted_views import PastedViews
from codo.models.normalization import PIXEL_MEAN, PIXEL_STD
from codo.views import boxes
from codo.views.photometric import AugmentSettings, Photometric, draw
from codo.views.random_crop import random_crop

ADJUST = {
    "brightness": F.adjust_brightness,
    "contrast": F.adjust_contrast,
    "saturation": F.adjust_saturation,
    "hue": F.adjust_hue,
}


class PILViews:
    """Makes the views of a sample, like `PastedViews` with its default settings.

    Args:
        cpj: What to imitate; its catalogs hold the original JPEG files.
    """

    def __init__(self, pasted: PastedViews) -> None:
        self.pasted, self.augment = pasted, pasted.cpj.augment

    def views(self, epoch: int, sample: int, wanted: Sequence[int]) -> list[tuple[Tensor, Tensor]]:
        """Normalized canvases ``(3, S, S)`` with their boxes ``(4,)``."""
        rng = generator(self.pasted.seed, epoch, sample, RngStream.PROPOSAL)
        candidates = self.pasted.foregrounds.proposals(sample)
        proposal = read(self.pasted.foregrounds, sample).crop(tuple(candidates[rng.integers(len(candidates))].tolist()))
        return [self.view(proposal, epoch, sample, number) for number in wanted]

    def view(self, proposal: Image.Image, epoch: int, sample: int, number: int) -> tuple[Tensor, Tensor]:
        """One canvas and its box."""
        side, settings = self.pasted.cpj.canvas, self.pasted.cpj.settings
        rng = generator(self.pasted.seed, epoch, sample, RngStream.VIEW + number)
        catalog, index = (self.pasted.query if number == 0 else self.pasted.key).draw(rng)
        background = read(catalog, index)
        x1, y1, x2, y2 = random_crop(*background.size, self.augment.crop_area, self.augment.crop_ratio, rng)
        canvas = resized_crop(background, (x1, y1, x2, y2), side, side)
        canvas = photometric(canvas, self.augment, rng)

        crop = random_crop(*proposal.size, settings.foreground_area, settings.foreground_ratio, rng)
        sides = np.floor(rng.uniform(*settings.size, size=2) * side)
        width, height = (int(s) for s in np.clip(sides, min(settings.min_side, side), side))
        foreground = photometric(resized_crop(proposal, crop, width, height), self.augment, rng)

        x = int(rng.integers(0, side - width, endpoint=True))
        y = int(rng.integers(0, side - height, endpoint=True))
        canvas.paste(foreground, (x, y))
        pasted = np.array([x, y, x + width, y + height], dtype=np.float32)
        box = boxes.jitter(pasted, side, settings.jitter, settings.min_iou, settings.max_tries, rng)
        return F.normalize(F.to_tensor(canvas), list(PIXEL_MEAN), list(PIXEL_STD)), torch.from_numpy(box)


def read(catalog: Catalog, index: int) -> Image.Image:
    """Decode an original image."""
    return Image.open(catalog.location(index).uri).convert("RGB")


def resized_crop(image: Image.Image, box: tuple[int, int, int, int], width: int, height: int) -> Image.Image:
    x1, y1, x2, y2 = box
    return F.resized_crop(image, y1, x1, y2 - y1, x2 - x1, [height, width], InterpolationMode.BILINEAR)


def photometric(image: Image.Image, settings: AugmentSettings, rng: np.random.Generator) -> Image.Image:
    """Color jitter in random order, gray, blur, flip."""
    change: Photometric = draw(settings, rng)
    for name, amount in change.steps:
        image = ADJUST[name](image, amount)
    if change.gray:
        image = F.rgb_to_grayscale(image, num_output_channels=3)
    if change.sigma > 0:
        image = image.filter(ImageFilter.GaussianBlur(change.sigma))
    return F.hflip(image) if rng.random() < settings.flip else image


def to_bytes(canvas: Tensor) -> np.ndarray:
    """A normalized canvas back as uint8 ``(S, S, 3)``."""
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (PIXEL_MEAN, PIXEL_STD))
    return np.asarray((canvas * std + mean).mul(255).round().clamp(0, 255).byte().permute(1, 2, 0))
