"""TIFFs of other bands than Pillow reads, or of which others are wanted (`codo.rasters.tiff` reads them).

Without the setting ``bands`` the first three are red, green and blue; of files with fewer, the first is gray. Files
that Pillow can read are left to it unless ``bands`` are chosen (pillow_files.py). Values become colors as levels.py
says. Alpha is no band: transparent pixels are black, since there alpha marks what was not recorded; photographs, which
are what Pillow can read, are laid over white, as all others are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

from codo.models.pixel_rules import DEFAULT_BANDS, PixelRules
from codo.rasters.alpha import over_white, upper_bytes
from codo.rasters.levels import Depth, Level, Measurement, Values, apply, depth_of_upper_bytes, keeps_upper_bytes
from codo.rasters.tiff import Raster, Window
from codo.rasters.tiff_errors import UnreadableTiff
from codo.views.lazy_image import Image

Check = Callable[[int, int], None]
"""Raises an error for a width and height that are not allowed."""


class Multiband(NamedTuple):
    """An image as it is stored, before its orientation (1 to 8).

    Attributes:
        image: RGB.
        orientation: To be undone.
        depth: Its values, if it has more than 8 bits.
        bands: Number of its bands, if there are more than three; else 0.
        levels: The level of each chosen band, if they were found in it.
    """

    image: Image
    orientation: int
    depth: Depth | None
    bands: int
    levels: tuple[Level, ...]


def read_multiband(data: bytes, rules: PixelRules, check: Check) -> Multiband:
    """Read a TIFF that is not for Pillow.

    Args:
        data: The file.
        rules: Its bands, and how their values become colors.
        check: Called with its size before pixels are read.

    Raises:
        UnreadableTiff: It has not the bands; ``tifffile`` or a codec is not installed.
        DamagedTiff: It is damaged.
        Exception: What ``check`` raises.
    """
    with Raster(data) as raster:
        check(raster.width, raster.height)
        picture = BandPicture(raster, rules)
        picture.look([raster.whole])
        levels = picture.levels if picture.measured else ()
        return Multiband(picture.window(raster.whole), raster.orientation, picture.depth, picture.many, levels)


def band_note(bands: Mapping[str, int], setting: str = "bands") -> str:
    """What is said where images have more than three bands and none were chosen.

    Args:
        bands: Number of images by their number of bands.
        setting: The name of the setting that chooses.
    """
    counts = ", ".join(f"{images:,} images have {count} bands" for count, images in bands.items())
    return f"{counts}: 1, 2 and 3 are red, green and blue ({setting}=[3,2,1] would be others)"


class BandPicture:
    """The chosen bands of a raster as colors, a window at a time, all by the levels of the whole picture.

    Windows have the pixels that decoding the whole file gives, also where that is left to Pillow (pillow_files.py).

    Args:
        raster: The file.
        rules: Its bands, and how their values become colors.
        levels: Of the chosen bands, where they are known; else they are found by `look`.

    Attributes:
        levels: The level of each chosen band; empty where they are unknown, or upper bytes are the levels.
        depth: The values, if there are more than 8 bits; ``None`` before `look`.
        many: Number of bands if there are more than three, else 0.
        measured: Whether levels have to be found in the picture.

    Raises:
        UnreadableTiff: The file has not these bands.
    """

    def __init__(self, raster: Raster, rules: PixelRules, levels: tuple[Level, ...] = ()) -> None:
        self.raster, self.rules = raster, rules
        chosen = None if raster.is_ycbcr else rules.bands  # the channels of a JPEG are no bands
        self.bands = replace(rules, bands=chosen).of(raster.bands)
        if max(self.bands) > raster.bands + (raster.alpha is not None):
            named = ",".join(map(str, self.bands))
            raise UnreadableTiff(f"it has {raster.bands} bands, not those of bands=[{named}]")
        photo = chosen is None and _is_photograph(raster)
        one_byte = raster.dtype.itemsize == 1
        self.many = raster.bands if raster.bands > len(DEFAULT_BANDS) else 0
        self.depth: Depth | None = None
        self._over_white = photo and raster.alpha == raster.colors
        self._upper_bytes = photo and not one_byte and keeps_upper_bytes(rules)
        self.measured = not one_byte and not self._upper_bytes
        self.levels = levels if self.measured else ()
        if one_byte:
            black = -128 if raster.dtype.kind == "i" else 0
            declared = raster.nodata if rules.nodata is None else rules.nodata
            missing = math.nan if photo or declared is None else declared
            self.levels = tuple(Level(black, black + 255, missing) for _ in self.bands)
        self._last: tuple[Window, tuple[Values, Values | None]] | None = None

    def look(self, windows: Iterable[Window]) -> None:
        """Find levels and values from windows that cover the picture."""
        raster = self.raster
        if self.measured:
            measurement = Measurement(self.rules, raster.nodata, raster.width, raster.height)
            for window in windows:
                values, alpha = self._read(window)
                measurement.add(values, window.x, window.y, None if alpha is None else alpha == 0)
            self.levels, self.depth = measurement.result()
        elif self._upper_bytes:
            found = [(int(part.min()), int(part.max())) for part in map(self.window, windows)]
            self.depth = depth_of_upper_bytes(min(low for low, _ in found), max(high for _, high in found))

    def window(self, window: Window) -> Image:
        """Part of the picture as it is stored, RGB."""
        values, alpha = self._read(window)
        if self._upper_bytes:
            colors = upper_bytes(values)
        else:
            empty = None if alpha is None or self._over_white else alpha == 0
            colors = apply(values, self.levels, inverted=self.raster.inverted, empty=empty)
        if alpha is None or not self._over_white:
            return colors
        return over_white(colors, alpha, associated=self.raster.associated)

    def _read(self, window: Window) -> tuple[Values, Values | None]:
        """Values and alpha; the last window is kept, so that a picture that is looked at as a whole is read once."""
        if self._last is None or self._last[0] != window:
            self._last = None  # before reading, or two would be in memory
            self._last = window, self.raster.read_with_alpha(self.bands, window)
        return self._last[1]


def _is_photograph(raster: Raster) -> bool:
    """Whether it is of the kind that Pillow reads: RGB of 8 or 16 bits or gray of 8 bits, with or without alpha.

    Alpha is laid over white there, and no value is missing.
    """
    kind = raster.dtype.str[1:]
    if raster.colors == len(DEFAULT_BANDS):
        return raster.samples <= {"u1": 6, "u2": 4}.get(kind, 0)
    return raster.samples <= {"u1": 2, "i1": 1}.get(kind, 0)
