"""Files of more than 8 bits that Pillow opens, as RGB of 8: of TIFF, PNG and others, gray and RGB.

Pillow has the values of gray files, but only the upper bytes of RGB: where a range is given, OpenCV reads those.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from codo.models.pixel_rules import PixelRules
from codo.rasters.alpha import over_white
from codo.rasters.levels import Depth, Level, apply, depth_of_upper_bytes, keeps_upper_bytes, measure
from codo.views.lazy_image import Image

_NODATA = 42113  # GDAL's TIFF tag: the value as text
_PHOTOMETRIC, _BITS, _FORMAT, _EXTRA = 262, 258, 339, 338  # TIFF tags
_UNSIGNED, _SIGNED = 1, 2
_ASSOCIATED = 1
_GRAY_ALPHA = 4  # PNG's color type
_ERRORS = 2  # OpenCV's LOG_LEVEL_ERROR, which version 4 does not name


class Scaled(NamedTuple):
    """An image of more than 8 bits as RGB of 8, its values, and the level of each band, if levels were found."""

    image: Image
    depth: Depth
    levels: tuple[Level, ...] = ()


def is_deep(file: Any, data: bytes) -> bool:
    """Whether a file opened by Pillow has more than 8 bits."""
    return file.mode.startswith("I;16") or file.mode in ("I", "F") or is_deep_color(file, data)


def is_deep_color(file: Any, data: bytes) -> bool:
    """Whether it is an RGB file of 16 bits, or a gray one with alpha, of which Pillow keeps the upper 8."""
    if file.format == "PNG":
        return len(data) > 25 and data[24] == 16 and data[25] in (2, 6, _GRAY_ALPHA)
    bits = getattr(file, "tag_v2", {}).get(_BITS, ())
    return isinstance(bits, tuple) and len(bits) >= 3 and set(bits) == {16}


def is_signed(file: Any) -> bool:
    """Whether a file opened by Pillow has signed values of 8 bits, which it takes for unsigned ones."""
    tags = getattr(file, "tag_v2", {})
    return tags.get(_BITS) == (8,) and tags.get(_FORMAT) == (_SIGNED,)


def to_8_bits(file: Any, rules: PixelRules) -> Scaled:
    """A loaded gray file of more than 8 bits as RGB.

    Args:
        file: The file, opened by Pillow.
        rules: Which values become black and white.
    """
    tags = getattr(file, "tag_v2", {})
    values: npt.NDArray[np.generic] = np.asarray(file)
    if tags.get(_BITS) == (32,) and tags.get(_FORMAT, (_UNSIGNED,)) == (_UNSIGNED,):
        values = values.view(np.uint32)  # Pillow has no such mode
    levels, depth = measure(values[:, :, None], rules, declared_nodata(tags.get(_NODATA)))
    inverted = tags.get(_PHOTOMETRIC, 1) == 0  # Pillow inverts such TIFFs of 8 bits, not of more
    return Scaled(apply(values[:, :, None], levels, inverted=inverted), depth, levels)


def color_to_8_bits(file: Any, data: bytes, image: Image, rules: PixelRules) -> Scaled:
    """An RGB file of 16 bits, or a gray one with alpha, as RGB of 8.

    Args:
        file: The file, opened by Pillow.
        data: Its bytes.
        image: What Pillow made of it.
        rules: Which values become black and white; if they say nothing, the result for RGB is ``image``, else it is
            not turned by the orientation of the file.
    """
    gray = file.format == "PNG" and data[25] == _GRAY_ALPHA
    if keeps_upper_bytes(rules) and not gray:
        return Scaled(image, depth_of_upper_bytes(int(image.min()), int(image.max())))
    decoded = _values_of_16_bits(data)
    values, tags = decoded[:, :, :1] if gray else decoded[:, :, 2::-1], getattr(file, "tag_v2", {})
    alpha = decoded[:, :, 3] if decoded.shape[2] == 4 and file.has_transparency_data else None
    empty = None if alpha is None else alpha == 0
    levels, depth = measure(values, rules, declared_nodata(tags.get(_NODATA)), empty)
    scaled = apply(values, levels)
    if alpha is not None:
        scaled = over_white(scaled, alpha, associated=tags.get(_EXTRA) == (_ASSOCIATED,))
    return Scaled(scaled, depth, levels)


def _values_of_16_bits(data: bytes) -> npt.NDArray[np.uint16]:
    """Blue, green, red and, if there is one, alpha, ``(H, W, 3 or 4)``."""
    logging: Any = cv2.utils.logging if hasattr(cv2.utils, "logging") else cv2  # OpenCV 5 or 4
    before = logging.setLogLevel(_ERRORS)  # a GeoTIFF's tags are unknown to it, which it would print
    try:
        decoded = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_UNCHANGED)
    finally:
        logging.setLogLevel(before)
    if decoded is None or decoded.dtype != np.uint16 or decoded.ndim != 3:
        raise ValueError("RGB of 16 bits that OpenCV cannot read")
    return decoded.astype(np.uint16, copy=False)


def declared_nodata(tag: object) -> float | None:
    """The number in GDAL's tag; ``None`` if there is none."""
    try:
        return None if tag is None else float(str(tag).strip("\x00 "))
    except ValueError:
        return None
