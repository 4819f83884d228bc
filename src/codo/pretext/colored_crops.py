"""Crops for colorization, and whether there are colors to learn from."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from codo.core.errors import InputError
from codo.loading.crop_dataset import CropDataset
from codo.pretext.color_space import to_lab

LOOKED_AT = 64
COLORED = 4.0
"""Least chroma (distance from gray in ab) that the 99th percentile of an image's pixels must have to count as colored.

JPEG's rounding alone gives gray images a chroma of about 1; sepia, at 10 and more, counts as a color.
"""


class ColoredCrops(CropDataset):
    """One crop of each image."""

    def spread(self, count: int) -> npt.NDArray[np.int64]:
        """At most ``count`` samples, spread evenly over all."""
        count = min(count, len(self))
        return np.arange(count, dtype=np.int64) * len(self) // count

    def check_images(self) -> list[str]:
        """Look for gray images among `LOOKED_AT` of them.

        Raises:
            InputError: All are gray.
        """
        samples = self.spread(LOOKED_AT)
        (crops,) = self.stacked(0, samples, [0])
        chroma = to_lab(crops.flatten(1, 2) / 255)[..., 1:].norm(dim=2)
        gray = int((torch.quantile(chroma, 0.99, dim=1) < COLORED).sum())
        seen = f"{gray} of {len(samples)} images that were looked at are gray"
        if gray == len(samples):
            fix = "use color images, or another method: rotation, jigsaw and inpainting need no colors"
            raise InputError(f"there are no colors to learn: {seen}", where=str(self.images.path), fix=fix)
        return [f"{seen}: of these the method learns to answer gray"] if 2 * gray > len(samples) else []
