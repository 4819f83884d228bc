"""Alpha over white, by hand; arrays give the pixels that files do."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from codo.rasters.alpha import over_white, rgb, upper_bytes

COLORS = np.array([[[200, 100, 0], [200, 100, 0], [90, 40, 10]]], np.uint8)
ALPHA = np.array([[255, 0, 128]], np.uint8)
OVER_WHITE = [[[200, 100, 0], [255, 255, 255], [172, 147, 132]]]


def test_colors_over_white() -> None:
    assert over_white(COLORS, ALPHA, associated=False).tolist() == OVER_WHITE
    assert over_white(COLORS, ALPHA.astype(np.uint16) * 256 + 255, associated=False).tolist() == OVER_WHITE
    multiplied = np.rint(COLORS * (ALPHA[:, :, None] / 255)).astype(np.uint8)
    assert np.abs(over_white(multiplied, ALPHA, associated=True).astype(int) - OVER_WHITE).max() <= 1


@pytest.mark.parametrize(("mode", "gray"), [("LA", 172), ("La", 217)])
def test_gray_over_white(mode: str, gray: int) -> None:
    """90 of 255 under half white; as 90 of 128 it is brighter."""
    file = Image.frombytes(mode, (2, 1), bytes([90, 128, 7, 0]))
    image = rgb(file)
    assert image.shape == (1, 2, 3)
    assert np.abs(image[0, 0].astype(int) - gray).max() <= 1
    assert (image[0, 1] == 255).all()


def test_upper_bytes() -> None:
    assert upper_bytes(np.array([255, 256, 65535], np.uint16)).tolist() == [0, 1, 255]
    assert upper_bytes(np.array([0, 7, 255], np.uint8)).tolist() == [0, 7, 255]
