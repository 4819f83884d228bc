"""PASCAL VOC's own average precision (Everingham et al. 2010, section 4.2), as its development kit computes it.

Detections of a class are matched most confident first, each with the object of its class and image that it overlaps
most. If the IoU is at least the threshold, the detection is correct, or a false positive if the object has been found
before. *Difficult* objects, and detections of them, are ignored. Two areas under the precision-recall curve are in use:

* 2007: the mean of the best precision at a recall of at least 0, 0.1, …, 1 (11 points);
* 2010 and later (2012): the exact area under the curve of best precision.

Boxes here are half-open in pixels (``x2 = x1 + width``), for which the kit's ``+ 1`` on widths of inclusive corners is
already contained: the same objects give the same IoU. Differences to COCO's AP at 0.5: COCO interpolates at 101 points,
has no difficult objects, evaluates at most 100 detections of a class per image, and lets a detection match its
second-best object.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from codo.annotations.records import Annotations

Floats = npt.NDArray[np.float64]

THRESHOLDS = tuple(round(0.5 + 0.05 * i, 2) for i in range(10))
"""COCO's IoU thresholds, over which Detectron2 averages VOC's AP."""


def voc_metrics(
    annotations: Annotations, results: Sequence[dict[str, Any]], difficult: npt.NDArray[np.bool_]
) -> dict[str, float]:
    """VOC's mAP of boxes; means over the classes with objects that are not difficult.

    Args:
        annotations: The ground truth. Crowd regions, which VOC does not have, are treated as difficult.
        results: COCO results with ``bbox``.
        difficult: ``(M,)``, which objects of ``annotations`` are ignored.

    Returns:
        ``AP50_07`` and ``AP50_12``, VOC's mAP of 2007 and of 2010 to 2012; ``AP_07`` and ``AP75_07``, the mean over IoU
        0.50:0.95 and the value at 0.75 by the rule of 2007, which tables from Detectron2's VOC evaluation print as AP
        and AP75. From 0 to 1; -1 without objects.
    """
    ignored = difficult | annotations.crowd
    by_class: dict[int, list[dict[str, Any]]] = {category.id: [] for category in annotations.categories}
    for result in results:
        by_class[result["category_id"]].append(result)
    scores: list[Floats] = []
    for label, found in enumerate(by_class.values(), start=1):
        rows = np.flatnonzero(annotations.labels == label)
        if not ignored[rows].all():
            scores.append(_class_scores(annotations, found, rows, ignored))
    means = np.mean(scores, axis=0) if scores else np.full((len(THRESHOLDS), 2), -1.0)
    return {
        "AP_07": float(means[:, 0].mean()),
        "AP50_07": float(means[0, 0]),
        "AP75_07": float(means[THRESHOLDS.index(0.75), 0]),
        "AP50_12": float(means[0, 1]),
    }


def voc_scores(annotations: Annotations, results: Sequence[dict[str, Any]]) -> dict[str, float]:
    """`voc_metrics` for data in VOC's format, which marks difficult objects; empty for other formats."""
    difficult = getattr(annotations, "difficult", None)
    return {} if difficult is None else voc_metrics(annotations, results, difficult)


def _class_scores(
    annotations: Annotations, results: list[dict[str, Any]], rows: npt.NDArray[np.int64], ignored: npt.NDArray[np.bool_]
) -> Floats:
    """AP of one class by the rules of 2007 and 2012, ``(thresholds, 2)``; ``rows`` are its objects."""
    by_score = np.argsort([-result["score"] for result in results], kind="stable")
    results = [results[i] for i in by_score]
    overlap, nearest = nearest_objects(annotations, results, rows)
    scores = []
    for threshold in THRESHOLDS:
        hits = overlap >= threshold
        counted = ~(hits & ignored[nearest])
        hits, found = hits[counted], nearest[counted]
        first = np.zeros(len(hits), dtype=bool)  # whether it is the first to find its object
        first[np.flatnonzero(hits)[np.unique(found[hits], return_index=True)[1]]] = True
        true, false = np.cumsum(first), np.cumsum(~first)
        recall = true / np.count_nonzero(~ignored[rows])
        precision = true / np.maximum(true + false, 1)
        scores.append([eleven_points(recall, precision), area(recall, precision)])
    return np.array(scores)


def nearest_objects(
    annotations: Annotations, results: Sequence[dict[str, Any]], rows: npt.NDArray[np.int64]
) -> tuple[Floats, npt.NDArray[np.int64]]:
    """For each detection, the object of its image that it overlaps most: IoU and row.

    Args:
        annotations: The ground truth.
        results: n detections of one class.
        rows: The objects of that class, in order.

    Returns:
        IoU ``(n,)``, 0 where the image has no object of the class, and rows ``(n,)``.
    """
    overlap, nearest = np.zeros(len(results)), np.zeros(len(results), dtype=np.int64)
    index = {int(id_): i for i, id_ in enumerate(annotations.image_ids)}
    images = np.array([index[result["image_id"]] for result in results], dtype=np.int64)
    boxes = np.array([result["bbox"] for result in results], dtype=np.float64).reshape(-1, 4)
    by_image = np.argsort(images, kind="stable")
    for here in np.split(by_image, np.flatnonzero(np.diff(images[by_image])) + 1):
        if not len(here):
            continue
        start, stop = np.searchsorted(rows, annotations.offsets[images[here[0]] :][:2])
        objects = rows[start:stop]
        if not len(objects):
            continue
        ious = iou(boxes[here], annotations.bbox[objects])
        overlap[here], nearest[here] = ious.max(axis=1), objects[ious.argmax(axis=1)]
    return overlap, nearest


def iou(a: Floats, b: Floats) -> Floats:
    """IoU ``(n, m)`` of boxes ``(n, 4)`` and ``(m, 4)``: x, y, width, height."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum((a[:, :2] + a[:, 2:])[:, None], (b[:, :2] + b[:, 2:])[None])
    shared: Floats = (high - low).clip(min=0).prod(axis=2)
    union: Floats = a[:, 2:].prod(axis=1)[:, None] + b[:, 2:].prod(axis=1)[None] - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def eleven_points(recall: Floats, precision: Floats) -> float:
    """Area by the rule of 2007; ``recall`` ``(n,)`` rises."""
    # Recalls are ratios of integers: 3/10 must reach the point 0.3, which floats miss by one unit in the last place.
    best = [precision[recall >= point / 10 - 1e-9].max(initial=0.0) for point in range(11)]
    return float(np.mean(best))


def area(recall: Floats, precision: Floats) -> float:
    """Area by the rule of 2010 and later; ``recall`` ``(n,)`` rises."""
    best = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall, prepend=0.0) * best))
