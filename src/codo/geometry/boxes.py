"""Formats and units of boxes: conversion to pixels, and which of them fits outlines, areas and pictures.

Legend: M boxes; ``bbox`` float64 ``(M, 4)`` as written; ``sizes`` ``(M, 2)``, height and width of their pictures.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

Format = Literal["xywh", "xyxy", "cxcywh"]
"""``x, y, width, height``; corners ``x1, y1, x2, y2``; center ``x, y`` and size."""
Unit = Literal["pixels", "relative", "percent"]
"""Pixels; shares of the picture's width and height, from 0 to 1; the same from 0 to 100."""

FORMATS: tuple[Format, ...] = ("xywh", "xyxy", "cxcywh")
UNITS: tuple[Unit, ...] = ("pixels", "relative", "percent")

MOST = 0.8
"""Share of boxes that has to fit another convention before it is named."""
HALF = 0.5
"""Share of boxes that has to fit the given convention to be accepted."""
SLACK = 2.0
"""Pixels by which a box may be off its outline; larger ones by a twentieth of their size."""
ENOUGH = 20
"""Boxes from which it is told that none of them reaches the far half of its picture."""

Boxes = npt.NDArray[np.float64]
Sizes = npt.NDArray[np.int32]


class Convention(NamedTuple):
    """How boxes are written."""

    format: Format = "xywh"
    unit: Unit = "pixels"

    def __str__(self) -> str:
        return {
            "xywh": "x, y, width, height",
            "xyxy": "corners x1, y1, x2, y2",
            "cxcywh": "center x, y, width, height",
        }[self.format] + {
            "pixels": "",
            "relative": " as shares of the image (0 to 1)",
            "percent": " in percent of the image",
        }[self.unit]

    def settings(self) -> str:
        """The settings that choose it."""
        return f"data.box_format={self.format} data.box_unit={self.unit}"


def to_pixels(bbox: Boxes, sizes: Sizes, written: Convention) -> Boxes:
    """Boxes as x, y, width, height in pixels."""
    if written == Convention():
        return bbox
    scale = {"pixels": 0.0, "relative": 1.0, "percent": 100.0}[written.unit]
    a, b, c, d = (bbox * (sizes[:, [1, 0, 1, 0]] / scale) if scale else bbox).T
    if written.format == "xyxy":
        c, d = c - a, d - b
    elif written.format == "cxcywh":
        a, b = a - c / 2, b - d / 2
    return np.stack([a, b, c, d], axis=1)


def check_outlines(bbox: Boxes, sizes: Sizes, extents: Boxes) -> tuple[str, Convention | None]:
    """Compare boxes with the extents of their outlines.

    Args:
        bbox: Boxes, ``(M, 4)``, meant as x, y, width, height in pixels.
        sizes: Of their pictures.
        extents: The boxes of their outlines.

    Returns:
        What is wrong with most of them, empty if nothing is; and the convention that fits, if one does.
    """
    good = _near(bbox, extents).mean()
    if good >= HALF:
        return "", None
    fitting = {
        other: float(_near(to_pixels(bbox, sizes, other), extents).mean())
        for other in (Convention(format_, unit) for unit in UNITS for format_ in FORMATS)
    }
    best = max(fitting, key=fitting.__getitem__)
    if fitting[best] >= MOST:
        return f"{fitting[best]:.0%} of the boxes fit their outlines as {best}", best
    ratio = _common_ratio(bbox, extents)
    if ratio is not None:
        return f"the boxes fit their outlines only if they are multiplied by {ratio:.4g}", None
    return "", None


def outline_share(bbox: Boxes, extents: Boxes) -> float:
    """Share of the boxes that are the extent of their outline."""
    return float(_near(bbox, extents).mean())


