"""Selects the proposals of an image from all boxes of a search: filter, fallback, at most a fixed number.

The rules (the CoDo paper, section 4.1, and SoCo's, which it builds on): aspect ratio strictly between 1/3 and 3, at
least 32 pixels per side in the original image, optionally a range of relative sizes. If no box of an image passes, the
rules are relaxed in stages, so that every image has a proposal::

    filtered   ratio, side and band      ratio   only ratio       side   only side       whole   the whole image

The last stage applies no rules to the box of the whole image: a panorama may break all of them.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, field_validator

from codo.core.config import Settings
from codo.proposals.selective_search import selective_search

Boxes = npt.NDArray[np.int32]
SIZE_CLASSES = 8  # of `subsample`: with 64 boxes kept, 8 sizes at 8 places


class ProposalSettings(Settings):
    """How proposals are found and which of them are kept."""

    mode: Literal["single", "fast", "quality"] = Field(
        "fast", description="selective search mode, from few boxes in little time to more and better boxes in more time"
    )
    longest_side: int | None = Field(
        256, ge=1, description="images are searched at this longest side in pixels; null searches at full size"
    )
    max_ratio: float = Field(
        3.0, gt=1, description="width / height of a proposal is strictly between 1/max_ratio and max_ratio"
    )
    min_side: int = Field(32, ge=1, description="smallest width and height of a proposal, in pixels of the original")
    size_band: tuple[float, float] | None = Field(
        None,
        description="range of sqrt(box area / image area) of a proposal (SoCo: 0.3, 0.8); null for any size",
    )
    max_boxes: int = Field(
        64, ge=1, description="largest number of proposals kept per image, spread evenly over sizes and positions"
    )

    @field_validator("size_band")
    @classmethod
    def _rising(cls, band: tuple[float, float] | None) -> tuple[float, float] | None:
        if band is not None and not 0 <= band[0] < band[1] <= 1:
            raise ValueError("size_band must rise within 0..1")
        return band


def propose(image: npt.NDArray[np.uint8], settings: ProposalSettings) -> tuple[Boxes, str]:
    """Search an image and select its proposals.

    Args:
        image: RGB, ``(H, W, 3)`` uint8.
        settings: How to search and what to keep.

    Returns:
        ``(n, 4)`` half-open xyxy boxes in pixels of ``image``, sorted, ``1 <= n <= max_boxes``, and their
        fallback stage: ``filtered``, ``ratio``, ``side`` or ``whole``.

    Raises:
        InputError: Not a uint8 RGB image.
    """
    height, width = image.shape[:2]
    found = selective_search(image, settings.mode, settings.longest_side)
    kept, fallback_stage = filter_boxes(found, width, height, settings)
    return subsample(kept, settings.max_boxes), fallback_stage


def filter_boxes(boxes: Boxes, width: int, height: int, settings: ProposalSettings) -> tuple[Boxes, str]:
    """The boxes that pass the rules, and the fallback stage that was needed.

    Args:
        boxes: ``(n, 4)`` half-open xyxy.
        width: Width of the image in pixels.
        height: Height of the image in pixels.
        settings: The rules.

    Returns:
        At least one box, in the given order, and the name of the fallback stage.
    """
    w, h = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    ratio = (w < settings.max_ratio * h) & (h < settings.max_ratio * w)  # no division: exact at the bounds
    side = (w >= settings.min_side) & (h >= settings.min_side)
    band = np.ones(len(boxes), np.bool_)
    if settings.size_band is not None:
        relative = np.sqrt(w * h.astype(np.float64)) / np.sqrt(float(width) * height)
        band = (settings.size_band[0] <= relative) & (relative <= settings.size_band[1])
    for passed, fallback_stage in ((ratio & side & band, "filtered"), (ratio, "ratio"), (side, "side")):
        if passed.any():
            return boxes[passed], fallback_stage
    return np.array([[0, 0, width, height]], np.int32), "whole"


def subsample(boxes: Boxes, most: int) -> Boxes:
    """Keep at most ``most`` boxes, evenly over sizes and, within a size, over the image.

    The boxes are split into `SIZE_CLASSES` equal parts by area, each part stays in the order of its coordinates (left
    to right), and every n/most-th box of the resulting sequence is taken. Training draws one proposal at random; the
    distribution of its size stays the same, which is not so if the largest, the first or the most diverse boxes are
    kept, and more objects stay covered than with a random choice (docs/results/proposals.md). No random numbers or
    scores are needed: the choice depends on the boxes alone.

    Args:
        boxes: ``(n, 4)`` half-open xyxy, sorted.
        most: Number of boxes to keep, at least 1.

    Returns:
        ``(min(n, most), 4)``, in the given order.
    """
    n = len(boxes)
    if n <= most:
        return boxes
    sides = boxes[:, 2:].astype(np.int64) - boxes[:, :2]
    rank = np.empty(n, np.int64)
    rank[np.argsort(sides[:, 0] * sides[:, 1], kind="stable")] = np.arange(n)
    sequence = np.argsort(rank * SIZE_CLASSES // n, kind="stable")
    middle = (2 * np.arange(most) + 1) * n // (2 * most)  # the middle of each of `most` equal shares
    return boxes[np.sort(sequence[middle])]
