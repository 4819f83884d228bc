"""Pictures of science and sky: TIFFs of any number of bands, read by windows, and pictures cut into tiles.

Plain arrays and files, no catalogs.

* ``tiff``: the bands of a TIFF, a window at a time, through ``tifffile`` (`codo-detect[tiff]`).
* ``tiff_errors``: what can be wrong with one.
* ``levels``: which values become black and white; ``multiband``: bands that become colors by them.
* ``pillow_files``: which TIFFs are left to Pillow; ``deep_files``: files of more than 8 bits that it opens.
* ``alpha``: transparent photographs over white.
* ``tiles``: the tiles of a picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codo.core.lazy import lazy_exports

if TYPE_CHECKING:
    from codo.rasters.levels import Depth as Depth
    from codo.rasters.levels import Level as Level
    from codo.rasters.tiff import Raster as Raster
    from codo.rasters.tiff import Window as Window
else:
    __getattr__, __dir__, __all__ = lazy_exports(
        __name__, {"Depth": "levels", "Level": "levels", "Raster": "tiff", "Window": "tiff"}
    )
