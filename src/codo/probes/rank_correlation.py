"""How far one number ranks trunks as another does: Spearman's correlation, with a bootstrap interval over the trunks.

Trunks are few (a dozen is many), so the interval matters more than the value. Each resample draws as many trunks with
replacement; a trunk that is drawn twice is a tie of both numbers. Resamples in which a number is constant have no
correlation and are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from codo.evaluation.statistics import LEVEL, Floats, Interval

RESAMPLES = 5_000


@dataclass(frozen=True)
class RankCorrelation:
    """A correlation over some trunks.

    Attributes:
        value: Spearman's coefficient.
        interval: Its percentile bootstrap interval.
        count: Number of trunks.
    """

    value: float
    interval: Interval
    count: int

    @classmethod
    def of(cls, x: Sequence[float], y: Sequence[float]) -> RankCorrelation | None:
        """The correlation of two numbers of the same trunks; ``None`` where `rank_correlation` is."""
        value, count = rank_correlation(x, y), len(x)
        if value is None:
            return None
        picks = np.random.Generator(np.random.Philox(key=0)).integers(count, size=(RESAMPLES, count))
        drawn = _spearman(np.asarray(x, float)[picks], np.asarray(y, float)[picks])
        low, high = np.nanquantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        return cls(value, Interval(float(low), float(high)), count)


def rank_correlation(x: Sequence[float], y: Sequence[float]) -> float | None:
    """Spearman's coefficient, ties sharing their mean rank; ``None`` for fewer than three pairs or a constant side."""
    if len(x) < 3:
        return None
    value = float(_spearman(np.asarray(x, float), np.asarray(y, float)))
    return None if np.isnan(value) else value


def _spearman(x: Floats, y: Floats) -> Floats:
    """Correlation of the ranks along the last axis, ``(…, n)`` twice to ``(…)``; nan where a side is constant."""
    a, b = (side - side.mean(axis=-1, keepdims=True) for side in (_ranks(x), _ranks(y)))
    with np.errstate(invalid="ignore"):
        found: Floats = (a * b).sum(axis=-1) / np.sqrt((a * a).sum(axis=-1) * (b * b).sum(axis=-1))
    return found


def _ranks(values: Floats) -> Floats:
    """Ranks from 0 along the last axis, ties with their mean."""
    below = (values[..., None, :] < values[..., :, None]).sum(axis=-1)
    equal = (values[..., None, :] == values[..., :, None]).sum(axis=-1)
    ranks: Floats = below + (equal - 1) / 2
    return ranks
