"""The values of an image that become black and white, measured window by window, and their use.

For every band by itself: bands can be different quantities. The range is one of

* the pair that is given for all images
* ``minmax``: the smallest and the largest value of the band in this image
* ``percentile``: 2% of its values are darker than black, 2% brighter than white (as in QGIS); found on a regular grid
  of about a million pixels
* without a setting, if all values are integers from 0 to 65535: 0 to 65535, or 0 to 4095 for a single band without
  larger values; else as ``minmax``

Images of 8 bits have no range: their values are the levels, signed ones from -128 on. Neither has, without a setting,
RGB of 16 bits that Pillow reads: its upper bytes are the levels.

Missing values are no part of it: NaN, infinities, the value of the setting or else the declared one, or else a
smallest value of -9999, -32768 or -3.4e38, which are the usual ones. Pixels whose bands are all missing are black, and
so are transparent ones.

Legend: H, W height and width, K bands.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from codo.models.pixel_rules import PixelRules
from codo.views.lazy_image import Image

FULL, TWELVE = 65535, 4095
PERCENTILES = (2, 98)
GRID = 1_000_000
"""Pixels on which percentiles are found, about."""
_ROWS_AT_ONCE = 1 << 22  # values that are converted to floats at the same time
_USUAL_NODATA = (-9999.0, -32768.0, float(np.finfo(np.float32).min))

Values = npt.NDArray[np.generic]
Mask = npt.NDArray[np.bool_]


class Level(NamedTuple):
    """Black, white and the missing value of a band (NaN: none)."""

    black: float
    white: float
    missing: float = math.nan


class Depth(NamedTuple):
    """The values of an image of more than 8 bits.

    Attributes:
        low: The smallest.
        high: The largest.
        white: The value that became white; 0 where each image is stretched between values of its own.
        used: Share of the range from black to white between ``low`` and ``high``.
    """

    low: float
    high: float
    white: float
    used: float


def keeps_upper_bytes(rules: PixelRules) -> bool:
    """Whether RGB of 16 bits becomes its upper bytes, as it is in Pillow."""
    return rules.value_range is None and rules.nodata is None


def depth_of_upper_bytes(darkest: int, brightest: int) -> Depth:
    """The values of such an image, from those of its upper bytes, 0 to 255."""
    low, high = 257.0 * darkest, 257.0 * brightest
    return Depth(low, high, FULL, (high - low) / FULL)


class Measurement:
    """The levels of an image, found window by window.

    Args:
        rules: How ranges are found.
        declared: The missing value that the file declares.
        width: Of the image, in pixels.
        height: Likewise.
    """

    def __init__(self, rules: PixelRules, declared: float | None, width: int, height: int) -> None:
        self.rules = rules
        self.missing = declared if rules.nodata is None else rules.nodata
        self.step = max(1, math.isqrt(width * height // GRID))
        self.bands: list[_Band] = []
        self.small = True

    def add(self, values: Values, x: int = 0, y: int = 0, empty: Mask | None = None) -> None:
        """Look at a window ``(H, W, K)`` with the left and top edges ``x`` and ``y``; ``empty`` pixels do not count."""
        if not self.bands:
            self.bands = [_Band() for _ in range(values.shape[2])]
            if self.missing is not None and values.dtype.kind == "f":
                with np.errstate(over="ignore"):  # the value as the pixels have it: 0.1 is another one in 32 bits
                    self.missing = float(values.dtype.type(self.missing))
        self.small &= values.dtype.kind in "iu"
        for number, band in enumerate(self.bands):
            plane = values[:, :, number]
            left_out = np.zeros(plane.shape, dtype=np.bool_) if empty is None else empty.copy()
            if plane.dtype.kind == "f":
                left_out |= ~np.isfinite(plane)
            if self.missing is not None:
                left_out |= plane == self.missing
            band.add(plane[~left_out] if left_out.any() else plane.ravel())
            if self.rules.value_range == "percentile":
                grid = np.s_[-y % self.step :: self.step, -x % self.step :: self.step]
                band.sample.append(plane[grid][~left_out[grid]].astype(np.float64))

    def result(self) -> tuple[tuple[Level, ...], Depth]:
        """The level of each band, and the values of the image."""
        missing = [band.usual() if self.missing is None else self.missing for band in self.bands]
        spans = [band.span(lost) for band, lost in zip(self.bands, missing, strict=True)]
        low, high = min(low for low, _ in spans), max(high for _, high in spans)
        chosen, white = self.rules.value_range, 0.0
        if isinstance(chosen, tuple):
            ranges, white = [chosen for _ in spans], chosen[1]
        elif chosen is None and self.small and low >= 0 and high <= FULL:
            white = float(TWELVE if high <= TWELVE and len(spans) == 1 else FULL)
            ranges = [(0.0, white) for _ in spans]
        elif chosen == "percentile":
            ranges = [band.percentiles(lost) for band, lost in zip(self.bands, missing, strict=True)]
        else:
            ranges = spans
        levels = tuple(
            Level(black, top if top > black else black + 1, lost)
            for (black, top), lost in zip(ranges, missing, strict=True)
        )
        span = levels[0].white - levels[0].black
        return levels, Depth(low, high, white, (high - low) / span if white or len(levels) == 1 else 1.0)


class _Band:
    """What is known of a band so far."""

    def __init__(self) -> None:
        self.lows: list[float] = []  # the smallest value; if that is a usual missing value, the next one, too
        self.high = -math.inf
        self.sample: list[npt.NDArray[np.float64]] = []

    def add(self, known: Values) -> None:
        if not known.size:
            return
        low, self.high = float(known.min()), max(self.high, float(known.max()))
        found = [low]
        if low in _USUAL_NODATA and (rest := known[known != low]).size:
            found.append(float(rest.min()))
        self.lows = sorted({*self.lows, *found})[:2]

    def usual(self) -> float:
        """The smallest value, if it is one of the usual missing ones; else NaN."""
        return self.lows[0] if self.lows and self.lows[0] in _USUAL_NODATA else math.nan

    def span(self, missing: float) -> tuple[float, float]:
        """The smallest and the largest known value; 0 and 0 if there is none."""
        lows = [low for low in self.lows if low != missing]
        return (lows[0], self.high) if lows else (0.0, 0.0)

    def percentiles(self, missing: float) -> tuple[float, float]:
        known = np.concatenate(self.sample)
        known = known[known != missing]
        if not known.size:
            return self.span(missing)
        low, high = np.percentile(known, PERCENTILES)
        return float(low), float(high)


def measure(
    values: Values, rules: PixelRules, declared: float | None, empty: Mask | None = None
) -> tuple[tuple[Level, ...], Depth]:
    """The levels and values of a whole image ``(H, W, K)``; the arguments are those of `Measurement`."""
    measurement = Measurement(rules, declared, values.shape[1], values.shape[0])
    measurement.add(values, empty=empty)
    return measurement.result()


def apply(values: Values, levels: tuple[Level, ...], *, inverted: bool = False, empty: Mask | None = None) -> Image:
    """An image ``(H, W, K)``, or a window of one, as RGB by the levels of its bands; one band is gray.

    Args:
        values: The values.
        levels: Of each band.
        inverted: Whether small values are bright.
        empty: Pixels that are black, ``(H, W)``.
    """
    height, width, count = values.shape
    out = np.empty((height, width, count), dtype=np.uint8)
    rows = max(1, _ROWS_AT_ONCE // (width * count))
    for top in range(0, height, rows):
        part = values[top : top + rows]
        lost = np.ones(part.shape[:2], dtype=np.bool_)
        for number, (black, white, missing) in enumerate(levels):
            plane = part[:, :, number].astype(np.float64)
            gone = ~np.isfinite(plane)
            lost &= gone | (plane == missing)
            scaled = (np.where(gone, black, plane) - black) * (255 / (white - black))
            level = np.rint(scaled).clip(0, 255).astype(np.uint8)
            out[top : top + rows, :, number] = np.where(gone, 0, 255 - level if inverted else level)
        if empty is not None:
            lost |= empty[top : top + rows]
        out[top : top + rows][lost] = 0
    return out if count == 3 else np.repeat(out[:, :, :1], 3, axis=2)
