"""Is the pretraining run healthy? Four tell-tales of collapse, read from the log (docs/method.md#drift-collapse).

The loss alone cannot tell: in *drift collapse* all embeddings become one moving point, and since new keys lie closer to
the query than old queue entries, the loss falls and top-1 rises to 1 while nothing is learned. So four numbers are read
together, for every level, over the last tenth of the log:

=====================  ===========================  ==========================================================
tell-tale              healthy                      collapsed
=====================  ===========================  ==========================================================
per-dimension std      above half of 1/sqrt(D)      below a quarter of it, and not recovering
norm of mean           below 0.9                    above 0.97, and not falling
loss against ln(K+1)   fallen from its peak         not finite
top-1                  rises late                   above 0.8 while the loss stays above 0.75 ln(K+1)
=====================  ===========================  ==========================================================

Between the two columns the verdict is "watch": a run may simply be young. The thresholds are those of this table; the
measurements they were chosen from are in docs/method.md#drift-collapse.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from codo.core.numbers import number, percent
from codo.evaluation.run_metrics import Metrics
from codo.reporting.html.blocks import Check, Tone, Verdict

LEAST_ROWS = 5
"""Fewer logged steps than this are not judged."""

GRACE = 200
"""Steps before a verdict: an untrained network maps all boxes to nearly one point."""

_ORDER: dict[Tone, int] = {"good": 0, "unknown": 1, "watch": 2, "bad": 3}
_LONGER = "Train longer before you trust this run."
_SLOWER = (
    "Lower `optim.lr`, raise `contrast.momentum` or shorten `contrast.queue`, and warm up (`optim.warmup_steps=200`)."
)


def judge(metrics: Metrics, config: Mapping[str, Any]) -> Verdict:
    """The verdict on a pretraining run.

    Args:
        metrics: The log; of ``loss/P2``, ``top1/P2``, ``std/P2``, ``mean_norm/P2``, … those absent are skipped.
        config: The run's settings; ``contrast.queue`` and ``model.embedding_dim`` give the reference values.
    """
    ceiling, spread = chance_loss(config), uniform_std(config)
    levels = metrics.names("loss")
    if len(metrics.rows) < LEAST_ROWS or not levels:
        return Verdict("unknown", f"Too little is logged to judge: {len(metrics.rows)} of at least {LEAST_ROWS} lines.")
    looked = _std(metrics, spread), _mean_norm(metrics), _loss(metrics, ceiling), _top1(metrics, ceiling)
    checks = _said_once([check for check in (*looked, _invariance(metrics)) if check is not None])
    tone: Tone = max((check.tone for check in checks), key=_ORDER.__getitem__)
    broken = any(check.name == "Loss" and check.tone == "bad" for check in checks)
    steps = metrics.last_step or 0
    if steps < GRACE and tone != "good" and not broken:
        words = f"Too young to judge: {steps} steps of at least {GRACE}; every run starts like a collapse."
        undecided = [c if c.tone == "good" else replace(c, tone="unknown", advice="") for c in checks]
        return Verdict("unknown", words, undecided)
    return Verdict(tone, _headline(tone, checks), checks)


def chance_loss(config: Mapping[str, Any]) -> float | None:
    """ln(K+1): the loss of a level whose embeddings say nothing (Eq. 7 with K negatives)."""
    queue = _setting(config, "contrast", "queue")
    return math.log(queue + 1) if queue else None


def uniform_std(config: Mapping[str, Any]) -> float | None:
    """1/sqrt(D): per-dimension deviation of points spread uniformly over the unit sphere of D dimensions."""
    dim = _setting(config, "model", "embedding_dim")
    return 1 / math.sqrt(dim) if dim else None


def _setting(config: Mapping[str, Any], group: str, name: str) -> float | None:
    values = config.get(group)
    value = values.get(name) if isinstance(values, Mapping) else None
    return value if isinstance(value, int | float) and value > 0 else None


def _headline(tone: Tone, checks: list[Check]) -> str:
    bad = [check.name for check in checks if check.tone == "bad"]
    watch = [check.name for check in checks if check.tone == "watch"]
    if tone == "bad" and bad == ["Loss"]:
        return "The run broke: the loss is not finite."
    if tone == "bad":
        return f"Collapsed: the embeddings carry no information ({', '.join(bad).lower()})."
    if tone == "watch":
        return f"No collapse, but not clearly healthy either: look at {', '.join(watch).lower()}."
    return "Healthy: the embeddings are spread out and the loss falls because views of an object agree."


def _said_once(checks: list[Check]) -> list[Check]:
    """Checks that share a cause share the advice; it stands with the first of them."""
    said: set[str] = set()
    once = []
    for check in checks:
        once.append(replace(check, advice="") if check.advice in said else check)
        said.add(check.advice)
    return once


def _std(metrics: Metrics, uniform: float | None) -> Check | None:
    """Spread of the embeddings: the worst level against 1/sqrt(D)."""
    ends = _ends(metrics, "std")
    if not ends or uniform is None:
        return None
    level, value = min(ends.items(), key=lambda item: item[1])
    share = value / uniform
    finding = f"{number(value)} at {level}, the lowest: {percent(share)} of 1/√D = {number(uniform)}."
    if share >= 0.5:
        return Check("Embedding std", "good", finding)
    lowest = min(_tenths(metrics, f"std/{level}"))
    if value > 1.25 * lowest:
        return Check("Embedding std", "watch", f"{finding} It has risen from {number(lowest)}.", _LONGER)
    return Check("Embedding std", "bad" if share < 0.25 else "watch", finding, _SLOWER)


def _mean_norm(metrics: Metrics) -> Check | None:
    """Length of the mean embedding: 0 when they point everywhere, 1 when they all point one way."""
    ends = _ends(metrics, "mean_norm")
    if not ends:
        return None
    level, value = max(ends.items(), key=lambda item: item[1])
    highest, lowest = max(_tenths(metrics, f"mean_norm/{level}")), min(_tenths(metrics, f"mean_norm/{level}"))
    falls = value < highest - 0.01
    finding = f"Norm {number(value)} at {level}, the highest; 1 would be all embeddings in one point."
    if falls:
        finding += f" It has fallen from {number(highest)}."
    if value < 0.9 and value < lowest + 0.1:
        return Check("Mean embedding", "good", finding)
    bad = value >= 0.97 and not falls
    advice = _LONGER if falls else _SLOWER
    return Check("Mean embedding", "bad" if bad else "watch", finding, advice)


def _loss(metrics: Metrics, ceiling: float | None) -> Check | None:
    """Loss against ln(K+1), and whether it has fallen from its peak: it may rise while the queue fills with keys."""
    broken = [
        level for level in metrics.names("loss") if any(math.isnan(v) for v in metrics.series(f"loss/{level}").values)
    ]
    if broken:
        return Check("Loss", "bad", f"Not finite at {', '.join(broken)}.", "Lower `optim.lr`, or set `precision=fp32`.")
    ends = _ends(metrics, "loss")
    if not ends or ceiling is None:
        return None
    level, value = max(ends.items(), key=lambda item: item[1])
    peak = max(_tenths(metrics, f"loss/{level}"))
    finding = f"{number(value)} at {level}, the highest; a guess among all negatives costs ln(K+1) = {number(ceiling)}."
    if value < peak - 0.01 * ceiling:
        return Check("Loss", "good", f"{finding} It has fallen from {number(peak)}.")
    advice = "Normal while the queue fills; otherwise train longer, or raise `optim.lr` if all other checks are good."
    return Check("Loss", "watch", f"{finding} It has not fallen yet.", advice)


def _top1(metrics: Metrics, ceiling: float | None) -> Check | None:
    """How often the positive beats every negative; near 1 at a loss near ln(K+1) is the mark of drift collapse."""
    ends = _ends(metrics, "top1")
    if not ends or ceiling is None:
        return None
    level, value = max(ends.items(), key=lambda item: item[1])
    loss, early = metrics.series(f"loss/{level}").end, metrics.series(f"top1/{level}").mean(0.0, 0.1)
    finding = f"{percent(value)} at {level}, the highest"
    if loss is not None and value > 0.8 and loss > 0.75 * ceiling:
        return Check("Top-1", "bad", f"{finding}, although the loss there is {number(loss)}: drift collapse.", _SLOWER)
    if loss is not None and early is not None and early > 0.5 and loss > 0.5 * ceiling:
        return Check(
            "Top-1", "watch", f"{finding}, and {percent(early)} already in the first tenth: too early.", _SLOWER
        )
    return Check("Top-1", "good", f"{finding}, at a loss of {number(loss)}.")


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
    if score > 1.5 * chance and (score > start or len(metrics.series("invariance").steps) == 1):
        return Check("Background invariance", "good", finding)
    return Check("Background invariance", "watch", finding, "Train longer; nothing is gained before this rises.")


def _ends(metrics: Metrics, group: str) -> dict[str, float]:
    """Where each level's curve ends."""
    ends = {level: metrics.series(f"{group}/{level}").end for level in metrics.names(group)}
    return {level: value for level, value in ends.items() if value is not None}


def _tenths(metrics: Metrics, key: str) -> list[float]:
    """Means over the tenths of a curve, in order."""
    means = [metrics.series(key).mean(i / 10, (i + 1) / 10) for i in range(10)]
    return [mean for mean in means if mean is not None]
