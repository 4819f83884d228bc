"""The results of a comparison as sentences."""

from __future__ import annotations

from collections.abc import Sequence

from codo.advice.answer import Answer
from codo.advice.compared import compared_answer
from codo.comparison.comparison import Comparison
from codo.core.numbers import share
from codo.evaluation import verdict as words
from codo.evaluation.ap_values import SINGULAR
from codo.evaluation.statistics import MIN_SEEDS, Verdict
from codo.evaluation.verdict import in_points


def summary(comparison: Comparison) -> list[str]:
    """Every verdict, then every remark."""
    return [*(sentence for sentence, _ in verdicts(comparison)), *remarks(comparison)]


def verdicts(comparison: Comparison) -> list[tuple[str, Verdict]]:
    """A sentence and verdict for each initialization except the reference, for boxes and for masks.

    Initializations with only one seed share a sentence.
    """
    found: list[tuple[str, Verdict]] = []
    one_seed: dict[str, list[str]] = {}
    for init in comparison.challengers:
        for kind in comparison.kinds:
            if difference := comparison.difference(init, comparison.judged, kind):
                if difference.interval is None:
                    one_seed.setdefault(kind, []).append(init)
                else:
                    found.append((verdict(comparison, init, kind), difference.verdict))
    for kind, inits in one_seed.items():
        sentence = verdict(comparison, inits[0], kind) if len(inits) == 1 else _one_seed(comparison, inits, kind)
        found.append((sentence, "unknown"))
    return found


def conclusion(comparison: Comparison) -> Answer:
    """The first thing that the page says, and what to do next."""
    found = {init: comparison.difference(init, comparison.judged) for init in comparison.challengers}
    differences = {init: one for init, one in found.items() if one is not None}
    gains = {comparison.reference: 0.0} | {init: one.mean for init, one in differences.items()}
    growth = comparison.growth(max(gains, key=gains.__getitem__), comparison.judged)
    return compared_answer(
        verdicts(comparison),
        differences,
        comparison.reference,
        missing=len(comparison.missing) - len(comparison.failures),
        failed=len(comparison.failures),
        planned=comparison.planned or comparison.seeds,
        growth=(comparison.fractions[-2], comparison.fractions[-1], growth) if growth else None,
    )


def remarks(comparison: Comparison) -> list[str]:
    """Sentences on what is missing or failed, in addition to the verdicts."""
    lines = []
    if len(comparison.inits) == 1:
        lines.append(f"{comparison.reference} is the only initialization: add a second one to compare it with.")
    waiting = [init for init in comparison.challengers if comparison.difference(init) is None]
    if comparison.results and waiting:
        lines.append(f"No seed has finished for both {comparison.reference} and these: {', '.join(waiting)}.")
    if comparison.missing:
        finished, total = len(comparison.results), len(comparison.trials)
        rest = "all numbers here are based on these" if finished else "there are no results yet"
        lines.append(f"{finished} of {total} trials are finished; {rest}.")
    trials = {trial.key: trial for trial in comparison.trials}
    if comparison.classes:
        without = [key for key, one in comparison.results.items() if comparison.judged not in one.numbers["bbox"]]
        if without:
            lines.append(
                f"{len(without)} of {len(comparison.results)} trials have no AP by class, as metrics.jsonl is gone: "
                f"they are left out of the verdict ({trials[without[0]]}{', …' if len(without) > 1 else ''})."
            )
    lines += comparison.notes
    return lines + [f"Failed: {trials[key]} ({reason})." for key, reason in comparison.failures.items()]


def verdict(comparison: Comparison, init: str, kind: str = "bbox", metric: str | None = None) -> str:
    """Whether an initialization differs from the reference beyond noise, over all label fractions together.

    The two must have a seed in common. The sentence is about ``metric``, by default what the comparison judges.
    """
    found = comparison.difference(init, metric or comparison.judged, kind)
    assert found is not None
    return words.verdict(
        init,
        comparison.reference,
        found,
        kind=kind,
        metric=metric or comparison.judged_words,
        over=_labels(comparison.fractions),
        evaluated=comparison.evaluated,
        one_pretraining=[one for one in (init, comparison.reference) if comparison.initializations[one].shared],
        advice=_advice(comparison),
    )


def _one_seed(comparison: Comparison, inits: Sequence[str], kind: str) -> str:
    found = [(init, comparison.difference(init, comparison.judged, kind)) for init in inits]
    gains = [f"{init} {in_points(one)[0]}" for init, one in found if one is not None]
    return (
        f"One seed cannot show noise. Points of {SINGULAR[kind]} {comparison.judged_words} against "
        f"{comparison.reference}{_labels(comparison.fractions)}: {', '.join(gains)}. {_advice(comparison)}"
    )


def _advice(comparison: Comparison) -> str:
    return "More seeds will follow." if len(comparison.seeds) >= MIN_SEEDS else words.MORE_SEEDS


def _labels(fractions: Sequence[float]) -> str:
    *others, largest = map(share, fractions)
    return f", mean of {', '.join(others)} and {largest} of the labels" if others else f" at {largest} of the labels"
