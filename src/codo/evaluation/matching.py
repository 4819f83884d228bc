"""Matching of detections with objects, and average precision, as COCO computes them.

Legend: D detections and G objects of one image, n detections of one class over all images.

Detections are matched in the order of their scores (Lin et al. 2014; pycocotools' ``evaluateImg``): each gets the
unmatched object of its class that it overlaps most, with an IoU of at least the threshold. A detection without a match
that lies in a crowd region of its class is ignored. Equal scores keep the order of the file; of equally good objects
the last one is taken. AP is the mean of the best precision at a recall of at least 0, 0.01, …, 1.

The numbers equal COCO's; unlike COCO's code, this one keeps which detection matched which object.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pycocotools import mask as coco_mask

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.int64]

RECALLS: Floats = np.linspace(0.0, 1.0, 101)
"""Recalls at which COCO takes the precision."""

MOST = 100
"""The most detections of a class in an image that COCO evaluates."""


def overlaps(found: Sequence[Any], truth: Sequence[Any], crowd: Sequence[bool]) -> Floats:
    """IoU of detections and objects; with a crowd region, the share of the detection that lies in it.

    Args:
        found: Boxes ``x, y, width, height`` in pixels, or RLE masks.
        truth: The same of the objects.
        crowd: Which objects are crowd regions.

    Returns:
        ``(D, G)``.
    """
    if not len(found) or not len(truth):
        return np.zeros((len(found), len(truth)))
    # Computed by pycocotools, so that an overlap of exactly the threshold is rounded as in its evaluation.
    shapes = [[one if isinstance(one, dict) else list(one) for one in side] for side in (found, truth)]
    table: Floats = np.asarray(coco_mask.iou(*shapes, [int(flag) for flag in crowd]), dtype=np.float64)
    return table


@dataclass(frozen=True)
class Match:
    """Matches of an image's detections.

    Attributes:
        objects: ``(D,)``, the object that each detection found; -1 for none.
        ignored: ``(D,)``, whether a detection is ignored because it lies in a crowd region.
    """

    objects: Indices
    ignored: Flags


def match(table: Floats, same: Flags, crowd: Flags, threshold: float) -> Match:
    """Match the detections of an image.

    Args:
        table: `overlaps` ``(D, G)``, detections by falling score, objects in the order of the file.
        same: ``(D, G)``, whether detection and object are of the same class.
        crowd: ``(G,)``.
        threshold: Least IoU.
    """
    objects = np.full(len(table), -1, dtype=np.int64)
    reach = same & (table >= min(threshold, 1 - 1e-10))  # as COCO guards a threshold of 1 against rounding
    ignored = (reach & crowd).any(axis=1)
    free = ~crowd
    for i in np.flatnonzero((reach & ~crowd).any(axis=1)):
        best = -1
        for g in np.flatnonzero(reach[i] & free):
            if best < 0 or table[i, g] >= table[i, best]:
                best = int(g)
        if best >= 0:
            objects[i], free[best] = best, False
    return Match(objects, ignored & (objects < 0))


@dataclass(frozen=True)
class Ranking:
    """All detections of a class that are not ignored, best first.

    Attributes:
        right: ``(n,)``, whether a detection found an object.
        objects: Number of objects of the class.
    """

    right: Flags
    objects: int

    def precision(self) -> Floats:
        """The best precision at a recall of at least each of `RECALLS`, ``(101,)``; 0 for recalls never reached."""
        hits = np.cumsum(self.right)
        precision = hits / np.arange(1, len(hits) + 1)
        best = np.maximum.accumulate(precision[::-1])[::-1]
        place = np.searchsorted(hits / max(self.objects, 1), RECALLS)
        return np.concatenate([best, [0.0]])[place]

    def average_precision(self) -> float:
        """AP; -1 for a class without objects."""
        return float(self.precision().mean()) if self.objects else -1.0


def rank(scores: Floats, right: Flags, objects: int) -> Ranking:
    """Sort the detections of a class by score; equal scores keep their order, by image and then within the image."""
    return Ranking(right[np.argsort(-scores, kind="stable")], objects)


def mean_known(values: npt.ArrayLike) -> float:
    """Mean of the values that are not -1 (classes with objects); -1 if there is none."""
    known = np.asarray(values, dtype=np.float64)
    known = known[known > -1]
    return float(known.mean()) if len(known) else -1.0
