"""TIFFs of other bands than Pillow reads, or of which others are wanted (`codo.rasters.tiff` reads them).

Without the setting ``bands`` the first three are red, green and blue; of files with fewer, the first is gray. Files
that Pillow can read are left to it unless ``bands`` are chosen: it takes the first three, too. Values become colors as
levels.py says; those of 8 bits are the levels themselves.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from PIL import Image as Pillow
from PIL import UnidentifiedImageError

from codo.models.pixel_rules import DEFAULT_BANDS, PixelRules
from codo.rasters.levels import Depth, Level, Measurement, apply
from codo.rasters.tiff import Raster, UnreadableTiff, Window, is_tiff
from codo.views.lazy_image import Image

_BITS, _PHOTOMETRIC, _SAMPLES, _PLANAR, _EXTRA = 258, 262, 277, 284, 338  # TIFF tags
_GRAY, _RGB = (0, 1), 2
_SEPARATE = 2

Check = Callable[[int, int], None]
"""Raises an error for a width and height that are not allowed."""


class Multiband(NamedTuple):
    """An image as it is stored, before its orientation (1 to 8); its values if it has more than 8 bits; its bands."""

    image: Image
    orientation: int
    depth: Depth | None
    bands: int


def is_for_pillow(data: bytes, rules: PixelRules) -> bool:
    """Whether Pillow reads this file; always for other formats than TIFF."""
    if not is_tiff(data):
        return True
    try:
        with Pillow.open(io.BytesIO(data), formats=("TIFF",)) as file:
            tags: Any = getattr(file, "tag_v2", {})
    except UnidentifiedImageError:
        return False
    bits, photometric = tags.get(_BITS, (8,)), tags.get(_PHOTOMETRIC, 1)
    if photometric not in (*_GRAY, _RGB) or bits[0] < 8:
        return True
    if tags.get(_PLANAR) == _SEPARATE and bits[0] > 8 and (photometric in _GRAY or tags.get(_SAMPLES, 1) > 4):
        return False  # Pillow opens it and fails later
    return rules.bands is None


def pillow_bands(file: Pillow.Image) -> int:
    """The number of bands of a TIFF that Pillow has opened, without alpha; 0 if they are no more than three."""
    tags: Any = getattr(file, "tag_v2", None)
    if file.format != "TIFF" or tags is None or tags.get(_PHOTOMETRIC) not in (*_GRAY, _RGB):
        return 0
    bands = int(tags.get(_SAMPLES, 1)) - sum(kind in (1, 2) for kind in tags.get(_EXTRA, ()))
    return bands if bands > len(DEFAULT_BANDS) else 0


def read_multiband(data: bytes, rules: PixelRules, check: Check) -> Multiband:
    """Read a TIFF that is not for Pillow.

    Args:
        data: The file.
        rules: Its bands, and how their values become colors.
        check: Called with its size before pixels are read.

    Raises:
        UnreadableTiff: It has not the bands; ``tifffile`` or a codec is not installed.
        Exception: It is damaged, or ``check`` raises an error.
    """
    with Raster(data) as raster:
        check(raster.width, raster.height)
        picture = BandPicture(raster, rules)
        return Multiband(picture.window(raster.whole), raster.orientation, picture.depth, picture.many)


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

    Args:
        raster: The file.
        rules: Its bands, and how their values become colors.
        levels: Of the chosen bands, if they are known; else they are found from the windows of ``look``.
        look: The windows to find them from; by default the whole picture at once.

    Attributes:
        levels: The level of each chosen band.
        depth: The values, if there are more than 8 bits; ``None`` where ``levels`` were given.
        many: Number of bands if there are more than three, else 0.

    Raises:
        UnreadableTiff: The file has not these bands.
    """

    def __init__(
        self,
        raster: Raster,
        rules: PixelRules,
        levels: tuple[Level, ...] = (),
        look: tuple[Window, ...] = (),
    ) -> None:
        self.raster = raster
        self.bands = rules.of(raster.bands)
        if max(self.bands) > raster.bands + (raster.alpha is not None):
            chosen = ",".join(map(str, self.bands))
            raise UnreadableTiff(f"it has {raster.bands} bands, not those of bands=[{chosen}]")
        self.many = raster.bands if raster.bands > len(DEFAULT_BANDS) else 0
        self.depth: Depth | None = None
        self.levels = levels
        if not levels:
            self._find_levels(rules, look or (raster.whole,))

    def _find_levels(self, rules: PixelRules, look: tuple[Window, ...]) -> None:
        raster = self.raster
        declared = raster.nodata if rules.nodata is None else rules.nodata
        if raster.dtype.kind == "u" and raster.dtype.itemsize == 1:
            level = Level(0, 255) if declared is None else Level(0, 255, declared)
            self.levels = tuple(level for _ in self.bands)
            return
        measurement = Measurement(rules, raster.nodata, raster.width, raster.height)
        for window in look:
            values = raster.read(self.bands, window)
            measurement.add(values, window.x, window.y, raster.transparent(window))
        self.levels, self.depth = measurement.result()

    def window(self, window: Window) -> Image:
        """Part of the picture as it is stored, RGB."""
        values, empty = self.raster.read(self.bands, window), self.raster.transparent(window)
        return apply(values, self.levels, inverted=self.raster.inverted, empty=empty)
