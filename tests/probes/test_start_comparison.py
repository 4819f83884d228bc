"""Labeled probes against the start: what is a clear fall, from when on, and which step was best."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from codo.probes.start_comparison import CLEARLY, StartComparison, has_fallen

COUNTS = {"roi": 500, "image": 500}


def row(**parts: float) -> dict[str, Any]:
    """A logged row with k-NN scores of parts, and values that are no scores of a part."""
    scores: dict[str, Any] = {f"probe/roi/{part}/knn": value for part, value in parts.items()}
    return {**scores, "probe/roi/knn": 0.0, "probe/roi/chance": 0.1, "loss": 1.0, "invariance": 0.0}


def run(comparison: StartComparison, series: list[float], part: str = "backbone", every: int = 100) -> list[int]:
    """The steps at which a series of scores raises the alarm."""
    return [step for i, value in enumerate(series) if comparison.add(step := i * every, row(**{part: value}))]


def test_a_clear_fall_by_hand() -> None:
    error = math.sqrt((0.5 * 0.5 + 0.4 * 0.6) / 500)  # 0.0313
    assert CLEARLY * error == pytest.approx(0.0626, abs=1e-4)
    assert has_fallen(0.5, 0.4, 500)
    assert not has_fallen(0.5, 0.45, 500)  # 2 errors are .063
    assert not has_fallen(0.5, 0.4, 100)  # 2 errors are .14
    assert has_fallen(0.5, 0.45, 5000)
    assert not has_fallen(0.4, 0.6, 500)
    assert not has_fallen(0.0, 0.0, 500)


def test_the_measured_loss_of_an_imagenet_backbone_raises_the_alarm_at_once() -> None:
    weights = StartComparison(COUNTS, from_weights=True, grace=200)
    assert run(weights, [0.45, 0.43, 0.38, 0.30, 0.25]) == [200, 300, 400]
    assert [str(fall) for fall in weights.falls] == ["probe/roi/backbone/knn 0.450 -> 0.250"]
    assert weights.best_step == 0


def test_random_parts_are_compared_after_the_warm_up() -> None:
    fall = [0.45, 0.2, 0.2, 0.2, 0.44]
    assert run(StartComparison(COUNTS, from_weights=True, grace=300), fall, "fpn") == [300]
    assert run(StartComparison(COUNTS, from_weights=False, grace=300), fall) == [300]
    assert run(StartComparison(COUNTS, from_weights=True, grace=300), fall) == [100, 200, 300]


def test_noise_of_the_probe_alone_raises_hardly_any_alarm() -> None:
    """Scores of independent samples, more noise than probes of the same samples have: at most 2.5% of them."""
    rng = np.random.default_rng(0)
    alarms = 0
    for _ in range(100):
        series = (rng.binomial(500, 0.45, 11) / 500).tolist()
        alarms += len(run(StartComparison(COUNTS, from_weights=True, grace=0), series))
    assert alarms <= 0.04 * 1000
    paired = []
    for _ in range(100):  # the same samples: four fifths of the answers stay
        first = rng.random(500) < 0.45
        answers = [np.where(rng.random(500) < 0.8, first, rng.random(500) < 0.45).mean() for _ in range(10)]
        paired += run(StartComparison(COUNTS, from_weights=True, grace=0), [first.mean(), *answers])
    assert len(paired) <= 2


def test_warnings_name_the_part_once_whatever_the_numbers() -> None:
    comparison = StartComparison({"roi": 500}, from_weights=True, grace=0)
    start = {"probe/roi/backbone/knn": 0.5, "probe/roi/backbone/linear": 0.6, "probe/roi/fpn/knn": 0.5}
    assert comparison.add(0, start) == []
    one = comparison.add(100, {**start, "probe/roi/backbone/knn": 0.3, "probe/roi/backbone/linear": 0.4})
    two = comparison.add(200, {**start, "probe/roi/backbone/knn": 0.2})
    assert one == two  # logged once
    assert "Probes of the backbone have fallen clearly below step 0" in one[0]
    assert "unlearns what its initial weights know" in one[0]
    (random,) = [StartComparison({"roi": 500}, from_weights=False, grace=0)]
    run(random, [0.5])
    assert "worse than random ones" in random.add(100, row(backbone=0.2))[0]


def test_the_best_step_is_that_with_the_highest_mean() -> None:
    comparison = StartComparison(COUNTS, from_weights=True, grace=0)
    for step, (backbone, fpn) in enumerate([(0.4, 0.3), (0.4, 0.5), (0.5, 0.3), (0.3, 0.3)]):
        comparison.add(step, {**row(backbone=backbone, fpn=fpn)})
    assert comparison.best_step == 1
    assert comparison.add(5, {"loss": 2.0}) == []  # a row without probes changes nothing
    assert [fall.part for fall in comparison.falls] == ["backbone"]
    pictures = StartComparison({"image": 500}, from_weights=True, grace=1000)
    pictures.add(0, {"probe/image/linear": 0.9, "probe/image/chance": 0.5})
    assert "Probes of the backbone" in pictures.add(10, {"probe/image/linear": 0.7, "probe/image/chance": 0.5})[0]
