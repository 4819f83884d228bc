"""Checks whether the boxes of a COCO file are x, y, width, height in pixels, by their outlines, areas and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from codo.core.errors import InputError
from codo.geometry.boxes import (
    MOST,
    Convention,
    check_numbers,
    check_outlines,
    outline_share,
    to_pixels,
    unused_half,
)
from codo.geometry.extents import outline_extent

SAMPLE = 2000
"""Outlines that are compared with their boxes, spread over the file: enough for what concerns most of them."""
FEW = 10
"""Outlines below which nothing is said about a part of the boxes."""


def check_units(
    where: str,
    written: npt.NDArray[np.float64],
    sizes: npt.NDArray[np.int32],
    outlines: Sequence[Any],
    areas: npt.NDArray[np.float64],
    convention: Convention,
) -> str:
    """Refuse boxes that are written in another way than ``convention``.

    Args:
        where: The file.
        written: Boxes as in the file, ``(M, 4)``.
        sizes: Height and width of the image of every box.
        outlines: Segmentations in pixels, ``None`` where there is none.
        areas: In square pixels; NaN where there is none.
        convention: How the user says the boxes are written, or the usual way.

    Returns:
        A warning about a part of the boxes, or an empty string.

    Raises:
        InputError: Most boxes fit another convention; the message names the settings.
    """
    bbox = to_pixels(written, sizes, convention)
    rows = np.flatnonzero([outline is not None for outline in outlines])
    rows = rows[np.unique(np.linspace(0, len(rows) - 1, SAMPLE).astype(np.int64))] if len(rows) > SAMPLE else rows
    known = [(row, box) for row in rows.tolist() if (box := outline_extent(outlines[row])) is not None]
    what, other = check_numbers(bbox, sizes, areas)
    warning = ""
    if known:
        places, extents = np.array([row for row, _ in known]), np.array([box for _, box in known])
        shares_too = other is not None and other.unit == "relative" and extents.max() <= 1.05
        if not shares_too:
            what, other = check_outlines(bbox[places], sizes[places], extents)
            warning = _some_differ(where, bbox[places], extents)
    if what and convention == Convention():
        _refuse(where, what, other)
    return warning or (f"{where}: {text}" if (text := unused_half(bbox, sizes)) else "")


def _refuse(where: str, what: str, other: Convention | None) -> None:
    fix = (
        "resize boxes or images and outlines, so that all are in pixels of the image on disk"
        if other is None
        else f"if so, set {other.settings()}; else write bbox as [x, y, width, height] in pixels"
    )
    raise InputError(f"the boxes are not x, y, width, height in pixels: {what}", where=where, fix=fix)


def _some_differ(where: str, bbox: npt.NDArray[np.float64], extents: npt.NDArray[np.float64]) -> str:
    share = outline_share(bbox, extents)
    if share >= MOST or len(bbox) < FEW:
        return ""
    return (
        f"{where}: {1 - share:.0%} of {len(bbox)} boxes differ by more than 2 pixels from the extent of their outlines"
    )
