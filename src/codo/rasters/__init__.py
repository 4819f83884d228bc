"""Pictures of science and sky: TIFFs of any number of bands, read by windows, and pictures cut into tiles.

Plain arrays and files, no catalogs.

* ``tiff``: the bands of a TIFF, a window at a time, through ``tifffile`` (`codo-detect[tiff]`).
* ``levels``: which values become black and white; ``multiband``: bands that become colors by them.
* ``tiles``: the tiles of a picture.
"""

from __future__ import annotations
