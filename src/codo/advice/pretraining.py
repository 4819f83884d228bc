"""The answer of a pretraining run: is it healthy, and what next.

===================================  ===============================================================================
state of the run                     what to do next
===================================  ===============================================================================
goes on, or was stopped              wait, or resume
a check failed                       what the check advises (lower the learning rate), in a new ``out=``
probes fell below step 0             use the initial weights or hold them (docs/healthy-run.md#below-the-start)
features became poor                 finetune without that part too (docs/healthy-run.md#poor-features)
the loader was waited for            more workers
invariance was still rising          more steps: the last score is above that of two thirds of the run by more than
                                     `CLEARLY` standard errors
it ended too young to be judged      more steps
a check is to be watched             what the check advises
otherwise                            nothing in this run
always, unless a check failed        compare on labels
===================================  ===============================================================================
"""

from __future__ import annotations

import json
import math
import re
import shlex
from collections.abc import Mapping
from typing import Any

from codo.advice.answer import Answer, Kind, Suggestion
from codo.advice.intervals import in_percent, share_interval
from codo.advice.progress import Progress
from codo.core.numbers import number, percent
from codo.evaluation.health import WAIT, HealthReference, slow_loader
from codo.evaluation.health_checks import LONGER, Health, judge
from codo.evaluation.run_metrics import Metrics, Series

CLEARLY = 2.0
"""Standard errors of the difference of two shares by which the later one must be above the earlier."""
PART = 2 / 3
"""A score has stopped rising if its last value is no better than the one after this part of the run."""
LR_STEP = 3
"""Factor by which a learning rate that was too high is lowered."""


def pretraining_answer(
    metrics: Metrics,
    reference: HealthReference,
    config: Mapping[str, Any],
    *,
    out: str,
    progress: Progress,
    probes: int | None,
) -> Answer:
    """The conclusion of a pretraining run.

    Args:
        metrics: Its log.
        reference: Reference values of its health.
        config: Its settings.
        out: Its folder, for commands.
        progress: How far it has come.
        probes: Number of proposals behind the background-invariance score; ``None`` if unknown.
    """
    health = judge(metrics, reference)
    headline = health.headline
    if (score := metrics.last("invariance")) is not None:
        about = [in_percent(share_interval(score, probes))] if probes else []
        about.append(f"chance {percent(metrics.last('invariance_chance'))}")
        headline += f" Background invariance is {percent(score)} ({', '.join(about)})."
    return Answer(health.tone, headline, _next(metrics, health, reference, config, out, progress, probes))


def _next(
    metrics: Metrics,
    health: Health,
    reference: HealthReference,
    config: Mapping[str, Any],
    out: str,
    progress: Progress,
    probes: int | None,
) -> list[Suggestion]:
    failed = [check for check in health.checks if check.tone == "bad"]
    found = [progress.suggestion()]
    if failed:
        why = f"{failed[0].name}: {failed[0].finding}"
        return [
            Suggestion("learning rate", f"{lower_rate(config)} and start again in a new `out=`", why),
            *_known(found),
        ]
    alarms = [*metrics.alarms()]
    if below := next((text for text in alarms if "#below-the-start" in text), None):
        what = "Keep the initial weights, or hold them: `model.freeze`, `optim.lr_factors` or `anchor.features`"
        if not (config.get("model") or {}).get("init"):
            what = f"{lower_rate(config)}, or train longer on larger images"
        found.append(Suggestion("learning rate", what, f"Alarm: {_sentence(below)}"))
    if poor := next((text for text in alarms if "#poor-features" in text), None):
        what = "Finetune also without the poor part: `codo finetune parts=[backbone,fpn]`"
        found.append(Suggestion("settings", what, f"Alarm: {_sentence(poor)}"))
    if slow_loader(metrics.series(WAIT).values):
        waited = f"Training waited for data {percent(metrics.series(WAIT).end)} of the time."
        what = "Raise `workers=` if cores are free, or pack what is not packed yet (`codo prepare --pack 256`)"
        found.append(Suggestion("loader", what, waited))
    if progress.state != "running":
        found += [_longer(metrics, progress, probes)]
    if progress.state == "finished" and health.tone == "unknown":
        found.append(
            Suggestion(
                "steps",
                f"Train longer: at least {number(reference.grace)} steps, in a new `out=`",
                "Until then a run that will collapse looks alike.",
            )
        )
    if not any(one and one.kind == "steps" for one in found):
        watch = [check for check in health.checks if check.tone == "watch" and check.advice]
        kinds: dict[bool, Kind] = {True: "steps", False: "learning rate"}
        found += [
            Suggestion(kinds[c.advice == LONGER], c.advice.rstrip("."), f"{c.name}: {c.finding}") for c in watch[:1]
        ]
    if not _known(found) and health.tone == "good":
        found.append(
            Suggestion(
                "nothing",
                "Change nothing in this run",
                "All checks are good, and background invariance has stopped rising.",
            )
        )
    if progress.state == "finished":
        named = out if re.fullmatch(r"[\w./ -]+", out) else json.dumps(out)
        inits = shlex.quote(f"inits=[none,{named}]")
        command = f"codo compare -c finetune_laptop data=LABELED {inits} 'seeds=[0,1,2]' out=NEW"
        why = (
            "Only a detector on your labels shows whether pretraining helped; three seeds are the least for a verdict."
        )
        found.append(Suggestion("compare", f"Compare on your labels: `{command}`", why))
    return _known(found)


def lower_rate(config: Mapping[str, Any]) -> str:
    """To lower the learning rate, by `LR_STEP` where it is known, as the start of a sentence."""
    rate = (config.get("optim") or {}).get("lr")
    if not isinstance(rate, int | float) or rate <= 0:
        return "Lower `optim.lr`"
    return f"Lower `optim.lr` from {rate:g} to {_round(rate / LR_STEP):g}"


def _round(rate: float) -> float:
    return float(f"{rate:.1g}")


def _longer(metrics: Metrics, progress: Progress, probes: int | None) -> Suggestion | None:
    """More steps, if background invariance was still rising."""
    before, now = before_and_now(metrics.series("invariance"))
    if before is None or now is None or not probes or not _rose(before, now, probes):
        return None
    steps = f"`steps={2 * progress.step}`" if progress.step else "more steps"
    why = (
        f"Background invariance was still rising: {percent(before)} after two thirds of the run, {percent(now)} at its "
        f"end, more than {CLEARLY:g} standard errors of {number(probes)} proposals."
    )
    return Suggestion("steps", f"Train longer: {steps} in a new `out=`", why)


def before_and_now(series: Series) -> tuple[float | None, float | None]:
    """The last value after at most two thirds of the steps, and the last one; ``None`` where there is none."""
    known = [(s, v) for s, v in zip(series.steps, series.values, strict=True) if math.isfinite(v)]
    if not known:
        return None, None
    early = [value for step, value in known if 0 < step <= PART * known[-1][0]]
    return (early[-1] if early else None), known[-1][1]


def _rose(before: float, now: float, count: int) -> bool:
    error = math.sqrt((before * (1 - before) + now * (1 - now)) / count)
    return now - before > CLEARLY * error


def _sentence(text: str) -> str:
    """The first sentence of a message, without the place that it names."""
    head, _, rest = text.partition(" (docs/")
    tail = rest.partition(")")[2] if rest else ""
    return f"{(head + tail).partition('. ')[0].rstrip('.')}."


def _known(found: list[Suggestion | None]) -> list[Suggestion]:
    return [one for one in found if one is not None]
