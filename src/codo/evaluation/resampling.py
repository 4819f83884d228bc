"""How much of an AP hangs on which images it was measured on: AP on resamples of the images, with replacement.

Legend: N images, B resamples, T IoU thresholds, n detections of one class, k of them right at a threshold.

Matching looks at one image at a time, so a resample need not be matched again: an image that it holds twice counts
twice. `resampled_ap` with all weights 1 is COCO's AP (tests hold the two together), and thousands of resamples cost
seconds, because precision has its peaks at the k right detections alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from codo.evaluation.detections import Detections
from codo.evaluation.matching import RECALLS, Flags, Floats, Indices, match

RESAMPLES = 1000
THRESHOLDS: Floats = np.linspace(0.5, 0.95, 10)
"""IoUs that COCO's AP is the mean over; AP50 and AP75 are at two of them."""

CHUNK = 2**24
"""Numbers in memory at a time."""

Weights = npt.NDArray[np.int32]


def image_weights(images: int, resamples: int = RESAMPLES) -> Weights:
    """How often each image stands in each resample, ``(B, N)``; always the same, so that runs can be compared."""
    random = np.random.Generator(np.random.Philox(key=0))
    return random.multinomial(images, np.full(images, 1 / images), size=resamples).astype(np.int32)


def resampled_ap(detections: Detections, weights: Weights) -> dict[str, Floats]:
    """AP, AP50 and AP75 on each resample, ``(B,)``: from 0 to 1, or -1 where it has no object.

    Args:
        detections: Of N images.
        weights: ``(B, N)``, see `image_weights`.
    """
    by_class = [_class_ap(one, weights) for one in _classes(detections)]
    table = np.stack(by_class) if by_class else np.full((1, len(weights), len(THRESHOLDS)), -1.0)
    known = table[..., 0] > -1  # (classes, B); a class has objects at all thresholds or at none
    count = known.sum(axis=0)
    mean = np.where(known[..., None], table, 0.0).sum(axis=0) / np.maximum(count, 1)[:, None]
    mean[count == 0] = -1.0
    return {"AP": mean.mean(axis=1), "AP50": mean[:, 0], "AP75": mean[:, 5]}


@dataclass(frozen=True)
class _Class:
    """The detections of one class, best first, and its objects.

    Attributes:
        images: Image of each detection, ``(n,)``.
        right: At each threshold, which found an object, ``(n, T)``.
        ignored: Which lie in a crowd region, ``(n, T)``.
        objects: How many objects each image has, ``(N,)``.
    """

    images: Indices
    right: Flags
    ignored: Flags
    objects: npt.NDArray[np.int32]


def _classes(detections: Detections) -> Iterator[_Class]:
    """Match all images at all thresholds, and sort what came out by class."""
    scenes = detections.scenes
    labels = np.array([thing.label for scene in scenes for thing in scene.found], dtype=np.int64)
    scores = np.array([thing.score for scene in scenes for thing in scene.found], dtype=np.float64)
    images = np.repeat(np.arange(len(scenes)), [len(scene.found) for scene in scenes])
    right, ignored = np.zeros((2, len(labels), len(THRESHOLDS)), dtype=np.bool_)
    ends = np.cumsum([len(scene.found) for scene in scenes])
    for scene, end in zip(scenes, ends.tolist(), strict=True):
        rows = slice(end - len(scene.found), end)
        same, crowd = scene.same, scene.crowd
        for t, threshold in enumerate(THRESHOLDS):
            matched = match(scene.table, same, crowd, threshold)
            right[rows, t], ignored[rows, t] = matched.objects >= 0, matched.ignored
    for label in range(len(detections.classes)):
        asked = [sum(thing.label == label and not thing.crowd for thing in scene.truth) for scene in scenes]
        mine = np.flatnonzero(labels == label)
        mine = mine[np.argsort(-scores[mine], kind="stable")]
        yield _Class(images[mine], right[mine], ignored[mine], np.array(asked, dtype=np.int32))


def _class_ap(one: _Class, weights: Weights) -> Floats:
    """AP of a class on each resample and at each threshold, ``(B, T)``; -1 where the resample has none of it."""
    found = np.empty((len(weights), len(THRESHOLDS)))
    step = max(1, CHUNK // max(1, len(one.images)))
    for start in range(0, len(weights), step):
        some = weights[start : start + step]
        objects, times = some @ one.objects, some[:, one.images]  # (b,), (b, n)
        before, counted = None, times
        for t in range(len(THRESHOLDS)):
            ignored, hits = one.ignored[:, t], np.flatnonzero(one.right[:, t])
            if before is None or (ignored != before).any():  # only crowd regions make thresholds differ
                before, counted = ignored, np.cumsum(times * ~ignored, axis=1, dtype=np.int32)
            right = np.cumsum(times[:, hits], axis=1, dtype=np.int32)
            found[start : start + step, t] = _average(right, counted[:, hits], objects)
    return found


def _average(hits: Weights, counted: Weights, objects: Weights) -> Floats:
    """AP from the right and from all detections up to each right one, both ``(b, k)``, and the objects ``(b,)``.

    The mean over COCO's 101 recalls is taken by how many of them each right detection is the first to reach.
    """
    if not hits.shape[1]:
        return np.where(objects > 0, 0.0, -1.0)
    precision = hits / np.maximum(counted, 1)
    best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    reached = np.searchsorted(RECALLS, hits / np.maximum(objects, 1)[:, None], side="right")
    reached[hits == 0] = 0  # recall 0 is reached by the first right detection, not before
    first = np.diff(reached, axis=1, prepend=0)
    average: Floats = (first * best).sum(axis=1) / len(RECALLS)
    return np.where(objects > 0, average, -1.0)
