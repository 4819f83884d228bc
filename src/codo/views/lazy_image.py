"""An image that is decoded on access, and only the part that a view needs: crops are drawn from its size alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
"""Pixels ``(H, W, 3)``, RGB."""

Corners = tuple[int, int, int, int]
"""A part of an image in whole pixels: left, top, right, bottom, half-open."""


class LazyImage:
    """An image of known size that decodes the part asked for, and no more where its file allows that.

    Args:
        height: In pixels.
        width: In pixels.
        area: Decodes at least this part; returns pixels, and the column and row of the image where they start.
    """

    def __init__(self, height: int, width: int, area: Callable[[Corners], tuple[Image, int, int]]) -> None:
        self.height, self.width, self._area = height, width, area

    @classmethod
    def from_array(cls, image: Image) -> LazyImage:
        """An image that is already decoded."""
        return cls(image.shape[0], image.shape[1], lambda corners: (image, 0, 0))

    def part(self, corners: Corners) -> tuple[Image, Corners]:
        """Contiguous pixels ``(h, w, 3)`` that contain a part of the image, and the part's corners in them."""
        left, top, right, bottom = corners
        image, x, y = self._area(corners)
        return image, (left - x, top - y, right - x, bottom - y)

    def decode(self) -> Image:
        """All of the image, uint8 ``(height, width, 3)``."""
        return self._area((0, 0, self.width, self.height))[0]
