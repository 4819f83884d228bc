"""The answer of a finetuning run: its AP with an interval, and what next.

=================================  =================================================================================
state of the run                   what to do next
=================================  =================================================================================
goes on, or was stopped            wait, or resume
the loss was not finite            a lower learning rate
AP fell from its peak              more labels, or fewer steps: the last AP is below the highest by more than `CHANGE`
AP was still rising at the end     more steps: it rose by more than `CHANGE` over the last third
AP was measured once, and the      more steps, and measure more often: the last tenth of the loss is below that of
loss was falling                   two thirds of the run by more than `LOSS_FALL`
AP near zero                       more labels and steps (below 1 point, see `statistics.NEAR_ZERO`)
AP has stopped rising              more labels: more steps would not help
the interval is wide               more evaluation images: it is wider than `WIDE` of AP on either side
otherwise                          nothing
=================================  =================================================================================
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from codo.advice.answer import Answer, Suggestion
from codo.advice.intervals import in_precision
from codo.advice.pretraining import LR_STEP, before_and_now, lower_rate
from codo.advice.progress import Progress
from codo.core.numbers import number, points, precision
from codo.evaluation.ap_values import KINDS, SINGULAR
from codo.evaluation.health_checks import Tone
from codo.evaluation.run_metrics import Metrics
from codo.evaluation.statistics import NEAR_ZERO, Interval

CHANGE = 0.05
"""A change of AP counts from this share of the highest AP on, and from `LEAST_CHANGE` on: seeds differ by less."""
LEAST_CHANGE = 0.002
LOSS_FALL = 0.05
"""A loss counts as falling if its last tenth is below that at two thirds of the run by this share."""
WIDE = 0.25
"""An interval is wide if it reaches further than this share of AP to either side."""


def finetuning_answer(
    metrics: Metrics,
    config: Mapping[str, Any],
    *,
    progress: Progress,
    intervals: Mapping[str, Interval],
    evaluated: int,
) -> Answer:
    """The conclusion of a finetuning run.

    Args:
        metrics: Its log.
        config: Its settings.
        progress: How far it has come.
        intervals: Interval of AP by ``bbox`` and ``segm``, where it is known.
        evaluated: Number of evaluation images; 0 if unknown.
    """
    kept = metrics.kept(config.get("early_stop"))
    ap = {kind: value for kind in KINDS if (value := kept.last(f"ap/{kind}/AP")) is not None and value >= 0}
    nan = metrics.series("loss").values and not math.isfinite(metrics.series("loss").values[-1])
    if nan:
        rate = Suggestion("learning rate", f"{lower_rate(config)} and start again in a new `out=`", _THIRD)
        return Answer("bad", "The run broke: the loss is not finite.", [rate])
    waiting = [one for one in [progress.suggestion()] if one]
    if not ap:
        return Answer("unknown", "The detector has not been evaluated yet.", waiting)
    said = [_number(kind, value, intervals.get(kind)) for kind, value in ap.items()]
    on = f" on {number(evaluated)} evaluation images" if evaluated else ""
    kind, value = next(iter(ap.items()))
    tone: Tone = "watch" if value < NEAR_ZERO else "good" if progress.state == "finished" else "unknown"
    found = [
        *waiting,
        *([] if progress.state == "running" else _next(metrics, kind, value, intervals.get(kind), progress)),
    ]
    return Answer(tone, f"{' and '.join(said)}{on}.", found)


_THIRD = f"The loss was not finite. The rule: a learning rate {LR_STEP} times lower."


def _number(kind: str, value: float, interval: Interval | None) -> str:
    between = f" ({in_precision(interval)})" if interval else ""
    return f"{SINGULAR[kind].capitalize() if kind == 'bbox' else SINGULAR[kind]} AP {precision(value)}{between}"


def _next(metrics: Metrics, kind: str, value: float, interval: Interval | None, progress: Progress) -> list[Suggestion]:
    series = metrics.series(f"ap/{kind}/AP")
    top = max(v for v in series.values if math.isfinite(v))
    least = max(CHANGE * top, LEAST_CHANGE)
    before, now = before_and_now(series)
    longer = f"Train longer: `steps={2 * progress.step}` in a new `out=`" if progress.step else "Train longer"
    found: list[Suggestion] = []
    if top - value > least:
        peak = series.steps[series.values.index(top)]
        why = f"AP fell to {precision(value)} after {precision(top)} at step {number(peak)}: the detector overfits."
        found.append(Suggestion("labels", f"Add labels, or stop earlier (`steps={peak}`)", why))
    elif before is not None and now is not None and now - before > least:
        why = f"AP was still rising: {precision(before)} after two thirds of the run, {precision(now)} at its end."
        found.append(Suggestion("steps", longer, why))
    elif before is None and (fall := loss_fall(metrics)) > LOSS_FALL:
        why = f"AP was measured only at the end, and the loss fell by {fall:.0%} over the last third."
        found.append(Suggestion("steps", f"{longer}, and measure AP on the way (`eval_every=`)", why))
    elif value < NEAR_ZERO:
        why = f"AP is {precision(value)}: so low, it comes from a few lucky detections."
        found.append(Suggestion("labels", "Add labels, and train longer", why))
    elif before is not None and now is not None:
        why = f"AP changed by {points(now - before)} points over the last third of the run: more steps bring little."
        found.append(Suggestion("labels", "Add labels; `codo view` shows where they are needed most", why))
    if interval and value >= NEAR_ZERO and max(value - interval.low, interval.high - value) > WIDE * value:
        why = f"The choice of images alone moves AP from {precision(interval.low)} to {precision(interval.high)}."
        found.append(Suggestion("images", "Evaluate on more images before you compare detectors", why))
    nothing = Suggestion(
        "nothing", "Change nothing in this run", "No rule applies: neither the loss nor AP asks for it."
    )
    return found or [nothing]


def loss_fall(metrics: Metrics) -> float:
    """By which share the loss fell from two thirds of the run, mean of a tenth, to its last tenth; 0 if it rose."""
    series = metrics.series("loss")
    before, now = series.mean(0.6, 0.7), series.end
    return max(0.0, 1 - now / before) if before and now is not None and before > 0 else 0.0
