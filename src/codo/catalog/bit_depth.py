"""Images of more than 8 bits: which value becomes black and which white.

Files of 16 and 32 bits often use a part of their range: 12-bit cameras, 14-bit thermal sensors, elevation in meters.
One rule for a whole data set is the setting ``value_range=[LOW, HIGH]``. Without it there is a rule for each image:

* 16 bit gray: 0 to 65535, as PNG defines; but 0 to 4095 when no pixel exceeds 4095, since such images come from 12-bit
  cameras and would be nearly black. 16 bit RGB: always 0 to 65535
* 32-bit integers and floats, which define no white: smallest to largest value (integers that fit 16 bits: as these)

Neither can be right for every data set, so `depth_warning` tells when the images of one differ, or use little of it.
Values that a TIFF declares as missing (GDAL's tag), and NaN, are black and no part of the range; so is a smallest value
of -9999, -32768 or -3.4e38, which are the usual ones.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from codo.views.lazy_image import Image

Range = tuple[float, float]

FULL, TWELVE = 65535, 4095
TENTH = 0.1
"""Share of the range that some image should use."""

_NODATA = 42113  # GDAL's TIFF tag: the value as text
_PHOTOMETRIC, _BITS = 262, 258  # TIFF tags
_USUAL_NODATA = (-9999.0, -32768.0, float(np.finfo(np.float32).min))


def rising(chosen: Range | None) -> Range | None:
    """The setting ``value_range``, checked.

    Raises:
        ValueError: White is not above black, or one of them is not finite.
    """
    if chosen is not None and not (math.isfinite(chosen[0]) and math.isfinite(chosen[1]) and chosen[0] < chosen[1]):
        raise ValueError("write [LOW, HIGH], two finite numbers of which the second is larger")
    return chosen


class Depth(NamedTuple):
    """The values of an image of more than 8 bits.

    Attributes:
        low: The smallest.
        high: The largest.
        white: The value that became white; 0 where each image is stretched from its smallest to its largest.
        used: Share of the range from black to white between ``low`` and ``high``.
    """

    low: float
    high: float
    white: float
    used: float


def is_deep(file: Any, data: bytes) -> bool:
    """Whether a file opened by Pillow has more than 8 bits."""
    return file.mode.startswith("I;16") or file.mode in ("I", "F") or is_deep_color(file, data)


def is_deep_color(file: Any, data: bytes) -> bool:
    """Whether it is an RGB file of 16 bits, of which Pillow keeps the upper 8."""
    if file.format == "PNG":
        return len(data) > 25 and data[24] == 16 and data[25] in (2, 6)
    bits = getattr(file, "tag_v2", {}).get(_BITS, ())
    return isinstance(bits, tuple) and len(bits) >= 3 and set(bits) == {16}


def to_8_bits(file: Any, values: npt.NDArray[np.generic], chosen: Range | None) -> tuple[Image, Depth]:
    """A loaded gray file of more than 8 bits as RGB.

    Args:
        file: The file, opened by Pillow.
        values: Its pixels, ``(H, W)``.
        chosen: The values that become black and white; ``None`` applies the rules at the top of this file.
    """
    numbers = values.astype(np.float64)
    missing = ~np.isfinite(numbers) | _is_nodata(file, numbers)
    known = numbers[~missing]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
    white = 0.0
    if chosen is not None:
        black, white = chosen
    elif values.dtype.kind in "iu" and low >= 0 and high <= FULL:
        black, white = 0.0, float(TWELVE if high <= TWELVE else FULL)
    else:
        black = low
    top = white or (high if high > black else black + 1)
    scaled = np.rint((np.where(missing, black, numbers) - black) * (255 / (top - black))).clip(0, 255).astype(np.uint8)
    if _is_inverted(file):
        scaled = np.where(missing, 0, 255 - scaled).astype(np.uint8)
    return np.repeat(scaled[:, :, None], 3, axis=2), Depth(low, high, white, (high - low) / (top - black))


def color_to_8_bits(data: bytes, image: Image, chosen: Range | None) -> tuple[Image, Depth]:
    """An RGB file of 16 bits as RGB of 8; ``image`` is what Pillow made of it, before turning."""
    if chosen is None:
        low, high = 257.0 * int(image.min()), 257.0 * int(image.max())
        return image, Depth(low, high, FULL, (high - low) / FULL)
    flags = cv2.IMREAD_ANYDEPTH | cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    decoded = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), flags)
    if decoded is None or decoded.dtype != np.uint16:
        raise ValueError("RGB of 16 bits that OpenCV cannot read")
    black, white = chosen
    values = decoded[:, :, ::-1].astype(np.float64)
    scaled = np.rint((values - black) * (255 / (white - black))).clip(0, 255).astype(np.uint8)
    low, high = float(values.min()), float(values.max())
    return np.ascontiguousarray(scaled), Depth(low, high, white, (high - low) / (white - black))


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


def _is_inverted(file: Any) -> bool:
    """Whether 0 is white: Pillow inverts such TIFFs of 8 bits, not of more."""
    return bool(getattr(file, "tag_v2", {}).get(_PHOTOMETRIC, 1) == 0)


def _is_nodata(file: Any, values: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    tag = getattr(file, "tag_v2", {}).get(_NODATA)
    try:
        if tag is not None:
            same: npt.NDArray[np.bool_] = values == float(str(tag).strip("\x00 "))
            return same
    except ValueError:
        pass
    low = np.nanmin(values, initial=np.inf)
    usual = next((v for v in _USUAL_NODATA if low == v), None)
    return np.zeros(values.shape, dtype=np.bool_) if usual is None else values == usual
