"""Where corners of VOC count from: 1, as in VOC itself, or 0, as some tools write them."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

Origin = Literal["auto", 0, 1]

Floats = npt.NDArray[np.float64]


class Counting:
    """How the corners of a folder count.

    VOC counts pixels from 1, and both corners are inside the box. A corner in [0, 1) shows that a folder counts from 0.
    Its corners are pixels inside the box too, except if some are fractions or reach the width or height, which no
    pixel counted from 0 does: then they are coordinates of edges.

    Args:
        corners: xmin, ymin, xmax, ymax of all objects of the folder, ``(n, 4)``; may be nan.
        sizes: Width and height of the image of every object, ``(n, 2)``; nan or 0 where unknown.
        origin: The setting ``data.voc_origin``.
    """

    def __init__(self, corners: Floats, sizes: Floats, origin: Origin = "auto") -> None:
        known = np.where(np.isfinite(corners), corners, 1)
        zeros = ((known >= 0) & (known < 1)).any(axis=1)
        self.zeros, self.count = int(zeros.sum()), len(corners)
        self.from_0 = bool(zeros.any()) if origin == "auto" else origin == 0
        reached = ((known[:, 2:] >= sizes) & (sizes > 0)).any()
        self.edges = self.from_0 and bool(reached or (known % 1 != 0).any())
        self.inferred = origin == "auto"

    def boxes(self, corners: Floats) -> Floats:
        """x, y, width, height of corners, ``(n, 4)``."""
        first = 0 if self.from_0 else 1
        inside = 0 if self.edges else 1
        low, high = corners[:, :2], corners[:, 2:]
        return np.concatenate([low - first, high - low + inside], axis=1)

    def note(self, where: str) -> str:
        """What was inferred; empty for the counting of VOC."""
        if not self.from_0:
            return ""
        why = f"{self.zeros} of {self.count} boxes have a corner at 0" if self.inferred else "data.voc_origin=0"
        what = "edges, not pixels inside the box" if self.edges else "pixels inside the box"
        return f"{where}: corners count from 0 ({why}) and are {what}" + (
            "; if they count from 1, set data.voc_origin=1" if self.inferred else ""
        )
