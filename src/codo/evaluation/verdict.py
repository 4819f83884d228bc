"""The sentence that says what a difference between two initializations comes to."""

from __future__ import annotations

from codo.core.numbers import points
from codo.evaluation.measures import SINGULAR
from codo.evaluation.statistics import LEVEL, Difference

MORE_SEEDS = "Give more seeds."


def verdict(
    label: str,
    reference: str,
    difference: Difference,
    *,
    kind: str = "bbox",
    over: str = "",
    evaluated: int = 0,
    advice: str = MORE_SEEDS,
) -> str:
    """Whether one initialization differs from another beyond noise, whichever is ahead.

    Args:
        label: Name of the one.
        reference: Name of the other, which the difference is taken to.
        difference: Of their AP.
        kind: What AP is of: ``bbox`` or ``segm``.
        over: What it is the AP of, as it stands in the sentence: ``" at 10% of the labels"``.
        evaluated: Images that both were evaluated on; named where their noise is part of the interval.
        advice: What to do when there is only one seed.
    """
    gain, between = in_points(difference)
    found = f"{gain} points of {SINGULAR[kind]} AP{over}"
    if between is None:
        return f"{label} against {reference}: {found}, from one seed, which says nothing about noise. {advice}"
    images = f" and {evaluated:,} evaluation images" if difference.by_image else ""
    interval = f"{LEVEL:.0%} interval {between}, from {len(difference.values)} seeds{images}"
    if difference.verdict == "noise":
        return f"No difference beyond noise between {label} and {reference}: {found} ({interval})."
    side = "ahead of" if difference.verdict == "better" else "behind"
    return f"{label} is {side} {reference} beyond noise: {found} ({interval})."


def in_points(difference: Difference) -> tuple[str, str | None]:
    """Mean and interval of a difference: ``("+1.2", "+0.3 to +2.1")``; with one seed no interval."""
    shown = [difference.mean, *(difference.interval or ())]
    # A digit more where one would round an end to zero: whether it lies above or below is the question.
    digits = 2 if any(value and abs(100 * value) < 0.05 for value in shown) else 1
    mean, *interval = (points(value, digits) for value in shown)
    return mean, " to ".join(interval) or None
