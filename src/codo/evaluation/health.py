"""Is a run healthy? The thresholds and judgments behind the alarms during training and the verdict in the report.

The loss alone does not show it. In *drift collapse* all embeddings are one point that keeps moving: new keys lie nearer
to the query than older ones in the queue only because they are newer, so that the loss falls and top-1 rises while
nothing is learned (docs/method.md#drift-collapse). So five numbers are read together, for every level:

===================  ========================  =================================================================
number               healthy                   failed
===================  ========================  =================================================================
std per dimension    above half of 1/sqrt(D)   below a quarter of it, and not rising
norm of the mean     below 0.9                 0.97 or more, and not falling
top-1                rises late                above 1/4 while the norm of the mean is above 0.9, or above 1/2
                                               while the loss is above 0.85 ln(K+1)
drift                up to 0.11                above 0.2 while the norm of the mean is above 0.9
loss                 fallen from its peak      not finite
===================  ========================  =================================================================

Between the two columns the verdict is "watch": the run may be too short yet. Alarms and failed checks both come from
`failures`, so a run has an alarm for collapse exactly if it has a failed check. (Drift and collapse of one level share
one alarm; that the loader is slow is an alarm only, poor features (`feature_checks`) are a warning only.)
"""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from codo.core.io import write_atomically
from codo.core.numbers import percent
from codo.core.run import Run
from codo.core.run_files import config_of
from codo.evaluation.feature_checks import feature_warnings
from codo.evaluation.run_summary import RECENT, Curve, RunSummary

HEALTH_FILE = "health.json"

GRACE = 200
"""Least steps before collapse is judged: an untrained network maps all boxes to nearly one point."""
DRIFT_GRACE = 50
"""Steps before drift collapse is judged. No healthy run reaches a top-1 of a quarter within so few steps."""
MIN_ROWS = 5
"""Least number of logged steps for the verdict "healthy"."""

GOOD_STD, FAILED_STD = 0.5, 0.25  # shares of 1/sqrt(D)
GOOD_NORM, FAILED_NORM = 0.9, 0.97
DRIFT_TOP1 = 0.25
HIGH_DRIFT = 0.2
"""Similarity to the newest keys of the queue minus that to the oldest. Measured: 0.11 at most in a healthy run of 400
steps with a key encoder without momentum, which changes fastest, at a norm of .9; 0.3 at a norm of .99 in a run that
drifted from step 30 on, long before its top-1 rose."""
GUESSING_TOP1, GUESSING_LOSS = 0.5, 0.85  # the loss as a share of ln(K+1)
EARLY_TOP1, EARLY_LOSS = 0.5, 0.5
LEAST_CHANGE = 0.01
"""Least decrease of a norm, or of a loss as a share of ln(K+1), that counts as fallen."""
NORM_RISE = 0.1  # a norm this far above its lowest value is no longer good
RISE, LEAST_RISE = 1.25, 0.02
"""Risen: std > 1.25 times its lowest value, and > that value + 0.02/sqrt(D)."""
WAIT = "time/data_wait"
SLOW_WAIT = 0.2
"""Share of the time spent waiting for data above which the loader is the bottleneck."""
GOOD_INVARIANCE = 1.5
"""A good invariance score is above this many times its chance level."""


