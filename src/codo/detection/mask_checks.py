"""A warning before masks are learned that are none: outlines that are only rectangles.

Tools that cut or convert COCO files give objects without an outline the rectangle of their box (`sahi coco slice` does,
sahi 0.12.8), and a file with outlines for all objects is one with masks. A mask head then learns to fill boxes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from codo.annotations.records import Annotations

SAMPLE = 2000
"""Outlines that are looked at, spread over the data."""
FEW = 10
"""Objects below which rectangles may be chance."""


def rectangle_warning(annotations: Annotations) -> str:
    """A warning if every object has a rectangle as its outline, parallel to the sides of the image; else empty."""
    rows = np.flatnonzero(~annotations.ignored & annotations.segmentations.present)
    if len(rows) < FEW:
        return ""
    seen = rows[np.unique(np.linspace(0, len(rows) - 1, SAMPLE).astype(np.int64))]
    if not all(_is_upright_rectangle(annotations.segmentations[int(row)]) for row in seen):
        return ""
    return (
        f"{annotations.source}: the outlines of all {len(rows)} objects are upright rectangles, as tools write them "
        "for boxes (sahi coco slice), so masks learn to fill boxes; if they are no masks, set masks=false"
    )


def _is_upright_rectangle(outline: Any) -> bool:
    """Whether a COCO segmentation is one polygon of the four corners of its extent."""
    if not isinstance(outline, list) or len(outline) != 1:
        return False
    xs, ys = outline[0][::2], outline[0][1::2]
    corners = set(zip(xs, ys, strict=True))
    return len(corners) == 4 and corners == {(x, y) for x in (min(xs), max(xs)) for y in (min(ys), max(ys))}
