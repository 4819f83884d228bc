import math

import pytest

from codo.core.numbers import compact, duration, mean_spread, number, percent, points, precision


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (8.3178, "8.32"),
        (0.088388, "0.0884"),
        (1024, "1,024"),
        (65536, "65,536"),
        (0, "0"),
        (0.0, "0"),
        (-0.5, "-0.500"),
        (1.234e-7, "1.23e-7"),
        (12345.6, "12,346"),
        (2.5e10, "2.50e10"),
        (None, "–"),
        (math.nan, "not finite"),
        (math.inf, "not finite"),
    ],
)
def test_number(value: float | None, written: str) -> None:
    assert number(value) == written


@pytest.mark.parametrize(("value", "written"), [(950, "950"), (12_000, "12k"), (1_500_000, "1.5M"), (2.5e9, "2.5G")])
def test_compact(value: float, written: str) -> None:
    assert compact(value) == written


def test_percent() -> None:
    assert [percent(v) for v in (0.0, 0.0667, 0.5, 1.0, None)] == ["0%", "6.7%", "50%", "100%", "–"]


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (3.21, "3.2 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (200, "3 min 20 s"),
        (7500, "2 h 5 min"),
        (273600, "3 d 4 h"),
    ],
)
def test_duration(seconds: float, written: str) -> None:
    assert duration(seconds) == written


def test_precision_knows_that_minus_one_is_no_value() -> None:
    assert [precision(v) for v in (0.4123, 0.0, -1.0, None, math.nan)] == ["41.2", "0.0", "–", "–", "–"]


def test_mean_spread_is_the_sample_standard_deviation() -> None:
    # mean 0.42, deviations -0.01, 0, 0.01: variance (1e-4 + 0 + 1e-4) / 2, root 0.01
    assert mean_spread([0.41, 0.42, 0.43]) == "42.0 ± 1.0"
    assert mean_spread([0.41]) == "41.0"
    assert mean_spread([-1.0, -1.0]) == "–"
    assert mean_spread([]) == "–"


def test_points_have_a_sign() -> None:
    assert points(0.03) == "+3.0"
    assert points(-0.015) == "−1.5"
    assert points(-0.0001) == "+0.0"
    assert points(-0.0001, 2) == "−0.01"
