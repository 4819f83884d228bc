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
from typing import NamedTuple

from codo.rasters.levels import Depth

TENTH = 0.1
"""Share of the range that some image should use."""


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
