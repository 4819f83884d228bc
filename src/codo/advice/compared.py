"""What to do after a comparison, from its differences.

====================================  ==============================================================================
state of the comparison               what to do next
====================================  ==============================================================================
trials failed                         fix the cause, and run the command again
trials are missing                    wait, or run the command again
a difference beyond noise             use the better weights
fewer than three seeds                more seeds, of the initializations that have fewer
all AP near zero                      finetune longer or on more labels
within noise, all of the interval     nothing: there is no difference that matters
below `NEGLIGIBLE`
within noise, most of it from the     more evaluation images
evaluation images
within noise that seeds alone cannot  more evaluation images and more seeds
reduce enough
within noise, and at most             more seeds; told with how many the interval would exclude zero if the difference
`MOST_SEEDS` seeds would decide it    stayed as it is
within noise otherwise                nothing: the difference, if any, is too small to be found
AP still rises with the labels        more labels: between the two largest label fractions, beyond noise
====================================  ==============================================================================
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from codo.advice.answer import Answer, Suggestion
from codo.core.numbers import number, points, share
from codo.evaluation.health_checks import Tone
from codo.evaluation.statistics import MIN_SEEDS, Difference, Interval, Verdict
from codo.evaluation.verdict import in_points

MOST_SEEDS = 20
"""Seeds beyond which nobody repeats a finetuning."""

NEGLIGIBLE = 0.005
"""AP that hardly anybody would pretrain for. Only an interval that excludes it on both sides says that there is no
difference; one that is merely wide says that nothing is known."""

TONES: dict[Verdict, Tone] = {"better": "good", "worse": "bad", "noise": "unknown", "unknown": "unknown"}
"""Color of a verdict."""


def compared_answer(
    sentences: Sequence[tuple[str, Verdict]],
    differences: Mapping[str, Difference],
    reference: str,
    *,
    missing: int,
    failed: int,
    planned: Sequence[int],
    growth: tuple[float, float, Difference] | None = None,
) -> Answer:
    """The conclusion of a comparison.

    Args:
        sentences: Its verdicts in words, the first of which becomes the headline.
        differences: Initialization -> difference to ``reference``; those without a common seed are left out.
        reference: Name of the initialization that the others are compared with.
        missing: Number of trials that have not finished.
        failed: Number of those that failed.
        planned: The seeds of the comparison, finished or not.
        growth: The two largest label fractions, and the difference of AP between them for the best initialization.
    """
    found: list[Suggestion] = []
    if failed:
        what = "Fix the cause of the failures, and run the same command again"
        found.append(Suggestion("resume", what, f"{number(failed)} trials failed; the finished ones are kept."))
    elif missing:
        what = "Wait, or run the same command again if nothing runs any more"
        found.append(Suggestion("wait", what, f"{number(missing)} trials have not finished."))
    found += _for_differences(differences, reference, planned)
    if growth is not None and growth[2].verdict == "better":
        low, high, difference = growth
        why = f"AP rises by {_words(difference)} points from {share(low)} to {share(high)} of the labels, beyond noise."
        found.append(Suggestion("labels", "Add labels: they still pay", why))
    if not sentences:
        waiting = "No two initializations have finished the same seed yet."
        return Answer("unknown", waiting if len(differences) or missing else "Nothing is compared yet.", found)
    best = next((one for one in sentences if one[1] == "better"), sentences[0])
    return Answer(TONES[best[1]], best[0], found)


def _for_differences(differences: Mapping[str, Difference], reference: str, planned: Sequence[int]) -> list[Suggestion]:
    """Suggestions from the verdicts; of those about noise only the first; no seeds if enough are planned."""
    better = {init: one for init, one in differences.items() if one.verdict == "better"}
    few = {init: one for init, one in differences.items() if one.doubt == "few seeds"}
    found: list[Suggestion] = []
    if better:
        best = max(better, key=lambda init: better[init].mean)
        why = f"{_words(better[best])} points against {reference}, beyond noise."
        found.append(Suggestion("use", f"Finetune from {best} from now on", why))
    if few and len(planned) < MIN_SEEDS:
        more = [seed for seed in range(len(planned) + MIN_SEEDS) if seed not in planned]
        least = sorted([*planned, *more[: max(0, MIN_SEEDS - len(planned))]])
        seeds = max(len(one.values) for one in few.values())
        of = f" of {', '.join(few)}" if len(few) < len(differences) else ""
        what = f"Add seeds{of}: `seeds=[{','.join(map(str, least))}]` at least"
        why = f"{seeds} seed{'s' if seeds > 1 else ''} cannot show the noise of training; {MIN_SEEDS} are the least."
        found.append(Suggestion("seeds", what, why))
    if found:
        return found
    if differences and all(one.doubt == "near zero" for one in differences.values()):
        why = "All AP are below 1 point: such numbers come from a few lucky detections."
        return [Suggestion("labels", "Finetune longer (`steps=`), or on more labels", why)]
    if differences and all(one.verdict == "worse" for one in differences.values()):
        why = "Every other initialization is behind it beyond noise."
        return [Suggestion("use", f"Stay with {reference}", why)]
    return [_for_noise(init, one) for init, one in differences.items() if one.verdict == "noise"][:1]


def _for_noise(init: str, one: Difference) -> Suggestion:
    """More of what makes the interval wide, if that can decide; else nothing."""
    needed = seeds_to_decide(one)
    interval, by_seed = one.interval, one.by_seed
    assert interval is not None
    assert by_seed is not None  # a verdict needs seeds
    told = f"{init}: {_words(one)} points"
    if max(-interval.low, interval.high) < NEGLIGIBLE:
        why = f"{told}: half a point or more, either way, is ruled out."
        return Suggestion("nothing", "Leave it at that: no difference that matters", why)
    by_image = one.by_image
    if by_image is not None and _width(by_image) > _width(by_seed):
        span = f"{points(by_image.low)} to {points(by_image.high)}"
        why = (
            f"{told}; the choice of evaluation images alone makes it uncertain from {span}, which seeds do not change."
        )
        return Suggestion("images", "Evaluate on more images", why)
    if needed is None and (seeds_to_decide(replace(one, by_image=None)) or math.inf) <= MOST_SEEDS:
        why = f"{told}; the choice of evaluation images and the noise of training could each make it."
        return Suggestion("images", "Evaluate on more images, and add seeds", why)
    if needed is None or needed > MOST_SEEDS:
        why = f"{told}. {MOST_SEEDS} seeds would hardly show whether there is a difference inside of the interval."
        return Suggestion("nothing", "Leave it at that: the difference is too small to be found", why)
    why = f"{told}. If the difference stays, about {needed} seeds would put zero outside."
    return Suggestion("seeds", f"Add seeds: about {needed} in all", why)


def seeds_to_decide(one: Difference) -> int | None:
    """Seeds after which the interval would exclude zero, if mean and spread stayed.

    The part of its width that comes from the seeds falls as 1/sqrt(n); that of the evaluation images stays.

    Returns:
        ``None`` if no number of seeds would do, or the interval is unknown.
    """
    if one.by_seed is None:
        return None
    by_seed, by_image = (_toward_zero(one.mean, part) if part else 0.0 for part in (one.by_seed, one.by_image))
    left = one.mean**2 - by_image**2
    return max(len(one.values) + 1, math.ceil(len(one.values) * by_seed**2 / left)) if left > 0 else None


def _toward_zero(mean: float, part: Interval) -> float:
    """How far an interval reaches from its mean toward zero."""
    return mean - part.low if mean > 0 else part.high - mean


def _width(interval: tuple[float, float]) -> float:
    return interval[1] - interval[0]


def _words(one: Difference) -> str:
    mean, between = in_points(one)
    return f"{mean} ({between})" if between else mean
