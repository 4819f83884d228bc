"""The answer of a page of detections: AP 50 with an interval, and the error type that costs most.

The suggestion is that of the costliest error type, if it costs at least `LEAST_COST`; the usual causes are those of
docs/how-to/view.md#errors. A detector near zero (`statistics.NEAR_ZERO`) is to be trained longer first.
"""

from __future__ import annotations

from codo.advice.answer import Answer, Kind, Suggestion
from codo.advice.intervals import ap_intervals, in_precision
from codo.core.numbers import number, precision
from codo.evaluation.detections import Detections
from codo.evaluation.error_impact import ErrorImpact
from codo.evaluation.error_types import ERRORS, ErrorType
from codo.evaluation.statistics import NEAR_ZERO

LEAST_COST = 0.01
"""Gain of AP 50 from which on an error type is worth a suggestion."""

ABOUT = {
    ErrorType.LOCALIZATION: "inaccurate boxes",
    ErrorType.CLASSIFICATION: "wrong classes",
    ErrorType.BOTH: "inaccurate boxes of the wrong class",
    ErrorType.DUPLICATE: "duplicate detections of one object",
    ErrorType.BACKGROUND: "detections without an object",
    ErrorType.MISSED: "missed objects",
}
"""The error types in a sentence."""

_REMEDIES: dict[ErrorType, tuple[Kind, str]] = {
    ErrorType.LOCALIZATION: ("steps", "Train longer or on larger images, and look whether the labeled boxes are tight"),
    ErrorType.CLASSIFICATION: (
        "labels",
        "Look for mislabeled objects, and add labels of the classes that are confused",
    ),
    ErrorType.BOTH: ("labels", "Add labels of the classes that are confused"),
    ErrorType.DUPLICATE: ("errors", "Use a stricter non-maximum suppression (a lower IoU)"),
    ErrorType.BACKGROUND: ("labels", "Look for objects without a label, and add images without objects"),
    ErrorType.MISSED: ("labels", "Add labels, and use larger images where the missed objects are small"),
}


def detections_answer(detections: Detections, impact: ErrorImpact) -> Answer:
    """The conclusion of detections with their ground truth."""
    half, strict = impact.means()
    images = number(len(detections.image_results))
    if half < 0:
        return Answer("unknown", f"No labeled objects in {images} images: nothing to measure.")
    intervals = ap_intervals(detections, {"AP50": half, "AP75": strict})
    between = f" ({in_precision(intervals['AP50'])})" if "AP50" in intervals else ""
    headline = f"AP 50 is {precision(half)}{between}, AP 75 {precision(strict)}, on {images} images."
    costs = {error: impact.mean_gain(error) for error in ERRORS}
    worst = max(costs, key=costs.__getitem__)
    if costs[worst] < LEAST_COST:
        why = f"No error type costs {100 * LEAST_COST:g} point of AP 50 or more."
        return Answer("good", headline, [Suggestion("nothing", "Nothing stands out among the errors", why)])
    kind, what = _REMEDIES[worst]
    without = precision(half + costs[worst])
    why = f"The most expensive errors are {ABOUT[worst]}: without them AP 50 would be {without}."
    costliest = Suggestion(kind, what, why)
    if half >= NEAR_ZERO:
        return Answer("good", headline, [costliest])
    few = Suggestion(
        "steps",
        "Train the detector longer, or on more labels, before you judge its errors",
        f"AP 50 is {precision(half)}: so low, it comes from a few lucky detections.",
    )
    return Answer("watch", headline, [few, costliest])
