"""Do probes with labels fall below what they were before the first step?

Loss, spread and invariance can look healthy while a run unlearns what its initial weights knew
(docs/healthy-run.md#below-the-start). A score has a standard error of about sqrt(p (1 - p) / M), where M is the number
of evaluation samples, or fewer if some classes are rare (`ProbeSet.effective_count`). It has clearly fallen if the
difference is more than `CLEARLY` standard errors of the difference of two independent scores. Both are of the same
samples, so the true error is smaller, and chance alone reaches this rarely although several scores are looked at.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any

CLEARLY = 2.0
_KINDS = ("knn", "linear")


@dataclass(frozen=True)
class Fall:
    """A score that is clearly below its first one.

    Attributes:
        name: As in the log, such as ``probe/roi/backbone/knn``.
        start: The score before the first step.
        now: The current one.
    """

    name: str
    start: float
    now: float

    @property
    def part(self) -> str:
        """The part of the trunk that was probed; images are classified by the backbone."""
        _, kind, *rest = self.name.split("/")
        return rest[0] if kind == "roi" else "backbone"

    def __str__(self) -> str:
        return f"{self.name} {self.start:.3f} -> {self.now:.3f}"


def has_fallen(start: float, now: float, count: float) -> bool:
    """Whether a score of ``count`` samples is clearly below the one at the start."""
    error = math.sqrt((start * (1 - start) + now * (1 - now)) / count)
    return start - now > CLEARLY * error


class StartComparison:
    """Compares the labeled probes of a run with those before its first step.

    Args:
        counts: Number of evaluation samples by kind of probe, ``roi``, ``image``: `ProbeSet.effective_count`.
        from_weights: Whether the backbone has initial weights; it is then compared from the first probe on.
        grace: Steps before other parts are compared: random parts first become worse, as their learning rate rises.

    Attributes:
        falls: The scores that had clearly fallen at the last probe.
        best_step: Step with the highest mean of all compared scores; ``None`` before the first probe.
    """

    def __init__(self, counts: Mapping[str, float], *, from_weights: bool, grace: int) -> None:
        self.counts, self.from_weights, self.grace = dict(counts), from_weights, grace
        self.falls: list[Fall] = []
        self.best_step: int | None = None
        self._best = -1.0
        self._start: dict[str, float] = {}

    def add(self, step: int, row: Mapping[str, Any]) -> list[str]:
        """Add a logged row; rows without labeled probes are ignored.

        Returns:
            A warning for every part that has clearly fallen, the same text at every step.
        """
        scores = {name: float(row[name]) for name in row if self._is_compared(name) and row[name] is not None}
        if not scores:
            return []
        if step == 0:
            self._start = scores
        if (mean := fmean(scores.values())) > self._best:
            self.best_step, self._best = step, mean
        pairs = [Fall(name, self._start[name], now) for name, now in scores.items() if name in self._start]
        self.falls = [
            fall
            for fall in pairs
            if (step >= self.grace or (self.from_weights and fall.part == "backbone"))
            and has_fallen(fall.start, fall.now, self.counts[fall.name.split("/")[1]])
        ]
        return [_warning(part, self.from_weights) for part in dict.fromkeys(fall.part for fall in self.falls)]

    def _is_compared(self, name: str) -> bool:
        """Whether a value is a score of a part: of boxes those with a part, of images all."""
        group, _, rest = name.partition("/")
        kind, *parts = rest.split("/")
        known = kind in self.counts and parts and parts[-1] in _KINDS
        return group == "probe" and bool(known) and len(parts) == (2 if kind == "roi" else 1)


def _warning(part: str, from_weights: bool) -> str:
    what = f"Probes of the {part} have fallen clearly below step 0 (docs/healthy-run.md#below-the-start): this run"
    if not from_weights:
        return f"{what} makes features worse than random ones. Lower optim.lr, or train longer with larger images."
    held = "set anchor.features=10, model.freeze=[backbone] or optim.lr_factors={backbone: 0.1}"
    return f"{what} unlearns what its initial weights know. In a new out= {held}, or lower optim.lr."
