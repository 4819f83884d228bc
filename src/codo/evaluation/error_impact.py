"""How much AP each kind of error costs (TIDE: Bolya et al. 2020, section 2.3).

Legend: C classes, N detections and M objects over all images.

The cost of an error is what AP at an IoU of 0.5 would gain if all errors of that kind, and no others, were mended:

=================  ====================================================================================================
localization,      the detection is moved onto its object, or given its class; of all that claim an object then, the
classification     most confident one is right and the others are taken away
both, duplicate,   the detection is taken away
background
missed             the object is found, by a detection more confident than all others
=================  ====================================================================================================

Mending never lowers AP. Gains do not add up: mended errors uncover others. TIDE no longer asks for missed objects
instead, which says nothing of a class in which none is found; with few labeled images that is frequent.
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
"""The second IoU that precision is shown at."""


@dataclass(frozen=True)
class ErrorImpact:
    """How good the detections are, class by class, and what their errors cost.

    Attributes:
        classes: Their names.
        objects: int ``(C,)``, how many of each there are to find.
        rankings: At IoU 0.5 and at 0.75, one of each class.
        gains: For each kind of error, what AP at 0.5 of each class would gain, ``(C,)``; 0 without objects.
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
        """What the mean AP at 0.5 over all classes with objects would gain."""
        return float(self.gains[error][self.objects > 0].mean()) if (self.objects > 0).any() else 0.0

    def mean_precision(self, strict: bool) -> Floats:
        """Precision at each recall, mean over the classes with objects, ``(101,)``."""
        known = [one.precision() for one in self.rankings[strict] if one.objects]
        return np.mean(known, axis=0) if known else np.zeros(101)


def measure_impact(detections: Detections, judged: Sequence[ErrorAssignment]) -> ErrorImpact:
    """Average precision by class, and what each kind of error costs.

    Args:
        detections: All images.
        judged: What came of each, in the same order.
    """
    classes = len(detections.classes)
    ledger = _Ledger.of(judged)
    strict = [match(scene.table, scene.same, scene.crowd, STRICT) for scene in detections.scenes]
    right = np.concatenate([np.zeros(0, np.bool_), *(m.objects >= 0 for m in strict)])
    counted = ~np.concatenate([np.zeros(0, np.bool_), *(m.ignored for m in strict)])
    objects = np.bincount(ledger.asked, minlength=classes)
    half = _rankings(
        ledger.scores, ledger.labels, ledger.is_(ErrorType.CORRECT), ~ledger.is_(ErrorType.IGNORED), objects
    )
    rankings = (half, _rankings(ledger.scores, ledger.labels, right, counted, objects))
    before = np.array([one.average_precision() for one in half])
    gains = dict[ErrorType, Floats]()
    for error in ERRORS:
        after = np.array([one.average_precision() for one in _mended(ledger, error, objects)])
        gains[error] = np.where(objects > 0, after - before, 0.0)
    return ErrorImpact(detections.classes, objects, rankings, gains)


def share_of_objects(judged: Sequence[ErrorAssignment], threshold: float, classes: int) -> dict[ErrorType, Indices]:
    """What came of the objects of each class at a confidence: counts ``(C,)`` that add up to their number."""
    counts: dict[ErrorType, Indices] = {
        o: np.zeros(classes, np.int64) for o in (ErrorType.CORRECT, *COVERED, ErrorType.MISSED)
    }
    for one in judged:
        for g, thing in enumerate(one.scene.truth):
            if not thing.crowd:
                counts[one.state(g, threshold)][thing.label] += 1
    return counts


def share_of_detections(judged: Sequence[ErrorAssignment], threshold: float, classes: int) -> dict[ErrorType, Indices]:
    """What came of the detections of each class at a confidence: counts ``(C,)`` that add up to their number."""
    counts: dict[ErrorType, Indices] = {o: np.zeros(classes, np.int64) for o in ErrorType if o is not ErrorType.MISSED}
    for one in judged:
        for outcome, thing in zip(one.outcomes, one.scene.found, strict=True):
            if thing.score >= threshold:
                counts[outcome][thing.label] += 1
    return counts


