"""What a comparison says, in plain sentences."""

from __future__ import annotations

from collections.abc import Sequence

from codo.comparison.comparison import Comparison
from codo.core.numbers import share
from codo.evaluation import verdict as words
from codo.evaluation.measures import SINGULAR
from codo.evaluation.statistics import Verdict
from codo.evaluation.verdict import in_points


def summary(comparison: Comparison) -> list[str]:
    """Every verdict, then every remark."""
    return [*(sentence for sentence, _ in verdicts(comparison)), *remarks(comparison)]


def verdicts(comparison: Comparison) -> list[tuple[str, Verdict]]:
    """A sentence for each initialization beside the reference and each kind of outline, with the verdict in it.

    Several that have one seed only share a sentence: they all say nothing.
    """
    found: list[tuple[str, Verdict]] = []
    silent: dict[str, list[str]] = {}
    for init in comparison.challengers:
        for kind in comparison.kinds:
            if difference := comparison.difference(init, kind=kind):
                if difference.interval is None:
                    silent.setdefault(kind, []).append(init)
                else:
                    found.append((verdict(comparison, init, kind), difference.verdict))
    for kind, inits in silent.items():
        said = verdict(comparison, inits[0], kind) if len(inits) == 1 else _silent(comparison, inits, kind)
        found.append((said, "unknown"))
    return found


def remarks(comparison: Comparison) -> list[str]:
    """What a reader has to know beside the verdicts: what is missing or failed, and what no number can say."""
    lines = []
    if len(comparison.inits) == 1:
        lines.append(f"{comparison.reference} is alone: name a second initialization to compare it with.")
    waiting = [init for init in comparison.challengers if comparison.difference(init) is None]
    if comparison.results and waiting:
        named = ", ".join(waiting)
        lines.append(f"Not compared with {comparison.reference} yet, for want of a seed that has both: {named}.")
    if comparison.missing:
        there, wanted = len(comparison.results), len(comparison.trials)
        rest = "all numbers here are of these alone" if there else "there is nothing to say yet"
        lines.append(f"{there} of {wanted} trials are finished; {rest}.")
    trials = {trial.key: trial for trial in comparison.trials}
    lines += comparison.notes
    return lines + [f"Failed: {trials[key]} ({reason})." for key, reason in comparison.failures.items()]


def verdict(comparison: Comparison, init: str, kind: str = "bbox") -> str:
    """Whether an initialization differs from the reference beyond noise, over all label fractions together.

    The two must have a seed in common.
    """
    found = comparison.difference(init, kind=kind)
    assert found is not None
    return words.verdict(
        init,
        comparison.reference,
        found,
        kind=kind,
        over=_where(comparison.fractions),
        evaluated=comparison.evaluated,
        advice=_more(comparison),
    )


def _silent(comparison: Comparison, inits: Sequence[str], kind: str) -> str:
    gains = []
    for init in inits:
        found = comparison.difference(init, kind=kind)
        assert found is not None
        gains.append(f"{init} {in_points(found)[0]}")
    return (
        f"One seed says nothing about noise. Points of {SINGULAR[kind]} AP against {comparison.reference}"
        f"{_where(comparison.fractions)}: {', '.join(gains)}. {_more(comparison)}"
    )


def _more(comparison: Comparison) -> str:
    return "More are to come." if len(comparison.seeds) > 1 else words.MORE_SEEDS


def _where(fractions: Sequence[float]) -> str:
    named = [share(fraction) for fraction in fractions]
    if len(named) == 1:
        return f" at {named[0]} of the labels"
    return f", mean of {', '.join(named[:-1])} and {named[-1]} of the labels"
