"""The sentence that states whether two initializations differ beyond noise."""

from __future__ import annotations

from collections.abc import Collection

from codo.core.numbers import points
from codo.evaluation.ap_values import SINGULAR
from codo.evaluation.statistics import LEVEL, Difference

MORE_SEEDS = "Give more seeds."
NEAR_ZERO = "AP near zero"


def verdict(
    label: str,
    reference: str,
    difference: Difference,
    *,
    kind: str = "bbox",
    metric: str = "AP",
    over: str = "",
    evaluated: int = 0,
    one_pretraining: Collection[str] = (),
    advice: str = MORE_SEEDS,
) -> str:
    """State whether one initialization is ahead of or behind another beyond noise.

    Args:
        label: Name of the one.
        reference: Name of the other, which is subtracted.
        difference: Their difference of AP.
        kind: ``bbox`` or ``segm``.
        metric: Name of the number: ``AP``, ``AP50``, …
        over: Further words on the AP, as part of the sentence: ``" at 10% of the labels"``.
        evaluated: Number of evaluation images; told where their noise is part of the interval, or missing in it.
        one_pretraining: Those of the two whose seeds share one pretraining, whose noise the interval does not hold.
        advice: What to do when there are too few seeds.
    """
    gain, between = in_points(difference)
    found = f"{gain} points of {SINGULAR[kind]} {metric}{over}"
    if between is None:
        return f"{label} against {reference}: {found}, from one seed, which cannot show noise. {advice}"
    images = f" and {evaluated:,} evaluation images" if difference.by_image else ""
    noise = "noise of training" if evaluated and not difference.by_image else "noise"  # sizes, AR: no resamples
    stage, start = (" of finetuning", ", after one pretraining") if label in one_pretraining else ("", "")
    start = start or (f", {reference} from one pretraining" if reference in one_pretraining else "")
    interval = f"{LEVEL:.0%} interval {between}, from {len(difference.values)} seeds{stage}{images}{start}"
    if difference.doubt == "few seeds":
        return f"{label} against {reference}: {found} ({interval}). {few_seeds(len(difference.values))}. {advice}"
    if difference.doubt == "near zero" and difference.means is not None:
        of_label, of_reference = (f"{100 * one:.2f}" for one in difference.means)
        return (
            f"{label} against {reference}: {found} ({interval}). {NEAR_ZERO} ({label} {of_label}, {reference} "
            f"{of_reference}), which says nothing yet. Finetune longer or on more labels."
        )
    if difference.verdict == "noise":
        return f"No difference beyond {noise} between {label} and {reference}: {found} ({interval})."
    side = "ahead of" if difference.verdict == "better" else "behind"
    return f"{label} is {side} {reference} beyond {noise}: {found} ({interval})."


def few_seeds(count: int) -> str:
    """That so few seeds give no verdict."""
    return f"{count} seeds say nothing beyond the numbers"


def reservation(difference: Difference) -> str:
    """For a cell of a table: why the numbers say nothing yet; empty if there is a verdict."""
    if difference.doubt is None:
        return ""
    seeds = len(difference.values)
    return NEAR_ZERO if difference.doubt == "near zero" else "one seed" if seeds == 1 else f"{seeds} seeds: no verdict"


def in_points(difference: Difference) -> tuple[str, str | None]:
    """Mean and interval of a difference: ``("+1.2", "+0.3 to +2.1")``; with one seed no interval."""
    values = [difference.mean, *(difference.interval or ())]
    # One more digit where an end would be rounded to zero, because its sign decides the verdict.
    digits = 2 if any(value and abs(100 * value) < 0.05 for value in values) else 1
    mean, *interval = (points(value, digits) for value in values)
    return mean, " to ".join(interval) or None
