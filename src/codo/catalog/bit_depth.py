"""Images of more than 8 bits: which value becomes black and which white.

Files of 16 and 32 bits often use a part of their range: 12-bit cameras, 14-bit thermal sensors, elevation in meters.
One rule for a whole data set is the setting ``value_range``. Without it there is a rule for each image:

* 16 bit gray: 0 to 65535, as PNG defines; but 0 to 4095 when no pixel exceeds 4095, since such images come from 12-bit
  cameras and would be nearly black. 16 bit RGB: always 0 to 65535
* 32-bit integers and floats, which define no white: smallest to largest value (integers that fit 16 bits: as these)

Neither can be right for every data set, so `depth_warning` tells when the images of one differ, or use little of it.
Values that a TIFF declares as missing (GDAL's tag), and NaN, are black and no part of the range (levels.py).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from codo.models.pixel_rules import PixelRules
from codo.rasters.levels import FULL, Depth, apply, measure
from codo.views.lazy_image import Image

TENTH = 0.1
"""Share of the range that some image should use."""

_NODATA = 42113  # GDAL's TIFF tag: the value as text
_PHOTOMETRIC, _BITS = 262, 258  # TIFF tags


def is_deep(file: Any, data: bytes) -> bool:
    """Whether a file opened by Pillow has more than 8 bits."""
    return file.mode.startswith("I;16") or file.mode in ("I", "F") or is_deep_color(file, data)


def is_deep_color(file: Any, data: bytes) -> bool:
    """Whether it is an RGB file of 16 bits, of which Pillow keeps the upper 8."""
    if file.format == "PNG":
        return len(data) > 25 and data[24] == 16 and data[25] in (2, 6)
    bits = getattr(file, "tag_v2", {}).get(_BITS, ())
    return isinstance(bits, tuple) and len(bits) >= 3 and set(bits) == {16}


def to_8_bits(file: Any, values: npt.NDArray[np.generic], rules: PixelRules) -> tuple[Image, Depth]:
    """A loaded gray file of more than 8 bits as RGB.

    Args:
        file: The file, opened by Pillow.
        values: Its pixels, ``(H, W)``.
        rules: Which values become black and white.
    """
    tags = getattr(file, "tag_v2", {})
    levels, depth = measure(values[:, :, None], rules, declared_nodata(tags.get(_NODATA)))
    inverted = tags.get(_PHOTOMETRIC, 1) == 0  # Pillow inverts such TIFFs of 8 bits, not of more
    return apply(values[:, :, None], levels, inverted=inverted), depth


def color_to_8_bits(data: bytes, image: Image, rules: PixelRules) -> tuple[Image, Depth]:
    """An RGB file of 16 bits as RGB of 8; ``image`` is what Pillow made of it, before turning."""
    if rules.value_range is None:
        low, high = 257.0 * int(image.min()), 257.0 * int(image.max())
        return image, Depth(low, high, FULL, (high - low) / FULL)
    flags = cv2.IMREAD_ANYDEPTH | cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    decoded = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), flags)
    if decoded is None or decoded.dtype != np.uint16:
        raise ValueError("RGB of 16 bits that OpenCV cannot read")
    values = decoded[:, :, ::-1]
    levels, depth = measure(values, rules, None)
    return apply(values, levels), depth


def declared_nodata(tag: object) -> float | None:
    """The number in GDAL's tag; ``None`` if there is none."""
    try:
        return None if tag is None else float(str(tag).strip("\x00 "))
    except ValueError:
        return None


class Depths(NamedTuple):
    """The images of more than 8 bits of a data set.

    Attributes:
        images: Number of them.
        low: The smallest value of all.
        high: The largest.
        used: The largest share of its range that an image uses.
        whites: Number of images by the value that became white.
    """

    images: int
    low: float
    high: float
    used: float
    whites: dict[str, int]


def summarize(depths: Iterable[Depth | Depths]) -> Depths | None:
    """Several images, or several parts of a data set, as one; ``None`` if there are none."""
    parts = [one if isinstance(one, Depths) else Depths(1, *one[:2], one.used, {f"{one.white:g}": 1}) for one in depths]
    if not parts:
        return None
    whites: dict[str, int] = {}
    for part in parts:
        for white, count in part.whites.items():
            whites[white] = whites.get(white, 0) + count
    return Depths(
        sum(part.images for part in parts),
        min(part.low for part in parts),
        max(part.high for part in parts),
        max(part.used for part in parts),
        dict(sorted(whites.items())),
    )


def depth_warning(depths: Depths | None, setting: str) -> str:
    """A warning if images of one data set follow different rules, or none uses a tenth of its range.

    Args:
        depths: Of the data set.
        setting: The name of the setting that fixes the range.
    """
    if depths is None:
        return ""
    span = f"{setting}=[{math.floor(depths.low)},{math.ceil(depths.high)}]"
    if len(depths.whites) > 1:
        told = ", ".join(
            f"{count} from their smallest to their largest value" if white == "0" else f"{count} by {white}"
            for white, count in depths.whites.items()
        )
        return (
            f"{depths.images} images have more than 8 bits, and not all are scaled alike ({told}), so that one scene "
            f"can differ in brightness; one range for all: {span}"
        )
    if depths.used < TENTH:
        return (
            f"none of {depths.images} images of more than 8 bits uses a tenth of its range (at most {depths.used:.1%}, "
            f"values {depths.low:g} to {depths.high:g}): few of the 256 levels are left; {span} uses them all"
        )
    return ""
