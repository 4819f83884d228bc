from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codo.evaluation.statistics import (
    Difference,
    Interval,
    bootstrap_means,
    image_interval,
    interval,
    joined,
    paired,
    student_cdf,
    student_quantile,
)


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


@pytest.mark.parametrize("seeds", [3, 5])
def test_the_interval_covers_the_truth_about_as_often_as_it_says(seeds: int) -> None:
    rng = np.random.default_rng(0)
    trials = 400
    found = [interval(rng.normal(1.0, 2.0, seeds).tolist()) or (0, 0) for _ in range(trials)]
    hits = sum(low <= 1.0 <= high for low, high in found)
    assert hits / trials == pytest.approx(0.945, abs=0.03)  # 0.033 are three standard errors of 400 trials


@given(st.lists(st.integers(-50, 50), min_size=2, max_size=5), st.integers(-50, 50), st.integers(1, 9))
def test_the_interval_moves_and_grows_with_the_values(values: list[int], shift: int, scale: int) -> None:
    low, high = interval(values) or (0, 0)
    moved = interval([scale * value + shift for value in values])
    assert moved == (pytest.approx(scale * low + shift), pytest.approx(scale * high + shift))
    turned = interval([-value for value in values])
    assert turned == (pytest.approx(-high, abs=1e-9), pytest.approx(-low, abs=1e-9))
    assert low <= sum(values) / len(values) + 1e-9
    assert interval(values[::-1]) == (pytest.approx(low), pytest.approx(high))


def test_resampled_images_tell_how_far_not_where() -> None:
    # 1001 values from 4.5 to 5.5: their middle 95% reach 0.475 to each side; the mean is that of the images.
    assert image_interval(2.0, np.linspace(4.5, 5.5, 1001)) == (pytest.approx(1.525), pytest.approx(2.475))


def test_resamples_without_the_objects_are_left_out() -> None:
    values = np.linspace(4.5, 5.5, 1001)
    some = np.concatenate([values, np.full(900, np.nan)])
    assert image_interval(2.0, some) == image_interval(2.0, values)
    assert image_interval(2.0, np.concatenate([values, np.full(1002, np.nan)])) is None  # most do not have them


def test_independent_noise_adds_up_in_squares() -> None:
    assert joined(1.0, Interval(1 - 3.0, 1 + 5.0), Interval(1 - 4.0, 1 + 12.0)) == (-4.0, 14.0)
    assert joined(1.0, Interval(-2.0, 3.0), Interval(1.0, 1.0)) == (-2.0, 3.0)


def test_joined_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    """Images shift all seeds alike, so seeds alone know nothing of that noise."""
    rng = np.random.default_rng(0)
    hits, alone, trials, images, seeds = 0, 0, 300, 60, 5
    for _ in range(trials):
        gains = rng.normal(0.0, 6.0, images)[None] + rng.normal(0.0, 1.0, (seeds, 1))  # truth: 0
        picks = rng.integers(images, size=(200, images))
        found = Difference.of(gains.mean(axis=1).tolist(), gains.mean(axis=0)[picks].mean(axis=1))
        ends, by_seed = found.interval or (0, 0), found.by_seed or (0, 0)
        hits += ends[0] <= 0 <= ends[1]
        alone += by_seed[0] <= 0 <= by_seed[1]
    assert hits / trials == pytest.approx(0.95, abs=0.035)
    assert alone / trials < 0.9


def test_differences_are_paired_by_seed() -> None:
    assert paired([{0: 0.5, 1: 0.6, 7: 0.9}], [{1: 0.5, 0: 0.45, 3: 0.1}]) == pytest.approx([0.05, 0.1])
    assert paired([{0: 1.0}], [{1: 1.0}]) == []
    assert paired([], []) == []


def test_over_fractions_a_seed_counts_once_and_only_when_it_is_complete() -> None:
    ones, twos = {0: 1.0, 1: 2.0, 2: 9.0}, {0: 3.0, 1: 4.0}
    assert paired([ones, twos], [dict.fromkeys(range(3), 0.0), {0: 0.0, 1: 2.0, 2: 0.0}]) == [2.0, 2.0]
    arrays = paired([{0: np.array([1.0, 2.0])}], [{0: np.array([0.5, 0.0])}])
    assert arrays[0].tolist() == [0.5, 2.0]


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ([0.10, 0.11, 0.12], "better"),
        ([-0.10, -0.11, -0.12], "worse"),
        ([-0.10, 0.11, 0.02], "noise"),
        ([0.0, 0.0, 0.0], "noise"),
        ([0.10, 0.11], "unknown"),
        ([0.3], "unknown"),
    ],
)
def test_verdicts(values: list[float], verdict: str) -> None:
    assert Difference.of(values).verdict == verdict


def test_evaluation_images_can_take_a_verdict_away_but_not_give_one() -> None:
    values = [0.10, 0.11, 0.12]
    assert Difference.of(values, np.linspace(-0.01, 0.01, 100)).verdict == "better"
    assert Difference.of(values, np.linspace(-1, 1, 100)).verdict == "noise"
    assert Difference.of([0.3], np.linspace(-0.01, 0.01, 100)).verdict == "unknown"
