"""The random choices of a pasted view; a loader makes all of them in one compiled call (`draw_numbers`).

See `codo.views.random_numbers`. They need the sizes of the images only; `codo.views.cpj` then makes the pixels.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from codo.core.jit import shared
from codo.views.boxes import Box, jitter
from codo.views.kernels.color import Change, no_change
from codo.views.lazy_image import Corners
from codo.views.photometric import ChangeRanges, draw_change
from codo.views.random_crop import random_crop, uniform
from codo.views.random_numbers import Source, drawn, integer, random


class Ranges(NamedTuple):
    """What a view is drawn from: numbers of ``cpj.*`` and ``augment.*``, see `CPJSettings` and `AugmentSettings`.

    Attributes:
        canvas: S, side of the canvas.
        crop_background: Whether a part of the background is drawn; else it is shown whole.
        composite: Whether color and blur are drawn after pasting, for the whole view.
    """

    canvas: int
    crop_background: bool
    background_area: tuple[float, float]
    background_ratio: tuple[float, float]
    foreground_area: tuple[float, float]
    foreground_ratio: tuple[float, float]
    size: tuple[float, float]
    min_side: int
    keep_aspect: bool
    flip: float
    change: ChangeRanges
    composite: bool
    jitter: float
    min_iou: float
    max_tries: int


class BackgroundChoices(NamedTuple):
    """What is random about the background of a view.

    Attributes:
        part: The part of the image to show.
        flip: Whether it is flipped.
        change: Its color and blur.
    """

    part: Corners
    flip: bool
    change: Change


class ProposalChoices(NamedTuple):
    """What is random about a proposal and its boxes.

    Attributes:
        crop: The part of the proposal to show.
        corners: Where to paste it.
        flip: Whether it is flipped.
        change: Its color and blur.
        whole: Color and blur of the whole view, if they are drawn after pasting.
        pasted: ``corners`` as float32 ``(4,)``.
        box: The jittered box.
    """

    crop: Corners
    corners: Corners
    flip: bool
    change: Change
    whole: Change
    pasted: Box
    box: Box


def draw_view(
    background_width: int, background_height: int, width: int, height: int, ranges: Ranges, rng: Source
) -> tuple[BackgroundChoices, ProposalChoices]:
    """Draw the view of a proposal of this size on a background of that size."""
    background, proposal = draw_numbers(background_width, background_height, width, height, ranges, rng)
    return BackgroundChoices(*background), ProposalChoices(*proposal)


@drawn
def draw_numbers(
    background_width: int, background_height: int, width: int, height: int, ranges: Ranges, rng: Source
) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """What `draw_view` gives, as plain tuples: for named ones compiled code would call Python (`codo.core.jit`)."""
    background = draw_background(background_width, background_height, ranges, rng)
    return background[:], draw_proposal(width, height, ranges, rng)[:]


@shared
def draw_background(width: int, height: int, ranges: Ranges, rng: Source) -> BackgroundChoices:
    """What is drawn for a background of this size."""
    part = (0, 0, width, height)
    if ranges.crop_background:
        part = random_crop(width, height, ranges.background_area, ranges.background_ratio, rng)
    change = no_change() if ranges.composite else draw_change(ranges.change, rng)
    return BackgroundChoices(part, random(rng) < ranges.flip, change)


@shared
def draw_proposal(width: int, height: int, ranges: Ranges, rng: Source) -> ProposalChoices:
    """What is drawn for a proposal of this size."""
    crop = random_crop(width, height, ranges.foreground_area, ranges.foreground_ratio, rng)
    w, h = draw_size(crop[2] - crop[0], crop[3] - crop[1], ranges, rng)
    change = no_change() if ranges.composite else draw_change(ranges.change, rng)
    flip = random(rng) < ranges.flip
    x, y = integer(ranges.canvas - w + 1, rng), integer(ranges.canvas - h + 1, rng)
    whole = draw_change(ranges.change, rng) if ranges.composite else no_change()
    pasted = np.empty(4, np.float32)
    pasted[0], pasted[1], pasted[2], pasted[3] = x, y, x + w, y + h
    box = jitter(pasted, ranges.canvas, ranges.jitter, ranges.min_iou, ranges.max_tries, rng)
    return ProposalChoices(crop, (x, y, x + w, y + h), flip, change, whole, pasted, box)


@shared
def draw_size(width: int, height: int, ranges: Ranges, rng: Source) -> tuple[int, int]:
    """The size at which to paste a crop of this width and height."""
    # Rounded down, which excludes the end of the range: a side of the whole canvas would leave no background.
    w = math.floor(uniform(ranges.size[0], ranges.size[1], rng) * ranges.canvas)
    h = math.floor(uniform(ranges.size[0], ranges.size[1], rng) * ranges.canvas)
    if ranges.keep_aspect:
        # The largest size whose long side fits the longer drawn side, and the short side the shorter (InsLoc).
        scale = min(max(w, h) / max(width, height), min(w, h) / min(width, height))
        w, h = round(width * scale), round(height * scale)
    return min(max(w, ranges.min_side), ranges.canvas), min(max(h, ranges.min_side), ranges.canvas)
