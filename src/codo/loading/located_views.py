"""Pasted views with boxes for finding the pasted object (`codo.methods.localization`; docs/method.md#localization).

Shapes: ``S`` side of the canvas.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from codo.core.rng import RngStream, generator
from codo.loading.step_dataset import ViewDataset
from codo.views.boxes import Box, iou
from codo.views.cpj import View

MAX_IOU, TRIES = 0.3, 20
"""A background box overlaps the pasted one less; so many are tried."""


class LocatedViews(ViewDataset):
    """Pasted views with three boxes each, concatenated to ``(12,)``: jittered, pasted and background box."""

    def views(self, epoch: int, sample: int, numbers: Sequence[int]) -> list[View]:
        """See `ViewDataset.views`."""
        located = []
        for number, view in zip(numbers, super().views(epoch, sample, numbers), strict=True):
            rng = generator(self.pasted.seed, epoch, sample, RngStream.BACKGROUND + number)
            background = background_box(view.pasted, len(view.image), rng)
            located.append(replace(view, box=np.concatenate([view.box, view.pasted, background])))
        return located


def background_box(pasted: Box, canvas: int, rng: np.random.Generator) -> Box:
    """A random box whose IoU with the pasted box is below `MAX_IOU`; of `TRIES` the one with the least if none is.

    Sides are uniform from a fifth to four fifths of the canvas, positions uniform.
    """
    sides = canvas * rng.uniform(0.2, 0.8, (TRIES, 2))
    corners = rng.uniform(0.0, 1.0, (TRIES, 2)) * (canvas - sides)
    candidates = np.concatenate([corners, corners + sides], axis=1)
    overlaps = iou(candidates, pasted[None])
    chosen = np.argmax(overlaps < MAX_IOU) if (overlaps < MAX_IOU).any() else np.argmin(overlaps)
    box: Box = candidates[chosen].astype(np.float32)
    return box
