"""Boxes of a catalog, in its file and in pixels of a resized image.

A proposal is ``x1, y1, x2, y2`` in whole pixels of the upright source image, half-open. Packed images are smaller than
their source, so a proposal is scaled before its pixels are read. Many boxes at once are arrays; the one box that a view
shows is a tuple of Python's integers, as slices and `LazyImage.part` take it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from codo.views.lazy_image import Corners

Boxes = npt.NDArray[np.int32]
"""``(n, 4)`` xyxy, half-open."""


def as_words(boxes: Boxes) -> npt.NDArray[np.uint64]:
    """Boxes ``(n, 4)`` as the file holds them, ``(n,)``.

    One 64-bit word per box, because Parquet's readers work value by value: four numbers per box take four times as long
    to read.
    """
    words: npt.NDArray[np.uint64] = np.ascontiguousarray(boxes, dtype="<u2").view("<u8")[:, 0]
    return words


def scale_boxes(boxes: Boxes, old: tuple[int, int], new: tuple[int, int]) -> Boxes:
    """Boxes of an image in a resized version of it.

    Args:
        boxes: ``(n, 4)`` xyxy, half-open.
        old: Width and height of the image that ``boxes`` refer to.
        new: Width and height of the resized one.

    Returns:
        int32 ``(n, 4)``: the smallest boxes of whole pixels that cover the scaled ones; never empty, always inside.
    """
    scaled = boxes * np.array([*new, *new], dtype=np.int64)  # of 64 bits, so that the products fit
    low, high = scaled[:, :2] // old, -(-scaled[:, 2:] // old)
    return np.concatenate([low, high], axis=1, dtype=np.int32, casting="unsafe")


def scale_box(box: Corners, old: tuple[int, int], new: tuple[int, int]) -> Corners:
    """`scale_boxes` of a single box, in Python's integers: arrays of four numbers cost more than the arithmetic."""
    x1, y1, x2, y2 = box
    (old_width, old_height), (width, height) = old, new
    low = x1 * width // old_width, y1 * height // old_height
    return *low, -(-x2 * width // old_width), -(-y2 * height // old_height)