@dataclass(frozen=True)
class _Ledger:
    """The detections of all images in one list.

    Attributes:
        scores: ``(N,)``.
        labels: Class of each detection, ``(N,)``.
        outcomes: ``(N,)``.
        targets: The object that each is about, by its place in ``owners``, ``(N,)``; -1 for none.
        owners: Class of every object, crowd regions included, ``(M,)``.
        asked: Classes of the objects that are to be found.
        missed: Classes of the objects that were missed.
    """

    scores: Floats
    labels: Indices
    outcomes: npt.NDArray[np.str_]
    targets: Indices
    owners: Indices
    asked: Indices
    missed: Indices

    @classmethod
    def of(cls, judged: Sequence[ErrorAssignment]) -> _Ledger:
        found = [thing for one in judged for thing in one.scene.found]
        truth = [thing for one in judged for thing in one.scene.truth]
        starts = np.cumsum([0, *(len(one.scene.truth) for one in judged)])
        targets = [np.where(one.targets < 0, -1, one.targets + s) for one, s in zip(judged, starts, strict=False)]
        outcomes = np.array([outcome.value for one in judged for outcome in one.outcomes], dtype=np.str_)
        target = np.concatenate([np.zeros(0, np.int64), *targets])
        owners = np.array([thing.label for thing in truth], dtype=np.int64)
        asked = np.array([not thing.crowd for thing in truth], dtype=np.bool_)
        accounted = target[np.isin(outcomes, [ErrorType.CORRECT, *COVERED])]
        lost = asked & ~np.isin(np.arange(len(owners)), accounted)
        return cls(
            np.array([thing.score for thing in found], dtype=np.float64),
            np.array([thing.label for thing in found], dtype=np.int64),
            outcomes,
            target,
            owners,
            owners[asked],
            owners[lost],
        )

    def is_(self, outcome: ErrorType) -> Flags:
        """Which detections came to this, ``(N,)``."""
        flags: Flags = self.outcomes == outcome.value
        return flags


def _mended(ledger: _Ledger, error: ErrorType, objects: Indices) -> list[Ranking]:
    """The rankings of the classes with all errors of one kind mended."""
    labels, right, kept = ledger.labels, ledger.is_(ErrorType.CORRECT), ~ledger.is_(ErrorType.IGNORED)
    if error is ErrorType.MISSED:
        first: Flags = np.ones(len(ledger.missed), dtype=np.bool_)
        sure = np.full(len(first), np.inf)
        return _rankings(
            np.concatenate([sure, ledger.scores]),
            np.concatenate([ledger.missed, labels]),
            np.concatenate([first, right]),
            np.concatenate([first, kept]),
            objects,
        )
    wrong = ledger.is_(error)
    if error not in COVERED:
        return _rankings(ledger.scores, labels, right, kept & ~wrong, objects)
    claims = np.flatnonzero(right | wrong)
    ranked = claims[np.argsort(-ledger.scores[claims], kind="stable")]
    _, foremost = np.unique(ledger.targets[ranked], return_index=True)
    best = np.zeros(len(labels), dtype=np.bool_)
    best[ranked[foremost]] = True
    labels = np.where(wrong, ledger.owners[ledger.targets], labels) if len(ledger.owners) else labels
    return _rankings(ledger.scores, labels, best, kept & ~((right | wrong) & ~best), objects)


def _rankings(scores: Floats, labels: Indices, right: Flags, kept: Flags, objects: Indices) -> list[Ranking]:
    """One ranking a class, of the detections that are kept."""
    rows = [np.flatnonzero(kept & (labels == label)) for label in range(len(objects))]
    return [rank(scores[mine], right[mine], int(count)) for mine, count in zip(rows, objects, strict=True)]
