"""What came of every detection and object: right, or which of six errors (TIDE: Bolya et al. 2020, section 2.2).

A detection that `codo.evaluation.matching` finds wrong at an IoU of 0.5 is the first of these that fits:

=================  ====================================================================================================
duplicate          it overlaps an object of its class by 0.5 or more, which a more confident one has found
classification     it overlaps an object of another class by 0.5 or more
localization       it overlaps an object of its class by 0.1 or more
both               it overlaps an object of another class by 0.1 or more
background         there is no object where it is
=================  ====================================================================================================

The sixth error is an object that is *missed*: not found, nor under a classification or localization error, which
accounts for it. A detection above a confidence is judged by more confident ones only, so that all of this holds for
every threshold at once.

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
"""IoU from which a detection is right."""

NEAR = 0.1
"""IoU from which a wrong detection is about an object at all."""


class ErrorType(StrEnum):
    """Of a detection or an object."""

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
    """What came of the D detections of an image.

    Attributes:
        scene: The image.
        outcomes: ``(D,)``.
        targets: ``(D,)``, the object that a detection found or that its error is about; -1 for none.
    """

    scene: ImageResult
    outcomes: Sequence[ErrorType]
    targets: Indices

    def states(self, g: int) -> list[tuple[float, ErrorType]]:
        """What came of object ``g``, by confidence: at a threshold, the first whose score is not below it counts.

        When none is, the object is missed. Hence at most the detection that found it, and after it the most confident
        error that accounts for it.
        """
        if self.scene.truth[g].crowd:
            return [(float("inf"), ErrorType.IGNORED)]
        about = [
            i for i in np.flatnonzero(self.targets == g).tolist() if self.outcomes[i] in (ErrorType.CORRECT, *COVERED)
        ]
        about.sort(key=lambda i: self.outcomes[i] is not ErrorType.CORRECT)  # stable: by falling score within each
        firsts = {self.outcomes[i] is ErrorType.CORRECT: i for i in reversed(about)}
        ranked = [firsts[right] for right in (True, False) if right in firsts]
        return [(self.scene.found[i].score, self.outcomes[i]) for i in ranked]

    def state(self, g: int, threshold: float) -> ErrorType:
        """What came of object ``g`` when detections below ``threshold`` are left out."""
        return next((outcome for score, outcome in self.states(g) if score >= threshold), ErrorType.MISSED)

    def counts(self, threshold: float) -> tuple[int, int, int]:
        """Objects found, objects not found, wrong detections, leaving out detections below ``threshold``."""
        kept = [o for o, thing in zip(self.outcomes, self.scene.found, strict=True) if thing.score >= threshold]
        found = kept.count(ErrorType.CORRECT)
        objects = sum(not thing.crowd for thing in self.scene.truth)
        return found, objects - found, len(kept) - found - kept.count(ErrorType.IGNORED)

    def score(self, threshold: float) -> float:
        """The image's score, see the top of this file."""
        found, lost, wrong = self.counts(threshold)
        return found / (found + lost + wrong) if found + lost + wrong else 1.0


def assign_errors(scene: ImageResult) -> ErrorAssignment:
    """Tell what came of every detection of an image."""
    table, same, crowd = scene.table, scene.same, scene.crowd
    matched = match(table, same, crowd, LEAST)
    own, own_iou = _best(np.where(same & ~crowd, table, -1.0))
    other, other_iou = _best(np.where(~same & ~crowd, table, -1.0))
    rules = (
        (matched.objects >= 0, ErrorType.CORRECT, matched.objects),
        (matched.ignored, ErrorType.IGNORED, np.full(len(table), -1)),
        (own_iou >= LEAST, ErrorType.DUPLICATE, own),
        (other_iou >= LEAST, ErrorType.CLASSIFICATION, other),
        (own_iou >= NEAR, ErrorType.LOCALIZATION, own),
        (other_iou >= NEAR, ErrorType.BOTH, other),
    )
    outcomes, targets = [ErrorType.BACKGROUND] * len(table), np.full(len(table), -1, dtype=np.int64)
    for fits, outcome, about in reversed(rules):
        for i in np.flatnonzero(fits):
            outcomes[i], targets[i] = outcome, about[i]
    return ErrorAssignment(scene, outcomes, targets)


def best_threshold(judged: Sequence[ErrorAssignment]) -> float:
    """The highest confidence, in steps of 0.01, with the best F1 over all images; 0.5 if nothing is ever found."""
    pairs = [
        (thing.score, outcome)
        for one in judged
        for thing, outcome in zip(one.scene.found, one.outcomes, strict=True)
        if outcome is not ErrorType.IGNORED
    ]
    objects = sum(not thing.crowd for one in judged for thing in one.scene.truth)
    hits = np.sort([score for score, outcome in pairs if outcome is ErrorType.CORRECT])
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
