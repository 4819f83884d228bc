"""Intervals that state whether a difference between two initializations is beyond noise, of which there are two kinds.

**Training noise.** Two runs of the same seed see the same labels in the same order, so their differences are taken seed
by seed. The interval is a bootstrap over the seeds. With a handful of seeds the plain percentile interval is far too
narrow: with three it can at most reach from the smallest to the largest difference, which misses the true value one
time in four. So its distance from the mean is multiplied by::

    t(n - 1) / z * sqrt(n / (n - 1))

the narrowness correction of Hesterberg (What Teachers Should Know About the Bootstrap, The American Statistician 69,
2015), applied to the distance instead of the quantile level because a bootstrap of three values has hardly
any quantiles. The factor is 2.7 with 3 seeds, 1.6 with 5, 1.2 with 10, and tends to 1; for normally distributed
differences the interval is then nearly Student's.

**Noise of the evaluation images.** All seeds are scored on the same images, so seeds do not show how much the result
depends on the choice of images; with a few hundred images that is often the larger part. The interval is a bootstrap
over the images, paired too: every resample is used for all runs (see ``resampling``).

The two are independent and are combined as for a sum: the distances of the ends from the mean add up in squares (Zou
and Donner, Construction of confidence limits about effect measures, Statistics in Medicine 27, 2008).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist, fmean
from typing import Literal, NamedTuple, TypeVar, cast

import numpy as np
import numpy.typing as npt

LEVEL = 0.95
"""Confidence level of all intervals."""

RESAMPLES = 20_000
EXACT = 6
"""Up to this many seeds, all resamples are enumerated (6**6 = 46,656); with more, `RESAMPLES` are drawn."""

MIN_SEEDS = 3
"""With fewer seeds there is no verdict. The spread of two differences is known from one number, so their interval is
sometimes narrow by luck: +0.26 points with +0.00 to +0.53 was "beyond noise" until the third seed withdrew it."""

NEAR_ZERO = 0.01
"""If both initializations stay below this AP, there is no verdict. Such a detector has hardly learned its task: AP
comes from a handful of lucky detections, whose number says little about training with more labels or steps."""

Verdict = Literal["better", "worse", "noise", "unknown"]
Doubt = Literal["few seeds", "near zero"]

Floats = npt.NDArray[np.float64]
T = TypeVar("T", float, npt.NDArray[np.float64])


class Interval(NamedTuple):
    """A confidence interval."""

    low: float
    high: float


@dataclass(frozen=True)
class Difference:
    """Difference between two initializations.

    Attributes:
        values: The difference of each seed.
        by_seed: Interval of their mean, by a bootstrap over the seeds; ``None`` with one seed.
        by_image: The same over the evaluation images; ``None`` where it is not known.
        means: Mean value of the candidate and of the reference; ``None`` where they are not known.
    """

    values: tuple[float, ...]
    by_seed: Interval | None
    by_image: Interval | None = None
    means: tuple[float, float] | None = None

    @classmethod
    def of(
        cls, values: Sequence[float], resampled: Floats | None = None, means: tuple[float, float] | None = None
    ) -> Difference:
        """The differences of some seeds.

        Args:
            values: The difference of each seed, at least one.
            resampled: Their mean on each resample of the evaluation images, ``(B,)``.
            means: Mean value of the candidate and of the reference.
        """
        by_image = None if resampled is None else image_interval(fmean(values), resampled)
        return cls(tuple(values), interval(values), by_image, means)

    @property
    def mean(self) -> float:
        """Mean of the differences."""
        return fmean(self.values)

    @property
    def interval(self) -> Interval | None:
        """Interval of the mean with all known noise; ``None`` with one seed, which does not show training noise."""
        if self.by_seed is None or self.by_image is None:
            return self.by_seed
        return joined(self.mean, self.by_seed, self.by_image)

    @property
    def doubt(self) -> Doubt | None:
        """Why the numbers say nothing yet: see `MIN_SEEDS` and `NEAR_ZERO`; ``None`` if there is a verdict."""
        if len(self.values) < MIN_SEEDS:
            return "few seeds"
        return "near zero" if self.means is not None and max(self.means) < NEAR_ZERO else None

    @property
    def verdict(self) -> Verdict:
        """``better`` or ``worse`` when the interval lies on one side of zero, else ``noise``; in doubt ``unknown``."""
        if self.interval is None or self.doubt is not None:
            return "unknown"
        return "better" if self.interval.low > 0 else "worse" if self.interval.high < 0 else "noise"


def paired(candidate: Sequence[Mapping[int, T]], reference: Sequence[Mapping[int, T]]) -> list[T]:
    """Candidate minus reference, for each seed that both have at every label fraction.

    Trials of one seed share labels and order at all fractions, so they are not independent: a seed counts once, with
    the mean of its differences.

    Args:
        candidate: For each fraction, seed -> value.
        reference: The same for the other initialization.
    """
    sides = [*candidate, *reference]
    common = set.intersection(*map(set, sides)) if sides else set()
    pairs = list(zip(candidate, reference, strict=True))
    return cast(list[T], [sum(a[seed] - b[seed] for a, b in pairs) / len(pairs) for seed in sorted(common)])


def interval(values: Sequence[float], level: float = LEVEL) -> Interval | None:
    """Bootstrap interval of the mean, corrected for few values (see the module's docstring); ``None`` below two."""
    n = len(values)
    if n < 2:
        return None
    tail = (1 - level) / 2
    low, high = np.quantile(bootstrap_means(values), [tail, 1 - tail], method="inverted_cdf")
    mean = fmean(values)
    stretch = student_quantile(1 - tail, n - 1) / NormalDist().inv_cdf(1 - tail) * math.sqrt(n / (n - 1))
    return Interval(mean + (float(low) - mean) * stretch, mean + (float(high) - mean) * stretch)


def image_interval(mean: float, resampled: Floats, level: float = LEVEL) -> Interval | None:
    """Bootstrap interval over evaluation images; ``None`` if most resamples do not have the value.

    Resamples contain images repeatedly, which shifts AP a little. So the resamples are centered at their own mean, and
    only their spread is used.

    Args:
        mean: The value on the images themselves.
        resampled: The value on each resample, ``(B,)``; NaN where it has none, as no image shows such an object.
        level: Confidence level.
    """
    known = resampled[np.isfinite(resampled)]
    if 2 * len(known) < len(resampled):
        return None
    tail = (1 - level) / 2
    low, high = (float(value) for value in np.quantile(known - known.mean(), [tail, 1 - tail]))
    return Interval(mean + low, mean + high)


def without_absent(resampled: Floats) -> Floats:
    """The values with NaN for COCO's -1, of resamples in which no image shows such an object."""
    return np.where(resampled == -1, np.nan, resampled)


def joined(mean: float, *parts: Interval) -> Interval:
    """One interval for several independent kinds of noise (see the module's docstring)."""
    low = math.hypot(*(mean - part.low for part in parts))
    high = math.hypot(*(part.high - mean for part in parts))
    return Interval(mean - low, mean + high)


def bootstrap_means(values: Sequence[float]) -> Floats:
    """Means of resamples with replacement: all of them for few values, else a random sample with a fixed seed."""
    return np.asarray(np.asarray(values, float)[_picks(len(values))].mean(axis=1), float)


@cache
def _picks(n: int) -> npt.NDArray[np.int64]:
    """Which of ``n`` values each resample has, ``(R, n)``; a comparison asks for hundreds of intervals of as many."""
    if n <= EXACT:
        return np.array(list(itertools.product(range(n), repeat=n)))
    return np.random.Generator(np.random.Philox(key=0)).integers(n, size=(RESAMPLES, n))


@cache
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
    """Student's distribution function for an integer number of degrees of freedom.

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
