from __future__ import annotations

import numpy as np
import pytest

from codo.evaluation.statistics import LEVEL
from codo.probes.rank_correlation import RESAMPLES, RankCorrelation, rank_correlation


def test_rank_correlation() -> None:
    assert rank_correlation([1, 2, 3, 4], [10, 20, 30, 1000]) == pytest.approx(1)
    assert rank_correlation([1, 2, 3, 4], [4, 3, 2, 1]) == pytest.approx(-1)
    # ranks 0 1 2 3 against 1 0 3 2: 1 - 6 * 4 / (4 * 15)
    assert rank_correlation([1, 2, 3, 4], [2, 1, 4, 3]) == pytest.approx(0.6)
    # a tie shares the mean rank: 0.5 0.5 2 against 0 1 2
    assert rank_correlation([5, 5, 7], [1, 2, 3]) == pytest.approx(3**0.5 / 2)
    assert rank_correlation([1, 2], [1, 2]) is None
    assert rank_correlation([1, 1, 1], [1, 2, 3]) is None


def test_ties_on_both_sides_by_hand() -> None:
    """Distances of the ranks from their mean 2.5: -2.5 -1 -1 .5 2 2, and -1.5 -2.5 1 1 -.5 2.5."""
    x, y = [1.0, 2, 2, 3, 5, 5], [0.2, 0.1, 0.4, 0.4, 0.3, 0.6]
    assert rank_correlation(x, y) == pytest.approx((3.75 + 2.5 - 1 + 0.5 - 1 + 5) / (16.5 * 17) ** 0.5)


def test_the_interval_is_the_bootstrap_written_plainly() -> None:
    x, y = [0.1, 0.4, 0.2, 0.9, 0.7, 0.7], [1.0, 2.0, 3.0, 5.0, 4.0, 9.0]
    found = RankCorrelation.of(x, y)
    assert found is not None

    def ranks(values: list[float]) -> list[float]:
        below = [sorted(values).index(one) for one in values]
        return [first + (values.count(one) - 1) / 2 for first, one in zip(below, values, strict=True)]

    drawn = []
    for picks in np.random.Generator(np.random.Philox(key=0)).integers(6, size=(RESAMPLES, 6)):
        a, b = ([side[i] for i in picks] for side in (x, y))
        if len(set(a)) > 1 and len(set(b)) > 1:
            drawn.append(np.corrcoef(ranks(a), ranks(b))[0, 1])
    assert 0 < len(drawn) < RESAMPLES
    tail = (1 - LEVEL) / 2
    assert found.interval == pytest.approx(tuple(np.quantile(drawn, [tail, 1 - tail])))
    assert found.interval.low < found.value < found.interval.high
    assert found.count == 6


def test_a_perfect_order_has_no_spread() -> None:
    found = RankCorrelation.of(range(8), [value**3 for value in range(8)])
    assert found is not None
    assert (found.value, *found.interval) == pytest.approx((1, 1, 1))
    assert RankCorrelation.of([1, 1, 1, 1], [1, 2, 3, 4]) is None
