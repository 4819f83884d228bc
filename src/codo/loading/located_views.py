"""Pasted views with boxes for finding the pasted object (`codo.methods.localization`; docs/method.md#localization).

Shapes: ``S`` side of the canvas.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from codo.core.rng import RngStream
from codo.loading.step_dataset import ViewDataset
from codo.views.boxes import Box, overlap
from codo.views.cpj import View
from codo.views.kernels import philox
from codo.views.random_numbers import Source, drawn, random_table

MAX_IOU, TRIES = 0.3, 20
"""A background box overlaps the pasted one less; so many are tried."""


class LocatedViews(ViewDataset):
    """Pasted views with three boxes each, concatenated to ``(12,)``: jittered, pasted and background box."""

    def views(self, epoch: int, sample: int, numbers: Sequence[int]) -> list[View]:
        """See `ViewDataset.views`."""
        located = []
        for number, view in zip(numbers, super().views(epoch, sample, numbers), strict=True):
            rng = philox.start(self.pasted.seed, epoch, sample, RngStream.BACKGROUND + number)
            background = background_box(view.pasted, len(view.image), rng)
            located.append(replace(view, box=np.concatenate([view.box, view.pasted, background])))
        return located


@drawn
def background_box(pasted: Box, canvas: int, rng: Source) -> Box:
    """A random box whose IoU with the pasted box is below `MAX_IOU`; of `TRIES` the one with the least if none is.

    Sides are uniform from a fifth to four fifths of the canvas, positions uniform.
    """
    sides, corners = random_table(TRIES, 2, rng), random_table(TRIES, 2, rng)
    other = (np.float64(pasted[0]), np.float64(pasted[1]), np.float64(pasted[2]), np.float64(pasted[3]))
    chosen, least = np.empty(4, np.float32), np.inf
    for i in range(TRIES):
        width, height = canvas * (0.2 + (0.8 - 0.2) * sides[i, 0]), canvas * (0.2 + (0.8 - 0.2) * sides[i, 1])
        x, y = corners[i, 0] * (canvas - width), corners[i, 1] * (canvas - height)
        found = overlap((x, y, x + width, y + height), other)
        if found < least:
            least = found
            chosen[0], chosen[1], chosen[2], chosen[3] = x, y, x + width, y + height
        if found < MAX_IOU:
            break
    return chosen
