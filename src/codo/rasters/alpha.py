"""Transparent photographs over white, as in browsers; colors under transparent pixels are arbitrary, often black."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

from codo.views.lazy_image import Image


def rgb(file: Pillow.Image) -> Image:
    """A loaded Pillow image of at most 8 bits as RGB, uint8 ``(H, W, 3)``."""
    if file.has_transparency_data:
        file = file.convert("LA") if file.mode == "La" else file  # there is no way from La to RGBA
        file = file.convert("RGBA")
        file = Pillow.alpha_composite(Pillow.new("RGBA", file.size, "white"), file)
    return np.array(file if file.mode == "RGB" else file.convert("RGB"))


def upper_bytes(values: npt.NDArray[np.generic]) -> npt.NDArray[np.uint8]:
    """Of unsigned integers, those of one byte themselves."""
    upper: npt.NDArray[np.uint8] = np.right_shift(values, 8 * (values.dtype.itemsize - 1)).astype(np.uint8)
    return upper


def over_white(colors: Image, alpha: npt.NDArray[np.generic], *, associated: bool) -> Image:
    """The same pixels as `rgb` makes of a file with alpha.

    Args:
        colors: RGB, uint8 ``(H, W, 3)``.
        alpha: Unsigned integers ``(H, W)``, of which the upper bytes count.
        associated: Whether the colors are multiplied by alpha.
    """
    height, width = alpha.shape
    pixels = np.dstack([colors, upper_bytes(alpha)]).tobytes()
    return rgb(Pillow.frombytes("RGBa" if associated else "RGBA", (width, height), pixels))
