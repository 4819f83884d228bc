from __future__ import annotations

import numpy as np
import pytest

from codo.reporting.statistics import bootstrap_means, interval, overall, paired, student_cdf, student_quantile


def test_students_quantiles_are_those_of_any_table() -> None:
    table = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 9: 2.262, 30: 2.042}
    for freedom, quantile in table.items():
        assert student_quantile(0.975, freedom) == pytest.approx(quantile, abs=6e-4)
    assert student_cdf(0.0, 5) == pytest.approx(0.5)
    assert student_quantile(0.95, 4) == pytest.approx(2.132, abs=6e-4)


def test_few_values_are_resampled_completely() -> None:
    means = bootstrap_means([0.0, 3.0])
    assert sorted(means) == [0.0, 1.5, 1.5, 3.0]
    assert len(bootstrap_means([1.0, 2.0, 3.0])) == 27
    assert np.array_equal(bootstrap_means(list(range(9))), bootstrap_means(list(range(9))))  # drawn with a fixed seed


def test_interval_by_hand() -> None:
    # The quantiles of {0, 1.5, 1.5, 3} are its ends; the distance from the mean grows by t(1)/z * sqrt(2).
    low, high = interval([0.0, 3.0]) or (0, 0)
    stretch = 12.706 / 1.95996 * 2**0.5
    assert (low, high) == (pytest.approx(1.5 - 1.5 * stretch, rel=1e-3), pytest.approx(1.5 + 1.5 * stretch, rel=1e-3))
    assert interval([1.0]) is None
    assert interval([2.0, 2.0, 2.0]) == (2.0, 2.0)


@pytest.mark.parametrize(("seeds", "tolerance"), [(3, 0.06), (5, 0.04), (10, 0.03)])
def test_the_interval_covers_the_truth_about_as_often_as_it_says(seeds: int, tolerance: float) -> None:
    rng = np.random.default_rng(0)
    hits = 0
    trials = 400
    for _ in range(trials):
        low, high = interval(rng.normal(1.0, 2.0, seeds).tolist()) or (0, 0)
        hits += low <= 1.0 <= high
    assert hits / trials == pytest.approx(0.95, abs=tolerance)


def test_differences_are_paired_by_seed() -> None:
    found = paired({0: 0.5, 1: 0.6, 7: 0.9}, {1: 0.5, 0: 0.45, 3: 0.1})
    assert found is not None
    assert found.values == pytest.approx((0.05, 0.1))
    assert paired({0: 1.0}, {1: 1.0}) is None


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ({0: 0.10, 1: 0.11, 2: 0.12}, "better"),
        ({0: -0.10, 1: -0.11, 2: -0.12}, "worse"),
        ({0: -0.10, 1: 0.11, 2: 0.02}, "noise"),
        ({0: 0.0, 1: 0.0}, "noise"),
        ({0: 0.3}, "unknown"),
    ],
)
def test_verdicts(values: dict[int, float], verdict: str) -> None:
    found = paired(values, dict.fromkeys(values, 0.0))
    assert found is not None
    assert found.verdict == verdict


def test_over_fractions_only_complete_seeds_count() -> None:
    found = overall([{0: 1.0, 1: 2.0}, {0: 3.0, 1: 4.0, 2: 9.0}])
    assert found is not None
    assert found.values == (2.0, 3.0)
    assert overall([]) is None
    assert overall([{0: 1.0}, {1: 1.0}]) is None