def check_numbers(bbox: Boxes, sizes: Sizes, areas: npt.NDArray[np.float64]) -> tuple[str, Convention | None]:
    """Judge boxes without outlines, by their pictures and areas.

    Args:
        bbox: Boxes, ``(M, 4)``, meant as x, y, width, height in pixels.
        sizes: Of their pictures.
        areas: Of the objects in square pixels, NaN where the file has none.

    Returns:
        As `check_outlines`.
    """
    use = (bbox[:, 2:] > 0).all(axis=1) & (sizes.min(axis=1) > 8)
    if not use.any():
        return "", None
    bbox, sizes, areas = bbox[use], sizes[use], areas[use]
    tiny = (np.abs(bbox) <= 1.05).all(axis=1)
    if tiny.mean() >= HALF and (bbox[tiny] % 1).any():
        what = f"{int(tiny.sum())} of {len(bbox)} boxes lie within one pixel, as shares of the image would"
        fits = [
            f for f in FORMATS if _inside(to_pixels(bbox[tiny], sizes[tiny], Convention(f, "relative")), sizes[tiny])
        ]
        return what, Convention(fits[0] if fits else "xywh", "relative")
    x, y, w, h = bbox.T
    corners = Convention("xyxy")
    as_corners = to_pixels(bbox, sizes, corners)
    ordered = bool((as_corners[:, 2:] > 0).all())
    if ordered and _inside(as_corners, sizes):
        known = areas > 0
        if known.any():
            given = areas[known]
            own, other = (np.isclose((box[known, 2] * box[known, 3]), given, rtol=0.02) for box in (bbox, as_corners))
            if other.mean() >= MOST and own.mean() < 1 - MOST:
                return f"the areas of {other.mean():.0%} of the objects are those of their boxes as {corners}", corners
        outside = (x + w > sizes[:, 1] + SLACK) | (y + h > sizes[:, 0] + SLACK)
        if outside.mean() >= 0.2 and len(bbox) > 1:
            return (
                f"{int(outside.sum())} of {len(bbox)} boxes reach out of their images, as {corners} none does",
                corners,
            )
    return "", None


def unused_half(bbox: Boxes, sizes: Sizes) -> str:
    """A warning if no box reaches the right or lower half of its picture, as if written for smaller pictures."""
    if len(bbox) < ENOUGH:
        return ""
    right = float(((bbox[:, 0] + bbox[:, 2]) / sizes[:, 1]).max())
    low = float(((bbox[:, 1] + bbox[:, 3]) / sizes[:, 0]).max())
    if max(right, low) > 0.5 or min(right, low) <= 0:
        return ""
    return (
        f"no box of {len(bbox)} reaches beyond {right:.0%} of the width and {low:.0%} of the height of its image: "
        "were the boxes written for smaller images, or in percent?"
    )


def _near(bbox: Boxes, extents: Boxes) -> npt.NDArray[np.bool_]:
    """Which boxes are the extent of their outline, up to `SLACK`, ``(M,)``."""
    ends, true = (np.concatenate([box[:, :2], box[:, :2] + box[:, 2:]], axis=1) for box in (bbox, extents))
    slack = np.maximum(SLACK, extents[:, 2:].max(axis=1) / 20)
    # Pixels of slack would let any two boxes of a few pixels agree: these must overlap, too.
    shared = (np.minimum(ends[:, 2:], true[:, 2:]) - np.maximum(ends[:, :2], true[:, :2])).clip(0).prod(axis=1)
    smaller = np.minimum(bbox[:, 2:].clip(0).prod(axis=1), extents[:, 2:].prod(axis=1))
    larger = np.maximum(bbox[:, 2:].clip(0).prod(axis=1), extents[:, 2:].prod(axis=1))
    near = (np.abs(ends - true).max(axis=1) <= slack) & (shared >= smaller / 2) & (larger <= 16 * smaller)
    return np.asarray(near, dtype=np.bool_)


def _inside(bbox: Boxes, sizes: Sizes) -> bool:
    """Whether all boxes lie in their pictures."""
    low, high = bbox[:, :2], bbox[:, :2] + bbox[:, 2:]
    return bool((low >= -SLACK).all() and (high <= sizes[:, ::-1] + SLACK).all() and (bbox[:, 2:] > 0).all())


def _common_ratio(bbox: Boxes, extents: Boxes) -> float | None:
    """The factor from boxes to extents, if most boxes share one."""
    sound = (bbox[:, 2:] > 0).all(axis=1)
    if not sound.any():
        return None
    ratio = float(np.median(extents[sound, 2:] / bbox[sound, 2:]))
    return ratio if _near(bbox * ratio, extents).mean() >= MOST and abs(np.log(ratio)) > 0.02 else None
