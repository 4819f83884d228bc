"""Pictures that look like photographs, and the files that they may become."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]


def photograph(number: int, width: int = 320, height: int = 240) -> Pixels:
    """A picture with structure at every size, uint8 ``(height, width, 3)``; each number another."""
    rng = np.random.default_rng(number)
    total = np.zeros((height, width, 3), np.float32)
    for cells in (2, 4, 8, 16, 32):
        coarse = rng.normal(size=(cells, cells, 3)).astype(np.float32)
        total += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC) / cells**0.5
    return np.clip(128 + 60 * total, 0, 255).astype(np.uint8)


def jpeg(pixels: Pixels, quality: int = 95) -> bytes:
    return cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def png(pixels: Pixels) -> bytes:
    return cv2.imencode(".png", pixels)[1].tobytes()


def resized(pixels: Pixels, scale: float) -> Pixels:
    height, width = pixels.shape[:2]
    size = (round(scale * width), round(scale * height))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def cropped(pixels: Pixels, share: float) -> Pixels:
    """The middle of a picture, with this share of its sides."""
    height, width = pixels.shape[:2]
    y, x = round(height * (1 - share) / 2), round(width * (1 - share) / 2)
    return pixels[y : height - y, x : width - x]
