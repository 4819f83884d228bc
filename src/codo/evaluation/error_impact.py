"""How much AP each kind of error costs (TIDE: Bolya et al. 2020, section 2.3).

Legend: C classes, N detections and M objects over all images.

The cost of an error type is the gain of AP at an IoU of 0.5 if all errors of that type, and no others, were fixed:

=================  ====================================================================================================
localization,      the detection gets the box, or the class, of its object; if several detections then match one object,
classification     the most confident one is correct and the others are removed
both, duplicate,   the detection is removed
background
missed             the object is found, by a detection more confident than all others
=================  ====================================================================================================

Fixing errors never lowers AP. Gains do not add up, because fixed errors uncover others. For missed objects TIDE lowers
the number of objects instead; that gives no number for a class in which none is found, which is frequent with few
labeled images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from codo.evaluation.detections import Detections
from codo.evaluation.error_types import COVERED, ERRORS, ErrorAssignment, ErrorType
from codo.evaluation.matching import Flags, Floats, Indices, Ranking, match, mean_known, rank

STRICT = 0.75
"""The stricter IoU at which precision is also reported."""


@dataclass(frozen=True)
class ErrorImpact:
    """Average precision of each class, and how much of it each error type costs.

    Attributes:
        classes: Names of the classes.
        objects: int ``(C,)``, number of objects of each class.
        rankings: For IoU 0.5 and 0.75, the ranking of each class.
        gains: Error type -> gain of AP at 0.5 of each class, ``(C,)``; 0 for classes without objects.
    """

    classes: Sequence[str]
    objects: Indices
    rankings: tuple[Sequence[Ranking], Sequence[Ranking]]
    gains: dict[ErrorType, Floats]

    def average_precisions(self) -> tuple[Floats, Floats]:
        """AP50 and AP75 by class, ``(C,)`` each; -1 for a class without objects."""
        half, strict = (np.array([one.average_precision() for one in ranked]) for ranked in self.rankings)
        return half, strict

    def means(self) -> tuple[float, float]:
        """AP50 and AP75, means over the classes with objects; -1 when there is none."""
        half, strict = self.average_precisions()
        return mean_known(half), mean_known(strict)

    def mean_gain(self, error: ErrorType) -> float:
        """Gain of the mean AP at 0.5 over all classes with objects."""
        return float(self.gains[error][self.objects > 0].mean()) if (self.objects > 0).any() else 0.0

    def mean_precision(self, strict: bool) -> Floats:
        """Precision at each recall, mean over the classes with objects, ``(101,)``."""
        known = [one.precision() for one in self.rankings[strict] if one.objects]
        return np.mean(known, axis=0) if known else np.zeros(101)


def measure_impact(detections: Detections, assignments: Sequence[ErrorAssignment]) -> ErrorImpact:
    """Average precision by class, and what each error type costs.

    Args:
        detections: All images.
        assignments: Their error assignments, in the same order.
    """
    classes = len(detections.classes)
    pooled = _Pooled.of(assignments)
    strict = [
        match(image_result.table, image_result.same, image_result.crowd, STRICT)
        for image_result in detections.image_results
    ]
    right = np.concatenate([np.zeros(0, np.bool_), *(m.objects >= 0 for m in strict)])
    counted = ~np.concatenate([np.zeros(0, np.bool_), *(m.ignored for m in strict)])
    objects = np.bincount(pooled.counted, minlength=classes)
    half = _rankings(
        pooled.scores, pooled.labels, pooled.is_(ErrorType.CORRECT), ~pooled.is_(ErrorType.IGNORED), objects
    )
    rankings = (half, _rankings(pooled.scores, pooled.labels, right, counted, objects))
    before = np.array([one.average_precision() for one in half])
    gains = dict[ErrorType, Floats]()
    for error in ERRORS:
        after = np.array([one.average_precision() for one in _fixed(pooled, error, objects)])
        gains[error] = np.where(objects > 0, after - before, 0.0)
    return ErrorImpact(detections.classes, objects, rankings, gains)


def share_of_objects(
    assignments: Sequence[ErrorAssignment], threshold: float, classes: int
) -> dict[ErrorType, Indices]:
    """Objects of each class by error type at a confidence threshold: counts ``(C,)`` that add up to all objects."""
    counts: dict[ErrorType, Indices] = {
        o: np.zeros(classes, np.int64) for o in (ErrorType.CORRECT, *COVERED, ErrorType.MISSED)
    }
    for assignment in assignments:
        for g, obj in enumerate(assignment.image_result.truth):
            if not obj.crowd:
                counts[assignment.state(g, threshold)][obj.label] += 1
    return counts


def share_of_detections(
    assignments: Sequence[ErrorAssignment], threshold: float, classes: int
) -> dict[ErrorType, Indices]:
    """Detections of each class by error type at a confidence threshold: counts ``(C,)`` that add up to all of them."""
    counts: dict[ErrorType, Indices] = {o: np.zeros(classes, np.int64) for o in ErrorType if o is not ErrorType.MISSED}
    for assignment in assignments:
        for error_type, obj in zip(assignment.error_types, assignment.image_result.found, strict=True):
            if obj.score >= threshold:
                counts[error_type][obj.label] += 1
    return counts


@dataclass(frozen=True)
class _Pooled:
    """The detections of all images in one list.

    Attributes:
        scores: ``(N,)``.
        labels: Class of each detection, ``(N,)``.
        error_types: ``(N,)``.
        targets: Index into ``object_labels`` of the object that each is about, ``(N,)``; -1 for none.
        object_labels: Class of every object, crowd regions included, ``(M,)``.
        counted: Classes of the objects that count, those that are not crowd regions.
        missed: Classes of the objects that were missed.
    """

    scores: Floats
    labels: Indices
    error_types: npt.NDArray[np.str_]
    targets: Indices
    object_labels: Indices
    counted: Indices
    missed: Indices

    @classmethod
    def of(cls, assignments: Sequence[ErrorAssignment]) -> _Pooled:
        found = [obj for assignment in assignments for obj in assignment.image_result.found]
        truth = [obj for assignment in assignments for obj in assignment.image_result.truth]
        starts = np.cumsum([0, *(len(assignment.image_result.truth) for assignment in assignments)])
        targets = [
            np.where(assignment.targets < 0, -1, assignment.targets + s)
            for assignment, s in zip(assignments, starts, strict=False)
        ]
        error_types = np.array(
            [error_type.value for assignment in assignments for error_type in assignment.error_types], dtype=np.str_
        )
        target = np.concatenate([np.zeros(0, np.int64), *targets])
        object_labels = np.array([obj.label for obj in truth], dtype=np.int64)
        counted = np.array([not obj.crowd for obj in truth], dtype=np.bool_)
        accounted = target[np.isin(error_types, [ErrorType.CORRECT, *COVERED])]
        lost = counted & ~np.isin(np.arange(len(object_labels)), accounted)
        return cls(
            np.array([obj.score for obj in found], dtype=np.float64),
            np.array([obj.label for obj in found], dtype=np.int64),
            error_types,
            target,
            object_labels,
            object_labels[counted],
            object_labels[lost],
        )

    def is_(self, error_type: ErrorType) -> Flags:
        """Which detections have this error type, ``(N,)``."""
        flags: Flags = self.error_types == error_type.value
        return flags


def _fixed(pooled: _Pooled, error: ErrorType, objects: Indices) -> list[Ranking]:
    """The rankings of the classes with all errors of one type fixed."""
    labels, right, kept = pooled.labels, pooled.is_(ErrorType.CORRECT), ~pooled.is_(ErrorType.IGNORED)
    if error is ErrorType.MISSED:
        first: Flags = np.ones(len(pooled.missed), dtype=np.bool_)
        sure = np.full(len(first), np.inf)
        return _rankings(
            np.concatenate([sure, pooled.scores]),
            np.concatenate([pooled.missed, labels]),
            np.concatenate([first, right]),
            np.concatenate([first, kept]),
            objects,
        )
    wrong = pooled.is_(error)
    if error not in COVERED:
        return _rankings(pooled.scores, labels, right, kept & ~wrong, objects)
    claims = np.flatnonzero(right | wrong)
    ranked = claims[np.argsort(-pooled.scores[claims], kind="stable")]
    _, foremost = np.unique(pooled.targets[ranked], return_index=True)
    best = np.zeros(len(labels), dtype=np.bool_)
    best[ranked[foremost]] = True
    labels = np.where(wrong, pooled.object_labels[pooled.targets], labels) if len(pooled.object_labels) else labels
    return _rankings(pooled.scores, labels, best, kept & ~((right | wrong) & ~best), objects)


def _rankings(scores: Floats, labels: Indices, right: Flags, kept: Flags, objects: Indices) -> list[Ranking]:
    """The ranking of each class, over the detections that are kept."""
    rows = [np.flatnonzero(kept & (labels == label)) for label in range(len(objects))]
    return [rank(scores[of_class], right[of_class], int(n)) for of_class, n in zip(rows, objects, strict=True)]
