"""AP on bootstrap resamples of the evaluation images: how much AP depends on which images were chosen.

Legend: N images, B resamples, T IoU thresholds, n detections of one class, k of them correct at a threshold.

Detections are matched image by image, so resamples need no new matching: an image that is drawn twice counts twice.
`resampled_ap` with all weights 1 equals COCO's AP (a test compares them). Thousands of resamples take seconds, because
only the precision at the k correct detections matters.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from codo.evaluation.detections import Detections
from codo.evaluation.matching import RECALLS, Flags, Floats, Indices, match

RESAMPLES = 1000
THRESHOLDS: Floats = np.linspace(0.5, 0.95, 10)
"""IoU thresholds over which COCO's AP is the mean; AP50 and AP75 are two of them."""

CHUNK = 2**24
"""Largest number of values in memory at a time."""

Weights = npt.NDArray[np.int32]


def image_weights(images: int, resamples: int = RESAMPLES) -> Weights:
    """How often each resample contains each image, ``(B, N)``; always the same, so that runs can be compared."""
    random = np.random.Generator(np.random.Philox(key=0))
    return random.multinomial(images, np.full(images, 1 / images), size=resamples).astype(np.int32)


def resampled_ap(detections: Detections, weights: Weights, classes: Collection[str] | None = None) -> dict[str, Floats]:
    """AP, AP50 and AP75 on each resample, ``(B,)``: from 0 to 1, or -1 where it has no object.

    Args:
        detections: Of N images.
        weights: ``(B, N)``, see `image_weights`.
        classes: Names of the classes to average over; ``None``: all.
    """
    chosen = [classes is None or name in classes for name in detections.classes]
    by_class = [_class_ap(one, weights) for one, counts in zip(_classes(detections), chosen, strict=True) if counts]
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
        right: Whether it found an object, at each threshold, ``(n, T)``.
        ignored: Whether it lies in a crowd region, ``(n, T)``.
        objects: Number of objects of each image, ``(N,)``.
    """

    images: Indices
    right: Flags
    ignored: Flags
    objects: npt.NDArray[np.int32]


def _classes(detections: Detections) -> Iterator[_Class]:
    """Match all images at all thresholds; yields the results by class."""
    image_results = detections.image_results
    labels = np.array([obj.label for image_result in image_results for obj in image_result.found], dtype=np.int64)
    scores = np.array([obj.score for image_result in image_results for obj in image_result.found], dtype=np.float64)
    images = np.repeat(np.arange(len(image_results)), [len(image_result.found) for image_result in image_results])
    right, ignored = np.zeros((2, len(labels), len(THRESHOLDS)), dtype=np.bool_)
    ends = np.cumsum([len(image_result.found) for image_result in image_results])
    for image_result, end in zip(image_results, ends.tolist(), strict=True):
        rows = slice(end - len(image_result.found), end)
        same, crowd = image_result.same, image_result.crowd
        for t, threshold in enumerate(THRESHOLDS):
            matched = match(image_result.table, same, crowd, threshold)
            right[rows, t], ignored[rows, t] = matched.objects >= 0, matched.ignored
    for label in range(len(detections.classes)):
        objects = [sum(obj.label == label and not obj.crowd for obj in result.truth) for result in image_results]
        of_class = np.flatnonzero(labels == label)
        of_class = of_class[np.argsort(-scores[of_class], kind="stable")]
        yield _Class(images[of_class], right[of_class], ignored[of_class], np.array(objects, dtype=np.int32))


def _class_ap(one: _Class, weights: Weights) -> Floats:
    """AP of a class on each resample and at each threshold, ``(B, T)``; -1 where a resample has no object of it."""
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
    """AP from counts: correct and all detections up to each correct one, both ``(b, k)``, and objects ``(b,)``.

    In the mean over COCO's 101 recalls, a correct detection weighs as many recalls as it is the first to reach.
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
