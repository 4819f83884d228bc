"""Boxes and outlines of images that an EXIF orientation turns.

A tool that ignores the orientation labels the image as it is stored; images are read as they are looked at.
Orientations 5 to 8 exchange width and height; 2 to 4 mirror the image or turn it upside down (EXIF 2.3, tag 274).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from codo.catalog.decode import upright
from codo.geometry.segmentations import decode, encode


def turn_points(points: npt.NDArray[np.float64], orientation: int, height: int, width: int) -> npt.NDArray[np.float64]:
    """Points of a stored image as points of the upright one.

    Args:
        points: x, y in pixels, ``(n, 2)``.
        orientation: 1 to 8.
        height: Of the stored image, in pixels.
        width: Likewise.
    """
    x, y = points.T
    if orientation >= 5:
        x, y, height, width = y, x, width, height
    if orientation in (2, 3, 6, 7):
        x = width - x
    if orientation in (3, 4, 7, 8):
        y = height - y
    return np.stack([x, y], axis=1)


def turn_boxes(bbox: npt.NDArray[np.float64], orientation: int, height: int, width: int) -> npt.NDArray[np.float64]:
    """Boxes x, y, width, height of a stored image, ``(n, 4)``, as those of the upright one; see `turn_points`."""
    one = turn_points(bbox[:, :2], orientation, height, width)
    other = turn_points(bbox[:, :2] + bbox[:, 2:], orientation, height, width)
    low = np.minimum(one, other)
    return np.concatenate([low, np.maximum(one, other) - low], axis=1)


def turn_outline(outline: Any, orientation: int, height: int, width: int) -> Any:
    """A COCO segmentation of a stored image as that of the upright one; see `turn_points`."""
    if outline is None:
        return None
    if isinstance(outline, list):
        return [
            turn_points(np.asarray(part, dtype=np.float64).reshape(-1, 2), orientation, height, width).ravel().tolist()
            for part in outline
        ]
    mask = decode(outline)
    return encode(upright(mask[:, :, None], orientation)[:, :, 0])
