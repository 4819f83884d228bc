"""Reading one tile of a picture: only its part of the file, where that can be (see preparation/tiling.py)."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from codo.catalog.decode import UNLIMITED, decode
from codo.catalog.reading import BadSpan, Location
from codo.catalog.rejection import InvalidImage, named_damage
from codo.core.paths import is_url
from codo.models.pixel_rules import PixelRules
from codo.rasters.levels import Level
from codo.rasters.multiband import BandPicture
from codo.rasters.tiff import Raster, Window, open_in_parts
from codo.views.lazy_image import Image


class TileColumns(NamedTuple):
    """The columns of tiles (schema.py).

    Attributes:
        x: Left edges, int32; -1 for whole pictures.
        y: Top edges.
        starts: Where the levels of a row begin, and where the last one's end.
        values: The levels of all rows.
    """

    x: npt.NDArray[np.int32]
    y: npt.NDArray[np.int32]
    starts: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]

    @classmethod
    def of(cls, columns: Mapping[str, pa.Array]) -> TileColumns:
        """Views of Arrow columns."""
        x, y, levels = (columns[name] for name in ("x", "y", "levels"))
        return cls(x.to_numpy(), y.to_numpy(), levels.offsets.to_numpy(), levels.values.to_numpy())

    def window(self, i: int, width: int, height: int) -> Window | None:
        """The part of its picture that row ``i`` is; ``None`` if that is all."""
        return None if self.x[i] < 0 else Window(int(self.x[i]), int(self.y[i]), width, height)

    def levels(self, i: int) -> tuple[Level, ...]:
        """The levels of row ``i``."""
        i = range(len(self.x))[i]
        own = self.values[self.starts[i] : self.starts[i + 1]].tolist()
        return tuple(Level(*own[band : band + 3]) for band in range(0, len(own), 3))


def read_tile(
    read: Callable[[], bytes],
    location: Location,
    tile: Window,
    levels: tuple[Level, ...],
    orientation: int,
    rules: PixelRules,
) -> Image:
    """A tile, uint8 RGB ``(H, W, 3)``.

    Args:
        read: Reads the file where it is decoded as a whole.
        location: The picture.
        tile: Its part.
        levels: Of the picture's bands; empty for 8 bits.
        orientation: EXIF orientation of the file.
        rules: How its values become colors.

    Raises:
        InvalidImage: The picture is damaged or smaller than it was.
        OSError: The file is gone or has another length than it had.
    """
    uri, offset, size, _ = location
    if not location.is_compressed and not is_url(uri) and (raster := open_in_parts(uri, offset, size)) is not None:
        with raster:
            if offset == 0 and os.stat(uri).st_size != size:
                raise BadSpan(0, f"the file has not the {size} bytes it had")
            if (found := _from_raster(raster, tile, levels, rules)) is not None:
                return found
    image = decode(read(), orientation, rules, UNLIMITED)
    part = image[tile.y : tile.y + tile.height, tile.x : tile.x + tile.width]
    if part.shape[:2] != (tile.height, tile.width):
        raise _smaller(image.shape[1], image.shape[0])
    return np.ascontiguousarray(part)


def _from_raster(raster: Raster, tile: Window, levels: tuple[Level, ...], rules: PixelRules) -> Image | None:
    if tile.x + tile.width > raster.width or tile.y + tile.height > raster.height:
        raise _smaller(raster.width, raster.height)
    with named_damage():
        picture = BandPicture(raster, rules, levels)
        if picture.measured and not levels:  # a catalog made before they were always recorded
            return None
        if len(picture.levels) not in (0, len(picture.bands)):
            raise InvalidImage("it has other bands than it had")
        return picture.window(tile)


def _smaller(width: int, height: int) -> InvalidImage:
    return InvalidImage(f"it is {width} x {height} pixels, less than it was")
