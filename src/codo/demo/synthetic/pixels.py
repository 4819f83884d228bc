"""Arrays of pixels, and OpenCV's resize and blur with the types kept.

``H, W`` are pixels of the picture. A `Field` has one number a pixel, float32 (H, W); `Colors` is float32 RGB (H, W, 3)
or a single color (3,); both usually in 0..1.
"""

from __future__ import annotations

from typing import Any, TypeVar, cast

import cv2
import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]
Colors = NDArray[np.float32]
Bytes = NDArray[np.uint8]

_P = TypeVar("_P", bound=NDArray[Any])


def resized(picture: _P, height: int, width: int) -> _P:
    """Area average to make it smaller, cubic to make it larger."""
    way = cv2.INTER_AREA if height < picture.shape[0] else cv2.INTER_CUBIC
    return cast(_P, cv2.resize(picture, (width, height), interpolation=way))


def blurred(picture: _P, sigma: float) -> _P:
    """Gaussian blur; ``sigma`` in pixels."""
    return cast(_P, cv2.GaussianBlur(picture, (0, 0), sigma))


def clipped(picture: NDArray[Any]) -> Field:
    """Values below 0 become 0, values above 1 become 1."""
    return np.asarray(np.clip(picture, 0, 1), dtype=np.float32)
