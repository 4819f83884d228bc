"""Multi-band TIFFs of every layout, written by tifffile."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
import tifffile

GDAL_NODATA = 42113


def tiff(values: npt.NDArray[np.generic], *, planar: bool = False, nodata: str = "", **options: object) -> bytes:
    """The file of an image ``(H, W, K)`` or ``(H, W)``.

    Args:
        values: Its values.
        planar: Store one band after the other.
        nodata: Declare a missing value, as GDAL does.
        options: For `tifffile.imwrite`.
    """
    file = io.BytesIO()
    options.setdefault("photometric", "minisblack")
    if values.ndim == 3:
        options["planarconfig"] = "separate" if planar else "contig"
        values = np.ascontiguousarray(np.moveaxis(values, -1, 0)) if planar else values
    if nodata:
        options["extratags"] = [(GDAL_NODATA, "s", 0, nodata, True)]
    tifffile.imwrite(file, values, **options)  # type: ignore[arg-type]
    return file.getvalue()


def bands(count: int = 5, height: int = 70, width: int = 93, kind: type = np.uint16, top: int = 4000) -> npt.NDArray:
    """An image ``(H, W, count)`` of random values from 0 to ``top`` - 1."""
    return np.random.default_rng(0).integers(0, top, (height, width, count)).astype(kind)
