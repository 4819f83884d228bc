"""The logged steps of a run as columns."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from statistics import fmean
from typing import Any, NamedTuple


class Series(NamedTuple):
    """The values of one key and the steps at which they were logged; values that were not finite are NaN."""

    steps: list[int]
    values: list[float]

    def mean(self, start: float = 0.0, stop: float = 1.0) -> float | None:
        """Mean of the finite values in a part of the log, at least one line: ``mean(0.9)`` is the last tenth."""
        n = len(self.values)
        first = min(int(start * n), n - 1)
        known = [v for v in self.values[first : max(first + 1, math.ceil(stop * n))] if math.isfinite(v)] if n else []
        return fmean(known) if known else None

    @property
    def end(self) -> float | None:
        """Mean over the last tenth, which depends less on a single batch than the last value."""
        return self.mean(0.9)


class Metrics:
    """Everything in ``metrics.jsonl``, by key.

    Args:
        rows: `codo.core.run.Run.metrics`. Rows without a step are left out; of two rows with one step the later counts.
    """

    def __init__(self, rows: Iterable[Mapping[str, Any]]) -> None:
        by_step = {row["step"]: row for row in rows if isinstance(row, Mapping) and type(row.get("step")) is int}
        self.rows = [by_step[step] for step in sorted(by_step)]
        self._columns: dict[str, Series] = {}
        for row in self.rows:  # once over everything: a long run has millions of values
            for key, value in row.items():
                if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
                    steps, values = self._columns.setdefault(key, Series([], []))
                    steps.append(row["step"])
                    values.append(math.nan if value is None else float(value))

    @property
    def last_step(self) -> int | None:
        """The last logged step."""
        return int(self.rows[-1]["step"]) if self.rows else None

    def series(self, key: str) -> Series:
        """The rows with ``key``; ``null``, which the log writes for values that are not finite, becomes NaN."""
        return self._columns.get(key, Series([], []))

    def names(self, group: str) -> list[str]:
        """The parts of keys after ``group/``, sorted: ``names("loss")`` gives ``["P2", "P3", …]``."""
        start = f"{group}/"
        return sorted(key[len(start) :] for key in self._columns if key.startswith(start))

    def last(self, key: str) -> float | None:
        """The last finite value of a key."""
        known = [v for v in self.series(key).values if math.isfinite(v)]
        return known[-1] if known else None

    def kept(self, early_stop: object) -> Metrics:
        """The log up to the evaluation of the detector that a finetuning keeps: with ``early_stop`` the best one."""
        steps, values = self.series("ap/bbox/AP")
        if early_stop is None or not steps:
            return self
        best = max(range(len(steps)), key=lambda i: values[i] if math.isfinite(values[i]) else -math.inf)
        return Metrics(row for row in self.rows if row["step"] <= steps[best])

    def seconds(self, images_per_step: int) -> float:
        """Time spent in steps, from the logged throughput; 0 where there is none."""
        series, total, before = self.series("time/images_per_s"), 0.0, 0
        for step, rate in zip(series.steps, series.values, strict=True):
            if math.isfinite(rate) and rate > 0:
                total += (step - before) * images_per_step / rate
            before = step
        return total

    def alarms(self) -> dict[str, list[int]]:
        """Alarms and the steps at which they were raised, in the order of their first step."""
        found: dict[str, list[int]] = {}
        for row in self.rows:
            messages = row.get("alarms")
            for message in messages if isinstance(messages, list) else []:
                found.setdefault(str(message), []).append(int(row["step"]))
        return found