@dataclass(frozen=True)
class HealthReference:
    """Reference values for the numbers of a run.

    Attributes:
        chance_loss: ln(K+1), the loss of a level whose embeddings carry no information; ``None`` without a queue.
        uniform_std: 1/sqrt(D), standard deviation per dimension of points spread uniformly over the unit sphere;
            ``None`` if unknown.
        grace: Steps before collapse is judged.
    """

    chance_loss: float | None = None
    uniform_std: float | None = None
    grace: int = GRACE

    @classmethod
    def of(cls, *, dim: float | None, queue: float | None, grace: int = GRACE) -> Self:
        """The reference of embeddings of ``dim`` dimensions against ``queue`` negatives."""
        return cls(math.log(queue + 1) if queue else None, 1 / math.sqrt(dim) if dim else None, grace)

    @classmethod
    def read(cls, run: Run) -> Self:
        """The reference of a run: recorded by training, else derived from its settings."""
        try:
            return cls(**json.loads((run.path / HEALTH_FILE).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):  # of an earlier version, or broken
            return cls.of_config(config_of(run))

    @classmethod
    def of_config(cls, config: Mapping[str, Any]) -> Self:
        """From ``contrast.queue`` and ``model.embedding_dim``; missing or wrong settings count as unknown."""
        return cls.of(
            dim=_setting(config, "model", "embedding_dim"),
            queue=_setting(config, "contrast", "queue"),
            grace=max(GRACE, 2 * int(_setting(config, "optim", "warmup_steps") or 0)),
        )

    def write(self, run: Run) -> None:
        """Write it into the run directory, for the report."""
        write_atomically(run.path / HEALTH_FILE, json.dumps(asdict(self)) + "\n")


def _setting(config: Mapping[str, Any], group: str, name: str) -> float | None:
    values = config.get(group)
    value = values.get(name) if isinstance(values, Mapping) else None
    return value if isinstance(value, int | float) and value > 0 else None


@dataclass(frozen=True)
class Failures:
    """The levels with each failure, the worst first.

    Attributes:
        not_finite: The loss was not finite.
        drift: Keys are found only because they are newer.
        low_std: The embeddings are not spread out, and their spread is not rising.
        one_direction: The embeddings point in one direction, and the norm of their mean is not falling.
    """

    not_finite: list[str]
    drift: list[str]
    low_std: list[str]
    one_direction: list[str]


def failures(summary: RunSummary, reference: HealthReference) -> Failures:
    """Every failure by level: the levels share a head, but each can fail alone."""
    stds, norms, top1s = summary.levels("std"), summary.levels("mean_norm"), summary.levels("top1")
    mature = summary.step >= reference.grace
    low = [level for level in stds if mature and _low(stds[level], reference.uniform_std)]
    one_way = [level for level in norms if mature and norms[level].now >= FAILED_NORM and not has_fallen(norms[level])]
    drift = [level for level in top1s if summary.step > DRIFT_GRACE and _drifts(summary, level, reference)]
    return Failures(
        sorted(summary.not_finite),
        sorted(drift, key=lambda level: -top1s[level].now),
        sorted(low, key=lambda level: stds[level].now),
        sorted(one_way, key=lambda level: -norms[level].now),
    )


def _low(std: Curve, uniform: float | None) -> bool:
    return uniform is not None and std.now < FAILED_STD * uniform and not has_risen(std, uniform)


def has_risen(std: Curve, uniform: float) -> bool:
    """Whether a spread is clearly above its lowest."""
    return std.now > RISE * std.lowest and std.now > std.lowest + LEAST_RISE * uniform


def has_fallen(norm: Curve) -> bool:
    """Whether the norm of the mean is clearly below its highest."""
    return norm.now < norm.highest - LEAST_CHANGE


def has_high_drift(summary: RunSummary, level: str) -> bool:
    """Whether the newest keys are much nearer than the oldest while the embeddings point in one direction."""
    drift, norm = summary.curve("drift", level), summary.curve("mean_norm", level)
    return drift is not None and norm is not None and drift.now > HIGH_DRIFT and norm.now > GOOD_NORM


def _drifts(summary: RunSummary, level: str, reference: HealthReference) -> bool:
    top1, norm, loss = (summary.curve(group, level) for group in ("top1", "mean_norm", "loss"))
    assert top1 is not None
    if has_high_drift(summary, level):
        return True
    if norm is not None and top1.now > DRIFT_TOP1 and norm.now > GOOD_NORM:
        return True
    if loss is None or reference.chance_loss is None:
        return False
    return top1.now > GUESSING_TOP1 and loss.now > GUESSING_LOSS * reference.chance_loss


def alarms(summary: RunSummary, reference: HealthReference) -> list[str]:
    """The failures as messages, each with the settings to change."""
    failed = failures(summary, reference)
    messages = []
    if failed.not_finite:
        messages.append(
            f"The loss is not finite at {', '.join(failed.not_finite)}. Lower optim.lr, or set precision=fp32."
        )
    if failed.drift:
        messages.append(
            f"Drift collapse ({_seen(summary, failed.drift[0], reference)}): the embeddings are one moving point, and "
            "new keys are found only because they are newer. Lower optim.lr, raise contrast.momentum or "
            "shorten contrast.queue, and warm up (optim.warmup_steps=200)."
        )
    elif collapsed := [*failed.low_std, *failed.one_direction]:
        messages.append(
            f"Collapse ({_seen(summary, collapsed[0], reference)}): nearly all boxes get the same embedding. Lower "
            "optim.lr, warm up (optim.warmup_steps=200), and make sure that contrast.bn_groups is on."
        )
    return messages


def _seen(summary: RunSummary, level: str, reference: HealthReference) -> str:
    std, norm, top1, drift = (summary.curve(group, level) for group in ("std", "mean_norm", "top1", "drift"))
    seen = []
    if std is not None and reference.uniform_std is not None:
        seen.append(f"spread {std.now / reference.uniform_std:.0%} of full")
    if norm is not None:
        seen.append(f"mean embedding of length {norm.now:.2f}")
    if top1 is not None:
        seen.append(f"top-1 {top1.now:.0%}")
    if drift is not None and drift.now > HIGH_DRIFT:
        seen.append(f"drift {drift.now:.2f}")
    return f"{', '.join(seen)} on {level}"


class HealthMonitor:
    """Raises the alarms while a run trains.

    Args:
        reference: Reference values; without them only the loader and the loss are checked.
    """

    def __init__(self, reference: HealthReference | None = None) -> None:
        self.reference = reference or HealthReference()
        self._summary = RunSummary()
        self._waits: deque[float] = deque(maxlen=RECENT)

    def replay(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add what was logged before an interruption, so that a resumed run gets the same alarms as an unbroken one."""
        for row in rows:
            self._add(row["step"], row)

    def look(self, step: int, row: Mapping[str, Any]) -> list[str]:
        """Add a logged step; returns its alarms, a pure function of all rows so far."""
        self._add(step, row)
        return alarms(self._summary, self.reference)

    def probed(self, step: int, row: Mapping[str, Any]) -> list[str]:
        """Add the probes of a step, computed after `look`; returns the warnings of poor features."""
        self._summary.add_features(row)
        return feature_warnings(self._summary, step, self.reference.grace)

    def slow(self) -> str | None:
        """The alarm of a slow loader, if the last logged steps waited too long for data."""
        return slow_loader(list(self._waits))

    def _add(self, step: int, row: Mapping[str, Any]) -> None:
        self._summary.add(step, row)
        if WAIT in row:
            self._waits.append(row[WAIT])


def slow_loader(waits: Sequence[float]) -> str | None:
    """A warning when training has waited too long for data in the last logged steps.

    Args:
        waits: Values of `WAIT`, the newest last.
    """
    recent = waits[-RECENT:]
    if len(recent) < RECENT or sum(recent) / RECENT <= SLOW_WAIT:
        return None
    return (
        f"Training waits for data more than {percent(SLOW_WAIT)} of the time: raise workers= if cores are free, or "
        "pack catalogs that are not packed yet (codo prepare --pack 256)."
    )
