"""The verdict on a pretraining run: the checks of `codo.evaluation.health` in words, failed or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from codo.core.numbers import number, percent
from codo.evaluation import health
from codo.evaluation.feature_checks import part_features
from codo.evaluation.health import Failures, HealthReference, failures
from codo.evaluation.run_metrics import Metrics
from codo.evaluation.run_summary import RunSummary

Tone = Literal["good", "watch", "bad", "unknown"]
_ORDER: dict[Tone, int] = {"good": 0, "unknown": 1, "watch": 2, "bad": 3}
LONGER = "Train longer before you trust this run."
_SLOWER = (
    "Lower `optim.lr`, raise `contrast.momentum` or shorten `contrast.queue`, and warm up (`optim.warmup_steps=200`)."
)
_WITHOUT = "Finetune also without this part (`parts=`); if that is better, lower `optim.lr`."


@dataclass(frozen=True)
class Check:
    """One check: its name, its tone, the finding and, unless it is good, advice."""

    name: str
    tone: Tone
    finding: str
    advice: str = ""


@dataclass(frozen=True)
class Health:
    """A verdict in one line, with the checks that it is based on."""

    tone: Tone
    headline: str
    checks: Sequence[Check] = ()


def judge(metrics: Metrics, reference: HealthReference) -> Health:
    """The verdict on a pretraining run.

    Args:
        metrics: The log; of ``loss/P2``, ``top1/P2``, ``std/P2``, ``mean_norm/P2``, … those absent are skipped.
        reference: Their reference values.
    """
    summary = RunSummary.of(metrics.rows)
    failed = failures(summary, reference)
    found = (
        _std(summary, reference, failed),
        _mean_norm(summary, failed),
        _loss(summary, reference, failed),
        _top1(summary, reference, failed),
        _features(summary),
        _invariance(metrics),
    )
    checks = _advise_once([check for check in found if check is not None])
    tone: Tone = max((check.tone for check in checks), key=_ORDER.__getitem__, default="unknown")
    young = summary.step < reference.grace
    if young:
        checks = [c if c.tone in ("good", "bad") else replace(c, tone="unknown", advice="") for c in checks]
    if tone == "bad":
        return Health(tone, _headline(checks), checks)
    if len(metrics.rows) < health.MIN_ROWS or not checks:
        few = f"{len(metrics.rows)} of at least {health.MIN_ROWS} lines"
        return Health("unknown", f"Too little is logged to judge: {few}.")
    if young and tone != "good":
        steps = f"{summary.step} steps of at least {reference.grace}"
        return Health("unknown", f"Too young to judge: {steps}; every run starts like a collapse.", checks)
    return Health(tone, _headline(checks), checks)


def _headline(checks: Sequence[Check]) -> str:
    bad = [check.name for check in checks if check.tone == "bad"]
    watch = [check.name for check in checks if check.tone == "watch"]
    if bad == ["Loss"]:
        return "The run broke: the loss is not finite."
    if bad:
        return f"Collapsed: the embeddings carry no information ({', '.join(bad).lower()})."
    if watch:
        return f"No collapse, but not clearly healthy either: look at {', '.join(watch).lower()}."
    return "Healthy: the embeddings are spread out and the loss falls because views of an object agree."


def _advise_once(checks: Sequence[Check]) -> list[Check]:
    """Keep the same advice only in the first check that gives it."""
    given: set[str] = set()
    kept = []
    for check in checks:
        kept.append(replace(check, advice="") if check.advice in given else check)
        given.add(check.advice)
    return kept


def _std(summary: RunSummary, reference: HealthReference, failed: Failures) -> Check | None:
    """Spread of the embeddings: the worst level against 1/sqrt(D)."""
    curves, uniform = summary.levels("std"), reference.uniform_std
    if not curves or uniform is None:
        return None
    level = failed.low_std[0] if failed.low_std else min(curves, key=lambda name: curves[name].now)
    curve = curves[level]
    share = curve.now / uniform
    finding = f"{number(curve.now)} at {level}, the lowest: {percent(share)} of 1/√D = {number(uniform)}."
    if failed.low_std:
        return Check("Embedding std", "bad", finding, _SLOWER)
    if share >= health.GOOD_STD:
        return Check("Embedding std", "good", finding)
    if health.has_risen(curve, uniform):
        return Check("Embedding std", "watch", f"{finding} It has risen from {number(curve.lowest)}.", LONGER)
    return Check("Embedding std", "watch", finding, _SLOWER)


def _mean_norm(summary: RunSummary, failed: Failures) -> Check | None:
    """Length of the mean embedding: 0 when they point everywhere, 1 when they all point one way."""
    curves = summary.levels("mean_norm")
    if not curves:
        return None
    level = failed.one_direction[0] if failed.one_direction else max(curves, key=lambda name: curves[name].now)
    curve = curves[level]
    falls = health.has_fallen(curve)
    finding = f"Norm {number(curve.now)} at {level}, the highest; 1 would be all embeddings in one point."
    if falls:
        finding += f" It has fallen from {number(curve.highest)}."
    if failed.one_direction:
        return Check("Mean embedding", "bad", finding, _SLOWER)
    if curve.now < health.GOOD_NORM and curve.now < curve.lowest + health.NORM_RISE:
        return Check("Mean embedding", "good", finding)
    return Check("Mean embedding", "watch", finding, LONGER if falls else _SLOWER)


def _loss(summary: RunSummary, reference: HealthReference, failed: Failures) -> Check | None:
    """Loss against ln(K+1), and whether it has fallen from its peak: it may rise while the queue fills with keys."""
    if failed.not_finite:
        where = ", ".join(failed.not_finite)
        return Check("Loss", "bad", f"Not finite at {where}.", "Lower `optim.lr`, or set `precision=fp32`.")
    curves, chance = summary.levels("loss"), reference.chance_loss
    if not curves or chance is None:
        return None
    level, curve = max(curves.items(), key=lambda item: item[1].now)
    guess = f"a guess among all negatives costs ln(K+1) = {number(chance)}"
    finding = f"{number(curve.now)} at {level}, the highest; {guess}."
    if curve.now < curve.highest - health.LEAST_CHANGE * chance:
        return Check("Loss", "good", f"{finding} It has fallen from {number(curve.highest)}.")
    advice = "Normal while the queue fills; otherwise train longer, or raise `optim.lr` if all other checks are good."
    return Check("Loss", "watch", f"{finding} It has not fallen yet.", advice)


def _top1(summary: RunSummary, reference: HealthReference, failed: Failures) -> Check | None:
    """How often the positive beats every negative: high too early, or at a loss near ln(K+1), it is drift collapse."""
    curves, chance = summary.levels("top1"), reference.chance_loss
    if not curves:
        return None
    level = failed.drift[0] if failed.drift else max(curves, key=lambda name: curves[name].now)
    curve, loss = curves[level], summary.curve("loss", level)
    finding = f"{percent(curve.now)} at {level}, the highest"
    at = f"the loss there is {number(loss.now)}" if loss is not None else ""
    if failed.drift:
        drift = summary.curve("drift", level)
        if drift is not None and health.has_high_drift(summary, level):
            at = f"{at}{' and ' if at else ''}new keys are nearer than old ones by {number(drift.now)}"
        return Check("Top-1", "bad", f"{finding}{f', although {at}' if at else ''}: drift collapse.", _SLOWER)
    if loss is None or chance is None:
        return None
    early = curve.first
    if early is not None and early > health.EARLY_TOP1 and loss.now > health.EARLY_LOSS * chance:
        return Check("Top-1", "watch", f"{finding}, and {percent(early)} already at the start: too early.", _SLOWER)
    return Check("Top-1", "good", f"{finding}, at a loss of {number(loss.now)}.")


def _features(summary: RunSummary) -> Check | None:
    """Rank and dead units of what will be exported, where they were measured."""
    parts = part_features(summary)
    if not parts:
        return None
    poor = [part for part in parts if part.poor]
    finding = "; ".join(map(str, poor or parts)) + "."
    if not poor:
        return Check("Exported features", "good", finding)
    return Check("Exported features", "watch", finding, _WITHOUT)


def _invariance(metrics: Metrics) -> Check | None:
    """The background-invariance score against its chance level, where it was measured."""
    score, chance = metrics.last("invariance"), metrics.last("invariance_chance")
    if score is None or chance is None:
        return None
    start = metrics.series("invariance").values[0]
    finding = (
        f"{percent(score)} of the probes find their object on another background; "
        f"it was {percent(start)} at first, and chance is {percent(chance)}."
    )
    if score > health.GOOD_INVARIANCE * chance and (score > start or len(metrics.series("invariance").steps) == 1):
        return Check("Background invariance", "good", finding)
    return Check("Background invariance", "watch", finding, "Train longer; nothing is gained before this rises.")
