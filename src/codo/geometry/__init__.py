"""Boxes and outlines of labels, on plain arrays: knows neither files nor formats; `codo.annotations` reads with it.

* ``boxes``: formats and units of boxes, their conversion to pixels, and which of them fits outlines and images.
* ``units``: refuses boxes that are in another format or unit than they should be.
* ``extents``: the box and the area of an outline, the box of keypoints.
* ``segmentations``: polygons and run-length codes in compact form, decoded when needed.
* ``corners``: whether corners of boxes count pixels from 0 or 1, or are edges.
* ``keypoints``: whether numbers are a box with key points, or an outline.
* ``rotation``: the extents of rotated rectangles.
* ``turning``: boxes and outlines of images that an EXIF orientation turns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codo.core.lazy import lazy_exports

if TYPE_CHECKING:
    from codo.geometry.boxes import Convention as Convention
    from codo.geometry.boxes import to_pixels as to_pixels
    from codo.geometry.extents import outline_area as outline_area
    from codo.geometry.extents import outline_extent as outline_extent
    from codo.geometry.segmentations import Segmentations as Segmentations
else:
    __getattr__, __dir__, __all__ = lazy_exports(
        __name__,
        {
            "Convention": "boxes",
            "Segmentations": "segmentations",
            "outline_area": "extents",
            "outline_extent": "extents",
            "to_pixels": "boxes",
        },
    )
