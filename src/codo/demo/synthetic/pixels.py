"""Types of pixel arrays, and typed wrappers of OpenCV's resize and blur.

``H, W`` are pixels of the image. A `Field` has one number per pixel, float32 (H, W); `Colors` is float32 RGB (H, W, 3)
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
    """Resize with area averaging when shrinking, cubic interpolation when enlarging."""
    way = cv2.INTER_AREA if height < picture.shape[0] else cv2.INTER_CUBIC
    return cast(_P, cv2.resize(picture, (width, height), interpolation=way))


def blurred(picture: _P, sigma: float) -> _P:
    """Gaussian blur; ``sigma`` in pixels."""
    return cast(_P, cv2.GaussianBlur(picture, (0, 0), sigma))


def clipped(picture: NDArray[Any]) -> Field:
    """Values below 0 become 0, values above 1 become 1."""
    return np.asarray(np.clip(picture, 0, 1), dtype=np.float32)
