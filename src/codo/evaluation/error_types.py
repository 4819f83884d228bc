"""Every detection and object is correct or one of six error types (TIDE: Bolya et al. 2020, section 2.2).

A detection that `codo.evaluation.matching` does not match at an IoU of 0.5 gets the first of these types that fits:

=================  ====================================================================================================
duplicate          it overlaps an object of its class by 0.5 or more that a more confident detection has found
classification     it overlaps an object of another class by 0.5 or more
localization       it overlaps an object of its class by 0.1 or more
both               it overlaps an object of another class by 0.1 or more
background         it overlaps no object by 0.1
=================  ====================================================================================================

The sixth error type is *missed*: an object that was not found and has no classification or localization error that
accounts for it. The type of a detection depends on more confident detections only, so it is the same at every
confidence threshold.

The score of an image at a confidence is found / (found + not found + wrong), the critical success index: 1 for an image
without objects and detections.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from codo.evaluation.detections import ImageResult
from codo.evaluation.matching import Indices, match

LEAST = 0.5
"""Least IoU of a correct detection."""

NEAR = 0.1
"""Least IoU at which a wrong detection is attributed to an object."""


class ErrorType(StrEnum):
    """Type of a detection or an object, ``correct`` and ``ignored`` included."""

    CORRECT = "correct"
    LOCALIZATION = "localization"
    CLASSIFICATION = "classification"
    BOTH = "both"
    DUPLICATE = "duplicate"
    BACKGROUND = "background"
    MISSED = "missed"
    IGNORED = "ignored"


ERRORS = tuple(o for o in ErrorType if o not in (ErrorType.CORRECT, ErrorType.IGNORED))
COVERED = (ErrorType.LOCALIZATION, ErrorType.CLASSIFICATION)
"""Errors that account for an object that was not found."""


@dataclass(frozen=True)
class ErrorAssignment:
    """The error types of the D detections of an image.

    Attributes:
        image_result: The image.
        error_types: ``(D,)``.
        targets: ``(D,)``, the object that a detection found or that its error is attributed to; -1 for none.
    """

    image_result: ImageResult
    error_types: Sequence[ErrorType]
    targets: Indices

    def states(self, g: int) -> list[tuple[float, ErrorType]]:
        """Scores and types that decide the type of object ``g``: the first entry with a score >= the threshold counts.

        If there is none, the object is missed. There are at most two entries: the detection that found the object, then
        the most confident error that accounts for it.
        """
        if self.image_result.truth[g].crowd:
            return [(float("inf"), ErrorType.IGNORED)]
        about = [
            i
            for i in np.flatnonzero(self.targets == g).tolist()
            if self.error_types[i] in (ErrorType.CORRECT, *COVERED)
        ]
        about.sort(key=lambda i: self.error_types[i] is not ErrorType.CORRECT)  # stable: by falling score within each
        firsts = {self.error_types[i] is ErrorType.CORRECT: i for i in reversed(about)}
        ranked = [firsts[right] for right in (True, False) if right in firsts]
        return [(self.image_result.found[i].score, self.error_types[i]) for i in ranked]

    def state(self, g: int, threshold: float) -> ErrorType:
        """The type of object ``g`` when detections below ``threshold`` are left out."""
        return next((error_type for score, error_type in self.states(g) if score >= threshold), ErrorType.MISSED)

    def counts(self, threshold: float) -> tuple[int, int, int]:
        """Numbers of objects found, objects not found and wrong detections, without detections below ``threshold``."""
        kept = [o for o, obj in zip(self.error_types, self.image_result.found, strict=True) if obj.score >= threshold]
        found = kept.count(ErrorType.CORRECT)
        objects = sum(not obj.crowd for obj in self.image_result.truth)
        return found, objects - found, len(kept) - found - kept.count(ErrorType.IGNORED)

    def score(self, threshold: float) -> float:
        """The image's score (see the module's docstring)."""
        found, lost, wrong = self.counts(threshold)
        return found / (found + lost + wrong) if found + lost + wrong else 1.0


def assign_errors(image_result: ImageResult) -> ErrorAssignment:
    """Assign an error type to every detection of an image."""
    table, same, crowd = image_result.table, image_result.same, image_result.crowd
    matched = match(table, same, crowd, LEAST)
    same_class, same_iou = _best(np.where(same & ~crowd, table, -1.0))
    other_class, other_iou = _best(np.where(~same & ~crowd, table, -1.0))
    rules = (
        (matched.objects >= 0, ErrorType.CORRECT, matched.objects),
        (matched.ignored, ErrorType.IGNORED, np.full(len(table), -1)),
        (same_iou >= LEAST, ErrorType.DUPLICATE, same_class),
        (other_iou >= LEAST, ErrorType.CLASSIFICATION, other_class),
        (same_iou >= NEAR, ErrorType.LOCALIZATION, same_class),
        (other_iou >= NEAR, ErrorType.BOTH, other_class),
    )
    error_types, targets = [ErrorType.BACKGROUND] * len(table), np.full(len(table), -1, dtype=np.int64)
    for fits, error_type, about in reversed(rules):
        for i in np.flatnonzero(fits):
            error_types[i], targets[i] = error_type, about[i]
    return ErrorAssignment(image_result, error_types, targets)


def best_threshold(assignments: Sequence[ErrorAssignment]) -> float:
    """The highest confidence threshold, in steps of 0.01, with the best F1 over all images; 0.5 if nothing is found."""
    pairs = [
        (obj.score, error_type)
        for assignment in assignments
        for obj, error_type in zip(assignment.image_result.found, assignment.error_types, strict=True)
        if error_type is not ErrorType.IGNORED
    ]
    objects = sum(not obj.crowd for assignment in assignments for obj in assignment.image_result.truth)
    hits = np.sort([score for score, error_type in pairs if error_type is ErrorType.CORRECT])
    if not len(hits):
        return 0.5
    scores = np.sort([score for score, _ in pairs])
    steps = np.arange(100) / 100
    kept, found = (len(values) - np.searchsorted(values, steps) for values in (scores, hits))
    f1 = 2 * found / (kept + objects)
    return float(steps[99 - int(np.argmax(f1[::-1]))])


def _best(table: np.ndarray) -> tuple[Indices, np.ndarray]:
    """The column with the largest value of each row, and that value; -1 and -1 when there is none."""
    if not table.shape[1]:
        return np.full(len(table), -1, dtype=np.int64), np.full(len(table), -1.0)
    best = table.argmax(axis=1)
    return best, table[np.arange(len(table)), best]
