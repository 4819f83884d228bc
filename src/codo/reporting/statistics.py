"""Is a difference between two initialisations beyond noise? Paired by seed, with few seeds in mind.

Two runs of the same seed see the same labels in the same order, so what is compared is their difference. Its interval
is a bootstrap over the seeds. With a handful of them the plain percentile interval is far too narrow: three seeds can
give no wider one than from the smallest to the largest difference, which misses the truth one time in four. Hence its
distance from the mean is stretched by::

    t(n - 1) / z * sqrt(n / (n - 1))

the narrowness correction of Hesterberg (What Teachers Should Know About the Bootstrap, The American Statistician 69,
2015), applied to the distance instead of the quantile level because a bootstrap of three values has hardly
any quantiles. The factor is 2.7 with 3 seeds, 1.6 with 5, 1.2 with 10, and tends to 1; for differences that are normal
the interval is then nearly Student's.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean
from typing import Literal

import numpy as np
import numpy.typing as npt

LEVEL = 0.95
"""Of all intervals."""

RESAMPLES = 20_000
EXACT = 6
"""Up to so many seeds all resamples are counted (6**6 = 46 656); beyond, `RESAMPLES` are drawn with a fixed seed."""

Verdict = Literal["better", "worse", "noise", "unknown"]


@dataclass(frozen=True)
class Difference:
    """How far one initialisation is from another.

    Attributes:
        values: The differences, one a seed.
        low: Lower end of the interval of their mean; ``None`` with one seed.
        high: Upper end.
    """

    values: tuple[float, ...]
    low: float | None
    high: float | None

    @property
    def mean(self) -> float:
        """Their mean."""
        return fmean(self.values)

    @property
    def verdict(self) -> Verdict:
        """``better`` or ``worse`` when the interval lies on one side of zero, else ``noise``; one seed: ``unknown``."""
        if self.low is None or self.high is None:
            return "unknown"
        return "better" if self.low > 0 else "worse" if self.high < 0 else "noise"


def paired(candidate: Mapping[int, float], reference: Mapping[int, float]) -> Difference | None:
    """Compare two initialisations by the seeds that both have; ``None`` when there are none.

    Args:
        candidate: Seed -> value.
        reference: Seed -> value.
    """
    values = tuple(candidate[seed] - reference[seed] for seed in sorted(candidate.keys() & reference.keys()))
    if not values:
        return None
    low, high = interval(values) or (None, None)
    return Difference(values, low, high)


def overall(differences: Sequence[Mapping[int, float]]) -> Difference | None:
    """The mean difference over several label fractions, with the seed as the unit that is resampled.

    Cells of one seed share their labels and their order, so they are not independent; a seed counts once, by the mean
    of its differences, and only where it has all fractions.

    Args:
        differences: For each fraction, seed -> difference.
    """
    if not differences:
        return None
    common = set.intersection(*(set(one) for one in differences))
    values = tuple(fmean(one[seed] for one in differences) for seed in sorted(common))
    if not values:
        return None
    low, high = interval(values) or (None, None)
    return Difference(values, low, high)


def interval(values: Sequence[float], level: float = LEVEL) -> tuple[float, float] | None:
    """Bootstrap interval of the mean, corrected for few values (see the top); ``None`` for fewer than two."""
    n = len(values)
    if n < 2:
        return None
    tail = (1 - level) / 2
    low, high = np.quantile(bootstrap_means(values), [tail, 1 - tail], method="inverted_cdf")
    mean = fmean(values)
    stretch = student_quantile(1 - tail, n - 1) / NormalDist().inv_cdf(1 - tail) * math.sqrt(n / (n - 1))
    return mean + (float(low) - mean) * stretch, mean + (float(high) - mean) * stretch


def bootstrap_means(values: Sequence[float]) -> npt.NDArray[np.float64]:
    """Means of resamples with replacement: all of them where that is few enough, else many drawn at random."""
    data, n = np.asarray(values, float), len(values)
    if n <= EXACT:
        picks = np.array(list(itertools.product(range(n), repeat=n)))
    else:
        picks = np.random.Generator(np.random.Philox(key=0)).integers(n, size=(RESAMPLES, n))
    return np.asarray(data[picks].mean(axis=1), float)


def student_quantile(probability: float, freedom: int) -> float:
    """Quantile of Student's t distribution, by bisection of its distribution function.

    Args:
        probability: In (0.5, 1).
        freedom: Degrees of freedom, at least 1.
    """
    low, high = 0.0, 1.0
    while student_cdf(high, freedom) < probability:
        high *= 2
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if student_cdf(middle, freedom) < probability else (low, middle)
    return (low + high) / 2


def student_cdf(t: float, freedom: int) -> float:
    """Student's distribution function for a whole number of degrees of freedom.

    The finite sums of Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3 (odd) and 26.7.4 (even).
    """
    angle = math.atan2(t, math.sqrt(freedom))
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = freedom % 2 == 1
    term, total = (cosine if odd else 1.0), 0.0
    for k in range(freedom // 2):
        total += term
        step = 2 * k + 2 if odd else 2 * k + 1
        term *= cosine * cosine * step / (step + 1)
    inside = 2 / math.pi * (angle + sine * total) if odd else sine * total
    return (1 + inside) / 2
