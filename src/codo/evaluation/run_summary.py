"""Summary of a run's logged values in constant memory: current, first, lowest and highest value of each.

The alarms during training and the verdict in the report both read this summary, so they cannot disagree.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping
from statistics import fmean
from typing import Any

RECENT = 5
"""Number of logged values averaged as the current value; with fewer, a single batch would matter too much."""

MAX_BLOCKS = 16
"""A curve is summarized by the means of 8 to 16 equally long blocks. Blocks grow with the run, so an early dip is
averaged out in time."""

GROUPS = ("loss", "top1", "std", "mean_norm", "drift")
"""Values logged by level (``loss/P2``) that a `RunSummary` keeps."""


class Curve:
    """Summary of one logged value over the steps so far."""

    def __init__(self) -> None:
        self._recent: deque[float] = deque(maxlen=RECENT)
        self._means: list[float] = []
        self._block = RECENT  # values in a block
        self._sum, self._count = 0.0, 0  # of the block that is not full yet

    def add(self, value: float) -> None:
        """Append a finite value."""
        self._recent.append(value)
        self._sum, self._count = self._sum + value, self._count + 1
        if self._count < self._block:
            return
        self._means.append(self._sum / self._count)
        self._sum, self._count = 0.0, 0
        if len(self._means) == MAX_BLOCKS:
            self._means = [fmean(self._means[i : i + 2]) for i in range(0, MAX_BLOCKS, 2)]
            self._block *= 2

    @property
    def now(self) -> float:
        """Mean of the last `RECENT` values; needs at least one."""
        return sum(self._recent) / len(self._recent)

    @property
    def first(self) -> float | None:
        """Mean of the first block, about the first tenth of a long run; ``None`` before there is one."""
        return self._means[0] if self._means else None

    @property
    def lowest(self) -> float:
        """The lowest mean of a block; `now` before there is one."""
        return min(self._means, default=self.now)

    @property
    def highest(self) -> float:
        """The highest mean of a block; `now` before there is one."""
        return max(self._means, default=self.now)


class RunSummary:
    """The values of `GROUPS` over the logged steps of a run, by group and level.

    Attributes:
        step: The last step at which any of them was logged.
        not_finite: Levels whose loss was not finite at some step.
        features: First and last finite value of ``backbone/rank``, ``fpn/dead``, …, logged by probes as ``features/…``.
    """

    def __init__(self) -> None:
        self.step = 0
        self.not_finite: set[str] = set()
        self.features: dict[str, tuple[float, float]] = {}
        self._curves: dict[str, dict[str, Curve]] = {group: {} for group in GROUPS}

    @classmethod
    def of(cls, rows: Iterable[Mapping[str, Any]]) -> RunSummary:
        """The summary of a log: the rows of ``metrics.jsonl`` in the order of their steps."""
        summary = cls()
        for row in rows:
            summary.add(row["step"], row)
        return summary

    def add(self, step: int, row: Mapping[str, Any]) -> None:
        """Append a logged step; the log writes values that are not finite as ``null``, which counts as not finite."""
        for key, value in row.items():
            group, _, level = key.partition("/")
            if group not in GROUPS or not level or not (value is None or isinstance(value, int | float)):
                continue
            self.step = step
            if value is not None and math.isfinite(value):
                self._curves[group].setdefault(level, Curve()).add(float(value))
            elif group == "loss":
                self.not_finite.add(level)
        self.add_features(row)

    def add_features(self, row: Mapping[str, Any]) -> None:
        """Append the values of features only: probes are computed after the alarms of their step."""
        for key, value in row.items():
            group, _, name = key.partition("/")
            if group == "features" and isinstance(value, int | float) and math.isfinite(value):
                self.features[name] = (self.features.get(name, (value,))[0], value)

    def levels(self, group: str) -> dict[str, Curve]:
        """Level -> curve of a group."""
        return self._curves[group]

    def curve(self, group: str, level: str) -> Curve | None:
        """The curve of one level; ``None`` if it was never logged."""
        return self._curves[group].get(level)
