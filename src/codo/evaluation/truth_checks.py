"""Warnings about ground truth that makes AP mean something else: wrong areas, and objects that are labeled twice.

Legend: M objects.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from codo.annotations.records import Annotations
from codo.evaluation.matching import overlaps
from codo.geometry.extents import outline_area

SAMPLE = 2000
"""Outlines whose area is computed, and images in which objects are compared, spread over the data."""
LIMITS = (32.0**2, 96.0**2)
"""COCO's limits of small, medium and large objects, in square pixels."""
OFF = 2.0
"""Factor between an area and that of the outline from which they contradict each other."""
ALIKE = 0.9
"""IoU from which two objects of one class are the same object."""


def truth_warnings(annotations: Annotations) -> list[str]:
    """What is wrong with areas, and which objects are there twice; empty where all is well."""
    return [text for text in (wrong_areas(annotations), repeated_objects(annotations)) if text]


def wrong_areas(annotations: Annotations) -> str:
    """A warning about areas that contradict boxes or outlines; they decide what is small, medium and large.

    An area is wrong if it is 0, or larger than the box, or off the outline's by more than a factor of two. Without an
    outline a small area may be that of a thin object, so only most areas below a tenth of their boxes are wrong.
    """
    boxes = annotations.bbox[:, 2] * annotations.bbox[:, 3]
    use = (boxes > 4) & ~annotations.ignored
    rows = np.flatnonzero(use)
    if not len(rows):
        return ""
    true, areas = boxes[rows].copy(), annotations.areas[rows]
    wrong = (areas <= 0) | (areas > 1.1 * true + 4)
    drawn = np.flatnonzero(annotations.segmentations.present[rows])
    for k in drawn[np.unique(np.linspace(0, len(drawn) - 1, SAMPLE).astype(np.int64))] if len(drawn) else ():
        true[k] = outline_area(annotations.segmentations[int(rows[k])])
        wrong[k] |= max(areas[k], true[k]) > OFF * min(areas[k], true[k]) + 4
    thin = areas < true / 10  # without an outline: boxes
    if thin.mean() > 0.5:
        wrong |= thin
    if not wrong.any():
        return ""
    moved = int((np.digitize(areas[wrong], LIMITS) != np.digitize(true[wrong], LIMITS)).sum())
    k = int(np.argmax(wrong))
    return (
        f"{annotations.source}: the area of {int(wrong.sum())} of {len(rows)} objects contradicts their outline or box "
        f"(the first: {areas[k]:g}, not about {true[k]:.0f}, annotation {annotations.object_ids[rows[k]]} of "
        f"{annotations.name_of(int(rows[k]))}); {moved} change between small, medium and large, so APs, APm and APl "
        "are wrong; data.areas=computed computes the areas"
    )


def repeated_objects(annotations: Annotations) -> str:
    """A warning about objects of the same class and box in an image, of which a detector can find one only."""
    tenths = np.rint(annotations.bbox * 10).astype(np.int64)
    keys = np.concatenate([annotations.of_image()[:, None], annotations.labels[:, None], tenths], axis=1)
    use = np.flatnonzero(~annotations.ignored & (annotations.bbox[:, 2:] > 0).all(axis=1))
    twice = use[_repeated(keys[use])] if len(use) else use
    more = _nearly_repeated(annotations) if not len(twice) else []
    found = twice.tolist() or more
    if not found:
        return ""
    row, how = found[0], "box" if len(twice) else f"nearly the same box (IoU over {ALIKE:g})"
    seen = "" if len(twice) or len(annotations) <= SAMPLE else f" in {SAMPLE} images"
    return (
        f"{annotations.source}: {len(found)} of {len(use)} objects{seen} repeat one of the same class and {how} (the "
        f"first: annotation {annotations.object_ids[row]} of {annotations.name_of(row)}); a detector can find only one "
        "of two, so AP is too low"
    )


def _repeated(keys: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Rows that equal an earlier one; sorted by a digest, which is ten times as fast as by columns."""
    digest = np.zeros(len(keys), dtype=np.uint64)
    for column in keys.T.astype(np.uint64):
        digest = (digest ^ column) * np.uint64(0x9E3779B97F4A7C15)
        digest ^= digest >> np.uint64(29)
    order = np.argsort(digest, kind="stable")
    same = (keys[order[1:]] == keys[order[:-1]]).all(axis=1)
    rows: npt.NDArray[np.int64] = np.sort(order[1:][same])
    return rows


def _nearly_repeated(annotations: Annotations) -> list[int]:
    """Rows that nearly equal an earlier one of their image, in a sample of the images."""
    found: list[int] = []
    counts = np.diff(annotations.offsets)
    several = np.flatnonzero(counts > 1)
    for i in several[np.unique(np.linspace(0, len(several) - 1, SAMPLE).astype(np.int64))] if len(several) else ():
        start, stop = int(annotations.offsets[i]), int(annotations.offsets[i + 1])
        rows = np.arange(start, stop)[~annotations.ignored[start:stop]]
        boxes = annotations.bbox[rows].tolist()
        table = overlaps(boxes, boxes, [False] * len(boxes)) if len(boxes) > 1 else np.zeros((len(boxes),) * 2)
        alike = (table > ALIKE) & (annotations.labels[rows][:, None] == annotations.labels[rows][None])
        found += rows[np.tril(alike, -1).any(axis=1)].tolist()
    return found
