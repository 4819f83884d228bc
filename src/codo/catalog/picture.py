"""An image of a catalog before it is decoded: what a view takes of it is known when its size is."""

from __future__ import annotations

from collections.abc import Callable

from codo.catalog.decode import Image

Corners = tuple[int, int, int, int]
"""A part of an image in whole pixels: left, top, right, bottom, half-open."""


class Picture:
    """An image that decodes only the lines that are asked for, where its file allows that.

    Args:
        height: In pixels.
        width: In pixels.
        lines: Decodes at least the lines ``top`` to ``bottom``; returns them, and which one is the first.
    """

    def __init__(self, height: int, width: int, lines: Callable[[int, int], tuple[Image, int]]) -> None:
        self.height, self.width, self._lines = height, width, lines

    @classmethod
    def of(cls, image: Image) -> Picture:
        """An image that is decoded already."""
        return cls(image.shape[0], image.shape[1], lambda top, bottom: (image, 0))

    def part(self, corners: Corners) -> tuple[Image, Corners]:
        """Pixels that hold a part of the image, uint8 ``(h, w, 3)`` and contiguous, and where in them it is."""
        left, top, right, bottom = corners
        image, first = self._lines(top, bottom)
        return image, (left, top - first, right, bottom - first)

    def whole(self) -> Image:
        """All of the image, uint8 ``(height, width, 3)``."""
        return self._lines(0, self.height)[0]
